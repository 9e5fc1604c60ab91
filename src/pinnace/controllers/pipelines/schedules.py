"""Starts the runs of recurring runs: one at each time of the trigger, as many at once as allowed.

A run's id is derived from its schedule and time, so a crash between two writes starts none twice. What was
missed while the platform slept is caught up, unless the schedule says not to: then the newest time counts.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from datetime import datetime

from pinnace.authoring.kfp import concurrency
from pinnace.authoring.kfp.expressions import ExpressionProblem
from pinnace.authoring.kfp.ir import IrError, package
from pinnace.authoring.kfp.schedule import ScheduleError, Trigger
from pinnace.authoring.kfp.submission import Order, leant_on, record, stamp, workflow
from pinnace.authoring.kfp.values import ValueMismatch
from pinnace.controllers.controller import Key, Result
from pinnace.kinds import pipelines
from pinnace.kinds.argo import WORKFLOW
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, Selection
from pinnace.objects.document import clone
from pinnace.objects.local import Local
from pinnace.objects.provision import provided
from pinnace.store.interface import Event

BUSY = 1.0
"""How often a schedule looks whether one of its runs has ended, when it has as many as it may."""
log = logging.getLogger("pinnace.pipelines")


class Schedules:
    name = "pipeline-schedules"
    watches: tuple[Resource, ...] = (pipelines.SCHEDULED_WORKFLOW,)

    def __init__(self, client: Local, now: Callable[[], float] = time.time) -> None:
        self.client = client
        self.now = now

    def keys(self, event: Event) -> tuple[Key, ...]:
        return (Key(event.namespace, event.name),)

    async def reconcile(self, key: Key) -> Result:
        schedule = self.client.peek(pipelines.SCHEDULED_WORKFLOW, key.name, key.namespace)
        if schedule is None or not schedule["spec"].get("enabled"):
            return Result()
        try:
            trigger = Trigger.of(schedule["spec"].get("request", {}).get("trigger") or {})
        except ScheduleError as error:
            log.warning("schedule %s: %s", key.name, error)
            return Result()
        now = self.now()
        due = due_time(schedule, trigger, now)
        if due is None:
            return Result()
        if due > now:
            return Result(after=due - now)
        if await self._running(key.name) >= int(schedule["spec"].get("maxConcurrency") or 1):
            return Result(after=BUSY)
        await self._start(schedule, due, now)
        following = trigger.next(due)
        return Result() if following is None else Result(after=max(0.0, following - now))

    async def _running(self, name: str) -> int:
        label = f"{pipelines.SCHEDULE_LABEL}={name}"
        page = await self.client.list(pipelines.RUN, pipelines.NAMESPACE, Selection(labels=label))
        return sum((run.get("status") or {}).get("state") not in pipelines.ENDED for run in page.items)

    async def _start(self, schedule: Obj, due: float, now: float) -> None:
        name, spec = schedule["metadata"]["name"], schedule["spec"]
        status = {**(schedule.get("status") or {}), "lastTriggered": stamp(due), "updatedAt": stamp(now)}
        status["runs"] = number = int(status.get("runs") or 0) + 1
        order = Order(
            id=str(uuid.uuid5(uuid.UUID(name), stamp(due))),
            name=f"{spec['displayName']}-{number}",
            package=package(spec["pipelineSpec"]),
            document={**spec.get("request", {}), "index": number},
            experiment=spec.get("experimentId") or "",
            namespace=spec.get("namespace") or pipelines.NAMESPACE,
            recurring=name,
            scheduled=stamp(due),
        )
        changes = [
            Change(
                verb="update",
                resource=pipelines.SCHEDULED_WORKFLOW,
                obj={**clone(schedule), "status": status},
            )
        ]
        try:
            made = workflow(order, now)
            for wanted in leant_on(order):
                await provided(
                    self.client, pipelines.CONFIG_MAP, wanted, fixed=concurrency.fixed(wanted)
                )
        except (IrError, ValueMismatch, ExpressionProblem) as error:
            status["error"] = str(error)
        else:
            changes += [
                Change(verb="create", resource=pipelines.RUN, obj=record(order, made, now)),
                Change(verb="create", resource=WORKFLOW, obj=made),
            ]
        await self.client.transact(changes)


def due_time(schedule: Obj, trigger: Trigger, now: float) -> float | None:
    """The next time that has not been answered. Times before it was made or enabled do not count."""
    status = schedule.get("status") or {}
    marks = [status.get("lastTriggered"), status.get("enabledAt"), schedule["metadata"]["creationTimestamp"]]
    after = max(datetime.fromisoformat(mark).timestamp() for mark in marks if mark)
    due = trigger.next(after)
    if schedule["spec"].get("request", {}).get("no_catchup"):
        while due is not None and (later := trigger.next(due)) is not None and later <= now:
            due = later
    return due
