"""Reads: one connection of the event loop's thread, beside the writer.

Called through `SqliteStore`. Invariant: a read sees every commit that was acknowledged before it (the
writer publishes after its COMMIT, and no read transaction outlives the call).
"""

from __future__ import annotations

import builtins
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import msgspec

from pinnace.kinds.resource import Obj
from pinnace.store.batch import MODIFIED, TYPES
from pinnace.store.interface import Compacted, Event, Gathered, Listing, Requirement
from pinnace.store.selector import label_term, matches, owner_term

_decode = msgspec.json.Decoder().decode

GET = "SELECT l.body FROM objects o JOIN log l ON l.rv=o.rv WHERE o.resource=? AND o.namespace=? AND o.name=?"
EVENTS = (
    "SELECT rv, namespace, name, type, before, body FROM log"
    " WHERE resource=? AND rv>? AND rv<=? {} ORDER BY rv"
)
GATHERED = (
    "SELECT max(rv), count(*), json_group_array(key) FILTER (WHERE rv>:since),"
    " json_group_array(length(body)) FILTER (WHERE rv>:since),"
    " CAST(group_concat(CAST(body AS TEXT), '') FILTER (WHERE rv>:since) AS BLOB)"
    " FROM (SELECT key, rv, body FROM rows WHERE kind=:kind AND owner=:owner ORDER BY key)"
)
"""All rows in one: a thread that fetches row by row asks for the interpreter each time, and waits for it."""
OWNED = (
    "SELECT o.namespace, o.name, o.labels, l.body FROM log l CROSS JOIN objects o ON o.id=l.id AND o.rv=l.rv"
    " WHERE l.owner=:term AND l.rv>:newer AND l.type<2 {where}"
    " UNION ALL "
    "SELECT o.namespace, o.name, o.labels, l.body FROM terms t CROSS JOIN objects o ON o.id=t.id"
    " CROSS JOIN log l ON l.rv=o.rv WHERE t.term=:term AND o.rv>:newer {where}"
    " ORDER BY 1, 2"
)


class Reader:
    def __init__(self, connection: sqlite3.Connection, gate: AbstractContextManager[Any]) -> None:
        """`gate` is a lock where the writer shares the connection (in memory), else nothing."""
        self._connection = connection
        self._gate = gate

    def get(self, resource: str, namespace: str, name: str) -> Obj | None:
        with self._gate:
            found = self._connection.execute(GET, (resource, namespace, name)).fetchone()
        return _decode(found[0]) if found else None

    def list(
        self,
        resource: str,
        namespace: str | None,
        labels: Sequence[Requirement],
        owner: str,
        newer_than: int,
        limit: int,
        after: tuple[str, str] | None,
    ) -> Listing:
        """`remaining` is counted only where nothing but the namespace selects, as upstream does."""
        sql, values = _selection(resource, namespace, labels, owner, newer_than, after)
        with self._snapshot() as rv:
            items, more = self._page(sql, values, labels, owner, limit)
            if not more:
                return Listing([obj for _, obj in items], rv)
            last = items[-1][0]
            plain = not (labels or owner or newer_than)
            remaining = self._count(resource, namespace, last) if plain else 0
        return Listing([obj for _, obj in items], rv, last, remaining)

    def _page(
        self, sql: str, values: dict[str, Any], labels: Sequence[Requirement], owner: str, limit: int
    ) -> tuple[builtins.list[tuple[tuple[str, str], Obj]], bool]:
        found: builtins.list[tuple[tuple[str, str], Obj]] = []
        cursor = self._connection.execute(sql, values)
        for namespace, name, present, body in cursor:
            if labels and not matches(_decode(present) if present else None, labels):
                continue
            if limit and len(found) == limit:
                cursor.close()
                return found, True
            obj = _decode(body)
            if not owner or _owned(obj, owner):
                found.append(((namespace, name), obj))
        return found, False

    def _count(self, resource: str, namespace: str | None, after: tuple[str, str]) -> int:
        where = "" if namespace is None else "AND namespace=:namespace"
        sql = f"SELECT count(*) FROM objects WHERE resource=:resource AND (namespace, name)>(:ns, :n) {where}"  # noqa: S608
        values = {"resource": resource, "namespace": namespace, "ns": after[0], "n": after[1]}
        return int(self._connection.execute(sql, values).fetchone()[0])

    def events(self, resource: str, since: int, until: int, namespace: str | None) -> builtins.list[Event]:
        where = "" if namespace is None else "AND namespace=?"
        values = (resource, since, until) if namespace is None else (resource, since, until, namespace)
        with self._gate:
            found = self._connection.execute(EVENTS.format(where), values).fetchall()
            # Asked after the read: compaction between the two can only make us refuse, never miss events.
            floor = self._connection.execute("SELECT floor FROM state").fetchone()[0]
        if since < floor:
            raise Compacted(f"revision {since} is older than the log, which begins after {floor}")
        return [_event(resource, *row) for row in found]

    def row(self, kind: str, owner: str, key: str) -> bytes | None:
        sql = "SELECT body FROM rows WHERE kind=? AND owner=? AND key=?"
        with self._gate:
            found = self._connection.execute(sql, (kind, owner, key)).fetchone()
        return found[0] if found else None

    def rows(
        self, kind: str, owner: str | None, newer_than: int, limit: int
    ) -> builtins.list[tuple[str, str, int, bytes]]:
        where = "" if owner is None else "AND owner=:owner"
        sql = (
            f"SELECT owner, key, rv, body FROM rows WHERE kind=:kind {where} AND rv>:newer"  # noqa: S608
            " ORDER BY 1, 2 LIMIT :limit"
        )
        values = {"kind": kind, "owner": owner, "newer": newer_than, "limit": limit}
        with self._gate:
            return self._connection.execute(sql, values).fetchall()

    def gathered(
        self, resource: str, namespace: str, name: str, kind: str, newer_than: int
    ) -> Gathered | None:
        with self._snapshot():
            found = self._connection.execute(GET, (resource, namespace, name)).fetchone()
            if found is None:
                return None
            obj = _decode(found[0])
            values = {"kind": kind, "owner": obj["metadata"].get("uid", ""), "since": newer_than}
            newest, total, keys, lengths, bodies = self._connection.execute(GATHERED, values).fetchone()
        return Gathered(obj, newest or 0, total, _cut(_decode(keys), _decode(lengths), bodies or b""))

    def counts(self) -> dict[str, int]:
        """Objects by resource, and rows by kind."""
        with self._gate:
            objects = self._connection.execute("SELECT resource, count(*) FROM objects GROUP BY 1").fetchall()
            rows = self._connection.execute("SELECT kind, count(*) FROM rows GROUP BY 1").fetchall()
        return dict(objects) | {f"rows/{kind}": count for kind, count in rows}

    @contextmanager
    def _snapshot(self) -> Iterator[int]:
        """Several reads of one moment; yields its revision."""
        with self._gate:
            self._connection.execute("BEGIN")
            try:
                yield self._connection.execute("SELECT rv FROM state").fetchone()[0]
            finally:
                self._connection.execute("COMMIT")


def _selection(
    resource: str, namespace: str | None, labels: Sequence[Requirement], owner: str, newer_than: int,
    after: tuple[str, str] | None,
) -> tuple[str, dict[str, Any]]:  # fmt: skip
    values: dict[str, Any] = {"resource": resource, "newer": newer_than}
    where = ""
    if namespace is not None:
        where += " AND o.namespace=:namespace"
        values["namespace"] = namespace
    if after is not None:
        within = namespace == after[0]  # then a plain bound keeps the index's order
        where += (
            " AND o.name>:after_name" if within else " AND (o.namespace, o.name)>(:after_ns, :after_name)"
        )
        values["after_ns"], values["after_name"] = after
    if owner:
        values["term"] = owner_term(resource, owner)
        return OWNED.format(where=where), values
    columns = "SELECT o.namespace, o.name, o.labels, l.body FROM"
    wanted = next((r for r in labels if r.op in ("=", "==", "in")), None)
    if wanted is not None:
        names = {f"term{i}": label_term(resource, wanted.key, v) for i, v in enumerate(wanted.values)}
        values |= names
        source = f"(SELECT DISTINCT id FROM terms WHERE term IN ({', '.join(':' + n for n in names)})) t"  # noqa: S608
        source += " CROSS JOIN objects o ON o.id=t.id CROSS JOIN log l ON l.rv=o.rv"
        where += " AND o.resource=:resource AND o.rv>:newer"
        return f"{columns} {source} WHERE 1 {where} ORDER BY 1, 2", values
    if newer_than:
        source = "log l INDEXED BY log_resource CROSS JOIN objects o ON o.id=l.id AND o.rv=l.rv"
        where = f"l.resource=:resource AND l.rv>:newer {where}"
        return f"{columns} {source} WHERE {where} ORDER BY 1, 2", values
    source = "objects o CROSS JOIN log l ON l.rv=o.rv"
    return f"{columns} {source} WHERE o.resource=:resource {where} ORDER BY 1, 2", values


def _owned(obj: Obj, uid: str) -> bool:
    return any(reference["uid"] == uid for reference in obj["metadata"].get("ownerReferences") or ())


def _event(
    resource: str, rv: int, namespace: str, name: str, type: int, before: str, body: bytes
) -> Event:
    obj = _decode(body)
    labels: dict[str, str] | None
    if before:
        labels = _decode(before)
    else:
        labels = None if type < MODIFIED else obj["metadata"].get("labels") or {}
    return Event(rv, TYPES[type], resource, namespace, name, obj, labels)


def _cut(keys: builtins.list[str], lengths: builtins.list[int], bodies: bytes) -> list[tuple[str, bytes]]:
    """Each key with its part of what was read in one piece."""
    found, start = [], 0
    for key, length in zip(keys, lengths, strict=True):
        found.append((key, bodies[start : start + length]))
        start += length
    return found
