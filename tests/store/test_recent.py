"""A store whose newest writes are not in the tables yet answers as one that has them there; and after a death
it has all that it answered."""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from pinnace.store import writer
from pinnace.store.interface import ABSENT, Conflict, Gathered, Put, Remove, Requirement, Row, Write
from pinnace.store.journal import Journal, files, frames
from pinnace.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio

NAMES = [f"n{i}" for i in range(9)]
OWNERS = ["o1", "o2", "o3"]


def some_object(chance: random.Random) -> dict[str, Any]:
    name = chance.choice(NAMES)
    metadata: dict[str, Any] = {"name": name, "namespace": chance.choice(["a", "b"])}
    metadata["uid"] = f"uid-{name}" if chance.random() < 0.8 else f"uid-{chance.random()}"
    if chance.random() < 0.7:
        metadata["labels"] = {"l": str(chance.randrange(3))}
    if owners := chance.sample(OWNERS, chance.randrange(3)):
        metadata["ownerReferences"] = [{"uid": owner} for owner in owners]
    return {"metadata": metadata, "x": chance.random()}


def some_write(chance: random.Random) -> Write:
    kind = chance.random()
    if kind < 0.45:
        expect = chance.choice(["any", "any", ABSENT])
        return Put(chance.choice(["pods", "jobs"]), some_object(chance), expect)
    if kind < 0.6:
        return Remove(chance.choice(["pods", "jobs"]), chance.choice(["a", "b"]), chance.choice(NAMES))
    key = chance.choice(["*", *NAMES])
    body = None if key == "*" or chance.random() < 0.3 else chance.randbytes(4)
    name, owner = chance.choice(["node", "run"]), chance.choice(OWNERS)
    becomes = "kept" if (name, key) == ("node", "*") and chance.random() < 0.5 else ""
    return Row(name, owner, key, body, becomes)


async def committed(store: SqliteStore, writes: list[Write]) -> object:
    try:
        return await store.commit(writes)
    except Conflict as conflict:
        return conflict.kind, conflict.write, conflict.current


def everything(store: SqliteStore, since: int) -> list[object]:
    """What every kind of read says."""
    said: list[object] = [store.rv]
    for resource in ("pods", "jobs"):
        said += [store.get(resource, "a", name) for name in NAMES]
        said += [(store.list(resource, space).items) for space in (None, "a", "b")]
        page = store.list(resource, limit=3)
        said += [page.items, page.next]
        said.append(store.list(resource, limit=2, after=("a", "n4")).items)
        said += [store.list(resource, owner=owner).items for owner in OWNERS]
        said += [store.list(resource, owner=owner, newer_than=since).items for owner in OWNERS]
        said.append(store.list(resource, newer_than=since).items)
        said.append(store.list(resource, labels=[Requirement("l", "=", ("1",))]).items)
        said.append(store.list(resource, labels=[Requirement("l", "!", ())]).items)
        said.append(list(store.events(resource, since)))
        said.append(list(store.events(resource, 0, "b")))
    for kind in ("node", "run", "kept"):
        said.append(store.rows(kind))
        said += [store.rows(kind, owner, newer_than=since) for owner in OWNERS]
        said += [store.row(kind, owner, name) for owner in OWNERS for name in NAMES]
    return said


async def gatherings(store: SqliteStore, since: int) -> list[Gathered | None]:
    return [
        await store.gathered("pods", "a", name, kind, newer_than=newer)
        for name in NAMES[:3] for kind in ("node", "run") for newer in (0, since)
    ]


@pytest.mark.parametrize("seed", range(6))
async def test_it_answers_as_one_that_has_all_in_its_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(writer, "APPLY_WRITES", chance.choice([1, 5, 40, 10_000]))
    monkeypatch.setattr(writer, "APPLY_QUIET", chance.choice([0.0, 0.001, 60.0]))
    store, plain = SqliteStore.open(tmp_path / "store.db"), SqliteStore.open(":memory:")
    owner = {"metadata": {"name": "n0", "namespace": "a", "uid": "o1"}}
    for each in (store, plain):
        await each.commit([Put("pods", owner)])
    for turn in range(60):
        batch = [
            [some_write(chance) for _ in range(chance.randint(1, 4))] for _ in range(chance.randint(1, 4))
        ]
        answers = await asyncio.gather(*(committed(store, writes) for writes in batch))
        assert answers == await asyncio.gather(*(committed(plain, writes) for writes in batch))
        since = chance.randint(0, store.rv)
        assert everything(store, since) == everything(plain, since)
        if turn % 10 == 0:
            assert await gatherings(store, since) == await gatherings(plain, since)
    await store.settled()
    assert everything(store, 0) == everything(plain, 0)
    assert store.list("pods", limit=3).remaining == plain.list("pods", limit=3).remaining
    dead = tmp_path / "dead"
    dead.mkdir()
    for number in range(3):
        await committed(store, [some_write(chance), Row("node", "o1", f"last{number}", b"x")])
    before = everything(store, 5)
    for file in tmp_path.glob("store.db*"):
        shutil.copy(file, dead / file.name)
    found = SqliteStore.open(dead / "store.db")
    assert everything(found, 5) == before
    for each in (store, plain, found):
        await each.close()
    again = SqliteStore.open(tmp_path / "store.db")
    assert everything(again, 5) == before
    await again.close()


async def test_a_clean_end_leaves_the_tables_alone(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "store.db")
    await store.commit([Put("pods", {"metadata": {"name": "a", "namespace": "ns"}})])
    assert any(file.stat().st_size for file in files(tmp_path / "store.db"))
    await store.close()
    assert not any(file.exists() for file in files(tmp_path / "store.db"))


def test_a_torn_frame_and_what_an_earlier_turn_left_do_not_count(tmp_path: Path) -> None:
    database = tmp_path / "store.db"
    journal = Journal(database)
    journal.append(0, 5, [[(2, "node", "o", "long", b"x" * 500)]])
    journal.append(5, 9, [[(2, "node", "o", "b", b"2")]])
    assert [frame.after for frame in frames(database, 0)] == [5, 9]
    assert [frame.after for frame in frames(database, 5)] == [9]
    journal.turn()
    journal.append(9, 12, [[(2, "node", "o", "c", b"3")]])
    journal.turn()
    journal.append(12, 13, [[(2, "node", "o", "d", b"4")]])
    assert [frame.after for frame in frames(database, 9)] == [12, 13], "the rest of the first file is old"
    journal.close(remove=False)
    file = files(database)[1]
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    assert [frame.after for frame in frames(database, 9)] == [], "its sum is wrong"


async def test_while_the_tables_have_no_room_what_was_answered_stays_and_nothing_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "APPLY_QUIET", 0.0)
    store = SqliteStore.open(tmp_path / "store.db")
    store._writing.execute("PRAGMA max_page_count=40")
    answered = 0
    while True:
        answer = await asyncio.gather(
            store.commit([Row("node", "o", str(answered), b"x" * 9000)]), return_exceptions=True
        )
        if isinstance(answer[0], BaseException):
            break
        answered += 1
        assert answered < 1000
    assert len(store.rows("node", "o")) == answered
    store._writing.execute("PRAGMA max_page_count=100000")
    await store.commit([Row("node", "o", "after", b"x")])
    await store.settled()
    assert len(store.rows("node", "o")) == answered + 1
    await store.close()
