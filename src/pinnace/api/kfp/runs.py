"""Runs: submitted, waited for, terminated, retried, archived."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence

from pinnace.api.kfp import experiments, library, messages, retrying, tasks
from pinnace.api.kfp.errors import PRECONDITION, Refusal, absent, invalid
from pinnace.api.kfp.face import Call
from pinnace.api.kfp.listing import page
from pinnace.authoring.kfp import concurrency
from pinnace.authoring.kfp.ir import Package, package
from pinnace.authoring.kfp.submission import Order, leant_on, record, workflow
from pinnace.kinds import pipelines
from pinnace.kinds.argo import WORKFLOW
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Change, DeleteOptions
from pinnace.objects.errors import StatusError
from pinnace.objects.provision import provided
from pinnace.store.interface import Event

KIND = "Run"
SDK = "OpenAPI-Generator/"
FIRST_WAIT, LATER_WAIT = 3.0, 15.0
YOUNG = 2.0
POLLING = (4.0, 8.0)


async def chosen(call: Call, given: Obj) -> Package:
    """The pipeline that a run or schedule names."""
    if given.get("pipeline_spec"):
        return package(given["pipeline_spec"])
    reference = given.get("pipeline_version_reference") or {}
    name = reference.get("pipeline_version_id") or given.get("pipeline_version_id")
    if name:
        found = await call.records.get(pipelines.PIPELINE_VERSION, name, library.VERSION)
        return package(found["spec"]["pipelineSpec"])
    if reference.get("pipeline_id"):
        versions = await library.versions_of(call, reference["pipeline_id"])
        if not versions:
            raise absent("a version of Pipeline", reference["pipeline_id"])
        reference["pipeline_version_id"] = versions[0]["metadata"]["name"]
        return package(versions[0]["spec"]["pipelineSpec"])
    raise invalid("a run needs pipeline_spec or pipeline_version_reference")


async def experiment_of(call: Call, given: Obj) -> Obj:
    name = given.get("experiment_id")
    if not name:
        return await experiments.default(call)
    found = await call.records.get(pipelines.EXPERIMENT, name, experiments.KIND)
    if (found.get("status") or {}).get("storageState") == "ARCHIVED":
        raise Refusal(400, f"experiment {name} is archived: unarchive it before new runs")
    return found


async def create(call: Call) -> Obj:
    given = await call.document()
    name = given.get("display_name")
    if not name:
        raise invalid("run.display_name: a run needs a name")
    found = await chosen(call, given)
    experiment = await experiment_of(call, given)
    namespace = call.query.get("namespace") or experiment["spec"].get("namespace") or pipelines.NAMESPACE
    order = Order(
        id=str(uuid.uuid4()),
        name=name,
        package=found,
        document=_request(given),
        experiment=experiment["metadata"]["name"],
        namespace=namespace,
    )
    now = time.time()
    made = await asyncio.to_thread(workflow, order, now)
    for wanted in leant_on(order):
        await provided(call.client, pipelines.CONFIG_MAP, wanted, fixed=concurrency.fixed(wanted))
    kept, running = await call.client.transact(
        [
            Change(verb="create", resource=pipelines.RUN, obj=record(order, made, now)),
            Change(verb="create", resource=WORKFLOW, obj=made),
        ]
    )
    return messages.run(kept, running)


def _request(given: Obj) -> Obj:
    return {key: given[key] for key in messages.REQUESTED if given.get(key) is not None}


async def workflow_of(call: Call, run: Obj, *, nodes: bool = False) -> Obj | None:
    """None: it is gone; the record keeps what became of it."""
    spec = run["spec"]
    if not nodes:
        return call.client.peek(WORKFLOW, spec["workflow"], spec["namespace"])
    try:
        return await call.client.get(WORKFLOW, spec["workflow"], spec["namespace"])
    except StatusError as error:
        if error.code != 404:
            raise
        return None


async def get(call: Call) -> Obj:
    run = await call.records.get(pipelines.RUN, call.names["id"], KIND)
    await _wait(call, run)
    run = await call.records.get(pipelines.RUN, call.names["id"], KIND)
    found = await workflow_of(call, run, nodes=True)
    name = run["metadata"]["name"]
    details = tasks.details(name, found) if found is not None else (run.get("status") or {}).get("details")
    return messages.run(run, found, details)


_asked: dict[str, float] = {}
"""When the SDK last asked for each unfinished run."""


async def _wait(call: Call, run: Obj) -> None:
    """The SDK's waiting is asking every five seconds: such a question is answered when the run has ended."""
    if not call.request.header(b"user-agent").startswith(SDK):
        return
    name, now = run["metadata"]["name"], time.monotonic()
    before = _asked.get(name)
    young = before is None and _age(run) < YOUNG
    polling = before is not None and POLLING[0] < now - before < POLLING[1]
    seconds = FIRST_WAIT if young else LATER_WAIT if polling else 0.0
    if seconds:
        await _until_ended(call, run, seconds)
    if await _ended(call, run):
        _asked.pop(name, None)
    else:
        _asked[name] = time.monotonic()


async def _until_ended(call: Call, run: Obj, seconds: float) -> None:
    news, name = asyncio.Event(), run["spec"]["workflow"]

    def hear(events: Sequence[Event]) -> None:
        if any(event.resource == WORKFLOW.key and event.name == name for event in events):
            news.set()

    stop = call.client.listen(hear)
    try:
        async with asyncio.timeout(seconds):
            while not await _ended(call, run):
                news.clear()
                await news.wait()
    except TimeoutError:
        pass
    finally:
        stop()


async def _ended(call: Call, run: Obj) -> bool:
    found = await workflow_of(call, run)
    return found is None or pipelines.state_of(found) in pipelines.ENDED


def _age(run: Obj) -> float:
    from datetime import datetime

    return time.time() - datetime.fromisoformat(run["metadata"]["creationTimestamp"]).timestamp()


async def listed(call: Call) -> Obj:
    wanted = call.query.get("experiment_id")
    label = f"{pipelines.EXPERIMENT_LABEL}={wanted}" if wanted else ""
    found = []
    namespace = call.query.get("namespace") or ""
    for run in await call.records.all(pipelines.RUN, label):
        if namespace and run["spec"]["namespace"] != namespace:
            continue
        found.append(messages.run(run, await workflow_of(call, run)))
    return page(found, call.query, "runs", "run_id")


async def delete(call: Call) -> Obj:
    run = await call.records.get(pipelines.RUN, call.names["id"], KIND)
    spec = run["spec"]
    try:
        await call.client.delete(WORKFLOW, spec["workflow"], spec["namespace"], DeleteOptions())
    except StatusError as error:
        if error.code != 404:
            raise
    await call.records.remove(pipelines.RUN, call.names["id"], KIND)
    return {}


async def terminate(call: Call) -> Obj:
    run = await call.records.get(pipelines.RUN, call.names["id"], KIND)
    found = await workflow_of(call, run)
    if found is None or pipelines.state_of(found) in pipelines.ENDED:
        raise Refusal(400, f"run {call.names['id']} has ended already: there is nothing to terminate")
    spec = run["spec"]
    patch = {"spec": {"shutdown": "Terminate"}}
    await call.client.patch(WORKFLOW, spec["workflow"], spec["namespace"], patch, "merge")
    return {}


async def retry(call: Call) -> Obj:
    """Only what failed runs again, under the same id."""
    run = await call.records.get(pipelines.RUN, call.names["id"], KIND)
    found = await workflow_of(call, run, nodes=True)
    if found is None:
        raise Refusal(400, f"run {call.names['id']}: its Workflow is gone, so there is nothing to go on from")
    if pipelines.state_of(found) not in ("FAILED", "CANCELED"):
        raise Refusal(400, f"run {call.names['id']} has not failed: only failed runs can be retried")
    await retrying.again(call.client, found)
    return {}


async def archive(call: Call) -> Obj:
    return await _store(call, "ARCHIVED")


async def unarchive(call: Call) -> Obj:
    run = await call.records.get(pipelines.RUN, call.names["id"], KIND)
    experiment = run["spec"].get("experimentId") or ""
    found = [
        one for one in await call.records.all(pipelines.EXPERIMENT) if one["metadata"]["name"] == experiment
    ]
    if found and (found[0].get("status") or {}).get("storageState") == "ARCHIVED":
        raise Refusal(
            400,
            f"run {call.names['id']}: its experiment {experiment} is archived: unarchive that first",
            PRECONDITION,
        )
    return await _store(call, "AVAILABLE")


async def _store(call: Call, state: str) -> Obj:
    def change(run: Obj) -> None:
        run["status"] = {**(run.get("status") or {}), "storageState": state}

    await call.records.edit(pipelines.RUN, call.names["id"], KIND, change)
    return {}


ROUTES = [
    ("GET", "/runs", listed),
    ("POST", "/runs", create),
    ("GET", "/runs/{id}", get),
    ("DELETE", "/runs/{id}", delete),
    ("POST", "/runs/{id}:terminate", terminate),
    ("POST", "/runs/{id}:retry", retry),
    ("POST", "/runs/{id}:archive", archive),
    ("POST", "/runs/{id}:unarchive", unarchive),
]
