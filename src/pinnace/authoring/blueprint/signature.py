"""Which ports fit: by the form of their protobuf messages, and never by their names.

Compatible messages have as many fields, and under each tag the same type and role; nested messages are
compared by their own fields. Ports are compatible when their messages are, one by one. `ANY` takes and gives
everything. Source: the user guide of Acumos' Design Studio.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from pinnace.authoring.blueprint.solution import Field, Message

ANY = "ANY"
DEEPEST = 100
"""Levels of nesting that are compared."""


def fit(output: Sequence[Message], given: Sequence[Message]) -> str:
    """'' if the one port may be joined to the other, else why not."""
    if is_any(output) or is_any(given):
        return ""
    if len(output) != len(given):
        return f"{len(output)} messages come where {len(given)} are taken"
    for one, other in zip(output, given, strict=True):
        if why := fit_messages(one, other):
            return why
    return ""


def is_any(messages: Sequence[Message]) -> bool:
    return any(one.name == ANY for one in messages)


def fit_messages(output: Message, given: Message) -> str:
    if output.fields is None or given.fields is None:  # only names are known
        return "" if output.name == given.name else f"{output.name} comes where {given.name} is taken"
    why = _fields(output.fields, given.fields, "", 0)
    return f"{output.name} does not fit {given.name}: {why}" if why else ""


def _fields(output: Sequence[Field], given: Sequence[Field], place: str, depth: int) -> str:
    mine, theirs = ({_own(one.tag): one for one in side} for side in (output, given))
    if len(output) != len(given):
        return f"{len(output)} fields come where {len(given)} are taken{_at(place)}"
    for tag in sorted(mine.keys() | theirs.keys()):
        here = f"{place}.{tag}" if place else tag
        one, other = mine.get(tag), theirs.get(tag)
        if one is None or other is None:
            return f"tag {here} is only on one side"
        if why := _field(one, other, here, depth):
            return why
    return ""


def _field(one: Field, other: Field, place: str, depth: int) -> str:
    if one.role != other.role:
        return f"tag {place} is {one.role or 'single'} on the one side, {other.role or 'single'} on the other"
    if one.message is not None and other.message is not None:
        return "" if depth >= DEEPEST else _fields(one.message, other.message, place, depth + 1)
    if one.message is not None or other.message is not None or one.type != other.type:
        return f"tag {place} is {one.type} on the one side, {other.type} on the other"
    return ""


def _at(place: str) -> str:
    return f" in tag {place}" if place else ""


def _own(tag: str) -> str:
    """`1.3.2` is tag 2 of a nested message."""
    return tag.rpartition(".")[2]


def written(operation: str, messages: Sequence[Message], suffix: str) -> str:
    """A port as links of a CDUMP name it: `predict+[[{"role":"","tag":"1","type":"int64"}]]+cap0`."""
    form = [
        [{"role": one.role, "tag": one.tag, "type": one.type} for one in message.fields or ()]
        for message in messages
    ]
    return f"{operation}+{json.dumps(form, separators=(',', ':'))}+{suffix}"


def operation(port: str) -> str:
    """Of a port's name in a link."""
    return port.partition("+")[0]
