"""Requests a second to our model server: through the gateway, and straight to its socket, alternating.

`python -m benchmarks.gateway` runs it alone. The client is one event loop with 32 connections that sends
the next request when the answer is there; it has the same work on both ways.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import cast

import uvloop

import pinnace.runtimes
from benchmarks.figure import Figure, table
from pinnace.gateway import hosts
from pinnace.gateway.client import Connection
from pinnace.gateway.interface import Backend, Endpoint, Route, Split, Unreachable
from pinnace.home import Home

CONCURRENCY = 32
TARGET = 0.85
REVISION = "iris-predictor-00001"
BODY = json.dumps({"instances": [[6.8, 2.8, 4.8, 1.4], [6.0, 3.4, 4.5, 1.6]]}).encode()
Connect = Callable[[Callable[[], asyncio.Protocol]], Awaitable[object]]


class Caller(asyncio.Protocol):
    """Asks again as soon as it is answered."""

    def __init__(self, request: bytes, latencies: list[float]) -> None:
        self._request = request
        self._latencies = latencies
        self._buffer = b""
        self._sent = 0.0
        self.stopped = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._ask()

    def _ask(self) -> None:
        self._sent = time.perf_counter()
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._buffer.endswith(b"}"):
            return
        if b" 200 " not in self._buffer[:20]:
            raise RuntimeError(f"answered with {self._buffer[:200]!r}")
        self._latencies.append(time.perf_counter() - self._sent)
        self._buffer = b""
        if self.stopped:
            self.transport.close()
        else:
            self._ask()


async def load(connect: Connect, seconds: float) -> tuple[float, float]:
    """(requests a second, median latency in milliseconds)."""
    head = "POST /v1/models/iris:predict HTTP/1.1\r\nHost: iris.bench.localhost"
    head = f"{head}\r\nContent-Length: {len(BODY)}"
    latencies: list[float] = []
    callers = [Caller(f"{head}\r\n\r\n".encode() + BODY, latencies) for _ in range(CONCURRENCY)]
    for caller in callers:
        await connect(lambda caller=caller: caller)  # type: ignore[misc]
    latencies.clear()
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    count, took = len(latencies), time.perf_counter() - began
    for caller in callers:
        caller.stopped = True
    await asyncio.sleep(0.1)
    return count / took, median(latencies) * 1000


@contextmanager
def process(*argv: str, **env: str) -> Iterator[None]:
    child = subprocess.Popen([sys.executable, *argv], stdout=subprocess.DEVNULL, env={**os.environ, **env})
    try:
        yield
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait()


def save_model(folder: Path) -> None:
    """In a process of its own: scikit-learn is not to weigh on the client."""
    code = (
        "import sys, skops.io; from sklearn.datasets import load_iris; from sklearn.svm import SVC;"
        "skops.io.dump(SVC(gamma='scale').fit(*load_iris(return_X_y=True)), sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, str(folder / "model.skops")], check=True)


async def publish(home: Home, socket: str) -> int:
    """The gateway's port, once the model is healthy through it."""
    gateway = Connection(home)
    while True:
        try:
            about = await gateway.about()
            break
        except Unreachable:
            await asyncio.sleep(0.02)
    backend = Backend(name=REVISION, addresses=(f"unix:{socket}",), health="/v1/models/iris")
    route = Route(hosts=hosts.knative("iris", "bench", about.domain), splits=(Split(REVISION, 100),))
    await gateway.publish([Endpoint(namespace="bench", name="iris", routes=(route,), backends=(backend,))])
    while not await gateway.ready("bench", REVISION):  # noqa: ASYNC110 - another process decides it
        await asyncio.sleep(0.02)
    await gateway.close()
    return about.port


async def alternate(home: Home, socket: str, rounds: int, seconds: float) -> list[tuple[float, ...]]:
    port = await publish(home, socket)
    loop = asyncio.get_running_loop()

    async def alone(make: Callable[[], asyncio.Protocol]) -> object:
        return await loop.create_unix_connection(make, socket)

    async def through(make: Callable[[], asyncio.Protocol]) -> object:
        return await loop.create_connection(make, "127.0.0.1", port)

    await load(alone, 0.5)
    await load(through, 0.5)
    return [(*await load(alone, seconds), *await load(through, seconds)) for _ in range(rounds)]


def measure(*, quick: bool = False) -> list[Figure]:
    rounds, seconds = (3, 1.0) if quick else (9, 3.0)
    with tempfile.TemporaryDirectory(prefix="pgb-", dir="/tmp") as folder:
        home = Home.at(Path(folder) / "home").prepare()
        save_model(Path(folder))
        socket = f"{folder}/m.sock"
        root = str(Path(pinnace.runtimes.__file__).parents[2])
        model = f"--model_dir={folder}/model.skops"
        server = process("-m", "pinnace.runtimes.sklearn", "--model_name=iris", model,
                         "--unix-socket", socket, PYTHONPATH=root)
        with server, process("-m", "pinnace.gateway", "--home", str(home.root)):
            found = uvloop.run(alternate(home, socket, rounds, seconds))
    alone, alone_ms, through, through_ms = (median(column) for column in zip(*found, strict=True))
    ratio = median(row[2] / row[0] for row in found)
    value = (
        f"{ratio:.2f} ({through:.0f}/s, {through_ms:.1f} ms through; {alone:.0f}/s, {alone_ms:.1f} ms alone)"
    )
    what = f"through the gateway to our server, against the server alone, concurrency {CONCURRENCY}"
    return [Figure(what, f"≥ {TARGET}", value, ratio >= TARGET)]


if __name__ == "__main__":
    print(table(measure(quick="--quick" in sys.argv)))
