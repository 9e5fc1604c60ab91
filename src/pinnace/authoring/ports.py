"""Typed ports of templates: what a template takes and gives, and which output fits which input. Pure.

The rule's tables are data (`ports.json`, beside this file) that the console's editor reads too, and both
sides run the same cases (`tests/authoring/ports.json`). Callers: `api/authoring`, `cli/catalog`. What a type
means, and where a template says its types: docs/composer.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

import msgspec

Obj = dict[str, Any]
ANNOTATION = "pinnace.dev/ports"
ANY = "any"
ARTIFACT, PARAMETER = "artifact", "parameter"


class PortError(ValueError):
    """What stands in the annotation is not read; the text says where."""


class Port(msgspec.Struct, frozen=True, omit_defaults=True):
    """One input or output of a template. An input may name several types: any of them will do."""

    name: str
    kind: str
    types: tuple[str, ...]
    like: str = ""
    """Of an output: the input whose own type it has, whatever comes there."""
    required: bool = False
    description: str = ""
    default: str | None = None
    enum: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


class Ports(msgspec.Struct, frozen=True):
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """`how`: exact, narrower, widened or unchecked; '' where it does not fit."""

    fits: bool
    how: str = ""
    reason: str = ""


class Rule(msgspec.Struct, frozen=True):
    types: dict[str, Obj]
    widens: dict[str, list[str]]
    reasons: dict[str, str]
    groups: list[str]


@cache
def rule() -> Rule:
    text = resources.files("pinnace.authoring").joinpath("ports.json").read_bytes()
    return msgspec.json.decode(text, type=Rule)


# ---- fitting -----------------------------------------------------------------------------------


def fit(output: Port, given: Port) -> Verdict:
    """Whether what `output` gives may go into the input `given`."""
    if output.kind != given.kind:
        words = rule().reasons["kind"].format(output_kind=output.kind, input_kind=given.kind)
        return Verdict(False, reason=words)
    return fit_types(output.types[0], given.types)


def fit_types(output: str, wanted: Iterable[str]) -> Verdict:
    """The best of the ways in which the output fits one of these types."""
    wanted = tuple(wanted)
    found = {how for one in wanted if (how := _how(output, one))}
    for how in ("exact", "narrower", "widened", "unchecked"):
        if how in found:
            return Verdict(True, how)
    said = "narrower" if any(one.startswith(f"{output}/") for one in wanted) else "other"
    text = rule().reasons[said].format(output=titled(output), input=" or ".join(map(titled, wanted)))
    return Verdict(False, reason=text)


def _how(output: str, wanted: str) -> str:
    if ANY in (output, wanted):
        return "unchecked"
    if output == wanted:
        return "exact"
    if output.startswith(f"{wanted}/"):
        return "narrower"
    return "widened" if any(_how(one, wanted) for one in _wider(output)) else ""


def _wider(output: str) -> Iterator[str]:
    """`integer` is a number, too; what holds for `metrics` holds for `metrics/classification`."""
    parts = output.split("/")
    for end in range(len(parts), 0, -1):
        yield from rule().widens.get("/".join(parts[:end]), ())


def titled(name: str) -> str:
    """A type in words; one that nobody has described by its own name."""
    known = rule().types.get(name)
    return str(known["title"]) if known else name


def flowing(ports: Ports, output: str, wired: Mapping[str, str]) -> str:
    """The type of an output, when these types come into the inputs (by name)."""
    port = next((one for one in ports.outputs if one.name == output), None)
    if port is None:
        return ANY
    declared = port.types[0]
    arriving = wired.get(port.like, "") if port.like else ""
    narrower = arriving and arriving != ANY and _how(arriving, declared) in ("exact", "narrower")
    return arriving if narrower or (arriving and declared == ANY) else declared


# ---- reading -----------------------------------------------------------------------------------


def of(document: Obj, template: str) -> Ports:
    """Of one template of a (Cluster)WorkflowTemplate or Workflow. PortError: the annotation is not read."""
    spec = document.get("spec") or {}
    raw: Obj = next((one for one in spec.get("templates") or () if one.get("name") == template), {})
    return read(raw, declared(document, template))


def declared(document: Obj, template: str) -> Obj:
    """What the annotation says of a template: at its top of the entrypoint, under `templates` of any."""
    notes = (document.get("metadata") or {}).get("annotations") or {}
    text = notes.get(ANNOTATION)
    if not text:
        return {}
    place = f"metadata.annotations[{ANNOTATION}]"
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise PortError(f"{place}: no JSON: {error}") from None
    if not isinstance(found, dict):
        raise PortError(f"{place}: expected an object with inputs and outputs")
    named = (found.get("templates") or {}).get(template)
    spec = document.get("spec") or {}
    alone = len(spec.get("templates") or ()) == 1 or spec.get("entrypoint") == template
    chosen = named if named is not None else found if alone else {}
    return chosen if isinstance(chosen, dict) else {}


def read(template: Obj, said: Obj) -> Ports:
    """A template's ports: names and kinds from itself, types from what the annotation says of it."""
    return Ports(_side(template, "inputs", said), _side(template, "outputs", said))


def _side(template: Obj, side: str, said: Obj) -> tuple[Port, ...]:
    own, about = template.get(side) or {}, said.get(side) or {}
    found = [
        _port(one, kind, about.get(one.get("name")) or {}, inward=side == "inputs")
        for kind, part in ((ARTIFACT, "artifacts"), (PARAMETER, "parameters"))
        for one in own.get(part) or ()
    ]
    if side == "outputs" and "script" in template:
        found.append(_port({"name": "result"}, PARAMETER, about.get("result") or {}, inward=False))
    return tuple(found)


def _port(one: Obj, kind: str, about: Obj, *, inward: bool) -> Port:
    usual = ANY if kind == ARTIFACT else "text"
    given = about.get("type") or usual
    types = (given,) if isinstance(given, str) else tuple(str(each) for each in given)
    default = one.get("value", one.get("default"))
    return Port(
        name=str(one.get("name")), kind=kind, types=types, like=str(about.get("like") or ""),
        required=inward and _required(one, kind, default), default=None if default is None else str(default),
        description=str(about.get("description") or one.get("description") or ""),
        enum=tuple(str(each) for each in one.get("enum") or ()),
        minimum=about.get("minimum"), maximum=about.get("maximum"),
    )


LOCATIONS = ("s3", "http", "raw", "git", "gcs", "oss", "hdfs", "azure", "artifactory", "plugin")


def _required(one: Obj, kind: str, default: object) -> bool:
    if kind == PARAMETER:
        return default is None and not one.get("valueFrom")
    return not one.get("optional") and not any(one.get(place) for place in LOCATIONS)
