"""Standard streams of what somebody may be connected to: pipes or one terminal, and who holds which end.

`sessions.py` makes them for a command that enters a container, `console.py` for a main process with `stdin`
or `tty`. Ours are handed to control, which moves the bytes; so they never pass the node, and a pipe that is
full holds up nobody but its writer.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

TERMINAL = str(Path(__file__).with_name("terminal.py"))
ALONE = ("-I", "-S", "-B")
PTMX = (5, 2)


class Streams:
    """`theirs`: descriptors for the process (-1: none). `ours`: by name, in the order they are told."""

    def __init__(self, *, stdin: bool = False, stdout: bool = False, stderr: bool = False) -> None:
        self.stdin = self.stdout = self.stderr = -1
        self.ours: dict[str, int] = {}
        if stdin:
            self.stdin, self.ours["stdin"] = os.pipe2(os.O_CLOEXEC)
        if stdout:
            self.ours["stdout"], self.stdout = os.pipe2(os.O_CLOEXEC)
        if stderr:
            self.ours["stderr"], self.stderr = os.pipe2(os.O_CLOEXEC)
        for descriptor in self.ours.values():
            os.set_blocking(descriptor, False)

    @classmethod
    def of_terminal(cls) -> Streams:
        """A terminal of the host's."""
        made = cls()
        made.ours["terminal"], made.stdin = os.openpty()
        made.stdout = made.stderr = made.stdin
        os.set_blocking(made.ours["terminal"], False)
        return made

    def started(self) -> None:
        """The process has its ends: ours of them go."""
        for descriptor in {self.stdin, self.stdout, self.stderr} - {-1}:
            os.close(descriptor)
        self.stdin = self.stdout = self.stderr = -1

    def close(self) -> None:
        self.started()
        for descriptor in self.ours.values():
            with suppress(OSError):
                os.close(descriptor)
        self.ours.clear()


def on_terminal(argv: list[str], program: str) -> list[str]:
    """What makes its standard input its controlling terminal, then becomes `argv`."""
    return [sys.executable, *ALONE, TERMINAL, program, *argv]


def is_terminal(descriptor: int) -> bool:
    """Whether a container has given us the other end of a terminal, and not something of its own making."""
    info = os.fstat(descriptor)
    return stat.S_ISCHR(info.st_mode) and (os.major(info.st_rdev), os.minor(info.st_rdev)) == PTMX
