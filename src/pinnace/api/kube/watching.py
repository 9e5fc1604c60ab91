"""A watch as an HTTP answer: one JSON line an event, until the client goes, time is over or we stop.

Called by `verbs`; over a WebSocket `watching_frames` sends what is here. A watch that begins too far in the
past is answered in the stream (`ERROR`, 410), as upstream does; every other refusal is an HTTP error, because
it comes before the first byte.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import msgspec

from pinnace.api.http import Request
from pinnace.api.kube import parameters
from pinnace.api.kube.negotiation import PLAIN, Form
from pinnace.api.kube.presentation import EventCache
from pinnace.kinds.resource import Resource
from pinnace.objects.client import WatchEvent
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local

SHORTEST_DEFAULT = 1800.0
"""A watch without a time limit of its own ends after between this and twice this, as upstream's."""
CACHE = EventCache()


async def watch(request: Request, client: Local, resource: Resource, namespace: str, form: Form,
                name: str = "") -> None:
    asked = parameters.selection(request, name)
    wants_bookmarks = parameters.flag(request.query, "allowWatchBookmarks")
    seconds = parameters.number(request.query, "timeoutSeconds")
    initial = parameters.flag(request.query, "sendInitialEvents")
    asked = msgspec.structs.replace(
        asked, limit=0, continue_="", passing=True, tabled=form.kind != PLAIN
    )
    if initial:
        asked = msgspec.structs.replace(asked, resource_version="")
    events = client.watch(
        resource, namespace, asked, bookmarks=wants_bookmarks or initial, initial_end=initial
    )
    await request.body()
    limit = seconds or SHORTEST_DEFAULT * (1 + random.random())  # noqa: S311 - spreads reconnections
    kind = Stream
    if request.scope["type"] == "websocket":
        from pinnace.api.kube.watching_frames import Frames  # which only browsers need

        kind = Frames
    await kind(request, resource, form, events, limit).run()


class Stream:
    """One open watch. Its events are pulled only as fast as the client takes them."""

    def __init__(
        self, request: Request, resource: Resource, form: Form, events: AsyncIterator[WatchEvent],
        seconds: float,
    ) -> None:
        self.request = request
        self.resource = resource
        self.form = form
        self.events = events
        self.seconds = seconds
        self.include = request.query.get("includeObject", "Metadata")
        self.nodes = request.query.get("nodes", "")
        self.first = True

    async def run(self) -> None:
        pump = asyncio.ensure_future(self._pump())
        gone = asyncio.ensure_future(self._gone())
        ends: list[asyncio.Future[Any]] = [pump, gone]
        stopping = self.request.scope.get("state", {}).get("stopping")
        if stopping is not None:
            ends.append(asyncio.ensure_future(stopping.wait()))
        try:
            await asyncio.wait(ends, timeout=self.seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._finish(pump, ends)
        if pump.done() and not pump.cancelled() and pump.exception() is not None:
            raise pump.exception()  # type: ignore[misc]
        if not gone.done() or gone.cancelled():
            with suppress(asyncio.CancelledError):
                await self._end()

    async def _finish(self, pump: asyncio.Future[None], ends: list[asyncio.Future[Any]]) -> None:
        for task in ends:
            task.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
        close = getattr(self.events, "aclose", None)
        if close is not None:
            await close()

    async def _gone(self) -> None:
        await self.request.gone()

    async def _end(self) -> None:
        if not self.request.started:
            await self._start()
        await self.request.write(b"", more=False)

    async def _start(self) -> None:
        await self.request.start(200, "application/json")
        await self.request.write(b"")

    async def _put(self, line: bytes) -> None:
        await self.request.write(line)

    async def _pump(self) -> None:
        try:
            first = asyncio.ensure_future(anext(self.events, None))
            await asyncio.sleep(0)
            if not first.done():
                await self._start()
            event = await first
            while event is not None:
                await self._send(event)
                event = await anext(self.events, None)
        except StatusError as refusal:
            if not self.request.started and refusal.code != 410:
                raise
            await self._send(WatchEvent("ERROR", refusal.status()))

    async def _send(self, event: WatchEvent) -> None:
        if not self.request.started:
            await self._start()
        line = CACHE.line(self.resource, event, self.form, self.include, self.first, self.nodes)
        self.first = False
        await self._put(line)
