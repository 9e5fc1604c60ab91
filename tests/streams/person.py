"""Somebody at a terminal: a program on a pty of this machine's, what it shows, what is typed."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence


class Person:
    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        self.ours, theirs = pty.openpty()
        self.resize(30, 100)
        self.process = subprocess.Popen(
            argv, stdin=theirs, stdout=theirs, stderr=theirs, env=dict(env), start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self.seen = b""

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def sees(self, text: str, within: float = 20) -> str:
        """Wait for it; what was shown up to there is forgotten."""
        deadline = time.monotonic() + within
        while text.encode() not in self.seen:
            assert time.monotonic() < deadline, f"waited {within} s for {text!r}, saw {self.seen!r}"
            if not self.look():
                assert text.encode() in self.seen, f"it ended without {text!r}, saw {self.seen!r}"
        before, _, self.seen = self.seen.partition(text.encode())
        return before.decode(errors="replace")

    def asks(self, text: str, wanted: str, within: float = 20, first: str = "") -> str:
        """Type until it is answered: what is typed while a program ends may be thrown away.

        `first` is a key of its own, as ^C: a shell throws away what it read just before its interrupt.
        """
        deadline = time.monotonic() + within
        while True:
            if first:
                self.type(first)
                self.pause()
            self.type(text)
            try:
                return self.sees(wanted, 2)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise

    def pause(self) -> None:
        """What a person's fingers need: until nothing new has been shown for a moment."""
        before = None
        while before != len(self.seen):
            before = len(self.seen)
            self.look()

    def look(self) -> bool:
        """False at the end."""
        if not select.select([self.ours], [], [], 0.2)[0]:
            return True
        try:
            data = os.read(self.ours, 65536)
        except OSError:
            return False
        self.seen += data
        return bool(data)

    def ended(self, within: float = 20) -> int:
        deadline = time.monotonic() + within
        while self.look() and self.process.poll() is None:
            assert time.monotonic() < deadline, f"it did not end, saw {self.seen!r}"
        return self.process.wait(within)

    def leave(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.ours)
