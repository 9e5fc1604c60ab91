"""What is acknowledged and not yet in the tables, as the event loop sees it: every read looks here first.

Two layers: `young` takes each group that is answered; a sealed generation becomes `old` while the applier
writes it, and is dropped when it stands in the tables. Owned by the loop's thread. Invariant: layers over
tables are the state at the newest answered revision.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

from pinnace.store.heads import Head, Key

Place = tuple[str, str]
"""(namespace, name), of objects; (kind, owner), of rows."""
Entry = tuple[Any, ...]
"""As the log has it: rv, id, resource, namespace, name, type, labels before, owner's term, body."""
ENTRY = 9
OWNER, BODY = 7, 8
Live = tuple[Head | None, int, bytearray]
"""An object as it is since a write of this layer (None: it was removed), its id, its body."""
Rows = dict[str, tuple[int, bytes | None]]


class Fresh(NamedTuple):
    """What one group brought: moves (key, old and new head), their log entries in one list, rows."""

    moves: list[tuple[Key, Head | None, Head | None]]
    log: list[Any]
    rows: dict[Key, tuple[int, bytes | None]]
    stars: dict[Place, int]


class Layer:
    def __init__(self) -> None:
        self.objects: dict[Key, Live] = {}
        self.owned: dict[int, list[tuple[int, Key]]] = {}
        """By owner's term: what was written when, so that who asks for what is new looks at nothing else."""
        self.rows: dict[Place, Rows] = {}
        self.stars: dict[Place, int] = {}
        self.log: list[Any] = []

    def add(self, fresh: Fresh) -> None:
        """Paid by every write of the platform, on the loop."""
        objects, owned, log = self.objects, self.owned, fresh.log
        at = 0
        for key, _, new in fresh.moves:
            objects[key] = (new, log[at + 1], log[at + BODY])
            if (term := log[at + OWNER]) is not None:
                if (found := owned.get(term)) is None:
                    found = owned[term] = []
                found.append((log[at], key))
            if new is not None and new.owners:
                for term in new.terms(key[0]):
                    owned.setdefault(term, []).append((log[at], key))
            at += ENTRY
        self.log += log
        for star, rv in fresh.stars.items():
            self.rows.pop(star, None)
            self.stars[star] = rv
        rows = self.rows
        for (kind, owner, name), row in fresh.rows.items():
            if (of := rows.get((kind, owner))) is None:
                of = rows[kind, owner] = {}
            of[name] = row


class Recent:
    def __init__(self, base: int) -> None:
        self.base = base
        """The revision of the tables, as far as the loop knows."""
        self.young = Layer()
        self.old: Layer | None = None
        self._sealed = base
        self.add = self.young.add

    def rotate(self, rv: int) -> None:
        """The generation up to `rv` is sealed."""
        assert self.old is None
        self.old, self.young, self._sealed = self.young, Layer(), rv
        self.add = self.young.add

    def applied(self) -> None:
        """It is in the tables."""
        self.old, self.base = None, self._sealed

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The newest first."""
        return (self.young,) if self.old is None else (self.young, self.old)

    def find(self, key: Key) -> Live | None:
        found = self.young.objects.get(key)
        if found is None and self.old is not None:
            return self.old.objects.get(key)
        return found

    def keys(self, resource: str, term: int | None, newer_than: int) -> Iterator[Key]:
        """Of the objects here of a resource, or those that are found under an owner's term, that were written
        after a revision; each once."""
        found: dict[Key, None] = {}
        for layer in self.layers:
            news = _written(layer, resource) if term is None else reversed(layer.owned.get(term, ()))
            for rv, key in news:
                if rv <= newer_than:
                    return iter(found)
                found[key] = None
        return iter(found)

    def row(self, kind: str, owner: str, key: str) -> tuple[int, bytes | None] | None:
        """None: nothing is known here. A body of None: it is gone."""
        place = (kind, owner)
        for layer in self.layers:
            if (rows := layer.rows.get(place)) is not None and (found := rows.get(key)) is not None:
                return found
            if place in layer.stars:
                return layer.stars[place], None
        return None

    def rows(self, place: Place) -> tuple[Rows, int]:
        """Those of an owner, and the revision of the newest star (0: none), below which the tables' rows are
        gone. A copy: it may go to another thread."""
        found: Rows = {}
        star = 0
        for layer in reversed(self.layers):
            if place in layer.stars:
                found.clear()
                star = layer.stars[place]
            found.update(layer.rows.get(place) or {})
        return found, star

    def owners(self, kind: str) -> list[str]:
        """Whose rows of a kind have changed."""
        places = chain.from_iterable(chain(layer.rows, layer.stars) for layer in self.layers)
        return [owner for of, owner in dict.fromkeys(places) if of == kind]

    def log(self) -> Iterator[Entry]:
        """In revision order."""
        for layer in reversed(self.layers):
            entries = layer.log
            for at in range(0, len(entries), ENTRY):
                yield tuple(entries[at : at + ENTRY])


def _written(layer: Layer, resource: str) -> Iterator[tuple[int, Key]]:
    """The newest first."""
    log = layer.log
    for at in range(len(log) - ENTRY, -1, -ENTRY):
        if log[at + 2] == resource:
            yield log[at], (resource, log[at + 3], log[at + 4])
