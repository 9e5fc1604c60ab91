"""What is acknowledged and not yet in the tables, as the event loop sees it: every read looks here first.

Two layers: `young` takes each group that is answered; a sealed generation becomes `old` while the applier
writes it, and is dropped when it stands in the tables. Owned by the loop's thread. Invariant: layers over
tables are the state at the newest answered revision.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
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


class Star(NamedTuple):
    """All rows of an owner, at a revision: they go, or become rows of another kind."""

    rv: int
    kind: str


class Fresh(NamedTuple):
    """What one group brought: moves (key, old and new head), their log entries in one list, rows."""

    moves: list[tuple[Key, Head | None, Head | None]]
    log: list[Any]
    rows: dict[Key, tuple[int, bytes | None]]
    stars: dict[Place, Star]


class Layer:
    def __init__(self) -> None:
        self.objects: dict[Key, Live] = {}
        self.owned: dict[int, list[tuple[int, Key]]] = {}
        """By owner's term: what was written when, so that who asks for what is new looks at nothing else."""
        self.rows: dict[Place, Rows] = {}
        self.stars: dict[Place, int] = {}
        """Below this layer there are no such rows, since a revision,"""
        self.moved: dict[Place, Star] = {}
        """but these are what rows of another kind (the star's) older than a revision have become."""
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
        rows = self.rows
        for place, (rv, becomes) in fresh.stars.items():
            kept = rows.pop(place, None)
            target = (becomes, place[1])
            if becomes and place not in self.stars:
                self.moved[target] = Star(rv, place[0])
            if becomes and kept:
                rows.setdefault(target, {}).update(kept)
            self.stars[place] = rv
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

    def moved(self, place: Place) -> bool:
        """Whether some of these rows are found under another kind below."""
        return any(place in layer.moved for layer in self.layers)

    def star(self, place: Place) -> int:
        """The revision below which the tables' rows are gone, 0 if they are not."""
        return max((layer.stars.get(place, 0) for layer in self.layers), default=0)

    def rows(self, place: Place) -> tuple[Rows, list[Star]]:
        """Those of an owner, and under which kinds, up to which revision, the tables have more of them (the
        last one wins). A copy: it may go to another thread."""
        return _rows(self.layers, place)

    def owners(self, kind: str) -> list[str]:
        """Whose rows of a kind have changed."""
        places = chain.from_iterable(
            chain(layer.rows, layer.stars, layer.moved) for layer in self.layers
        )
        return [owner for of, owner in dict.fromkeys(places) if of == kind]

    def log(self) -> Iterator[Entry]:
        """In revision order."""
        for layer in reversed(self.layers):
            entries = layer.log
            for at in range(0, len(entries), ENTRY):
                yield tuple(entries[at : at + ENTRY])


def _rows(layers: Sequence[Layer], place: Place) -> tuple[Rows, list[Star]]:
    if not layers:
        return {}, [Star(sys.maxsize, place[0])]
    layer, below = layers[0], layers[1:]
    found, kinds = ({}, []) if place in layer.stars else _rows(below, place)
    if (source := layer.moved.get(place)) is not None:
        more, others = _rows(below, (source.kind, place[1]))
        found |= more
        kinds += [Star(min(other.rv, source.rv), other.kind) for other in others]
    found.update(layer.rows.get(place) or {})
    return found, kinds


def _written(layer: Layer, resource: str) -> Iterator[tuple[int, Key]]:
    """The newest first."""
    log = layer.log
    for at in range(len(log) - ENTRY, -1, -ENTRY):
        if log[at + 2] == resource:
            yield log[at], (resource, log[at + 3], log[at + 4])
