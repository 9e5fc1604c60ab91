"""A real node process in a temporary home, and a client that waits for what becomes of its pods."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from pinnace.home import Home
from pinnace.node.protocol import Ack, Container, Kill, Outputs, PodReport, Run
from pinnace.node.wire import NodeClient

Wanted = Callable[[PodReport], bool]


def final(report: PodReport) -> bool:
    return report.phase in ("Succeeded", "Failed")


def running(report: PodReport) -> bool:
    return report.phase == "Running" and all(c.started for c in report.containers)


def shell(script: str, **fields: Any) -> Container:
    fields = {"name": "main", "image": "alpine:3", **fields}
    return Container(command=["sh", "-c", script], **fields)


def pod(*containers: Container, **fields: Any) -> Run:
    uid = str(uuid4())
    fields = {"grace": 5, "main": "main", "outputs": Outputs(), **fields}
    return Run(uid=uid, namespace="default", name=f"pod-{uid[:8]}", containers=list(containers), **fields)


class Node:
    """One node process. Its methods connect anew, as control does after a restart."""

    def __init__(self, home: Home, isolation: str) -> None:
        self.home = home
        self.isolation = isolation
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        argv = [
            sys.executable,
            "-m",
            "pinnace",
            "node",
            "--home",
            str(self.home.root),
            "--isolation",
            self.isolation,
        ]
        return subprocess.Popen(argv, cwd="/")

    def restart(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process = self.start()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[NodeClient]:
        client = await self.connect()
        try:
            yield client
        finally:
            client.close()

    async def connect(self) -> NodeClient:
        deadline = time.monotonic() + 60
        while True:
            try:
                return await NodeClient.connect(self.home.node_socket)
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                await asyncio.sleep(0.01)

    async def run(self, run: Run, until: Wanted = final, timeout: float = 30) -> PodReport:
        async with self.client() as client:
            client.send(run)
            return await reported(client, run.uid, until, timeout)

    async def kill(self, run: Run, grace: float = 5) -> PodReport:
        async with self.client() as client:
            client.send(Kill(run.uid, grace))
            return await reported(client, run.uid, final, 30)

    def log(self, run: Run, container: str = "main", restart: int = 0) -> str:
        """No file: it has said nothing yet."""
        path = self.home.log(run.uid, container, restart)
        return path.read_text() if path.exists() else ""

    async def output(self, script: str, **fields: Any) -> str:
        """What a shell script says; it has to succeed."""
        run = pod(shell(script), **fields)
        report = await self.run(run)
        assert report.phase == "Succeeded", (report, self.log(run))
        return self.log(run)


async def reported(client: NodeClient, uid: str, until: Wanted, timeout: float) -> PodReport:
    last: PodReport | None = None
    try:
        async with asyncio.timeout(timeout):
            async for report in client.reports():
                for each in report.pods:
                    if each.uid == uid:
                        last = each
                        if until(each):
                            if final(each):
                                client.send(Ack([uid]))
                            return each
    except TimeoutError:
        pytest.fail(f"not within {timeout} s; the last report: {last}")
    pytest.fail(f"the node has gone; the last report: {last}")


def make_home() -> Home:
    home = Home.at(tempfile.mkdtemp(prefix="pinnace-node-"))
    return home.prepare()


def drop_home(home: Home) -> None:
    from pinnace.node.roots import remove

    remove(str(home.root))
    shutil.rmtree(home.run, ignore_errors=True)


@pytest.fixture(scope="module", params=["sandbox", "process"])
def node(request: pytest.FixtureRequest) -> Iterator[Node]:
    """A node of each isolation, shared by a module's tests."""
    yield from node_of(request.param)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Node]:
    yield from node_of("sandbox")


@pytest.fixture(scope="module")
def process() -> Iterator[Node]:
    yield from node_of("process")


def node_of(isolation: str, kind: type[Node] = Node) -> Iterator[Node]:
    home = make_home()
    node = kind(home, isolation)
    try:
        yield node
    finally:
        node.stop()
        drop_home(home)


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder that no manifest names, for what a pod must not reach. Not below /tmp, which pods have too."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    base.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="pinnace-outside-", dir=base))
    yield folder
    shutil.rmtree(folder)
