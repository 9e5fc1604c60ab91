"""The node's side of the cluster network: starts its holder, asks it for pods' networks, tells it Services.

One a node, in `Services`. Nothing is started before the first pod needs it. The node keeps the namespaces
open, so pods' networks outlive a holder that was killed; its successor finds the bridge and is told all
again. Invariant: no descriptor of a namespace is inherited by anything but the way in.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from pinnace.home import Home
from pinnace.node.launchers import StartError
from pinnace.node.network.hosts import HostsFiles
from pinnace.node.network.messages import (
    PACKET,
    Attach,
    Attached,
    Detach,
    Doors,
    FromHolder,
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
from pinnace.node.network.ways import SPACES, Ways
from pinnace.node.reaper import Reaper

START_WITHIN = 10.0
PAUSE = 0.2


class Cluster:
    def __init__(self, home: Home, reaper: Reaper, ways: Ways) -> None:
        self.home = home
        self.reaper = reaper
        self.ways = ways
        self.loop = asyncio.get_running_loop()
        self.picture = Picture()
        self.hosts = HostsFiles(self.picture)
        self.decoder = msgspec.msgpack.Decoder[FromHolder](FromHolder)
        self.holder: socket.socket | None = None
        self.starting: asyncio.Task[None] | None = None
        self.namespaces: tuple[int, int] | None = None
        """The user and the network namespace of the cluster network, once there is one."""
        self.attaching: dict[str, asyncio.Future[int]] = {}
        self.attached: dict[str, tuple[int, tuple[int, ...]]] = {}
        """Pods' addresses → the descriptor of each one's namespace, its ports with a door."""
        self.ready: asyncio.Future[tuple[int, int]] | None = None
        self.plugged: asyncio.Future[None] | None = None
        self.exits: list[int] = []
        """What slirp4netns goes with."""
        self.listening: dict[tuple[str, str, int], socket.socket] = {}

    async def attach(self, address: str, ports: Sequence[int]) -> tuple[str, ...]:
        """The words before a program that bring it into a network of its own. StartError: there is none."""
        await self.running()
        future = self.attaching[address] = self.loop.create_future()
        self.tell(Attach(address))
        try:
            descriptor = await asyncio.wait_for(future, START_WITHIN)
        except TimeoutError:
            raise StartError("the cluster network does not answer") from None
        finally:
            self.attaching.pop(address, None)
        self.attached[address] = (descriptor, tuple(ports))
        if ports:
            self.tell(Doors(address, tuple(ports)))
        return self.entrance(descriptor)

    def entered(self, address: str) -> tuple[str, ...]:
        """The same words for one more container of an attached pod. StartError: it is not attached."""
        if address not in self.attached:
            raise StartError("the pod's network is gone")
        return self.entrance(self.attached[address][0])

    def entrance(self, descriptor: int) -> tuple[str, ...]:
        assert self.namespaces is not None
        own = f"/proc/{os.getpid()}/fd"
        user = f"--user={own}/{self.namespaces[0]}"
        return (self.ways.entering, "--preserve-credentials", user, f"--net={own}/{descriptor}", "--")

    def detach(self, address: str) -> None:
        found = self.attached.pop(address, None)
        if found is not None:
            os.close(found[0])
            self.tell(Detach(address))

    def put(self, service: Service) -> None:
        known = self.picture.services.get((service.namespace, service.name))
        if known != service:
            self.picture.put(service)
            self.open_node_ports(known, service)
            self.hosts.changed()
            self.tell(service)

    def drop(self, gone: NoService) -> None:
        known = self.picture.services.get((gone.namespace, gone.name))
        self.picture.drop(gone.namespace, gone.name)
        self.open_node_ports(known, Service(gone.namespace, gone.name))
        self.hosts.changed()
        self.tell(gone)

    def open_node_ports(self, before: Service | None, after: Service) -> None:
        """A socket of the host's loopback for each node port; the holder listens on it from inside."""
        if self.ways.mode != "own":
            return
        wanted = {port.node_port: port.number for port in after.ports if port.node_port}
        for port in before.ports if before else ():
            if port.node_port and port.node_port not in wanted:
                self.close_node_port((after.namespace, after.name, port.node_port))
        for node_port, number in wanted.items():
            key = (after.namespace, after.name, node_port)
            if key not in self.listening:
                with suppress(OSError):  # taken by another program; the Service says so
                    self.listening[key] = loopback(node_port)
                    listen = Listen(after.namespace, after.name, number, node_port)
                    self.tell(listen, [self.listening[key].fileno()])

    def close_node_port(self, key: tuple[str, str, int]) -> None:
        listening = self.listening.pop(key, None)
        if listening is not None:
            listening.close()

    async def running(self) -> None:
        """StartError: the network cannot be made here."""
        if self.starting is None or (self.starting.done() and self.holder is None):
            self.starting = self.loop.create_task(self.start())
        await asyncio.shield(self.starting)

    async def start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for each in (ours, theirs):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PACKET)
        self.ready, self.plugged = self.loop.create_future(), self.loop.create_future()
        first = self.namespaces is None
        with theirs:
            self.reaper.spawn(self.command(), dict(os.environ), self.ended(ours), stderr=2,
                              third=theirs.fileno())
        ours.setblocking(False)
        self.holder = ours
        self.loop.add_reader(ours.fileno(), self.read)
        try:
            spaces = await asyncio.wait_for(self.ready, START_WITHIN)
        except (TimeoutError, OSError) as error:
            self.lost()
            raise StartError(f"the cluster network could not be made: {error or 'no answer'}") from None
        if first:
            self.namespaces = spaces
            await self.open_outside()
        else:
            for descriptor in spaces:
                os.close(descriptor)
        self.retell()

    def command(self) -> list[str]:
        program = [sys.executable, "-m", "pinnace.node.network.holder", "--run", str(self.home.run)]
        program += ["--range", self.ways.range.prefix, *(["--outside"] if self.ways.outside else [])]
        if self.namespaces is None:
            return [self.ways.bubblewrap, *SPACES, "--die-with-parent", "--", *program]
        return [*self.entrance(self.namespaces[1]), *program]

    async def open_outside(self) -> None:
        """slirp4netns, where it is installed: pods reach what the host reaches, except its loopback."""
        if not self.ways.outside or self.namespaces is None or self.plugged is None:
            return
        waiting = self.plugged
        reading, kept = os.pipe()
        self.exits.append(kept)
        user, net = (f"/proc/{os.getpid()}/fd/{each}" for each in self.namespaces)
        argv = [self.ways.outside, "--disable-host-loopback", f"--cidr={self.ways.range.whole}",
                f"--exit-fd={reading}", f"--userns-path={user}", "--netns-type=path", net, "tap0"]

        def over(_status: int) -> None:
            if not waiting.done():
                waiting.set_exception(OSError("slirp4netns has ended"))

        try:
            self.reaper.spawn(argv, {"PATH": "/usr/bin:/bin"}, over, kept=reading)
            await asyncio.wait_for(asyncio.shield(waiting), START_WITHIN)
        except (OSError, TimeoutError) as error:
            print(f"cluster network: no way out: {error}", file=sys.stderr, flush=True)
        finally:
            os.close(reading)

    def read(self) -> None:
        while self.holder is not None:
            try:
                data, descriptors = receive(self.holder)
            except BlockingIOError:
                return
            except OSError:
                data, descriptors = b"", []
            if not data:
                self.lost()
                return
            self.take(self.decoder.decode(data), descriptors)

    def take(self, message: Ready | Plugged | Attached, descriptors: list[int]) -> None:
        if isinstance(message, Plugged):
            if self.plugged is not None and not self.plugged.done():
                self.plugged.set_result(None)
        elif isinstance(message, Ready):
            assert self.ready is not None
            if message.error:
                settle(self.ready, OSError(0, message.error))
            else:
                self.ready.set_result((descriptors[0], descriptors[1]))
        else:
            future = self.attaching.get(message.address)
            if future is None or future.done():
                for descriptor in descriptors:
                    os.close(descriptor)
            elif message.error:
                future.set_exception(StartError(f"the pod's network could not be made: {message.error}"))
            else:
                future.set_result(descriptors[0])

    def tell(self, message: ToHolder, descriptors: Sequence[int] = ()) -> None:
        """Nobody there: the next one is told all."""
        holder = self.holder
        if holder is None or self.namespaces is None:
            return
        try:
            socket.send_fds(holder, [encode(message)], descriptors)
        except BlockingIOError:
            self.loop.call_later(0.005, self.tell, message, descriptors)
        except OSError:
            return

    def retell(self) -> None:
        for service in self.picture.services.values():
            self.tell(service)
        for (namespace, name, node_port), listening in self.listening.items():
            service = self.picture.services[namespace, name]
            number = next(port.number for port in service.ports if port.node_port == node_port)
            self.tell(Listen(namespace, name, number, node_port), [listening.fileno()])
        for address, (_, ports) in self.attached.items():
            if ports:
                self.tell(Doors(address, ports))

    def lost(self) -> None:
        """The holder is gone. Where pods live in its network, another one takes over."""
        if self.holder is None:
            return
        self.loop.remove_reader(self.holder.fileno())
        self.holder.close()
        self.holder = None
        if self.ready is not None and not self.ready.done():
            settle(self.ready, OSError(0, "its process ended at once"))
        for future in self.attaching.values():
            settle(future, StartError("the cluster network's process has ended"))
        if self.attached:
            self.loop.call_later(PAUSE, self.revive)

    def revive(self) -> None:
        async def again() -> None:
            with suppress(StartError):
                await self.running()

        self.reviving: asyncio.Task[None] | None = self.loop.create_task(again())

    def ended(self, ours: socket.socket) -> Callable[[int], None]:
        def over(_status: int) -> None:
            if self.holder is ours:
                self.lost()

        return over

    def close(self) -> None:
        """With the node: the holder and slirp4netns go when these are closed."""
        if self.holder is not None:
            self.loop.remove_reader(self.holder.fileno())
            self.holder.close()
            self.holder = None
        for descriptor in self.exits:
            os.close(descriptor)
        self.exits.clear()
        shutil.rmtree(self.home.run / "net", ignore_errors=True)


def settle(future: asyncio.Future[tuple[int, int]] | asyncio.Future[int], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def loopback(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(64)
    except OSError:
        listening.close()
        raise
    return listening
