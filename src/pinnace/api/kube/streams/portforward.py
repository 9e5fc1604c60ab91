"""`pods/portforward`: connections of a client's, made to ports of a pod.

Two languages: kubectl's, SPDY inside the WebSocket (a pair of streams a connection, one for errors), and that
of client libraries, two channels a port (data, errors) for one connection each. Source: kubernetes
pkg/kubelet/server/portforward. `reach` alone knows how a pod's port is connected to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol

from pinnace.api.context import ApiContext
from pinnace.api.http import ClientGone, Request
from pinnace.api.kube import parameters
from pinnace.api.kube.streams import spdy
from pinnace.api.kube.streams.access import admitted, upgrade, words
from pinnace.api.kube.target import Target
from pinnace.api.websocket import GOING_AWAY, TOO_LONG_IDLE, Upgrade
from pinnace.home import Home
from pinnace.kinds.resource import Obj
from pinnace.node.network import door
from pinnace.objects.errors import StatusError

TUNNEL = "SPDY/3.1+portforward.k8s.io"
CHANNELS = "v4.channel.k8s.io"
PIECE = 1 << 16
CONNECT_SECONDS = 10.0
CONNECTIONS = 512
"""Of one client at once."""
FORWARDS = 200
HELD = 1 << 20
"""So much may wait for a pod that does not read, before its client has to."""
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Dial = Callable[[int], Coroutine[Any, Any, Streams]]
open_forwards: set[Upgrade] = set()


async def connect(context: ApiContext, request: Request, target: Target) -> None:
    """StatusError before the upgrade."""
    pod = await admitted(context, request, target)
    if (phase := (pod.get("status") or {}).get("phase")) != "Running":
        raise parameters.bad(f"unable to forward port because pod is not running. Current status={phase}")
    ports = numbers(words(request, "ports"))
    socket = upgrade(request)
    if len(open_forwards) >= FORWARDS:
        raise StatusError(429, "TooManyRequests", f"{FORWARDS} forwards are open: close one first")

    async def dial(port: int) -> Streams:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await reach(context.home, pod, port)

    spoken = (TUNNEL, CHANNELS) if not ports else (CHANNELS, TUNNEL)
    language = await socket.accept(spoken)
    open_forwards.add(socket)
    talk: Tunnel | Ports = Tunnel(socket, dial) if language == TUNNEL else Ports(socket, dial, ports)
    try:
        await converse(socket, talk)
    except ClientGone:
        pass
    finally:
        open_forwards.discard(socket)


async def reach(home: Home, pod: Obj, port: int) -> Streams:
    """A connection to a port of a pod. OSError: nobody listens there."""
    status = pod.get("status") or {}
    address = status.get("podIP") or "127.0.0.1"
    if address.startswith("127.") or address == status.get("hostIP"):
        return await asyncio.open_connection(address, port, limit=PIECE)
    return await door.connect(home.run, address, port)


def numbers(texts: list[str]) -> list[int]:
    """StatusError 400."""
    found = []
    for text in (part for each in texts for part in each.split(",")):
        if not text.isdigit() or not 0 < int(text) < 65536:
            raise parameters.bad(f'unable to parse "{text[:20]}" as a port')
        found.append(int(text))
    return found


class Talk(Protocol):
    tasks: set[asyncio.Task[None]]

    async def run(self) -> None:
        """Until the client has closed the connection. Raises ClientGone."""
        ...


async def converse(socket: Upgrade, talk: Talk) -> None:
    stopping = asyncio.ensure_future(socket.scope["state"]["stopping"].wait())
    gone = asyncio.ensure_future(socket.lost.wait())
    running = asyncio.ensure_future(talk.run())
    every: list[asyncio.Future[Any]] = [stopping, gone, running]
    try:
        await asyncio.wait(every, return_when=asyncio.FIRST_COMPLETED)
        if stopping.done():
            await socket.close(GOING_AWAY, "the platform stops")
        elif running.done() and isinstance(running.exception(), spdy.Malformed):
            await socket.close(TOO_LONG_IDLE, str(running.exception()))
    finally:
        every += talk.tasks
        for task in every:
            task.cancel()
        await asyncio.gather(*every, return_exceptions=True)


class Link:
    """One connection to the pod. Bytes for it wait in its writer, at most HELD of them."""

    def __init__(self, say: Callable[[bytes], Coroutine[Any, Any, None]]) -> None:
        self.say = say
        self.early = bytearray()
        self.ended = False
        self.writer: asyncio.StreamWriter | None = None

    async def carry(self, dial: Dial, port: int) -> str:
        """From the pod to the client, to the end; '' or why not. The pod may end first, or the client."""
        try:
            reader, self.writer = await dial(port)
        except (OSError, TimeoutError) as error:
            return str(error) or "no answer"
        try:
            self.writer.write(self.early)
            if self.ended:
                self.half_close()
            while piece := await reader.read(PIECE):
                await self.say(piece)
        except ConnectionError as error:
            return str(error)
        finally:
            self.writer.close()
        return ""

    async def take(self, data: bytes) -> None:
        if self.writer is None:
            self.early += data
            if len(self.early) > HELD:
                raise spdy.Malformed("more data than a pod that has not answered can be sent")
        elif not self.writer.is_closing():
            self.writer.write(data)
            with suppress(OSError):
                await self.writer.drain()

    def half_close(self) -> None:
        self.ended = True
        if self.writer is not None and not self.writer.is_closing():
            with suppress(OSError, RuntimeError):
                self.writer.write_eof()


class Tunnel:
    """kubectl: SPDY streams, two a connection, told apart by `streamtype` and joined by `requestid`."""

    def __init__(self, socket: Upgrade, dial: Dial) -> None:
        self.socket = socket
        self.dial = dial
        self.reader = spdy.Reader()
        self.writer = spdy.Writer()
        self.errors: dict[str, int] = {}
        """Request → its stream for errors."""
        self.links: dict[int, Link] = {}
        self.carriers: dict[int, asyncio.Task[None]] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        while (message := await self.socket.receive()) is not None:
            for frame in self.reader.feed(message):
                if isinstance(frame, spdy.GoAway):
                    return
                await self._take(frame)

    async def _take(self, frame: spdy.Frame) -> None:
        if isinstance(frame, spdy.Opened):
            await self._opened(frame)
        elif isinstance(frame, spdy.Ping):
            await self.socket.send(spdy.ping(frame.number))
        elif isinstance(frame, spdy.Reset):
            if carrier := self.carriers.get(frame.stream):
                carrier.cancel()
        elif isinstance(frame, spdy.Data) and (link := self.links.get(frame.stream)):
            if frame.data:
                await link.take(frame.data)
            if frame.ended:
                link.half_close()

    async def _opened(self, frame: spdy.Opened) -> None:
        headers, stream = frame.headers, frame.stream
        kind, port, request = (headers.get(name, "") for name in ("streamtype", "port", "requestid"))
        if kind not in ("data", "error") or not port.isdigit() or not 0 < int(port) < 65536:
            await self.socket.send(spdy.reset(stream, 1))
            return
        if len(self.links) >= CONNECTIONS or len(self.errors) > CONNECTIONS:
            await self.socket.send(spdy.reset(stream, 3))
            return
        await self.socket.send(self.writer.reply(stream))
        if kind == "error":
            self.errors[request] = stream
            return

        async def say(piece: bytes) -> None:
            await self.socket.send(spdy.data(stream, piece))

        link = self.links[stream] = Link(say)
        carrier = asyncio.ensure_future(self._carry(link, stream, int(port), self.errors.pop(request, 0)))
        self.carriers[stream] = carrier
        self.tasks.add(carrier)
        carrier.add_done_callback(self.tasks.discard)

    async def _carry(self, link: Link, stream: int, port: int, errors: int) -> None:
        try:
            why = await link.carry(self.dial, port)
            if why and errors:
                text = f"error forwarding port {port} to pod: {why}".encode()
                await self.socket.send(spdy.data(errors, text))
            if errors:
                await self.socket.send(spdy.data(errors, b"", end=True))
            await self.socket.send(spdy.data(stream, b"", end=True))
        except ClientGone:
            pass
        finally:
            self.links.pop(stream, None)
            self.carriers.pop(stream, None)


class Ports:
    """Client libraries: for the n-th port channel 2n carries data, 2n+1 errors; each begins with the port."""

    def __init__(self, socket: Upgrade, dial: Dial, ports: list[int]) -> None:
        self.socket = socket
        self.dial = dial
        self.ports = ports[:100]
        self.links = [Link(self._saying(2 * place)) for place in range(len(self.ports))]
        self.tasks: set[asyncio.Task[None]] = set()

    def _saying(self, channel: int) -> Callable[[bytes], Coroutine[Any, Any, None]]:
        async def say(piece: bytes) -> None:
            await self.socket.send(bytes((channel,)) + piece)

        return say

    async def run(self) -> None:
        for place, port in enumerate(self.ports):
            for channel in (2 * place, 2 * place + 1):
                await self.socket.send(bytes((channel,)) + port.to_bytes(2, "little"))
        self.tasks |= {asyncio.ensure_future(self._carry(place)) for place in range(len(self.ports))}
        while (message := await self.socket.receive()) is not None:
            place, kind = divmod(message[0], 2) if message else (len(self.links), 0)
            if place < len(self.links) and kind == 0 and len(message) > 1:
                await self.links[place].take(message[1:])

    async def _carry(self, place: int) -> None:
        """When the last one has ended, so has the conversation."""
        with suppress(ClientGone):
            if why := await self.links[place].carry(self.dial, self.ports[place]):
                text = f"error forwarding port {self.ports[place]} to pod: {why}"
                await self._saying(2 * place + 1)(text.encode())
            self.links[place].ended = True
            if len(self.links) == sum(link.ended for link in self.links):
                await self.socket.close()
