"""Events are one storage that two groups show, each in its own shape."""

from __future__ import annotations

from typing import Any

import pytest

from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.resource import Resource
from pinnace.objects.client import Options, Selection
from pinnace.objects.errors import StatusError
from tests.objects.conftest import Door

pytestmark = pytest.mark.anyio
CATALOGUE = Catalogue.builtin()
MOMENT = "2026-01-02T03:04:05Z"
OLD: dict[str, Any] = {
    "apiVersion": "v1", "kind": "Event", "metadata": {"name": "one", "namespace": "default"},
    "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"}, "reason": "Seen", "message": "m",
    "type": "Normal", "source": {"component": "c"}, "firstTimestamp": MOMENT, "lastTimestamp": MOMENT,
    "count": 2,
}
NEW: dict[str, Any] = {
    "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "two", "namespace": "default"},
    "regarding": {"kind": "Pod", "name": "q", "namespace": "default"}, "reason": "Told", "note": "n",
    "type": "Normal", "action": "Tell", "eventTime": "2026-01-02T03:04:05.000000Z",
    "reportingController": "c.example", "reportingInstance": "c-1",
}


def kind(group: str) -> Resource:
    found = CATALOGUE.resolve(group, "v1", "events")
    assert found is not None
    return found


async def test_each_group_shows_what_the_other_wrote(door: Door) -> None:
    core, later, client = kind(""), kind("events.k8s.io"), door.local
    await client.create(core, OLD, "default")
    made = await client.create(later, NEW, "default")
    assert (made["apiVersion"], made["note"]) == ("events.k8s.io/v1", "n")
    seen = await client.get(later, "one", "default")
    assert seen["regarding"]["name"] == "p"
    assert (seen["note"], seen["deprecatedCount"]) == ("m", 2)
    assert seen["deprecatedSource"] == {"component": "c"}
    assert "message" not in seen
    back = await client.get(core, "two", "default")
    assert (back["apiVersion"], back["message"], back["action"]) == ("v1", "n", "Tell")
    assert back["involvedObject"]["name"] == "q"
    assert back["reportingComponent"] == "c.example"
    for resource, field in ((core, "involvedObject.name=q"), (later, "regarding.name=q")):
        page = await client.list(resource, "default", Selection(fields=field))
        assert [one["metadata"]["name"] for one in page.items] == ["two"]
    patched = await client.patch(later, "two", "default", {"note": "again"}, "merge")
    assert patched["note"] == "again"
    assert (await client.get(core, "two", "default"))["message"] == "again"
    assert {one["apiVersion"] for one in door.store.list("events", "default").items} == {"v1"}
    await client.delete(later, "one", "default")
    with pytest.raises(StatusError):
        await client.get(core, "one", "default")


async def test_a_watch_of_either_group_sees_both(door: Door) -> None:
    watch = door.local.watch(kind("events.k8s.io"), "default")
    await door.local.create(kind(""), OLD, "default")
    event = await anext(watch)
    assert (event.type, event.obj["apiVersion"], event.obj["note"]) == ("ADDED", "events.k8s.io/v1", "m")


async def test_the_fields_of_one_group_are_not_those_of_the_other(door: Door) -> None:
    wrong = {**NEW, "involvedObject": NEW["regarding"], "metadata": {"name": "x", "namespace": "default"}}
    with pytest.raises(StatusError, match="involvedObject"):
        await door.local.create(kind("events.k8s.io"), wrong, "default", Options(field_validation="Strict"))
