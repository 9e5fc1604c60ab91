"""`pods/log`: a container's output as `kubectl logs` asks for it, straight from the node's files.

Words of the refusals: kubernetes pkg/registry/core/pod/strategy.go and pkg/kubelet/kubelet_pods.go.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from pinnace.api import logfile as log
from pinnace.api.http import Request
from pinnace.api.kube import parameters
from pinnace.home import Home
from pinnace.kinds import cause
from pinnace.kinds.annotations import LOG_ALIASES
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Client
from pinnace.objects.errors import StatusError

FIRST_POLL, LONGEST_POLL = 0.02, 0.25
"""A followed log is looked at this often (seconds), less often while nothing comes."""
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
TEXT = "text/plain"


class Wanted(msgspec.Struct, frozen=True):
    container: str = ""
    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail: int | None = None
    since: float | None = None
    """Unix seconds."""
    limit: int | None = None


def wanted(query: dict[str, str], now: float, name: str = "") -> Wanted:
    """The query as upstream's PodLogOptions. StatusError 400 or 422."""
    seconds, moment = parameters.integer(query, "sinceSeconds"), query.get("sinceTime", "")
    tail, limit = parameters.integer(query, "tailLines"), parameters.integer(query, "limitBytes")
    found = [] if tail is None or tail >= 0 else [
        cause.invalid("tailLines", tail, "must be greater than or equal to 0")
    ]
    if limit is not None and limit < 1:
        found.append(cause.invalid("limitBytes", limit, "must be greater than 0"))
    if seconds is not None and moment:
        words = "at most one of `sinceTime` or `sinceSeconds` may be specified"
        found.append(cause.forbidden("", words))
    elif seconds is not None and seconds < 1:
        found.append(cause.invalid("sinceSeconds", seconds, "must be greater than 0"))
    if found:
        raise parameters.refused("PodLogOptions", found, name, "")
    return Wanted(
        container=query.get("container", ""),
        follow=parameters.flag(query, "follow"),
        previous=parameters.flag(query, "previous"),
        timestamps=parameters.flag(query, "timestamps"),
        tail=tail,
        since=now - seconds if seconds is not None else _moment(moment) if moment else None,
        limit=limit,
    )


def _moment(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError(text)
        return found.timestamp()
    except (ValueError, OverflowError):
        raise parameters.bad(f'sinceTime: "{text[:60]}" is not an RFC 3339 time') from None


async def answer(
    request: Request, client: Client, home: Home, pods: Resource, namespace: str, name: str
) -> None:
    asked = wanted(request.query, time.time(), name)
    pod = await client.get(pods, name, namespace)
    container = choose(pod, asked.container)
    if not (pod.get("spec") or {}).get("nodeName"):
        await request.reply(200, b"", TEXT)
        return
    restart = life(pod, container, asked.previous)
    path = home.log(pod["metadata"]["uid"], container, restart)
    await _reader(request)(request, path, asked, _Life(client, pods, pod, container, restart)).run()


def _reader(request: Request) -> type[Reader]:
    if request.scope["type"] == "websocket":
        from pinnace.api.kube.podlogs_frames import Frames  # which only browsers need

        return Frames
    return Reader


def choose(pod: Obj, asked: str) -> str:
    """The container that is meant. StatusError 400: none of that name, or several and none named."""
    spec, meta = pod.get("spec") or {}, pod["metadata"]
    main = [one["name"] for one in spec.get("containers") or ()]
    first = [one["name"] for one in spec.get("initContainers") or ()]
    guests = [one["name"] for one in spec.get("ephemeralContainers") or ()]
    if asked:
        if asked not in (*main, *first, *guests):
            if (alias := aliases(meta).get(asked)) in main:
                return str(alias)
            raise parameters.bad(f"container {asked} is not valid for pod {meta['name']}")
        return asked
    preferred = (meta.get("annotations") or {}).get(DEFAULT_CONTAINER)
    if preferred in main:
        return str(preferred)
    if len(main) == 1 and not first:
        return str(main[0])
    if len(main) == 1:
        raise parameters.bad(
            f"a container name must be specified for pod {meta['name']}, choose one of: [{main[0]}] "
            f"or one of the init containers: [{' '.join(first)}]"
        )
    inits = f" or one of the init containers: [{' '.join(first)}]" if first else ""
    raise parameters.bad(
        f"a container name must be specified for pod {meta['name']}, choose one of: [{' '.join(main)}]{inits}"
    )


def aliases(meta: Obj) -> dict[str, str]:
    """Names of containers that are not there → of those whose logs are theirs."""
    text = str((meta.get("annotations") or {}).get(LOG_ALIASES) or "")
    pairs = (each.partition("=") for each in text.split(",") if each)
    return {name.strip(): container.strip() for name, _, container in pairs}


def life(pod: Obj, container: str, previous: bool) -> int:
    """Which restart's log is asked for. StatusError 400: that life has not begun or never was."""
    name, state = pod["metadata"]["name"], container_status(pod, container)
    restarts = int(state.get("restartCount") or 0)
    if previous:
        if restarts == 0:
            raise parameters.bad(f'previous terminated container "{container}" in pod "{name}" not found')
        return restarts - 1
    waiting = (state.get("state") or {}).get("waiting")
    ended = (state.get("lastState") or {}).get("terminated")
    if waiting is not None and ended:
        return max(restarts - 1, 0) if waiting.get("reason") == "CrashLoopBackOff" else restarts
    if waiting is not None or not (state.get("state") or finished(pod)):
        reason = (waiting or {}).get("reason") or "ContainerCreating"
        raise parameters.bad(
            f'container "{container}" in pod "{name}" is waiting to start: {reason}'
        )
    return restarts


def container_status(pod: Obj, container: str) -> dict[str, Any]:
    status = pod.get("status") or {}
    for field in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for state in status.get(field) or ():
            if state.get("name") == container:
                return dict(state)
    return {}


def finished(pod: Obj) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


class _Life:
    """Tells whether a container's log can still grow."""

    def __init__(self, client: Client, pods: Resource, pod: Obj, container: str, restart: int) -> None:
        self.client, self.pods, self.pod = client, pods, pod
        self.container, self.restart = container, restart

    async def over(self) -> bool:
        meta = self.pod["metadata"]
        try:
            now = await self.client.get(self.pods, meta["name"], meta.get("namespace", ""))
        except StatusError:
            return True
        state = container_status(now, self.container)
        ended = "terminated" in (state.get("state") or {}) or finished(now)
        later = int(state.get("restartCount") or 0) > self.restart
        return ended or later or bool(now["metadata"]["uid"] != meta["uid"])


class Reader:
    """One answer: where it begins, how its lines are decorated, when it ends."""

    def __init__(self, request: Request, path: Path, asked: Wanted, alive: _Life) -> None:
        self.request, self.path, self.asked, self.alive = request, path, asked, alive
        self.index = log.Index(path)
        self.left = asked.limit
        self.line_open = False
        self.stamp = b""
        self.stamped_from = self.stamped_until = 0

    async def run(self) -> None:
        offset = self._begin()
        await self.request.body()
        await self._start()
        gone = asyncio.ensure_future(self._gone())
        try:
            offset = await self._copy(offset, gone)
            if self.asked.follow:
                await self._follow(offset, gone)
        finally:
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
        await self._end()

    async def _start(self) -> None:
        await self.request.start(200, TEXT)

    async def _gone(self) -> None:
        await self.request.gone()

    async def _put(self, body: bytes) -> None:
        await self.request.write(body)

    async def _end(self) -> None:
        await self.request.write(b"", more=False)

    def _begin(self) -> int:
        if not self.path.exists():
            return 0
        offset = 0
        if self.asked.since is not None:
            offset = log.next_line(self.path, self.index.offset_at(self.asked.since))
        if self.asked.tail is not None:
            offset = max(offset, log.tail_offset(self.path, self.asked.tail))
        return offset

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    async def _copy(self, offset: int, gone: asyncio.Future[None]) -> int:
        for start, block in log.blocks(self.path, offset, self._size()) if self._size() > offset else ():
            if gone.done() or self.left == 0:
                break
            await self._write(self._decorated(start, block))
            offset = start + len(block)
            await asyncio.sleep(0)
        return offset

    async def _write(self, body: bytes) -> None:
        if self.left is not None:
            body = body[: self.left]
            self.left -= len(body)
        await self._put(body)

    def _decorated(self, start: int, block: bytes) -> bytes:
        if not self.asked.timestamps:
            return block
        parts = []
        for line in _lines(block):
            if not self.line_open:
                parts.append(self._stamp(start))
            parts.append(line)
            self.line_open = not line.endswith(b"\n")
            start += len(line)
        return b"".join(parts)

    def _stamp(self, offset: int) -> bytes:
        """Lines between two records of the index have one time: it is looked up once."""
        if offset >= self.stamped_until or offset < self.stamped_from:
            seconds, self.stamped_until = self.index.span(offset)
            self.stamped_from = offset
            self.stamp = log.stamp(seconds) + b" "
        return self.stamp

    async def _follow(self, offset: int, gone: asyncio.Future[None]) -> None:
        stopping = self.request.scope.get("state", {}).get("stopping")
        pause = FIRST_POLL
        while not gone.done() and self.left != 0 and not (stopping and stopping.is_set()):
            over = await self.alive.over()
            reached = await self._copy(offset, gone)
            pause = FIRST_POLL if reached > offset else min(pause * 1.5, LONGEST_POLL)
            if over and reached == offset:
                return
            offset = reached
            await asyncio.wait((gone,), timeout=0 if over else pause)


def _lines(block: bytes) -> list[bytes]:
    """Lines end at newlines only (a carriage return redraws one)."""
    parts = block.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
