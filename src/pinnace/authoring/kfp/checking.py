"""What is wrong with a pipeline's IR, and where: what an editor can break, each with a JSON pointer. Pure.

The words are upstream's where it has some: those of the SDK for calls of components, those of the backend's
compiler for what refers to nothing. Caller: `api/authoring`. What the SDK writes has no error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import UNSET

from pinnace.authoring.findings import Finding, escaped, pointer
from pinnace.authoring.kfp import ir, wires
from pinnace.authoring.kfp.ir import Component, Dag, IrError, Obj, Pipeline, Source, Task

SOURCE = "kfp"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")
_PLACE = re.compile(r"(.*) - at `\$\.?([^`]*)`$", re.DOTALL)
_CHANNEL = re.compile(r"\{\{\$\.inputs\.parameters\[['\"]([^'\"]+)['\"]\]")
_OPERAND = re.compile(r"inputs\.parameter_values\['([^']+)'\]")
GIVEN = ("TASK_FINAL_STATUS", "TASK_CONFIG")


def judge(documents: list[Obj]) -> list[Finding]:
    """Errors first; pointers are into the PipelineSpec."""
    specs = [one for one in documents if "platforms" not in one]
    platforms = [one for one in documents if "platforms" in one]
    if len(specs) != 1 or len(platforms) > 1:
        words = f"expected one PipelineSpec and at most one PlatformSpec, found {len(documents)} documents"
        return [_finding("", words)]
    try:
        package = ir.package(specs[0])
    except IrError as problem:
        return [_unread(str(problem))]
    if package.argo:
        return [_finding("", "compiled by kfp 1.8, this is a Workflow: it is validated as one")]
    platform = platforms[0] if platforms else package.platform
    pipeline = package.pipeline
    found = [*_info(pipeline), *_Judge(pipeline).findings(), *_platform(pipeline, platform)]
    return sorted(dict.fromkeys(found), key=lambda one: one.severity != "error")


def _finding(path: str, message: str, severity: str = "error") -> Finding:
    return Finding(path, message, severity, SOURCE)


def _unread(text: str) -> Finding:
    """Where a field is of another kind, as far as the way there is told: keys of maps are not."""
    found = _PLACE.match(text)
    return _finding(pointer(found[2].partition("[...]")[0]), text) if found else _finding("", text)


def _info(pipeline: Pipeline) -> Iterator[Finding]:
    name = pipeline.pipeline_info.name
    if not NAME.fullmatch(name):
        words = f'matches the regular expression "^{NAME.pattern}$"'
        text = f"Invalid pipeline name: {name}. Please specify a pipeline name that {words}"
        yield _finding("/pipelineInfo/name", text)
    if pipeline.root.dag is None:
        yield _finding("/root", "invalid v2 pipeline spec: root component is empty: a pipeline has a dag")


def _platform(pipeline: Pipeline, platform: Obj) -> Iterator[Finding]:
    known = pipeline.deployment_spec.executors
    for name, one in (platform.get("platforms") or {}).items():
        for label in ((one or {}).get("deploymentSpec") or {}).get("executors") or {}:
            if label not in known:
                text = f"platforms.{name}: executor(label={_quoted(label)}) not found in deployment config"
                yield _finding("", f"{text}{wires.nearest(label, known)}", "warning")


def _quoted(text: str) -> str:
    return f'"{text}"'


class _Judge:
    """Walks from the root; what it never comes to is unreachable."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.reached: set[str] = set()
        self.labels: set[str] = set()

    def findings(self) -> Iterator[Finding]:
        yield from self._dag("/root", self.pipeline.root, ())
        for name in self.pipeline.components:
            if name not in self.reached:
                yield _finding(f"/components/{escaped(name)}", f"no task refers to {name}", "warning")
                self.labels.add(self.pipeline.components[name].executor_label)
        for label in self.pipeline.deployment_spec.executors:
            if label not in self.labels:
                path = f"/deploymentSpec/executors/{escaped(label)}"
                yield _finding(path, f"no component has the executor {label}", "warning")

    def _component(self, name: str, above: tuple[str, ...], place: str) -> Iterator[Finding]:
        if name in above:
            way = " → ".join((*above[above.index(name):], name))
            yield _finding(place, f"components contain each other: {way}")
            return
        if name in self.reached:
            return
        self.reached.add(name)
        component, path = self.pipeline.components[name], f"/components/{escaped(name)}"
        if component.dag is not None:
            yield from self._dag(path, component, (*above, name))
            return
        self.labels.add(component.executor_label)
        executors = self.pipeline.deployment_spec.executors
        label, head = component.executor_label, f"error processing component name={_quoted(name)}"
        if not label:
            words = "unknown component implementation: expected executorLabel or dag"
            yield _finding(path, f"{head}: {words}")
        elif label not in executors:
            words = f"executor(label={_quoted(label)}) not found in deployment config"
            yield _finding(f"{path}/executorLabel", f"{head}: {words}{wires.nearest(label, executors)}")

    # ---- a DAG ---------------------------------------------------------------------------------

    def _dag(self, path: str, component: Component, above: tuple[str, ...]) -> Iterator[Finding]:
        dag = component.dag or Dag()
        for key, task in dag.tasks.items():
            yield from self._task(f"{path}/dag/tasks/{escaped(key)}", key, task, component, above)
        yield from _cycles(path, dag)
        yield from _twice(path, dag)
        yield from self._outputs(path, component)

    def _task(
        self, path: str, key: str, task: Task, around: Component, above: tuple[str, ...]
    ) -> Iterator[Finding]:
        dag, reference = around.dag or Dag(), task.component_ref.name
        for one in task.dependent_tasks:
            if one not in dag.tasks or one == key:
                words = f"{key} waits for {one}, which is not in its DAG{wires.nearest(one, dag.tasks)}"
                yield _finding(f"{path}/dependentTasks", words if one != key else f"{key} waits for itself")
        if not reference:
            name = _quoted(task.task_info.name or key)
            yield _finding(f"{path}/componentRef", f"component ref name is empty for task name={name}")
            return
        component = self.pipeline.components.get(reference)
        if component is None:
            hint = wires.nearest(reference, self.pipeline.components)
            words = f"cannot find component ref name={_quoted(reference)}{hint}"
            yield _finding(f"{path}/componentRef/name", words)
            return
        yield from self._component(reference, above, f"{path}/componentRef/name")
        yield from _called(path, task, component)
        yield from self._sources(path, task, component, around)
        yield from _texts(path, task)

    def _sources(
        self, path: str, task: Task, component: Component, around: Component
    ) -> Iterator[Finding]:
        view = wires.Wires(self.pipeline, around)
        called = task.component_ref.name.removeprefix("comp-")
        for part, given in (("parameters", task.inputs.parameters), ("artifacts", task.inputs.artifacts)):
            for name, one in given.items():
                place = f"{path}/inputs/{part}/{escaped(name)}"
                problem = view.problem(one)
                if problem:
                    yield _finding(place, problem)
                    continue
                words = view.mismatch(one, component, name)
                if words:
                    head = f"Incompatible argument passed to the input {name!r} of component {called!r}"
                    yield _finding(place, f"{head}: {words}")

    def _outputs(self, path: str, component: Component) -> Iterator[Finding]:
        dag, view = component.dag or Dag(), wires.Wires(self.pipeline, component)
        every: list[tuple[str, str, list[ir.Selector]]] = [
            *(("parameters", name, one.selectors) for name, one in dag.outputs.parameters.items()),
            *(("artifacts", name, one.artifact_selectors) for name, one in dag.outputs.artifacts.items()),
        ]
        for part, name, selectors in every:
            for one in selectors:
                key = one.output_parameter_key or one.output_artifact_key
                problem = view.unknown(one.producer_subtask, key)
                if problem:
                    yield _finding(f"{path}/dag/outputs/{part}/{escaped(name)}", problem)
        made = component.output_definitions
        for name in (*made.parameters, *made.artifacts):
            if name not in dag.outputs.parameters and name not in dag.outputs.artifacts:
                part = "parameters" if name in made.parameters else "artifacts"
                place = f"{path}/outputDefinitions/{part}/{escaped(name)}"
                yield _finding(place, f"nothing gives the output {name!r}")


# ---- tasks -------------------------------------------------------------------------------------


def _called(path: str, task: Task, component: Component) -> Iterator[Finding]:
    """As the SDK judges the call of a component."""
    defined = component.input_definitions
    given = {*task.inputs.parameters, *task.inputs.artifacts}
    called = task.component_ref.name.removeprefix("comp-")
    iterator = task.parameter_iterator or task.artifact_iterator
    if iterator is not None:
        given.add(iterator.item_input)
        yield from _iterated(path, task, component)
    needed = [name for name, one in defined.parameters.items() if _needed(one)]
    needed += [name for name, each in defined.artifacts.items() if not each.is_optional]
    missing = [name for name in needed if name not in given]
    if missing:
        word = "argument" if len(missing) == 1 else "arguments"
        names = ", ".join(missing)
        yield _finding(f"{path}/inputs", f"{called}() missing {len(missing)} required {word}: {names}.")
    for part, inputs, known in (
        ("parameters", task.inputs.parameters, defined.parameters),
        ("artifacts", task.inputs.artifacts, defined.artifacts),
    ):
        for name, one in inputs.items():
            if name not in known and not _beside(name, one):
                hint = wires.nearest(name, {**defined.parameters, **defined.artifacts})
                words = f'{called}() got an unexpected keyword argument "{name}".{hint}'
                yield _finding(f"{path}/inputs/{part}/{escaped(name)}", words)


def _needed(one: ir.Parameter) -> bool:
    return not one.is_optional and one.default_value is UNSET and one.parameter_type not in GIVEN


SETTINGS = (
    "base_image", "cpu_request", "cpu_limit", "memory_request", "memory_limit", "accelerator_type",
    "accelerator_count",
)


def _beside(name: str, source: Source) -> bool:
    """What no component defines: values that texts, and settings of the task itself, refer to."""
    return name.startswith("pipelinechannel--") or (name in SETTINGS and source.runtime_value is not None)


def _iterated(path: str, task: Task, component: Component) -> Iterator[Finding]:
    iterator, field = task.parameter_iterator, "parameterIterator"
    if iterator is None:
        iterator, field = task.artifact_iterator, "artifactIterator"
    if iterator is None:
        return
    defined = {**component.input_definitions.parameters, **component.input_definitions.artifacts}
    if iterator.item_input not in defined:
        words = f"{task.component_ref.name} has no input {iterator.item_input!r} for the item"
        yield _finding(f"{path}/{field}/itemInput", f"{words}{wires.nearest(iterator.item_input, defined)}")
    over = iterator.items.input_parameter or iterator.items.input_artifact
    given = {**task.inputs.parameters, **task.inputs.artifacts}
    if over and over not in given:
        words = f"the loop goes over {over!r}, which is no input of its task{wires.nearest(over, given)}"
        yield _finding(f"{path}/{field}/items", words)
    if not over and iterator.items.raw is None:
        yield _finding(f"{path}/{field}/items", "the loop has no items: expected raw, or an input's name")


def _texts(path: str, task: Task) -> Iterator[Finding]:
    """Texts and conditions speak of inputs of their task."""
    given = {**task.inputs.parameters, **task.inputs.artifacts}
    for name, one in task.inputs.parameters.items():
        constant = one.runtime_value.constant if one.runtime_value is not None else UNSET
        for channel in _CHANNEL.findall(constant) if isinstance(constant, str) else ():
            if channel not in given:
                words = f"the text refers to {channel!r}, which is no input of this task"
                place = f"{path}/inputs/parameters/{escaped(name)}"
                yield _finding(place, words + wires.nearest(channel, given))
    for channel in _OPERAND.findall(task.trigger_policy.condition):
        if channel not in given:
            words = f"the condition refers to {channel!r}, which is no input of this task"
            yield _finding(f"{path}/triggerPolicy/condition", words + wires.nearest(channel, given))


# ---- whole DAGs --------------------------------------------------------------------------------


def _cycles(path: str, dag: Dag) -> Iterator[Finding]:
    """Each task that waits for itself over others, told once with the way around."""
    waits = {
        key: [one for one in wires.before(task) if one in dag.tasks and one != key]
        for key, task in dag.tasks.items()
    }
    told: set[str] = set()
    for key in waits:
        way = _around(key, waits)
        if way and not told & set(way):
            told |= set(way)
            words = f"tasks wait for each other: {' → '.join(way)}"
            yield _finding(f"{path}/dag/tasks/{escaped(key)}", words)


def _around(start: str, waits: Mapping[str, list[str]]) -> list[str]:
    """The way from a task back to it; [] if there is none."""
    came: dict[str, str] = {}
    ahead = [start]
    while ahead:
        at = ahead.pop()
        for one in waits[at]:
            if one == start:
                way = [at]
                while way[-1] != start:
                    way.append(came[way[-1]])
                return [start, *way]
            if one not in came:
                came[one] = at
                ahead.append(one)
    return []


def _twice(path: str, dag: Dag) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for key, task in dag.tasks.items():
        name = task.task_info.name or key
        if name in seen:
            words = f"two tasks are called {name!r}: {seen[name]} and {key}"
            yield _finding(f"{path}/dag/tasks/{escaped(key)}/taskInfo/name", words, "warning")
        seen.setdefault(name, key)
