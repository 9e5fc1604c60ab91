"""Experiments and their runs: parameters, metrics with their history, datasets.

A run's newest metrics and its parameters lie in its record; both have ids, because the Model Registry shows
them as artifacts. Every value that was ever logged lies in rows "registry-metric" (run, time-ordered key),
a batch a row, so that logging costs the same however long the history is.
"""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from pinnace.objects.registry.records import (
    ARTIFACT,
    DEFAULT,
    EXPERIMENT,
    RUN,
    Absent,
    Record,
    Registry,
    Unfit,
    Writing,
)
from pinnace.store.interface import Row

HISTORY = "registry-metric"
FIRST = 1
"""Id of the experiment `Default`."""


def default(turn: Writing) -> Record:
    """Where runs go that name no experiment; it is made when somebody asks for it."""
    found = turn.registry.table(EXPERIMENT).get(FIRST)
    return found or turn.add(EXPERIMENT, {"name": DEFAULT, "state": "LIVE"}, FIRST)


def begin(turn: Writing, experiment: Record, fields: Record) -> Record:
    """A new run. Raises Unfit."""
    if experiment.get("state") == "ARCHIVED":
        raise Unfit(f"the experiment {experiment['id']} must be active: it was deleted")
    made = {
        "status": "RUNNING", "state": "LIVE", "params": {}, "metrics": {}, "datasets": [],
        "uuid": uuid.uuid4().hex, **fields, "experimentId": experiment["id"],
    }
    return turn.add(RUN, made)


def of_uuid(registry: Registry, name: str) -> Record:
    """Raises Absent."""
    found = registry.said(RUN, name)
    if found is None:
        raise Absent(f"Run with id={name} not found")
    return found


def log(
    turn: Writing, run: Record, metrics: list[Record] = [], params: dict[str, str] = {},  # noqa: B006 - read
) -> Record:
    """`metrics`: {key, value, timestamp, step, …}. Raises Unfit: a parameter has another value already."""
    run = turn.current(RUN, run)
    known = dict(run.get("params") or {})
    for name, text in params.items():
        before = known.get(name)
        if before is not None and before["value"] != text:
            raise Unfit(
                f"Changing param values is not allowed. Param with key='{name}' was already logged with "
                f"value='{before['value']}' for run ID='{run['uuid']}'. Attempted logging new value '{text}'."
            )
        known[name] = before or {"id": turn.registry.allot(ARTIFACT), "value": text}
    newest = dict(run.get("metrics") or {})
    for metric in metrics:
        newest[metric["key"]] = _newer(turn, newest.get(metric["key"]), metric)
    made = turn.put(RUN, run, params=known, metrics=newest)
    if metrics:
        number = f"{turn.registry.now:014d}{uuid.uuid4().hex[:6]}"
        turn.rows.append(Row(HISTORY, run["uuid"], number, msgspec.json.encode(metrics)))
    return made


def _newer(turn: Writing, before: Record | None, metric: Record) -> Record:
    """The greatest step counts, then time, then value, as MLflow's stores decide."""
    if before is None:
        return {**metric, "id": turn.registry.allot(ARTIFACT)}
    order = _order(metric) >= _order(before)
    return {**metric, "id": before["id"]} if order else before


def _order(metric: Record) -> tuple[int, int, float]:
    value = number(metric["value"])
    known = value if value == value else float("-inf")
    return int(metric.get("step") or 0), int(metric.get("timestamp") or 0), known


def number(value: Any) -> float:
    """JSON has no NaN and no infinity: they travel and lie as texts. Raises Unfit."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise Unfit(f"metric value {value!r} is no number") from None


def history(registry: Registry, run: Record, key: str = "") -> list[Record]:
    """Every value of a metric (of all), in the order of logging."""
    found: list[Record] = []
    for _, _, _, body in registry.store.rows(HISTORY, run["uuid"]):
        found += [one for one in msgspec.json.decode(body) if not key or one["key"] == key]
    return found


def drop(turn: Writing, run: Record) -> None:
    turn.rows.append(Row(HISTORY, run["uuid"], "*", None))
    turn.remove(RUN, [run])


def artifacts(run: Record) -> list[Record]:
    """Its parameters and newest metrics as artifacts of the Model Registry."""
    said = {"experimentRunId": run["id"], "experimentId": run["experimentId"], "state": "LIVE"}
    times = {key: run[key] for key in ("createTimeSinceEpoch", "lastUpdateTimeSinceEpoch")}
    params = [
        {**said, **times, "id": one["id"], "artifactType": "parameter", "name": name, "value": one["value"],
         "parameterType": "string"}
        for name, one in (run.get("params") or {}).items()
    ]
    metrics = [
        {**said, **times, "id": one["id"], "artifactType": "metric", "name": name, "value": one["value"],
         "timestamp": str(one.get("timestamp") or 0), "step": one.get("step") or 0}
        for name, one in (run.get("metrics") or {}).items()
    ]
    return params + metrics


def inner(registry: Registry, number: int) -> Record:
    """The parameter or metric of that artifact id. Raises Absent."""
    for run in registry.table(RUN).values():
        for one in artifacts(run):
            if one["id"] == number:
                return one
    raise Absent(f"no Artifact found for id {number}")
