"""The process that lives inside the cluster network: it makes pods' namespaces, answers names and hands on
connections. `cluster.py` starts it in a user and network namespace of their own, below the node.

`python -m pinnace.node.network.holder --run FOLDER --range 10.88 [--outside]`; descriptor 3 is its socket to
the node. Its end is the node's end: when that socket closes, it goes, and the network with it. It trusts the
node alone; from pods it takes DNS questions and bytes to hand on.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

import msgspec

from pinnace.node.network import dns, door
from pinnace.node.network.fabric import Fabric, Range, Space
from pinnace.node.network.forwarding import Choose
from pinnace.node.network.messages import (
    Attach,
    Attached,
    Detach,
    Doors,
    Listen,
    NoService,
    Plugged,
    Ready,
    Service,
    ToHolder,
    encode,
    receive,
)
from pinnace.node.network.picture import Picture
from pinnace.node.network.ports import Ports, bound, listen, listen_at

NODE = 3
TAP = "tap0"
SERVICE_RANGE = tuple(f"10.{number}." for number in range(96, 112))
UPSTREAM_WITHIN = 5.0


class Holder:
    def __init__(self, node: socket.socket, run: Path, fabric: Fabric) -> None:
        self.node = node
        self.run = run
        self.fabric = fabric
        self.picture = Picture()
        self.ports = Ports()
        self.spaces: dict[str, Space] = {}
        self.doors: dict[str, list[asyncio.AbstractServer]] = {}
        self.listeners: dict[tuple[str, str, int], asyncio.AbstractServer] = {}
        self.decoder = msgspec.msgpack.Decoder[ToHolder](ToHolder)
        self.line: asyncio.Queue[tuple[ToHolder, list[int]]] = asyncio.Queue()
        self.over = asyncio.Event()

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        await self.answer_names()
        await door.listen(self.run, self.resolve)
        self.node.setblocking(False)
        loop.add_reader(self.node.fileno(), self.read)
        self.ready()
        working = asyncio.ensure_future(self.work())
        await self.over.wait()
        working.cancel()

    def ready(self) -> None:
        spaces = [os.open(f"/proc/self/ns/{kind}", os.O_RDONLY) for kind in ("user", "net")]
        self.say(Ready(os.getpid()), spaces)
        for descriptor in spaces:
            os.close(descriptor)

    def say(self, message: Ready | Plugged | Attached, descriptors: Sequence[int] = ()) -> None:
        with suppress(ConnectionError):
            self.node.setblocking(True)
            socket.send_fds(self.node, [encode(message)], descriptors)
            self.node.setblocking(False)

    def read(self) -> None:
        """Descriptors must be taken in the order in which they come; the work behind them waits in line."""
        while True:
            try:
                data, descriptors = receive(self.node)
            except BlockingIOError:
                return
            except ConnectionError:
                data, descriptors = b"", []
            if not data:
                self.over.set()
                return
            message = self.decoder.decode(data)
            if isinstance(message, Attach):
                self.attach(message)
            else:
                self.line.put_nowait((message, descriptors))

    async def work(self) -> None:
        """One after the other: a Service that came later is the truth later."""
        while True:
            message, descriptors = await self.line.get()
            try:
                await self.take(message, descriptors)
            except OSError as error:
                os.write(2, f"cluster network: {type(message).__name__}: {error}\n".encode())

    async def take(self, message: ToHolder, descriptors: list[int]) -> None:
        if isinstance(message, Service):
            self.picture.put(message)
            self.close_listeners(message)
            await self.ports.put(message)
        elif isinstance(message, NoService):
            self.picture.drop(message.namespace, message.name)
            self.close_listeners(Service(message.namespace, message.name))
            self.ports.drop(message.namespace, message.name)
        elif isinstance(message, Listen):
            await self.listen(message, descriptors)
        elif isinstance(message, Doors):
            await self.open_doors(message)
        elif isinstance(message, Detach):
            self.detach(message)

    async def listen(self, message: Listen, descriptors: list[int]) -> None:
        turns = self.ports.of_service(message.namespace, message.name, message.port)
        for descriptor in descriptors:
            listening = socket.socket(fileno=descriptor)
            listening.setblocking(False)
            key = (message.namespace, message.name, message.node_port)
            self.listeners[key] = await listen(listening, turns.choose)

    def close_listeners(self, service: Service) -> None:
        """Of node ports that the Service no longer has."""
        kept = {port.node_port for port in service.ports}
        for key in [key for key in self.listeners if key[:2] == (service.namespace, service.name)]:
            if key[2] not in kept:
                self.listeners.pop(key).close()

    def attach(self, message: Attach) -> None:
        try:
            space = self.spaces[message.address] = self.fabric.attach(message.address)
        except OSError as error:
            self.say(Attached(message.address, f"{error.strerror}"))
            return
        self.say(Attached(message.address), [space.descriptor])
        asyncio.get_running_loop().call_later(0.01, self.prepare)

    async def open_doors(self, message: Doors) -> None:
        opened = self.doors[message.address] = []
        for port in message.ports:
            target = (message.address, port)
            path = door.path_of(self.run, message.address, port)
            opened.append(await listen_at(path, always(target)))

    def detach(self, message: Detach) -> None:
        space = self.spaces.pop(message.address, None)
        if space is not None:
            space.close()
        for server in self.doors.pop(message.address, ()):
            for listening in server.sockets:  # type: ignore[attr-defined]
                Path(listening.getsockname()).unlink(missing_ok=True)
            server.close()

    def prepare(self) -> None:
        with suppress(OSError):
            if self.fabric.prepare():
                asyncio.get_running_loop().call_later(0.01, self.prepare)

    def resolve(self, name: str) -> str:
        """Where the door leads: to pods, Services and their names, not out and not to our own loopback."""
        if name.startswith((f"{self.fabric.range.prefix}.", *SERVICE_RANGE)):
            return name
        answer = self.picture.ask(name)
        return answer.addresses[0] if answer and answer.addresses else ""

    async def answer_names(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: Names(self), local_addr=(dns.ADDRESS, 53))
        await asyncio.start_server(self.answer_stream, sock=bound(dns.ADDRESS, 53))

    async def answer_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            async with asyncio.timeout(UPSTREAM_WITHIN):
                while True:
                    (size,) = struct.unpack("!H", await reader.readexactly(2))
                    data = await reader.readexactly(size)
                    said = dns.answer(self.picture, data, 65535)
                    said = await self.upstream(data, stream=True) if said is None else said
                    writer.write(struct.pack("!H", len(said)) + said)
        writer.close()

    async def upstream(self, data: bytes, *, stream: bool = False) -> bytes:
        """The host's name servers answer, or nobody does."""
        if not self.fabric.outside:
            return dns.failure(data)
        resolver = self.fabric.range.resolver
        try:
            async with asyncio.timeout(UPSTREAM_WITHIN):
                return await (ask_stream if stream else ask)(resolver, data)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return dns.failure(data)


class Names(asyncio.DatagramProtocol):
    """Questions over UDP."""

    def __init__(self, holder: Holder) -> None:
        self.holder = holder
        self.asking: set[asyncio.Task[None]] = set()
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, client: tuple[str, int]) -> None:
        said = dns.answer(self.holder.picture, data)
        if said is not None:
            self.send(said, client)
        elif len(self.asking) < 512:
            task = asyncio.ensure_future(self.pass_on(data, client))
            self.asking.add(task)
            task.add_done_callback(self.asking.discard)

    async def pass_on(self, data: bytes, client: tuple[str, int]) -> None:
        self.send(await self.holder.upstream(data), client)

    def send(self, data: bytes, client: tuple[str, int]) -> None:
        if self.transport is not None and data:
            self.transport.sendto(data, client)


async def ask(resolver: str, data: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setblocking(False)
        await loop.sock_connect(asking, (resolver, 53))
        await loop.sock_sendall(asking, data)
        while True:
            said = await loop.sock_recv(asking, 65535)
            if said[:2] == data[:2]:
                return said


async def ask_stream(resolver: str, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(resolver, 53)
    try:
        writer.write(struct.pack("!H", len(data)) + data)
        (size,) = struct.unpack("!H", await reader.readexactly(2))
        return await reader.readexactly(size)
    finally:
        writer.close()


def always(target: tuple[str, int]) -> Choose:
    return lambda _client: [target]


async def plug(holder: Holder) -> None:
    """Once slirp4netns has made its link."""
    while TAP not in (name for _, name in socket.if_nameindex()):  # noqa: ASYNC110 - the kernel's
        await asyncio.sleep(0.002)
    holder.fabric.plug(socket.if_nametoindex(TAP))
    holder.say(Plugged())


async def run(options: argparse.Namespace) -> None:
    node = socket.socket(fileno=NODE)
    try:
        fabric = Fabric(Range(options.range), outside=options.outside)
        holder = Holder(node, Path(options.run), fabric)
        plugging = asyncio.ensure_future(plug(holder)) if options.outside else None
        await holder.serve()
        if plugging is not None:
            plugging.cancel()
    except OSError as error:
        with suppress(OSError):
            node.setblocking(True)
            node.send(encode(Ready(os.getpid(), f"{error.strerror or error}")))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", required=True)
    parser.add_argument("--range", default="10.88")
    parser.add_argument("--outside", action="store_true")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the node's pods end first, then the node, then this
    os.umask(0o077)
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
