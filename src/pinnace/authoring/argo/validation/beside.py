"""Validation beside the event loop: of a workflow with thousands of tasks it takes long.

Other documents are asked for before, on the loop, because only there may anyone read the store.
"""

from __future__ import annotations

from collections.abc import Iterator

from pinnace.authoring.argo.validation.scope import Lookup
from pinnace.kinds.resource import Obj

MANY = 300
"""Calls from which on a workflow is a big one: some milliseconds of work."""


def big(spec: Obj) -> bool:
    return sum(_size(raw) for raw in spec.get("templates") or () if isinstance(raw, dict)) > MANY


def _size(raw: Obj) -> int:
    tasks = (raw.get("dag") or {}).get("tasks") or ()
    return len(tasks) + sum(len(group or ()) for group in raw.get("steps") or ())


def known(spec: Obj, lookup: Lookup, namespace: str | None) -> Lookup:
    """Every document that validation will ask for, through however many of them."""
    found: dict[tuple[str, bool], Obj | None] = {}
    waiting = [spec]
    while waiting:
        for name, cluster in _references(waiting.pop()):
            if (name, cluster) not in found:
                found[name, cluster] = other = lookup(name, cluster=cluster, namespace=namespace)
                if other is not None:
                    waiting.append(other.get("spec") or {})

    def answer(name: str, *, cluster: bool, namespace: str | None) -> Obj | None:
        return found.get((name, cluster))

    return answer


def _references(spec: Obj) -> Iterator[tuple[str, bool]]:
    for raw in spec.get("templates") or ():
        steps = (step for group in raw.get("steps") or () for step in group or ())
        for call in (*((raw.get("dag") or {}).get("tasks") or ()), *steps):
            if reference := call.get("templateRef"):
                yield str(reference.get("name") or ""), bool(reference.get("clusterScope"))
