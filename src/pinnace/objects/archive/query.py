"""What somebody looks for in the archive, as terms of its index."""

from __future__ import annotations

import msgspec

from pinnace.kinds.argo import DOMAIN
from pinnace.kinds.resource import Resource
from pinnace.objects import selector
from pinnace.objects.archive import entry
from pinnace.store.interface import Requirement
from pinnace.store.terms import LAST, Wanted

PHASE = f"{DOMAIN}phase"


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is named has to fit. Times are RFC 3339 in UTC, with a Z."""

    namespace: str = ""
    """'' is everywhere."""
    labels: str = ""
    name: str = ""
    name_prefix: str = ""
    name_contains: str = ""
    phases: tuple[str, ...] = ()
    parameters: dict[str, str] = {}
    started_after: str = ""
    started_before: str = ""
    created_after: str = ""
    finished_before: str = ""
    limit: int = 0
    offset: int = 0


def wanted(query: Query, resource: Resource) -> tuple[Wanted, list[Requirement]]:
    """And the terms of the selector for which the values have to be looked up first. StatusError 400."""
    groups: list[tuple[str, ...]] = []
    without: list[str] = []
    others: list[Requirement] = []
    for one in selector.parse(resource, query.labels, "").labels:
        held = tuple(f"label {one.key}={value}" for value in one.values)
        if one.op in ("=", "in"):
            groups.append(held)
        elif one.op in ("!=", "notin"):
            without += held
        else:
            others.append(one)
    if query.name:
        groups.append((f"name {query.name}",))
    if query.phases:
        groups.append(tuple(f"label {PHASE}={phase}" for phase in query.phases))
    groups += [(entry.parameter(name, value),) for name, value in query.parameters.items()]
    return Wanted(
        kind=entry.KIND, every=entry.EVERY, terms=tuple(groups), without=tuple(without), like=_pattern(query),
        first=query.started_after, last=f"{query.started_before}/{LAST}" if query.started_before else LAST,
        newer=(("$.metadata.creationTimestamp", query.created_after),) if query.created_after else (),
        older=(("$.status.finishedAt", query.finished_before),) if query.finished_before else (),
        limit=query.limit, offset=query.offset,
    ), others


def _pattern(query: Query) -> str:
    """Of `<startedAt>/~<uid>/<namespace>/<name>`; '' where the key may be any."""
    if not (query.namespace or query.name_prefix or query.name_contains):
        return ""
    name = "*"
    if query.name_prefix:
        name = f"{_plain(query.name_prefix)}*"
    if query.name_contains:
        name = f"{name}{_plain(query.name_contains)}*"
    return f"*/~*/{_plain(query.namespace) or '*'}/{name}"


def _plain(text: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in text)
