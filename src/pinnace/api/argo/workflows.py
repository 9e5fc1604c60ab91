"""Workflows: created, listed, shown, deleted, linted, submitted. Source: upstream server/workflow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

from pinnace.api.argo import fields
from pinnace.api.argo.call import Call, Entry, judged, typed
from pinnace.api.argo.errors import absent, invalid
from pinnace.api.argo.searching import Search
from pinnace.authoring.argo import submitting
from pinnace.authoring.argo.mistake import Mistake
from pinnace.kinds.argo import CLUSTER_WORKFLOW_TEMPLATE, WORKFLOW, WORKFLOW_TEMPLATE
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Options, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.steering import created_by

LATEST = "@latest"
PAGE = 200
SDK = ("python-requests/", "python-httpx/")
BEGINS = 20.0
"""Seconds that a new Workflow may take to begin."""
KINDS = {
    **dict.fromkeys(("WorkflowTemplate", "workflowtemplate", "workflowtemplates", "wftmpl"),
                    WORKFLOW_TEMPLATE.kind),
    **dict.fromkeys(("ClusterWorkflowTemplate", "clusterworkflowtemplate", "clusterworkflowtemplates",
                     "clusterwftmpl", "cwft"), CLUSTER_WORKFLOW_TEMPLATE.kind),
    **dict.fromkeys(("CronWorkflow", "cronworkflow", "cronworkflows", "cwf", "cronwf"), "CronWorkflow"),
}


async def create(call: Call) -> Obj:
    given = await call.document()
    workflow = judged(call, typed(given.get("workflow"), WORKFLOW, call.namespace), "workflow")
    if (given.get("createOptions") or {}).get("dryRun"):
        return workflow
    return await made(call, workflow, dry_run=bool(given.get("serverDryRun")))


async def made(call: Call, workflow: Obj, *, dry_run: bool = False) -> Obj:
    options = Options(dry_run=dry_run, field_manager="argo")
    return await call.client.create(WORKFLOW, created_by(call.client, workflow), call.namespace, options)


async def lint(call: Call) -> Obj:
    given = await call.document()
    return judged(call, typed(given.get("workflow"), WORKFLOW, call.namespace), "workflow", lint=True)


async def submit(call: Call) -> Obj:
    given = await call.document()
    options = given.get("submitOptions") or {}
    kind = KINDS.get(str(given.get("resourceKind") or ""))
    if kind is None:
        raise invalid(f"Resource kind '{given.get('resourceKind')}' is not supported for submitting")
    source = await _source(call, call.given.kind(kind), str(given.get("resourceName") or ""))
    try:
        workflow = submitting.with_options(_from(source), options, source)
    except Mistake as mistake:
        raise invalid(str(mistake)) from None
    workflow = judged(call, typed(workflow, WORKFLOW, call.namespace), "workflow")
    if options.get("dryRun"):
        return workflow
    return await made(call, workflow, dry_run=bool(options.get("serverDryRun")))


async def _source(call: Call, resource: Resource, name: str) -> Obj:
    if not name:
        raise invalid("resourceName: expected the name of a template or schedule")
    return await call.client.get(resource, name, call.namespace if resource.namespaced else "")


def _from(source: Obj) -> Obj:
    name = source["metadata"]["name"]
    if source["kind"] == "CronWorkflow":
        return submitting.from_schedule(source)
    return submitting.from_template(name, cluster=source["kind"] == CLUSTER_WORKFLOW_TEMPLATE.kind)


async def get(call: Call) -> Obj:
    wanted = fields.parse(call.query.get("fields", ""))
    await _begun(call)
    return dict(wanted.of(await found(call, passing=True)))


async def _begun(call: Call) -> None:
    """Hera's waiting takes a Workflow that has no status yet for an error: it is answered when the engine has
    seen it."""
    if not call.request.header(b"user-agent").startswith(SDK) or _has_begun(call):
        return
    news = asyncio.Event()
    stop = call.client.listen(lambda events: news.set() if any(
        event.resource == WORKFLOW.key and event.name == call.name for event in events) else None)
    try:
        async with asyncio.timeout(BEGINS):
            while not _has_begun(call):
                await news.wait()
                news.clear()
    except TimeoutError:
        pass
    finally:
        stop()


def _has_begun(call: Call) -> bool:
    """What the caller may see is asked afterwards."""
    stored = call.client.peek(WORKFLOW, call.name, call.namespace)
    return stored is None or bool((stored.get("status") or {}).get("phase"))


async def found(call: Call, *, passing: bool = False) -> Obj:
    """The live Workflow of this name, else the newest archived one. StatusError 404."""
    name, uid = call.name, call.query.get("uid", "")
    if name == LATEST:
        name = await _latest(call)
    try:
        read = call.client.passing if passing else call.client.get
        live = await read(WORKFLOW, name, call.namespace)
        if not uid or live["metadata"]["uid"] == uid:
            return live
    except StatusError as error:
        if error.code != 404:
            raise
    archive = call.given.archive
    old = await (archive.get(uid) if uid else archive.named(call.namespace, name))
    if old is None or old["metadata"].get("namespace") != call.namespace:
        raise absent(f'{WORKFLOW.key} "{name}" not found')
    return old


async def _latest(call: Call) -> str:
    newest: Obj | None = None
    async for one in every(call, WORKFLOW, call.namespace):
        if newest is None or _made(one) > _made(newest):
            newest = one
    if newest is None:
        raise absent(f'no {WORKFLOW.key} is found in namespace "{call.namespace}"')
    return str(newest["metadata"]["name"])


def _made(workflow: Obj) -> tuple[str, int]:
    meta = workflow["metadata"]
    return str(meta.get("creationTimestamp") or ""), int(meta.get("resourceVersion") or 0)


async def every(
    call: Call, resource: Resource, namespace: str, labels: str = "", field_selector: str = ""
) -> AsyncIterator[Obj]:
    """All that there are, without their nodes, in pages: none holds the loop."""
    selection = Selection(labels=labels, fields=field_selector, limit=PAGE, projected=False)
    while True:
        page = await call.client.list(resource, namespace, selection)
        for one in page.items:
            yield one
        if not page.continue_:
            return
        selection = msgspec.structs.replace(selection, continue_=page.continue_)
        await asyncio.sleep(0)


async def listed(call: Call) -> Obj:
    """Live and archived ones, the newest first; a page begins at an offset."""
    search = Search.of(call)
    live = [one async for one in every(call, WORKFLOW, call.namespace, search.labels) if search.fits(one)]
    seen = {one["metadata"]["uid"] for one in live}
    end = search.offset + search.limit if search.limit else 0
    query = search.query(limit=end + len(live) + 1 if end else 0)
    old = [one for one in (await call.given.archive.page(query)).items if one["metadata"]["uid"] not in seen]
    ranked = sorted([*live, *old], key=_rank, reverse=True)
    shown = ranked[search.offset : end or None]
    wanted = fields.parse(call.query.get("fields", ""))
    if wanted.wants("items.status.nodes"):
        shown = [await _whole(call, one) if one["metadata"]["uid"] in seen else one for one in shown]
    meta = {"resourceVersion": str(call.client.house.store.rv)}
    if end and len(ranked) > end:
        meta["continue"] = str(end)
    kind = {"apiVersion": WORKFLOW.api_version, "kind": WORKFLOW.list_kind}
    return dict(wanted.of({**kind, "metadata": meta, "items": shown}))


def _rank(workflow: Obj) -> tuple[bool, str, str]:
    started = str((workflow.get("status") or {}).get("startedAt") or "")
    return not started, started or str(workflow["metadata"].get("creationTimestamp") or ""), str(
        workflow["metadata"]["uid"]
    )


async def _whole(call: Call, workflow: Obj) -> Obj:
    meta = workflow["metadata"]
    try:
        return await call.client.passing(WORKFLOW, meta["name"], meta["namespace"])
    except StatusError as error:
        if error.code != 404:
            raise
        return workflow


async def delete(call: Call) -> Obj:
    if call.flag("force"):
        call.may("delete", call.namespace, call.name)
        found = await call.client.get(WORKFLOW, call.name, call.namespace)
        if found["metadata"].get("finalizers"):
            patch = {"metadata": {"finalizers": None}}
            await call.client.patch(WORKFLOW, call.name, call.namespace, patch, "merge")
    await call.client.delete(WORKFLOW, call.name, call.namespace)
    return {}


ROUTES: list[Entry] = [
    ("GET", "/api/v1/workflows/?", listed),
    ("GET", "/api/v1/workflows/{namespace}", listed),
    ("POST", "/api/v1/workflows/{namespace}", create),
    ("POST", "/api/v1/workflows/{namespace}/lint", lint),
    ("POST", "/api/v1/workflows/{namespace}/submit", submit),
    ("GET", "/api/v1/workflows/{namespace}/{name}", get),
    ("DELETE", "/api/v1/workflows/{namespace}/{name}", delete),
]
