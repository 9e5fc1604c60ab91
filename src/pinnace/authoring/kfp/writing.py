"""A pipeline's IR as a program of the SDK: compiling it makes the same IR again. Pure.

Groups of the IR (loops, conditions, exit handlers) become `with` blocks; what crosses their borders as
`pipelinechannel--…` is followed back to the task that gives it. The SDK numbers groups and repeated tasks in
the order in which they are written, so that order is read from the numbers. Caller: `api/authoring`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from msgspec import UNSET

from pinnace.authoring.kfp import components
from pinnace.authoring.kfp.components import NoProgram
from pinnace.authoring.kfp.ir import Component, Dag, Executor, Obj, Package, Source, Task
from pinnace.authoring.program import Call, Raw, identifier, source

__all__ = ["NoProgram", "program"]

MAIN = "_pipeline"
"""Until all names are known."""
ALWAYS = "ALL_UPSTREAM_TASKS_COMPLETED"
GROUPS = re.compile(r"comp-(for-loop|condition-branches|condition|exit-handler)-(\d+)(?:-\d+)?$")
HEAD = "from typing import *\n\nfrom kfp import compiler, dsl\nfrom kfp.dsl import *\n"
_CHANNEL = re.compile(r"\{\{\$\.inputs\.parameters\[['\"]([^'\"]+)['\"]\]\}\}")
_TERM = re.compile(r"^(?:(int|float|bool)\()?inputs\.parameter_values\['([^']+)'\]\)?$")
_COMPARED = re.compile(r"^(.*?) (==|!=|<=|>=|<|>) (.*)$", re.DOTALL)
_SUFFIX = re.compile(r"^(.*?)(?:-(\d+))?$")
Scope = Mapping[str, str]
"""Name of an input → the expression that stands for it."""


def program(package: Package) -> tuple[str, tuple[str, ...]]:
    """The text, and what is left out of it. Raises NoProgram."""
    if package.argo:
        raise NoProgram("apiVersion: this was compiled by kfp 1.8: a Workflow, not a PipelineSpec")
    return _Writing(package).written()


class _Writing:
    def __init__(self, package: Package) -> None:
        self.package = package
        self.pipeline = package.pipeline
        self.notes: list[str] = []
        self.blocks: list[str] = []
        """Components and nested pipelines, before what uses them."""
        self.callables: dict[str, str] = {}
        """Component → the function that stands for it."""
        self.known: dict[str, str] = {}
        """What a component is → its function: the SDK repeats one for each container setting."""
        self.names: set[str] = {"dsl", "compiler", "kfp"}

    def written(self) -> tuple[str, tuple[str, ...]]:
        info = self.pipeline.pipeline_info
        if self.package.platform:
            self.notes.append("platforms: settings of Kubernetes are left out; kfp-kubernetes sets them")
        said = {
            "name": info.name, "description": info.description, "display_name": info.display_name,
            "pipeline_root": self.pipeline.default_pipeline_root,
        }
        settings: list[tuple[str, Any]] = [(key, text) for key, text in said.items() if text]
        space = (self.package.kubernetes.get("pipelineConfig") or {}).get("workspace") or {}
        if space.get("size"):
            room = Call("dsl.WorkspaceConfig", (("size", space["size"]),))
            settings.append(("pipeline_config", Call("dsl.PipelineConfig", (("workspace", room),))))
        main = self._function(MAIN, self.pipeline.root, settings)
        name = identifier(info.name, self.names)
        main = main.replace(f"\ndef {MAIN}(", f"\ndef {name}(", 1)
        compiled = f'compiler.Compiler().compile({name}, "{name}.yaml")'
        end = f'if __name__ == "__main__":\n    {compiled}\n'
        return "\n\n".join([HEAD, *(f"{block}\n" for block in [*self.blocks, main]), end]), tuple(self.notes)

    def _function(self, name: str, component: Component, settings: list[tuple[str, Any]]) -> str:
        self.names.add(name)
        given = component.input_definitions
        first, last = list[str](), list[str]()
        for key, each in given.artifacts.items():
            kind = f"Input[{components.kind_of(each)}]"
            if each.is_optional:
                last.append(f"{key}: Optional[{kind}] = None")
            else:
                first.append(f"{key}: {kind}")
        for key, one in given.parameters.items():
            needed = one.default_value is UNSET and not one.is_optional
            text = components.parameter(key, one)
            item = self._item(key) if one.parameter_type == "LIST" else ""
            (first if needed else last).append(text.replace(": list", f": List[{item}]") if item else text)
        made = component.output_definitions
        kinds = {key: components.kind_of(each) for key, each in made.parameters.items()}
        kinds |= {key: components.kind_of(each) for key, each in made.artifacts.items()}
        returns = ""
        if set(kinds) == {"Output"}:
            returns = f" -> {kinds['Output']}"
        elif kinds:
            listed = ", ".join(f"{key}={kind}" for key, kind in kinds.items())
            returns = f' -> NamedTuple("Outputs", {listed})'
        body = _Body(self, component.dag or Dag(), dict.fromkeys((*given.parameters, *given.artifacts), ""))
        lines = body.whole(outputs=list(kinds))
        head = f"@{source(Call('dsl.pipeline', tuple(settings)))}"
        return "\n".join([head, f"def {name}({', '.join([*first, *last])}){returns}:", *lines])

    def _item(self, name: str) -> str:
        """Of what a list's items are, if a loop over it says so."""
        for one in self.pipeline.components.values():
            found = one.input_definitions.parameters.get(f"pipelinechannel--{name}-loop-item")
            if found is not None:
                return components.kind_of(found)
        return ""

    # ---- components ------------------------------------------------------------------------------

    def executor(self, component: Component) -> Executor:
        return self.pipeline.deployment_spec.executors.get(component.executor_label, Executor())

    def component(self, name: str) -> Component:
        found = self.pipeline.components.get(name)
        if found is None:
            raise NoProgram(f"components.{name}: a task refers to it, and it is not there")
        return found

    def callable(self, name: str) -> str:
        """The function of a component, written when it is first used."""
        if name not in self.callables:
            self.callables[name] = self._callable(name, self.component(name))
        return self.callables[name]

    def _callable(self, name: str, component: Component) -> str:
        bare = name.removeprefix("comp-")
        if component.dag is not None:
            made = identifier(bare, self.names)
            self.blocks.append(self._function(made, component, [("name", bare)]))
            return made
        container = self.executor(component).container
        if container is None:
            raise NoProgram(f"components.{name}: it is neither a container nor an importer")
        if components.is_function(container):
            text, wanted = components.function(container), components.function_name(container)
        else:
            wanted = identifier(_SUFFIX.sub(r"\1", bare))
            text = components.container_component(wanted, component, container)
        if text in self.known:
            return self.known[text]
        if wanted in self.names:
            raise NoProgram(f"components.{name}: another component is called {wanted} as well")
        self.names.add(wanted)
        self.known[text] = wanted
        self.blocks.append(text)
        return wanted


class _Body:
    """The tasks of one DAG, as lines of a function or of a `with` block."""

    def __init__(self, house: _Writing, dag: Dag, scope: Scope, outer: _Body | None = None) -> None:
        self.house = house
        self.dag = dag
        self.scope = {name: text or name for name, text in scope.items()}
        self.variables: dict[str, str] = {}
        self.inner: dict[str, _Body] = {}
        """Groups → what is inside."""
        self.used: set[str] = outer.used if outer is not None else {*self.scope.values(), *house.names}
        self.pending: list[str] = []
        """What the whole block comes after: its first task says so."""
        self.indent: int = (outer.indent + 4) if outer is not None else 4

    def whole(self, outputs: list[str]) -> list[str]:
        lines = list(self.lines())
        for name in outputs:
            for group in self._givers(name):
                if group.startswith("comp-condition-") and not group.startswith("comp-condition-branches"):
                    raise NoProgram(f"outputs.{name}: it comes out of a condition that has no other branch")
        if outputs == ["Output"]:
            lines.append(self._line(f"return {self.output('Output')}"))
        elif outputs:
            made = ", ".join(f"{name}={self.output(name)}" for name in outputs)
            kinds = ", ".join(f"{name}=object" for name in outputs)
            lines.append(self._line(f'outputs = NamedTuple("Outputs", {kinds})'))
            lines.append(self._line(f"return outputs({made})"))
        return lines or [self._line("pass")]

    def _givers(self, name: str) -> list[str]:
        """The components that give an output."""
        parameter, artifact = self.dag.outputs.parameters.get(name), self.dag.outputs.artifacts.get(name)
        found = list(parameter.selectors if parameter else ())
        found += artifact.artifact_selectors if artifact else ()
        tasks = [self.dag.tasks.get(one.producer_subtask) for one in found]
        return [one.component_ref.name for one in tasks if one is not None]

    def _line(self, text: str) -> str:
        return " " * self.indent + text

    def lines(self) -> Iterator[str]:
        for key in self._order():
            task = self.dag.tasks[key]
            group = GROUPS.match(task.component_ref.name)
            if group is None:
                yield from self._call(key, task)
            elif group[1] == "for-loop":
                yield from self._loop(key, task, group[2])
            elif group[1] == "exit-handler":
                shown = task.task_info.name
                named = f", name={source(shown)}" if shown and shown != key else ""
                exits = self.variables[self._exit_of(key)]
                yield from self._block(key, task, f"dsl.ExitHandler({exits}{named})")
            elif group[1] == "condition-branches":
                yield from self._branches(key, task)
            else:
                condition = self._condition(task.trigger_policy.condition, task)
                yield from self._block(key, task, f"dsl.If({condition})")

    # ---- order -----------------------------------------------------------------------------------

    def _order(self) -> list[str]:
        before = {key: self._needs(key) for key in self.dag.tasks}
        for earlier, later in self._numbered():
            before[later].add(earlier)
        found: list[str] = []
        while before:
            ready = sorted((key for key, needs in before.items() if not needs - set(found)), key=_rank)
            if not ready:
                raise NoProgram(f"dag: {', '.join(sorted(before))} wait for each other")
            found.append(ready[0])
            del before[ready[0]]
        return found

    def _needs(self, key: str) -> set[str]:
        task = self.dag.tasks[key]
        waits = task.trigger_policy.strategy == ALWAYS
        if waits and any(self._exit_of(name) == key for name in task.dependent_tasks):
            return set()
        group = GROUPS.match(task.component_ref.name)
        found = set(task.dependent_tasks) | _producers(task)
        if group is not None and group[1] == "exit-handler":
            found.add(self._exit_of(key))
        return found & set(self.dag.tasks)

    def _exit_of(self, handler: str) -> str:
        """The task that runs when an exit handler's are over."""
        for key, task in self.dag.tasks.items():
            if task.trigger_policy.strategy == ALWAYS and handler in task.dependent_tasks:
                group = GROUPS.match(self.dag.tasks[handler].component_ref.name)
                return key if group is not None and group[1] == "exit-handler" else ""
        return ""

    def _numbered(self) -> Iterator[tuple[str, str]]:
        """Groups in the order of their numbers, repeated tasks in that of theirs."""
        groups, repeated = {}, dict[str, dict[int, str]]()
        for key, task in self.dag.tasks.items():
            group = GROUPS.match(task.component_ref.name)
            if group is not None:
                groups[int(group[2])] = key
            for base, number in self._inside(key, task):
                repeated.setdefault(base, {})[number] = key
        for ordered in (groups, *repeated.values()):
            keys = list(dict.fromkeys(ordered[number] for number in sorted(ordered)))
            yield from pairwise(keys)

    def _inside(self, key: str, task: Task) -> Iterator[tuple[str, int]]:
        """The names that a task takes, with those in a group: the SDK numbers them over all groups."""
        if GROUPS.match(task.component_ref.name) is None:
            yield _split(key)
            return
        component = self.house.component(task.component_ref.name)
        for name, one in (component.dag or Dag()).tasks.items():
            yield from self._inside(name, one)

    # ---- blocks ----------------------------------------------------------------------------------

    def _block(
        self, key: str, task: Task, head: str, more: Scope | None = None, name: str = ""
    ) -> Iterator[str]:
        component = self.house.component(task.component_ref.name)
        scope = {**self._given(task), **(more or {})}
        self.inner[key] = inner = _Body(self.house, component.dag or Dag(), scope, self)
        inner.pending = self._after(key, task)
        yield self._line(f"with {head}{f' as {name}' if name else ''}:")
        lines = list(inner.lines())
        yield from lines or [inner._line("pass")]

    def _given(self, task: Task) -> dict[str, str]:
        """What a group's inputs are, seen from here."""
        every = {**task.inputs.parameters, **task.inputs.artifacts}
        return {name: self.expression(one, task) for name, one in every.items()}

    def _loop(self, key: str, task: Task, number: str) -> Iterator[str]:
        found = task.parameter_iterator or task.artifact_iterator
        if found is None:
            raise NoProgram(f"tasks.{key}: a loop without items")
        item = identifier(f"item_{number}", self.used)
        self.used.add(item)
        items = found.items.input_parameter or found.items.input_artifact
        over = source(json.loads(found.items.raw)) if found.items.raw is not None else ""
        if not over:
            every = {**task.inputs.parameters, **task.inputs.artifacts}
            over = self.expression(every[items], task)
        limit = task.iterator_policy.parallelism_limit
        head = f"dsl.ParallelFor(items={over}{f', parallelism={limit}' if limit else ''})"
        yield from self._block(key, task, head, {found.item_input: item}, item)

    def _branches(self, key: str, task: Task) -> Iterator[str]:
        component = self.house.component(task.component_ref.name)
        given = self._given(task)
        self.inner[key] = shell = _Body(self.house, component.dag or Dag(), given, self)
        shell.indent = self.indent
        order = shell._order()
        for at, name in enumerate(order):
            one = shell.dag.tasks[name]
            parts = _conjuncts(one.trigger_policy.condition)
            own = [part for part in parts if not part.startswith("!(")]
            if at and not own:
                head = "dsl.Else()"
            else:
                head = f"dsl.{'Elif' if at else 'If'}({shell._condition(own[-1], one)})"
            yield from shell._block(name, one, head)

    def _condition(self, text: str, task: Task) -> str:
        found = _COMPARED.match(text.strip())
        if found is None:
            raise NoProgram(f"triggerPolicy.condition {text!r}: no comparison that the SDK writes")
        left, right = (self._term(part.strip(), task) for part in (found[1], found[3]))
        return f"{left} {found[2]} {right}"

    def _term(self, text: str, task: Task) -> str:
        channel = _TERM.match(text)
        if channel is not None:
            every = {**task.inputs.parameters, **task.inputs.artifacts}
            if channel[2] not in every:
                raise NoProgram(f"triggerPolicy.condition: {channel[2]} is no input of its task")
            return self.expression(every[channel[2]], task)
        if text in ("true", "false"):
            return text.title()
        if re.fullmatch(r"-?\d+(\.\d+)?|'[^']*'", text):
            return source(text[1:-1]) if text.startswith("'") else text
        raise NoProgram(f"triggerPolicy.condition: {text!r} is no term that the SDK writes")

    # ---- a task ----------------------------------------------------------------------------------

    def _call(self, key: str, task: Task) -> Iterator[str]:
        component = self.house.component(task.component_ref.name)
        executor = self.house.executor(component)
        variable = identifier(f"{key}-task", self.used)
        self.used.add(variable)
        self.variables[key] = variable
        if executor.importer is not None:
            made = self._importer(executor, task)
        else:
            given = [
                (name, Raw(self.expression(one, task)))
                for name, one in {**task.inputs.parameters, **task.inputs.artifacts}.items()
                if not name.startswith("pipelinechannel--") and one.task_final_status is None
            ]
            made = Call(self.house.callable(task.component_ref.name), tuple(given))
        yield self._line(f"{variable} = {source(made, self.indent)}")
        for setting in self._settings(key, task, component, executor):
            yield self._line(f"{variable}.{setting}")

    def _importer(self, executor: Executor, task: Task) -> Call:
        about = executor.importer
        assert about is not None
        uri = task.inputs.parameters.get("uri")
        kind = components.CLASSES.get(str(about.type_schema.get("schemaTitle")))
        if uri is None or kind is None:
            raise NoProgram("importer: its uri or the type of its artifact is not one that the SDK writes")
        given: list[tuple[str, Any]] = [
            ("artifact_uri", Raw(self.expression(uri, task))), ("artifact_class", Raw(f"dsl.{kind}")),
            ("reimport", about.reimport),
        ]
        if about.download_to_workspace:
            given.append(("download_to_workspace", True))
        if "{{$" in json.dumps(about.metadata):
            raise NoProgram("importer: its metadata has values of other tasks")
        return Call("dsl.importer", tuple(given + ([("metadata", about.metadata)] if about.metadata else [])))

    def _settings(self, key: str, task: Task, component: Component, executor: Executor) -> Iterator[str]:
        if task.task_info.name and task.task_info.name != key:
            yield f"set_display_name({source(task.task_info.name)})"
        if not task.caching_options.enable_cache:
            yield "set_caching_options(False)"
        elif task.caching_options.cache_key:
            yield f"set_caching_options(True, cache_key={source(task.caching_options.cache_key)})"
        if (retry := task.retry_policy) is not None:
            yield _retry(retry)
        waits = task.trigger_policy.strategy == ALWAYS
        if waits and not any(GROUPS.match(self.dag.tasks[one].component_ref.name)
                             for one in task.dependent_tasks if one in self.dag.tasks):
            yield "ignore_upstream_failure()"
        after, self.pending = [*self._after(key, task), *self.pending], []
        if after:
            yield f"after({', '.join(after)})"
        if executor.container is not None:
            yield from _container(executor.container.env, executor.container.resources)

    def _after(self, key: str, task: Task) -> list[str]:
        """What it comes after without taking anything from it."""
        known = [one for one in task.dependent_tasks if one in self.variables or one in self.inner]
        if any(self._exit_of(one) == key for one in known):
            return []
        return [
            self.inner[one].last() if one in self.inner else self.variables[one]
            for one in known if one not in _producers(task)
        ]

    def last(self) -> str:
        """A task of this block: to come after it is to come after the block."""
        if self.variables:
            return list(self.variables.values())[-1]
        return next(one.last() for one in self.inner.values())

    # ---- expressions -----------------------------------------------------------------------------

    def expression(self, one: Source, task: Task) -> str:
        made = self._expression(one, task)
        selector = one.parameter_expression_selector
        if not selector:
            return made
        found = re.fullmatch(r"parseJson\(string_value\)\[\"([^\"]+)\"\]", selector)
        if found is None:
            raise NoProgram(f"parameterExpressionSelector {selector!r}: not one that the SDK writes")
        return f"{made}.{found[1]}"

    def _expression(self, one: Source, task: Task) -> str:
        name = one.component_input_parameter or one.component_input_artifact
        if name:
            return self.scope[name] if name in self.scope else self._unknown(name)
        output = one.task_output_parameter or one.task_output_artifact
        if output is not None:
            key = output.output_parameter_key or output.output_artifact_key
            return self.produced(output.producer_task, key)
        if one.runtime_value is not None and one.runtime_value.constant is not UNSET:
            return self._constant(one.runtime_value.constant, task)
        raise NoProgram("inputs: a source that is none of input, output and constant")

    def _unknown(self, name: str) -> str:
        raise NoProgram(f"inputs: {name!r} comes from nowhere")

    def _constant(self, value: Any, task: Task) -> str:
        text = value if isinstance(value, str) else None
        if text is None or not _CHANNEL.search(text):
            if isinstance(value, float) and value.is_integer():
                return repr(int(value))
            return source(value)
        whole = _CHANNEL.fullmatch(text)
        every = task.inputs.parameters
        if whole is not None:
            return self.expression(every[whole[1]], task)
        parts = _CHANNEL.split(text)
        made = ""
        for at, part in enumerate(parts):
            plain = part.replace("\\", "\\\\").replace("{", "{{").replace("}", "}}").replace("\n", "\\n")
            made += f"{{{self.expression(every[part], task)}}}" if at % 2 else plain.replace('"', '\\"')
        return f'f"{made}"'.replace('["', "['").replace('"]', "']")

    def produced(self, producer: str, key: str) -> str:
        """An output of a task, or of what is inside a group."""
        if producer in self.variables:
            variable = self.variables[producer]
            return f"{variable}.output" if key == "Output" else f'{variable}.outputs["{key}"]'
        if producer not in self.inner:
            raise NoProgram(f"outputs: {producer!r} is used before it is there")
        made = self.inner[producer].output(key)
        group = GROUPS.match(self.dag.tasks[producer].component_ref.name)
        collects = group is not None and group[1] == "for-loop" and not made.startswith("dsl.Collected(")
        return f"dsl.Collected({made})" if collects else made

    def output(self, name: str) -> str:
        """What this DAG gives under a name."""
        parameter, artifact = self.dag.outputs.parameters.get(name), self.dag.outputs.artifacts.get(name)
        pairs: list[tuple[str, str]] = []
        if parameter is not None:
            pairs = [(one.producer_subtask, one.output_parameter_key) for one in parameter.selectors]
        elif artifact is not None:
            pairs = [(one.producer_subtask, one.output_artifact_key) for one in artifact.artifact_selectors]
        if not pairs:
            raise NoProgram(f"outputs: nothing gives {name!r}")
        made = [self.produced(*pair) for pair in pairs]
        return made[0] if len(made) == 1 else f"dsl.OneOf({', '.join(made)})"


def _producers(task: Task) -> set[str]:
    found = set()
    for one in (*task.inputs.parameters.values(), *task.inputs.artifacts.values()):
        output = one.task_output_parameter or one.task_output_artifact or one.task_final_status
        if output is not None:
            found.add(output.producer_task)
    return found


def _split(key: str) -> tuple[str, int]:
    found = _SUFFIX.match(key)
    assert found is not None
    return found[1], int(found[2] or 1)


def _rank(key: str) -> tuple[int, str]:
    base, number = _split(key)
    return number, base


def _conjuncts(text: str) -> list[str]:
    """`!(a) && b` → its parts."""
    return [part.strip() for part in text.split(" && ")]


def _retry(retry: Any) -> str:
    given: list[tuple[str, Any]] = [("num_retries", retry.max_retry_count)]
    if retry.backoff_duration and retry.backoff_duration != "0s":
        given.append(("backoff_duration", retry.backoff_duration))
    if retry.backoff_factor:
        given.append(("backoff_factor", retry.backoff_factor))
    if retry.backoff_max_duration:
        given.append(("backoff_max_duration", retry.backoff_max_duration))
    return source(Call("set_retry", tuple(given)))


def _container(env: list[Obj], resources: Obj) -> Iterator[str]:
    if "{{$" in json.dumps([env, resources]):
        raise NoProgram("container: its resources or variables are values of other tasks")
    for one in env:
        yield f"set_env_variable({source(str(one.get('name')))}, {source(str(one.get('value') or ''))})"
    for field, setter in (
        ("resourceCpuRequest", "set_cpu_request"), ("resourceCpuLimit", "set_cpu_limit"),
        ("resourceMemoryRequest", "set_memory_request"), ("resourceMemoryLimit", "set_memory_limit"),
    ):
        if resources.get(field):
            yield f"{setter}({source(resources[field])})"
    accelerator = resources.get("accelerator") or {}
    if accelerator.get("resourceType"):
        yield f"set_accelerator_type({source(accelerator['resourceType'])})"
    if accelerator.get("resourceCount"):
        yield f"set_accelerator_limit({source(accelerator['resourceCount'])})"
