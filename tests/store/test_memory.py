"""The store without a file says what the one with tables says, whatever is asked of it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from pinnace.store.interface import Conflict, Event, Put
from pinnace.store.memory import MemoryStore
from pinnace.store.sqlite import SqliteStore
from tests.store.test_recent import everything, some_write

pytestmark = pytest.mark.anyio


async def committed(store: Any, writes: list[Any]) -> object:
    try:
        return await store.commit(writes)
    except Conflict as conflict:
        return conflict.kind, conflict.write, conflict.current


@pytest.mark.parametrize("seed", range(2))
async def test_it_answers_as_the_store_with_tables(seed: int) -> None:
    chance = random.Random(seed)
    memory, tables = MemoryStore(), SqliteStore.open(":memory:")
    told: tuple[list[Event], list[Event]] = ([], [])
    memory.listen(told[0].extend)
    tables.listen(told[1].extend)
    await memory.commit([Put("pods", {"metadata": {"name": "n0", "namespace": "a", "uid": "o1"}})])
    await tables.commit([Put("pods", {"metadata": {"name": "n0", "namespace": "a", "uid": "o1"}})])
    for _ in range(50):
        writes = [some_write(chance) for _ in range(chance.randint(1, 5))]
        assert await committed(memory, writes) == await committed(tables, writes)
        since = chance.randint(0, memory.rv)
        assert everything(memory, since) == everything(tables, since)  # type: ignore[arg-type]
        asked = ("pods", "a", "n0", "node")
        assert await memory.gathered(*asked, newer_than=since) == await tables.gathered(
            *asked, newer_than=since
        )
    assert told[0] == told[1]
    page, same = memory.list("pods", limit=2), tables.list("pods", limit=2)
    assert (page.items, page.next, page.remaining) == (same.items, same.next, same.remaining)
    await tables.close()


async def test_what_it_holds_is_nobodys_document() -> None:
    store = MemoryStore()
    obj: dict[str, Any] = {"metadata": {"name": "a"}, "spec": {"n": 1}}
    await store.commit([Put("pods", obj)])
    obj["spec"]["n"] = 2
    found = store.get("pods", "", "a")
    assert found is not None
    found["spec"]["n"] = 3
    assert (store.get("pods", "", "a") or {})["spec"] == {"n": 1}
