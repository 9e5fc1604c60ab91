"""Lists, selectors and watches as informers and kubectl use them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from pinnace.objects import watching
from pinnace.objects.client import Selection, WatchEvent
from pinnace.objects.errors import StatusError
from tests.objects.conftest import QUIET, Door
from tests.objects.test_writing import pod, refused

pytestmark = pytest.mark.anyio


async def take(events: AsyncIterator[WatchEvent], count: int) -> list[tuple[str, str]]:
    found = []
    async with asyncio.timeout(5):
        while len(found) < count:
            event = await anext(events)
            found.append((event.type, event.obj.get("metadata", {}).get("name", "")))
    return found


async def labelled(door: Door, name: str, **labels: str) -> None:
    body = {"metadata": {"name": name, "labels": labels}}
    await door.local.create(door.kind("configmaps"), body, "default", QUIET)


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("app=web", ["a", "b"]),
        ("app=web,tier!=x", ["b"]),
        ("tier in (x, y)", ["a", "b"]),
        ("tier notin (x)", ["b", "c"]),
        ("!tier", ["c"]),
        ("tier", ["a", "b"]),
        ("n > 4", ["b"]),
        ("n<5,app", ["a"]),
        ("app==", ["c"]),
    ],
)
async def test_label_selectors(door: Door, selector: str, names: list[str]) -> None:
    await labelled(door, "a", app="web", tier="x", n="4")
    await labelled(door, "b", app="web", tier="y", n="5")
    await labelled(door, "c", app="")
    page = await door.local.list(door.kind("configmaps"), "default", Selection(labels=selector))
    assert [obj["metadata"]["name"] for obj in page.items] == names


@pytest.mark.parametrize(
    "selector", ["a b", "a in x", "in (", "a in (x", "=", ",", "a,", "!", "a=b c", "a>x", "-=-"]
)
async def test_what_is_no_selector_is_a_400(door: Door, selector: str) -> None:
    error = await refused(door.local.list(door.kind("configmaps"), "default", Selection(labels=selector)))
    assert error.code == 400


async def test_field_selectors(door: Door) -> None:
    pods = door.kind("pods")
    for name in ("a", "b"):
        await door.local.create(pods, pod(name), "default", QUIET)
    page = await door.local.list(pods, "default", Selection(fields="metadata.name=a,status.phase!=Running"))
    assert [obj["metadata"]["name"] for obj in page.items] == ["a"]
    error = await refused(door.local.list(pods, "default", Selection(fields="spec.bogus=1")))
    assert (error.code, error.message) == (400, "field label not supported: spec.bogus")


async def test_pages_follow_each_other(door: Door) -> None:
    maps = door.kind("configmaps")
    for name in "abcde":
        await labelled(door, name)
    seen: list[str] = []
    token = ""
    while True:
        page = await door.local.list(maps, "default", Selection(limit=2, continue_=token))
        seen += [obj["metadata"]["name"] for obj in page.items]
        token = page.continue_
        if not token:
            break
    assert seen == list("abcde")
    error = await refused(door.local.list(maps, "default", Selection(continue_="!!")))
    assert error.code == 400


async def test_a_watch_begins_with_the_present(door: Door) -> None:
    maps = door.kind("configmaps")
    await labelled(door, "a")
    events = door.local.watch(maps, "default")
    assert await take(events, 1) == [("ADDED", "a")]
    await labelled(door, "b")
    await door.local.delete(maps, "a", "default")
    assert await take(events, 2) == [("ADDED", "b"), ("DELETED", "a")]


async def test_a_watch_goes_on_where_a_list_ended(door: Door) -> None:
    maps = door.kind("configmaps")
    await labelled(door, "a")
    page = await door.local.list(maps, "default")
    await labelled(door, "b")
    await door.namespace("other")
    await door.local.create(maps, {"metadata": {"name": "c"}}, "other")
    events = door.local.watch(maps, "default", Selection(resource_version=page.resource_version))
    assert await take(events, 1) == [("ADDED", "b")]
    await door.local.delete(maps, "b", "default")
    assert await take(events, 1) == [("DELETED", "b")]


async def test_an_object_enters_and_leaves_a_selector(door: Door) -> None:
    maps = door.kind("configmaps")
    await labelled(door, "a", app="web")
    events = door.local.watch(maps, "default", Selection(labels="app=web"))
    assert await take(events, 1) == [("ADDED", "a")]
    for value in ("db", "db2", "web"):
        await door.local.patch(maps, "a", "default", {"metadata": {"labels": {"app": value}}}, "merge")
    assert await take(events, 2) == [("DELETED", "a"), ("ADDED", "a")]


async def test_an_object_enters_and_leaves_a_field_selector(door: Door) -> None:
    pods = door.kind("pods")
    made = await door.local.create(pods, pod("a"), "default", QUIET)
    events = door.local.watch(pods, "default", Selection(fields="status.phase=Pending"))
    assert await take(events, 1) == [("ADDED", "a")]
    from pinnace.objects.client import Change

    (made,) = await door.local.transact(
        [Change(verb="status", resource=pods, obj={**made, "status": {"phase": "Running"}})]
    )
    assert await take(events, 1) == [("DELETED", "a")]


async def test_a_revision_that_the_log_has_forgotten_is_gone(door: Door) -> None:
    error = await refused(_first(door, "99999"))
    assert error.code == 504
    error = await refused(_first(door, "abc"))
    assert error.code == 400


async def _first(door: Door, revision: str) -> WatchEvent:
    events = door.local.watch(door.kind("configmaps"), "default", Selection(resource_version=revision))
    return await anext(events)


async def test_initial_events_end_with_a_bookmark(door: Door) -> None:
    await labelled(door, "a")
    events = door.local.watch(door.kind("configmaps"), "default", bookmarks=True, initial_end=True)
    assert await take(events, 1) == [("ADDED", "a")]
    mark = await anext(events)
    assert mark.type == "BOOKMARK"
    assert mark.obj["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_a_slow_watcher_is_closed_and_holds_nobody_up(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "QUEUE", 3)
    maps = door.kind("configmaps")
    slow = door.local.watch(maps, "default")
    await labelled(door, "a")
    assert await take(slow, 1) == [("ADDED", "a")]
    for name in "bcdef":
        await labelled(door, name)
    with pytest.raises(StopAsyncIteration):
        while True:
            await take(slow, 1)


async def test_a_status_error_is_what_a_stranger_gets(door: Door) -> None:
    with pytest.raises(StatusError):
        door.local.watch(door.kind("configmaps"), "default", Selection(fields="nope=1"))
