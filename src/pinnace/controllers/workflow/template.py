"""Templates made ready: resolved by name or reference, defaults merged, every tag parsed once a run.

A `Program` is shared by all nodes of its template. Callers: frames run programs, `validation` looks
names up.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET

from pinnace.authoring.argo import depends
from pinnace.authoring.argo.merging import joined, merged
from pinnace.authoring.argo.validation.naming import nearest
from pinnace.authoring.kfp import step
from pinnace.controllers.workflow.facts import Fact, Facts
from pinnace.controllers.workflow.loops import looped
from pinnace.controllers.workflow.tags import Render, Text, compile_tree
from pinnace.kinds.argo import Dag, Hook, Parameter, Spec, Task, Template, TemplateRef, text
from pinnace.kinds.resource import Obj

KINDS = (
    "container",
    "containerSet",
    "script",
    "steps",
    "dag",
    "resource",
    "suspend",
    "data",
    "http",
    "plugin",
)
PODS = frozenset({"container", "script", "containerSet", "data"})
LEAVES = PODS | {"resource", "suspend", "http", "plugin"}
_RESULT = re.compile(r"(?:steps|tasks)(?:\.|\[['\"])([\w-]+)(?:['\"]\])?\.outputs\.result")


class TemplateError(Exception):
    """A template cannot be found or is not one; the message is the node's."""


class Value:
    """One string of a manifest: static, or rendered for a scope. `pure` names the tag that is all of it."""

    __slots__ = ("pure", "render", "static")

    def __init__(self, source: Any) -> None:
        self.static = text(source)
        self.pure = ""
        self.render: Render | None = None
        if "{{" in self.static:
            compiled = Text.of(self.static)
            self.render, self.pure = compiled.compiled(), compiled.pure


class Argument:
    """A parameter of a call, or an input's default."""

    __slots__ = ("name", "parameter", "value")

    def __init__(self, parameter: Parameter) -> None:
        self.name = parameter.name
        self.parameter = parameter
        self.value = None if parameter.value is UNSET else Value(parameter.value)


class ArtifactArgument:
    __slots__ = ("document", "name", "render")

    def __init__(self, document: Obj) -> None:
        self.name = str(document.get("name", ""))
        self.document = document
        self.render = compile_tree({key: value for key, value in document.items() if key != "from"})


class Holder:
    """What calls a template: a step, a task, a hook, or the workflow itself."""

    __slots__ = (
        "arguments",
        "artifacts",
        "continue_on",
        "hooks",
        "inline",
        "looped",
        "name",
        "program",
        "reference",
        "task",
        "template",
        "watched",
        "when",
    )

    def __init__(self, source: Task | Hook, name: str = "") -> None:
        task = source if isinstance(source, Task) else None
        self.task = task
        self.name = name or (task.name if task else "")
        self.template = source.template
        self.reference = source.template_ref
        self.inline = task.inline if task else None
        self.arguments = {parameter.name: Argument(parameter) for parameter in source.arguments.parameters}
        self.artifacts = {
            str(artifact.get("name", "")): ArtifactArgument(artifact)
            for artifact in source.arguments.artifacts
        }
        self.when = Value(task.when) if task and task.when else None
        self.looped = looped(task) if task else False
        self.continue_on = task.continue_on if task else None
        self.hooks = _hooks(task) if task else {}
        self.watched = any(name != "exit" for name in self.hooks)
        """It has hooks that fire while what it calls runs."""
        self.program: Program | None = None
        """What it calls, once `Library.resolve` has found it: a holder stands in one scope all its life."""

    def tolerates(self, phase: str) -> bool:
        on = self.continue_on
        return on is not None and ((phase == "Failed" and on.failed) or (phase == "Error" and on.error))


def _hooks(task: Task) -> dict[str, tuple[Hook, Holder]]:
    hooks = dict(task.hooks or {})
    if task.on_exit and "exit" not in hooks:
        hooks["exit"] = Hook(template=task.on_exit, arguments=task.arguments)
    return {name: (hook, Holder(hook, name)) for name, hook in hooks.items()}


class Plan:
    """A DAG's static part: who waits for whom, and what has to run at all."""

    __slots__ = ("dependents", "depends", "holders", "targets")

    def __init__(self, dag: Dag, target: str) -> None:
        tasks = {task.name: task for task in dag.tasks}
        every = {name: depends.of_task(task, tasks) for name, task in tasks.items()}
        self.targets = tuple(target.split()) or _leaves(every)
        wanted = _ancestors(self.targets, every)
        self.holders = {name: Holder(task) for name, task in tasks.items() if name in wanted}
        self.depends = {name: every[name] for name in self.holders}
        self.dependents: dict[str, list[str]] = {name: [] for name in self.holders}
        for name, needs in self.depends.items():
            for other in needs.tasks:
                self.dependents[other].append(name)


def _leaves(every: dict[str, depends.Depends]) -> tuple[str, ...]:
    needed = {other for needs in every.values() for other in needs.tasks}
    return tuple(name for name in every if name not in needed)


def _ancestors(targets: tuple[str, ...], every: dict[str, depends.Depends]) -> set[str]:
    found: set[str] = set()
    waiting = list(targets)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        if name not in every:
            raise TemplateError(f"target '{name}' is not defined")
        found.add(name)
        waiting.extend(every[name].tasks)
    return found


class Program:
    """A template ready to run. `scope` is upstream's templateScope (`local/<wf>`, `namespaced/<tmpl>`, …)."""

    def __init__(self, template: Template, raw: Obj, scope: str) -> None:
        self.template = template
        self.raw = raw
        self.scope = scope
        self.name = template.name
        self.kind = kind_of(raw)
        self.inputs = [Argument(parameter) for parameter in template.inputs.parameters]
        self.defaults = {
            parameter.name: Value(parameter.default)
            for parameter in template.inputs.parameters
            if parameter.default is not UNSET
        }
        self.artifacts = [ArtifactArgument(artifact) for artifact in template.inputs.artifacts]
        self.steps = [[Holder(step) for step in group] for group in template.steps or []]
        self._plans: dict[str, Plan] = {}
        if template.dag is not None and "{{" not in template.dag.target:
            self.plan(template.dag.target)
        self.results = (
            frozenset(_RESULT.findall(_calls_text(raw))) if self.kind in ("steps", "dag") else frozenset()
        )
        self.memoized: bool | None = None
        """Whether `memo` keeps its answers, by key or by content; None: not asked yet."""
        self.component = step.of(template.annotations)
        """The pipeline step that the template stands for, if it does."""
        self.blueprint: Any = None
        """`pods` keeps the compiled Pod here."""

    def plan(self, target: str) -> Plan:
        """Of a DAG that is to reach these tasks. Raises TemplateError."""
        assert self.template.dag is not None
        found = self._plans.get(target)
        if found is None:
            found = self._plans[target] = Plan(self.template.dag, target)
        return found

    def output_default(self, name: str) -> str | None:
        for parameter in self.template.outputs.parameters:
            if parameter.name == name and parameter.value_from is not None:
                default = parameter.value_from.default
                return None if default is UNSET else text(default)
        return None


def _calls_text(raw: Obj) -> str:
    return (
        msgspec.json.encode([raw.get("steps"), raw.get("dag"), raw.get("outputs")])
        .decode()
        .replace('\\"', '"')
    )


def kind_of(raw: Obj) -> str:
    """Raises TemplateError in upstream's words."""
    found = [kind for kind in KINDS if raw.get(kind) is not None]
    if not found:
        raise TemplateError(
            "template type unspecified. choose one of: "
            "container, containerSet, steps, script, resource, dag, suspend, http, data, plugin"
        )
    if len(found) > 1:
        raise TemplateError(f"multiple template types specified. choose one of: {', '.join(found)}")
    return found[0]


class Library:
    """Every template that a run can reach. What came from outside is kept in `stored`, as upstream does, so
    that a WorkflowTemplate edited meanwhile does not change a run under way."""

    def __init__(self, workflow: str, spec: Obj, facts: Facts, stored: dict[str, Obj]) -> None:
        self.local = f"local/{workflow}"
        self.defaults: Obj | None = spec.get("templateDefaults")
        self.facts = facts
        self.stored = stored
        self.fresh = False
        """Something was added to `stored` since the workflow was last written."""
        self._raw = {str(raw.get("name", "")): raw for raw in spec.get("templates") or []}
        self._programs: dict[tuple[str, str], Program] = {}

    def resolve(self, holder: Holder, scope: str) -> Program:
        """Raises Need, TemplateError."""
        program = holder.program
        if program is None:
            program = holder.program = self._resolve(holder, scope)
        return program

    def _resolve(self, holder: Holder, scope: str) -> Program:
        if holder.inline is not None:
            return self._compile(merged(self.defaults, holder.inline), scope)
        if holder.reference is not None:
            return self.find(reference_scope(holder.reference), holder.reference.template)
        return self.find(scope, holder.template)

    def find(self, scope: str, name: str) -> Program:
        program = self._programs.get((scope, name))
        if program is None:
            raw = self._raw_template(scope, name)
            if scope == self.local:
                raw = merged(self.defaults, raw)
            program = self._programs[scope, name] = self._compile(raw, scope)
        return program

    def _compile(self, raw: Obj, scope: str) -> Program:
        try:
            return Program(msgspec.convert(raw, Template), raw, scope)
        except msgspec.ValidationError as error:
            raise TemplateError(f"template {raw.get('name', '')!r} is not valid: {error}") from None
        except depends.DependsError as error:
            raise TemplateError(str(error)) from None

    def _raw_template(self, scope: str, name: str) -> Obj:
        if scope == self.local:
            if name not in self._raw:
                raise TemplateError(f"template {name} not found{nearest(name, self._raw)}")
            return dict(self._raw[name])
        key = f"{scope}/{name}"
        if key not in self.stored:
            self.stored[key] = self._foreign(scope, name)
            self.fresh = True
        return self.stored[key]

    def _foreign(self, scope: str, name: str) -> Obj:
        reach, _, holder = scope.partition("/")
        kind = "clusterworkflowtemplate" if reach == "cluster" else "workflowtemplate"
        document = self.facts.ask(Fact(kind, holder))
        if document is None:
            raise TemplateError(f'{kind}s.argoproj.io "{holder}" not found')
        spec = document.get("spec") or {}
        for raw in spec.get("templates") or []:
            if raw.get("name") == name:
                return merged(spec.get("templateDefaults"), without_nulls(raw))
        known = [str(raw.get("name", "")) for raw in spec.get("templates") or []]
        raise TemplateError(f"template {name} not found in {kind} {holder}{nearest(name, known)}")


def reference_scope(reference: TemplateRef) -> str:
    return f"{'cluster' if reference.cluster_scope else 'namespaced'}/{reference.name}"


def merge_spec(workflow: Obj, template: Obj | None, defaults: Obj | None = None) -> Obj:
    """`workflowTemplateRef`: the workflow's own spec over the template's, and both over the controller's
    defaults.

    Raises TemplateError."""
    own = without_nulls(workflow.get("spec") or {})
    if template is None:
        return dict(own)
    base = without_nulls(template.get("spec") or {})
    spec_of(base)
    made = joined(own, base, without_nulls((defaults or {}).get("spec") or {}))
    made.setdefault("arguments", {})
    made.pop("workflowTemplateRef", None)
    return made


def without_nulls(document: Any) -> Any:
    """YAML's `key:` is a null; it says as little as an absent key. Parts without one are not copied."""
    if isinstance(document, dict):
        kept = {key: without_nulls(value) for key, value in document.items() if value is not None}
        same = len(kept) == len(document) and all(kept[key] is document[key] for key in kept)
        return document if same else kept
    if isinstance(document, list):
        items = [without_nulls(item) for item in document]
        return document if all(map(operator.is_, items, document)) else items
    return document


def spec_of(document: Obj) -> Spec:
    """Raises TemplateError."""
    try:
        return msgspec.convert(document, Spec)
    except msgspec.ValidationError as error:
        raise TemplateError(f"invalid spec: {error}") from None


def parameters_of(holder: Holder) -> Iterator[str]:
    yield from holder.arguments
