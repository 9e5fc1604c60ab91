"""The cell of a declared column: what its JSONPath finds, as its type wants it (users' kinds and upstream's
CRDs)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from .. import jsonpath
from ..resource import Column, Obj
from .age import INVALID, moment, since


def cell(column: Column, obj: Obj, now: datetime) -> Any:
    """None where the path leads nowhere."""
    found = jsonpath.find(column.path, obj)
    value = found[0] if found else None
    return None if value is None else _typed(column, value, now)


def _typed(column: Column, value: Any, now: datetime) -> Any:
    if column.type == "string":
        return value if isinstance(value, str) else _text(value)
    if column.type == "date":
        return since(value, now) if moment(value) else INVALID
    if column.type == "integer":
        return int(value) if type(value) in (int, float) else None
    if column.type == "number":
        return value if type(value) in (int, float) else None
    if column.type == "boolean":
        return value if type(value) is bool else None
    return None


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
