"""Every command of the recorded transcript, answered as a real API server answered it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.conformance.kubernetes import normalised, squeezed
from tests.api.conftest import Stack


def test_every_command_of_the_transcript(fresh: Stack, shared: Path, kubectl_program: str) -> None:
    commands: list[dict[str, Any]] = json.loads((shared / "corpus/kubectl/transcript.json").read_text())
    wrong = []
    for number, command in enumerate(commands):
        done = fresh.kubectl(*command["args"], text=command.get("in"), program=kubectl_program)
        found = (done.returncode, squeezed(normalised(done.stdout)), squeezed(normalised(done.stderr)))
        wanted = (command["rc"], squeezed(command["out"]), squeezed(command["err"]))
        if found != wanted:
            wrong.append(
                f"{number}: kubectl {' '.join(command['args'])}\n  wanted {wanted}\n  found  {found}"
            )
    if wrong:
        pytest.fail("\n".join(wrong))
