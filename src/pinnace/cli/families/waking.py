"""Brings a family to life when the first object that it answers for is there. Control runs one `Waking`.

Modules are imported in a thread: the loop goes on serving meanwhile. What stood in the store before, and what
arrived during the import, is handed to the family by the manager's own listing: nothing is missed, for
controllers look at states and not at events.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine, Sequence
from importlib import import_module
from pathlib import Path

import pinnace
from pinnace.cli.families import FAMILIES, SHIPPED
from pinnace.cli.given import Platform
from pinnace.controllers.controller import Reconciler
from pinnace.controllers.manager import Manager
from pinnace.store.interface import Event, Row

SHIPMENT = "shipped"
"""The kind of rows that say which release has shipped what."""
log = logging.getLogger("pinnace.control")


def reconcilers(name: str, platform: Platform) -> list[Reconciler]:
    found: list[Reconciler] = import_module(f"pinnace.cli.families.{name}").reconcilers(platform)
    return found


def release(source: str) -> bytes:
    """What tells one edition of a module from another."""
    file = Path(pinnace.__file__).parent.joinpath(*source.split(".")[1:]).with_suffix(".py")
    return f"{pinnace.__version__} {file.stat().st_mtime_ns}".encode()


class Waking:
    def __init__(self, platform: Platform, manager: Manager, names: Collection[str]) -> None:
        self.platform = platform
        self.manager = manager
        self.asleep: dict[str, list[str]] = {}
        """Storage key → the families that its objects wake."""
        for name in names:
            for key in FAMILIES[name]:
                self.asleep.setdefault(key, []).append(name)
        self.shipping = [SHIPPED[name] for name in names if name in SHIPPED]
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """From now on; first for all objects that stand there already."""
        for source in self.shipping:
            self._go(self._ship(source), f"ship {source}")
        self.platform.client.listen(self.feed)
        for key in list(self.asleep):
            if self.platform.store.list(key, limit=1).items:
                self._wake(key)

    def feed(self, events: Sequence[Event]) -> None:
        if self.asleep:
            for event in events:
                if event.resource in self.asleep:
                    self._wake(event.resource)

    def _wake(self, key: str) -> None:
        for name in self.asleep.pop(key, ()):
            for other in FAMILIES[name]:
                if name in self.asleep.get(other, ()):
                    self.asleep[other].remove(name)
            self._go(self._join(name), f"wake {name}")

    def _go(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ship(self, source: str) -> None:
        """What people look for before they make anything; the family sleeps on. Once a release: where it is,
        nothing is imported for it, and what somebody deleted stays deleted."""
        store, mark = self.platform.store, release(source)
        if store.row(SHIPMENT, source) == mark:
            return
        try:
            module = await asyncio.to_thread(import_module, source)
            await module.ship(self.platform.client)
            await store.commit([Row(SHIPMENT, source, "", mark)])
        except Exception:
            log.exception("what %s ships could not be made", source)

    async def _join(self, name: str) -> None:
        try:
            await asyncio.to_thread(import_module, f"pinnace.cli.families.{name}")
            await self.manager.join(reconcilers(name, self.platform))
        except Exception:
            log.exception("the family %s could not be started", name)
