"""One thing wrong with one field, in Kubernetes' own words.

Everything that judges objects returns Causes; `objects/errors.py` puts them into a Status. The words follow
kubernetes/apimachinery pkg/util/validation/field/errors.go: a type, the bad value, a detail.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

NOWHERE = "<nil>"
"""The field of a cause that belongs to no field."""


class Cause(msgspec.Struct, frozen=True):
    """One thing wrong with one field. `reason` is a CauseType such as `FieldValueInvalid`."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def quoted(text: str) -> str:
    """A string as Go's %q writes it, near enough: JSON's escapes."""
    return json.dumps(text, ensure_ascii=False)


def shown(value: Any) -> str:
    """A bad value as an error names it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _detailed(text: str, detail: str) -> str:
    return f"{text}: {detail}" if detail else text


def required(field: str, detail: str = "") -> Cause:
    return Cause(field, _detailed("Required value", detail), "FieldValueRequired")


def invalid(field: str, value: Any, detail: str) -> Cause:
    return Cause(field, _detailed(f"Invalid value: {shown(value)}", detail))


def wrong_type(field: str, value: Any, detail: str) -> Cause:
    return Cause(field, _detailed(f"Invalid value: {shown(value)}", detail), "FieldValueTypeInvalid")


def unsupported(field: str, value: Any, supported: Iterable[Any]) -> Cause:
    listed = ", ".join(quoted(one if isinstance(one, str) else shown(one)) for one in supported)
    detail = f"supported values: {listed}" if listed else ""
    return Cause(field, _detailed(f"Unsupported value: {shown(value)}", detail), "FieldValueNotSupported")


def duplicate(field: str, value: Any) -> Cause:
    return Cause(field, f"Duplicate value: {shown(value)}", "FieldValueDuplicate")


def forbidden(field: str, detail: str) -> Cause:
    return Cause(field, _detailed("Forbidden", detail), "FieldValueForbidden")


def not_found(field: str, value: Any) -> Cause:
    return Cause(field, f"Not found: {shown(value)}", "FieldValueNotFound")


def too_long(field: str, limit: int) -> Cause:
    return Cause(field, f"Too long: may not be more than {limit} bytes", "FieldValueTooLong")


def too_many(field: str, count: int, limit: int) -> Cause:
    return Cause(field, f"Too many: {count}: must have at most {limit} items", "FieldValueTooMany")


def sentence(causes: Sequence[Cause]) -> str:
    """All causes as the message of a Status joins them: one alone, several in brackets, each once."""
    texts = list(dict.fromkeys(str(one) for one in causes))
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
