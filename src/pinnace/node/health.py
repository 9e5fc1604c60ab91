"""Startup, readiness and liveness probes of one container, with the kubelet's thresholds.

Run as one task a probed container. A probe asks over HTTP, TCP, a unix socket of the pod, or by a command
inside; nothing here knows how a container is isolated.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from pinnace.node.protocol import Container, Probe

Check = Callable[[Probe], Awaitable[bool]]
Exec = Callable[[list[str], float], Awaitable[bool]]


class Streak:
    """Successes and failures in a row, against the probe's thresholds.

    A server is asked more often than the period says, so that its readiness is seen at once; failures still
    count once a period only."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.count = 0
        self.last: bool | None = None
        self.counted = -1e9

    def add(self, ok: bool, now: float) -> bool | None:
        """The verdict once a threshold is reached, else None."""
        if not ok:
            if self.last is False and now - self.counted < self.probe.period * 0.99:
                return None
            self.counted = now
        self.count = self.count + 1 if ok == self.last else 1
        self.last = ok
        needed = self.probe.success if ok else self.probe.failure
        return ok if self.count >= needed else None


class Health:
    """`started` and `ready` report changes; `unhealthy(reason)` asks for a restart."""

    def __init__(
        self,
        container: Container,
        check: Check,
        started: Callable[[], None],
        ready: Callable[[bool], None],
        unhealthy: Callable[[str], None],
    ) -> None:
        self.container = container
        self.check = check
        self.started = started
        self.ready = ready
        self.unhealthy = unhealthy

    async def watch(self) -> None:
        if self.container.startup and not await self.start(self.container.startup):
            return
        self.started()
        loops = []
        if self.container.readiness:
            loops.append(self.follow(self.container.readiness, self.ready))
        else:
            self.ready(True)
        if self.container.liveness:
            loops.append(self.follow(self.container.liveness, self.alive))
        await asyncio.gather(*loops)

    async def start(self, probe: Probe) -> bool:
        streak = Streak(probe)
        await asyncio.sleep(probe.initial_delay)
        while True:
            verdict = streak.add(await self.check(probe), time.monotonic())
            if verdict is not None:
                if not verdict:
                    self.unhealthy("Startup probe failed")
                return verdict
            await asyncio.sleep(pause(probe, verdict))

    async def follow(self, probe: Probe, tell: Callable[[bool], None]) -> None:
        streak = Streak(probe)
        told: bool | None = None
        await asyncio.sleep(probe.initial_delay)
        while True:
            verdict = streak.add(await self.check(probe), time.monotonic())
            if verdict is not None and verdict != told:
                told = verdict
                tell(verdict)
            await asyncio.sleep(pause(probe, told))

    def alive(self, ok: bool) -> None:
        if not ok:
            self.unhealthy("Liveness probe failed")


def pause(probe: Probe, told: bool | None) -> float:
    return probe.period if told else min(probe.period, 0.05 if told is None else 1.0)


async def ask(probe: Probe, run: Exec, where: Callable[[str], str]) -> bool:
    """One probe, True if it succeeded within its timeout. `where` maps a socket's path to the host's."""
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
        if probe.kind == "exec":
            return await run(probe.command, probe.timeout)
        async with asyncio.timeout(probe.timeout):
            if probe.unix:
                streams = await asyncio.open_unix_connection(where(probe.unix))
            else:
                streams = await asyncio.open_connection("127.0.0.1", probe.port)
            try:
                return True if probe.kind == "tcp" else await get(*streams, probe.path or "/")
            finally:
                streams[1].close()
    return False


async def get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> bool:
    """HTTP GET; the kubelet's rule: 200 to 399 is success."""
    if not path.isascii() or any(c in path for c in "\r\n "):
        return False
    writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\nUser-Agent: pinnace-probe\r\n\r\n".encode())
    status = (await reader.readline()).split()
    return len(status) > 1 and 200 <= int(status[1]) < 400
