"""Rules between fields of upstream's custom kinds, in our own words, by `<Kind>.<group>`.

Upstream states them as CEL in its CustomResourceDefinitions; `validation.py` calls these instead. Source of
the rules: `argoproj/argo-workflows` docs/fields.md and its CRDs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from . import cause, training
from .cause import Cause

Check = Callable[[Any, Any], list[Cause]]
TYPES = (
    "container", "script", "dag", "steps", "resource", "suspend", "containerSet", "data", "http", "plugin",
)
LOCATIONS = ("s3", "git", "http", "artifactory", "hdfs", "raw", "oss", "gcs", "azure", "plugin")


def _refused(path: str, value: Any, words: str) -> Cause:
    kind = "array" if isinstance(value, list) else "object"
    return cause.invalid(path, kind, words)


def _workflow(*parts: str) -> Check:
    """The check of a kind that keeps its WorkflowSpec under these fields."""

    def check(obj: Any, old: Any) -> list[Cause]:
        spec = obj
        for part in parts:
            spec = spec.get(part) or {}
        return list(_spec(spec, ".".join(parts)))

    return check


def _spec(spec: dict[str, Any], path: str) -> Iterator[Cause]:
    templates = spec.get("templates") or []
    yield from _templates(templates, f"{path}.templates")
    for index, one in enumerate(templates):
        yield from _template(one, f"{path}.templates[{index}]")
    if "templateDefaults" in spec:
        yield from _template(spec["templateDefaults"], f"{path}.templateDefaults")
    yield from _metrics(spec, path)
    yield from _artifacts(spec.get("arguments"), f"{path}.arguments")
    for name, hook in (spec.get("hooks") or {}).items():
        yield from _artifacts(hook.get("arguments"), f"{path}.hooks.{name}.arguments")


def _templates(templates: list[dict[str, Any]], path: str) -> Iterator[Cause]:
    composed = [one for one in templates if "steps" in one or "dag" in one]
    if any(sum(type_ in one for type_ in TYPES) > 1 for one in templates):
        yield _refused(path, templates, f"a template is of one type only: one of {', '.join(TYPES)}")
    if any(one.get("timeout") for one in composed):
        yield _refused(path, templates, "timeout cannot stand on a steps or dag template")
    if any("activeDeadlineSeconds" in one for one in composed):
        yield _refused(path, templates, "activeDeadlineSeconds cannot stand on a steps or dag template")


def _template(template: dict[str, Any], path: str) -> Iterator[Cause]:
    for index, task in enumerate((template.get("dag") or {}).get("tasks") or ()):
        yield from _task(task, f"{path}.dag.tasks[{index}]")
    for outer, group in enumerate(template.get("steps") or ()):
        for inner, step in enumerate(group if isinstance(group, list) else ()):
            yield from _call(step, f"{path}.steps[{outer}][{inner}]")
    resource = template.get("resource") or {}
    if "manifest" in resource and "manifestFrom" in resource:
        yield _refused(f"{path}.resource", resource, "manifest and manifestFrom exclude each other")
    yield from _metrics(template, path)
    for field in ("inputs", "outputs"):
        yield from _artifacts(template.get(field), f"{path}.{field}")
    if "archiveLocation" in template:
        yield from _location(template["archiveLocation"], f"{path}.archiveLocation")


def _task(task: dict[str, Any], path: str) -> Iterator[Cause]:
    ordered = "depends" in task or "dependencies" in task
    if "depends" in task and "dependencies" in task:
        yield _refused(path, task, "depends and dependencies exclude each other")
    if "depends" in task and "continueOn" in task:
        yield _refused(path, task, "continueOn cannot stand beside depends: name the outcome in depends")
    if ordered and str(task.get("name", ""))[:1].isdecimal():
        words = "the name of a task with depends or dependencies cannot begin with a digit"
        yield _refused(path, task, words)
    yield from _call(task, path)


def _call(call: dict[str, Any], path: str) -> Iterator[Cause]:
    sequence = call.get("withSequence") or {}
    if "count" in sequence and "end" in sequence:
        yield _refused(f"{path}.withSequence", sequence, "count and end exclude each other")
    yield from _artifacts(call.get("arguments"), f"{path}.arguments")
    for name, hook in (call.get("hooks") or {}).items():
        yield from _artifacts(hook.get("arguments"), f"{path}.hooks.{name}.arguments")


def _artifacts(holder: Any, path: str) -> Iterator[Cause]:
    for index, one in enumerate((holder or {}).get("artifacts") or ()):
        yield from _location(one, f"{path}.artifacts[{index}]")


def _location(artifact: dict[str, Any], path: str) -> Iterator[Cause]:
    if sum(place in artifact for place in LOCATIONS) > 1:
        yield _refused(path, artifact, f"an artifact is at one location only: one of {', '.join(LOCATIONS)}")


def _metrics(holder: dict[str, Any], path: str) -> Iterator[Cause]:
    for index, one in enumerate((holder.get("metrics") or {}).get("prometheus") or ()):
        gauge = one.get("gauge") or {}
        if gauge.get("realtime") and "resourcesDuration." in gauge.get("value", ""):
            place = f"{path}.metrics.prometheus[{index}].gauge"
            words = "a realtime gauge cannot show resourcesDuration, known only at the end"
            yield _refused(place, gauge, words)


CHECKS: dict[str, tuple[Check, ...]] = {
    "Workflow.argoproj.io": (_workflow("spec"),),
    "WorkflowTemplate.argoproj.io": (_workflow("spec"),),
    "ClusterWorkflowTemplate.argoproj.io": (_workflow("spec"),),
    "CronWorkflow.argoproj.io": (_workflow("spec", "workflowSpec"),),
    **training.CHECKS,
}
