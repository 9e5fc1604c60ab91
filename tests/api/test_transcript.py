"""Every command of the recorded transcript, answered as a real API server answered it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Stack

UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
REVISION = re.compile(r'(resourceVersion"?: )"?\d+"?')
AGE = re.compile(r"(?<=\s)\d+(s|m|h|d)(\d+[smh])?$", re.MULTILINE)
SERVER = re.compile(r"https?://[\w.\[\]:]+:\d+")
BLANKS = re.compile(r"[ \t]+")


def normalised(text: str) -> str:
    """As the transcript's README says: uids, times, ages, resourceVersions, addresses, runs of blanks."""
    text = UID.sub("<uid>", text)
    text = TIME.sub("<time>", text)
    text = REVISION.sub(r'\1"<rv>"', text)
    text = AGE.sub("<age>", text)
    text = SERVER.sub("<server>", text)
    lines = [BLANKS.sub("  ", line.rstrip()) if "  " in line else line.rstrip() for line in text.splitlines()]
    return "\n".join(lines).strip()


NEWER = re.compile(r"( deleted) from \S+ namespace$", re.MULTILINE)
"""kubectl itself says more since 1.34; the transcript is 1.32's."""


def squeezed(text: str) -> str:
    text = NEWER.sub(r"\1", text)
    return "\n".join(BLANKS.sub(" ", line).strip() for line in text.splitlines())


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
