"""What Argo's server does to Workflows, done here where the context's server has no such paths.

A cluster's API server knows nothing of `PUT /api/v1/workflows/{namespace}/{name}/retry`.

Called by `relay`. The decisions are `objects/steering`'s; reads and writes go with the context's own rights.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pinnace.api.argo import steering as asked
from pinnace.api.argo.errors import body, status
from pinnace.api.http import NoDocument, Request
from pinnace.authoring.argo import packing
from pinnace.authoring.argo.mistake import Mistake
from pinnace.cli.contexts.upstream import Upstream
from pinnace.kinds.argo import DOMAIN, WORKFLOW
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import steering
from pinnace.objects.client import Options
from pinnace.objects.errors import StatusError
from pinnace.objects.patches import merge
from pinnace.objects.remote import Remote

PATH = re.compile(r"/api/v1/workflows/(?P<namespace>[\w-]+)/(?P<name>[\w.-]+)/(?P<verb>\w+)")
Verb = Callable[["Hand", str, str, Obj], Awaitable[Obj]]


class Hand(Remote):
    """The context's client, to whom the nodes of a Workflow are always there."""

    async def get(self, resource: Resource, name: str, namespace: str = "", subresource: str = "") -> Obj:
        found = await super().get(resource, name, namespace, subresource)
        return _whole(found) if resource.key == WORKFLOW.key else found

    async def update(
        self, resource: Resource, obj: Obj, namespace: str = "", options: Options = Options()
    ) -> Obj:
        if resource.key == WORKFLOW.key:
            obj = _going(obj)
        if resource.key != WORKFLOW.key or not await self._packed(obj, namespace):
            return await super().update(resource, obj, namespace, options)
        return _whole(await super().update(resource, packing.packed(obj), namespace, options))

    async def patch(
        self, resource: Resource, name: str, namespace: str, patch: Any, kind: str,
        options: Options = Options(),
    ) -> Obj:
        if resource.key == WORKFLOW.key and kind == "merge" and "status" in patch:
            found = await super().get(resource, name, namespace)
            if packing.is_packed(found):
                made = merge.apply(_whole(found), patch)
                return _whole(await super().update(resource, packing.packed(made), namespace, options))
        return await super().patch(resource, name, namespace, patch, kind, options)

    async def _packed(self, obj: Obj, namespace: str) -> bool:
        return packing.is_packed(await super().get(WORKFLOW, obj["metadata"]["name"], namespace))


def _going(workflow: Obj) -> Obj:
    """Ours takes a Workflow without a phase for one that begins anew; Argo's controller wants it Running."""
    meta, status = workflow["metadata"], workflow.get("status") or {}
    if status.get("phase") or not status.get("startedAt"):
        return workflow
    labels = {**(meta.get("labels") or {}), f"{DOMAIN}phase": "Running"}
    return {**workflow, "metadata": {**meta, "labels": labels}, "status": {**status, "phase": "Running"}}


def _whole(workflow: Obj) -> Obj:
    try:
        return packing.unpacked(workflow)
    except Mistake as mistake:
        raise steering.refused(mistake) from None


async def answer(upstream: Upstream, request: Request, names: Mapping[str, str]) -> None:
    """Refusals in the shape of Argo's server."""
    verb = VERBS.get(names["verb"])
    if verb is None or request.method != "PUT":
        raise StatusError(404, "NotFound", f"{names['verb']!r} of a Workflow needs Argo's own server")
    hand = Hand(upstream.files, upstream.context)
    try:
        made = await verb(hand, names["name"], names["namespace"], await request.document())
        await request.json(200, made)
    except NoDocument as problem:
        raise StatusError(400, "BadRequest", str(problem)) from None
    except StatusError as refusal:
        await request.json(status(refusal), body(refusal))
    finally:
        await hand.close()


async def _retry(hand: Hand, name: str, namespace: str, given: Obj) -> Obj:
    return await steering.retry(hand, name, namespace, asked.wish(given))


async def _resubmit(hand: Hand, name: str, namespace: str, given: Obj) -> Obj:
    found = await hand.get(WORKFLOW, name, namespace)
    wanted = asked.parameters(given)
    return await steering.resubmit(hand, found, memoized=bool(given.get("memoized")), parameters=wanted)


async def _resume(hand: Hand, name: str, namespace: str, given: Obj) -> Obj:
    return await steering.resume(hand, name, namespace, str(given.get("nodeFieldSelector") or ""))


async def _suspend(hand: Hand, name: str, namespace: str, _: Obj) -> Obj:
    return await steering.suspend(hand, name, namespace)


async def _stop(hand: Hand, name: str, namespace: str, given: Obj) -> Obj:
    selector, message = str(given.get("nodeFieldSelector") or ""), str(given.get("message") or "")
    return await steering.stop(hand, name, namespace, selector, message)


async def _terminate(hand: Hand, name: str, namespace: str, _: Obj) -> Obj:
    return await steering.terminate(hand, name, namespace)


async def _set(hand: Hand, name: str, namespace: str, given: Obj) -> Obj:
    return await steering.set_nodes(
        hand, name, namespace, str(given.get("nodeFieldSelector") or ""),
        phase=asked.phase(given), message=str(given.get("message") or ""), outputs=asked.outputs(given),
    )


VERBS: Mapping[str, Verb] = {
    "retry": _retry, "resubmit": _resubmit, "resume": _resume, "suspend": _suspend, "stop": _stop,
    "terminate": _terminate, "set": _set,
}
