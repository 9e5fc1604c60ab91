"""What trials say of themselves: lines of text or JSON as metric reports, reports as an observation.

Pure. Called by `collectors` (a thread of control) and `trial`. Source: kubeflow/katib
pkg/metricscollector/v1beta1/file-metricscollector/file-metricscollector.go and
pkg/controller.v1beta1/trial/trial_controller_util.go.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from pinnace.kinds.katib import UNAVAILABLE, Objective, Rule
from pinnace.kinds.resource import Obj

FORMAT = r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class Report(msgspec.Struct, frozen=True, array_like=True):
    """One value of one metric, in the order of its file. `time` is unix seconds; 0: not said."""

    metric: str
    value: str
    time: float = 0.0


class Unreadable(Exception):
    """The metrics file is not what the Experiment says it is."""


Reader = Callable[[str], list[Report]]


def reader(format_: str, metrics: Sequence[str], filters: Sequence[str]) -> Reader:
    """A function from one line to its reports."""
    wanted = frozenset(metrics)
    if format_ == "JSON":
        return lambda line: of_json(line, wanted)
    patterns = [_compiled(one) for one in filters or (FORMAT,)]
    return lambda line: of_text(line, wanted, patterns)


@lru_cache(64)
def _compiled(pattern: str) -> Any:
    """Go's expressions are RE2's; a user's cannot hold us up."""
    import re2

    return re2.compile(pattern)


def of_text(line: str, wanted: frozenset[str], patterns: Sequence[Any]) -> list[Report]:
    if not any(metric in line for metric in wanted):
        return []
    found, moment = [], None
    for pattern in patterns:
        for match in pattern.finditer(line):
            metric, value = (match[1] or "").strip(), (match[2] or "").strip()
            if metric in wanted and value:
                moment = _time_of(line) if moment is None else moment
                found.append(Report(metric, value, moment))
    return found


def _time_of(line: str) -> float:
    first = line.split(maxsplit=1)[0] if line.strip() else ""
    return seconds(first) if _MOMENT.fullmatch(first) else 0.0


def of_json(line: str, wanted: frozenset[str]) -> list[Report]:
    """Values are strings, as upstream has it; numbers are taken as well."""
    if not line.strip():
        return []
    try:
        document = json.loads(line)
    except ValueError:
        raise Unreadable(f"a line of the metrics file is not JSON: {line[:120]!r}") from None
    if not isinstance(document, dict):
        raise Unreadable(f"a line of the metrics file is not a JSON object: {line[:120]!r}")
    moment = seconds(document.get("timestamp"))
    found = []
    for metric in wanted:
        value = document.get(metric)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            found.append(Report(metric, str(value), moment))
    return found


def seconds(moment: Any) -> float:
    """Unix seconds of RFC 3339 or of a number (or its text); 0 for what is neither."""
    if isinstance(moment, int | float) and not isinstance(moment, bool):
        return float(moment)
    text = str(moment or "")
    try:
        return float(text)
    except ValueError:
        pass
    shortened = re.sub(r"(\.\d{6})\d+", r"\1", text.replace("Z", "+00:00"))
    try:
        found = datetime.fromisoformat(shortened)
    except ValueError:
        return 0.0
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return None if math.isnan(value) else value


# Observations -------------------------------------------------------------------------------------------


def observation(reports: Iterable[Report], objective: Objective) -> Obj | None:
    """The status' `observation`; None when the objective was never reported as a number."""
    all_of_them = list(reports)
    found = [one for metric in objective.metrics if (one := _summary(metric, all_of_them)) is not None]
    if not found or found[0]["name"] != objective.objective_metric_name:
        return None
    return {"metrics": found}


def _summary(metric: str, reports: list[Report]) -> Obj | None:
    """Texts as they were reported. `latest` is by time where all times are told, else by order."""
    mine = [one for one in reports if one.metric == metric]
    values = [(value, one.value) for one in mine if (value := number(one.value)) is not None]
    if not values:
        return None
    last = mine[-1]
    if all(one.time for one in mine):
        last = max(reversed(mine), key=lambda one: one.time)
    latest = last.value if number(last.value) is not None else UNAVAILABLE
    return {"name": metric, "latest": latest, "max": max(values)[1], "min": min(values)[1]}


def objective_value(observed: Obj | None, objective: Objective) -> float | None:
    """What counts of an observation, by the metric's strategy."""
    name = objective.objective_metric_name
    for metric in (observed or {}).get("metrics") or ():
        if metric["name"] == name:
            return number(metric.get(objective.strategy(name)) or "")
    return None


def broken(rules: Sequence[Rule], reports: Sequence[Report], objective: Objective) -> Rule | None:
    """The early-stopping rule that a trial breaks by now. The objective is judged by its best value so far,
    any other metric by its last."""
    for rule in rules:
        values = [
            value for one in reports if one.metric == rule.name and (value := number(one.value)) is not None
        ]
        if not values or len(values) < rule.start_step:
            continue
        limit = number(rule.value)
        value = values[-1]
        if rule.name == objective.objective_metric_name:
            value = max(values) if objective.maximize else min(values)
        if limit is not None and _breaks(rule.comparison, value, limit):
            return rule
    return None


def _breaks(comparison: str, value: float, limit: float) -> bool:
    if comparison == "less":
        return value < limit
    return value > limit if comparison == "greater" else value == limit
