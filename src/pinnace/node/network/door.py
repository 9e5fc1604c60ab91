"""The way from the host into the cluster network, for the platform itself: probes, port-forward, the gateway.

Two forms. Each declared port of a pod with a network of its own has a unix socket (`path_of`), which any
program can connect to. And one socket (`home.run/net/door`) leads anywhere inside: `connect` says where. Both
are served by the holder and lie in the home's private folder. The functions are for every floor above the
node.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pinnace.node.network.forwarding import Half, join, reach

FOLDER = "net"
DOOR = "door"
LINE = 512
GREETING_WITHIN = 10.0


class Refused(OSError):
    """Nobody accepts a connection there."""


def path_of(run: Path, address: str, port: int) -> Path:
    """Where a declared port of a pod is reached from the host. `run` is `home.run`."""
    return run / FOLDER / f"{address}-{port}"


async def connect(run: Path, address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To a pod's or Service's address (or a name below cluster.local) and any port. OSError: no way."""
    reader, writer = await asyncio.open_unix_connection(str(run / FOLDER / DOOR))
    try:
        writer.write(f"{address} {port}\n".encode())
        said = (await reader.readline()).decode().strip()
    except BaseException:
        writer.close()
        raise
    if said != "ok":
        writer.close()
        raise Refused(111, said or "the cluster network has ended")
    return reader, writer


async def listen(run: Path, resolve: Callable[[str], str]) -> asyncio.AbstractServer:
    """The holder's side. `resolve` gives the address of a pod, Service or name, '' for anything else."""
    folder = run / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    for stale in folder.iterdir():
        stale.unlink()
    loop = asyncio.get_running_loop()
    return await loop.create_unix_server(lambda: Caller(resolve), str(folder / DOOR))


class Caller(Half):
    """A connection that first says where it wants to go."""

    def __init__(self, resolve: Callable[[str], str]) -> None:
        super().__init__()
        self.resolve = resolve
        self.head = b""
        self.finding: asyncio.Task[None] | None = None
        self.late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.late = asyncio.get_running_loop().call_later(GREETING_WITHIN, transport.close)

    def data_received(self, data: bytes) -> None:
        if self.other is not None or self.finding is not None:
            super().data_received(data)
            return
        self.head += data
        line, found, rest = self.head.partition(b"\n")
        if not found:
            if len(self.head) > LINE:
                self.refuse("that is no address")
            return
        assert self.transport is not None
        self.transport.pause_reading()
        if self.late is not None:
            self.late.cancel()
        self.finding = asyncio.ensure_future(self.find(line.decode("ascii", "replace"), rest))

    async def find(self, line: str, rest: bytes) -> None:
        name, _, port = line.partition(" ")
        address = self.resolve(name)
        if not port.isdigit() or not address:
            self.refuse("that is no address of a pod or Service")
            return
        outgoing = await reach([(address, int(port))])
        client = self.transport
        if outgoing is None or client is None or client.is_closing():
            self.refuse("nobody accepts a connection there")
            return
        client.write(b"ok\n")
        if rest:
            self.early.insert(0, rest)
        join(self, outgoing)

    def refuse(self, why: str) -> None:
        if self.transport is not None:
            with suppress(RuntimeError):
                self.transport.write(f"{why}\n".encode())
            self.transport.close()
