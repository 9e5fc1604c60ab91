"""RFC 3339 times as Kubernetes writes them, and the forms of `workflow.creationTimestamp`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

_LETTERS = "aAbBcdDeFHIjklmMnpPrRSTuUvVwWxXyYzZ"
_FORMS = "|".join(f"%{letter}" for letter in _LETTERS)


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(256)
def seconds(stamp_: str) -> float:
    return datetime.fromisoformat(stamp_.replace("Z", "+00:00")).timestamp()


def formats(name: str, created: float) -> dict[str, str]:
    """`<name>`, `<name>.RFC3339`, `<name>.s` and one entry a strftime letter."""
    moment = datetime.fromtimestamp(created, UTC)
    forms = moment.strftime(_FORMS).split("|")
    values = {f"{name}.{letter}": form for letter, form in zip(_LETTERS, forms, strict=True)}
    values[name] = moment.strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
    values[f"{name}.RFC3339"] = stamp(created)
    values[f"{name}.s"] = str(int(created))
    return values
