"""The watch log, its compaction, listeners and controllers' rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pinnace.store.interface import Compacted, Event, Put, Remove, Row
from pinnace.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio


def pod(name: str, namespace: str = "ns", **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "labels": labels}
    return {"kind": "Pod", "metadata": metadata}


@pytest.fixture(params=["file", "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore.open(tmp_path / "store.db" if request.param == "file" else ":memory:")
    yield opened
    await opened.close()


async def test_the_log_tells_the_story_with_the_labels_before(store: SqliteStore) -> None:
    await store.commit([Put("pods", pod("a", app="web"))])
    await store.commit([Put("jobs.batch", pod("j"))])
    await store.commit([Put("pods", pod("a", app="db")), Put("pods", pod("b", "other"))])
    await store.commit([Put("pods", pod("a", app="db")), Remove("pods", "ns", "a")])
    told = [(e.rv, e.type, e.name, e.labels) for e in store.events("pods", 0)]
    assert told == [
        (1, "ADDED", "a", None),
        (3, "MODIFIED", "a", {"app": "web"}),
        (4, "ADDED", "b", None),
        (5, "MODIFIED", "a", {"app": "db"}),
        (6, "DELETED", "a", {"app": "db"}),
    ]
    assert [e.rv for e in store.events("pods", 3, "ns")] == [5, 6]
    assert store.events("pods", 0)[-1].obj["metadata"]["resourceVersion"] == "6"


async def test_what_a_listener_hears_is_what_the_log_says(store: SqliteStore) -> None:
    heard: list[Event] = []
    stop = store.listen(heard.extend)
    await asyncio.gather(*(store.commit([Put("pods", pod(f"p{i}", n=str(i)))]) for i in range(50)))
    await store.commit([Put("pods", pod("p1")), Remove("pods", "ns", "p2")])
    assert [e.rv for e in heard] == list(range(1, 53))
    assert heard == store.events("pods", 0)
    stop()
    await store.commit([Put("pods", pod("late"))])
    assert len(heard) == 52


async def test_past_and_future_meet_without_gap_or_repetition(store: SqliteStore) -> None:
    writing = [asyncio.ensure_future(store.commit([Put("pods", pod(f"p{i}"))])) for i in range(200)]
    await writing[0]
    seen = [e.rv for e in store.events("pods", 0)]
    store.listen(lambda events: seen.extend(e.rv for e in events))
    await asyncio.gather(*writing)
    assert seen == list(range(1, 201))


async def test_a_listener_that_fails_harms_nobody(store: SqliteStore) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    heard: list[Event] = []

    def broken(events: Sequence[Event]) -> None:
        raise ZeroDivisionError

    store.listen(broken)
    store.listen(heard.extend)
    await store.commit([Put("pods", pod("a"))])
    assert len(heard) == len(complaints) == 1


async def test_compaction_by_count_keeps_the_living(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "store.db", log_limit=20)
    await store.commit([Put("pods", pod("old", app="x"))])
    for i in range(200):
        await store.commit([Put("pods", pod("busy", i=str(i)))])
    await store.settled()
    with pytest.raises(Compacted):
        store.events("pods", 5)
    floor = store.stats()["floor"]
    assert 150 < floor <= 181
    assert [e.rv for e in store.events("pods", floor)] == list(range(floor + 1, 202))
    assert store.get("pods", "ns", "old") is not None
    assert len(store.list("pods").items) == 2
    await store.commit([Put("pods", pod("old", app="y")), Remove("pods", "ns", "busy")])
    assert len(store.list("pods").items) == 1
    await store.close()
    again = SqliteStore.open(tmp_path / "store.db", log_limit=20)
    with pytest.raises(Compacted):
        again.events("pods", 5)
    assert again.rv == 203
    await again.close()


async def test_a_body_that_nothing_needs_any_more_is_gone(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "store.db", log_limit=10)
    for name in ("a", "b"):
        await store.commit([Put("pods", pod(name))])
    for i in range(100):
        await store.commit([Put("pods", pod(f"p{i % 3}")), Row("node", "w", str(i), b"x")])
    await store.commit([Remove("pods", "ns", "a"), Put("pods", pod("b", new="yes"))])
    for i in range(50):
        await store.commit([Put("pods", pod(f"p{i % 3}"))])
    await store.settled()
    reading = store._reader._connection
    kept = reading.execute("SELECT count(*) FROM log").fetchone()[0]
    assert kept <= store.rv - store.stats()["floor"] + len(store.list("pods").items)
    orphans = "SELECT count(*) FROM objects o WHERE NOT EXISTS (SELECT 1 FROM log l WHERE l.rv=o.rv)"
    assert reading.execute(orphans).fetchone()[0] == 0
    await store.close()


async def test_compaction_by_age(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "store.db", log_age=60)
    now = [1000.0]
    store._applier._clock = lambda: now[0]
    await store.commit([Put("pods", pod("a")), Put("pods", pod("b")), Remove("pods", "ns", "b")])
    await store.settled()
    now[0] += 30
    await store.commit([Put("pods", pod("c"))])
    await store.settled()
    assert len(store.events("pods", 0)) == 4
    now[0] += 50
    await store.commit([Put("pods", pod("d"))])
    await store.settled()
    with pytest.raises(Compacted):
        store.events("pods", 2)
    assert [e.name for e in store.events("pods", 3)] == ["c", "d"]
    assert len(store.list("pods").items) == 3
    await store.close()


async def test_rows_are_written_read_and_removed(store: SqliteStore) -> None:
    await store.commit(
        [Row("node", "w1", key, key.encode()) for key in "ba"] + [Row("node", "w2", "c", b"c")]
    )
    assert store.row("node", "w1", "a") == b"a"
    assert store.row("node", "w1", "x") is None
    assert store.rows("node", "w1") == [("w1", "a", 1, b"a"), ("w1", "b", 1, b"b")]
    assert [row[1] for row in store.rows("node")] == ["a", "b", "c"]
    await store.commit([Row("node", "w1", "a", b"new"), Row("run", "w1", "", b"counters")])
    assert store.rows("node", "w1", newer_than=1) == [("w1", "a", 2, b"new")]
    await store.commit([Row("node", "w1", "b", None), Row("node", "nobody", "b", None)])
    assert store.rows("node", "w1") == [("w1", "a", 2, b"new")]
    assert (store.rv, store.row("run", "w1")) == (3, b"counters")


async def test_a_star_removes_what_came_before_it_and_not_after(store: SqliteStore) -> None:
    await store.commit([Row("node", "w", "old", b"1"), Row("node", "other", "kept", b"1")])
    await store.commit(
        [Row("node", "w", "before", b"1"), Row("node", "w", "*", None), Row("node", "w", "after", b"1")]
    )
    assert [row[:2] for row in store.rows("node")] == [("other", "kept"), ("w", "after")]


async def test_rows_carry_the_last_revision_of_their_commit(store: SqliteStore) -> None:
    await store.commit([Row("node", "w", "n", b"1"), Put("pods", pod("a")), Put("pods", pod("b"))])
    assert store.rows("node", "w")[0][2] == store.rv == 2
