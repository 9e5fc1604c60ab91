"""Streams of what happens: changes of Workflows, and the Events that tell a story."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from pinnace.api.argo import fields
from pinnace.api.argo.call import SENT, Call, Entry
from pinnace.api.argo.stream import Stream
from pinnace.kinds.argo import WORKFLOW
from pinnace.kinds.resource import Resource
from pinnace.objects.client import Selection
from pinnace.objects.errors import StatusError

EVENT = Resource(group="", version="v1", kind="Event", plural="events", singular="event")


async def workflows(call: Call) -> Any:
    wanted = fields.parse(call.query.get("fields", ""), "result.")
    selection = call.selection()
    events = call.client.watch(WORKFLOW, call.namespace, _whole(selection))

    async def told() -> AsyncIterator[Any]:
        async for event in events:
            if event.type == "ERROR":
                raise StatusError(event.obj.get("code", 500), event.obj.get("reason", ""),
                                  event.obj.get("message", "the watch ended"))
            yield wanted.of({"type": event.type, "object": event.obj})

    await Stream(call.request).run(told())
    return SENT


async def stories(call: Call) -> Any:
    events = call.client.watch(EVENT, call.namespace, _whole(call.selection()))

    async def told() -> AsyncIterator[Any]:
        async for event in events:
            if event.type in ("ADDED", "MODIFIED"):
                yield event.obj

    await Stream(call.request).run(told())
    return SENT


def _whole(selection: Selection) -> Selection:
    return msgspec.structs.replace(selection, limit=0, continue_="", passing=True)


ROUTES: list[Entry] = [
    ("GET", "/api/v1/workflow-events/?", workflows),
    ("GET", "/api/v1/workflow-events/{namespace}", workflows),
    ("GET", "/api/v1/stream/events/{namespace}", stories),
]
