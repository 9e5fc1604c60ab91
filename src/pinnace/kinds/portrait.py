"""`nodes.document`, kept: a picture of a big run whose next drawing costs what changed since the last.

A node that hangs nowhere else than before is only painted over; the tree is put together anew when one came,
moved, or ended a group. Pure; `objects/gallery` keeps them and lends them to one reader at a time, in a
thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pinnace.kinds.nodes import Family, Head, heads, stem, tail

_END = b"}"


class Portrait:
    def __init__(self) -> None:
        self._heads: dict[str, Head] = {}
        self._stems: dict[str, bytes] = {}
        """What each node says of itself, in the order in which nodes came to be, once drawn."""
        self._tails: dict[str, bytes] = {}
        """What follows from the others, of those of which something does."""
        self._moved = False
        self._drawn: msgspec.Raw | None = None

    def __len__(self) -> int:
        return len(self._heads)

    @property
    def size(self) -> int:
        """Bytes of the last drawing."""
        return 0 if self._drawn is None else memoryview(self._drawn).nbytes

    def lacks_none(self, rows: Sequence[tuple[str, bytes]], total: int) -> bool:
        """Whether with these newer rows the picture has all of `total` nodes and no other."""
        return len(self) + sum(key not in self._heads for key, _ in rows) == total

    def take(self, rows: Sequence[tuple[str, bytes]]) -> None:
        """Newer rows of some nodes."""
        for key, body in rows:
            head, before = heads.decode(body), self._heads.get(key)
            self._heads[key] = head
            self._stems[key] = stem(key, body, head)
            self._moved = self._moved or before is None or _hang(before) != _hang(head)
        if rows:
            self._drawn = None

    def drawn(self) -> msgspec.Raw:
        if self._drawn is None:
            if self._moved:
                self._connect()
            tails = self._tails
            parts = [text + tails.get(key, _END) for key, text in self._stems.items()]
            self._drawn = msgspec.Raw(b"{" + b",".join(parts) + b"}")
        return self._drawn

    def unfinished(self) -> msgspec.Raw:
        """As `nodes.unfinished`."""
        parts = [text + _END for key, text in self._stems.items() if not self._heads[key].finished_at]
        return msgspec.Raw(b"{" + b",".join(parts) + b"}")

    def _connect(self) -> None:
        family = Family(self._heads)
        self._stems = {key: self._stems[key] for key in family.heads}
        self._tails = {key: text for key in family.heads if (text := tail(key, family)) != _END}
        self._moved = False


def _hang(head: Head) -> tuple[Any, ...]:
    """All of a node that another one's picture depends on."""
    return head.type, bool(head.finished_at), head.node_flag, head.pinnace
