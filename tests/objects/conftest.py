"""One door on a real store in a temporary home, with a namespace to work in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Options
from pinnace.objects.local import Local
from pinnace.store.sqlite import SqliteStore

QUIET = Options(field_manager="")


class Door:
    """A `Local` with the names of the kinds that tests use."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.open()

    def open(self) -> None:
        self.store = SqliteStore.open(self.home / "store.db")
        self.catalogue = Catalogue.builtin()
        self.local = Local.open(self.store, self.catalogue)

    async def restart(self) -> None:
        await self.close()
        self.open()

    async def close(self) -> None:
        self.local.close()
        await self.store.close()

    def kind(self, key: str) -> Resource:
        found = self.catalogue.key(key)
        assert found is not None, key
        return found

    async def namespace(self, name: str) -> Obj:
        return await self.local.create(self.kind("namespaces"), {"metadata": {"name": name}})

    async def config(self, name: str = "one", **data: str) -> Obj:
        obj = {"metadata": {"name": name}, "data": data or {"a": "1"}}
        return await self.local.create(self.kind("configmaps"), obj, "default")


@pytest.fixture
async def door(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Door]:
    door = Door(tmp_path)
    await door.namespace("default")
    yield door
    await door.close()
