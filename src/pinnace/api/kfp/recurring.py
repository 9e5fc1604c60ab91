"""Recurring runs: stored as ScheduledWorkflows; `controllers/pipelines` starts their runs."""

from __future__ import annotations

import time

from pinnace.api.kfp import messages, runs
from pinnace.api.kfp.errors import invalid
from pinnace.api.kfp.face import Call
from pinnace.api.kfp.listing import page
from pinnace.authoring.kfp.schedule import ScheduleError, Trigger
from pinnace.authoring.kfp.submission import stamp
from pinnace.kinds import pipelines
from pinnace.kinds.resource import Obj

KIND = "RecurringRun"
MOST = 10


async def create(call: Call) -> Obj:
    given = await call.document()
    name = given.get("display_name")
    if not name:
        raise invalid("recurring_run.display_name: a recurring run needs a name")
    trigger = given.get("trigger") or {}
    try:
        Trigger.of(trigger)
    except ScheduleError as error:
        raise invalid(str(error)) from None
    limit = int(given.get("max_concurrency") or 1)
    if not 1 <= limit <= MOST:
        raise invalid(f"max_concurrency {limit}: expected 1 to {MOST}")
    found = await runs.chosen(call, given)
    experiment = await runs.experiment_of(call, given)
    kept = (*messages.REQUESTED, "trigger", "no_catchup")
    spec = {
        "displayName": name,
        "experimentId": experiment["metadata"]["name"],
        "maxConcurrency": limit,
        "enabled": given.get("mode") == "ENABLE",
        "pipelineSpec": found.document,
        "namespace": call.query.get("namespace")
        or experiment["spec"].get("namespace")
        or pipelines.NAMESPACE,
        "request": {key: given[key] for key in kept if given.get(key) is not None},
    }
    labels = {pipelines.EXPERIMENT_LABEL: experiment["metadata"]["name"]}
    return messages.recurring(await call.records.add(pipelines.SCHEDULED_WORKFLOW, spec, labels=labels))


async def get(call: Call) -> Obj:
    return messages.recurring(await call.records.get(pipelines.SCHEDULED_WORKFLOW, call.names["id"], KIND))


async def listed(call: Call) -> Obj:
    wanted = call.query.get("experiment_id")
    label = f"{pipelines.EXPERIMENT_LABEL}={wanted}" if wanted else ""
    found = [messages.recurring(one) for one in await call.records.all(pipelines.SCHEDULED_WORKFLOW, label)]
    return page(found, call.query, "recurringRuns", "recurring_run_id")


async def enable(call: Call) -> Obj:
    return await _set(call, enabled=True)


async def disable(call: Call) -> Obj:
    return await _set(call, enabled=False)


async def _set(call: Call, *, enabled: bool) -> Obj:
    def change(record: Obj) -> None:
        record["spec"]["enabled"] = enabled
        record["status"] = {**(record.get("status") or {}), "updatedAt": stamp(time.time())}
        if enabled:
            record["status"]["enabledAt"] = stamp(time.time())

    await call.records.edit(pipelines.SCHEDULED_WORKFLOW, call.names["id"], KIND, change)
    return {}


async def delete(call: Call) -> Obj:
    await call.records.remove(pipelines.SCHEDULED_WORKFLOW, call.names["id"], KIND)
    return {}


ROUTES = [
    ("GET", "/recurringruns", listed),
    ("POST", "/recurringruns", create),
    ("GET", "/recurringruns/{id}", get),
    ("DELETE", "/recurringruns/{id}", delete),
    ("POST", "/recurringruns/{id}:enable", enable),
    ("POST", "/recurringruns/{id}:disable", disable),
]
