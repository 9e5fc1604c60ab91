"""Archived workflows are forgotten when they are older than `persistence.archiveTTL` says; without it, never.

Lives beside the manager. Source: upstream workflow/controller (archivedWorkflowGarbageCollector), which looks
once a day too. What lineage knows of them stays.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from pinnace.controllers.built_in import CONFIG_MAP
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.workflow import clock
from pinnace.controllers.workflow.configuration import Settings
from pinnace.controllers.workflow.template import TemplateError
from pinnace.kinds.resource import Resource
from pinnace.objects.archive import Archive, Query
from pinnace.objects.local import Local
from pinnace.store.interface import Event

EVERY = 3600.0
PAGE = 100
log = logging.getLogger("pinnace.controllers")


class ArchiveExpiry:
    name = "archive-expiry"
    watches: tuple[Resource, ...] = ()

    def __init__(self, client: Local, archive: Archive, now: Callable[[], float] = time.time) -> None:
        self.archive = archive
        self.settings = Settings(lambda at, name: client.peek(CONFIG_MAP, name, at))
        self.now = now

    def keys(self, event: Event) -> tuple[Key, ...]:
        return ()

    async def reconcile(self, key: Key) -> Result:
        return Result()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.sweep()
            except TemplateError as error:
                log.warning("nothing is taken out of the archive: %s", error)

    async def sweep(self) -> int:
        """How many were forgotten. Raises TemplateError for a configuration that cannot be read."""
        age = self.settings.now().archive_ttl
        if not age:
            return 0
        old = Query(finished_before=clock.stamp(self.now() - age), limit=PAGE)
        removed = 0
        while found := (await self.archive.page(old)).items:
            for each in found:
                removed += await self.archive.remove(each["metadata"]["uid"])
        return removed
