"""A main process that people can attach to: its standard input, or its terminal.

`container.py` makes one for each life of a container with `stdin` or `tty`. What a terminal shows goes to the
log and to everybody who is attached. Who is attached and does not read holds up the process, as a terminal's
user does; who is gone holds up nobody.
"""

from __future__ import annotations

import asyncio
import os
import socket

from pinnace.node.launchers import Launch
from pinnace.node.logs import Log
from pinnace.node.protocol import Container
from pinnace.node.streams import Streams

CHUNK = 1 << 16


class Console:
    def __init__(self, spec: Container, log: Log) -> None:
        self.loop = asyncio.get_running_loop()
        self.log = log
        self.tty = spec.tty
        self.once = spec.stdin and spec.stdin_once
        self.streams = Streams.of_terminal() if spec.tty else Streams(stdin=spec.stdin)
        self.typing = spec.stdin
        self.watchers: list[socket.socket] = []
        self.held: dict[socket.socket, bytes] = {}
        """What those who are behind have not read yet."""

    def dress(self, launch: Launch) -> None:
        launch.tty = self.tty
        launch.stdin = self.streams.stdin
        if self.tty:
            launch.stdout = launch.stderr = self.streams.stdin

    def started(self) -> None:
        self.streams.started()
        if self.tty:
            self.loop.add_reader(self.streams.ours["terminal"], self.show)

    def show(self) -> bool:
        """Move what the terminal has; False when there is no more."""
        terminal = self.streams.ours["terminal"]
        try:
            data = os.read(terminal, CHUNK)
        except BlockingIOError:
            return False
        except OSError:  # nobody has the other end any more
            data = b""
        if not data:
            self.loop.remove_reader(terminal)
            return False
        os.write(self.log.descriptor, data)
        for watcher in list(self.watchers):
            self.tell(watcher, data)
        return True

    def tell(self, watcher: socket.socket, data: bytes) -> None:
        try:
            sent = watcher.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.leave(watcher)
            return
        if sent < len(data):
            self.hold(watcher, data[sent:])

    def hold(self, watcher: socket.socket, rest: bytes) -> None:
        """The terminal is not read before this one has caught up, or left."""
        self.loop.remove_reader(self.streams.ours["terminal"])
        self.held[watcher] = rest
        self.loop.add_writer(watcher.fileno(), self.release, watcher)

    def release(self, watcher: socket.socket) -> None:
        rest = self.held.pop(watcher, b"")
        self.loop.remove_writer(watcher.fileno())
        if rest:
            self.tell(watcher, rest)
        if not self.held and "terminal" in self.streams.ours:
            self.loop.add_reader(self.streams.ours["terminal"], self.show)

    def attach(self, *, typing: bool, watching: bool) -> tuple[dict[str, int], socket.socket | None]:
        """Descriptors for one more who is there, to be given away; and by what `leave` knows them."""
        given: dict[str, int] = {}
        name = "terminal" if self.tty else "stdin"
        if typing and self.typing and name in self.streams.ours:
            given["stdin"] = os.dup(self.streams.ours[name])
        if not self.tty or not watching:
            return given, None
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        self.watchers.append(ours)
        given["stdout"] = theirs.detach()
        return given, ours

    def leave(self, watcher: socket.socket | None) -> None:
        if watcher is not None and watcher in self.watchers:
            self.watchers.remove(watcher)
            self.held[watcher] = b""
            self.release(watcher)
            watcher.close()

    def hang_up(self) -> None:
        """Who typed has gone: with `stdinOnce` the input ends with the first."""
        if not self.once:
            return
        self.typing = False
        if not self.tty and "stdin" in self.streams.ours:
            os.close(self.streams.ours.pop("stdin"))

    def end(self) -> None:
        """The process is gone: what it still said is shown, then everybody leaves."""
        if self.tty:
            while self.show():
                pass
            self.loop.remove_reader(self.streams.ours["terminal"])
        self.streams.close()
        for watcher in list(self.watchers):
            self.leave(watcher)
