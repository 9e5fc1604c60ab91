"""How commits come to share a group: by arriving together, and after a group of many by waiting a moment."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pinnace.store import writer
from pinnace.store.interface import ABSENT, Put, Row
from pinnace.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio


def rows(count: int) -> list[Row]:
    return [Row("node", "flow", str(number), b"{}") for number in range(count)]


def patient(monkeypatch: pytest.MonkeyPatch, rest: float) -> None:
    """A rest so long that a slow machine cannot miss it."""
    monkeypatch.setattr(writer, "rest", lambda writes, seconds: rest if writes >= writer.MANY else 0.0)


def test_only_a_group_of_many_is_followed_by_a_rest_and_never_a_long_one() -> None:
    assert writer.rest(1, 0.01) == writer.rest(writer.MANY - 1, 0.01) == 0
    assert writer.rest(writer.MANY, 0.001) == 0.001
    assert writer.rest(writer.GROUP_LIMIT, 10) == writer.REST <= 0.005


async def test_after_a_group_of_many_late_comers_share_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient(monkeypatch, 0.5)
    store = SqliteStore.open(tmp_path / "store.db")
    await store.commit(rows(writer.MANY))
    first = asyncio.create_task(store.commit(rows(1)))
    for _ in range(5):  # turns of the loop; after two of them the writer has it
        await asyncio.sleep(0)
    await asyncio.gather(first, store.commit(rows(2)))
    assert store.stats()["groups"] == 2
    await store.close()


async def test_a_quiet_store_commits_each_write_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient(monkeypatch, 60)
    store = SqliteStore.open(tmp_path / "store.db")
    async with asyncio.timeout(10):
        for _ in range(3):
            await store.commit(rows(1))
    assert store.stats()["groups"] == 3
    await store.close()


async def test_closing_does_not_wait_for_company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "rest", lambda writes, seconds: 60.0)
    store = SqliteStore.open(tmp_path / "store.db")
    await store.commit(rows(writer.MANY))
    async with asyncio.timeout(10):
        await store.close()


async def test_a_group_that_is_full_is_followed_by_what_it_left_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "rest", lambda writes, seconds: 60.0 if writes == writer.GROUP_LIMIT else 0.0)
    store = SqliteStore.open(tmp_path / "store.db")
    half = writer.GROUP_LIMIT // 2
    async with asyncio.timeout(10):
        await asyncio.gather(*(store.commit(rows(half)) for _ in range(3)))
    assert store.stats()["groups"] == 2
    await store.close()


async def test_heads_forgotten_in_between_are_asked_for_in_one_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pinnace.store.heads.LIMIT", 2)
    store = SqliteStore.open(tmp_path / "store.db")

    def pod(number: int) -> dict[str, Any]:
        return {"metadata": {"name": f"p{number}", "namespace": "ns", "labels": {"n": str(number)}}}

    made = await asyncio.gather(*(store.commit([Put("pods", pod(n), ABSENT)]) for n in range(90)))
    again = [Put("pods", obj, int(obj["metadata"]["resourceVersion"])) for (obj,) in made]
    await asyncio.gather(*(store.commit([put]) for put in again))
    assert [item["metadata"]["labels"] for item in store.list("pods", limit=1).items] == [{"n": "0"}]
    assert len(store.list("pods").items) == 90
    await store.close()
