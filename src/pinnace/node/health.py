"""Startup, readiness and liveness probes of one container, with the kubelet's thresholds.

Run as one task a probed container. A probe asks over HTTP, TCP, a unix socket of the pod, or by a command
inside; nothing here knows how a container is isolated.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable

from pinnace.node.protocol import Container, Probe

Check = Callable[[Probe], Awaitable[str]]
"""Asks once: '' if the probe succeeded, else why not."""
Exec = Callable[[list[str], float], Awaitable[bool]]
Connect = Callable[[Probe], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


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
    """`started` and `ready` report changes; `say(why)` that a probe failed so often that it counts, or ('')
    that all is well again; `unhealthy(reason)` asks for a restart."""

    def __init__(
        self,
        container: Container,
        check: Check,
        started: Callable[[], None],
        ready: Callable[[bool], None],
        unhealthy: Callable[[str], None],
        say: Callable[[str], None],
    ) -> None:
        self.container = container
        self.check = check
        self.started = started
        self.ready = ready
        self.unhealthy = unhealthy
        self.say = say

    async def watch(self) -> None:
        if self.container.startup and not await self.start(self.container.startup):
            return
        self.started()
        loops = []
        if self.container.readiness:
            loops.append(self.follow(self.container.readiness, self.answers))
        else:
            self.ready(True)
        if self.container.liveness:
            loops.append(self.follow(self.container.liveness, self.alive))
        await asyncio.gather(*loops)

    async def start(self, probe: Probe) -> bool:
        streak = Streak(probe)
        await asyncio.sleep(probe.initial_delay)
        while True:
            why = await self.check(probe)
            verdict = streak.add(not why, time.monotonic())
            if verdict is not None:
                if not verdict:
                    self.say(f"Startup probe failed: {why}")
                    self.unhealthy("Startup probe failed")
                return verdict
            await asyncio.sleep(pause(probe, verdict))

    async def follow(self, probe: Probe, tell: Callable[[str], None]) -> None:
        streak = Streak(probe)
        told: bool | None = None
        await asyncio.sleep(probe.initial_delay)
        while True:
            why = await self.check(probe)
            verdict = streak.add(not why, time.monotonic())
            if verdict is not None and verdict != told:
                told = verdict
                tell(why)
            await asyncio.sleep(pause(probe, told))

    def answers(self, why: str) -> None:
        self.say(f"Readiness probe failed: {why}" if why else "")
        self.ready(not why)

    def alive(self, why: str) -> None:
        if why:
            self.say(f"Liveness probe failed: {why}")
            self.unhealthy("Liveness probe failed")
        elif not self.container.readiness:
            self.say("")


def pause(probe: Probe, told: bool | None) -> float:
    return probe.period if told else min(probe.period, 0.05 if told is None else 1.0)


async def ask(probe: Probe, run: Exec, connect: Connect) -> str:
    """One probe: '' if it succeeded within its timeout, else why not. `connect` opens what it asks."""
    try:
        if probe.kind == "exec":
            return "" if await run(probe.command, probe.timeout) else "its command did not succeed"
        async with asyncio.timeout(probe.timeout):
            streams = await connect(probe)
            try:
                return "" if probe.kind == "tcp" else await get(*streams, probe.path or "/")
            finally:
                streams[1].close()
    except TimeoutError:
        return f"no answer within {probe.timeout:g} s"
    except OSError as error:
        return f"{probe.unix or f'port {probe.port}'}: {os.strerror(error.errno or 0).lower()}"
    except (asyncio.IncompleteReadError, ValueError):
        return "the answer is not HTTP"


async def get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> str:
    """HTTP GET; the kubelet's rule: 200 to 399 is success."""
    if not path.isascii() or any(c in path for c in "\r\n "):
        return "its path cannot be asked for"
    writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\nUser-Agent: pinnace-probe\r\n\r\n".encode())
    status = (await reader.readline()).split()
    if len(status) < 2:
        return "the answer is not HTTP"
    return "" if 200 <= int(status[1]) < 400 else f"HTTP probe failed with statuscode: {int(status[1])}"
