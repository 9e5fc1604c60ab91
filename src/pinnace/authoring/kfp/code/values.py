"""What inputs, conditions and texts of a DAG stand for, as expressions of Python. Pure. Caller: `block`.

What crosses a group's border as `pipelinechannel--…` is followed back to the task that gives it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from pinnace.authoring.kfp.code import groups
from pinnace.authoring.kfp.code.leaves import NoProgram
from pinnace.authoring.kfp.code.words import NAMED
from pinnace.authoring.kfp.ir import Component, Dag, Source, Task
from pinnace.authoring.program import Raw, formatted, source

_CHANNEL = re.compile(r"\{\{\$\.inputs\.parameters\[['\"]([^'\"]+)['\"]\]\}\}")
_TERM = re.compile(r"^(?:(?:int|double|float|bool)\()*inputs\.parameter_values\['([^']+)'\]\)*$")
_COMPARED = re.compile(r"^(.*?) (==|!=|<=|>=|<|>) (.*)$", re.DOTALL)
_LITERAL = re.compile(r"-?\d+(\.\d+)?|'[^']*'")
_KEY = re.compile(r"parseJson\(string_value\)\[\"([^\"]+)\"\]")
Scope = Mapping[str, str]
"""Name of an input → the expression that stands for it."""


class Values:
    """What is known at one place of a pipeline's function."""

    def __init__(self, dag: Dag, scope: Scope) -> None:
        self.dag = dag
        self.scope = {name: text or name for name, text in scope.items()}
        self.variables: dict[str, str] = {}
        """Tasks → the names that they are bound to."""
        self.results: dict[str, Component] = {}
        """Tasks → what they give."""
        self.inner: dict[str, Values] = {}
        """Groups → what is inside."""
        self.choices: dict[tuple[str, str], str] = {}
        """Outputs of branches → the name of the choice between them."""

    # ---- inputs --------------------------------------------------------------------------------

    def expression(self, one: Source, task: Task) -> str:
        made = self._expression(one, task)
        selector = one.parameter_expression_selector
        if not selector:
            return made
        found = _KEY.fullmatch(selector)
        if found is None:
            raise NoProgram(f"parameterExpressionSelector {selector!r}: not one that the SDK writes")
        return f"{made}.{found[1]}"

    def _expression(self, one: Source, task: Task) -> str:
        name = one.component_input_parameter or one.component_input_artifact
        if name:
            if name not in self.scope:
                raise NoProgram(f"inputs: {name!r} comes from nowhere")
            return self.scope[name]
        output = one.task_output_parameter or one.task_output_artifact
        if output is not None:
            key = output.output_parameter_key or output.output_artifact_key
            return self.produced(output.producer_task, key)
        if one.runtime_value is not None and one.runtime_value.constant is not UNSET:
            return self.text(one.runtime_value.constant, task)
        raise NoProgram("inputs: a source that is none of input, output and constant")

    def text(self, value: Any, task: Task) -> str:
        """A constant; what a text has of other tasks is put in."""
        if not isinstance(value, str) or not _CHANNEL.search(value):
            whole = isinstance(value, float) and value.is_integer()
            return repr(int(value)) if whole else source(self.filled(value, task))
        alone = _CHANNEL.fullmatch(value)
        if alone is not None:
            return self._channel(alone[1], task)
        parts = _CHANNEL.split(value)
        return formatted(parts[::2], [self._channel(one, task) for one in parts[1::2]])

    def filled(self, value: Any, task: Task) -> Any:
        """A structure whose texts (keys, too) have values of other tasks."""
        if isinstance(value, dict):
            return {self.filled(key, task): self.filled(one, task) for key, one in value.items()}
        if isinstance(value, list):
            return [self.filled(one, task) for one in value]
        if not isinstance(value, str):
            return value
        if value in NAMED:
            return Raw(NAMED[value])
        return Raw(self.text(value, task)) if _CHANNEL.search(value) else value

    def _channel(self, name: str, task: Task) -> str:
        if name not in task.inputs.parameters:
            raise NoProgram(f"a text refers to {name!r}, which is no input of its task")
        return self.expression(task.inputs.parameters[name], task)

    # ---- conditions ----------------------------------------------------------------------------

    def condition(self, text: str, task: Task) -> str:
        found = _COMPARED.match(text.strip())
        if found is None:
            raise NoProgram(f"triggerPolicy.condition {text!r}: no comparison that the SDK writes")
        left, right = (self._term(part.strip(), task) for part in (found[1], found[3]))
        return f"{left} {found[2]} {right}"

    def _term(self, text: str, task: Task) -> str:
        quoted = text[1:-1] if text.startswith(("'int(", "'inputs.")) else text
        channel = _TERM.match(quoted)
        if channel is not None:
            every = {**task.inputs.parameters, **task.inputs.artifacts}
            if channel[1] not in every:
                raise NoProgram(f"triggerPolicy.condition: {channel[1]} is no input of its task")
            return self.expression(every[channel[1]], task)
        if text in ("true", "false"):
            return text.title()
        if _LITERAL.fullmatch(text):
            return source(text[1:-1]) if text.startswith("'") else text
        raise NoProgram(f"triggerPolicy.condition: {text!r} is no term that the SDK writes")

    # ---- outputs -------------------------------------------------------------------------------

    def produced(self, producer: str, key: str) -> str:
        """An output of a task, or of what is inside a group."""
        if (producer, key) in self.choices:
            return self.choices[(producer, key)]
        if producer in self.variables:
            variable, gives = self.variables[producer], self.results[producer].output_definitions
            alone = len({**gives.parameters, **gives.artifacts}) == 1
            return f"{variable}.output" if key == "Output" and alone else f'{variable}.outputs["{key}"]'
        if producer not in self.inner:
            raise NoProgram(f"outputs: {producer!r} is used before it is there")
        made = self.inner[producer].output(key)
        loop = groups.kind(self.dag.tasks[producer]) == groups.LOOP
        return f"dsl.Collected({made})" if loop and not made.startswith("dsl.Collected(") else made

    def output(self, name: str) -> str:
        """What this DAG gives under a name."""
        made = [self.produced(*pair) for pair in self.givers(name)]
        if not made:
            raise NoProgram(f"outputs: nothing gives {name!r}")
        return made[0] if len(made) == 1 else f"dsl.OneOf({', '.join(made)})"

    def givers(self, name: str) -> list[tuple[str, str]]:
        """Tasks and their outputs that give it; several are branches of which one runs."""
        parameter, artifact = self.dag.outputs.parameters.get(name), self.dag.outputs.artifacts.get(name)
        if parameter is not None:
            return [(one.producer_subtask, one.output_parameter_key) for one in parameter.selectors]
        if artifact is not None:
            return [(one.producer_subtask, one.output_artifact_key) for one in artifact.artifact_selectors]
        return []

    def last(self) -> str:
        """A task of this block: to come after it is to come after the block."""
        if self.variables:
            return list(self.variables.values())[-1]
        return next(one.last() for one in self.inner.values())
