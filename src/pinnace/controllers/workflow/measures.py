"""Metrics that workflows emit (`metrics.prometheus`): judged in a run, counted for the whole platform.

A run turns a declaration into samples when a node or the workflow ends (and a realtime gauge when it
begins); they leave with the commit of that end. The table keeps what was counted since control started, as
upstream's controller does. Callers: `context`, `run`, `live`; the manager's `/metrics`. Source: upstream
docs/metrics.md, workflow/controller/operator.go computeMetrics.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.authoring.argo.expression.when import WhenError, passes
from pinnace.controllers.workflow.scope import Absent, Scope, Unresolved
from pinnace.controllers.workflow.tags import Text
from pinnace.kinds.argo import NodeStatus, text
from pinnace.kinds.resource import Obj

if TYPE_CHECKING:
    from pinnace.controllers.workflow.context import Context

PREFIX = "argo_workflows_"
KINDS = ("counter", "gauge", "histogram")
REALTIME = ("duration", "workflow.duration")
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MISTAKES = (ExpressionError, WhenError, Absent, Unresolved)

Labels = tuple[tuple[str, str], ...]


class MetricError(Exception):
    """A metric that cannot be emitted; the message is the condition's."""


class Sample(msgspec.Struct, frozen=True):
    """`since`: a realtime gauge counts seconds from then, until `value` says that it is over."""

    name: str
    kind: str
    help: str
    labels: Labels
    value: float = 0
    operation: str = ""
    buckets: tuple[float, ...] = ()
    since: float | None = None


# ---- in a run --------------------------------------------------------------------------------------------


def emitted(
    run: Context, declared: Obj, node: NodeStatus, inputs: dict[str, str], *, begins: bool = False
) -> list[Sample]:
    """What a node's template, or the workflow, says of it now; mistakes stand in `run.complaints`."""
    scope = _scope(run, node, inputs)
    found = []
    for metric in declared.get("prometheus") or []:
        realtime = bool((metric.get("gauge") or {}).get("realtime"))
        if begins and not realtime:
            continue
        try:
            sample = _sample(run, metric, scope, node, realtime=realtime, begins=begins)
        except (MetricError, *_MISTAKES) as mistake:
            run.complaints["MetricsError"] = str(mistake)
            continue
        if sample is not None:
            found.append(sample)
    return found


def _scope(run: Context, node: NodeStatus, inputs: dict[str, str]) -> Scope:
    """Source: upstream prepareMetricScope."""
    until = run.when(node.finished_at) if node.finished_at else run.now
    outputs = node.outputs or {}
    extra = {"status": node.phase, "duration": f"{max(0.0, until - run.when(node.started_at)):.6f}"}
    for key in ("exitCode", "result"):
        if outputs.get(key) is not None:
            extra["exitCode" if key == "exitCode" else "outputs.result"] = str(outputs[key])
    for item in outputs.get("parameters") or ():
        extra[f"outputs.parameters.{item['name']}"] = text(item.get("value"))
    for name, amount in (node.resources_duration or {}).items():
        extra[f"resourcesDuration.{name}"] = str(amount)
    return Scope(run.globals, inputs, {}, extra=extra)


def _sample(
    run: Context, metric: Obj, scope: Scope, node: NodeStatus, *, realtime: bool, begins: bool
) -> Sample | None:
    name = str(metric.get("name", ""))
    if not _NAME.fullmatch(name):
        raise MetricError(f"metric name '{name}' is invalid: letters, digits and underscores, no digit first")
    if not metric.get("help"):
        raise MetricError(f"metric '{name}' must contain a help string under 'help: ' field")
    kind = next((kind for kind in KINDS if metric.get(kind) is not None), "")
    if not kind:
        raise MetricError(f"metric '{name}' must be one of counter, gauge, histogram")
    when = str(metric.get("when") or "")
    if when and not begins and not passes(_text(when, scope, name, "when")):
        return None
    labels = tuple(
        (str(item.get("key")), _text(str(item.get("value", "")), scope, name, f"label '{item.get('key')}'"))
        for item in metric.get("labels") or ()
    )
    inner = metric[kind]
    if realtime:
        return _realtime(run, Sample(name, kind, metric["help"], labels), inner, node, begins=begins)
    return Sample(
        name,
        kind,
        metric["help"],
        labels,
        _number(_text(text(inner.get("value", "")), scope, name, "value"), name),
        str(inner.get("operation") or "Set"),
        tuple(float(text(bound)) for bound in inner.get("buckets") or ()),
    )


def _realtime(run: Context, sample: Sample, gauge: Obj, node: NodeStatus, *, begins: bool) -> Sample:
    value = str(gauge.get("value", "")).strip().removeprefix("{{").removesuffix("}}").strip()
    if value not in REALTIME:
        words = f"'{value}' is not available as a real time variable; should be one of {', '.join(REALTIME)}"
        raise MetricError(f"metric '{sample.name}': {words}")
    since = run.when(node.started_at if value == "duration" else run.started_at)
    if begins:
        return msgspec.structs.replace(sample, since=since)
    return msgspec.structs.replace(sample, value=max(0.0, run.now - since), operation="Set")


def _text(source: str, scope: Scope, name: str, place: str) -> str:
    if "{{" not in source:
        return source
    found = Text.of(source).render(scope)
    if "{{" in found:
        raise MetricError(f"unable to substitute parameters for metric '{name}' ({place}): {found}")
    return found


def _number(source: str, name: str) -> float:
    try:
        return float(source)
    except ValueError:
        raise MetricError(f"metric '{name}': value {source!r} is not a number") from None


# ---- of the platform -------------------------------------------------------------------------------------


class Series:
    """One metric under one set of labels."""

    __slots__ = ("buckets", "count", "since", "value")

    def __init__(self, buckets: Iterable[float]) -> None:
        self.value = 0.0
        self.count = 0
        self.since: float | None = None
        self.buckets = dict.fromkeys(sorted(buckets), 0)


class Measures:
    """Everything that workflows have emitted since control started."""

    def __init__(self) -> None:
        self._families: dict[str, tuple[str, str, dict[Labels, Series]]] = {}

    def take(self, samples: Iterable[Sample]) -> None:
        for sample in samples:
            kind, _, series = self._families.setdefault(sample.name, (sample.kind, sample.help, {}))
            if kind != sample.kind:
                continue  # two workflows disagree on what it is: the first stands
            found = series.get(sample.labels)
            if found is None:
                found = series[sample.labels] = Series(sample.buckets)
            _count(found, sample)

    def lines(self, now: float) -> Iterator[str]:
        """The Prometheus text format."""
        for name, (kind, help_, series) in sorted(self._families.items()):
            full = f"{PREFIX}{name}"
            words = help_.replace("\\", "\\\\").replace("\n", "\\n")
            yield f"# HELP {full} {words}"
            yield f"# TYPE {full} {kind}"
            for labels, found in series.items():
                yield from _lines(full, kind, labels, found, now)


def _count(series: Series, sample: Sample) -> None:
    if sample.kind == "histogram":
        series.value += sample.value
        series.count += 1
        for bound in series.buckets:
            series.buckets[bound] += sample.value <= bound
    elif sample.since is not None:
        series.since = sample.since
    elif sample.kind == "counter" or sample.operation == "Add":
        series.value += sample.value
    elif sample.operation == "Sub":
        series.value -= sample.value
    else:
        series.value, series.since = sample.value, None


def _lines(name: str, kind: str, labels: Labels, series: Series, now: float) -> Iterator[str]:
    if kind != "histogram":
        value = series.value if series.since is None else max(0.0, now - series.since)
        yield f"{name}{_braced(labels)} {_shown(value)}"
        return
    for bound, count in series.buckets.items():
        yield f"{name}_bucket{_braced((*labels, ('le', _shown(bound))))} {count}"
    yield f"{name}_bucket{_braced((*labels, ('le', '+Inf')))} {series.count}"
    yield f"{name}_sum{_braced(labels)} {_shown(series.value)}"
    yield f"{name}_count{_braced(labels)} {series.count}"


def _braced(labels: Labels) -> str:
    shown = (f'{key}="{_escaped(value)}"' for key, value in sorted(labels))
    return f"{{{','.join(shown)}}}" if labels else ""


def _escaped(value: Any) -> str:
    return str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _shown(value: float) -> str:
    return str(int(value)) if math.isfinite(value) and value == int(value) else repr(value)
