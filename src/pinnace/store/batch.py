"""Commits, planned in memory a group at a time, and later written with a handful of statements.

Planned by the writer thread alone. A commit is planned against the live heads, which show what was planned
before it. It stays only when all its preconditions hold; a refused one is taken back without any SQL: that is
its savepoint. A batch holds the groups of one generation; what happened to an object or a row more than once
in it is written once. It goes to SQLite as a few multi-row statements (every statement lets go of the
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
from pinnace.store.journal import Commit
from pinnace.store.recent import ENTRY as LOG_WIDTH
from pinnace.store.recent import Fresh, Star
from pinnace.store.selector import label_term, owner_term
from pinnace.store.statements import delete, insert

ADDED, MODIFIED, DELETED = 0, 1, 2
TYPES = ("ADDED", "MODIFIED", "DELETED")
PUT, REMOVE, ROW = 0, 1, 2
"""What a plain write begins with."""

RowKey = tuple[str, str, str]
Move = tuple[Key, Head | None, Head | None]
"""What a write did to the head of its key: (key, old, new)."""

_encode = msgspec.json.Encoder().encode
_encode_into = msgspec.json.Encoder().encode_into
_decode = msgspec.json.Decoder().decode


class Batch:
    """`moves` and the log have one entry a Put or Remove, in revision order; `events` those of the group."""

    def __init__(
        self, connection: sqlite3.Connection, rv: int, heads: Heads, *, certain: bool = False,
        earlier: Batch | None = None,
    ) -> None:
        """`heads` knows every live object that the commits touch. Unless `certain`, those that they mean to
        create may be missing: if one of these is there, the database's own key refuses the group
        (`sqlite3.IntegrityError`). `earlier`: the generation before, while it is not in the tables."""
        self.rv = self._begun = rv
        self.heads = heads
        self.earlier = earlier
        self.certain = certain
        self.moves: list[Move] = []
        self.size = 0
        """Bytes of bodies."""
        self._connection = connection
        self._log: list[Any] = []
        self._bodies: dict[int, bytearray] = {}
        self._rows: dict[RowKey, tuple[int, bytes | None]] = {}
        self._stars: dict[tuple[str, str], str] = {}
        """What becomes of the rows that the tables have: '' for gone, else their new kind."""
        self.begin()

    @property
    def writes(self) -> int:
        return len(self.moves) + len(self._rows)

    @property
    def empty(self) -> bool:
        return self.rv == self._begun

    @property
    def first(self) -> bool:
        """Whether the group is the first of the generation."""
        return self.before == self._begun

    # -- a group ----------------------------------------------------------------------------------------

    def begin(self) -> None:
        """What follows is one group."""
        self.events: list[Event] = []
        self.commits: list[Commit] = []
        self.before = self.rv
        self._start = len(self.moves)
        self._new_rows: dict[RowKey, tuple[int, bytes | None]] = {}
        self._new_stars: dict[tuple[str, str], Star] = {}

    def undo(self) -> None:
        """The group was not taken."""
        self._take_back(self._start)
        self.rv = self.before
        self.begin()

    def settle(self) -> Fresh:
        """The group stays; what it brought."""
        for place, star in self._new_stars.items():
            move_rows(self._rows, place, star.kind)
            self._stars.setdefault(place, star.kind)  # a later one finds nothing in the tables
        self._rows |= self._new_rows
        start = self._start
        return Fresh(self.moves[start:], self._log[start * LOG_WIDTH :], self._new_rows, self._new_stars)

    # -- planning ---------------------------------------------------------------------------------------

    def add(self, writes: Sequence[Write]) -> list[Obj]:
        """Plan one commit. Raises Conflict, or what the encoder says of a body that is not JSON; then
        nothing of it stays."""
        start, first, rv = len(self.moves), len(self.events), self.rv
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
        if self.certain:
            self.commits.append(self._plain(writes, start))
        return [event.obj for event in self.events[first:]]

    def _plain(self, writes: Sequence[Write], start: int) -> Commit:
        """For the journal: what `written` makes writes of again."""
        bodies = iter(self._log[start * LOG_WIDTH + LOG_WIDTH - 1 :: LOG_WIDTH])
        found: Commit = []
        for write in writes:
            if type(write) is Row:
                found.append((ROW, write.kind, write.owner, write.key, write.body, write.becomes))
            elif type(write) is Put:
                found.append((PUT, write.resource, next(bodies)))
            else:
                assert isinstance(write, Remove)
                next(bodies)
                found.append((REMOVE, write.resource, write.namespace, write.name))
        return found

    def _take_back(self, start: int) -> None:
        earlier = {key for key, _, _ in self.moves[self._start : start]}
        for key, old, _ in reversed(self.moves[start:]):
            if old is None and not self.certain and key not in earlier:  # it was only taken to be absent
                self.heads.forget(key)
            else:
                self.heads.put(key, old)
        for event in self.events[start - self._start :]:
            self.size -= len(self._bodies.pop(event.rv, b""))
        del self.moves[start:], self.events[start - self._start :], self._log[start * LOG_WIDTH :]

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
        self._bodies[event.rv] = entry[-1]
        self.size += len(entry[-1])
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
        """The body of a live head: written in this group, in one that is not in the tables yet, or read."""
        if self.events and head.rv >= self.events[0].rv:
            for event in reversed(self.events):
                if event.rv == head.rv:
                    return event.obj
        for batch in (self, self.earlier):
            if batch is not None and (body := batch._bodies.get(head.rv)) is not None:
                break
        else:
            body = self._connection.execute("SELECT body FROM log WHERE rv=?", (head.rv,)).fetchone()[0]
        found: Obj = _decode(body)
        return found

    def _row(self, row: Row, rv: int) -> None:
        if row.key == "*" and row.body is None:
            place = (row.kind, row.owner)
            move_rows(self._new_rows, place, row.becomes)
            earlier = self._new_stars.get(place)
            self._new_stars[place] = Star(rv, row.becomes if earlier is None else earlier.kind)
        else:
            self._new_rows[row.kind, row.owner, row.key] = (rv, row.body)

    # -- writing ----------------------------------------------------------------------------------------

    def flush(self, run: sqlite3.Connection, floor: int) -> None:
        """All statements of the groups that stay, inside the caller's transaction. `floor`: the log's, below
        which a body goes as soon as nothing points to it."""
        insert(run, "INSERT INTO log VALUES", LOG_WIDTH, self._log)
        superseded = [old.rv for _, old, _ in self.moves if old is not None and old.rv <= floor]
        delete(run, "DELETE FROM log WHERE rv IN", (), superseded)
        Changes(self.moves).flush(run)
        self._flush_rows(run)
        run.execute("UPDATE state SET rv=?", (self.rv,))

    def _flush_rows(self, run: sqlite3.Connection) -> None:
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
            self._moved.pop(id, None)
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


def move_rows(
    rows: dict[RowKey, tuple[int, bytes | None]], place: tuple[str, str], becomes: str
) -> None:
    """A star over planned rows: they go, or get another kind."""
    for key in [key for key in rows if key[:2] == place]:
        planned = rows.pop(key)
        if becomes:
            rows[becomes, key[1], key[2]] = planned


def written(commit: Commit) -> list[Write]:
    """Writes as the journal has them: their preconditions held."""
    found: list[Write] = []
    for kind, *values in commit:
        if kind == PUT:
            resource, body = values
            found.append(Put(resource, _decode(body)))
        elif kind == REMOVE:
            found.append(Remove(*values))
        else:
            found.append(Row(*values))
    return found


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
