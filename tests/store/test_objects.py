"""Objects in the store: preconditions, revisions, selection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pinnace.store.interface import ABSENT, Conflict, Put, Remove, Requirement, Row
from pinnace.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio


def pod(name: str, namespace: str = "ns", owner: str = "", **labels: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": namespace, "uid": f"uid-{name}"}
    if labels:
        metadata["labels"] = labels
    if owner:
        metadata["ownerReferences"] = [{"uid": uid, "kind": "W", "name": "w"} for uid in owner.split(",")]
    return {"kind": "Pod", "metadata": metadata}


def names(listing: Any) -> list[str]:
    return [item["metadata"]["name"] for item in listing.items]


@asynccontextmanager
async def opened(path: Path | str, **options: Any) -> AsyncIterator[SqliteStore]:
    store = SqliteStore.open(path, **options)
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture(params=["file", "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with opened(tmp_path / "store.db" if request.param == "file" else ":memory:") as opened_store:
        yield opened_store


async def test_a_created_object_is_read_back_with_its_revision(store: SqliteStore) -> None:
    [created] = await store.commit([Put("pods", pod("a"), ABSENT)])
    assert created["metadata"]["resourceVersion"] == "1"
    assert store.get("pods", "ns", "a") == created
    assert store.get("pods", "ns", "b") is None
    assert store.rv == 1


async def test_the_callers_object_is_not_mutated(store: SqliteStore) -> None:
    mine = pod("a")
    await store.commit([Put("pods", mine)])
    assert "resourceVersion" not in mine["metadata"]


@pytest.mark.parametrize(
    ("write", "kind"),
    [
        (Put("pods", pod("a"), ABSENT), "exists"),
        (Put("pods", pod("a"), 7), "changed"),
        (Put("pods", pod("b"), 1), "missing"),
        (Remove("pods", "ns", "b"), "missing"),
        (Remove("pods", "ns", "a", uid="other"), "uid"),
        (Remove("pods", "ns", "a", expect=9), "changed"),
    ],
)
async def test_a_precondition_that_fails_undoes_its_whole_commit(
    store: SqliteStore, write: Put | Remove, kind: str
) -> None:
    [there] = await store.commit([Put("pods", pod("a"))])
    with pytest.raises(Conflict) as refused:
        await store.commit([Put("pods", pod("c")), Row("node", "w", "n", b"{}"), write])
    assert (refused.value.kind, refused.value.write) == (kind, 2)
    assert refused.value.current == (None if kind == "missing" else there)
    assert names(store.list("pods")) == ["a"]
    assert store.row("node", "w", "n") is None
    assert store.rv == 1


async def test_a_refused_commit_does_not_touch_its_neighbours_in_the_group(store: SqliteStore) -> None:
    answers = await asyncio.gather(
        *(store.commit([Put("pods", pod(f"p{i % 7}"), ABSENT)]) for i in range(20)), return_exceptions=True
    )
    assert sum(isinstance(answer, Conflict) for answer in answers) == 13
    assert store.rv == 7
    assert store.stats()["groups"] == 1


async def test_what_another_life_of_the_store_wrote_is_not_created_again(tmp_path: Path) -> None:
    """The writer remembers nothing of it, and finds out from the database."""
    async with opened(tmp_path / "store.db") as store:
        [there] = await store.commit([Put("pods", pod("a"), ABSENT)])
    async with opened(tmp_path / "store.db") as store:
        answers = await asyncio.gather(
            store.commit([Put("pods", pod("b"), ABSENT), Row("node", "w", "b", b"x")]),
            store.commit([Put("pods", pod("c"), ABSENT), Put("pods", pod("a"), ABSENT)]),
            store.commit([Put("pods", pod("d"), ABSENT)]),
            return_exceptions=True,
        )
        assert [isinstance(answer, Conflict) for answer in answers] == [False, True, False]
        refused = answers[1]
        assert isinstance(refused, Conflict)
        assert (refused.kind, refused.write, refused.current) == ("exists", 1, there)
        assert names(store.list("pods")) == ["a", "b", "d"]
        assert store.rv == 3


async def test_a_refused_creation_tells_the_first_reason_and_leaves_no_belief(tmp_path: Path) -> None:
    async with opened(tmp_path / "store.db") as store:
        [there] = await store.commit([Put("pods", pod("a"), ABSENT)])
    async with opened(tmp_path / "store.db") as store:
        with pytest.raises(Conflict) as refused:
            await store.commit([Put("pods", pod("a"), ABSENT), Put("pods", pod("b"), 7)])
        assert (refused.value.kind, refused.value.write, refused.value.current) == ("exists", 0, there)
        with pytest.raises(Conflict) as refused:
            await store.commit([Put("pods", pod("c"), ABSENT), Remove("pods", "ns", "b")])
        assert (refused.value.kind, refused.value.write) == ("missing", 1)
        await store.commit([Put("pods", pod("c"))])
        await store.commit([Remove("pods", "ns", "a", expect=1)])
        assert names(store.list("pods")) == ["c"]


async def test_what_is_removed_and_wanted_again_in_one_group(store: SqliteStore) -> None:
    await store.commit([Put("pods", pod("a", old="yes"))])
    answers = await asyncio.gather(
        store.commit([Remove("pods", "ns", "a")]),
        store.commit([Put("pods", pod("a", v="1"), ABSENT), Put("pods", pod("b"), 99)]),
        store.commit([Put("pods", pod("a", v="2"), ABSENT)]),
        return_exceptions=True,
    )
    assert [isinstance(answer, Conflict) for answer in answers] == [False, True, False]
    assert names(store.list("pods", labels=[Requirement("v", "=", ("2",))])) == ["a"]
    assert store.list("pods", labels=[Requirement("old", "=", ("yes",))]).items == []
    assert [event.type for event in store.events("pods", 0)] == ["ADDED", "DELETED", "ADDED"]


async def test_something_that_is_no_json_is_refused_alone(store: SqliteStore) -> None:
    answers = await asyncio.gather(
        store.commit([Put("pods", pod("a") | {"x": object()})]),
        store.commit([Put("pods", pod("b"))]),
        return_exceptions=True,
    )
    assert isinstance(answers[0], TypeError)
    assert names(store.list("pods")) == ["b"]


@pytest.mark.parametrize(
    "bad",
    [Put("pods", {"kind": "Pod"}), Remove("pods", "ns", "\ud800"), Row("node", "\ud800", "k", b"x")],
    ids=["no metadata", "a name that is no text", "an owner that is no text"],
)
async def test_what_sqlite_cannot_store_is_refused_alone(store: SqliteStore, bad: Put | Remove | Row) -> None:
    writes: list[list[Put | Remove | Row]] = [[Put("pods", pod("a"), ABSENT)], [bad], [Put("pods", pod("b"))]]
    answers = await asyncio.gather(*(store.commit(write) for write in writes), return_exceptions=True)
    assert [isinstance(answer, Exception) for answer in answers] == [False, True, False]
    assert names(store.list("pods")) == ["a", "b"]
    assert store.rv == 2


async def test_one_commit_may_write_an_object_twice(store: SqliteStore) -> None:
    first, second, last = await store.commit(
        [
            Put("pods", pod("a", v="1"), ABSENT),
            Put("pods", pod("a", v="2"), 1),
            Remove("pods", "ns", "a", expect=2),
        ]
    )
    assert [o["metadata"]["resourceVersion"] for o in (first, second, last)] == ["1", "2", "3"]
    assert store.get("pods", "ns", "a") is None
    assert store.list("pods", labels=[Requirement("v", "=", ("2",))]).items == []
    assert [event.type for event in store.events("pods", 0)] == ["ADDED", "MODIFIED", "DELETED"]


async def test_removed_and_created_again_is_another_object(store: SqliteStore) -> None:
    await store.commit([Put("pods", pod("a", old="yes"))])
    again = pod("a", new="yes")
    again["metadata"]["uid"] = "second"
    await store.commit([Remove("pods", "ns", "a", uid="uid-a"), Put("pods", again, ABSENT)])
    assert names(store.list("pods", labels=[Requirement("old", "=", ("yes",))])) == []
    assert names(store.list("pods", labels=[Requirement("new", "=", ("yes",))])) == ["a"]
    with pytest.raises(Conflict):
        await store.commit([Remove("pods", "ns", "a", uid="uid-a")])


async def test_label_selection(store: SqliteStore) -> None:
    await store.commit(
        [
            Put("pods", pod("a", app="web", tier="1")),
            Put("pods", pod("b", app="web", tier="2")),
            Put("pods", pod("c", app="db")),
            Put("pods", pod("d")),
            Put("jobs.batch", pod("e", app="web")),
            Put("pods", pod("a", "other", app="web")),
        ]
    )

    def select(*requirements: tuple[str, str, tuple[str, ...]]) -> list[str]:
        return names(store.list("pods", "ns", labels=[Requirement(*r) for r in requirements]))

    assert select(("app", "=", ("web",))) == ["a", "b"]
    assert select(("app", "in", ("web", "db"))) == ["a", "b", "c"]
    assert select(("app", "=", ("web",)), ("tier", "=", ("2",))) == ["b"]
    assert select(("app", "!=", ("web",))) == ["c", "d"]
    assert select(("app", "notin", ("db",)), ("tier", "exists", ())) == ["a", "b"]
    assert select(("app", "!", ())) == ["d"]
    assert select(("tier", "gt", ("1",))) == ["b"]
    assert select(("tier", "lt", ("2",))) == ["a"]


async def test_labels_that_change_move_in_the_index(store: SqliteStore) -> None:
    await store.commit([Put("pods", pod("a", app="web"))])
    await store.commit([Put("pods", pod("a", app="db"))])
    assert names(store.list("pods", labels=[Requirement("app", "=", ("web",))])) == []
    assert names(store.list("pods", labels=[Requirement("app", "=", ("db",))])) == ["a"]


async def test_owned_objects_and_only_what_is_newer(store: SqliteStore) -> None:
    await store.commit([Put("pods", pod(f"p{i}", owner="w1")) for i in range(5)])
    await store.commit([Put("pods", pod("other", owner="w2")), Put("pods", pod("both", owner="w2,w1"))])
    seen = store.rv
    assert names(store.list("pods", owner="w1")) == ["both", "p0", "p1", "p2", "p3", "p4"]
    assert names(store.list("pods", "elsewhere", owner="w1")) == []
    await store.commit(
        [Put("pods", pod("p3", owner="w1", done="yes")), Put("pods", pod("both", owner="w2,w1"))]
    )
    assert names(store.list("pods", owner="w1", newer_than=seen)) == ["both", "p3"]
    await store.commit([Put("pods", pod("both", owner="w2")), Put("pods", pod("p0"))])
    assert names(store.list("pods", owner="w1")) == ["p1", "p2", "p3", "p4"]
    assert names(store.list("pods", newer_than=seen)) == ["both", "p0", "p3"]


async def test_pages_follow_each_other_without_gap(store: SqliteStore) -> None:
    await store.commit([Put("pods", pod(f"p{i}", f"n{i % 2}", even=str(i % 2))) for i in range(10)])
    page = store.list("pods", limit=4)
    assert (len(page.items), page.remaining, page.rv) == (4, 6, 10)
    seen = names(page)
    while page.next:
        page = store.list("pods", limit=4, after=page.next)
        seen += names(page)
    assert seen == ["p0", "p2", "p4", "p6", "p8", "p1", "p3", "p5", "p7", "p9"]
    inside = store.list("pods", "n1", limit=2, after=("n1", "p3"))
    assert (names(inside), inside.remaining, inside.next) == (["p5", "p7"], 1, ("n1", "p7"))
    labelled = store.list("pods", labels=[Requirement("even", "=", ("1",))], limit=3)
    assert (names(labelled), labelled.next) == (["p1", "p3", "p5"], ("n1", "p5"))


async def test_an_update_is_seen_by_the_read_that_follows_it(store: SqliteStore) -> None:
    for i in range(50):
        [put] = await store.commit([Put("pods", pod("a", i=str(i)))])
        assert store.get("pods", "ns", "a") == put
        assert store.list("pods").rv >= store.rv == i + 1


async def test_after_closing_the_next_opening_finds_everything(tmp_path: Path) -> None:
    async with opened(tmp_path / "store.db") as store:
        await store.commit([Put("pods", pod("a", app="x")), Row("run", "w", "", b"1")])
        late = asyncio.ensure_future(store.commit([Put("pods", pod("b"))]))
        await asyncio.sleep(0)
    assert len(await late) == 1
    with pytest.raises(RuntimeError):
        await store.commit([Put("pods", pod("c"))])
    async with opened(tmp_path / "store.db") as store:
        assert store.rv == 2
        assert names(store.list("pods", labels=[Requirement("app", "=", ("x",))])) == ["a"]
        assert store.row("run", "w") == b"1"
        [put] = await store.commit([Put("pods", pod("a"), 1)])
        assert put["metadata"]["resourceVersion"] == "3"


async def test_a_cancelled_caller_loses_only_its_answer(store: SqliteStore) -> None:
    asking = asyncio.ensure_future(store.commit([Put("pods", pod("a"))]))
    await asyncio.sleep(0)
    asking.cancel()
    await store.commit([Put("pods", pod("b"))])
    assert names(store.list("pods")) == ["a", "b"]


async def test_the_number_of_writes_in_a_commit_is_free(store: SqliteStore) -> None:
    made = await store.commit([Put("pods", pod(f"p{i:04}", app="x"), ABSENT) for i in range(1500)])
    assert len(made) == 1500
    assert len(store.list("pods", labels=[Requirement("app", "=", ("x",))]).items) == 1500
    await store.commit([Remove("pods", "ns", f"p{i:04}") for i in range(1500)])
    assert store.list("pods").items == []


async def test_an_object_is_gathered_with_its_rows_of_one_moment(store: SqliteStore) -> None:
    bodies = {f"n{number}": f'{{"n":"é{number}","e":""}}'.encode() for number in range(300)}
    rows = [Row("node", "uid-a", key, body) for key, body in bodies.items()]
    await store.commit([Put("pods", pod("a")), *rows, Row("node", "uid-b", "other", b"{}")])
    found = await store.gathered("pods", "ns", "a", "node")
    assert found is not None
    assert found.obj["metadata"]["name"] == "a"
    assert (found.newest, found.total, found.rows) == (store.rv, 300, sorted(bodies.items()))
    seen = store.rv
    await store.commit([Row("node", "uid-a", "n7", b"{}"), Row("node", "uid-a", "n8", None)])
    later = await store.gathered("pods", "ns", "a", "node", newer_than=seen)
    assert later is not None
    assert (later.newest, later.total, later.rows) == (store.rv, 299, [("n7", b"{}")])
    assert await store.gathered("pods", "ns", "none", "node") is None
    await store.commit([Put("pods", pod("bare"))])
    bare = await store.gathered("pods", "ns", "bare", "node")
    assert bare is not None and (bare.newest, bare.total, bare.rows) == (0, 0, [])


async def test_what_was_committed_is_gathered_while_others_commit(store: SqliteStore) -> None:
    async def write(number: int) -> None:
        row = Row("node", "uid-a", "x", b"%d" % number)
        await store.commit([Put("pods", {**pod("a"), "n": number}), row])

    await write(0)
    for number in range(1, 30):
        found, _ = await asyncio.gather(store.gathered("pods", "ns", "a", "node"), write(number))
        assert found is not None
        obj = found.obj
        assert found.rows == [("x", b"%d" % obj["n"])]
        assert found.newest == int(obj["metadata"]["resourceVersion"])
        assert obj["n"] >= number - 1
