"""sprig's casts: what is not a number is 0. Callers: `sprig`, `sprig_texts`."""

from __future__ import annotations

from typing import Any


def empty(value: Any) -> bool:
    return (
        value is None or value is False or value in ("", 0) or (isinstance(value, list | dict) and not value)
    )


def whole(value: Any) -> int:
    """sprig's cast: what is not a number is 0."""
    try:
        return int(float(value)) if not isinstance(value, bool) else int(value)
    except (TypeError, ValueError):
        return 0


def number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0
