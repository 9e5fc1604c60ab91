"""A Workflow's nodes are rows; clients see and edit them as `.status.nodes`, and watch them one by one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

import msgspec
import pytest

from pinnace.kinds import nodes as picturing
from pinnace.kinds.catalogue import WORKFLOW_NODES
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Change, Options, Selection, WatchEvent
from pinnace.store.interface import Row
from tests.objects.conftest import Door
from tests.objects.test_writing import refused

pytestmark = pytest.mark.anyio
WF = "workflows.argoproj.io"


async def started(door: Door, *nodes: str) -> Obj:
    body = {"metadata": {"name": "wf"}, "spec": {"entrypoint": "main"}, "status": {"phase": "Running"}}
    made = await door.local.create(door.kind(WF), body, "default")
    await door.local.transact([], [row(made, name, "Running") for name in nodes])
    return made


def row(workflow: Obj, name: str, phase: str) -> Row:
    body = {"id": name, "name": name, "displayName": name, "type": "Pod", "phase": phase}
    return Row("node", workflow["metadata"]["uid"], name, msgspec.json.encode(body))


async def phases(door: Door) -> dict[str, str]:
    seen = await door.local.get(door.kind(WF), "wf", "default")
    return {key: node["phase"] for key, node in seen["status"].get("nodes", {}).items()}


async def test_readers_see_the_nodes_and_the_store_keeps_rows(door: Door) -> None:
    await started(door, "wf-1", "wf-2")
    assert await phases(door) == {"wf-1": "Running", "wf-2": "Running"}
    page = await door.local.list(door.kind(WF), "default")
    assert set(page.items[0]["status"]["nodes"]) == {"wf-1", "wf-2"}
    bare = await door.local.list(door.kind(WF), "default", Selection(projected=False))
    assert "nodes" not in bare.items[0]["status"]
    stored = door.local.peek(door.kind(WF), "wf", "default")
    assert stored is not None
    assert "nodes" not in stored["status"]


async def test_who_passes_a_picture_on_gets_the_same_as_bytes(door: Door) -> None:
    kind = door.kind(WF)
    workflow = await started(door)
    assert await door.local.passing(kind, "wf", "default") == await door.local.get(kind, "wf", "default")
    await door.local.transact([], [row(workflow, f"wf-{number}", "Running") for number in range(50)])
    whole = await door.local.get(kind, "wf", "default")
    passed = await door.local.passing(kind, "wf", "default")
    assert isinstance(passed["status"]["nodes"], msgspec.Raw)
    assert msgspec.json.decode(msgspec.json.encode(passed)) == whole
    page = await door.local.list(kind, "default", Selection(passing=True))
    assert msgspec.json.decode(msgspec.json.encode(page.items)) == [whole]
    assert (await refused(door.local.passing(kind, "none", "default"))).code == 404
    maps = door.kind("configmaps")
    await door.config("one")
    assert (await door.local.passing(maps, "one", "default"))["data"] == {"a": "1"}


async def test_an_edit_of_the_picture_edits_rows(door: Door) -> None:
    workflow = await started(door, "wf-1", "wf-2", "wf-3")
    seen = await door.local.get(door.kind(WF), "wf", "default")
    nodes = {key: dict(node) for key, node in seen["status"]["nodes"].items() if key != "wf-3"}
    nodes["wf-1"]["phase"] = "Succeeded"
    wanted = {**seen, "status": {**seen["status"], "nodes": nodes, "message": "set by hand"}}
    done = await door.local.update(door.kind(WF), wanted, "default")
    assert done["status"]["message"] == "set by hand"
    assert await phases(door) == {"wf-1": "Succeeded", "wf-2": "Running"}
    assert len(door.store.rows("node", workflow["metadata"]["uid"])) == 2


async def test_an_edit_on_an_older_picture_of_a_row_is_a_conflict(door: Door) -> None:
    workflow = await started(door, "wf-1", "wf-2")
    seen = await door.local.get(door.kind(WF), "wf", "default")
    await door.local.transact([], [row(workflow, "wf-1", "Failed")])
    nodes = {key: dict(node) for key, node in seen["status"]["nodes"].items()}
    nodes["wf-1"]["phase"] = "Succeeded"
    wanted = {**seen, "status": {**seen["status"], "nodes": nodes}}
    error = await refused(door.local.update(door.kind(WF), wanted, "default"))
    assert error.code == 409
    assert await phases(door) == {"wf-1": "Failed", "wf-2": "Running"}


async def test_a_patch_of_one_node_touches_only_its_row(door: Door) -> None:
    await started(door, "wf-1", "wf-2")
    patch = {"status": {"nodes": {"wf-1": {"phase": "Succeeded"}}}}
    await door.local.patch(door.kind(WF), "wf", "default", patch, "merge")
    assert await phases(door) == {"wf-1": "Succeeded", "wf-2": "Running"}


async def test_the_rows_go_with_their_workflow(door: Door) -> None:
    workflow = await started(door, "wf-1")
    await door.local.delete(door.kind(WF), "wf", "default")
    assert door.store.rows("node", workflow["metadata"]["uid"]) == []


async def take(events: AsyncIterator[WatchEvent], count: int) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    async with asyncio.timeout(5):
        while len(found) < count:
            event = await anext(events)
            found.append((event.type, event.obj["metadata"]["name"], event.obj["status"]["phase"]))
    return found


async def test_single_nodes_are_listed_and_watched(door: Door) -> None:
    workflow = await started(door, "wf-1")
    asked = Selection(labels="workflows.argoproj.io/workflow=wf")
    page = await door.local.list(WORKFLOW_NODES, "default", asked)
    (node,) = page.items
    assert node["metadata"]["ownerReferences"][0]["uid"] == workflow["metadata"]["uid"]
    assert (await door.local.get(WORKFLOW_NODES, "wf-1", "default"))["status"]["phase"] == "Running"
    watching = Selection(labels=asked.labels, resource_version=page.resource_version)
    events = door.local.watch(WORKFLOW_NODES, "default", watching)
    waiting = asyncio.create_task(take(events, 2))
    await asyncio.sleep(0)
    await door.local.transact([], [row(workflow, "wf-1", "Succeeded"), row(workflow, "wf-2", "Running")])
    assert await waiting == [("MODIFIED", "wf-1", "Succeeded"), ("ADDED", "wf-2", "Running")]
    await door.local.transact([], [Row("node", workflow["metadata"]["uid"], "wf-2", None)])
    assert await take(events, 1) == [("DELETED", "wf-2", "Running")]
    late = await anext(door.local.watch(WORKFLOW_NODES, "default", watching))
    assert (late.type, late.obj["code"]) == ("ERROR", 410)
    error = await refused(door.local.delete(WORKFLOW_NODES, "wf-1", "default"))
    assert error.code == 405


async def test_a_big_picture_follows_what_changes_and_what_goes(door: Door) -> None:
    kind = door.kind(WF)
    workflow = await started(door, *(f"wf-{number}" for number in range(300)))

    async def same() -> Obj:
        passed = await door.local.passing(kind, "wf", "default")
        assert isinstance(passed["status"]["nodes"], msgspec.Raw)
        whole = await door.local.get(kind, "wf", "default")
        assert msgspec.json.decode(msgspec.json.encode(passed)) == whole
        return whole

    await same()
    await door.local.transact([], [row(workflow, "wf-7", "Failed"), row(workflow, "wf-new", "Running")])
    assert (await same())["status"]["nodes"]["wf-7"]["phase"] == "Failed"
    gone = Row("node", workflow["metadata"]["uid"], "wf-7", None)
    await door.local.transact([], [gone, row(workflow, "wf-8", "Failed")])
    assert len((await same())["status"]["nodes"]) == 300
    await door.local.delete(kind, "wf", "default")
    await started(door, *(f"other-{number}" for number in range(250)))
    assert len((await same())["status"]["nodes"]) == 250


async def test_a_watch_of_a_big_run_ends_with_its_last_picture(door: Door) -> None:
    kind = door.kind(WF)
    workflow = await started(door, *(f"wf-{number}" for number in range(300)))
    events = door.local.watch(kind, "default")
    first = await anext(events)
    assert len(msgspec.json.decode(first.obj["status"]["nodes"])) == 300
    rows = [row(workflow, f"wf-{number}", "Succeeded") for number in range(300)]
    status = {"phase": "Succeeded", "finishedAt": "2026-01-01T00:00:00Z"}
    await door.local.transact([], rows)
    await door.local.patch(kind, "wf", "default", {"status": status}, "merge")
    async with asyncio.timeout(5):
        last = await anext(events)
    nodes = msgspec.json.decode(last.obj["status"]["nodes"])
    assert {node["phase"] for node in nodes.values()} == {"Succeeded"}


async def test_an_older_change_is_never_taken_for_the_last_one(door: Door) -> None:
    """A watcher that is behind draws an older document with newer nodes: it has the older one's revision."""
    kind, count = door.kind(WF), 100
    made = [
        await door.local.create(kind, {"metadata": {"name": f"w-{number}"}, "spec": {}}, "default")
        for number in range(count)
    ]
    events = door.local.watch(kind, "default")
    for _ in made:
        await anext(events)
    for phase in ("Running", "Succeeded"):
        for place, workflow in enumerate(made):
            changed = {**workflow, "status": {"phase": phase}}
            change = Change(verb="system", resource=kind, obj=changed)
            (made[place],) = await door.local.transact([change], [row(workflow, "node", phase)])
    seen: dict[str, list[tuple[str, int]]] = {}
    async with asyncio.timeout(10):
        while len([one for one in seen.values() if one[-1][0] == "Succeeded"]) < count:
            obj = (await anext(events)).obj
            revision = int(obj["metadata"]["resourceVersion"])
            seen.setdefault(obj["metadata"]["name"], []).append((obj["status"]["phase"], revision))
    for phases in seen.values():
        assert len({revision for _, revision in phases}) == len(phases)
    assert any(len(phases) == 2 for phases in seen.values()), "some were drawn while they were behind"


async def test_of_a_picture_only_what_is_at_work_may_be_asked_for(door: Door) -> None:
    """Home shows what runs, however many thousands have ended."""
    kind = door.kind(WF)
    workflow = await started(door, "wf-a", "wf-b")
    asked = Selection(passing=True, unfinished=True)

    async def at_work() -> set[str]:
        page = await door.local.list(kind, "default", asked)
        nodes = msgspec.json.decode(page.items[0]["status"]["nodes"])
        whole = (await door.local.get(kind, "wf", "default"))["status"]["nodes"]
        assert all(nodes[key] == whole[key] for key in nodes)
        return set(nodes)

    assert await at_work() == {"wf-a", "wf-b"}
    await door.local.transact([], [ended(workflow, "wf-a")])
    assert await at_work() == {"wf-b"}
    await door.local.transact([], [ended(workflow, f"wf-{number}") for number in range(300)])
    assert await at_work() == {"wf-b"}
    events = door.local.watch(kind, "default", asked)
    assert set(msgspec.json.decode((await anext(events)).obj["status"]["nodes"])) == {"wf-b"}


def ended(workflow: Obj, name: str) -> Row:
    body = {"id": name, "type": "Pod", "phase": "Succeeded", "finishedAt": "2026-01-01T00:00:00Z"}
    return Row("node", workflow["metadata"]["uid"], name, msgspec.json.encode(body))


async def test_a_patch_of_a_big_run_looks_at_the_nodes_that_it_names(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures of thousands of nodes, drawn for one, would hold the loop."""
    kind = door.kind(WF)
    workflow = await started(door, *(f"wf-{number}" for number in range(300)))
    drawn = []
    picture = picturing.picture

    def counted(rows: Iterable[tuple[str, bytes]]) -> Obj:
        drawn.append(1)
        return picture(rows)

    monkeypatch.setattr(picturing, "picture", counted)
    new = {"id": "wf-new", "name": "n", "displayName": "n", "type": "Pod", "phase": "Running"}
    nodes = {"wf-1": {"phase": "Succeeded", "children": ["x"]}, "wf-2": None, "wf-new": new}
    patch = {"metadata": {"labels": {"a": "b"}}, "status": {"nodes": nodes}}
    answer = await door.local.patch(kind, "wf", "default", patch, "merge", Options(passing=True))
    assert drawn == []
    whole = await door.local.get(kind, "wf", "default")
    assert msgspec.json.decode(msgspec.json.encode(answer)) == whole
    assert whole["metadata"]["labels"] == {"a": "b"}
    found = whole["status"]["nodes"]
    assert (found["wf-1"]["phase"], found["wf-1"]["type"]) == ("Succeeded", "Pod")
    assert "children" not in found["wf-1"]
    assert "wf-2" not in found
    assert found["wf-new"] == new
    assert len(found) == 300
    error = await refused(door.local.patch(
        kind, "wf", "default", {"status": {"nodes": {"wf-3": {"phase": 7}}}}, "merge"
    ))
    assert error.code == 422
    older = {"metadata": {"resourceVersion": workflow["metadata"]["resourceVersion"]}}
    late = {**older, "status": {"nodes": {"wf-1": {"phase": "Failed"}}}}
    assert (await refused(door.local.patch(kind, "wf", "default", late, "merge"))).code == 409
