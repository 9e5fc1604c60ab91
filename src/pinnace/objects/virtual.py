"""A read-only resource that is computed, not stored: three verbs that `Local` hands on to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from pinnace.kinds.resource import Obj
from pinnace.objects.client import Page, Selection, WatchEvent
from pinnace.store.interface import Row


class Virtual(Protocol):
    row_kind: str
    """The kind of the rows that it shows; it is told of each commit that writes some."""

    async def ready(self) -> None:
        """Called before each `get` and `list`: whoever shows what is measured may measure now."""

    async def get(self, name: str, namespace: str) -> Obj: ...

    async def list(self, namespace: str, selection: Selection) -> Page:
        """An unlimited list is asked for at once, however long: it is computed as a whole."""

    def watch(self, namespace: str, selection: Selection) -> AsyncIterator[WatchEvent]: ...

    def changed(self, rows: Iterable[Row]) -> None: ...
