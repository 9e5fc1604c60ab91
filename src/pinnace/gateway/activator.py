"""Holds requests for a revision that has no healthy replica, and answers for hosts that nobody has.

Envoy sends a request here only while a revision's cluster has no healthy replica (or for an unknown
host). It waits until a replica answers its health path, then the bytes go straight to it; the hold is
limited by the endpoint's timeout and by DEPTH, as in Knative's activator (knative/serving
pkg/activator/net/throttler.go).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable
from http import HTTPStatus

from pinnace.gateway import pages
from pinnace.gateway.hosts import nearest
from pinnace.gateway.interface import Backend, Endpoint
from pinnace.gateway.picture import NAMESPACE, NOBODY, REVISION, cluster_name
from pinnace.gateway.publisher import Publisher
from pinnace.runtimes.server import Response

DEPTH = 10_000
HEAD_LIMIT = 128 * 1024
LOOK = 0.02
"""Seconds between two looks at a replica that does not answer yet."""
SHOWN = 3.0
"""Seconds after which somebody who looks at a page is told why it is not there."""
STARTING = "its program starts and does not answer yet"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Activator:
    """`held` counts the requests that wait now, by cluster; `activated` is told of each that had to."""

    def __init__(self, publisher: Publisher, activated: Callable[[str], None]) -> None:
        self.held: dict[str, int] = {}
        self._publisher = publisher
        self._activated = activated

    async def listen(self, path: str) -> asyncio.Server:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        return await asyncio.start_unix_server(self._serve, path, limit=HEAD_LIMIT, backlog=4096)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            await self._answer(head, (reader, writer))
        except (OSError, EOFError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        finally:
            with contextlib.suppress(Exception):
                writer.close()

    async def _answer(self, head: bytes, client: Streams) -> None:
        headers = parse(head)
        namespace, name = headers.get(NAMESPACE.lower(), NOBODY), headers.get(REVISION.lower(), NOBODY)
        found = self._publisher.backend(namespace, name)
        if found is None:
            refuse(client[1], 404, self._unknown(headers.get("host", "")))
            return
        endpoint, backend = found
        if not backend.waiting and not backend.addresses:
            self._absent(client, endpoint, head, backend.reason or f"{backend.name} is not running")
            return
        key = cluster_name(namespace, name)
        if self.held.get(key, 0) >= DEPTH:
            refuse(client[1], 503, "pending request queue full")
            return
        await self._hold(key, endpoint, head, client)

    async def _hold(self, key: str, endpoint: Endpoint, head: bytes, client: Streams) -> None:
        self.held[key] = self.held.get(key, 0) + 1
        self._activated(key)
        seconds = SHOWN if for_people(endpoint, head) else endpoint.timeout
        try:
            async with asyncio.timeout(seconds):
                replica = await self._replica(key)
        except TimeoutError:
            words = f"{key} had no ready replica within {endpoint.timeout:g} s"
            self._absent(client, endpoint, head, words if seconds == endpoint.timeout else STARTING)
            return
        finally:
            self.held[key] -= 1
        if isinstance(replica, str):
            self._absent(client, endpoint, head, replica)
            return
        await relay(head, client, replica)

    def _absent(self, client: Streams, endpoint: Endpoint, head: bytes, why: str) -> None:
        if for_people(endpoint, head):
            show(client[1], pages.waiting(endpoint.name, why))
        else:
            refuse(client[1], 503, why)

    async def _replica(self, key: str) -> Streams | str:
        """A connection to a replica that is ready, or why there will be none."""
        namespace, _, name = key.partition("/")
        while True:
            changed = self._publisher.changed
            found = self._publisher.backend(namespace, name)
            if found is None:
                return f"{name} was removed"
            backend = found[1]
            if not backend.addresses and not backend.waiting:
                return backend.reason or f"{name} is not running"
            for address in backend.addresses:
                if await healthy(address, backend):
                    return await connect(address)
            pause = LOOK if backend.addresses else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), pause)

    def _unknown(self, host: str) -> str:
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        best = nearest(name, self._publisher.hosts())
        hint = f"did you mean {best}?" if best else "kubectl get isvc -A lists what is served"
        return f"nothing is served at {name}; {hint}"


def for_people(endpoint: Endpoint, head: bytes) -> bool:
    """A page of a notebook's: somebody looks at it, and is told what it waits for."""
    return bool(endpoint.gate) and "text/html" in parse(head).get("accept", "")


async def healthy(address: str, backend: Backend) -> bool:
    try:
        async with asyncio.timeout(2):
            reader, writer = await connect(address)
            if not backend.health:
                writer.close()
                return True
            try:
                request = f"GET {backend.health} HTTP/1.1\r\nHost: probe\r\nK-Network-Probe: activator\r\n"
                writer.write(f"{request}Connection: close\r\n\r\n".encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, EOFError, TimeoutError):
        return False
    said = status.split(b" ")[1:2]
    return bool(said) and said[0][:1] in (b"234" if backend.lenient else b"2") and len(said[0]) == 3


async def connect(address: str) -> Streams:
    path = address.removeprefix("unix:")
    if path != address:
        return await asyncio.open_unix_connection(path)
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host.strip("[]"), int(port))


async def relay(head: bytes, client: Streams, replica: Streams) -> None:
    """Bytes both ways; the replica closes after its one answer, which ends the exchange."""
    replica[1].write(closing(head))
    upward = asyncio.ensure_future(pipe(client[0], replica[1]))
    try:
        await pipe(replica[0], client[1])
    finally:
        upward.cancel()
        with contextlib.suppress(Exception):
            replica[1].close()


async def pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()


def closing(head: bytes) -> bytes:
    """The request with `Connection: close`, unless it asks for an upgrade."""
    lines = head[:-4].split(b"\r\n")
    if any(line.lower().startswith(b"upgrade:") for line in lines):
        return head
    kept = [line for line in lines if not line.lower().startswith((b"connection:", b"keep-alive:"))]
    return b"\r\n".join((*kept, b"Connection: close", b"", b""))


def parse(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def show(writer: asyncio.StreamWriter, page: Response) -> None:
    headers = "".join(f"{name}: {value}\r\n" for name, value in page.headers)
    writer.write(
        f"HTTP/1.1 {page.status} {HTTPStatus(page.status).phrase}\r\nContent-Type: {page.content_type}\r\n"
        f"Content-Length: {len(page.body)}\r\n{headers}Connection: close\r\n\r\n".encode() + page.body
    )


def refuse(writer: asyncio.StreamWriter, status: int, text: str) -> None:
    body = json.dumps({"error": text}).encode()
    writer.write(
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
    )
