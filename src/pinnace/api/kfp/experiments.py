"""Experiments: groups of runs."""

from __future__ import annotations

from pinnace.api.kfp import messages
from pinnace.api.kfp.errors import exists, invalid
from pinnace.api.kfp.face import Call
from pinnace.api.kfp.listing import page
from pinnace.kinds import pipelines
from pinnace.kinds.resource import Obj

KIND = "Experiment"
DEFAULT = "Default"


async def named(call: Call, name: str) -> Obj | None:
    found = await call.records.all(pipelines.EXPERIMENT)
    return next((one for one in found if one["spec"]["displayName"] == name), None)


async def default(call: Call) -> Obj:
    """Where runs go that name no experiment."""
    found = await named(call, DEFAULT)
    return found or await call.records.add(pipelines.EXPERIMENT, {"displayName": DEFAULT})


async def create(call: Call) -> Obj:
    given = await call.document()
    name = str(given.get("display_name") or "").strip()
    if not name:
        raise invalid("experiment.display_name: an experiment needs a name")
    if await named(call, name) is not None:
        raise exists("experiment", name)
    spec = {
        "displayName": name,
        "description": given.get("description") or "",
        "namespace": given.get("namespace") or "",
    }
    return messages.experiment(await call.records.add(pipelines.EXPERIMENT, spec))


async def get(call: Call) -> Obj:
    record = await call.records.get(pipelines.EXPERIMENT, call.names["id"], KIND)
    runs = await call.records.all(pipelines.RUN, f"{pipelines.EXPERIMENT_LABEL}={call.names['id']}")
    last = max((one["metadata"]["creationTimestamp"] for one in runs), default="")
    return messages.experiment(record, last)


async def listed(call: Call) -> Obj:
    found = [messages.experiment(one) for one in await call.records.all(pipelines.EXPERIMENT)]
    wanted = call.query.get("namespace")
    if wanted:
        found = [one for one in found if one["namespace"] in ("", wanted)]
    return page(found, call.query, "experiments", "experiment_id")


async def delete(call: Call) -> Obj:
    await call.records.remove(pipelines.EXPERIMENT, call.names["id"], KIND)
    return {}


async def archive(call: Call) -> Obj:
    """With its runs; its schedules stop."""
    name = call.names["id"]
    await call.records.edit(pipelines.EXPERIMENT, name, KIND, lambda one: _stored(one, "ARCHIVED"))
    label = f"{pipelines.EXPERIMENT_LABEL}={name}"
    for run in await call.records.all(pipelines.RUN, label):
        await call.records.edit(
            pipelines.RUN, run["metadata"]["name"], "Run", lambda one: _stored(one, "ARCHIVED")
        )
    for schedule in await call.records.all(pipelines.SCHEDULED_WORKFLOW, label):
        await call.records.edit(
            pipelines.SCHEDULED_WORKFLOW, schedule["metadata"]["name"], "RecurringRun", _disabled
        )
    return {}


async def unarchive(call: Call) -> Obj:
    await call.records.edit(
        pipelines.EXPERIMENT, call.names["id"], KIND, lambda one: _stored(one, "AVAILABLE")
    )
    return {}


def _stored(record: Obj, state: str) -> None:
    record["status"] = {**(record.get("status") or {}), "storageState": state}


def _disabled(record: Obj) -> None:
    record["spec"]["enabled"] = False


ROUTES = [
    ("GET", "/experiments", listed),
    ("POST", "/experiments", create),
    ("GET", "/experiments/{id}", get),
    ("DELETE", "/experiments/{id}", delete),
    ("POST", "/experiments/{id}:archive", archive),
    ("POST", "/experiments/{id}:unarchive", unarchive),
]
