"""What an Experiment wants next: a pure function from it, its Trials and its ledger to a Decision.

Called by `experiments`. Source: kubeflow/katib pkg/controller.v1beta1/experiment/experiment_controller.go
and util/status_util.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from pinnace.controllers.moment import stamp
from pinnace.controllers.tuning.conditions import Conditions, lowered, marked, without
from pinnace.controllers.tuning.reports import objective_value
from pinnace.kinds import katib
from pinnace.kinds.katib import Experiment, Objective, Suggested
from pinnace.kinds.resource import Obj

_LISTS = {
    "Succeeded": ("trialsSucceeded", "succeededTrialList"),
    "Failed": ("trialsFailed", "failedTrialList"),
    "Killed": ("trialsKilled", "killedTrialList"),
    "EarlyStopped": ("trialsEarlyStopped", "earlyStoppedTrialList"),
    "MetricsUnavailable": ("trialMetricsUnavailable", "metricsUnavailableTrialList"),
    "Running": ("trialsRunning", "runningTrialList"),
    "Pending": ("trialsPending", "pendingTrialList"),
}
"""A trial's phase → the count and the list of names that it stands in."""


class Decision(msgspec.Struct):
    status: Obj
    requests: int = 0
    """How many suggestions there must be in all."""
    create: list[Suggested] = []
    delete: list[Obj] = []


def decide(
    experiment: Obj, spec: Experiment, trials: Sequence[Obj], suggestion: Obj | None, now: float
) -> Decision:
    status = _counted(experiment.get("status") or {}, spec, trials)
    status.setdefault("startTime", stamp(now))
    conditions = status.get("conditions") or []
    if not conditions:
        conditions = marked([], "Created", "ExperimentCreated", "Experiment is created", now)
    status["conditions"] = conditions
    decision = Decision(status)
    if katib.completed({"status": status}):
        if not _resumed(experiment, spec, len(trials)):
            return decision
        conditions = without(conditions, "Succeeded", "Failed")
        conditions = marked(conditions, "Restarting", "ExperimentRestarting", "Experiment is restarted", now)
        status.pop("completionTime", None)
    ending = _ending(spec, status, trials, suggestion)
    if ending is not None:
        kind, reason, message = ending
        conditions = lowered(lowered(conditions, "Running", now), "Restarting", now)
        status["conditions"] = marked(conditions, kind, reason, message, now)
        status["completionTime"] = stamp(now)
        return decision
    if trials:
        conditions = lowered(conditions, "Restarting", now)
        conditions = marked(conditions, "Running", "ExperimentRunning", "Experiment is running", now)
    status["conditions"] = conditions
    _plan(decision, spec, trials, suggestion)
    return decision


def _counted(before: Obj, spec: Experiment, trials: Sequence[Obj]) -> Obj:
    status = {
        key: value for key, value in before.items()
        if all(key not in pair for pair in _LISTS.values()) and key not in ("trials", "currentOptimalTrial")
    }
    by_phase: dict[str, list[str]] = {}
    for trial in trials:
        by_phase.setdefault(katib.phase(trial), []).append(trial["metadata"]["name"])
    for phase, names in by_phase.items():
        count, listed = _LISTS[phase]
        status[count], status[listed] = len(names), names
    if trials:
        status["trials"] = len(trials)
    best = _best(spec.objective, trials) if spec.objective is not None else None
    if best is not None:
        status["currentOptimalTrial"] = {
            "bestTrialName": best["metadata"]["name"],
            "parameterAssignments": best["spec"].get("parameterAssignments") or [],
            "observation": best["status"]["observation"],
        }
    return status


def _best(objective: Objective, trials: Iterable[Obj]) -> Obj | None:
    """The earliest of the best."""
    best, highest = None, 0.0
    for trial in trials:
        value = objective_value((trial.get("status") or {}).get("observation"), objective)
        if value is None:
            continue
        merit = value if objective.maximize else -value
        if best is None or merit > highest:
            best, highest = trial, merit
    return best


def _resumed(experiment: Obj, spec: Experiment, made: int) -> bool:
    """Whether a budget that was used up has been raised."""
    from pinnace.kinds.katib_rules import restartable

    return restartable(experiment) and (spec.max_trial_count is None or spec.max_trial_count > made)


def _completed(status: Obj) -> int:
    return sum(status.get(_LISTS[kind][0], 0) for kind in katib.ENDINGS)


def _ending(
    spec: Experiment, status: Obj, trials: Sequence[Obj], suggestion: Obj | None
) -> tuple[str, str, str] | None:
    if _goal_reached(spec, trials):
        return (
            "Succeeded", "ExperimentGoalReached",
            "Experiment has succeeded because Objective goal has reached",
        )
    bad = status.get("trialsFailed", 0) + status.get("trialMetricsUnavailable", 0)
    most = spec.max_failed_trial_count
    if (most is not None and bad > most) or (most and bad >= most):
        return "Failed", "ExperimentFailed", "Experiment has failed because max failed count has reached"
    done = _completed(status)
    if spec.max_trial_count is not None and done >= spec.max_trial_count:
        return (
            "Succeeded", "ExperimentMaxTrialsReached",
            "Experiment has succeeded because max trial count has reached",
        )
    failed = katib.condition(suggestion, "Failed") if suggestion is not None else None
    if failed is not None:
        return "Failed", "ExperimentFailed", f"Suggestion has failed: {failed.get('message') or ''}"
    if suggestion is not None and katib.condition(suggestion, "Exhausted") and done == len(trials):
        ledger = (suggestion.get("status") or {}).get("suggestions") or []
        if len(ledger) <= done:
            return (
                "Succeeded", "ExperimentSuggestionEndReached",
                "Experiment has succeeded because suggestion service has reached the end",
            )
    return None


def _goal_reached(spec: Experiment, trials: Sequence[Obj]) -> bool:
    objective = spec.objective
    if objective is None or objective.goal is None:
        return False
    best = _best(objective, trials)
    value = objective_value(best["status"]["observation"], objective) if best is not None else None
    if value is None:
        return False
    return value >= objective.goal if objective.maximize else value <= objective.goal


def _plan(decision: Decision, spec: Experiment, trials: Sequence[Obj], suggestion: Obj | None) -> None:
    """Trials to add, up to `parallelTrialCount` at a time and `maxTrialCount` in all, or to take away."""
    parallel = spec.parallel_trial_count or 1
    active = [one for one in trials if katib.phase(one) in ("Running", "Pending")]
    done = len(trials) - len(active)
    wanted = parallel if spec.max_trial_count is None else min(parallel, spec.max_trial_count - done)
    decision.requests = len(trials) + max(0, wanted - len(active))
    if len(active) > parallel:
        newest = sorted(active, key=lambda one: one["metadata"]["creationTimestamp"], reverse=True)
        decision.delete = newest[: len(active) - parallel]
        decision.requests = len(trials) - len(decision.delete)
    elif suggestion is not None:
        names = {one["metadata"]["name"] for one in trials}
        ledger = (suggestion.get("status") or {}).get("suggestions") or []
        ahead: Conditions = [one for one in ledger if one["name"] not in names]
        decision.create = [katib.suggested(one) for one in ahead[: max(0, wanted - len(active))]]


def running(status: Obj, now: float) -> Obj:
    """The status of an experiment whose first trials are being made in the same commit."""
    conditions = lowered(status["conditions"], "Restarting", now)
    conditions = marked(conditions, "Running", "ExperimentRunning", "Experiment is running", now)
    return {**status, "conditions": conditions}
