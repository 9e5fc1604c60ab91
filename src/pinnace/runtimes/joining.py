"""What Acumos' tools do to messages: split, collate, map. In protobuf by the tags of top-level fields, in
JSON by their names. Pure.

The maps are the blueprint's own (`splitter_map`, `collator_map`, `data_map`). A field that is mapped to
nothing goes nowhere. Source: acumos/runtime-orchestrator splittercollator (SplitterProtobufServiceImpl,
ProtobufServiceImpl), acumos/design-studio docs/split-join.rst.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from . import protowire
from .protowire import NoMessage, Piece

Obj = dict[str, Any]
NOWHERE = ("", "null", "none")


def based(rule: Obj, field: str, word: str) -> bool:
    return word in str(rule.get(field) or "").lower()


def split(rule: Obj, message: bytes, target: str, *, as_json: bool = False) -> bytes:
    """Copied whole, or the fields that the target is given, under its own tags."""
    if not based(rule, "splitter_type", "parameter"):
        return message
    fields = [one for one in listed(rule, "map_outputs", "output_field") if one.get("target_name") == target]
    if as_json:
        known = names(rule, "input_message_signature", "map_inputs", "input_field")
        given = document(message)
        moved = {
            called(one): given[name] for one in fields
            if (name := known.get(str(one.get("mapped_to_field")), "")) in given
        }
        return json.dumps(moved).encode()
    tags: dict[int, list[int]] = {}
    for one in fields:
        tags.setdefault(tag(one, "mapped_to_field"), []).append(tag(one, "parameter_tag"))
    return protowire.joined(protowire.moved(message, tags))


def collated(rule: Obj, messages: dict[str, bytes], *, as_json: bool = False) -> bytes:
    """A list of all, or each one's fields under the tags of the whole. `messages` by where they come from."""
    if not based(rule, "collator_type", "parameter"):
        return together(rule, list(messages.values()), as_json=as_json)
    if as_json:
        return _collated_json(rule, messages)
    found: list[Piece] = []
    for source, message in messages.items():
        tags: dict[int, list[int]] = {}
        for one in listed(rule, "map_inputs", "input_field"):
            if one.get("source_name") == source:
                tags.setdefault(tag(one, "parameter_tag"), []).append(tag(one, "mapped_to_field"))
        found += protowire.moved(message, tags)
    return protowire.joined(sorted(found, key=lambda one: one.tag))


def _collated_json(rule: Obj, messages: dict[str, bytes]) -> bytes:
    known = names(rule, "output_message_signature", "map_outputs", "output_field")
    given = {source: document(message) for source, message in messages.items()}
    made = {
        known.get(str(one.get("mapped_to_field")), called(one)): given[str(one["source_name"])][called(one)]
        for one in listed(rule, "map_inputs", "input_field")
        if called(one) in given.get(str(one.get("source_name")), {})
    }
    return json.dumps(made).encode()


def together(rule: Obj, messages: list[bytes], *, as_json: bool = False) -> bytes:
    """One list: the first field of the message that goes out."""
    first = next(iter(whole(rule, "output_message_signature", "map_outputs", "output_field")), None)
    if not as_json:
        number = tag(first, "tag", 1) if first else 1
        return protowire.joined([protowire.nested(number, one) for one in messages])
    if not first or not first.get("name"):
        raise NoMessage("messages in JSON are collated by name: the map needs output_message_signature")
    return json.dumps({first["name"]: [document(one) for one in messages]}).encode()


def mapped(rule: Obj, message: bytes, *, as_json: bool = False) -> bytes:
    """Fields under other tags, values of one basic type as those of another."""
    outputs = {
        str(field.get("tag")): field
        for one in rule.get("map_outputs") or () for field in one.get("output_fields") or ()
    }
    inputs = [field for one in rule.get("map_inputs") or () for field in one.get("input_fields") or ()]
    moves = [(one, outputs.get(str(one["mapped_to_field"]), {})) for one in inputs if aimed(one)]
    if as_json:
        given = document(message)
        return json.dumps({
            called(to) or called(own): given[called(own)] for own, to in moves if called(own) in given
        }).encode()
    found: list[Piece] = []
    for piece in protowire.pieces(message):
        for own, to in moves:
            if tag(own, "tag") == piece.tag:
                found += _converted(piece, own, to)
    return protowire.joined(sorted(found, key=lambda one: one.tag))


def _converted(piece: Piece, own: Obj, to: Obj) -> list[Piece]:
    kind, number = str(own.get("type")), tag(own, "mapped_to_field")
    wanted = str(to.get("type") or kind)
    if kind == wanted:
        return [piece._replace(tag=number)]
    return [protowire.written(number, wanted, one) for one in protowire.values(piece, kind)]


# ---- what the maps say -------------------------------------------------------------------------


def aimed(field: Obj) -> bool:
    return str(field.get("mapped_to_field") or "").strip().lower() not in NOWHERE


def listed(rule: Obj, part: str, inner: str) -> Iterator[Obj]:
    """The fields of a map that lead somewhere."""
    for one in rule.get(part) or ():
        field = one.get(inner) if isinstance(one, dict) else None
        if isinstance(field, dict) and aimed(field):
            yield field


def whole(rule: Obj, signature: str, part: str, inner: str) -> list[Obj]:
    """The fields of the message that comes in or goes out: name and tag. Its signature is JSON in a text."""
    said = rule.get(signature)
    if isinstance(said, str) and said.strip():
        try:
            said = json.loads(said)
        except ValueError as problem:
            raise NoMessage(f"{signature} is no JSON: {problem}") from None
    if isinstance(said, dict):
        return [one for one in said.get("messageargumentList") or () if isinstance(one, dict)]
    fields = (one.get(inner) for one in rule.get(part) or () if isinstance(one, dict))
    return [
        {"name": called(one), "tag": one.get("parameter_tag") or one.get("tag")}
        for one in fields if isinstance(one, dict)
    ]


def names(rule: Obj, signature: str, part: str, inner: str) -> dict[str, str]:
    """Tag → name."""
    return {str(one.get("tag")): str(one.get("name")) for one in whole(rule, signature, part, inner)}


def called(field: Obj) -> str:
    return str(field.get("parameter_name") or field.get("name") or "")


def tag(field: Obj, name: str, usual: int | None = None) -> int:
    text = str(field.get(name) or "")
    if text.isdigit():
        return int(text)
    if usual is not None:
        return usual
    raise NoMessage(f"the mapping of {called(field)!r} has no {name} that is the number of a top-level field")


def document(message: bytes) -> Obj:
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NoMessage("the message is no JSON object")
    return found
