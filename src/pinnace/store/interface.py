"""What the floors above may ask of the store: objects, a watch log, rows, and one way to write.

Reads are synchronous (an indexed SQLite read costs some ten microseconds) and may be made on the event
loop. Writes go through `commit` alone, are grouped by a writer thread, and are on disk (`synchronous=FULL`)
when it returns. Callers: `objects/`, the workflow engine's node rows, lineage. Nobody else.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import msgspec

from pinnace.kinds.resource import Obj
from pinnace.store.terms import Wanted

ANY: Literal["any"] = "any"
ABSENT: Literal["absent"] = "absent"


class Put(msgspec.Struct, frozen=True):
    """Write one object. The writer stamps `metadata.resourceVersion`; the rest is written as given.

    `expect`: ABSENT to create, the resourceVersion (int) that must be current, or ANY.
    """

    resource: str
    obj: Obj
    expect: int | str = ANY


class Remove(msgspec.Struct, frozen=True):
    resource: str
    namespace: str
    name: str
    uid: str = ""
    expect: int | str = ANY


class Row(msgspec.Struct, frozen=True):
    """A side row of a controller (a workflow node, a run's counters, a pod's binding, lineage).

    (kind, owner, key) is its identity; `body=None` removes it. Stamped with the commit's revision.
    `key='*'` with `body=None` removes every row of that owner; with `becomes` they stay, as rows of that
    kind.
    """

    kind: str
    owner: str
    key: str
    body: bytes | None
    becomes: str = ""


Write = Put | Remove | Row


class Event(msgspec.Struct, frozen=True):
    """One entry of the watch log. `type` is ADDED, MODIFIED or DELETED.

    `labels` are those *before* the change, so that a selector watch can tell that an object left it.
    """

    rv: int
    type: str
    resource: str
    namespace: str
    name: str
    obj: Obj
    labels: dict[str, str] | None = None


class Listing(msgspec.Struct, frozen=True):
    """`rv` is the snapshot's revision; `next` the (namespace, name) after which a next page goes on."""

    items: list[Obj]
    rv: int
    next: tuple[str, str] | None = None
    remaining: int = 0


class Gathered(msgspec.Struct, frozen=True):
    """An object and rows that it owns, of one moment. `newest` is the greatest rv of all its rows (0: it has
    none), `total` their number; `rows` are (key, body) by key, of those that were asked for, `revisions` each
    one's."""

    obj: Obj
    newest: int
    total: int
    rows: list[tuple[str, bytes]]
    revisions: list[int]


class Requirement(msgspec.Struct, frozen=True):
    """One term of a label selector. op: `=`, `!=`, `in`, `notin`, `exists`, `!`, `gt`, `lt`."""

    key: str
    op: str
    values: tuple[str, ...] = ()


class Conflict(Exception):
    """A precondition did not hold. `kind`: `exists`, `missing`, `changed`, `uid`; `write` is the index
    of the write that failed in its commit; `current` the object that stands there, if any."""

    def __init__(self, kind: str, write: int, current: Obj | None = None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.write = write
        self.current = current


class Compacted(Exception):
    """The log no longer reaches back to the asked revision (a client gets 410 Gone)."""


class DiskFull(Exception):
    """Nothing was written; reads live on (a client gets 507)."""


class Store(Protocol):
    @property
    def rv(self) -> int:
        """The newest committed revision."""

    def get(self, resource: str, namespace: str, name: str) -> Obj | None: ...

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
        """Objects in (namespace, name) order. `owner` is a uid found in `ownerReferences` (indexed);
        `newer_than` keeps objects whose resourceVersion is greater."""

    async def commit(self, writes: Sequence[Write]) -> builtins.list[Obj]:
        """All or nothing. Returns the object of each Put (with its resourceVersion) and of each Remove
        (as it was last), in order. Raises Conflict, DiskFull."""

    def events(self, resource: str, since: int, namespace: str | None = None) -> Sequence[Event]:
        """The log after revision `since`, oldest first. Raises Compacted."""

    def listen(self, callback: Callable[[Sequence[Event]], None]) -> Callable[[], None]:
        """Call on the event loop after every committed group, in revision order, with all its events.
        Returns the function that stops it."""

    def row(self, kind: str, owner: str, key: str = "") -> bytes | None: ...

    def rows(
        self, kind: str, owner: str | None = None, *, newer_than: int = 0, limit: int = -1
    ) -> builtins.list[tuple[str, str, int, bytes]]:
        """(owner, key, rv, body) of each row, by owner and key; the first `limit` of them."""

    async def gathered(
        self, resource: str, namespace: str, name: str, kind: str, *, newer_than: int = 0
    ) -> Gathered | None:
        """An object with the rows of a kind that it owns; None: there is no such object. Read beside the
        loop, however many they are."""

    async def indexed(self, wanted: Wanted) -> builtins.list[tuple[str, bytes]]:
        """(key, body) of documents by their terms (see `terms`), the greatest key first; read beside the
        loop. What was committed before is seen."""

    async def terms(self, kind: str, start: str, until: str = "") -> builtins.list[str]:
        """The terms (owners of rows of a kind) that begin so, cut after `until`; each once, in order."""

    async def settled(self) -> None:
        """Returns when all that is answered by now stands in the tables: for who reads the file itself."""

    async def close(self) -> None: ...

    def stats(self) -> dict[str, Any]: ...
