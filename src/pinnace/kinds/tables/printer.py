"""What a built-in kind needs to be printed, and the pieces that several of them share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from ..resource import Column, Obj
from .age import since

NONE = "<none>"
UNSET = "<unset>"
Cells = Callable[[Obj, datetime], list[Any]]


class Printer(msgspec.Struct, frozen=True):
    """`columns` without the name, which comes first of itself unless `nameless`."""

    columns: tuple[Column, ...]
    cells: Cells
    nameless: bool = False
    remark: Callable[[Obj], str] | None = None
    """What follows the name in its cell."""


def columns(*shown: str, wide: tuple[str, ...] = ()) -> tuple[Column, ...]:
    """`Name` is a string column, `Name#` an integer; `wide` ones appear with -o wide."""
    return tuple(
        Column(text.rstrip("#"), "integer" if text.endswith("#") else "string", "", priority=priority)
        for texts, priority in ((shown, 0), (wide, 1))
        for text in texts
    )


def section(obj: Obj, name: str) -> dict[str, Any]:
    """`spec` or `status`, empty if absent."""
    return obj.get(name) or {}


def age(obj: Obj, now: datetime) -> str:
    return since(section(obj, "metadata").get("creationTimestamp"), now)


def labels(found: dict[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(found.items())) if found else NONE


OPERATORS = {"In": "in", "NotIn": "notin"}


def selector(found: dict[str, Any] | None) -> str:
    """A LabelSelector in the query language."""
    if not found:
        return NONE
    parts = [f"{key}={value}" for key, value in sorted((found.get("matchLabels") or {}).items())]
    for one in found.get("matchExpressions") or ():
        if one["operator"] in OPERATORS:
            values = ",".join(sorted(one.get("values") or ()))
            parts.append(f"{one['key']} {OPERATORS[one['operator']]} ({values})")
        else:
            parts.append(one["key"] if one["operator"] == "Exists" else f"!{one['key']}")
    return ",".join(parts) or NONE


def containers(spec: dict[str, Any]) -> list[str]:
    """Names and images of a pod spec's containers, as two cells."""
    found = spec.get("containers") or ()
    return [",".join(one.get("name", "") for one in found), ",".join(one.get("image", "") for one in found)]


def template(spec: dict[str, Any]) -> dict[str, Any]:
    """The pod spec inside a workload's spec."""
    return section(section(spec, "template"), "spec")


def condition(obj: Obj, type_: str) -> bool:
    """Is this condition of the status true?"""
    found = section(obj, "status").get("conditions") or ()
    return any(one.get("type") == type_ and one.get("status") == "True" for one in found)
