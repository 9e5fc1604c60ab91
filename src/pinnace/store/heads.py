"""What the writer remembers of live objects, to judge the next write to each without asking the database.

Owned by the writer thread. Invariant: what is here is what the database says together with the group that is
being planned; a group that fails clears it. Some thousands are kept, the rest are one indexed read away.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain

import msgspec

from pinnace.store.selector import owner_term
from pinnace.store.statements import chunks, sentence

Key = tuple[str, str, str]
"""(resource, namespace, name)"""

LIMIT = 4096
"""Some hundred bytes each."""

_decode = msgspec.json.Decoder().decode

SELECT = (
    "SELECT json_group_array(json_array(o.resource, o.namespace, o.name, o.id, o.uid, o.rv,"
    " json(nullif(o.labels, '')), json(nullif(o.owners, '')))) FROM (VALUES"
)
JOIN = ") v CROSS JOIN objects o ON o.resource=v.column1 AND o.namespace=v.column2 AND o.name=v.column3"


class Head(msgspec.Struct, frozen=True, gc=False):
    id: int
    uid: str
    rv: int
    labels: dict[str, str]
    owners: tuple[str, ...]
    """The second owner and those after it (the first one is indexed with each log entry)."""

    def terms(self, resource: str) -> list[int]:
        """Under which numbers of these owners it is found."""
        return [owner_term(resource, uid) for uid in self.owners]


class Unknown(Exception):
    """Nothing is remembered of a key: it has to be loaded first."""


class Heads:
    """A key is known with its head, known to be absent (None), or not known."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[Key, Head | None] = {}
        self._young: dict[Key, Head | None] = {}
        self._old: dict[Key, Head | None] = {}
        """What the tables do not have yet, by generation: never forgotten."""
        self.clear = self._known.clear

    def get(self, key: Key) -> Head | None:
        try:
            return self.find(key)
        except Unknown:
            return None

    def find(self, key: Key) -> Head | None:
        """Raises Unknown, where `get` takes what is not known to be absent."""
        for heads in (self._known, self._young, self._old):
            if key in heads:
                return heads[key]
        raise Unknown

    def keep(self, moves: Iterable[tuple[Key, Head | None, Head | None]]) -> None:
        """These were answered, and the tables do not have them."""
        self._young.update((key, new) for key, _, new in moves)

    def seal(self) -> None:
        self._old, self._young = self._young, {}

    def applied(self) -> None:
        """The tables have what was sealed."""
        self._old = {}

    def put(self, key: Key, head: Head | None) -> None:
        self._known[key] = head

    def forget(self, key: Key) -> None:
        self._known.pop(key, None)

    def load(self, keys: Sequence[Key]) -> None:
        """Know these, in one row a chunk: every row would hand the interpreter lock over and back."""
        unknown = [
            key for key in dict.fromkeys(keys)
            if not (key in self._known or key in self._young or key in self._old)
        ]
        for start, count in chunks(len(unknown)):
            wanted = unknown[start : start + count]
            self._known.update(dict.fromkeys(wanted))
            values = list(chain.from_iterable(wanted))
            answer = self._connection.execute(sentence(SELECT, 3, count, JOIN), values).fetchone()[0]
            for resource, namespace, name, id, uid, rv, labels, owners in _decode(answer):
                self._known[resource, namespace, name] = Head(id, uid, rv, labels or {}, tuple(owners or ()))

    def trim(self, gone: Sequence[Key]) -> None:
        """Forget those that are `gone`, and the longest known ones beyond the limit."""
        known = self._known
        for key in gone:
            if known.get(key) is None:
                known.pop(key, None)
        while len(known) > LIMIT:
            del known[next(iter(known))]
