"""One group of commits, planned in memory and then written with a handful of statements.

Called by the writer thread alone. A commit is planned against the live heads, which show what the group has
planned before it. It stays only when all its preconditions hold; a refused one is taken back without any SQL:
that is its savepoint. The group goes to SQLite as a few multi-row statements (every statement lets go of the
interpreter lock once; one per row would hand the event loop the lock thousands of times).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from pinnace.kinds.resource import Obj
from pinnace.store.heads import Head, Heads, Key
from pinnace.store.interface import ABSENT, ANY, Conflict, Event, Put, Remove, Row, Write
from pinnace.store.selector import label_term, owner_term
from pinnace.store.statements import delete, insert

ADDED, MODIFIED, DELETED = 0, 1, 2
TYPES = ("ADDED", "MODIFIED", "DELETED")
LOG_WIDTH = 9

RowKey = tuple[str, str, str]
Move = tuple[Key, Head | None, Head | None]
"""What a write did to the head of its key: (key, old, new)."""

_encode = msgspec.json.Encoder().encode
_encode_into = msgspec.json.Encoder().encode_into
_decode = msgspec.json.Decoder().decode


class Batch:
    """`moves`, `events` and `_log` have one entry a Put or Remove, in revision order."""

    def __init__(self, connection: sqlite3.Connection, rv: int, heads: Heads) -> None:
        """`heads` knows every live object that the group's commits touch, save those they mean to create:
        if one of these is there, the database's own key refuses the group (`sqlite3.IntegrityError`)."""
        self.rv = rv
        self.heads = heads
        self.events: list[Event] = []
        self.moves: list[Move] = []
        self._connection = connection
        self._log: list[Any] = []
        self._rows: dict[RowKey, tuple[int, bytes | None]] = {}
        self._stars: dict[tuple[str, str], str] = {}

    # -- planning ---------------------------------------------------------------------------------------

    def add(self, writes: Sequence[Write]) -> list[Obj]:
        """Plan one commit. Raises Conflict, or what the encoder says of a body that is not JSON; then
        nothing of it stays."""
        start, rv = len(self.events), self.rv
        rows = []
        try:
            for index, write in enumerate(writes):
                if type(write) is Row:
                    rows.append(write)
                elif type(write) is Put:
                    rv += 1
                    self._put(index, write, rv)
                else:
                    assert isinstance(write, Remove)
                    rv += 1
                    self._remove(index, write, rv)
        except BaseException:
            self._take_back(start)
            raise
        self.rv = rv if rv > self.rv else rv + 1
        for row in rows:
            self._row(row, self.rv)
        return [event.obj for event in self.events[start:]]

    def _take_back(self, start: int) -> None:
        earlier = {key for key, _, _ in self.moves[:start]}
        for key, old, _ in reversed(self.moves[start:]):
            if old is None and key not in earlier:  # it was only taken to be absent
                self.heads.forget(key)
            else:
                self.heads.put(key, old)
        del self.moves[start:], self.events[start:], self._log[start * LOG_WIDTH :]

    def _put(self, index: int, put: Put, rv: int) -> None:
        given, resource, expect = put.obj, put.resource, put.expect
        metadata = {**given["metadata"], "resourceVersion": str(rv)}
        obj = {**given, "metadata": metadata}
        key = (resource, metadata.get("namespace") or "", metadata["name"])
        old = self.heads.get(key) if expect == ABSENT else self.heads.find(key)
        if expect != ANY:
            self._expect(index, old, expect)
        labels = metadata.get("labels") or {}
        owner, others = _owners(resource, metadata)
        uid = metadata.get("uid") or ""
        if old is None:
            new = Head(rv, uid, rv, labels, others)
            entry = (rv, rv, *key, ADDED, "", owner, _body(obj))
            event = Event(rv, "ADDED", *key, obj, None)
        else:
            before = old.labels
            if labels == before:
                labels, moved = before, ""
            else:
                moved = _encode(before).decode()
            new = Head(old.id, uid, rv, labels, others)
            entry = (rv, old.id, *key, MODIFIED, moved, owner, _body(obj))
            event = Event(rv, "MODIFIED", *key, obj, before)
        self._join(key, old, new, entry, event)

    def _remove(self, index: int, remove: Remove, rv: int) -> None:
        key = (remove.resource, remove.namespace, remove.name)
        old = self.heads.find(key)
        if old is None:
            raise Conflict("missing", index)
        last = self._current(old)
        if remove.uid and remove.uid != old.uid:
            raise Conflict("uid", index, last)
        if remove.expect != ANY:
            self._expect(index, old, remove.expect)
        metadata = {**last["metadata"], "resourceVersion": str(rv)}
        obj = {**last, "metadata": metadata}
        owner, _ = _owners(remove.resource, metadata)
        entry = (rv, old.id, *key, DELETED, "", owner, _body(obj))
        self._join(key, old, None, entry, Event(rv, "DELETED", *key, obj, old.labels))

    def _join(
        self, key: Key, old: Head | None, new: Head | None, entry: tuple[Any, ...], event: Event
    ) -> None:
        self.heads.put(key, new)
        self.moves.append((key, old, new))
        self._log += entry
        self.events.append(event)

    def _expect(self, index: int, head: Head | None, expect: int | str) -> None:
        if expect == ABSENT:
            if head is not None:
                raise Conflict("exists", index, self._current(head))
        elif head is None:
            raise Conflict("missing", index)
        elif head.rv != expect:
            raise Conflict("changed", index, self._current(head))

    def _current(self, head: Head) -> Obj:
        """The body of a live head: written in this group, or read."""
        for event in reversed(self.events):
            if event.rv == head.rv:
                return event.obj
        row = self._connection.execute("SELECT body FROM log WHERE rv=?", (head.rv,)).fetchone()
        found: Obj = _decode(row[0])
        return found

    def _row(self, row: Row, rv: int) -> None:
        if row.key == "*" and row.body is None:
            self._stars[row.kind, row.owner] = row.becomes
            for key in [k for k in self._rows if k[:2] == (row.kind, row.owner)]:
                planned = self._rows.pop(key)
                if row.becomes:
                    self._rows[row.becomes, row.owner, key[2]] = planned
        else:
            self._rows[row.kind, row.owner, row.key] = (rv, row.body)

    # -- writing ----------------------------------------------------------------------------------------

    def flush(self, floor: int) -> None:
        """All statements of the group, inside the caller's transaction. `floor`: the log's, below which a
        body goes as soon as nothing points to it."""
        insert(self._connection, "INSERT INTO log VALUES", LOG_WIDTH, self._log)
        superseded = [old.rv for _, old, _ in self.moves if old is not None and old.rv <= floor]
        delete(self._connection, "DELETE FROM log WHERE rv IN", (), superseded)
        Changes(self.moves).flush(self._connection)
        self._flush_rows()
        self._connection.execute("UPDATE state SET rv=?", (self.rv,))

    def _flush_rows(self) -> None:
        run = self._connection
        for star, becomes in self._stars.items():
            if becomes:
                run.execute("UPDATE OR REPLACE rows SET kind=? WHERE kind=? AND owner=?", (becomes, *star))
            else:
                run.execute("DELETE FROM rows WHERE kind=? AND owner=?", star)
        gone: list[str] = []
        kept: list[Any] = []
        for key, (rv, body) in self._rows.items():
            if body is None:
                gone += key
            else:
                kept += (*key, rv, bytearray(body))
        insert(run, DROP_ROWS, 3, gone, FOUND_ROWS)
        insert(run, "INSERT INTO rows (kind, owner, key, rv, body) VALUES", 5, kept, UPSERT_ROW)


REDRAW = "UPDATE objects SET rv=v.column2, uid=v.column3, labels=v.column4, owners=v.column5 FROM (VALUES"
DROP_ROWS = "DELETE FROM rows WHERE id IN (SELECT r.id FROM (VALUES"
FOUND_ROWS = ") v CROSS JOIN rows r ON r.kind=v.column1 AND r.owner=v.column2 AND r.key=v.column3)"
UPSERT_ROW = "ON CONFLICT (kind, owner, key) DO UPDATE SET rv=excluded.rv, body=excluded.body"


class Changes:
    """What a group's moves come to for the live rows and their terms, each object once."""

    def __init__(self, moves: Sequence[Move]) -> None:
        self._born: dict[int, tuple[Key, Head]] = {}
        self._moved: dict[int, int] = {}
        self._redrawn: dict[int, Head] = {}
        self._gone: list[int] = []
        self._terms: dict[tuple[int, int], bool] = {}
        for key, old, new in moves:
            if new is None:
                assert old is not None  # what is removed was there
                self._remove(key, old)
            elif old is None:
                self._born[new.id] = (key, new)
                self._draw(key[0], new, True)
            else:
                self._update(key, old, new)

    def _update(self, key: Key, old: Head, new: Head) -> None:
        id = old.id
        alike = old.labels is new.labels and old.owners == new.owners  # see `Batch._put`
        if not alike:
            self._redraw(key[0], old, new)
        if id in self._born:
            self._born[id] = (key, new)
        elif not alike or id in self._redrawn or old.uid != new.uid:
            self._redrawn[id] = new
        else:
            self._moved[id] = new.rv

    def _remove(self, key: Key, old: Head) -> None:
        self._draw(key[0], old, False)
        self._moved.pop(old.id, None)
        self._redrawn.pop(old.id, None)
        if self._born.pop(old.id, None) is None:
            self._gone.append(old.id)

    def _draw(self, resource: str, head: Head, on: bool) -> None:
        for key, value in head.labels.items():
            self._terms[label_term(resource, key, value), head.id] = on
        for uid in head.owners:
            self._terms[owner_term(resource, uid), head.id] = on

    def _redraw(self, resource: str, old: Head, new: Head) -> None:
        """Only what differs: a label that changes costs two terms, however many labels there are."""
        for head, other, on in ((old, new, False), (new, old, True)):
            for key, value in head.labels.items():
                if other.labels.get(key) != value:
                    self._terms[label_term(resource, key, value), head.id] = on
            for uid in head.owners:
                if uid not in other.owners:
                    self._terms[owner_term(resource, uid), head.id] = on

    def flush(self, run: sqlite3.Connection) -> None:
        delete(run, "DELETE FROM objects WHERE id IN", (), self._gone)
        born: list[Any] = []
        for key, head in self._born.values():
            born += (head.id, *key, head.uid, head.rv, _text(head.labels), _text(head.owners))
        insert(run, "INSERT INTO objects VALUES", 8, born)
        redrawn: list[Any] = []
        for id, head in self._redrawn.items():
            redrawn += (id, head.rv, head.uid, _text(head.labels), _text(head.owners))
        insert(run, REDRAW, 5, redrawn, ") v WHERE id=v.column1")
        moved = [value for pair in self._moved.items() for value in pair]
        insert(run, "UPDATE objects SET rv=v.column2 FROM (VALUES", 2, moved, ") v WHERE id=v.column1")
        added: list[int] = []
        lost: dict[int, list[int]] = {}
        for pair, on in self._terms.items():
            if on:
                added += pair
            else:
                lost.setdefault(pair[0], []).append(pair[1])
        for term, ids in lost.items():
            delete(run, "DELETE FROM terms WHERE term=? AND id IN", (term,), ids)
        insert(run, "INSERT OR IGNORE INTO terms VALUES", 2, added)


def _body(obj: Obj) -> bytearray:
    body = bytearray()
    _encode_into(obj, body)
    return body


def _text(value: dict[str, str] | tuple[str, ...]) -> str:
    return _encode(value).decode() if value else ""


def _owners(resource: str, metadata: dict[str, Any]) -> tuple[int | None, tuple[str, ...]]:
    """The first owner's term, and the uids of the others."""
    references = metadata.get("ownerReferences")
    if not references:
        return None, ()
    first = owner_term(resource, references[0]["uid"])
    if len(references) == 1:
        return first, ()
    return first, tuple(dict.fromkeys(reference["uid"] for reference in references))[1:]
