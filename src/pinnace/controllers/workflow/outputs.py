"""What a finished node gives to those after it: its own outputs, aggregates of loops, outputs of steps and
DAGs.

Callers: `frame`, `slot`. Source: upstream docs/variables.md, docs/conditional-outputs…; the rules for skipped
producers are those of upstream 4.0.7.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.authoring.argo.expression.evaluate import evaluate, references
from pinnace.authoring.argo.expression.values import to_json
from pinnace.controllers.workflow.locations import KINDS
from pinnace.controllers.workflow.scope import Absent, Scope, Unresolved
from pinnace.controllers.workflow.tags import Text
from pinnace.kinds.argo import Artifact, NodeStatus, Outputs, Parameter, text
from pinnace.kinds.resource import Obj

if TYPE_CHECKING:
    from pinnace.controllers.workflow.template import Program

NOT_RUN = frozenset({"Skipped", "Omitted"})


class OutputError(Exception):
    """An output cannot be made; the message is the node's."""


class View:
    """One node as its later siblings see it (a `scope.Sibling`)."""

    __slots__ = ("_parameters", "node", "program")

    def __init__(self, node: NodeStatus, program: Program | None) -> None:
        self.node = node
        self.program = program
        self._parameters: dict[str, str] | None = None

    @property
    def parameters(self) -> dict[str, str]:
        if self._parameters is None:
            found = (self.node.outputs or {}).get("parameters") or []
            self._parameters = {item["name"]: text(item.get("value")) for item in found}
        return self._parameters

    def value(self, rest: str, name: str) -> str:
        if rest.startswith("outputs."):
            return self._output(rest[8:], name)
        found = fields(self.node).get(rest)
        if found is None:
            raise Unresolved(name, ": a finished node has no such field")
        return found

    def _output(self, rest: str, name: str) -> str:
        outputs = self.node.outputs or {}
        if rest == "result" and "result" in outputs:
            return str(outputs["result"])
        if rest.startswith("parameters."):
            found = self.parameters.get(rest[11:])
            if found is None and self.program is not None and self.node.phase in NOT_RUN:
                found = self.program.output_default(rest[11:])
            if found is not None:
                return found
        elif rest == "parameters":
            return to_json(self.parameters)
        elif rest == "exitCode" and "exitCode" in outputs:
            return str(outputs["exitCode"])
        if self.node.phase in NOT_RUN:
            raise Absent(name)
        raise Unresolved(name, f": the node is {self.node.phase} and has no such output")

    def artifact(self, artifact: str, name: str) -> Obj | None:
        for item in (self.node.outputs or {}).get("artifacts") or []:
            if item.get("name") == artifact:
                return dict(item)
        return None

    def tree(self) -> Mapping[str, Any]:
        outputs: Obj = {"parameters": dict(self.parameters), "artifacts": {}}
        if self.program is not None and self.node.phase in NOT_RUN:
            for parameter in self.program.template.outputs.parameters:
                default = self.program.output_default(parameter.name)
                if default is not None:
                    outputs["parameters"].setdefault(parameter.name, default)
        for key in ("result", "exitCode"):
            if key in (self.node.outputs or {}):
                outputs[key] = self.node.outputs[key]  # type: ignore[index]
        for item in (self.node.outputs or {}).get("artifacts") or []:
            outputs["artifacts"][item["name"]] = item
        return {**fields(self.node), "outputs": outputs}


def fields(node: NodeStatus) -> dict[str, str]:
    found = {
        "id": node.id,
        "status": node.phase,
        "startedAt": node.started_at,
        "finishedAt": node.finished_at,
        "ip": node.pod_ip,
        "hostNodeName": node.host_node_name,
        "exitCode": (node.outputs or {}).get("exitCode"),
        "message": node.message,
    }
    return {name: str(value) for name, value in found.items() if value is not None}


class Aggregate:
    """A settled loop as its later siblings see it: only members that succeeded count, in index order."""

    __slots__ = ("_cache", "_nodes", "_views", "node")

    def __init__(self, node: NodeStatus | None, members: list[NodeStatus]) -> None:
        self.node = node
        self._nodes = members
        self._views: list[View] | None = None
        self._cache: dict[str, str] = {}

    @property
    def members(self) -> list[View]:
        """Made when somebody asks: most loops are never read."""
        if self._views is None:
            self._views = [View(node, None) for node in self._nodes if node.phase == "Succeeded"]
        return self._views

    def value(self, rest: str, name: str) -> str:
        if rest not in self._cache:
            self._cache[rest] = self._value(rest, name)
        return self._cache[rest]

    def _value(self, rest: str, name: str) -> str:
        if rest == "outputs.result":
            return to_json(self._results())
        if rest == "outputs.parameters":
            return to_json([member.parameters for member in self.members])
        if rest.startswith("outputs.parameters."):
            return self._column(rest[19:], name)
        found = fields(self.node).get(rest) if self.node is not None else None
        if found is None:
            raise Unresolved(name, ": a loop has no such output")
        return found

    def _results(self) -> list[Any]:
        found = [str((member.node.outputs or {})["result"]) for member in self.members if _has_result(member)]
        return [_parsed(result) for result in found]

    def _column(self, parameter: str, name: str) -> str:
        values = [member.parameters[parameter] for member in self.members if parameter in member.parameters]
        if self.members and not values:
            raise Unresolved(name, ": no member of the loop has it")
        parsed = [_parsed(value) for value in values]
        if parsed and all(isinstance(value, dict | list) for value in parsed):
            return to_json(parsed)
        return msgspec.json.encode(values).decode()

    def artifact(self, artifact: str, name: str) -> Obj | None:
        raise Unresolved(
            name, ": artifacts of a loop are not aggregated; give each a key of its own and read the folder"
        )

    def tree(self) -> Mapping[str, Any]:
        names = {parameter for member in self.members for parameter in member.parameters}
        outputs: Obj = {
            "parameters": {parameter: self._column(parameter, parameter) for parameter in names},
            "result": to_json(self._results()),
        }
        return {**(fields(self.node) if self.node is not None else {}), "outputs": outputs}


def _has_result(member: View) -> bool:
    return "result" in (member.node.outputs or {})


def _parsed(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def composed(outputs: Outputs, scope: Scope) -> Obj | None:
    """The outputs of a steps or dag template. Raises OutputError and what rendering raises."""
    made: Obj = {}
    parameters = [
        item for parameter in outputs.parameters if (item := _parameter(parameter, scope)) is not None
    ]
    artifacts = [item for document in outputs.artifacts if (item := _artifact(document, scope)) is not None]
    if parameters:
        made["parameters"] = parameters
    if artifacts:
        made["artifacts"] = artifacts
    return made or None


def _parameter(parameter: Parameter, scope: Scope) -> Obj | None:
    origin = parameter.value_from
    default = None if origin is None or origin.default is UNSET else text(origin.default)
    value: str | None = None
    if parameter.value is not UNSET and origin is None:
        value = Text.of(text(parameter.value)).render(scope)
    elif origin is not None and origin.parameter:
        value = _reference(origin.parameter, scope, default)
    elif origin is not None and origin.expression:
        value = formula(origin.expression, scope)
    if value is None:
        value = default
    if value is None:
        raise OutputError(f"output parameter '{parameter.name}' has no value and no default")
    item: Obj = {"name": parameter.name, "value": value}
    if parameter.global_name:
        item["globalName"] = Text.of(parameter.global_name).render(scope)
    return item


def _reference(source: str, scope: Scope, default: str | None) -> str:
    try:
        return Text.of(source).render(scope)
    except (Absent, Unresolved):
        if default is None:
            raise
        return default


def formula(source: str, scope: Scope) -> str | None:
    """`valueFrom.expression`: text of the result, None for nil."""
    value = evaluate(source, scope.environment(references(source)))
    if value is None:
        return None
    return value if isinstance(value, str) else to_json(value)


def _artifact(document: Obj, scope: Scope) -> Obj | None:
    artifact = msgspec.convert(document, Artifact)
    found = artifact_of(artifact, scope)
    if found is None:
        if artifact.optional:
            return None
        raise OutputError(
            f"output artifact '{artifact.name}' was not produced: "
            f"{artifact.from_ or artifact.from_expression}"
        )
    kept = {key: value for key, value in found.items() if key in (*KINDS, "path", "archive")}
    item: Obj = {"name": artifact.name, **kept}
    if artifact.global_name:
        item["globalName"] = Text.of(artifact.global_name).render(scope)
    return item


def artifact_of(artifact: Artifact, scope: Scope) -> Obj | None:
    """The artifact that `from` or `fromExpression` names; None if its producer did not make it."""
    if artifact.from_expression:
        value = evaluate(artifact.from_expression, scope.environment(references(artifact.from_expression)))
        if value is not None and not isinstance(value, dict):
            raise ExpressionError(f"fromExpression {artifact.from_expression!r} is not an artifact")
        return value
    return reference(artifact.from_, scope)


def reference(source: str, scope: Scope) -> Obj | None:
    """`{{steps.a.outputs.artifacts.x}}`, `{{inputs.artifacts.x}}`, `{{workflow.outputs.artifacts.x}}`."""
    name = Text.of(source).render(_Names(scope)).strip().strip("{}").strip().removeprefix("=").strip()
    parts = name.split(".")
    if parts[:2] == ["inputs", "artifacts"]:
        return scope.artifacts.get(".".join(parts[2:]))
    if parts[:3] == ["workflow", "outputs", "artifacts"]:
        return scope.globals.artifacts.get(".".join(parts[3:]))
    if len(parts) >= 5 and parts[0] == scope.prefix and parts[2:4] == ["outputs", "artifacts"]:
        sibling = scope.siblings.get(parts[1])
        if sibling is not None:
            return sibling.artifact(".".join(parts[4:]), name)
    raise Unresolved(name, ": not an artifact that exists here")


class _Names(Scope):
    """Resolves nested tags inside a reference, and leaves the reference itself as its name."""

    __slots__ = ()

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope.globals, scope.inputs, scope.artifacts, "", None, scope.item, scope.extra)

    def value(self, name: str) -> str | None:
        return None if ".artifacts." in name else super().value(name)
