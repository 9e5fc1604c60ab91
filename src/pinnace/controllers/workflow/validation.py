"""What upstream refuses before a workflow runs, with the place and the nearest name.

Schema errors (unknown fields, wrong types) are `objects/`' business; this is what only the language knows:
names that mean nothing, inputs that nobody supplies, cycles. Callers: `controller`, `pinnace lint`. Source:
upstream workflow/validate/validate.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Protocol

from pinnace.authoring.argo import depends
from pinnace.controllers.workflow.template import TemplateError, kind_of, merged, nearest
from pinnace.kinds.argo import Task
from pinnace.kinds.resource import Obj

_INPUT = re.compile(r"\{\{\s*(inputs\.(parameters|artifacts)\.([-\w]+))[^{}]*\}\}")


class Lookup(Protocol):
    def __call__(self, name: str, *, cluster: bool, namespace: str | None) -> Obj | None: ...


def problems(obj: Obj, spec: Obj, lookup: Lookup | None = None) -> list[str]:
    """Everything that is wrong, in document order. `spec` is the merged one; without `lookup` references to
    WorkflowTemplates are taken on trust."""
    return list(_Judge(obj, spec, lookup).all())


class _Judge:
    def __init__(self, obj: Obj, spec: Obj, lookup: Lookup | None) -> None:
        self.obj = obj
        self.spec = spec
        self.lookup = lookup
        self.namespace = (obj.get("metadata") or {}).get("namespace")
        defaults = spec.get("templateDefaults")
        self.templates = {
            str(raw.get("name", "")): merged(defaults, raw)
            for raw in spec.get("templates") or []
            if isinstance(raw, dict)
        }

    def all(self) -> Iterator[str]:
        yield from self._entry()
        given = {
            str(item.get("name")): item for item in (self.spec.get("arguments") or {}).get("parameters") or []
        }
        yield from self._arguments(given)
        names: set[str] = set()
        for at, raw in enumerate(self.spec.get("templates") or []):
            yield from self._template(f"templates[{at}]", raw, names)
        yield from self._hook("onExit", self.spec.get("onExit"))
        for name, hook in (self.spec.get("hooks") or {}).items():
            if hook.get("template"):
                yield from self._hook(f"hooks.{name}.template", hook["template"])

    def _entry(self) -> Iterator[str]:
        entry = self.spec.get("entrypoint")
        if not entry:
            yield "spec.entrypoint is required"
        elif entry not in self.templates:
            yield f"spec.entrypoint: template name '{entry}' undefined{nearest(entry, self.templates)}"
        else:
            yield from self._entry_inputs(self.templates[entry])

    def _entry_inputs(self, raw: Obj) -> Iterator[str]:
        given = {str(item.get("name")) for item in (self.spec.get("arguments") or {}).get("parameters") or []}
        for parameter in (raw.get("inputs") or {}).get("parameters") or []:
            if parameter["name"] not in given and not _own(parameter):
                missing = f"templates.{raw['name']} inputs.parameters.{parameter['name']}"
                yield f"spec.entrypoint: {missing} was not supplied"

    def _arguments(self, given: dict[str, Obj]) -> Iterator[str]:
        for name, item in given.items():
            enum = item.get("enum")
            if enum is not None and "value" in item and item["value"] not in enum:
                yield f"spec.arguments.{name}.value: value '{item['value']}' is not one of its enum {enum}"

    def _hook(self, place: str, template: str | None) -> Iterator[str]:
        if template and template not in self.templates:
            yield f"spec.{place}: template name '{template}' undefined{nearest(template, self.templates)}"

    def _template(self, place: str, raw: Obj, names: set[str]) -> Iterator[str]:
        name = str(raw.get("name") or "")
        if not name:
            yield f"spec.{place}.name is required"
        if name in names:
            yield f"spec.{place}.name: '{name}' is not unique"
        names.add(name)
        raw = self.templates.get(name, raw)
        try:
            kind = kind_of(raw)
        except TemplateError as error:
            yield f"spec.{place} ({name}): {error}"
            return
        yield from _inputs(place, raw)
        yield from _asked(place, raw)
        if kind == "steps":
            yield from self._steps(place, raw)
        elif kind == "dag":
            yield from self._dag(place, raw)
        else:
            yield from _leaf(place, kind, raw)

    def _steps(self, place: str, raw: Obj) -> Iterator[str]:
        seen: dict[str, Obj] = {}
        for at, group in enumerate(raw["steps"] or []):
            for inner, step in enumerate(group or []):
                spot = f"{place}.steps[{at}][{inner}]"
                if not step.get("name"):
                    yield f"spec.{spot}.name is required"
                elif step["name"] in seen:
                    yield f"spec.{spot}.name: '{step['name']}' is not unique"
                seen[str(step.get("name"))] = step
                yield from self._call(spot, step)

    def _dag(self, place: str, raw: Obj) -> Iterator[str]:
        tasks = {str(task.get("name")): task for task in raw["dag"].get("tasks") or []}
        if len(tasks) != len(raw["dag"].get("tasks") or []):
            yield f"spec.{place}.dag.tasks: task names are not unique"
        graph: dict[str, tuple[str, ...]] = {}
        for at, task in enumerate(raw["dag"].get("tasks") or []):
            spot = f"{place}.dag.tasks[{at}]"
            yield from self._call(spot, task)
            yield from _dependencies(spot, task, tasks, graph)
        for target in str(raw["dag"].get("target") or "").split():
            if target not in tasks and "{{" not in target:
                yield f"spec.{place}.dag.target: target '{target}' is not defined{nearest(target, tasks)}"
        cycle = _cycle(graph)
        if cycle:
            yield f"spec.{place}.dag.tasks: dependency cycle detected: {'->'.join(cycle)}"

    def _call(self, spot: str, task: Obj) -> Iterator[str]:
        name = task.get("template")
        if task.get("inline") is not None:
            return
        target: Obj | None
        if task.get("templateRef"):
            target, problem = self._referred(spot, task["templateRef"])
            if problem:
                yield problem
        elif not name:
            yield f"spec.{spot}: one of template, templateRef or inline is required"
            return
        elif "{{" in name:
            return
        else:
            target = self.templates.get(name)
            if target is None:
                yield f"spec.{spot}.template: template name '{name}' undefined{nearest(name, self.templates)}"
        loops = [key for key in ("withItems", "withParam", "withSequence") if task.get(key)]
        if len(loops) > 1:
            yield f"spec.{spot}: only one of withItems, withParam, withSequence can be used"
        if target is not None:
            yield from _supplied(spot, task, target)

    def _referred(self, spot: str, reference: Obj) -> tuple[Obj | None, str]:
        if self.lookup is None:
            return None, ""
        cluster, name = bool(reference.get("clusterScope")), str(reference.get("name"))
        found = self.lookup(name, cluster=cluster, namespace=self.namespace)
        kind = "clusterworkflowtemplates" if cluster else "workflowtemplates"
        if found is None:
            return None, f'spec.{spot}.templateRef: {kind}.argoproj.io "{name}" not found'
        known = {str(raw.get("name")): raw for raw in (found.get("spec") or {}).get("templates") or []}
        wanted = str(reference.get("template"))
        if wanted not in known and "{{" not in wanted:
            return (
                None,
                f"spec.{spot}.templateRef: template name '{wanted}' undefined in {name}"
                f"{nearest(wanted, known)}",
            )
        return known.get(wanted), ""


def _own(parameter: Obj) -> bool:
    return any(parameter.get(key) is not None for key in ("value", "default", "valueFrom"))


def _inputs(place: str, raw: Obj) -> Iterator[str]:
    for kind in ("parameters", "artifacts"):
        seen: set[Any] = set()
        for at, item in enumerate((raw.get("inputs") or {}).get(kind) or []):
            if item.get("name") in seen:
                yield f"spec.{place}.inputs.{kind}[{at}].name: '{item.get('name')}' is not unique"
            seen.add(item.get("name"))


def _asked(place: str, raw: Obj) -> Iterator[str]:
    """A tag of an input that the template does not declare would stay as text in what runs. Inline templates
    have inputs of their own."""
    inputs = raw.get("inputs") or {}
    told: set[str] = set()
    for text in _texts({key: value for key, value in raw.items() if key != "inputs"}):
        for tag, kind, name in _INPUT.findall(text):
            known = [str(item.get("name")) for item in inputs.get(kind) or ()]
            if name not in known and tag not in told:
                told.add(tag)
                yield f"spec.{place}: failed to resolve {{{{{tag}}}}}{nearest(name, known)}"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if "{{" in value:
            yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            if key != "inline":
                yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _supplied(spot: str, task: Obj, target: Obj) -> Iterator[str]:
    given = {str(item.get("name")) for item in (task.get("arguments") or {}).get("parameters") or []}
    for parameter in (target.get("inputs") or {}).get("parameters") or []:
        if str(parameter.get("name")) not in given and not _own(parameter):
            missing = f"templates.{target.get('name')} inputs.parameters.{parameter.get('name')}"
            yield f"spec.{spot}: {missing} was not supplied"
    artifacts = {str(item.get("name")) for item in (task.get("arguments") or {}).get("artifacts") or []}
    for artifact in (target.get("inputs") or {}).get("artifacts") or []:
        located = len(artifact.keys() - {"name", "path", "mode", "optional", "archive"}) > 0
        if artifact.get("name") not in artifacts and not artifact.get("optional") and not located:
            missing = f"templates.{target.get('name')} inputs.artifacts.{artifact.get('name')}"
            yield f"spec.{spot}: {missing} was not supplied"


def _dependencies(
    spot: str, task: Obj, tasks: dict[str, Obj], graph: dict[str, tuple[str, ...]]
) -> Iterator[str]:
    name = str(task.get("name"))
    if task.get("depends") and task.get("dependencies"):
        yield f"spec.{spot}: cannot use both 'depends' and 'dependencies' in the same DAG template"
    if task.get("depends") and task.get("continueOn"):
        yield f"spec.{spot}: cannot use 'continueOn' when using 'depends'; use 'dep-task.Failed' instead"
    try:
        needs = depends.of_task(
            Task(name=name, depends=task.get("depends") or "", dependencies=task.get("dependencies")), {}
        )
    except depends.DependsError as error:
        yield f"spec.{spot}.depends: {error}"
        return
    graph[name] = needs.tasks
    for other, result in needs.uses:
        if other not in tasks:
            yield f"spec.{spot}: dependency '{other}' not defined{nearest(other, tasks)}"
        elif result in ("AnySucceeded", "AllFailed") and not any(
            tasks[other].get(key) for key in ("withItems", "withParam", "withSequence")
        ):
            yield f"spec.{spot}.depends: {other}.{result} needs '{other}' to be a loop"


def _cycle(graph: dict[str, tuple[str, ...]]) -> list[str]:
    """One cycle, if there is one. Iterative: a DAG may have a hundred thousand tasks."""
    state: dict[str, int] = {}
    for root in graph:
        path: list[str] = []
        stack = [(root, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                state[name] = 2
                path.pop()
            elif state.get(name) == 1:
                return [*path[path.index(name) :], name]
            elif name in graph and name not in state:
                state[name] = 1
                path.append(name)
                stack.append((name, True))
                stack.extend((other, False) for other in graph[name])
    return []


def _leaf(place: str, kind: str, raw: Obj) -> Iterator[str]:
    if kind in ("container", "script") and not raw[kind].get("image"):
        yield f"spec.{place}.{kind}.image may not be empty"
    if kind == "resource" and raw[kind].get("action") not in (
        "get",
        "create",
        "apply",
        "patch",
        "replace",
        "delete",
    ):
        yield f"spec.{place}.resource.action must be one of: get, create, apply, delete, replace, patch"
    if raw.get("timeout") and raw.get("activeDeadlineSeconds"):
        yield f"spec.{place}: timeout and activeDeadlineSeconds cannot be used together"
