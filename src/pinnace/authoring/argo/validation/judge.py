"""Templates that call templates: each body is judged once, each call with its own arguments.

A problem carries the way to it, as upstream writes it: `templates.main.steps[0].a templates.x
inputs.parameters.p was not supplied`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pinnace.authoring.argo import depends
from pinnace.authoring.argo.merging import merged
from pinnace.authoring.argo.validation import naming, parts
from pinnace.authoring.argo.validation.scope import Lookup, Scope, texts
from pinnace.kinds.argo import Task
from pinnace.kinds.resource import Obj

LOOPS = ("withItems", "withParam", "withSequence")
RETRIES = {
    "retries", "lastRetry.exitCode", "lastRetry.status", "lastRetry.duration", "lastRetry.message",
}
Called = tuple[Obj | None, list[str]]
"""A template (None: it is known only when it runs, or there is none), and what is wrong."""


class Base(msgspec.Struct):
    """What the name of a template is looked up in."""

    name: str
    templates: Mapping[str, Obj]


def base(name: str, spec: Obj) -> Base:
    """A default of a field that a kind of template does not have is no mistake of that template."""
    defaults = spec.get("templateDefaults") or {}
    others = {key: value for key, value in defaults.items() if key != "timeout"}
    found = {
        str(raw.get("name") or ""): merged(others if "steps" in raw or "dag" in raw else defaults, raw)
        for raw in spec.get("templates") or () if isinstance(raw, dict)
    }
    return Base(name, found)


class Judge:
    def __init__(
        self, local: Base, common: set[str], lookup: Lookup | None, namespace: str | None, *, isolated: bool
    ) -> None:
        """`common`: names with a value everywhere; outputs with global names join them. Without `lookup`,
        references to other documents are taken on trust."""
        self.local = local
        self.common = common
        self.lookup = lookup
        self.namespace = namespace
        self.isolated = isolated
        self._seen: set[tuple[str, Any]] = set()
        self._foreign: dict[tuple[bool, str], Base | None] = {}

    # ---- what is called ----------------------------------------------------------------------------------

    def call(self, holder: Obj, where: Base, given: Obj | None, outer: Scope | None = None) -> Called:
        """A step, a task, or `{"template": name}`; `given`: its arguments, None if any will do."""
        reference, name = holder.get("templateRef"), str(holder.get("template") or "")
        if reference is not None:
            return self._referred(reference, name, given)
        if holder.get("inline") is not None:
            raw = holder["inline"]
            return raw, list(self.template(raw, where, given, outer))
        if not name:
            return None, ["one of template, templateRef or inline is required"]
        if name not in where.templates:
            if "{{" in name:
                return None, []
            return None, [f"template name '{name}' undefined{naming.nearest(name, where.templates)}"]
        raw = where.templates[name]
        return raw, list(self.template(raw, where, given))

    def _referred(self, reference: Obj, name: str, given: Obj | None) -> Called:
        place, wanted = str(reference.get("name") or ""), str(reference.get("template") or "")
        if name:
            return None, ["template name cannot be specified with templateRef"]
        if not place or not wanted:
            return None, [f"{'resource' if not place else 'template'} name is required"]
        if "{{" in place or "{{" in wanted or self.lookup is None:
            return None, []
        cluster = bool(reference.get("clusterScope"))
        where = self._base(cluster, place)
        if where is None:
            kind = "clusterworkflowtemplates" if cluster else "workflowtemplates"
            return None, [f'{kind}.argoproj.io "{place}" not found']
        if wanted not in where.templates:
            near = naming.nearest(wanted, where.templates)
            return None, [f"template reference {place}.{wanted} not found{near}"]
        raw = where.templates[wanted]
        return raw, list(self.template(raw, where, given))

    def _base(self, cluster: bool, name: str) -> Base | None:
        if (cluster, name) not in self._foreign:
            assert self.lookup is not None
            found = self.lookup(name, cluster=cluster, namespace=self.namespace)
            scope = f"{'cluster' if cluster else 'namespaced'}/{name}"
            self._foreign[cluster, name] = None if found is None else base(scope, found.get("spec") or {})
        return self._foreign[cluster, name]

    # ---- a template --------------------------------------------------------------------------------------

    def template(self, raw: Obj, where: Base, given: Obj | None, outer: Scope | None = None) -> Iterator[str]:
        name = str(raw.get("name") or "")
        key = (where.name, name or id(raw))
        if key in self._seen:
            yield from parts.supplied(name, raw, given)
            return
        policy = (raw.get("retryStrategy") or {}).get("retryPolicy") or ""
        if policy not in parts.POLICIES:
            yield f"{policy} is not a valid RetryPolicy"
        wrong = list(parts.kind(name, raw))
        if wrong:
            self._seen.add(key)
            yield from wrong
            return
        yield from parts.inputs(name, raw)
        if any(not one.get("name") for one in raw.get("initContainers") or ()):
            yield "initContainers must all have container name"
        yield from parts.supplied(name, raw, given)
        self._seen.add(key)
        yield from self._body(name, raw, where, outer)

    def _body(self, name: str, raw: Obj, where: Base, outer: Scope | None) -> Iterator[str]:
        kind = parts.kind_of(raw)
        yield from _timeout(name, kind, raw)
        scope = self._scope(raw, kind, outer)
        if kind == "steps":
            yield from self._steps(name, raw, where, scope)
        elif kind == "dag":
            yield from self._dag(name, raw, where, scope)
        else:
            yield from (f"templates.{name}: {wrong}" for wrong in scope.unresolved(raw))
            yield from parts.leaf(name, raw)
        outputs = raw.get("outputs") or {}
        for part in ("parameters", "artifacts"):
            for wrong in naming.fields(outputs.get(part) or [], parameters=True):
                yield f"templates.{name}.outputs.{part} {wrong}"
        if kind in ("steps", "dag"):
            yield from (f"templates.{name}.outputs {wrong}" for wrong in scope.unresolved(outputs))
        yield from parts.outputs(name, raw)
        yield from parts.location(f"templates.{name}.archiveLocation", raw.get("archiveLocation") or {})
        yield from parts.metrics(name, raw)

    def _scope(self, raw: Obj, kind: str, outer: Scope | None) -> Scope:
        """An inline template also sees what its caller sees: it is rendered there first."""
        names = set(outer.names) if outer is not None else set[str]()
        given = raw.get("inputs") or {}
        names.add("inputs.parameters")  # a list, empty where there are none: the source of Hera's runner
        names.update(f"inputs.parameters.{one.get('name')}" for one in given.get("parameters") or ())
        for one in given.get("artifacts") or ():
            names.add(f"inputs.artifacts.{one.get('name')}")
            if kind in parts.LEAVES:
                names.add(f"inputs.artifacts.{one.get('name')}.path")
        if kind in parts.PODS:
            names.add("pod.name")
        if raw.get("retryStrategy") is not None:
            names |= RETRIES
        scope = Scope(self.common, names, isolated=self.isolated)
        if outer is not None:
            scope.siblings = dict(outer.siblings)
        return scope

    # ---- steps -------------------------------------------------------------------------------------------

    def _steps(self, name: str, raw: Obj, where: Base, scope: Scope) -> Iterator[str]:
        if raw.get("activeDeadlineSeconds") is not None:
            yield f"templates.{name}.activeDeadlineSeconds is only valid for leaf templates"
        known: set[str] = set()
        for at, group in enumerate(raw["steps"] or ()):
            for step in group or ():
                yield from self._step(f"templates.{name}.steps[{at}]", name, step, where, scope, known)

    def _step(
        self, place: str, name: str, step: Obj, where: Base, scope: Scope, known: set[str]
    ) -> Iterator[str]:
        called = str(step.get("name") or "")
        if not called:
            yield f"{place}.name is required"
        elif called in known:
            yield f"{place}.name '{called}' is not unique"
        elif wrong := naming.field(called):
            yield f"{place}.name '{called}' is invalid: {wrong}"
        known.add(called)
        spot, root = f"{place}.{called}", f"steps.{called}"
        scope.names.add(f"{root}.status")
        yield from (f"{spot} {wrong}" for wrong in scope.add_items(step))
        yield from parts.arguments(f"{spot}.arguments.", step.get("arguments"), empty=False)
        own = scope.nested(_inputs(step["inline"])) if step.get("inline") else scope
        template, found = self.call(step, where, None, own)
        yield from (f"{spot} {wrong}" for wrong in found)
        if _has_exit_hook(step):
            scope.add_outputs(root, template, aggregate=False)
        yield from hooks(step.get("hooks"), spot)
        yield from (f"templates.{name}.steps {wrong}" for wrong in own.unresolved(step))
        looped = bool(step.get("withItems") or step.get("withParam"))
        scope.add_outputs(root, template, aggregate=looped)
        if template is not None and not found:
            again = parts.supplied(str(template.get("name") or ""), template, step.get("arguments") or {})
            yield from (f"{spot} {wrong}" for wrong in again)

    # ---- tasks -------------------------------------------------------------------------------------------

    def _dag(self, name: str, raw: Obj, where: Base, scope: Scope) -> Iterator[str]:
        if raw.get("activeDeadlineSeconds") is not None:
            yield f"templates.{name}.activeDeadlineSeconds is only valid for leaf templates"
        tasks = raw["dag"].get("tasks") or []
        if not tasks:
            yield f"templates.{name} must have at least one task"
            return
        graph = Graph(tasks)
        if found := parts.cycle(graph.needs):
            yield f"templates.{name} sorting failed: graph with cycle: {'->'.join(found)}"
        yield from (f"templates.{name}.tasks{wrong}" for wrong in naming.fields(tasks))
        templates: dict[str, Called] = {}
        for task in tasks:
            called = str(task.get("name") or "")
            yield from (f"templates.{name}{wrong}" for wrong in graph.wrong(task))
            outer = scope.nested(_inputs(task["inline"])) if task.get("inline") else None
            templates[called] = self.call(task, where, None, outer)
            for wrong in templates[called][1]:
                yield f"templates.{name}.tasks.{called} {wrong}"
            looped = bool(task.get("withItems") or task.get("withParam"))
            scope.add_outputs(f"tasks.{called}", templates[called][0], aggregate=looped)
            yield from (f"templates.{name}.tasks.{called} {wrong}" for wrong in graph.undefined(called))
        yield from self._targets(name, raw["dag"], graph, scope)
        for task in tasks:
            yield from self._task(f"templates.{name}.tasks.{task.get('name')}", task, scope, graph, templates)

    def _targets(self, name: str, dag: Obj, graph: Graph, scope: Scope) -> Iterator[str]:
        target = str(dag.get("target") or "")
        yield from (f"templates.{name}.targets {wrong}" for wrong in scope.unresolved(target))
        for one in target.split():
            if one not in graph.tasks and not naming.dynamic(one):
                near = naming.nearest(one, graph.tasks)
                yield f"templates.{name}.targets: target '{one}' is not defined{near}"

    def _task(
        self, place: str, task: Obj, scope: Scope, graph: Graph, templates: Mapping[str, Called]
    ) -> Iterator[str]:
        called = str(task.get("name") or "")
        tagged = texts(task)
        looped = any(key in task for key in LOOPS)
        if tagged or looped:
            own = scope.nested(_inputs(task.get("inline"))) if looped or task.get("inline") else scope
            yield from (f"{place} {wrong}" for wrong in own.add_items(task))

            def status(name: str) -> bool:
                parts_of = name.split(".")
                if len(parts_of) != 3 or parts_of[0] != "tasks" or parts_of[2] != "status":
                    return False
                own_hook = parts_of[1] == called and bool(task.get("hooks"))
                return own_hook or graph.before(parts_of[1], called)

            yield from (f"{place} {wrong}" for wrong in own.unresolved(task, status, tagged))
        if task.get("arguments"):
            yield from parts.arguments(f"{place}.arguments.", task["arguments"], empty=False)
        if tagged:
            yield from (f"{place} {wrong}" for wrong in graph.missing(task))
        template, found = templates[called]
        if template is not None and not found:
            again = parts.supplied(str(template.get("name") or ""), template, task.get("arguments") or {})
            yield from (f"{place} {wrong}" for wrong in again)


class Graph:
    """Who waits for whom in a DAG."""

    def __init__(self, tasks: list[Obj]) -> None:
        self.tasks = {str(task.get("name") or ""): task for task in tasks}
        self.needs: dict[str, tuple[str, ...]] = {}
        self.uses: dict[str, tuple[tuple[str, str], ...]] = {}
        self.malformed: dict[str, str] = {}
        self.depends = any(task.get("depends") for task in tasks)
        self._above: dict[str, frozenset[str]] = {}
        for name, task in self.tasks.items():
            self._read(name, task)

    def _read(self, name: str, task: Obj) -> None:
        if not task.get("depends"):
            self.needs[name] = needs = tuple(dict.fromkeys(task.get("dependencies") or ()))
            self.uses[name] = tuple((one, "") for one in needs)
            return
        try:
            found = depends.of_task(Task(name=name, depends=task["depends"]), {})
        except depends.DependsError as error:
            self.malformed[name] = str(error)
            self.needs[name] = self.uses[name] = ()
            return
        self.needs[name], self.uses[name] = found.tasks, found.uses

    def wrong(self, task: Obj) -> Iterator[str]:
        name = str(task.get("name") or "")
        waits = self.depends or task.get("dependencies")
        if waits and name[:1].isascii() and name[:1].isdigit():
            words = "name cannot begin with a digit when using either 'depends' or 'dependencies'"
            yield f".tasks.{name} {words}"
        if self.depends and task.get("dependencies"):
            yield " cannot use both 'depends' and 'dependencies' in the same DAG template"
        if self.depends and task.get("continueOn") is not None:
            hint = "Instead use 'dep-task.Failed'/'dep-task.Errored'"
            yield f" cannot use 'continueOn' when using 'depends'. {hint}"
        if name in self.malformed:
            yield f".tasks.{name} {self.malformed[name]}"

    def undefined(self, name: str) -> Iterator[str]:
        for other, result in self.uses[name]:
            if other not in self.tasks:
                yield f"dependency '{other}' not defined{naming.nearest(other, self.tasks)}"
            elif result in ("AnySucceeded", "AllFailed") and not any(
                self.tasks[other].get(key) for key in LOOPS
            ):
                words = "uses an items-based condition such as .AnySucceeded or .AllFailed"
                yield f"dependency '{other}' {words} but does not contain any items"

    def missing(self, task: Obj) -> Iterator[str]:
        """Arguments that come from a task for which nobody waits."""
        name, given = str(task.get("name") or ""), task.get("arguments") or {}
        for kind, key, word in (("parameters", "value", "parameter"), ("artifacts", "from", "artifact")):
            for one in given.get(kind) or ():
                value = one.get(key)
                if isinstance(value, str) and value.startswith("{{tasks."):
                    other = value.split(".")[1]
                    if not self.before(other, name):
                        yield f"missing dependency '{other}' for {word} '{one.get('name')}'"

    def before(self, other: str, name: str) -> bool:
        """Whether a task has surely ended when another starts."""
        if other in self.needs.get(name, ()):
            return True
        if name not in self._above:
            found: set[str] = set()
            waiting = list(self.needs.get(name, ()))
            while waiting:
                one = waiting.pop()
                if one not in found:
                    found.add(one)
                    waiting.extend(self.needs.get(one, ()))
            self._above = {name: frozenset(found)}  # the last one only: a DAG may have 100,000 tasks
        return other in self._above[name]


def hooks(found: Obj | None, place: str) -> Iterator[str]:
    for name, hook in (found or {}).items():
        if name != "exit" and not (hook or {}).get("expression"):
            yield f"{place}.{name} Expression required"


def _timeout(name: str, kind: str, raw: Obj) -> Iterator[str]:
    said = str(raw.get("timeout") or "")
    if not said:
        return
    if kind not in parts.LEAVES:
        yield f"{'DAG' if kind == 'dag' else 'Steps'} template doesn't support timeout field"
    elif said.removeprefix("-").isdigit():
        yield f"{name} has invalid duration format in timeout"


def _inputs(inline: Obj | None) -> set[str]:
    given = ((inline or {}).get("inputs") or {}).get("parameters") or ()
    return {f"inputs.parameters.{one.get('name')}" for one in given}


def _has_exit_hook(step: Obj) -> bool:
    return bool(step.get("onExit") or "exit" in (step.get("hooks") or {}))
