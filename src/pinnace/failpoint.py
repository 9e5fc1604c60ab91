"""Named places where a test may kill the process, as `kill -9` would: no clean-up, no flush.

`PINNACE_FAILPOINT=pods.after-send:3` ends the process at its third passing of that place. Control, node, the
engine and the gateway call `passing`; without the variable it costs one comparison. It imports nothing of
ours, and a process that was killed is started again without the variable by the test (or by the supervisor,
which removes it), so a failpoint fires once.
"""

from __future__ import annotations

import os

VARIABLE = "PINNACE_FAILPOINT"
KILLED = 137
"""The exit code, the shell's for SIGKILL."""


def parse(text: str) -> tuple[str, int]:
    """`name[:n]` → (name, n); n counts from 1. ValueError if n is not a positive number."""
    name, _, count = text.partition(":")
    passings = int(count) if count else 1
    if passings < 1:
        raise ValueError(f"{VARIABLE}={text}: the number after the colon counts from 1")
    return name, passings


_name, _left = parse(os.environ.get(VARIABLE, ""))


def passing(name: str) -> None:
    """Say that the process is at this place; it ends here if the variable names it."""
    global _left
    if name != _name or not name:
        return
    _left -= 1
    if _left == 0:
        os._exit(KILLED)
