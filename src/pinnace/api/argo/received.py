"""Events from outside, and the bindings that make Workflows of them. Source: upstream server/event."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from pinnace.api.argo.call import Call, Entry
from pinnace.api.argo.errors import invalid
from pinnace.kinds.resource import Obj
from pinnace.objects.errors import StatusError

WAITING = 64
"""Events that are taken on at once; more are refused, and may come again."""
LIMIT = 2 * 1024 * 1024
log = logging.getLogger("pinnace.api")
_tasks: set[asyncio.Task[None]] = set()


async def event(call: Call) -> Obj:
    """Taken on and answered at once; what becomes of it is told by Events on the binding."""
    resource = call.given.kind("WorkflowEventBinding")
    call.may("list", call.namespace, resource=resource)
    payload = await _payload(call)
    if len(_tasks) >= WAITING:
        raise StatusError(503, "ServiceUnavailable", "operation queue full")
    task = asyncio.create_task(_deliver(call, payload, _headers(call)))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return {}


async def _payload(call: Call) -> Any:
    content = await call.request.body(LIMIT)
    try:
        return json.loads(content) if content.strip() else {}
    except ValueError as error:
        raise invalid(f"failed to read event payload: {error}") from None


def _headers(call: Call) -> dict[str, list[str]]:
    """By their names in small letters, without the sender's credentials."""
    found: dict[str, list[str]] = {}
    for name, value in call.request.scope["headers"]:
        if name not in (b"authorization", b"cookie"):
            found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


async def _deliver(call: Call, payload: Any, headers: dict[str, list[str]]) -> None:
    try:
        await call.given.receive(
            call.client, call.namespace, call.names.get("discriminator", ""), payload, headers
        )
    except Exception:
        log.exception("an event in namespace %s could not be delivered", call.namespace)


async def bindings(call: Call) -> Obj:
    resource = call.given.kind("WorkflowEventBinding")
    page = await call.client.list(resource, call.namespace, call.selection())
    meta = {"resourceVersion": page.resource_version}
    if page.continue_:
        meta["continue"] = page.continue_
    return {
        "apiVersion": resource.api_version, "kind": resource.list_kind, "metadata": meta, "items": page.items
    }


ROUTES: list[Entry] = [
    ("POST", "/api/v1/events/{namespace}/?", event),
    ("POST", "/api/v1/events/{namespace}/{discriminator}", event),
    ("GET", "/api/v1/workflow-event-bindings/?", bindings),
    ("GET", "/api/v1/workflow-event-bindings/{namespace}", bindings),
]
