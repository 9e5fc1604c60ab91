"""`pods/exec` and `pods/attach`: a client's channels joined to the streams of a process in a container.

The node starts the process and hands over its streams (`node/visit.py`); the bytes are moved here, a piece
at a time in each direction. Invariant: however it ends (the command, the client, the pod, the node, control),
the session on the node is closed, and with it the command. Words: kubernetes pkg/kubelet/kubelet_pods.go.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Any

import msgspec

from pinnace.api.context import ApiContext
from pinnace.api.http import ClientGone, Request
from pinnace.api.kube import parameters
from pinnace.api.kube.podlogs import choose
from pinnace.api.kube.streams import pipes
from pinnace.api.kube.streams.access import admitted, upgrade, words
from pinnace.api.kube.streams.channels import (
    CLOSE,
    RESIZE,
    SPOKEN,
    STDERR,
    STDIN,
    STDOUT,
    Channels,
    Size,
    ended,
    failed,
)
from pinnace.api.kube.target import Target
from pinnace.api.websocket import GOING_AWAY, TOO_LONG_IDLE, Upgrade
from pinnace.node.protocol import Ended, Open, Opened
from pinnace.node.visit import Gone, Visit
from pinnace.objects.errors import StatusError

IDLE_SECONDS = 4 * 3600.0
"""As the kubelet's: a connection on which nothing was said for so long is closed."""
SESSIONS = 500
"""At once; each is six descriptors."""
POLL = 0.05
"""Seconds between two looks at the log of who is attached."""
OUTPUTS = {"stdout": STDOUT, "stderr": STDERR, "terminal": STDOUT}
size_decoder = msgspec.json.Decoder(Size)


open_sessions: set[Upgrade] = set()


HEAD_START = 0.05
"""Seconds before anything is said: kubectl up to 1.32 begins to read before it knows its own channels, and
drops what comes for one that it does not know yet."""


async def connect(context: ApiContext, request: Request, target: Target) -> None:
    """Answers both subresources. StatusError before the upgrade, a Status on the error channel after it."""
    pod = await admitted(context, request, target)
    order = ordered(request, target, pod)
    socket = upgrade(request)
    if len(open_sessions) >= SESSIONS:
        raise StatusError(429, "TooManyRequests", f"{SESSIONS} sessions are open: close one first")
    channels = Channels(socket, await socket.accept(SPOKEN))
    open_sessions.add(socket)
    try:
        await asyncio.sleep(HEAD_START)
        await converse(context, channels, order)
    except ClientGone:
        pass
    finally:
        open_sessions.discard(socket)


def ordered(request: Request, target: Target, pod: dict[str, Any]) -> Open:
    """The query as upstream's PodExecOptions. StatusError 400."""
    flags = {name: parameters.flag(request.query, name) for name in ("stdin", "stdout", "stderr", "tty")}
    if not any(flags[name] for name in ("stdin", "stdout", "stderr")):
        raise parameters.bad("you must specify at least one of stdin, stdout, stderr")
    argv = words(request, "command") if target.subresource == "exec" else []
    if target.subresource == "exec" and not argv:
        raise parameters.bad("you must specify at least one command for the container")
    container = choose(pod, request.query.get("container", ""))
    if flags["tty"]:
        flags["stderr"] = False
    return Open(pod["metadata"]["uid"], container, argv, **flags)


async def converse(context: ApiContext, channels: Channels, order: Open) -> None:
    """Raises ClientGone."""
    await channels.send(STDOUT if order.stdout else STDERR if order.stderr else STDIN, b"")
    try:
        visit = await Visit.open(context.home.session_socket, order)
    except Gone as error:
        await channels.finish(failed(f"unable to upgrade connection: {error}"))
        return
    try:
        answer = visit.opened.result()
        if isinstance(answer, Ended):
            await channels.finish(verdict(answer, order))
        else:
            await Conversation(channels, visit, order, answer).run()
    finally:
        visit.close()


def verdict(end: Ended, order: Open) -> dict[str, Any]:
    if end.missing:
        return failed(f'unable to upgrade connection: container not found ("{order.container}")')
    if end.error:
        return failed(f"error executing command in container: failed to exec in container: {end.error}")
    return ended(end.code)


class Conversation:
    def __init__(self, channels: Channels, visit: Visit, order: Open, opened: Opened) -> None:
        self.channels = channels
        self.visit = visit
        self.order = order
        self.opened = opened
        self.drains: list[pipes.Drain] = []
        self.over = asyncio.Event()
        self.heard = time.monotonic()
        self.tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        stopping = self.channels.socket.scope["state"]["stopping"]
        listening = self._task(self._listen())
        speaking = [self._task(each) for each in self._speakers()]
        gone = self._task(self.channels.socket.lost.wait())
        ends = [listening, self._task(stopping.wait()), self._task(self._idle()), gone]
        try:
            awaited: list[asyncio.Future[Any]] = [*ends, self.visit.ended]
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            if self.visit.ended.done():
                await self._finish(gone, speaking)
            elif ends[1].done():
                await self.channels.socket.close(GOING_AWAY, "the platform stops")
            elif ends[2].done():
                await self.channels.socket.close(TOO_LONG_IDLE, "nothing was said for too long")
        finally:
            self._release()
            await asyncio.gather(*self.tasks, return_exceptions=True)

    def _task(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self.tasks.append(task)
        return task

    def _release(self) -> None:
        for task in self.tasks:
            task.cancel()

    async def _finish(self, gone: asyncio.Task[None], speaking: list[asyncio.Task[None]]) -> None:
        """What was said is brought over, then how it ended."""
        self.over.set()
        for drain in self.drains:
            drain.finish()
        rest = asyncio.gather(*speaking)
        either: list[asyncio.Future[Any]] = [rest, gone]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not rest.done():
            rest.cancel()
            await asyncio.gather(rest, return_exceptions=True)
            return
        rest.result()
        try:
            status = verdict(self.visit.ended.result(), self.order)
        except Gone as error:
            status = failed(f"the command's end is not known: {error}")
        await self.channels.finish(status)

    # From the process ---------------------------------------------------------------------------------

    def _speakers(self) -> list[Coroutine[Any, Any, None]]:
        found = [
            self._speak(channel, self._drained(self.visit.streams[name]))
            for name, channel in OUTPUTS.items()
            if name in self.visit.streams
        ]
        if self.opened.log:
            channel = STDOUT if self.order.stdout else STDERR
            found.append(self._speak(channel, self._followed(self.opened.log, self.opened.offset)))
        return found

    def _drained(self, descriptor: int) -> AsyncIterator[bytes]:
        drain = pipes.Drain(descriptor)
        self.drains.append(drain)
        return drain.pieces()

    async def _speak(self, channel: int, pieces: AsyncIterator[bytes]) -> None:
        async for piece in pieces:
            self.heard = time.monotonic()
            await self.channels.send(channel, piece)

    async def _followed(self, path: str, offset: int) -> AsyncIterator[bytes]:
        """What comes to a log from now on."""
        while True:
            last = self.over.is_set()
            while piece := tail(path, offset):
                offset += len(piece)
                yield piece
                await asyncio.sleep(0)
            if last:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), POLL)

    # To the process -----------------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Until the client is gone."""
        while (message := await self.channels.receive()) is not None:
            self.heard = time.monotonic()
            channel, data = message
            if channel == STDIN:
                await self._type(data)
            elif channel == RESIZE:
                self._resize(data)
            elif channel == CLOSE and data[:1] == bytes((STDIN,)):
                self.visit.give_up("stdin")

    async def _type(self, data: bytes) -> None:
        streams = self.visit.streams
        name = "terminal" if "terminal" in streams and self.order.stdin else "stdin"
        if name not in streams:
            return
        try:
            await pipes.write(streams[name], data)
        except OSError:  # nobody reads it any more: that does not end the session
            if name == "stdin":
                self.visit.give_up(name)

    def _resize(self, data: bytes) -> None:
        terminal = self.visit.streams.get("terminal", self.visit.streams.get("stdin", -1))
        with suppress(msgspec.DecodeError, OSError):
            size = size_decoder.decode(data)
            pipes.resize(terminal, size.width, size.height)

    async def _idle(self) -> None:
        """Returns when nothing was said for too long."""
        while (left := self.heard + IDLE_SECONDS - time.monotonic()) > 0:  # noqa: ASYNC110 - a moving end
            await asyncio.sleep(left)


def tail(path: str, offset: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.pread(descriptor, pipes.PIECE, offset)
    finally:
        os.close(descriptor)
