"""Pictures of big runs, drawn beside the loop and kept between readings.

`workflow_nodes` asks for one each time somebody looks at a run with more nodes than fit in a moment of the
loop. Invariant: a picture is of one moment of the store, whose newest revision goes with it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

import msgspec

from pinnace.kinds.portrait import Portrait
from pinnace.kinds.resource import Obj
from pinnace.objects.document import uid_of
from pinnace.store.interface import Gathered, Store

ROOM = 32 << 20
"""Bytes of kept drawings. The newest is kept even if it alone is larger."""


class Shown(msgspec.Struct, frozen=True):
    """`newest`: the greatest revision of a row of this picture."""

    obj: Obj
    newest: int
    nodes: msgspec.Raw


class _Frame:
    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.portrait = Portrait()
        self.newest = 0


class Gallery:
    def __init__(self, store: Store, resource: str, kind: str) -> None:
        self.store = store
        self.resource = resource
        self.kind = kind
        self._frames: OrderedDict[str, _Frame] = OrderedDict()

    async def show(
        self, uid: str, namespace: str, name: str, *, unfinished: bool = False
    ) -> Shown | None:
        """`unfinished`: only such nodes. None: the object of this uid is gone, or no rows are left of it."""
        frame = self._frames.setdefault(uid, _Frame())
        self._frames.move_to_end(uid)
        async with frame.lock:
            found = await self._look(frame, namespace, name)
            if found is None or uid_of(found.obj) != uid or not found.total:
                self._frames.pop(uid, None)
                return None
            nodes = await asyncio.to_thread(_draw, frame.portrait, found, unfinished)
            frame.newest = found.newest
        self._make_room()
        return Shown(found.obj, found.newest, nodes)

    async def _look(self, frame: _Frame, namespace: str, name: str) -> Gathered | None:
        """What is newer than the picture; everything, if a row was taken away."""
        found = await self.store.gathered(
            self.resource, namespace, name, self.kind, newer_than=frame.newest
        )
        if found is None or frame.portrait.lacks_none(found.rows, found.total):
            return found
        frame.portrait = Portrait()
        return await self.store.gathered(self.resource, namespace, name, self.kind)

    def _make_room(self) -> None:
        held = sum(frame.portrait.size for frame in self._frames.values())
        for uid in list(self._frames)[:-1]:
            if held <= ROOM:
                return
            if not self._frames[uid].lock.locked():
                held -= self._frames.pop(uid).portrait.size


def _draw(portrait: Portrait, found: Gathered, unfinished: bool) -> msgspec.Raw:
    portrait.take(found.rows)
    return portrait.unfinished() if unfinished else portrait.drawn()
