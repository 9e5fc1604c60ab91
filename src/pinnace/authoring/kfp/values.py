"""Values as they travel between tasks: JSON text; an empty text is a value that there is not.

So types survive (`"1"` is a string, `1` a number), and null differs from absent. Integers stay integers, as
Go's protojson writes them. Callers: `lowering`, `launch`, `outcome`, `api/kfp`.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec import UNSET

from pinnace.authoring.kfp.ir import Parameter

ABSENT = ""
_encode = msgspec.json.Encoder().encode
NUMBERS = ("NUMBER_INTEGER", "NUMBER_DOUBLE")


class ValueMismatch(ValueError):
    """A value that an input's declaration does not allow."""


def whole(value: Any) -> Any:
    """Floats without a fraction are integers, at any depth."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    return value


def encoded(value: Any) -> str:
    return _encode(whole(value)).decode()


def decoded(text: str) -> Any:
    """UNSET for an absent one."""
    return UNSET if text == ABSENT else json.loads(text)


def shown(value: Any) -> str:
    """In the middle of a text: a string as it is, everything else as JSON."""
    return value if isinstance(value, str) else encoded(value)


def conformed(name: str, declared: Parameter, value: Any) -> Any:
    """The value as its declared type, as the launcher converts it. Raises ValueMismatch."""
    kind = declared.parameter_type
    if value is None:
        return None
    made = _converted(kind, whole(value))
    if made is UNSET:
        raise ValueMismatch(
            f"input parameter {name!r} type mismatch: expected {kind}, got {encoded(value)[:80]}"
        )
    if declared.literals and made not in declared.literals:
        allowed = ", ".join(encoded(one) for one in declared.literals)
        raise ValueMismatch(f"input parameter {name!r}: {encoded(value)[:80]} is none of {allowed}")
    return made


def _converted(kind: str, value: Any) -> Any:
    if kind == "STRING":
        return shown(value)
    if kind == "BOOLEAN":
        return value if isinstance(value, bool) else UNSET
    if kind in NUMBERS:
        good = isinstance(value, int | float) and not isinstance(value, bool)
        return value if good and (kind == "NUMBER_DOUBLE" or isinstance(value, int)) else UNSET
    wanted = {"LIST": list, "STRUCT": dict}.get(kind)
    if wanted is None or isinstance(value, wanted):
        return value
    return _parsed(value, wanted)


def _parsed(value: Any, wanted: type) -> Any:
    """A list or struct that came as JSON text, as loop items do."""
    if not isinstance(value, str):
        return UNSET
    try:
        found = json.loads(value)
    except ValueError:
        return UNSET
    return found if isinstance(found, wanted) else UNSET


def of_text(kind: str, text: str) -> Any:
    """What a program wrote into an output's file. Raises ValueError."""
    if kind == "STRING":
        return text
    if kind == "BOOLEAN" and text.strip() in ("True", "False"):
        return text.strip() == "True"
    return whole(json.loads(text))
