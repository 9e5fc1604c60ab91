"""One group of commits, staged in memory and then written with a handful of statements.

Called by the writer thread alone. A commit is planned against the live heads plus what the group has staged
before it, and joins the group only when all its preconditions hold: that is its savepoint. So a refused
commit costs no SQL at all, and the group goes to SQLite as a few multi-row statements (every statement
lets go of the interpreter lock once; one per row would hand the event loop the lock thousands of times).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec

from pinnace.kinds.resource import Obj
from pinnace.store.interface import ABSENT, ANY, Conflict, Event, Put, Remove, Row, Write
from pinnace.store.selector import label_term, owner_term

ADDED, MODIFIED, DELETED = 0, 1, 2
TYPES = ("ADDED", "MODIFIED", "DELETED")

Key = tuple[str, str, str]
RowKey = tuple[str, str, str]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Head(msgspec.Struct, frozen=True):
    """What the writer must know of a live object to judge the next write to it."""

    id: int
    uid: str
    rv: int
    labels: dict[str, str]
    owners: tuple[str, ...]
    """The second owner and those after it (the first one is indexed with each log entry)."""


class Move(msgspec.Struct, frozen=True):
    """What a write did to the head of its key."""

    resource: str
    old: Head | None
    new: Head | None


class Staged(msgspec.Struct, frozen=True):
    """A planned commit: what it adds to the group if all of it holds."""

    heads: dict[Key, Head | None]
    moves: list[Move]
    events: list[Event]
    log: list[tuple[Any, ...]]
    rows: list[Row]


class Batch:
    def __init__(self, connection: sqlite3.Connection, rv: int, heads: dict[Key, Head]) -> None:
        """`heads` holds every live head that the group's commits touch (`load_heads`)."""
        self.rv = rv
        self.touched: dict[Key, Head | None] = {}
        self.events: list[Event] = []
        self._connection = connection
        self._heads = heads
        self._log: list[tuple[Any, ...]] = []
        self._terms: dict[tuple[int, int], bool] = {}
        self._gone: list[int] = []
        self._superseded: list[int] = []
        self._stars: set[tuple[str, str]] = set()
        self._rows: dict[RowKey, tuple[int, bytes | None]] = {}

    # -- planning ---------------------------------------------------------------------------------------

    def add(self, writes: Sequence[Write]) -> list[Obj]:
        """Plan one commit and let it join. Raises Conflict, or what the encoder says of a body that is
        not JSON; then nothing of it has joined."""
        staged = Staged({}, [], [], [], [])
        rv = self.rv
        for index, write in enumerate(writes):
            if isinstance(write, Row):
                staged.rows.append(write)
                continue
            rv += 1
            if isinstance(write, Put):
                self._put(staged, index, write, rv)
            else:
                self._remove(staged, index, write, rv)
        self._join(staged, rv if staged.events else rv + 1)
        return [event.obj for event in staged.events]

    def _head(self, staged: Staged, key: Key) -> Head | None:
        if key in staged.heads:
            return staged.heads[key]
        if key in self.touched:
            return self.touched[key]
        return self._heads.get(key)

    def _put(self, staged: Staged, index: int, put: Put, rv: int) -> None:
        metadata = {**put.obj["metadata"], "resourceVersion": str(rv)}
        obj = {**put.obj, "metadata": metadata}
        key = (put.resource, metadata.get("namespace") or "", metadata["name"])
        head = self._head(staged, key)
        if put.expect != ANY:
            self._expect(staged, index, head, put.expect)
        owners = _owners(metadata)
        new = Head(
            head.id if head else rv, metadata.get("uid") or "", rv, metadata.get("labels") or {}, owners[1:]
        )
        self._record(staged, key, Move(put.resource, head, new), obj, rv, owners)

    def _remove(self, staged: Staged, index: int, remove: Remove, rv: int) -> None:
        key = (remove.resource, remove.namespace, remove.name)
        head = self._head(staged, key)
        if head is None:
            raise Conflict("missing", index)
        last = self._current(staged, head)
        if remove.uid and remove.uid != head.uid:
            raise Conflict("uid", index, last)
        if remove.expect != ANY:
            self._expect(staged, index, head, remove.expect)
        obj = {**last, "metadata": {**last["metadata"], "resourceVersion": str(rv)}}
        self._record(staged, key, Move(remove.resource, head, None), obj, rv, _owners(obj["metadata"]))

    def _expect(self, staged: Staged, index: int, head: Head | None, expect: int | str) -> None:
        if expect == ABSENT:
            if head is not None:
                raise Conflict("exists", index, self._current(staged, head))
        elif head is None:
            raise Conflict("missing", index)
        elif head.rv != expect:
            raise Conflict("changed", index, self._current(staged, head))

    def _record(
        self, staged: Staged, key: Key, move: Move, obj: Obj, rv: int, owners: tuple[str, ...]
    ) -> None:
        old, new = move.old, move.new
        kind = ADDED if old is None else MODIFIED if new else DELETED
        before = old.labels if old else None
        changed = kind == MODIFIED and before != (new.labels if new else None)
        identity = (new or old).id  # type: ignore[union-attr]  # one of them is there
        owner = owner_term(move.resource, owners[0]) if owners else None
        body = _encode(obj)
        staged.log.append(
            (rv, identity, *key, kind, _encode(before).decode() if changed else None, owner, body)
        )
        staged.events.append(Event(rv, TYPES[kind], *key, obj, before))
        staged.heads[key] = new
        staged.moves.append(move)

    def _current(self, staged: Staged, head: Head) -> Obj:
        """The body of a live head: written in this group, or read."""
        for events in (staged.events, self.events):
            for event in reversed(events):
                if event.rv == head.rv:
                    return event.obj
        row = self._connection.execute("SELECT body FROM log WHERE rv=?", (head.rv,)).fetchone()
        found: Obj = _decode(row[0])
        return found

    def _join(self, staged: Staged, rv: int) -> None:
        self.rv = rv
        self.events += staged.events
        self._log += staged.log
        self.touched.update(staged.heads)
        for move in staged.moves:
            self._join_move(move)
        for row in staged.rows:
            self._join_row(row, rv)

    def _join_move(self, move: Move) -> None:
        resource, old, new = move.resource, move.old, move.new
        if old is not None:
            self._superseded.append(old.rv)
            if new is not None and old.labels == new.labels and old.owners == new.owners:
                return
            for term in _terms(resource, old):
                self._terms[term, old.id] = False
        if new is None:
            self._gone.append(old.id)  # type: ignore[union-attr]  # a removal has an old head
            return
        for term in _terms(resource, new):
            self._terms[term, new.id] = True

    def _join_row(self, row: Row, rv: int) -> None:
        if row.key == "*" and row.body is None:
            self._stars.add((row.kind, row.owner))
            for key in [k for k in self._rows if k[:2] == (row.kind, row.owner)]:
                del self._rows[key]
        else:
            self._rows[row.kind, row.owner, row.key] = (rv, row.body)

    # -- writing ----------------------------------------------------------------------------------------

    def flush(self, floor: int) -> None:
        """All statements of the group, inside the caller's transaction. `floor`: the log's, below which a
        body goes as soon as nothing points to it."""
        run = self._connection
        insert(run, "INSERT INTO log VALUES", 9, self._log)
        many(run, "DELETE FROM objects WHERE id=?", [(id,) for id in self._gone])
        insert(run, "INSERT INTO objects VALUES", 8, self._live(), UPSERT_OBJECT)
        many(run, "DELETE FROM terms WHERE term=? AND id=?", [k for k, on in self._terms.items() if not on])
        added = [key for key, on in self._terms.items() if on]
        insert(run, "INSERT OR IGNORE INTO terms VALUES", 2, added)
        many(run, "DELETE FROM rows WHERE kind=? AND owner=?", list(self._stars))
        many(run, "DELETE FROM log WHERE rv=?", [(rv,) for rv in self._superseded if rv <= floor])
        self._flush_rows()
        run.execute("UPDATE state SET rv=?", (self.rv,))

    def _live(self) -> list[tuple[Any, ...]]:
        return [
            (
                head.id, *key, head.uid, head.rv,
                _encode(head.labels).decode() if head.labels else None,
                _encode(head.owners).decode() if head.owners else None,
            )
            for key, head in self.touched.items() if head is not None
        ]  # fmt: skip

    def _flush_rows(self) -> None:
        gone = [key for key, (_, body) in self._rows.items() if body is None]
        many(self._connection, "DELETE FROM rows WHERE kind=? AND owner=? AND key=?", gone)
        kept = [(*key, rv, body) for key, (rv, body) in self._rows.items() if body is not None]
        insert(self._connection, "INSERT INTO rows VALUES", 5, kept, UPSERT_ROW)


UPSERT_OBJECT = (
    "ON CONFLICT (id) DO UPDATE SET rv=excluded.rv, uid=excluded.uid, labels=excluded.labels,"
    " owners=excluded.owners"
)
UPSERT_ROW = "ON CONFLICT (kind, owner, key) DO UPDATE SET rv=excluded.rv, body=excluded.body"

HEADS = (
    "SELECT json_group_array(json_array(o.resource, o.namespace, o.name, o.id, o.uid, o.rv,"
    " json(o.labels), json(o.owners))) FROM (VALUES"
)
HEADS_TAIL = ") v CROSS JOIN objects o ON o.resource=v.column1 AND o.namespace=v.column2 AND o.name=v.column3"


def load_heads(connection: sqlite3.Connection, keys: Sequence[Key]) -> dict[Key, Head]:
    """The live heads among `keys`, in one row a chunk (see `insert` on why)."""
    found: dict[Key, Head] = {}
    for count, chunk in _chunks(keys):
        sql = _insert(HEADS, 3, count, HEADS_TAIL)
        answer = connection.execute(sql, list(chain.from_iterable(chunk))).fetchone()[0]
        for resource, namespace, name, id, uid, rv, labels, owners in _decode(answer):
            found[resource, namespace, name] = Head(id, uid, rv, labels or {}, tuple(owners or ()))
    return found


def insert(
    connection: sqlite3.Connection, head: str, width: int, rows: Sequence[tuple[Any, ...]], tail: str = ""
) -> None:
    """Multi-row INSERTs. A statement of one row each would give up the interpreter lock per row, and
    wait for the event loop's thread to hand it back each time."""
    for count, chunk in _chunks(rows):
        connection.execute(_insert(head, width, count, tail), list(chain.from_iterable(chunk)))


@lru_cache(maxsize=64)
def _insert(head: str, width: int, count: int, tail: str) -> str:
    row = "(" + ",".join("?" * width) + ")"
    return f"{head} {','.join([row] * count)} {tail}"


def many(connection: sqlite3.Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        connection.executemany(sql, rows)


def _chunks(rows: Sequence[Any]) -> Iterable[tuple[int, Sequence[Any]]]:
    """Powers of two up to 64, so that few statements exist and all stay prepared."""
    start = 0
    while start < len(rows):
        size = min(64, 1 << ((len(rows) - start).bit_length() - 1))
        yield size, rows[start : start + size]
        start += size


def _owners(metadata: dict[str, Any]) -> tuple[str, ...]:
    references = metadata.get("ownerReferences")
    if not references:
        return ()
    if len(references) == 1:
        return (references[0]["uid"],)
    return tuple(dict.fromkeys(reference["uid"] for reference in references))


def _terms(resource: str, head: Head) -> list[int]:
    terms = [label_term(resource, key, value) for key, value in head.labels.items()]
    return terms + [owner_term(resource, uid) for uid in head.owners]
