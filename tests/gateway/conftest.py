"""A gateway process with real Envoy on a temporary home, and real model servers on unix sockets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pinnace.gateway import hosts
from pinnace.gateway.client import Connection
from pinnace.gateway.interface import About, Backend, Endpoint, Route, Split, Unreachable
from pinnace.home import Home

CONSTANT = '''
import asyncio, json, sys
from pinnace.runtimes.server import Response, Server
socket, answer, delay = sys.argv[1], sys.argv[2], float(sys.argv[3])

def handle(request):
    if request.path == "/headers":
        return Response(json.dumps(request.headers).encode())
    if request.path == "/v1/models/m":
        return Response(b'{"name":"m","ready":true}')
    return later() if delay else Response(answer.encode())

async def later():
    await asyncio.sleep(delay)
    return Response(answer.encode())

async def main():
    import signal
    server, stop = Server(handle), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await server.listen_unix(socket)
    await stop.wait()
    await server.stop(10)
asyncio.run(main())
'''


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = 15) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        found = await condition()
        if found:
            return found
        assert time.monotonic() < deadline, "the condition was never met"
        await asyncio.sleep(0.01)


class Platform:
    """One gateway and its client; `serve` starts a replica, `ask` sends a request through Envoy."""

    def __init__(self, home: Home, sockets: Path) -> None:
        self.home = home
        self.sockets = sockets
        self.processes: list[subprocess.Popen[bytes]] = []
        self.client = Connection(home)
        self.about = About(0, "")

    def start_gateway(self, *arguments: str) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "pinnace.gateway", "--home", str(self.home.root), *arguments]
        self.gateway = subprocess.Popen(argv, stderr=subprocess.PIPE)
        self.processes.append(self.gateway)
        return self.gateway

    async def up(self) -> None:
        async def about() -> About | None:
            try:
                found = await self.client.about()
            except Unreachable:
                return None
            return found if found.envoy else None

        self.about = await until(about)

        async def listening() -> bool:
            with contextlib.suppress(OSError):
                return (await self.ask("/", host="nobody.here"))[0] == 404
            return False

        await until(listening)

    def socket(self, name: str) -> str:
        return str(self.sockets / name)

    def serve(self, name: str, answer: str = "", delay: float = 0) -> str:
        """A replica that answers everything with `answer`; its address."""
        argv = [sys.executable, "-c", CONSTANT, self.socket(name), answer or name, str(delay)]
        self.last = subprocess.Popen(argv)
        self.processes.append(self.last)
        return f"unix:{self.socket(name)}"

    async def healthy(self, *backends: str) -> None:
        for backend in backends:
            await until(lambda: self.client.ready("demo", backend))

    async def ask(
        self, path: str, host: str = "iris.demo.localhost", headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.about.port)
        try:
            return await exchange(reader, writer, path, host, headers or {}, body, close=True)
        finally:
            writer.close()

    def endpoint(self, splits: dict[str, int], backends: list[Backend], **more: Any) -> Endpoint:
        shares = tuple(Split(name, percent) for name, percent in splits.items())
        domain = self.about.domain
        return Endpoint(
            namespace="demo", name="iris", backends=tuple(backends), headers={"KServe-Isvc-Name": "iris"},
            routes=(
                Route(hosts=hosts.knative("iris", "demo", domain), splits=shares),
                Route(hosts=hosts.paths(domain), splits=shares, prefix="/serving/demo/iris/", rewrite="/"),
            ),
            **more,
        )


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, host: str,
    headers: dict[str, str], body: bytes | None, close: bool = False,
) -> tuple[int, bytes]:
    """One HTTP/1.1 request and its answer on an open connection."""
    lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += ["Connection: close"] if close else []
    lines += [f"Content-Length: {len(body)}"] if body is not None else []
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b""))
    status = int((await reader.readline()).split(b" ")[1])
    length = 0
    while line := (await reader.readline()).strip():
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return status, await reader.readexactly(length)


def backend(name: str, *addresses: str, **more: Any) -> Backend:
    return Backend(name=name, addresses=addresses, health="/v1/models/m", **more)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as short:
        found = Platform(Home.at(tmp_path / "home").prepare(), Path(short))
        yield found
        for process in reversed(found.processes):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            if process.stderr:
                process.stderr.close()
        for left in found.home.run.iterdir():
            left.unlink()
        found.home.run.rmdir()


@pytest.fixture
async def gateway(platform: Platform) -> AsyncIterator[Platform]:
    platform.start_gateway()
    await platform.up()
    yield platform
    await platform.client.close()


os.environ.setdefault("PYTHONUNBUFFERED", "1")
