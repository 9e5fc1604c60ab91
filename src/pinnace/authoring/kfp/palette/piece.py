"""What the palette offers, and what is wrong with a text that offers nothing. Callers: the readers here."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from pinnace.authoring.kfp import graph, ir
from pinnace.authoring.kfp.graph import Port
from pinnace.authoring.kfp.ir import Obj

FUNCTIONS, CONTAINERS, PIPELINES, IMPORTERS = "Functions", "Containers", "Pipelines", "Importers"


class Spec(msgspec.Struct, frozen=True):
    """What goes into a pipeline: a ComponentSpec and an entry of `deploymentSpec.executors`, as protojson has
    them. A pipeline has no executor, but `components` and `executors` of what is inside, by their keys."""

    component: Obj
    executor: Obj | None = None
    components: Obj | UnsetType = UNSET
    executors: Obj | UnsetType = UNSET
    platform: Obj | UnsetType = UNSET
    """`platforms` of a PlatformSpec, reduced to these executors."""


class Piece(msgspec.Struct, frozen=True):
    name: str
    title: str
    description: str
    group: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    spec: Spec


class Palette(msgspec.Struct, frozen=True):
    components: tuple[Piece, ...]
    notes: tuple[str, ...] = ()


class Problem(msgspec.Struct, frozen=True):
    """`line` is 0 where the whole text is meant."""

    message: str
    line: int = 0


class Unreadable(ValueError):
    """Nothing is offered: everything that is wrong, each with the next step."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"line {one.line}: {one.message}" if one.line else one.message
                                   for one in problems))
        self.problems = tuple(problems)


def refuse(message: str, line: int = 0) -> Unreadable:
    return Unreadable([Problem(message, line)])


def piece(name: str, title: str, description: str, group: str, spec: Spec) -> Piece:
    view = msgspec.convert(spec.component, ir.Component, strict=False)
    return Piece(
        name, title, description, group, graph.defined(view.input_definitions, required=True),
        graph.defined(view.output_definitions), spec,
    )


def key(name: str) -> str:
    """A name as tasks, components and executors are called by: `Train model` → `train-model`."""
    return re.sub("-+", "-", re.sub("[^-0-9a-z]+", "-", name.lower())).strip("-")


def titled(name: str) -> str:
    """`train_model` → `Train model`, as the SDK calls a function's component."""
    spaced = re.sub(" +", " ", re.sub("[_-]", " ", name)).strip()
    return spaced[:1].upper() + spaced[1:]
