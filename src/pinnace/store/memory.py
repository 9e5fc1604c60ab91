"""The `Store` in memory, without a thread or a file: what is committed is there at once, and gone at the end.

Opened by `pinnace.testing`, whose worlds live for milliseconds. It answers as `SqliteStore` does (both are
held to the same random histories by a test). Invariant: what it holds are encoded bodies, so that nobody's
document is changed behind their back.
"""

from __future__ import annotations

import asyncio
import builtins
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from pinnace.kinds.resource import Obj
from pinnace.store.interface import (
    ABSENT,
    ANY,
    Conflict,
    Event,
    Gathered,
    Listing,
    Put,
    Remove,
    Requirement,
    Row,
    Write,
)
from pinnace.store.selector import matches
from pinnace.store.terms import Wanted, cut, pick

Key = tuple[str, str, str]
"""(resource, namespace, name), and (kind, owner, key) of rows."""
Listener = Callable[[Sequence[Event]], None]
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Kept(NamedTuple):
    rv: int
    uid: str
    labels: dict[str, str]
    owners: tuple[str, ...]
    body: bytes


class MemoryStore:
    def __init__(self) -> None:
        self.rv = 0
        self._objects: dict[Key, Kept] = {}
        self._rows: dict[tuple[str, str], dict[str, tuple[int, bytes]]] = {}
        self._log: list[tuple[int, str, str, str, str, bytes, dict[str, str] | None]] = []
        self._listeners: list[Listener] = []

    # ---- reading -----------------------------------------------------------------------------------------

    def get(self, resource: str, namespace: str, name: str) -> Obj | None:
        kept = self._objects.get((resource, namespace, name))
        return None if kept is None else _decode(kept.body)

    def list(
        self,
        resource: str,
        namespace: str | None = None,
        *,
        labels: Sequence[Requirement] = (),
        owner: str = "",
        newer_than: int = 0,
        limit: int = 0,
        after: tuple[str, str] | None = None,
    ) -> Listing:
        found = sorted(
            (key[1:], kept)
            for key, kept in self._objects.items()
            if key[0] == resource
            and namespace in (None, key[1])
            and kept.rv > newer_than
            and (after is None or key[1:] > after)
            and (not owner or owner in kept.owners)
            and (not labels or matches(kept.labels, labels))
        )
        shown = found[:limit] if limit else found
        items = [_decode(kept.body) for _, kept in shown]
        if len(shown) == len(found):
            return Listing(items, self.rv)
        return Listing(items, self.rv, shown[-1][0], len(found) - len(shown))

    def events(self, resource: str, since: int, namespace: str | None = None) -> Sequence[Event]:
        first = bisect_right(self._log, since, key=lambda entry: entry[0])
        return [
            Event(rv, type, of, space, name, _decode(body), labels)
            for rv, type, of, space, name, body, labels in self._log[first:]
            if of == resource and namespace in (None, space)
        ]

    def row(self, kind: str, owner: str, key: str = "") -> bytes | None:
        found = self._rows.get((kind, owner), {}).get(key)
        return None if found is None else found[1]

    def rows(
        self, kind: str, owner: str | None = None, *, newer_than: int = 0, limit: int = -1
    ) -> builtins.list[tuple[str, str, int, bytes]]:
        places = [place for place in self._rows if place[0] == kind and owner in (None, place[1])]
        found = sorted(
            (place[1], key, rv, body)
            for place in places
            for key, (rv, body) in self._rows[place].items()
            if rv > newer_than
        )
        return found[:limit] if limit >= 0 else found

    async def gathered(
        self, resource: str, namespace: str, name: str, kind: str, *, newer_than: int = 0
    ) -> Gathered | None:
        kept = self._objects.get((resource, namespace, name))
        if kept is None:
            return None
        every = self.rows(kind, kept.uid)
        newest = max((rv for _, _, rv, _ in every), default=0)
        wanted = [(key, rv, body) for _, key, rv, body in every if rv > newer_than]
        rows, revisions = [(key, body) for key, _, body in wanted], [rv for _, rv, _ in wanted]
        return Gathered(_decode(kept.body), newest, len(every), rows, revisions)

    async def indexed(self, wanted: Wanted) -> builtins.list[tuple[str, bytes]]:
        return pick(lambda term: self._rows.get((wanted.kind, term), {}), wanted)

    async def terms(self, kind: str, start: str, until: str = "") -> builtins.list[str]:
        return cut([owner for (of, owner), rows in self._rows.items() if of == kind and rows], start, until)

    # ---- writing -----------------------------------------------------------------------------------------

    async def commit(self, writes: Sequence[Write]) -> builtins.list[Obj]:
        if not writes:
            return []
        await asyncio.sleep(0)  # others have their turn between a read and a write here too
        events = self._apply(writes)
        if events:
            for listener in tuple(self._listeners):
                self._tell(listener, events)
        return [event.obj for event in events]

    def listen(self, callback: Listener) -> Callable[[], None]:
        self._listeners.append(callback)

        def stop() -> None:
            if callback in self._listeners:
                self._listeners.remove(callback)

        return stop

    def _apply(self, writes: Sequence[Write]) -> builtins.list[Event]:
        """All or nothing: what stood before a write that is refused is put back."""
        before: builtins.list[tuple[Key, Kept | None]] = []
        length, rv = len(self._log), self.rv
        events: builtins.list[Event] = []
        try:
            for index, write in enumerate(writes):
                if not isinstance(write, Row):
                    rv += 1
                    event = self._put(index, write, rv, before) if isinstance(write, Put) else self._remove(
                        index, write, rv, before
                    )
                    events.append(event)
        except BaseException:
            for key, kept in reversed(before):
                self._place(key, kept)
            del self._log[length:]
            raise
        self.rv = rv if events else rv + 1
        for write in writes:
            if isinstance(write, Row):
                self._row(write)
        return events

    def _put(
        self, index: int, put: Put, rv: int, before: builtins.list[tuple[Key, Kept | None]]
    ) -> Event:
        metadata = {**put.obj["metadata"], "resourceVersion": str(rv)}
        obj = {**put.obj, "metadata": metadata}
        key = (put.resource, metadata.get("namespace") or "", metadata["name"])
        old = self._objects.get(key)
        self._expect(index, old, put.expect)
        owners = tuple(reference["uid"] for reference in metadata.get("ownerReferences") or ())
        body = _encode(obj)
        kept = Kept(rv, metadata.get("uid") or "", metadata.get("labels") or {}, owners, body)
        before.append((key, old))
        self._place(key, kept)
        type, labels = ("ADDED", None) if old is None else ("MODIFIED", old.labels)
        self._log.append((rv, type, *key, body, labels))
        return Event(rv, type, *key, obj, labels)

    def _remove(
        self, index: int, remove: Remove, rv: int, before: builtins.list[tuple[Key, Kept | None]]
    ) -> Event:
        key = (remove.resource, remove.namespace, remove.name)
        old = self._objects.get(key)
        if old is None:
            raise Conflict("missing", index)
        last: Obj = _decode(old.body)
        if remove.uid and remove.uid != old.uid:
            raise Conflict("uid", index, last)
        self._expect(index, old, remove.expect)
        obj = {**last, "metadata": {**last["metadata"], "resourceVersion": str(rv)}}
        before.append((key, old))
        self._place(key, None)
        self._log.append((rv, "DELETED", *key, _encode(obj), old.labels))
        return Event(rv, "DELETED", *key, obj, old.labels)

    def _expect(self, index: int, old: Kept | None, expect: int | str) -> None:
        if expect == ANY:
            return
        if expect == ABSENT:
            if old is not None:
                raise Conflict("exists", index, _decode(old.body))
        elif old is None:
            raise Conflict("missing", index)
        elif old.rv != expect:
            raise Conflict("changed", index, _decode(old.body))

    def _place(self, key: Key, kept: Kept | None) -> None:
        if kept is None:
            self._objects.pop(key, None)
        else:
            self._objects[key] = kept

    def _row(self, row: Row) -> None:
        place = (row.kind, row.owner)
        if row.key == "*" and row.body is None:
            gone = self._rows.pop(place, {})
            if row.becomes:
                self._rows.setdefault((row.becomes, row.owner), {}).update(gone)
        elif row.body is None:
            self._rows.get(place, {}).pop(row.key, None)
        else:
            self._rows.setdefault(place, {})[row.key] = (self.rv, bytes(row.body))

    def _tell(self, listener: Listener, events: Sequence[Event]) -> None:
        try:
            listener(events)
        except Exception as error:
            context = {"message": f"a listener of the store failed: {listener!r}", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)

    # ---- the end -----------------------------------------------------------------------------------------

    async def settled(self) -> None:
        """There are no tables behind it."""

    async def close(self) -> None:
        self._objects.clear()
        self._rows.clear()

    def stats(self) -> dict[str, Any]:
        count: dict[str, int] = {}
        for resource, _, _ in self._objects:
            count[resource] = count.get(resource, 0) + 1
        for (kind, _), rows in self._rows.items():
            count[f"rows/{kind}"] = count.get(f"rows/{kind}", 0) + len(rows)
        return {"rv": self.rv, "floor": 0, "count": count}
