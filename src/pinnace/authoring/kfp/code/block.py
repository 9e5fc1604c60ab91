"""The tasks of one DAG, as lines of a function or of a `with` block. Pure. Caller: `document`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Protocol

from pinnace.authoring.kfp.code import groups, leaves, order, platform, settings
from pinnace.authoring.kfp.code.leaves import NoProgram
from pinnace.authoring.kfp.code.values import Scope, Values
from pinnace.authoring.kfp.ir import Component, Dag, Executor, Obj, Task
from pinnace.authoring.program import Call, Raw, identifier, source


class House(Protocol):
    """The document that a block stands in."""

    names: set[str]
    platforms: Obj

    def component(self, name: str) -> Component: ...
    def executor(self, component: Component) -> Executor: ...
    def callable(self, name: str) -> str: ...
    def artifact_class(self, schema: Obj) -> str: ...


class Block(Values):
    def __init__(self, house: House, dag: Dag, scope: Scope, outer: Block | None = None) -> None:
        super().__init__(dag, scope)
        self.house = house
        self.used: set[str] = outer.used if outer is not None else {*self.scope.values(), *house.names}
        self.pending: list[str] = []
        """What the whole block comes after: its first task says so."""
        self.indent: int = (outer.indent + 4) if outer is not None else 4
        self.ends = groups.handlers(dag, house.component)
        """Tasks that run when an exit handler's are over → the handler."""
        self.handles: dict[str, str] = {}
        """Exit handlers that others come after → their names."""

    def whole(self, outputs: list[str]) -> list[str]:
        lines = list(self.lines())
        for name in outputs:
            for giver, _ in self.givers(name):
                if giver in self.dag.tasks and groups.kind(self.dag.tasks[giver]) == groups.CONDITION:
                    raise NoProgram(f"outputs.{name}: it comes out of a condition that has no other branch")
        if outputs == ["Output"]:
            lines.append(self._line(f"return {self.output('Output')}"))
        elif outputs:
            made = ", ".join(f"{name}={self.output(name)}" for name in outputs)
            kinds = ", ".join(f"{name}=object" for name in outputs)
            lines.append(self._line(f'outputs = NamedTuple("Outputs", {kinds})'))
            lines.append(self._line(f"return outputs({made})"))
        return lines or [self._line("pass")]

    def _line(self, text: str) -> str:
        return " " * self.indent + text

    def _name(self, wanted: str) -> str:
        made = identifier(wanted, self.used)
        self.used.add(made)
        return made

    def lines(self) -> Iterator[str]:
        for key in order.ordered(self.dag, self.house.component):
            yield from self._written(key, self.dag.tasks[key])

    def _written(self, key: str, task: Task) -> Iterator[str]:
        kind = groups.kind(task)
        if kind == groups.LOOP:
            yield from self._loop(key, task)
        elif kind == groups.EXIT:
            yield from self._handler(key, task)
        elif kind == groups.BRANCHES:
            yield from self._branches(key, task)
        elif kind == groups.CONDITION:
            condition = self.condition(task.trigger_policy.condition, task)
            yield from self._block(key, task, f"dsl.If({condition})")
        else:
            yield from self._call(key, task)

    # ---- groups --------------------------------------------------------------------------------

    def _block(
        self, key: str, task: Task, head: str, more: Scope | None = None, name: str = ""
    ) -> Iterator[str]:
        component = self.house.component(task.component_ref.name)
        scope = {**self._given(task), **(more or {})}
        self.inner[key] = inner = Block(self.house, groups.inside(task, component), scope, self)
        inner.pending = self._after(key, task)
        yield self._line(f"with {head}{f' as {name}' if name else ''}:")
        lines = list(inner.lines())
        yield from lines or [inner._line("pass")]

    def _given(self, task: Task) -> dict[str, str]:
        """What a group's inputs are, seen from here."""
        every = {**task.inputs.parameters, **task.inputs.artifacts}
        return {name: self.expression(one, task) for name, one in every.items()}

    def _handler(self, key: str, task: Task) -> Iterator[str]:
        ends = next((one for one, handler in self.ends.items() if handler == key), "")
        if ends not in self.variables:
            raise NoProgram(f"tasks.{key}: no task runs when this exit handler is over")
        shown = task.task_info.name
        named = f", name={source(shown)}" if shown and shown != key else ""
        later = any(key in one.dependent_tasks for name, one in self.dag.tasks.items() if name != ends)
        if later:
            self.handles[key] = self._name(key)
        head = f"dsl.ExitHandler({self.variables[ends]}{named})"
        yield from self._block(key, task, head, name=self.handles.get(key, ""))

    def _loop(self, key: str, task: Task) -> Iterator[str]:
        found, group = task.parameter_iterator or task.artifact_iterator, groups.of(task)
        if found is None:
            raise NoProgram(f"tasks.{key}: a loop without items")
        item = self._name(f"item_{group[1]}" if group is not None else f"{key}_item")
        items = found.items.input_parameter or found.items.input_artifact
        if found.items.raw is not None:
            over = source(json.loads(found.items.raw))
        else:
            over = self.expression({**task.inputs.parameters, **task.inputs.artifacts}[items], task)
        shown = task.task_info.name
        given = f"items={over}" + (f", name={source(shown)}" if shown and shown != key else "")
        limit = task.iterator_policy.parallelism_limit
        head = f"dsl.ParallelFor({given}{f', parallelism={limit}' if limit else ''})"
        yield from self._block(key, task, head, {found.item_input: item}, item)

    def _branches(self, key: str, task: Task) -> Iterator[str]:
        component = self.house.component(task.component_ref.name)
        self.inner[key] = shell = Block(self.house, component.dag or Dag(), self._given(task), self)
        shell.indent = self.indent
        shell.pending = self._after(key, task)
        first = True
        for name in order.ordered(shell.dag, self.house.component):
            one = shell.dag.tasks[name]
            if groups.kind(one) != groups.CONDITION:
                yield from shell._written(name, one)
                continue
            own = [part for part in one.trigger_policy.condition.split(" && ") if not part.startswith("!(")]
            if first or own:
                head = f"dsl.{'If' if first else 'Elif'}({shell.condition(own[-1], one)})"
            else:
                head = "dsl.Else()"
            first = False
            yield from shell._block(name, one, head)
        yield from self._choices(key, shell)

    def _choices(self, key: str, shell: Block) -> Iterator[str]:
        """What is chosen between branches gets a name at once, in the order of the SDK's numbers."""
        every = [*shell.dag.outputs.parameters, *shell.dag.outputs.artifacts]
        several = [name for name in every if len(shell.givers(name)) > 1]
        for name in sorted(several, key=groups.rank):
            chosen = shell.output(name)
            if "-oneof-" in name and chosen.startswith("dsl.OneOf("):
                self.choices[(key, name)] = variable = self._name("chosen")
                yield self._line(f"{variable} = {chosen}")

    # ---- tasks ---------------------------------------------------------------------------------

    def _call(self, key: str, task: Task) -> Iterator[str]:
        component = self.house.component(task.component_ref.name)
        executor = self.house.executor(component)
        variable = self._name(f"{key}-task")
        self.variables[key], self.results[key] = variable, component
        if executor.importer is not None:
            kind = self.house.artifact_class(executor.importer.type_schema)
            if "uri" not in task.inputs.parameters:
                raise NoProgram(f"tasks.{key}: an importer without a uri")
            made = settings.importer(self, task, executor.importer, kind)
        else:
            made = Call(self.house.callable(task.component_ref.name), tuple(self._passed(task, component)))
        yield self._line(f"{variable} = {source(made, self.indent)}")
        for setting in self._settings(key, task, component, executor):
            yield self._line(f"{variable}.{setting}")
        for one in platform.settings(self.house.platforms, component.executor_label, self, task):
            yield self._line(one.written(variable, self.indent))

    def _passed(self, task: Task, component: Component) -> Iterator[tuple[str, Any]]:
        """What the component is called with: not what only texts and settings refer to."""
        known = {**component.input_definitions.parameters, **component.input_definitions.artifacts}
        for name, one in {**task.inputs.parameters, **task.inputs.artifacts}.items():
            if name in known and one.task_final_status is None:
                yield name, Raw(self.expression(one, task))

    def _settings(self, key: str, task: Task, component: Component, executor: Executor) -> Iterator[str]:
        yield from settings.of_task(key, task)
        if task.trigger_policy.strategy == groups.ALWAYS and key not in self.ends:
            yield "ignore_upstream_failure()"
        after, self.pending = [*self._after(key, task), *self.pending], []
        if after:
            yield f"after({', '.join(after)})"
        if executor.container is not None:
            own = leaves.DYNAMIC not in executor.container.image
            yield from settings.of_container(executor.container, self, task, own_image=own)

    def _after(self, key: str, task: Task) -> list[str]:
        """What it comes after without taking anything from it."""
        if key in self.ends:
            return []
        known = [one for one in task.dependent_tasks if one in self.variables or one in self.inner]
        given = order.producers(task)
        return [self._reached(one) for one in known if one in self.handles or one not in given]

    def _reached(self, key: str) -> str:
        if key in self.handles:
            return self.handles[key]
        return self.inner[key].last() if key in self.inner else self.variables[key]
