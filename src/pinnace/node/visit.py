"""Control's end of a session: the order said, the container's streams received as descriptors.

`api/streams` opens one for each `kubectl exec` and `attach`. What the streams carry is moved by it; this
connection only tells the end, and closing it ends what runs there.
"""

from __future__ import annotations

import asyncio
import os
import socket
from array import array
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec

from pinnace.node.protocol import Ended, FromSession, HangUp, Open, Opened
from pinnace.node.wire import Frames, WireError, frame

PATIENCE = 10.0
FDS = 3


class Gone(ConnectionError):
    """The node has ended, or is not there."""


class Visit:
    """Made by `open`. `streams`: descriptors by name, not blocking; `ended`: done at the end, with Gone if
    the node went away first. `close` gives everything back."""

    def __init__(self, connection: socket.socket) -> None:
        self.loop = asyncio.get_running_loop()
        self.connection = connection
        self.frames = Frames()
        self.decoder: msgspec.msgpack.Decoder[FromSession] = msgspec.msgpack.Decoder(FromSession)
        self.received: list[int] = []
        self.streams: dict[str, int] = {}
        self.opened: asyncio.Future[Opened | Ended] = self.loop.create_future()
        self.ended: asyncio.Future[Ended] = self.loop.create_future()
        self.closed = self.attached = False
        self.loop.add_reader(connection.fileno(), self._heard)

    @classmethod
    async def open(cls, path: Path, order: Open) -> Self:
        """Returns when the command has begun, or could not. Raises Gone."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(connection, str(path))
            await loop.sock_sendall(connection, frame(order))
        except OSError as error:
            connection.close()
            raise Gone("the node is not there") from error
        visit = cls(connection)
        visit.attached = not order.argv
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.shield(visit.opened)
        except BaseException as error:
            visit.close()
            if isinstance(error, TimeoutError):
                raise Gone(f"the node did not answer within {PATIENCE:.0f} s") from error
            raise
        return visit

    def _heard(self) -> None:
        room = socket.CMSG_SPACE(FDS * array("i").itemsize)
        try:
            data, rights, _, _ = self.connection.recvmsg(1 << 16, room)
        except BlockingIOError:
            return
        except OSError:
            data, rights = b"", []
        for level, kind, raw in rights:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                numbers = array("i")
                numbers.frombytes(raw[: len(raw) // numbers.itemsize * numbers.itemsize])
                self.received += numbers
        try:
            if not data:
                raise Gone("the node has ended")
            for body in self.frames.feed(data):
                self._take(self.decoder.decode(body))
        except (WireError, Gone, msgspec.DecodeError) as error:
            self._lost(error)

    def _take(self, message: Opened | Ended) -> None:
        if isinstance(message, Opened):
            if len(self.received) < len(message.streams):
                raise Gone("no descriptors are left for another session: end some, or raise ulimit -n")
            self.streams = dict(zip(message.streams, self.received, strict=False))
            self.received = self.received[len(self.streams) :]
        elif not self.ended.done():
            self.ended.set_result(message)
        if not self.opened.done():
            self.opened.set_result(message)

    def _lost(self, error: Exception) -> None:
        self.loop.remove_reader(self.connection.fileno())
        for future in (self.opened, self.ended):
            if not future.done():
                future.set_exception(Gone(str(error)))
                future.exception()  # nobody has to ask

    def give_up(self, name: str) -> None:
        """Close one stream: the other side reads its end, a main process as far as it is meant to."""
        descriptor = self.streams.pop(name, -1)
        if descriptor < 0:
            return
        os.close(descriptor)
        if self.attached:
            with suppress(OSError):
                self.connection.send(frame(HangUp()))

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._lost(Gone("it was closed"))
        self.connection.close()
        for descriptor in (*self.streams.values(), *self.received):
            os.close(descriptor)
        self.streams.clear()
        self.received.clear()
