"""Connections handed on, byte for byte: from a Service's port to its pods, from the host to a pod, and back.

Used by `holder.py`. Pods behind a port take turns; one that refuses is passed over for the next. Invariant:
a side that reads slowly slows the other down, and what one side ends is ended on the other (half-closed
first, as TCP allows).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, cast

Target = tuple[str, int] | str
"""An address and port, or the path of a unix socket."""
Choose = Callable[[str], list[Target]]
"""For a client's address: where to try, in order."""
CONNECT_WITHIN = 10.0
DATAGRAMS_IDLE = 60.0
MOST_FLOWS = 1024
MOST_EARLY = 16


class Half(asyncio.Protocol):
    """One side of a handed-on connection."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: Half | None = None
        self.early: list[bytes] = []
        """What came before it was joined to another: a transport that is told to pause at once may still read
        (asyncio before 3.11.4)."""
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self.early.append(data)
            if len(self.early) > MOST_EARLY and self.transport is not None:
                self.transport.abort()
        elif self.other.transport is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        if self.other is None:
            self.ended = True
            return True
        other = self.other.transport
        if other is None or not other.can_write_eof() or other.is_closing():
            return False
        other.write_eof()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            with suppress(RuntimeError):
                self.other.transport.resume_reading()


class Outgoing(Half):
    """The answering side; what it says first waits for the client."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is not None
        self.transport.pause_reading()


class Incoming(Half):
    """The client's side; it is read only once somebody was found to answer."""

    def __init__(self, choose: Choose) -> None:
        super().__init__()
        self.choose = choose
        self.finding: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is not None
        self.transport.pause_reading()
        self.finding = asyncio.ensure_future(self.find(self.transport))

    async def find(self, client: asyncio.Transport) -> None:
        peer = client.get_extra_info("peername")
        outgoing = await reach(self.choose(peer[0] if isinstance(peer, tuple) else ""))
        if outgoing is None or client.is_closing():
            client.abort()
            if outgoing is not None and outgoing.transport is not None:
                outgoing.transport.abort()
            return
        join(self, outgoing)


def join(one: Half, other: Half) -> None:
    """From now on what one of them reads, the other writes."""
    one.other, other.other = other, one
    for half in (one, other):
        early, half.early = half.early, []
        for data in early:
            half.data_received(data)
        if half.ended:
            half.eof_received()
        if half.transport is not None:
            with suppress(RuntimeError):
                half.transport.resume_reading()


async def reach(targets: list[Target]) -> Outgoing | None:
    """A connection to the first that accepts one; not read before it is joined to another."""
    loop = asyncio.get_running_loop()
    for target in targets:
        connecting: Awaitable[Any]
        if isinstance(target, str):
            connecting = loop.create_unix_connection(Outgoing, target)
        else:
            connecting = loop.create_connection(Outgoing, *target)
        with suppress(OSError, TimeoutError):
            _, half = await asyncio.wait_for(connecting, CONNECT_WITHIN)
            assert isinstance(half, Outgoing)
            return half
    return None


class Turns:
    """Who is next among the targets of a port."""

    def __init__(self, *, sticky: bool = False) -> None:
        self.sticky = sticky
        self.targets: list[Target] = []
        self.next = 0

    def choose(self, client: str) -> list[Target]:
        count = len(self.targets)
        if not count:
            return []
        first = sum(client.encode()) if self.sticky else self.next
        self.next = (self.next + 1) % count
        return [self.targets[(first + n) % count] for n in range(count)]


class Datagrams(asyncio.DatagramProtocol):
    """A UDP port: each client is a flow of its own, forgotten when nothing has moved for a while."""

    def __init__(self, choose: Choose) -> None:
        self.choose = choose
        self.flows: dict[tuple[str, int], Flow] = {}
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, client: tuple[str, int]) -> None:
        flow = self.flows.get(client)
        if flow is None:
            targets = [each for each in self.choose(client[0]) if isinstance(each, tuple)]
            if not targets or len(self.flows) >= MOST_FLOWS:
                return
            flow = self.flows[client] = Flow(self, client, targets[0])
        flow.send(data)

    def connection_lost(self, error: Exception | None) -> None:
        for flow in list(self.flows.values()):
            flow.close()


class Flow(asyncio.DatagramProtocol):
    def __init__(self, port: Datagrams, client: tuple[str, int], target: tuple[str, int]) -> None:
        self.port = port
        self.client = client
        self.waiting: list[bytes] = []
        self.transport: asyncio.DatagramTransport | None = None
        loop = asyncio.get_running_loop()
        self.opening = loop.create_task(loop.create_datagram_endpoint(lambda: self, remote_addr=target))
        self.idle = loop.call_later(DATAGRAMS_IDLE, self.close)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)
        for data in self.waiting:
            self.transport.sendto(data)
        self.waiting.clear()

    def send(self, data: bytes) -> None:
        self.moved()
        if self.transport is None:
            self.waiting.append(data)
        else:
            self.transport.sendto(data)

    def datagram_received(self, data: bytes, _address: object) -> None:
        self.moved()
        if self.port.transport is not None:
            self.port.transport.sendto(data, self.client)

    def moved(self) -> None:
        self.idle.cancel()
        self.idle = asyncio.get_running_loop().call_later(DATAGRAMS_IDLE, self.close)

    def close(self) -> None:
        self.idle.cancel()
        self.opening.cancel()
        self.port.flows.pop(self.client, None)
        if self.transport is not None:
            self.transport.close()
