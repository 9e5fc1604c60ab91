"""Brings Envoy from one picture of endpoints to the next without losing a request.

Files are renamed into place: endpoints and clusters first, accepted by Envoy, then routes; what left the
picture keeps its cluster until its last request is answered. The picture itself is on disk, so a new
gateway process serves what the last one did, with control dead or alive.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from pinnace.failpoint import passing
from pinnace.gateway import bootstrap
from pinnace.gateway.admin import Admin, AdminUnreachable
from pinnace.gateway.counters import replace
from pinnace.gateway.hosts import bare
from pinnace.gateway.interface import Backend, Endpoint, Refused
from pinnace.gateway.picture import (
    MARK,
    PREFIX,
    ROUTES,
    Json,
    Places,
    assignment,
    cluster,
    cluster_name,
    conflict,
    discovery,
    mark_of,
    route_configuration,
)

PATIENCE = 15.0
"""Seconds in which Envoy must have taken a file; a restart of it fits in."""
DRAIN = 60.0
SPREAD = 2.0
"""Seconds within which Envoy's workers follow its main thread."""
ASKED = 12
"""Connections that must all show the new routes: with two workers one is missed once in two thousand."""
VERSIONS = r"(version_text|update_rejected|warming_clusters)$"


class Publisher:
    """`picture` is what is served. Changes come one after the other."""

    def __init__(self, places: Places, admin: Admin, domain: Callable[[], str]) -> None:
        self.picture: dict[str, Endpoint] = {}
        self.changed = asyncio.Event()
        """Set and replaced after each change: what waits for an address looks again."""
        self._places = places
        self._admin = admin
        self._domain = domain
        self._turn = asyncio.Lock()
        self._retired: dict[str, tuple[str, Backend]] = {}
        self._written: dict[str, str] = {}
        self._hosts: frozenset[str] | None = None
        self._port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def prepare(self, port: int, token: str) -> None:
        """Before Envoy starts: the files of the last picture, whatever an older version wrote."""
        Path(self._places.folder, "eds").mkdir(parents=True, exist_ok=True)
        self.picture = self._load()
        self._hosts = None
        for name, (namespace, backend) in self._backends().items():
            self._write_endpoints(name, namespace, backend)
        self._write("cds", self._clusters(self._backends()))
        self._write("rds", [self._routes()])
        self.listen(port, token)

    def listen(self, port: int, token: str) -> None:
        self._port = port
        listeners = [bootstrap.listener(self._places, port, token)]
        if self._places.inside:
            listeners.append(bootstrap.inner(self._places, token))
        self._write("lds", listeners)

    def backend(self, namespace: str, name: str) -> tuple[Endpoint, Backend] | None:
        for endpoint in self.picture.values():
            if endpoint.namespace == namespace:
                for backend in endpoint.backends:
                    if backend.name == name:
                        return endpoint, backend
        return None

    def at(self, host: str) -> Endpoint | None:
        """What a request with this Host header leads to, if it leads there whole."""
        name = bare(host).lower()
        for endpoint in self.picture.values():
            for route in endpoint.routes:
                if route.prefix == "/" and any(name == each.lower() for each in route.hosts):
                    return endpoint
        return None

    def hosts(self) -> list[str]:
        routes = [route for endpoint in self.picture.values() for route in endpoint.routes]
        return [host for route in routes if route.prefix == "/" and not route.path for host in route.hosts]

    @property
    def all_hosts(self) -> frozenset[str]:
        """Every name that leads to something here."""
        if self._hosts is None:
            self._hosts = frozenset(host.lower() for host in self.hosts())
        return self._hosts

    async def publish(self, endpoints: Sequence[Endpoint]) -> None:
        async with self._turn:
            await self._become(self.picture | {endpoint.key: endpoint for endpoint in endpoints})

    async def withdraw(self, keys: Sequence[str]) -> None:
        async with self._turn:
            left = {key: endpoint for key, endpoint in self.picture.items() if key not in keys}
            await self._become(left)

    async def _become(self, wanted: dict[str, Endpoint]) -> None:
        if wanted == self.picture:
            return
        clash = conflict(wanted.values())
        if clash:
            raise Refused(clash)
        before = self.picture
        self._turn_to(wanted)
        try:
            await self._apply()
        except Refused:
            self._turn_to(before)
            await self._apply()
            raise

    def _turn_to(self, wanted: dict[str, Endpoint]) -> None:
        old = self._backends()
        self.picture = wanted
        self._hosts = None
        new = self._backends()
        for name, where in old.items():
            if name not in new:
                self._retired[name] = where
        for name in new:
            self._retired.pop(name, None)
        self._save()

    async def _apply(self) -> None:
        wanted: dict[str, str] = {}
        for name, (namespace, backend) in self._backends().items():
            version = self._write_endpoints(name, namespace, backend)
            if version:
                wanted[f"cluster.{name}.version_text"] = version
        version = self._write("cds", self._clusters(self._retired | self._backends()))
        if version:
            wanted["cluster_manager.cds.version_text"] = version
        await self._accepted(wanted)
        passing("gateway.before-routes")
        self.changed.set()
        self.changed = asyncio.Event()
        routes = self._routes()
        version = self._write("rds", [routes])
        if version:
            await self._accepted({f"http.{PREFIX}.rds.{ROUTES}.version_text": version})
            await self._everywhere(mark_of(routes))
        if self._retired:
            self._later(self._drain(dict(self._retired)))

    async def _everywhere(self, mark: str) -> None:
        """Until every worker of Envoy routes by it: its main thread has a version before they do. New
        connections fall to the workers by lot."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SPREAD
        while self._port and loop.time() < deadline:
            try:
                said = await asyncio.gather(*(marked(self._port) for _ in range(ASKED)))
            except (OSError, EOFError):
                return  # Envoy is starting: it begins with these routes
            if set(said) == {mark}:
                return
            await asyncio.sleep(0.002)

    async def _accepted(self, wanted: dict[str, str]) -> None:
        """Until Envoy runs with these versions. Refused: it said no to one."""
        if not wanted:
            return
        rejected: int | None = None
        deadline = asyncio.get_running_loop().time() + PATIENCE
        pause = 0.002
        while asyncio.get_running_loop().time() < deadline:
            try:
                found = await self._admin.values(VERSIONS)
            except AdminUnreachable:
                rejected = None
            else:
                if all(found.get(name) == version for name, version in wanted.items()) and not found.get(
                    "cluster_manager.warming_clusters"
                ):
                    return
                rejections = sum(v for name, v in found.items() if name.endswith("update_rejected"))
                if rejected is not None and rejections > rejected:
                    raise Refused("Envoy refused the configuration; its reason is in gateway.log")
                rejected = rejections
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.05)
        raise Refused(f"Envoy did not take the configuration within {PATIENCE:.0f} s; see gateway.log")

    async def _drain(self, leaving: dict[str, tuple[str, Backend]]) -> None:
        """Remove clusters that left the picture when they are idle, at the latest after DRAIN seconds."""
        deadline = asyncio.get_running_loop().time() + DRAIN
        while asyncio.get_running_loop().time() < deadline:
            try:
                active = await self._admin.values(r"^cluster\..+/.+\.upstream_rq_active$")
            except AdminUnreachable:
                break
            if not any(active.get(f"cluster.{name}.upstream_rq_active") for name in leaving):
                break
            await asyncio.sleep(0.1)
        async with self._turn:
            gone = [name for name in leaving if name in self._retired]
            for name in gone:
                del self._retired[name]
            self._write("cds", self._clusters(self._retired | self._backends()))
            for name in gone:
                self._written.pop(name, None)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._places.eds(name))

    def _later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _backends(self) -> dict[str, tuple[str, Backend]]:
        return {
            cluster_name(endpoint.namespace, backend.name): (endpoint.namespace, backend)
            for endpoint in self.picture.values()
            for backend in endpoint.backends
        }

    def _clusters(self, backends: dict[str, tuple[str, Backend]]) -> list[Json]:
        return [cluster(namespace, backend, self._places) for namespace, backend in backends.values()]

    def _routes(self) -> Json:
        return route_configuration(list(self.picture.values()), self._domain())

    def _write_endpoints(self, name: str, namespace: str, backend: Backend) -> str:
        content = [assignment(namespace, backend, self._places)]
        return self._write(name, content, Path(self._places.eds(name)))

    def _write(self, name: str, resources: list[Json], file: Path | None = None) -> str:
        """The new version, or '' if the file says this already."""
        digest = hashlib.blake2s(msgspec.json.encode(resources), digest_size=8).hexdigest()
        if self._written.get(name) == digest:
            return ""
        replace(file or Path(self._places.file(name)), discovery(resources, digest))
        self._written[name] = digest
        return digest

    @property
    def _file(self) -> Path:
        return Path(self._places.folder, "endpoints.json")

    def _save(self) -> None:
        replace(self._file, msgspec.json.encode(list(self.picture.values())))

    def _load(self) -> dict[str, Endpoint]:
        try:
            found = msgspec.json.decode(self._file.read_bytes(), type=list[Endpoint])
        except (OSError, msgspec.MsgspecError):
            return {}
        return {endpoint.key: endpoint for endpoint in found}


async def marked(port: int) -> str:
    """Which routes the worker has that takes this connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET / HTTP/1.1\r\nHost: {MARK}\r\nConnection: close\r\n\r\n".encode())
        return (await reader.read()).decode("latin-1").rpartition("\r\n\r\n")[2]
    finally:
        writer.close()
