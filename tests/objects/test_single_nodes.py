"""Single nodes are listed and watched as the rows that they are: equal content, a few at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from pinnace.kinds.catalogue import WORKFLOW_NODES
from pinnace.kinds.nodes import halves
from pinnace.kinds.resource import Obj
from pinnace.objects import single_nodes
from pinnace.objects.client import Selection
from pinnace.store.interface import Row
from tests.objects.conftest import Door
from tests.objects.test_writing import refused

pytestmark = pytest.mark.anyio
WF = "workflows.argoproj.io"
OF = "workflows.argoproj.io/workflow=wf"


async def started(door: Door, name: str, count: int) -> Obj:
    body = {"metadata": {"name": name}, "spec": {"entrypoint": "main"}, "status": {"phase": "Running"}}
    made = await door.local.create(door.kind(WF), body, "default")
    await door.local.transact([], [row(made, f"{name}-{number:04}", "Running") for number in range(count)])
    return made


def row(workflow: Obj, key: str, phase: str) -> Row:
    body = {"id": key, "type": "Pod", "phase": phase, "inputs": {"parameters": [{"name": ',"pinnace":{'}]}}
    private = {"parents": ["above"], "order": 7}
    return Row("node", workflow["metadata"]["uid"], key, msgspec.json.encode({**body, "pinnace": private}))


def plain(document: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(document))


def test_a_row_is_a_status_and_links() -> None:
    assert halves(b'{"id":"a","pinnace":{"order":1}}') == (b'{"id":"a"}', b'{"order":1}')
    bare = b'{"id":"a","inputs":{"x":{"y":0,"pinnace":{}}}}'
    assert halves(bare) == (bare, b"{}")


async def test_what_is_passed_on_is_the_same_as_bytes(door: Door) -> None:
    await started(door, "wf", 50)
    whole = await door.local.list(WORKFLOW_NODES, "default", Selection(labels=OF))
    passed = await door.local.list(WORKFLOW_NODES, "default", Selection(labels=OF, passing=True))
    assert isinstance(passed.items[0]["status"], msgspec.Raw)
    assert plain(passed.items) == whole.items
    assert (whole.items[7]["links"], whole.items[7]["status"]["id"]) == (
        {"parents": ["above"], "order": 7}, "wf-0007",
    )
    tabled = await door.local.list(WORKFLOW_NODES, "default", Selection(passing=True, tabled=True))
    assert tabled.items == whole.items
    assert await door.local.get(WORKFLOW_NODES, "wf-0007", "default") == whole.items[7]
    assert (await refused(door.local.get(WORKFLOW_NODES, "wf-9999", "default"))).code == 404
    named = Selection(fields="metadata.name=wf-0003")
    assert (await door.local.list(WORKFLOW_NODES, "default", named)).items == [whole.items[3]]


async def test_a_list_goes_on_where_its_page_ended(door: Door) -> None:
    await started(door, "wf", 25)
    await started(door, "other", 25)
    whole = await door.local.list(WORKFLOW_NODES, "default")
    found: list[Obj] = []
    token, lefts = "", []
    while True:
        page = await door.local.list(WORKFLOW_NODES, "default", Selection(limit=20, continue_=token))
        found += page.items
        lefts.append(page.remaining)
        token = page.continue_
        if not token:
            break
    assert found == whole.items
    assert lefts == [30, 10, 0]


async def test_rows_are_read_once_and_shown_a_few_at_a_time(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever holds the loop for thousands of nodes makes everybody else wait."""
    await started(door, "wf", 3000)
    longest = turns = made = 0
    node = single_nodes._Run.node

    def counted(*arguments: Any) -> Obj:
        nonlocal made, longest
        made += 1
        longest = max(longest, made)
        return node(*arguments)

    async def others() -> None:
        nonlocal made, turns
        while True:
            made = 0
            turns += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(single_nodes._Run, "node", counted)
    beside = asyncio.create_task(others())
    page = await door.local.list(WORKFLOW_NODES, "default", Selection(labels=OF, passing=True))
    listed = longest
    events = door.local.watch(WORKFLOW_NODES, "default", Selection(labels=OF, passing=True))
    for _ in page.items:
        await anext(events)
    beside.cancel()
    assert len(page.items) == 3000
    assert listed <= single_nodes.SLICE
    assert longest <= single_nodes.SLICE


async def test_a_watch_of_all_hears_of_runs_that_come(door: Door) -> None:
    first = await started(door, "wf", 1)
    page = await door.local.list(WORKFLOW_NODES, "default")
    since = page.resource_version
    events = door.local.watch(WORKFLOW_NODES, "default", Selection(resource_version=since))
    only = door.local.watch(WORKFLOW_NODES, "default", Selection(labels=OF, resource_version=since))
    waiting, alone = asyncio.ensure_future(anext(events)), asyncio.ensure_future(anext(only))
    await asyncio.sleep(0)
    await started(door, "later", 1)
    async with asyncio.timeout(10):
        assert (await waiting).obj["metadata"]["name"] == "later-0000"
        assert not alone.done()
        await door.local.transact([], [row(first, "wf-0000", "Succeeded")])
        assert (await alone).obj["status"]["phase"] == "Succeeded"
        assert (await anext(events)).type == "MODIFIED"
        await door.local.delete(door.kind(WF), "wf", "default")
        gone = await anext(events)
    assert (gone.type, gone.obj["status"]["phase"]) == ("DELETED", "Succeeded")


async def test_a_node_that_went_and_came_back_is_not_told_as_gone(door: Door) -> None:
    workflow = await started(door, "wf", 2)
    events = door.local.watch(WORKFLOW_NODES, "default", Selection(labels=OF))
    for _ in range(2):
        await anext(events)
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    uid = workflow["metadata"]["uid"]
    await asyncio.gather(
        door.local.transact([], [Row("node", uid, "wf-0000", None)]),
        door.local.transact([], [row(workflow, "wf-0000", "Running")]),
    )
    await door.local.transact([], [Row("node", uid, "wf-0001", None)])
    seen = []
    async with asyncio.timeout(10):
        event = await waiting
        while (event.type, event.obj["metadata"]["name"]) != ("DELETED", "wf-0001"):
            seen.append((event.type, event.obj["metadata"]["name"]))
            event = await anext(events)
    assert seen in ([("MODIFIED", "wf-0000")], [("DELETED", "wf-0000"), ("ADDED", "wf-0000")])
