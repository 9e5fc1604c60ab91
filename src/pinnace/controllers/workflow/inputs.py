"""Binding: what a template's inputs are, given a call's arguments. Source: upstream ProcessArgs.

The order: argument, the input's own value, its default, its `configMapKeyRef`. An argument that is nothing
but a reference to an absent optional is dropped, so that the input's default applies.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from pinnace.controllers.workflow import locations
from pinnace.controllers.workflow.facts import Fact, Facts
from pinnace.controllers.workflow.outputs import artifact_of, formula
from pinnace.controllers.workflow.scope import Absent, Scope
from pinnace.controllers.workflow.tags import compile_tree
from pinnace.controllers.workflow.template import Argument, ArtifactArgument, Holder, Program
from pinnace.data.remote.jobs import refusal
from pinnace.kinds.argo import Artifact, ValueFrom, text
from pinnace.kinds.resource import Obj

_encode = msgspec.json.Encoder().encode
KEPT = (*locations.KINDS, "archive", "subPath")
"""What an input has from where it comes, and what from its own declaration."""
SHAPE = ("name", "path", "mode", "recurseMode", "optional", "archive", "subPath")


class InputError(Exception):
    """An input has no value; the message is the node's."""


class Inputs:
    """Bound inputs: parameter values, and artifact locations (`name`, `path`, `s3` or `raw`, …)."""

    __slots__ = ("artifacts", "parameters")

    def __init__(self, parameters: dict[str, str], artifacts: dict[str, Obj]) -> None:
        self.parameters = parameters
        self.artifacts = artifacts

    def document(self) -> msgspec.Raw | None:
        """As NodeStatus shows it, encoded: a run of 10,000 nodes would else keep 30,000 small documents."""
        made: Obj = {}
        if self.parameters:
            made["parameters"] = [{"name": name, "value": value} for name, value in self.parameters.items()]
        if self.artifacts:
            made["artifacts"] = list(self.artifacts.values())
        return msgspec.Raw(_encode(made)) if made else None

    @classmethod
    def of(cls, document: Obj | None) -> Inputs:
        found = document or {}
        return cls(
            {item["name"]: text(item.get("value")) for item in found.get("parameters") or []},
            {item["name"]: item for item in found.get("artifacts") or []},
        )


def bind(program: Program, holder: Holder, scope: Scope, facts: Facts) -> Inputs:
    """Raises InputError, Need, and what rendering raises."""
    parameters: dict[str, str] = {}
    missing: list[Argument] = []
    for declared in program.inputs:
        argument = holder.arguments.get(declared.name)
        value = None if argument is None else _given(argument, scope, facts)
        if value is None:
            missing.append(declared)
        else:
            parameters[declared.name] = value
    if missing:
        parameters = _completed(parameters, missing, program, scope, facts)
    artifacts: dict[str, Obj] = {}
    if program.artifacts:
        inner = Scope(scope.globals, parameters, artifacts, extra=scope.extra)
        for wanted in program.artifacts:
            found = _artifact(wanted, holder.artifacts.get(wanted.name), scope, inner)
            if found is not None:
                artifacts[wanted.name] = found
    return Inputs(parameters, artifacts)


def _given(argument: Argument, scope: Scope, facts: Facts) -> str | None:
    value = argument.value
    if value is not None:
        if value.render is None:
            return value.static
        try:
            return str(value.render(scope))
        except Absent as absent:
            if value.pure == absent.name:
                return None
            raise
    origin = argument.parameter.value_from
    return None if origin is None else _from(origin, argument.name, scope, facts)


def _completed(
    given: dict[str, str], missing: list[Argument], program: Program, scope: Scope, facts: Facts
) -> dict[str, str]:
    """The rest from the template itself, in the order of declaration; a default may name other inputs."""
    known = dict(given)
    inner = Scope(scope.globals, known, {}, extra=scope.extra)
    for declared in missing:
        value = _own(declared, program, inner, facts)
        if value is None:
            raise InputError(f"inputs.parameters.{declared.name} was not supplied")
        known[declared.name] = value
    return {declared.name: known[declared.name] for declared in program.inputs}


def _own(declared: Argument, program: Program, bare: Scope, facts: Facts) -> str | None:
    for value in (declared.value, program.defaults.get(declared.name)):
        if value is not None:
            return value.static if value.render is None else str(value.render(bare))
    origin = declared.parameter.value_from
    return None if origin is None else _from(origin, declared.name, bare, facts)


def _from(origin: ValueFrom, name: str, scope: Scope, facts: Facts) -> str | None:
    if origin.expression:
        value = formula(origin.expression, scope)
        if value is not None:
            return value
    elif origin.config_map_key_ref is not None:
        return config_map_value(origin, name, scope, facts)
    return None if origin.default is UNSET else text(origin.default)


def config_map_value(origin: ValueFrom, name: str, scope: Scope, facts: Facts) -> str | None:
    render = compile_tree(origin.config_map_key_ref)
    wanted: Any = render(scope) if render is not None else origin.config_map_key_ref
    found = facts.ask(Fact("configmap", str(wanted.get("name", "")))) or {}
    value = (found.get("data") or {}).get(wanted.get("key", ""))
    if value is not None:
        return str(value)
    if origin.default is not UNSET:
        return text(origin.default)
    if wanted.get("optional"):
        return None
    raise InputError(
        f"failed to retrieve inputs.parameters.{name}: ConfigMap '{wanted.get('name')}' "
        f"has no key '{wanted.get('key')}'"
    )


def _artifact(
    wanted: ArtifactArgument, given: ArtifactArgument | None, scope: Scope, inner: Scope
) -> Obj | None:
    """The location that goes into the node's inputs: the declared path and mode over the given source."""
    own: Obj = wanted.render(inner) if wanted.render is not None else wanted.document
    source: Obj | None = own
    if given is not None:
        source = _source(given, scope)
    if source is None or not locations.located(source):
        if own.get("optional"):
            return None
        raise InputError(f"inputs.artifacts.{wanted.name} was not supplied")
    if why := refusal(locations.kind_of(source)):
        raise InputError(f"inputs.artifacts.{wanted.name}: {why}")
    keep = {key: source[key] for key in KEPT if source.get(key) is not None}
    return {**keep, **{key: own[key] for key in SHAPE if own.get(key) is not None}}


def _source(given: ArtifactArgument, scope: Scope) -> Obj | None:
    rendered: Obj = given.render(scope) if given.render is not None else given.document
    artifact = msgspec.convert({**rendered, "from": given.document.get("from", "")}, Artifact)
    if not artifact.from_ and not artifact.from_expression:
        return rendered
    found = artifact_of(artifact, scope)
    if found is None:
        return None
    return {**found, **({"subPath": artifact.sub_path} if artifact.sub_path else {})}
