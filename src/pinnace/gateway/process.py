"""The gateway process: Envoy, the activator beside it, and control's questions on a unix socket.

Started by the supervisor as `python -m pinnace.gateway --home H --port N`; `run` returns when it is told
to stop.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
import time

import msgspec

from pinnace.gateway import bootstrap, wire
from pinnace.gateway.activator import Activator
from pinnace.gateway.admin import Admin, AdminUnreachable
from pinnace.gateway.counters import PATTERN, Counters, replace
from pinnace.gateway.doorkeeper import SESSION, Doorkeeper
from pinnace.gateway.envoy import Envoy
from pinnace.gateway.graph.measures import Measures
from pinnace.gateway.graph.router import Router
from pinnace.gateway.interface import About, Refused
from pinnace.gateway.picture import Places, cluster_name
from pinnace.gateway.publisher import Publisher
from pinnace.home import Home

BUSY, IDLE = 0.5, 3.0
"""Seconds between two looks at Envoy's counters, while requests come and while none does."""


class PortTaken(Exception):
    """The wanted port belongs to another process; the text says what to do."""


class Service:
    def __init__(self, home: Home, port: int) -> None:
        self._home = home
        self._counters = Counters(home.gateway / "counters.json")
        self._envoy = Envoy(bootstrap.program(), home.gateway / "envoy.json", self._counters.restarted)
        self._envoy.end_leftover()
        self._reserved, self.port = port_for(home, port)
        self._places = Places(
            activator=str(home.run / "activator.sock"), folder=str(home.gateway),
            inside=str(home.ingress_socket), doorkeeper=str(home.run / "doorkeeper.sock"),
        )
        self._admin = Admin(str(home.run / "envoy.sock"))
        self._publisher = Publisher(self._places, self._admin, lambda: self.domain)
        self._activator = Activator(self._publisher, self._counters.activated)
        self._measures = Measures(home.gateway / "graphs.json")
        self._router = Router(self._publisher, lambda: self.port, self._measures)
        self._doorkeeper = Doorkeeper(home, self._publisher.at)
        self._looking = asyncio.Lock()

    @property
    def domain(self) -> str:
        return f"localhost:{self.port}"

    async def run(self) -> None:
        """Raises PortTaken; any other exception is a fault of ours and ends the process."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        token = self._token()
        self._publisher.prepare(self.port, token)
        configuration = bootstrap.bootstrap(self._places, self._admin.path)
        replace(self._home.gateway / "envoy.json", msgspec.json.encode(configuration))
        replace(self._home.gateway / "port", str(self.port).encode())
        activator = await self._activator.listen(self._places.activator)
        await self._router.listen(self._router_socket)
        await self._doorkeeper.listen(self._places.doorkeeper)
        control = await self._listen()
        tasks = [asyncio.create_task(self._envoy.run()), asyncio.create_task(self._watch(token))]
        stopped = asyncio.create_task(until(stop))
        try:
            await asyncio.wait((stopped, *tasks), return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            control.close()
            await self._look()
            self._counters.save()
            self._measures.save()
            await self._envoy.stop()
            activator.close()
            for task in (stopped, *tasks):
                task.cancel()
            self._reserved.close()

    async def _listen(self) -> asyncio.Server:
        path = wire.socket_path(self._home)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        return await asyncio.start_unix_server(self._talk, path)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError, ValueError, asyncio.CancelledError):
            while True:
                request = wire.requests.decode(await wire.read_frame(reader))
                writer.write(wire.frame(await self._do(request)))
                await writer.drain()
        with contextlib.suppress(Exception):
            writer.close()

    async def _do(self, request: wire.Request) -> wire.Done:
        match request:
            case wire.Publish():
                return await self._refusable(self._publisher.publish(request.endpoints))
            case wire.Withdraw():
                done = await self._refusable(self._publisher.withdraw(request.keys))
                self._forget()
                return done
            case wire.Published():
                return wire.Done(keys=list(self._publisher.picture))
            case wire.Invite():
                return self._invitation(request.key, request.location)
            case wire.Ready():
                return wire.Done(ready=await self._ready(request.namespace, request.backend))
            case wire.Stats():
                await self._look()
                return wire.Done(stats=self._counters.statistics(self._activator.held))
            case wire.Asked():
                return wire.Done(about=self._about())
            case wire.Graphs():
                return wire.Done(graphs=self._measures.statistics(self._router.graphs()))
            case wire.Walk():
                return await self._walked(request)

    async def _refusable(self, work: object) -> wire.Done:
        try:
            await work  # type: ignore[misc]
        except Refused as problem:
            return wire.Done(refused=str(problem))
        return wire.Done()

    async def _walked(self, request: wire.Walk) -> wire.Done:
        try:
            return wire.Done(
                walked=await self._router.walked(request.key, request.body, request.content_type)
            )
        except Refused as problem:
            return wire.Done(refused=str(problem))

    def _invitation(self, key: str, location: str) -> wire.Done:
        endpoint = self._publisher.picture.get(key)
        if endpoint is None:
            return wire.Done(refused=f"{key} is not served")
        try:
            code = self._doorkeeper.invite(endpoint, location)
        except Refused as problem:
            return wire.Done(refused=str(problem))
        host = endpoint.routes[0].hosts[0]
        return wire.Done(link=f"http://{host}:{self.port}{SESSION}?code={code}")

    async def _ready(self, namespace: str, backend: str) -> bool:
        name = f"cluster.{cluster_name(namespace, backend)}.membership_healthy"
        try:
            found = await self._admin.values(r"\.membership_healthy$")
        except AdminUnreachable:
            return False
        return bool(found.get(name, 0) > 1)  # the activator is one of them

    def _about(self) -> About:
        pid = str(self._envoy.pid or "")
        return About(self.port, self.domain, pid, self._envoy.restarts, self._router_socket)

    @property
    def _router_socket(self) -> str:
        return str(self._home.run / "graphs.sock")

    async def _look(self) -> bool:
        async with self._looking:
            try:
                return self._counters.take(await self._admin.stats(PATTERN, histograms=True))
            except AdminUnreachable:
                return False

    async def _watch(self, token: str) -> None:
        """Keep the counters on disk, and tell Envoy of the token when control has made it."""
        while True:
            changed = await self._look()
            if changed:
                self._counters.save()
            self._measures.save()
            if not token:
                token = self._token()
                if token:
                    self._publisher.listen(self.port, token)
            await asyncio.sleep(BUSY if changed or not token else IDLE)

    def _token(self) -> str:
        try:
            return self._home.token.read_text().strip()
        except OSError:
            return ""

    def _forget(self) -> None:
        """Counters live as long as their endpoint: revisions come and go inside it."""
        owners = set(self._publisher.picture)
        kept = {name for name in self._counters.names() if owner(name, owners)}
        self._counters.keep(kept)
        self._counters.save()
        self._measures.keep(owners)


async def until(event: asyncio.Event) -> None:
    await event.wait()


def owner(cluster: str, endpoints: set[str]) -> bool:
    """`demo/digits-predictor-00002` belongs to the endpoint `demo/digits`."""
    return any(cluster == key or cluster.startswith(f"{key}-") for key in endpoints)


def port_for(home: Home, port: int) -> tuple[socket.socket, int]:
    """The wanted port; for 0 that of last time if it is still free, so that URLs outlive a restart."""
    if port:
        return reserve(port, patience=3)
    try:
        return reserve(int((home.gateway / "port").read_text()), patience=1)
    except (OSError, ValueError, PortTaken):
        return reserve(0)


def reserve(port: int, patience: float = 0) -> tuple[socket.socket, int]:
    """Hold the port, without listening, for as long as we live: a restart of Envoy finds it free.

    Envoy's workers share it by SO_REUSEPORT, which another home's Envoy would join unnoticed, so it is first
    taken exclusively. `patience`: seconds for an Envoy that is just ending.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            with socket.socket() as alone:
                alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                alone.bind(("127.0.0.1", port))
                port = int(alone.getsockname()[1])
            held = socket.socket()
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            held.bind(("127.0.0.1", port))
            return held, port
        except OSError as problem:
            if time.monotonic() > deadline:
                raise PortTaken(
                    f"the gateway's port {port} is taken ({problem.strerror}): end what listens there, "
                    "or choose another with --gateway-port N (0 takes a free one)"
                ) from None
        time.sleep(0.05)


async def serve(home: Home, port: int) -> None:
    await Service(home, port).run()


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="pinnace gateway")
    parser.add_argument("--home", default=None)
    parser.add_argument("--port", type=int, default=0, help="0: the port of last time, else a free one")
    options = parser.parse_args(argv)
    try:
        asyncio.run(serve(Home.at(options.home).prepare(), options.port))
    except (bootstrap.NoEnvoy, PortTaken, PermissionError) as problem:
        print(f"pinnace gateway: {problem}", file=sys.stderr, flush=True)
        return 78
    return 0
