"""Reads: what is recent, over what the tables have on a connection of the event loop's thread.

Called through `SqliteStore`. Invariant: a read sees every commit that was acknowledged before it. What is
recent hides what the tables have under the same key, so it does not matter whether they have it already.
"""

from __future__ import annotations

import builtins
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

import msgspec

from pinnace.kinds.resource import Obj
from pinnace.store.batch import MODIFIED, TYPES
from pinnace.store.interface import Compacted, Event, Gathered, Listing, Requirement
from pinnace.store.recent import Live, Place, Recent, Rows, Star
from pinnace.store.selector import label_term, matches, owner_term

_decode = msgspec.json.Decoder().decode

GET = "SELECT l.body FROM objects o JOIN log l ON l.rv=o.rv WHERE o.resource=? AND o.namespace=? AND o.name=?"
EVENTS = (
    "SELECT rv, namespace, name, type, before, body FROM log"
    " WHERE resource=? AND rv>? AND rv<=? {} ORDER BY rv"
)
GATHERED = (
    "SELECT max(rv), count(*), json_group_array(key) FILTER (WHERE rv>:since),"
    " json_group_array(rv) FILTER (WHERE rv>:since),"
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


Item = tuple[Place, Obj]


class Seen(NamedTuple):
    """What the loop knew of an object and its rows, for a read in a thread: the tables may be newer."""

    uid: str
    live: Live | None
    rows: Rows
    star: int


class Query(NamedTuple):
    """What a list selects, see `Store.list`."""

    resource: str
    namespace: str | None
    labels: Sequence[Requirement]
    owner: str
    newer_than: int
    after: Place | None

    def takes(self, place: Place, live: Live) -> bool:
        """Of what is recent; the owner is judged by the body."""
        head = live[0]
        if head is None or head.rv <= self.newer_than or not self.within(place):
            return False
        return not self.labels or matches(head.labels, self.labels)

    def within(self, place: Place) -> bool:
        if self.namespace is not None and place[0] != self.namespace:
            return False
        return self.after is None or place > self.after


class Reader:
    def __init__(
        self, connection: sqlite3.Connection, gate: AbstractContextManager[Any], recent: Recent
    ) -> None:
        """`gate` is a lock where the writer shares the connection (in memory), else nothing."""
        self._connection = connection
        self._gate = gate
        self._recent = recent

    def get(self, resource: str, namespace: str, name: str) -> Obj | None:
        live = self._recent.find((resource, namespace, name))
        if live is not None:
            return None if live[0] is None else _decode(live[2])
        with self._gate:
            found = self._connection.execute(GET, (resource, namespace, name)).fetchone()
        return _decode(found[0]) if found else None

    def uid(self, resource: str, namespace: str, name: str) -> str | None:
        """In the tables."""
        sql = "SELECT uid FROM objects WHERE resource=? AND namespace=? AND name=?"
        with self._gate:
            found = self._connection.execute(sql, (resource, namespace, name)).fetchone()
        return found[0] if found else None

    def list(
        self,
        resource: str,
        namespace: str | None,
        labels: Sequence[Requirement],
        owner: str,
        newer_than: int,
        limit: int,
        after: tuple[str, str] | None,
        rv: int,
    ) -> Listing:
        """`remaining` is counted only where nothing but the namespace selects, as upstream does."""
        query = Query(resource, namespace, labels, owner, newer_than, after)
        items = self._recent_items(query)
        if newer_than >= self._recent.base:  # the tables have nothing of it
            items.sort(key=_place)
            if not limit or len(items) <= limit:
                return Listing([obj for _, obj in items], rv)
        with self._snapshot() as tables:
            rv = max(rv, tables)
            stored, more = self._stored_items(query, limit)
            items = sorted([*stored, *items], key=_place) if items else stored
            if limit and len(items) > limit:
                del items[limit:]
                more = True
            if not more:
                return Listing([obj for _, obj in items], rv)
            last = items[-1][0]
            plain = not (labels or owner or newer_than)
            remaining = self._count(resource, namespace, last) if plain else 0
        return Listing([obj for _, obj in items], rv, last, remaining)

    def _recent_items(self, query: Query) -> builtins.list[Item]:
        recent, resource = self._recent, query.resource
        found: builtins.list[Item] = []
        term = owner_term(resource, query.owner) if query.owner else None
        for key in recent.keys(resource, term, query.newer_than):
            live = recent.find(key)
            place = key[1:]
            if live is not None and query.takes(place, live):
                obj = _decode(live[2])
                if not query.owner or _owned(obj, query.owner):
                    found.append((place, obj))
        return found

    def _stored_items(self, query: Query, limit: int) -> tuple[builtins.list[Item], bool]:
        """Of the tables, without what is recent; whether there is more than `limit` of it."""
        sql, values = _selection(*query)
        recent, resource, labels = self._recent, query.resource, query.labels
        found: builtins.list[Item] = []
        cursor = self._connection.execute(sql, values)
        for namespace, name, present, body in cursor:
            if recent.find((resource, namespace, name)) is not None:
                continue
            if labels and not matches(_decode(present) if present else None, labels):
                continue
            if limit and len(found) == limit:
                cursor.close()
                return found, True
            obj = _decode(body)
            if not query.owner or _owned(obj, query.owner):
                found.append(((namespace, name), obj))
        return found, False

    def _count(self, resource: str, namespace: str | None, after: Place) -> int:
        """How many follow: exact when nothing is recent, else near to it (clients may not rely on more)."""
        where = "" if namespace is None else "AND namespace=:namespace"
        sql = f"SELECT count(*) FROM objects WHERE resource=:resource AND (namespace, name)>(:ns, :n) {where}"  # noqa: S608
        values = {"resource": resource, "namespace": namespace, "ns": after[0], "n": after[1]}
        count = int(self._connection.execute(sql, values).fetchone()[0])
        tables = self._connection.execute("SELECT rv FROM state").fetchone()[0]
        query = Query(resource, namespace, (), "", 0, after)
        for key in self._recent.keys(resource, None, 0):
            live = self._recent.find(key)
            if live is not None and query.within(key[1:]):
                count += (live[0] is not None) - (live[1] <= tables)
        return count

    def events(self, resource: str, since: int, until: int, namespace: str | None) -> builtins.list[Event]:
        base = self._recent.base
        found = self._stored_events(resource, since, min(until, base), namespace) if since < base else []
        for rv, _, of, space, name, type, before, _, body in self._recent.log():
            if of == resource and since < rv <= until and (namespace is None or space == namespace):
                found.append(_event(resource, rv, space, name, type, before, body))
        return found

    def _stored_events(
        self, resource: str, since: int, until: int, namespace: str | None
    ) -> builtins.list[Event]:
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
        if self._recent.moved((kind, owner)):
            found = (body for _, name, _, body in self.rows(kind, owner, 0, -1) if name == key)
            return next(found, None)
        known = self._recent.row(kind, owner, key)
        if known is not None:
            return known[1]
        sql = "SELECT body FROM rows WHERE kind=? AND owner=? AND key=?"
        with self._gate:
            found = self._connection.execute(sql, (kind, owner, key)).fetchone()
        return found[0] if found else None

    def rows(
        self, kind: str, owner: str | None, newer_than: int, limit: int
    ) -> builtins.list[tuple[str, str, int, bytes]]:
        """The limit is for the first page of something: what is recent may shorten it, never lengthen."""
        owners = self._recent.owners(kind) if owner is None else [owner]
        known: dict[str, tuple[Rows, builtins.list[Star] | None]]
        known = {each: self._recent.rows((kind, each)) for each in owners}
        found = [
            (each, key, rv, body) for each, (rows, _) in known.items() for key, (rv, body) in rows.items()
            if body is not None and rv > newer_than
        ]
        if newer_than < self._recent.base:
            spare = sum(len(rows) for rows, _ in known.values()) if limit >= 0 else 0
            for row in self._stored_rows(kind, owner, newer_than, limit + spare):
                rows, kinds = known.get(row[0], ({}, None))
                if row[1] not in rows and (kinds is None or [star.kind for star in kinds] == [kind]):
                    found.append(row)
            for each, (rows, kinds) in known.items():
                if kinds is not None and [star.kind for star in kinds] != [kind]:
                    found += self._moved_rows(each, newer_than, rows, kinds)
        found.sort(key=lambda row: row[:2])
        return found[:limit] if limit >= 0 else found

    def _moved_rows(
        self, owner: str, newer_than: int, rows: Rows, kinds: builtins.list[Star]
    ) -> builtins.list[tuple[str, str, int, bytes]]:
        """What the tables have under several kinds; a later one hides what an earlier one has by a key."""
        found: dict[str, tuple[str, str, int, bytes]] = {}
        for before, kind in kinds:
            stored = self._stored_rows(kind, owner, newer_than, -1)
            found |= {row[1]: row for row in stored if row[2] < before}
        return [row for key, row in found.items() if key not in rows]

    def _stored_rows(
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
        self, resource: str, namespace: str, name: str, kind: str, newer_than: int, seen: Seen
    ) -> Gathered | None:
        """What was seen before counts where the tables are not newer by now."""
        with self._snapshot() as tables:
            live = seen.live if seen.live is not None and _newest(seen.live) > tables else None
            if live is None:
                found = self._connection.execute(GET, (resource, namespace, name)).fetchone()
                body = found[0] if found else None
            else:
                body = live[2] if live[0] is not None else None
            if body is None:
                return None
            obj = _decode(body)
            values = {"kind": kind, "owner": obj["metadata"].get("uid", ""), "since": newer_than}
            newest, total, keys, revisions, lengths, bodies = self._connection.execute(
                GATHERED, values
            ).fetchone()
            same = obj["metadata"].get("uid", "") == seen.uid
            rows = {key: row for key, row in seen.rows.items() if same and row[0] > tables}
            stored = _cut(_decode(keys), _decode(revisions), _decode(lengths), bodies or b"")
            if not rows and (seen.star <= tables or not same):
                return _gathered(obj, newest or 0, total, stored)
            sql = "SELECT key FROM rows WHERE kind=:kind AND owner=:owner"
            present = {key for (key,) in self._connection.execute(sql, values)} if total else set()
        if seen.star > tables:
            present, stored, newest = set(), [], 0
        return _over(obj, newest or 0, present, stored, rows, newer_than)

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


def uid_of(live: Live) -> str | None:
    return None if live[0] is None else live[0].uid


def _place(item: Item) -> Place:
    return item[0]


def _newest(live: Live) -> int:
    """The revision of a live object; one that was removed is taken to be newer than the tables."""
    return live[0].rv if live[0] is not None else sys.maxsize


def _over(
    obj: Obj, newest: int, present: set[str], stored: list[tuple[str, int, bytes]],
    rows: Rows, newer_than: int,
) -> Gathered:
    """Rows of the tables under those that are recent."""
    present |= {key for key, (_, body) in rows.items() if body is not None}
    present -= {key for key, (_, body) in rows.items() if body is None}
    fresh = [(key, rv, body) for key, (rv, body) in rows.items() if body is not None and rv > newer_than]
    found = sorted([*(row for row in stored if row[0] not in rows), *fresh])
    newest = max([newest, *(rv for rv, body in rows.values() if body is not None)])
    return _gathered(obj, newest if present else 0, len(present), found)


def _gathered(obj: Obj, newest: int, total: int, found: list[tuple[str, int, bytes]]) -> Gathered:
    rows, revisions = [(key, body) for key, _, body in found], [rv for _, rv, _ in found]
    return Gathered(obj, newest, total, rows, revisions)


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


def _cut(
    keys: list[str], revisions: list[int], lengths: list[int], bodies: bytes
) -> list[tuple[str, int, bytes]]:
    """Each key with its revision and its part of what was read in one piece."""
    found, start = [], 0
    for key, rv, length in zip(keys, revisions, lengths, strict=True):
        found.append((key, rv, bodies[start : start + length]))
        start += length
    return found
