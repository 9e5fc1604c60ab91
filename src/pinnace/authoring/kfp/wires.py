"""Where the inputs of a DAG's tasks come from, and whether that is there and fits. Pure. Caller: `checking`.

Types are compared as the SDK does it (kubeflow/pipelines sdk/python/kfp/dsl/types/type_utils.py).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import UNSET

from pinnace.authoring.kfp.ir import Artifact, Component, Dag, Definitions, Parameter, Pipeline, Source, Task

ANY = "system.Artifact"
LOOP_ITEM = "-loop-item"


class Kind(msgspec.Struct, frozen=True):
    """A parameter's type, or an artifact's schema and version; '' is not known."""

    parameter: str = ""
    artifact: str = ""
    version: str = ""
    several: bool = False

    @property
    def shown(self) -> str:
        title = self.parameter or f"{self.artifact}@{self.version}"
        return f"List[{title}]" if self.several else title


class Wires:
    """What tasks of one component's DAG may refer to."""

    def __init__(self, pipeline: Pipeline, around: Component) -> None:
        self.pipeline = pipeline
        self.around = around
        self.dag = around.dag or Dag()

    def problem(self, one: Source) -> str:
        """'' where there is what it refers to."""
        given = self.around.input_definitions
        for name, known in (
            (one.component_input_parameter, given.parameters), (one.component_input_artifact, given.artifacts)
        ):
            if name and name not in known:
                return f"the surrounding DAG has no input {name!r}{nearest(name, known)}"
        output = one.task_output_parameter or one.task_output_artifact
        if output is not None:
            key = output.output_parameter_key or output.output_artifact_key
            return self.unknown(output.producer_task, key)
        if one.task_final_status is not None and one.task_final_status.producer_task not in self.dag.tasks:
            name = one.task_final_status.producer_task
            return f"no task is called {name!r} in this DAG{nearest(name, self.dag.tasks)}"
        return "" if _given(one) else "nothing is given: expected a constant, an input or a task's output"

    def unknown(self, task: str, key: str) -> str:
        """'' if that task of this DAG has that output."""
        if task not in self.dag.tasks:
            return f"no task is called {task!r} in this DAG{nearest(task, self.dag.tasks)}"
        component = self.pipeline.components.get(self.dag.tasks[task].component_ref.name)
        if component is None:  # told at the task itself
            return ""
        made = [*component.output_definitions.parameters, *component.output_definitions.artifacts]
        return "" if key in made else f"{task} has no output {key!r}{nearest(key, made)}"

    def mismatch(self, one: Source, component: Component, name: str) -> str:
        """Why what comes does not fit that input; '' where it does, or nobody knows."""
        wanted = kind(component.input_definitions, name)
        if wanted is None or one.parameter_expression_selector or name.endswith(LOOP_ITEM):
            return ""
        constant = one.runtime_value.constant if one.runtime_value is not None else UNSET
        if constant is not UNSET:
            given = _of_value(constant)
            fits = given is None or not wanted.parameter or _takes(wanted.parameter, given)
            return "" if fits else _incompatible(str(given), wanted.shown)
        arriving = self._arriving(one)
        if arriving is None or fit(arriving, wanted):
            return ""
        return _incompatible(arriving.shown, wanted.shown)

    def _arriving(self, one: Source) -> Kind | None:
        name = one.component_input_parameter or one.component_input_artifact
        if name:
            return None if name.endswith(LOOP_ITEM) else kind(self.around.input_definitions, name)
        output = one.task_output_parameter or one.task_output_artifact
        if output is None:
            return None
        component = self.pipeline.components.get(self.dag.tasks[output.producer_task].component_ref.name)
        key = output.output_parameter_key or output.output_artifact_key
        return kind(component.output_definitions, key) if component is not None else None


def _incompatible(given: str, wanted: str) -> str:
    return f"Argument type {given!r} is incompatible with the input type {wanted!r}"


def _given(one: Source) -> bool:
    constant = one.runtime_value is not None and one.runtime_value.constant is not UNSET
    names = one.component_input_parameter or one.component_input_artifact
    return constant or bool(names) or one.task_final_status is not None


def before(task: Task) -> Iterator[str]:
    """The tasks that it waits for."""
    yield from task.dependent_tasks
    for one in (*task.inputs.parameters.values(), *task.inputs.artifacts.values()):
        output = one.task_output_parameter or one.task_output_artifact or one.task_final_status
        if output is not None:
            yield output.producer_task


# ---- types -------------------------------------------------------------------------------------


def kind(given: Definitions, name: str) -> Kind | None:
    parameter, artifact = given.parameters.get(name), given.artifacts.get(name)
    if parameter is not None:
        return _parameter(parameter)
    return _artifact(artifact) if artifact is not None else None


def _parameter(one: Parameter) -> Kind:
    return Kind(parameter=one.parameter_type)


def _artifact(one: Artifact) -> Kind:
    title = str(one.artifact_type.get("schemaTitle") or ANY)
    version = str(one.artifact_type.get("schemaVersion") or "0.0.1")
    return Kind(artifact=title, version=version, several=one.is_artifact_list)


def fit(given: Kind, wanted: Kind) -> bool:
    if bool(given.parameter) != bool(wanted.parameter):
        return False
    if given.parameter:
        handed_on = given.parameter == "TASK_FINAL_STATUS" and wanted.parameter == "STRUCT"
        return given.parameter == wanted.parameter or handed_on
    if given.several != wanted.several:
        return False
    alike = given.artifact == wanted.artifact
    same = alike and given.version.partition(".")[0] == wanted.version.partition(".")[0]
    return ANY in (given.artifact, wanted.artifact) or same


def _of_value(value: Any) -> str | None:
    """The type of a constant; None where a placeholder may become anything."""
    if isinstance(value, str):
        return None if "{{" in value else "STRING"
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, (int, float)):
        return "NUMBER_INTEGER" if float(value).is_integer() else "NUMBER_DOUBLE"
    if isinstance(value, list):
        return "LIST"
    return "STRUCT" if isinstance(value, dict) else None


def _takes(parameter: str, given: str) -> bool:
    """JSON has one kind of number: a whole one is of both."""
    numbers = parameter == "NUMBER_DOUBLE" and given == "NUMBER_INTEGER"
    return parameter == given or numbers


def nearest(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f' (did you mean "{found[0]}"?)' if found else ""
