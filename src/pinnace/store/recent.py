"""What is acknowledged and not yet in the tables, as the event loop sees it: every read looks here first.

Two layers: `young` takes each group that is answered; a sealed generation becomes `old` while the applier
writes it, and is dropped when it stands in the tables. Owned by the loop's thread. Invariant: layers over
tables are the state at the newest answered revision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

from pinnace.store.heads import Head

Place = tuple[str, str]
"""(namespace, name), of objects; (kind, owner), of rows."""
Entry = tuple[Any, ...]
"""As the log has it: rv, id, resource, namespace, name, type, labels before, owner's term, body."""
ENTRY = 9


class Live(NamedTuple):
    """An object as it is since a write of this layer; `head` is None: it was removed."""

    id: int
    head: Head | None
    body: bytearray


class Fresh(NamedTuple):
    """What one group brought. `owners` are the terms under which each object is found."""

    moves: list[tuple[tuple[str, str, str], int, Head | None, tuple[int, ...]]]
    log: list[Any]
    rows: dict[tuple[str, str, str], tuple[int, bytes | None]]
    stars: dict[Place, int]


class Layer:
    def __init__(self) -> None:
        self.objects: dict[str, dict[Place, Live]] = {}
        self.owned: dict[int, dict[Place, None]] = {}
        self.rows: dict[Place, dict[str, tuple[int, bytes | None]]] = {}
        self.stars: dict[Place, int] = {}
        self.log: list[Any] = []

    def add(self, fresh: Fresh) -> None:
        log = fresh.log
        at = ENTRY - 1
        for (resource, namespace, name), id, head, terms in fresh.moves:
            place = (namespace, name)
            found = self.objects.get(resource)
            if found is None:
                found = self.objects[resource] = {}
            found[place] = Live(id, head, log[at])
            at += ENTRY
            for term in terms:
                self.owned.setdefault(term, {})[place] = None
        self.log += log
        for star, rv in fresh.stars.items():
            self.rows.pop(star, None)
            self.stars[star] = rv
        for (kind, owner, key), row in fresh.rows.items():
            of = self.rows.get((kind, owner))
            if of is None:
                of = self.rows[kind, owner] = {}
            of[key] = row


class Recent:
    def __init__(self, base: int) -> None:
        self.base = base
        """The revision of the tables, as far as the loop knows."""
        self.young = Layer()
        self.old: Layer | None = None
        self._sealed = base

    def add(self, fresh: Fresh) -> None:
        self.young.add(fresh)

    def rotate(self, rv: int) -> None:
        """The generation up to `rv` is sealed."""
        assert self.old is None
        self.old, self.young, self._sealed = self.young, Layer(), rv

    def applied(self) -> None:
        """It is in the tables."""
        self.old, self.base = None, self._sealed

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The newest first."""
        return (self.young,) if self.old is None else (self.young, self.old)

    def find(self, resource: str, place: Place) -> Live | None:
        for layer in self.layers:
            found = layer.objects.get(resource)
            if found is not None and (live := found.get(place)) is not None:
                return live
        return None

    def places(self, resource: str, term: int | None) -> Iterator[Place]:
        """Of the objects here of a resource, or those that are found under an owner's term; each once."""
        found: dict[Place, None] = {}
        for layer in self.layers:
            of: Mapping[Place, Any] | None
            of = layer.objects.get(resource) if term is None else layer.owned.get(term)
            found.update(dict.fromkeys(of or ()))
        return iter(found)

    def touches(self, resource: str) -> bool:
        return any(resource in layer.objects for layer in self.layers)

    def row(self, kind: str, owner: str, key: str) -> tuple[int, bytes | None] | None:
        """None: nothing is known here. A body of None: it is gone."""
        place = (kind, owner)
        for layer in self.layers:
            if (rows := layer.rows.get(place)) is not None and (found := rows.get(key)) is not None:
                return found
            if place in layer.stars:
                return layer.stars[place], None
        return None

    def rows(self, place: Place) -> tuple[dict[str, tuple[int, bytes | None]], int]:
        """Those of an owner, and the revision of the newest star (0: none), below which the tables' rows are
        gone. A copy: it may go to another thread."""
        found: dict[str, tuple[int, bytes | None]] = {}
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
