"""Label requirements against labels, and the numbers under which labels and owners are indexed.

Used by the store's readers, and by whoever filters watch events with the same `Requirement`s.
Rules: kubernetes/apimachinery pkg/labels/selector.go (`!=` and `notin` hold where the label is absent).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b

from pinnace.store.interface import Requirement


def matches(labels: Mapping[str, str] | None, requirements: Iterable[Requirement]) -> bool:
    present = labels or {}
    return all(_holds(present, requirement) for requirement in requirements)


def _holds(labels: Mapping[str, str], requirement: Requirement) -> bool:
    value = labels.get(requirement.key)
    op, values = requirement.op, requirement.values
    if op in ("=", "==", "in"):
        return value is not None and value in values
    if op in ("!=", "notin"):
        return value is None or value not in values
    if op == "exists":
        return value is not None
    if op == "!":
        return value is None
    if op in ("gt", "lt"):
        return value is not None and _compares(op, value, values[0])
    raise ValueError(f"label selector operator {op!r}: expected =, !=, in, notin, exists, !, gt or lt")


def _compares(op: str, value: str, bound: str) -> bool:
    try:
        return int(value) > int(bound) if op == "gt" else int(value) < int(bound)
    except ValueError:
        return False


@lru_cache(maxsize=4096)
def term(resource: str, text: str) -> int:
    """A stable signed 64-bit number for `label=value`. Two texts may share one, so readers look again."""
    digest = blake2b(f"{resource}\0{text}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def label_terms(resource: str, labels: Mapping[str, str]) -> list[int]:
    return [term(resource, f"{key}={value}") for key, value in labels.items()]


def owner_term(resource: str, uid: str) -> int:
    return term(resource, f"\0{uid}")
