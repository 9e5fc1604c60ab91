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
def label_term(resource: str, key: str, value: str) -> int:
    """The index's number for a label. Two labels may share one, so readers look at the labels again."""
    return _number(f"{resource}\0{key}={value}")


@lru_cache(maxsize=1024)
def owner_term(resource: str, uid: str) -> int:
    """The index's number for the objects of a resource that `uid` owns."""
    return _number(f"{resource}\0\0{uid}")


def _number(text: str) -> int:
    """Stable (it is stored), signed, 64 bits."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)
