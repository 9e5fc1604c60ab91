"""What became of a trial: pure functions from its run and its reports to its status.

Called by `trials`. Source of reasons and messages: kubeflow/katib pkg/controller.v1beta1/trial.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pinnace.controllers.moment import stamp
from pinnace.controllers.tuning import gjson
from pinnace.controllers.tuning.conditions import lowered, marked
from pinnace.controllers.tuning.reports import Report, observation
from pinnace.kinds.katib import Trial
from pinnace.kinds.resource import Obj

WORDS = {
    "Succeeded": "Trial has succeeded", "Failed": "Trial has failed",
    "MetricsUnavailable": "Metrics are not available", "EarlyStopped": "Trial is early stopped",
    "Killed": "Trial is killed",
}


class Ending(msgspec.Struct, frozen=True):
    """`kind` is one of `katib.ENDINGS`."""

    kind: str
    reason: str
    message: str


def ended(spec: Trial, run: Obj) -> Ending | None:
    """How the run is over, by the conditions of the trial template: failure is looked at first."""
    for kind, path in (("Failed", spec.failure_condition), ("Succeeded", spec.success_condition)):
        found = gjson.hit(path, run) if path else None
        if found is not None:
            return ending(kind, str(found.get("reason") or ""), str(found.get("message") or ""))
    return None


def ending(kind: str, reason: str = "", message: str = "") -> Ending:
    """The run's own reason and message are told behind ours, as upstream does."""
    said = WORDS[kind] + (f". Job message: {message}" if message else "")
    return Ending(kind, f"Trial{kind}" + (f". Job reason: {reason}" if reason else ""), said)


def begun(now: float) -> Obj:
    """The status of a trial that was just made."""
    return {
        "startTime": stamp(now),
        "conditions": marked([], "Created", "TrialCreated", "Trial is created", now),
    }


def running(status: Obj, now: float) -> Obj:
    before = status.get("conditions") or begun(now)["conditions"]
    conditions = marked(before, "Running", "TrialRunning", "Trial is running", now)
    return {"startTime": stamp(now), **status, "conditions": conditions}


def over(status: Obj, ending_: Ending, spec: Trial, reports: Sequence[Report], now: float) -> Obj:
    """The final status. A run that succeeded without its objective is not a success."""
    observed = observation(reports, spec.objective)
    if ending_.kind == "Succeeded" and observed is None and spec.metrics_collector.kind != "None":
        _, _, said = ending_.message.partition(". Job message: ")
        _, _, why = ending_.reason.partition(". Job reason: ")
        ending_ = ending(
            "MetricsUnavailable", why, said or f"{spec.objective.objective_metric_name} was not reported"
        )
    conditions = lowered(status.get("conditions") or [], "Running", now)
    conditions = marked(conditions, ending_.kind, ending_.reason, ending_.message, now)
    made: dict[str, Any] = {**status, "conditions": conditions, "completionTime": stamp(now)}
    if observed is not None:
        made["observation"] = observed
    return made


def story(condition: Obj, run: str) -> tuple[str, str, bool]:
    """The event of an ending: reason and message as upstream's, with what is known besides; is it bad?"""
    kind, said = condition["type"], condition["message"]
    _, told, why = said.partition(". Job message: ")
    words = {
        "Succeeded": f"Job {run} has succeeded", "Failed": f"Job {run} has failed",
        "MetricsUnavailable": f"Metrics are not available for Job {run}",
    }
    if kind not in words:
        return f"Trial{kind}", said, False
    return f"Job{kind}", words[kind] + (f": {why}" if told else ""), kind != "Succeeded"
