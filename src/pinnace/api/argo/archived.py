"""Archived workflows: found, shown, run again, forgotten. Source: upstream server/workflowarchive."""

from __future__ import annotations

from pinnace.api.argo.call import Call, Entry
from pinnace.api.argo.errors import absent, invalid
from pinnace.api.argo.searching import Search
from pinnace.api.argo.steering import parameters, wish
from pinnace.kinds.argo import WORKFLOW
from pinnace.kinds.resource import Obj
from pinnace.objects import selector, steering

BASE = "/api/v1/archived-workflows"


def _namespace(call: Call, verb: str = "list") -> str:
    """Whose archive is asked for, if it may be. StatusError 403."""
    namespace = Search.of(call, call.query.get("namespace", "")).namespace
    call.may(verb, namespace)
    return namespace


async def listed(call: Call) -> Obj:
    search = Search.of(call, _namespace(call))
    page = await call.given.archive.page(search.query(limit=search.limit, offset=search.offset))
    meta = {"resourceVersion": str(call.client.house.store.rv)}
    if page.next:
        meta["continue"] = str(page.next)
    return {
        "apiVersion": WORKFLOW.api_version, "kind": WORKFLOW.list_kind, "metadata": meta, "items": page.items
    }


async def found(call: Call, verb: str) -> Obj:
    """By uid, else by namespace and name. StatusError 403, 404."""
    archive, query = call.given.archive, call.query
    workflow = await archive.get(call.names["uid"])
    if workflow is None and query.get("name"):
        workflow = await archive.named(query.get("namespace", ""), query["name"])
    if workflow is None:
        call.may(verb, query.get("namespace", ""))
        raise absent("not found")
    call.may(verb, workflow["metadata"].get("namespace", ""), workflow["metadata"]["name"])
    return workflow


async def get(call: Call) -> Obj:
    return await found(call, "get")


async def delete(call: Call) -> Obj:
    workflow = await found(call, "delete")
    await call.given.archive.remove(workflow["metadata"]["uid"])
    return {}


async def resubmit(call: Call) -> Obj:
    given = await call.document()
    workflow = await found(call, "get")
    return await steering.resubmit(
        call.client, workflow, memoized=bool(given.get("memoized")), parameters=parameters(given)
    )


async def retry(call: Call) -> Obj:
    given = await call.document()
    workflow = await found(call, "get")
    meta = workflow["metadata"]
    live = call.client.peek(WORKFLOW, meta["name"], meta["namespace"])
    if live is not None:
        raise steering.standing(meta["name"])
    return await steering.revive(call.client, workflow, wish(given))


async def label_keys(call: Call) -> Obj:
    return {"items": await call.given.archive.label_keys(_namespace(call))}


async def label_values(call: Call) -> Obj:
    """`listOptions.labelSelector` names the one key that is asked about."""
    namespace = _namespace(call)
    wanted = selector.parse_labels(call.query.get("listOptions.labelSelector", ""))
    if len(wanted) != 1:
        raise invalid("only allow 1 labelRequirement, found " + str(len(wanted)))
    return {"items": await call.given.archive.label_values(wanted[0].key, namespace)}


ROUTES: list[Entry] = [
    ("GET", BASE, listed),
    ("GET", BASE + "-label-keys", label_keys),
    ("GET", BASE + "-label-values", label_values),
    ("GET", BASE + "/{uid}", get),
    ("DELETE", BASE + "/{uid}", delete),
    ("PUT", BASE + "/{uid}/resubmit", resubmit),
    ("PUT", BASE + "/{uid}/retry", retry),
]
