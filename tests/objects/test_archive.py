"""Finished workflows stay listable, searchable and whole, after they are gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from pinnace.kinds.argo import WORKFLOW
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.resource import Obj
from pinnace.objects.archive import Archive, Query, entry
from pinnace.objects.client import Change
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Row, Store
from pinnace.store.memory import MemoryStore
from pinnace.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["file", "memory"])
async def door(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    store: Any = SqliteStore.open(tmp_path / "store.db") if request.param == "file" else MemoryStore()
    local = Local.open(store, Catalogue.builtin())
    namespaces = local.house.catalogue.key("namespaces")
    assert namespaces is not None
    for name in ("default", "team"):
        await local.create(namespaces, {"metadata": {"name": name}})
    yield local
    local.close()
    await store.close()


def workflow(name: str, namespace: str = "default", **labels: str) -> Obj:
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "entrypoint": "main",
            "arguments": {"parameters": [{"name": "day", "value": f"of {name}"}]},
            "templates": [{"name": "main", "container": {"image": "busybox"}}],
        },
    }


async def ended(door: Local, obj: Obj, phase: str = "Succeeded", at: str = "2026-01-02T03:04:05Z") -> Obj:
    """As the engine writes it: labels, status, and one node."""
    made = await door.create(WORKFLOW, obj, obj["metadata"]["namespace"])
    return await finish(door, made, phase, at)


async def finish(door: Local, made: Obj, phase: str, at: str) -> Obj:
    meta = made["metadata"]
    labels = {**(meta.get("labels") or {}), "workflows.argoproj.io/phase": phase}
    status = {"phase": phase, "startedAt": at, "finishedAt": at, "progress": "1/1"}
    node = {"id": meta["name"], "name": meta["name"], "type": "Pod", "phase": phase}
    written = {**made, "metadata": {**meta, "labels": labels}, "status": status}
    rows = [Row("node", meta["uid"], meta["name"], msgspec.json.encode(node))]
    (done,) = await door.transact([Change(verb="system", resource=WORKFLOW, obj=written)], rows)
    return done


def names(items: list[Obj]) -> list[str]:
    return [one["metadata"]["name"] for one in items]


async def test_the_newest_comes_first_page_by_page(door: Local) -> None:
    for day in (1, 3, 2):
        await ended(door, workflow(f"day-{day}"), at=f"2026-01-0{day}T00:00:00Z")
    first = await door.house.archive.page(Query(limit=2))
    second = await door.house.archive.page(Query(limit=2, offset=first.next))
    assert names(first.items) == ["day-3", "day-2"]
    assert (names(second.items), second.next) == (["day-1"], 0)
    assert first.items[0]["status"]["phase"] == "Succeeded"
    assert "templates" not in first.items[0]["spec"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (Query(labels="team=red"), ["c", "a"]),
        (Query(labels="team in (red, blue)"), ["c", "b", "a"]),
        (Query(labels="team!=red"), ["d", "b"]),
        (Query(labels="team"), ["c", "b", "a"]),
        (Query(labels="!team"), ["d"]),
        (Query(labels="size>3"), ["c", "b"]),
        (Query(labels="team=red,size>3"), ["c"]),
        (Query(labels="nobody=has"), []),
        (Query(labels="nobody"), []),
        (Query(phases=("Failed",)), ["b"]),
        (Query(phases=("Failed", "Error")), ["d", "b"]),
        (Query(parameters={"day": "of c"}), ["c"]),
        (Query(namespace="team"), ["d"]),
        (Query(name="b"), ["b"]),
        (Query(name_prefix="b"), ["b"]),
        (Query(name_contains="c"), ["c"]),
        (Query(namespace="team", name_contains="c"), []),
        (Query(started_after="2026-01-02T00:00:00Z", started_before="2026-01-03T00:00:00Z"), ["c", "b"]),
        (Query(finished_before="2026-01-02T00:00:00Z"), ["a"]),
        (Query(created_after="2999-01-01T00:00:00Z"), []),
    ],
    ids=str,
)
async def test_it_is_searched_by_what_people_remember(door: Local, query: Query, found: list[str]) -> None:
    await ended(door, workflow("a", team="red", size="3"), at="2026-01-01T00:00:00Z")
    await ended(door, workflow("b", team="blue", size="4"), "Failed", at="2026-01-02T00:00:00Z")
    await ended(door, workflow("c", team="red", size="12"), at="2026-01-03T00:00:00Z")
    await ended(door, workflow("d", "team"), "Error", at="2026-01-04T00:00:00Z")
    assert names((await door.house.archive.page(query)).items) == found


async def test_a_deleted_workflow_is_there_whole(door: Local) -> None:
    done = await ended(door, workflow("gone"))
    uid = done["metadata"]["uid"]
    await door.delete(WORKFLOW, "gone", "default")
    for found in (await door.house.archive.get(uid), await door.house.archive.named("default", "gone")):
        assert found is not None
        assert found["spec"]["templates"][0]["name"] == "main"
        assert found["status"]["nodes"]["gone"]["phase"] == "Succeeded"


async def test_a_living_one_is_read_as_it_is_now(door: Local) -> None:
    done = await ended(door, workflow("alive"))
    assert done["metadata"]["labels"][entry.STATUS] == "Archived"
    found = await door.house.archive.get(done["metadata"]["uid"])
    assert found is not None
    assert found["status"]["nodes"]["alive"]["type"] == "Pod"


async def test_whoever_says_so_is_not_archived(door: Local) -> None:
    done = await ended(door, workflow("secret", **{entry.STRATEGY: "false"}))
    assert entry.STATUS not in done["metadata"]["labels"]
    assert (await door.house.archive.page(Query())).items == []


async def test_a_run_that_ends_again_has_its_last_end_only(door: Local) -> None:
    done = await ended(door, workflow("twice"), "Failed", "2026-01-01T00:00:00Z")
    await finish(door, done, "Succeeded", "2026-01-02T00:00:00Z")
    assert names((await door.house.archive.page(Query(phases=("Failed",)))).items) == []
    (found,) = (await door.house.archive.page(Query())).items
    assert found["status"]["startedAt"] == "2026-01-02T00:00:00Z"


async def test_labels_are_listed_with_their_values(door: Local) -> None:
    await ended(door, workflow("a", team="red"))
    await ended(door, workflow("b", "team", team="blue", floor="3"))
    archive = door.house.archive
    assert {"team", "floor"} <= set(await archive.label_keys())
    assert "floor" not in await archive.label_keys("default")
    assert await archive.label_values("team") == ["blue", "red"]
    assert await archive.label_values("team", "default") == ["red"]


async def test_removed_is_gone_for_every_question(door: Local) -> None:
    done = await ended(door, workflow("a", team="red"))
    uid = done["metadata"]["uid"]
    assert await door.house.archive.remove(uid)
    assert not await door.house.archive.remove(uid)
    assert await door.house.archive.get(uid) is None
    assert (await door.house.archive.page(Query())).items == []
    assert await door.house.archive.label_values("team") == []


async def test_what_is_no_selector_is_refused(door: Local) -> None:
    with pytest.raises(StatusError) as refused:
        await door.house.archive.page(Query(labels="a in"))
    assert refused.value.code == 400


async def test_long_values_are_found_by_their_digest(door: Local) -> None:
    long = "x" * 5000
    obj = workflow("long")
    obj["spec"]["arguments"]["parameters"][0]["value"] = long
    await ended(door, obj)
    assert names((await door.house.archive.page(Query(parameters={"day": long}))).items) == ["long"]


def finished(at: int) -> Obj:
    began, phase = f"2026-01-{1 + at // 5000:02}T{at % 24:02}:00:00Z", "Succeeded" if at % 10 else "Failed"
    return {
        "metadata": {
            "name": f"run-{at}",
            "namespace": f"ns{at % 4}",
            "uid": f"{at:08x}-0000-0000",
            "creationTimestamp": began,
            "labels": {"team": f"t{at % 50}", "workflows.argoproj.io/phase": phase},
        },
        "spec": {"arguments": {"parameters": [{"name": "n", "value": str(at)}]}},
        "status": {"phase": phase, "startedAt": began, "finishedAt": began},
    }


async def fill(store: Store, count: int) -> None:
    for start in range(0, count, 2000):
        wanted = [entry.rows(finished(at), None) for at in range(start, min(count, start + 2000))]
        await store.commit([row for rows in wanted for row in rows])


@pytest.mark.slow
@pytest.mark.serial
async def test_a_page_of_a_hundred_thousand_takes_milliseconds(tmp_path: Path) -> None:
    import time

    store = SqliteStore.open(tmp_path / "store.db")
    try:
        await fill(store, 100_000)
        await store.settled()
        archive = Archive(store)
        for query, least in (
            (Query(limit=50), 50),
            (Query(limit=50, offset=90_000), 50),
            (Query(labels="team=t7", limit=50), 50),
            (Query(phases=("Failed",), labels="team=t7", limit=50), 0),
            (Query(name_contains="99999"), 1),
            (Query(parameters={"n": "4711"}), 1),
            (Query(namespace="ns3", phases=("Failed", "Error"), limit=50), 0),
        ):
            took = []
            for _ in range(5):
                began = time.process_time()
                page = await archive.page(query)
                took.append(time.process_time() - began)
                assert len(page.items) >= least
            print(query, f"{min(took) * 1000:.1f} ms")
            assert min(took) < 0.1, query
    finally:
        await store.close()
