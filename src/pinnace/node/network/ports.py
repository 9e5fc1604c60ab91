"""The listening sockets of the cluster network: one for each port of each Service, and for pods' own ports a
unix socket each on the host's side.

Kept in step with the Services by `holder.py`. A changed Service keeps its sockets: only their targets change.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from pathlib import Path

from pinnace.node.network.forwarding import Choose, Datagrams, Incoming, Target, Turns
from pinnace.node.network.messages import Port, Service

BACKLOG = 256
Listener = asyncio.AbstractServer | asyncio.BaseTransport
Place = tuple[str, int, str]
"""Address, port, protocol."""


class Ports:
    def __init__(self) -> None:
        self.listeners: dict[Place, Listener] = {}
        self.turns: dict[Place, Turns] = {}
        self.owned: dict[tuple[str, str], set[Place]] = {}
        self.named: dict[tuple[str, str, int], Turns] = {}
        """By namespace, Service and port: also of those that have no address."""

    async def put(self, service: Service) -> None:
        key = (service.namespace, service.name)
        wanted: set[Place] = set()
        for port in service.ports:
            turns = self.named.setdefault((*key, port.number), Turns())
            turns.targets = targets(service, port)
            turns.sticky = service.sticky
            if service.address and port.protocol in ("TCP", "UDP"):
                place = (service.address, port.number, port.protocol)
                wanted.add(place)
                self.turns[place] = turns
                if place not in self.listeners:
                    await self.open(place, turns)
        for place in self.owned.get(key, set()) - wanted:
            self.close(place)
        self.owned[key] = wanted

    async def open(self, place: Place, turns: Turns) -> None:
        """A port that another Service of the same address has already is theirs."""
        address, port, protocol = place
        with suppress(OSError):
            if protocol == "UDP":
                loop = asyncio.get_running_loop()
                transport, _ = await loop.create_datagram_endpoint(
                    lambda: Datagrams(turns.choose), local_addr=(address, port)
                )
                self.listeners[place] = transport
            else:
                self.listeners[place] = await listen(bound(address, port), turns.choose)

    def drop(self, namespace: str, name: str) -> None:
        for place in self.owned.pop((namespace, name), set()):
            self.close(place)
        for key in [key for key in self.named if key[:2] == (namespace, name)]:
            self.named.pop(key).targets = []

    def close(self, place: Place) -> None:
        self.turns.pop(place, None)
        listener = self.listeners.pop(place, None)
        if listener is not None:
            listener.close()

    def of_service(self, namespace: str, name: str, port: int) -> Turns:
        """Where a port of a Service leads, now and later; one that is not known yet leads nowhere."""
        return self.named.setdefault((namespace, name, port), Turns())


def targets(service: Service, port: Port) -> list[Target]:
    return [service.socket] if service.socket else list(port.targets)


async def listen(listening: socket.socket, choose: Choose) -> asyncio.AbstractServer:
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Incoming(choose), sock=listening, backlog=BACKLOG)


async def listen_at(path: Path, choose: Choose) -> asyncio.AbstractServer:
    path.unlink(missing_ok=True)  # noqa: ASYNC240 - one call, before a pod starts
    loop = asyncio.get_running_loop()
    return await loop.create_unix_server(lambda: Incoming(choose), str(path), backlog=BACKLOG)


def bound(address: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setblocking(False)
        listening.bind((address, port))
    except OSError:
        listening.close()
        raise
    return listening
