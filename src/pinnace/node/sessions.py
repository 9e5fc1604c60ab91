"""Commands and people inside containers: `kubectl exec`, `attach` and what is made of them.

Control connects to `home.session_socket`, says `Open`, and gets the process' own streams as descriptors: the
bytes never pass this process. Invariants: a session ends with its connection (its command is killed then, and
what that has started), with its container and with the node; a command has what its container has, no more.
"""

from __future__ import annotations

import os
import socket
from array import array
from collections.abc import Callable
from pathlib import Path

import msgspec

from pinnace.node.container import Inside
from pinnace.node.launchers import Command, StartError, Terms
from pinnace.node.launchers.process import find
from pinnace.node.orphans import kill, processes
from pinnace.node.protocol import Ended, FromSession, HangUp, Open, Opened, ToSession
from pinnace.node.reaper import exit_code, kill_session
from pinnace.node.services import Services
from pinnace.node.streams import Streams, is_terminal, on_terminal
from pinnace.node.wire import Frames, WireError, frame

BACKLOG = 256
PATIENCE = 5.0
"""Seconds for the order to come, and for a command to begin."""
MOST = 1000
"""Sessions at once."""
ORDER_LIMIT = 4 * 1024 * 1024
FD = 4
ANSWERS = 3
"""A terminal, a text, the end."""
Find = Callable[[str, str], Inside | None]


class Sessions:
    """`find` gives a living container by pod uid and name."""

    def __init__(self, services: Services, find: Find) -> None:
        self.services = services
        self.find = find
        self.open: set[Session] = set()
        self.listener: socket.socket | None = None

    def listen(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            self.listener.bind(str(path))
        finally:
            os.umask(mask)
        self.listener.listen(BACKLOG)
        self.listener.setblocking(False)
        self.services.loop.add_reader(self.listener.fileno(), self.accept)

    def accept(self) -> None:
        assert self.listener is not None
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        if len(self.open) >= MOST:
            connection.close()
            return
        self.open.add(Session(self, connection))

    def close(self) -> None:
        if self.listener is not None:
            self.services.loop.remove_reader(self.listener.fileno())
            self.listener.close()
        for session in list(self.open):
            session.close()


class Session:
    """One connection. States: waiting for the order; beginning (a command of ours has not executed yet);
    open; over."""

    def __init__(self, sessions: Sessions, connection: socket.socket) -> None:
        self.sessions = sessions
        self.services = sessions.services
        self.loop = self.services.loop
        self.connection = connection
        self.frames = Frames()
        self.order: Open | None = None
        self.inside: Inside | None = None
        self.streams: Streams | None = None
        self.answer: socket.socket | None = None
        self.pid = 0
        self.finished: Ended | None = None
        self.watcher: socket.socket | None = None
        self.attached = False
        self.late = self.loop.call_later(PATIENCE, self.close)
        self.loop.add_reader(connection.fileno(), self.heard)

    def heard(self) -> None:
        """The order; later the end of the input, or that control is gone."""
        try:
            data = self.connection.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        try:
            for body in self.frames.feed(data):
                self.take(msgspec.msgpack.decode(body, type=ToSession))
        except (WireError, msgspec.DecodeError):
            self.close()
        if len(self.frames.buffer) > ORDER_LIMIT:
            self.close()

    def take(self, message: ToSession) -> None:
        if isinstance(message, HangUp):
            if self.inside is not None and self.inside.console is not None:
                self.inside.console.hang_up()
        elif self.order is None:
            self.order = message
            self.late.cancel()
            self.begin(message)

    def begin(self, order: Open) -> None:
        self.inside = self.sessions.find(order.uid, order.container)
        if self.inside is None:
            self.end(Ended(missing=True))
            return
        self.services.visitors.add(order.uid, order.container, self.sent_away)
        if not order.argv:
            self.attach(order, self.inside)
            return
        try:
            self.execute(order, self.inside)
        except (StartError, OSError) as error:
            self.end(Ended(error=str(error)))

    # A command ------------------------------------------------------------------------------------------

    def execute(self, order: Open, inside: Inside) -> None:
        """It begins here; `begun` or `failed` follow."""
        entering = inside.launch.isolation == "sandbox"
        answer = -1
        self.streams = self.made(order, entering)
        if entering:
            self.answer, theirs = socket.socketpair()
            self.answer.setblocking(False)
            answer = theirs.detach()
        try:
            terms = Terms(answer, order.tty, order.stdin)
            command = inside.handle.command(order.argv, inside.launch, terms)
            self.pid = self.spawn(command, self.streams, answer, order.tty and not entering)
        finally:
            if answer >= 0:
                os.close(answer)
            self.streams.started()
        if self.answer is None:
            self.begun()
            return
        self.loop.add_reader(self.answer.fileno(), self.answered)

    @staticmethod
    def made(order: Open, entering: bool) -> Streams:
        """A sandbox makes its terminal itself."""
        if not order.tty:
            return Streams(stdin=order.stdin, stdout=order.stdout, stderr=order.stderr)
        return Streams() if entering else Streams.of_terminal()

    def spawn(self, command: Command, streams: Streams, answer: int, terminal: bool) -> int:
        argv = command.argv
        program = find(argv[0], command.env.get("PATH", ""), command.cwd)
        if terminal:
            argv = on_terminal(argv, program)
            program = argv[0]
        order = -1
        try:
            if command.order:
                order = os.memfd_create("order")
                os.pwrite(order, command.order, 0)
            return self.services.reaper.spawn(
                argv, command.env, self.over, program=program, cwd=command.cwd, stdin=streams.stdin,
                stdout=streams.stdout, stderr=streams.stderr, third=order, kept=answer,
            )
        finally:
            if order >= 0:
                os.close(order)

    def answered(self) -> None:
        """A terminal; why it could not begin; or nothing any more: it has begun."""
        assert self.answer is not None
        try:
            data, rights, _, _ = self.answer.recvmsg(1 << 16, socket.CMSG_SPACE(FD))
        except BlockingIOError:
            return
        except OSError:
            data, rights = b"", []
        given = received(rights)
        if given and self.streams is not None:
            self.take_terminal(given)
            data = data[1:]
            if not data:
                return
        self.settle()
        if data:
            self.failed(data.decode(errors="replace").strip())
        elif self.finished is None:
            self.begun()

    def take_terminal(self, given: list[int]) -> None:
        assert self.streams is not None
        for descriptor in given:
            if "terminal" not in self.streams.ours and is_terminal(descriptor):
                os.set_blocking(descriptor, False)
                self.streams.ours["terminal"] = descriptor
            else:
                os.close(descriptor)

    def settle(self) -> None:
        if self.answer is not None:
            self.loop.remove_reader(self.answer.fileno())
            self.answer.close()
            self.answer = None

    def failed(self, why: str) -> None:
        self.pid = 0
        self.end(Ended(error=why))

    def begun(self) -> None:
        assert self.streams is not None
        self.say(Opened(list(self.streams.ours)), list(self.streams.ours.values()))
        self.streams.close()

    def over(self, status: int) -> None:
        """The command has ended; before that was known to have begun, what it answered is read first."""
        self.pid = 0
        for _ in range(ANSWERS):
            if self.answer is not None:
                self.answered()
        self.end(Ended(exit_code(status)))

    # The main process -----------------------------------------------------------------------------------

    def attach(self, order: Open, inside: Inside) -> None:
        given: dict[str, int] = {}
        watching = order.stdout or order.stderr
        self.attached = True
        if inside.console is not None:
            given, self.watcher = inside.console.attach(typing=order.stdin, watching=watching)
        opened = Opened(list(given))
        if watching and "stdout" not in given:
            opened.log = str(self.services.home.log(order.uid, order.container, inside.restart))
            opened.offset = os.path.getsize(opened.log) if os.path.exists(opened.log) else 0
        self.say(opened, list(given.values()))
        for descriptor in given.values():
            os.close(descriptor)

    # Both -----------------------------------------------------------------------------------------------

    def say(self, message: FromSession, descriptors: list[int] | None = None) -> None:
        """Small enough for any socket's buffer."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))] if descriptors else []
        try:
            self.connection.sendmsg([frame(message)], rights)
        except OSError:
            self.close()

    def sent_away(self) -> None:
        """The container is gone. A command's own end follows from that, or is brought about here."""
        if self.attached:
            self.end(Ended())
        elif self.pid:
            self.kill()

    def end(self, ended: Ended) -> None:
        if self.finished is None:
            self.finished = ended
            self.say(ended)
            self.close()

    def kill(self) -> None:
        """The command and what it has started in its session."""
        pid, self.pid = self.pid, 0
        leaders = {pid}
        every = list(processes())
        leaders |= {each.pid for each in every if each.parent == pid}
        for each in every:
            if each.session in leaders:
                kill(each.pid)
        kill_session(pid)

    def close(self) -> None:
        """However it came to that: nothing of it is left."""
        if self not in self.sessions.open:
            return
        self.sessions.open.discard(self)
        self.late.cancel()
        self.loop.remove_reader(self.connection.fileno())
        self.connection.close()
        if self.order is not None:
            self.services.visitors.discard(self.order.uid, self.order.container, self.sent_away)
        if self.inside is not None and self.inside.console is not None and self.attached:
            self.inside.console.leave(self.watcher)
            if self.order is not None and self.order.stdin:
                self.inside.console.hang_up()
        if self.pid:
            self.kill()
        self.settle()
        if self.streams is not None:
            self.streams.close()


def received(rights: list[tuple[int, int, bytes]]) -> list[int]:
    found: list[int] = []
    for level, kind, data in rights:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers = array("i")
            numbers.frombytes(data[: len(data) // FD * FD])
            found += numbers
    return found
