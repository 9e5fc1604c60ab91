"""What the tests with real frameworks share: examples, their ends, and a hand that kills a replica's
process."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from tests.e2e.platform import Platform, eventually

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def apply(platform: Platform, name: str, **words: str) -> None:
    """An example's manifest; `words` are texts to put in place of others in it."""
    text = (EXAMPLES / name / "job.yaml").read_text()
    for old, new in words.items():
        assert old in text
        text = text.replace(old, new)
    platform.kubectl("apply", "-f", "-", text=text)


def state(platform: Platform, kind: str, name: str) -> str:
    """The last condition; '' while control is away."""
    text = platform.kubectl("get", kind, name, "-o", "json", check=False)
    if not text.startswith("{"):
        return ""
    conditions = json.loads(text).get("status", {}).get("conditions") or [{}]
    return str(conditions[-1].get("type"))


def finished(platform: Platform, kind: str, name: str, within: float = 420) -> str:
    def over() -> str:
        now = state(platform, kind, name)
        return now if now in ("Succeeded", "Failed", "Complete", "Completed") else ""

    return str(eventually(over, f"{kind} {name}", within))


def said(platform: Platform, *words: str) -> str:
    """What `kubectl logs` shows, nothing while there is none."""
    text = platform.kubectl("logs", *words, check=False)
    return "" if text.startswith(("Error", "error")) else text


def kill(name: str, program: str) -> int:
    """SIGKILL to the process of the pod of this name that runs `program`; its pid."""
    found = _find(name, program)
    assert found, f"no process of {name}"
    os.kill(max(found), signal.SIGKILL)
    return max(found)


def _find(name: str, program: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if program.encode() in words and f"HOSTNAME={name}".encode() in environment:
            found.append(int(entry.name))
    return found


def restarts(platform: Platform, pod: str) -> int:
    statuses: list[Any] = platform.get("pod", pod).get("status", {}).get("containerStatuses") or [{}]
    return int(statuses[0].get("restartCount") or 0)
