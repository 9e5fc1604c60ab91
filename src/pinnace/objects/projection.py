"""A kind whose stored document is not all of it: part of its status lives in rows.

The workflow engine keeps `.status.nodes` as one row a node. Readers still see the whole picture, and a client
that edits the picture (argo resume, node set, retry) edits the rows. `Local` asks the projection registered
under a resource key at both moments; the watch log keeps the object without the projected part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pinnace.kinds.resource import Obj
from pinnace.store.interface import Row

Part = Mapping[str, bytes | None]
"""Some of an object's rows as they stand, by key; None: there is no such row."""


class Projection(Protocol):
    def expand(self, obj: Obj, part: Part | None = None) -> Obj:
        """The object as a reader sees it (a new top level and status; the input is not mutated); of a part
        of its rows, each for itself, where only that is looked at."""

    def part(self, obj: Obj, patch: Any) -> Part | None:
        """The rows that a merge patch can mean; None: any of them. To be used before anybody else's turn."""

    async def passing(self, obj: Obj, *, unfinished: bool = False) -> Obj:
        """`expand` for who only passes the document on: the projected part may be a `msgspec.Raw`, and a big
        one is put together beside the loop. `unfinished`: only what is still at work."""

    async def covering(self, obj: Obj) -> Obj:
        """`passing` of what its caller has just written, at a revision that covers the rows."""

    async def gathered(self, namespace: str, name: str, *, unfinished: bool = False) -> Obj | None:
        """`passing` of what stands in the store, all of one moment; None: nothing."""

    def weight(self, obj: Obj) -> int:
        """Bytes of the projected part of what `passing` gave."""

    def settled(self, obj: Obj) -> bool:
        """Whether this document is a last word, which no watcher should wait for."""

    def absorb(self, stored: Obj, wanted: Obj, part: Part | None = None) -> tuple[Obj, list[Row]]:
        """Take a client's whole document apart: what is to be stored, and the rows that its edits mean.

        `stored` is what stands in the store. Raises StatusError 409 if the edit was made on a picture that
        is no longer true for the rows it touches."""

    def removed(self, obj: Obj) -> list[Row]:
        """The rows to remove when the object goes."""
