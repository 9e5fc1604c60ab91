"""A container that a zygote's child becomes, as the node sees it; or the cold one that stands in for it.

Made by `launcher.py`; `pool.py` tells it what the keeper says.
"""

from __future__ import annotations

import os
import signal

from pinnace.node.launchers import Command, Ended, Exit, Handle, Launch, StartError, Terms
from pinnace.node.launchers.sandbox import Sandboxed, SandboxLauncher, entering
from pinnace.node.orphans import processes
from pinnace.node.reaper import exit_code


class Guest:
    __slots__ = ("asked", "cold", "ended", "inner", "launch", "launcher", "pid", "streams", "ways")

    def __init__(self, launcher: SandboxLauncher, launch: Launch, ended: Ended) -> None:
        self.launcher = launcher
        self.launch = launch
        self.ended = ended
        self.pid = 0
        self.inner = 0
        """Process 1 of its room, as this node numbers it."""
        self.ways: tuple[int, ...] = ()
        """To the program and to that one: they never mean another process."""
        self.asked = 0
        """A signal that came before there was a program."""
        self.cold: Handle | None = None
        null = launch.stdin < 0
        given = (
            os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC) if null else os.dup(launch.stdin),
            launch.stdout,
        )
        self.streams = (given[0], os.dup(given[1]), os.dup(launch.stderr))

    # What the keeper says ----------------------------------------------------------------------------------

    def begun(self, ways: tuple[int, ...]) -> None:
        self.ways = ways
        self.pid, self.inner = map(number_of, ways)
        self.forget_streams()
        if self.asked:
            self.signal(self.asked)

    def refused(self) -> None:
        """It has not begun: the cold start does it, unless it was stopped meanwhile."""
        if self.asked:
            self.forget_streams()
            self.over(Exit(128 + self.asked))
            return
        launch = self.launch
        launch.stdin, launch.stdout, launch.stderr = self.streams
        try:
            self.cold = self.launcher.start(launch, self.over)
            self.pid = self.cold.pid
        except StartError as error:
            self.over(Exit(128, "StartError", str(error)))
        except OSError as error:
            self.over(Exit(128, "StartError", f"the container could not be started: {error}"))
        finally:
            self.forget_streams()

    def finished(self, status: int) -> None:
        self.over(Exit(exit_code(status)))

    def over(self, exit: Exit) -> None:
        for way in self.ways:
            os.close(way)
        self.ways = ()
        self.ended(exit)

    def forget_streams(self) -> None:
        for stream in self.streams:
            os.close(stream)
        self.streams = ()  # type: ignore[assignment]

    # As a Handle -------------------------------------------------------------------------------------------

    def signal(self, number: int) -> None:
        if self.cold is not None:
            self.cold.signal(number)
        elif self.ways:
            self.send(0, number)
        else:
            self.asked = number

    def kill(self) -> None:
        if self.cold is not None:
            self.cold.kill()
        elif self.ways:
            self.send(1, signal.SIGKILL)
        else:
            self.asked = signal.SIGKILL

    def send(self, way: int, number: int) -> None:
        try:
            signal.pidfd_send_signal(self.ways[way], number)
        except OSError:
            pass

    def child(self) -> int:
        """Process 1 of its namespace, 0 before it exists."""
        return self.cold.child() if isinstance(self.cold, Sandboxed) else self.inner

    @property
    def parent(self) -> int:
        return self.cold.parent if isinstance(self.cold, Sandboxed) else parent_of(self.inner)

    def members(self) -> list[int]:
        if self.cold is not None:
            return self.cold.members()
        parents: dict[int, list[int]] = {}
        for process in processes():
            parents.setdefault(process.parent, []).append(process.pid)
        found = [pid for pid in (self.inner, self.pid) if pid]
        for pid in found:
            found += parents.get(pid, [])
        return found

    def command(self, argv: list[str], launch: Launch, terms: Terms | None = None) -> Command:
        if self.cold is not None:
            return self.cold.command(argv, launch, terms)
        if not self.ways:
            raise StartError("the container has not begun yet")
        return entering(self.inner, self.parent, argv, launch, terms)


def number_of(way: int) -> int:
    """The process behind it, as this node numbers it; -1 once it is gone."""
    with open(f"/proc/self/fdinfo/{way}") as file:
        return next((int(line.split()[1]) for line in file if line.startswith("Pid:")), 0)


def parent_of(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except OSError as error:
        raise StartError("the container has ended") from error
