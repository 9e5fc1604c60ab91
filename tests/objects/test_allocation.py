"""No two Services have one address or one port of the node, however they come by them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pinnace.kinds.resource import Obj
from pinnace.objects.admission import core
from pinnace.objects.errors import StatusError
from tests.objects.conftest import Door

pytestmark = pytest.mark.anyio


def service(name: str, **spec: Any) -> Obj:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}


async def made(door: Door, name: str, **spec: Any) -> Obj:
    return await door.local.create(door.kind("services"), service(name, **spec), "default")


async def refused(door: Door, name: str, **spec: Any) -> str:
    with pytest.raises(StatusError) as caught:
        await made(door, name, **spec)
    assert (caught.value.code, caught.value.reason) == (422, "Invalid")
    return caught.value.message


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Service is proposed the same numbers."""
    monkeypatch.setattr(core, "address", lambda uid: "10.100.0.7")
    monkeypatch.setattr(core, "node_port", lambda uid, port: 32767)


async def test_the_next_free_address_is_given(door: Door, crowded: None) -> None:
    found = [(await made(door, name))["spec"] for name in ("a", "b", "c")]
    assert [spec["clusterIP"] for spec in found] == ["10.100.0.7", "10.100.0.8", "10.100.0.9"]
    assert all(spec["clusterIPs"] == [spec["clusterIP"]] for spec in found)
    await door.local.delete(door.kind("services"), "b", "default")
    assert (await made(door, "d"))["spec"]["clusterIP"] == "10.100.0.8"


async def test_at_one_time_too_and_after_a_restart(door: Door, crowded: None) -> None:
    found = await asyncio.gather(*(made(door, f"s{n}", type="NodePort") for n in range(8)))
    assert len({one["spec"]["clusterIP"] for one in found}) == 8
    ports = {one["spec"]["ports"][0]["nodePort"] for one in found}
    assert ports == {32767, *range(30000, 30007)}, "round the range"
    await door.restart()
    assert (await made(door, "later"))["spec"]["clusterIP"] == "10.100.0.15"


async def test_what_is_asked_for_is_refused_where_somebody_has_it(door: Door) -> None:
    await made(door, "first", clusterIP="10.97.1.1", type="NodePort", ports=[{"port": 80, "nodePort": 30080}])
    words = 'Service "x" is invalid: spec.clusterIPs: Invalid value: ["10.97.1.1"]: failed to allocate IP'
    assert await refused(door, "x", clusterIP="10.97.1.1") == (
        f"{words} 10.97.1.1: provided IP is already allocated"
    )
    said = await refused(door, "x", type="NodePort", ports=[{"port": 80, "nodePort": 30080}])
    assert "spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated" in said
    assert "not in the valid range" in await refused(door, "x", clusterIP="192.168.0.1")
    said = await refused(door, "x", type="NodePort", ports=[{"port": 80, "nodePort": 80}])
    assert "The range of valid ports is 30000-32767" in said


async def test_a_service_keeps_what_it_has(door: Door) -> None:
    first = await made(door, "first", type="NodePort")
    changed = {**first, "metadata": {"name": "first", "labels": {"a": "b"}}}
    again = await door.local.update(door.kind("services"), changed, "default")
    assert again["spec"] == first["spec"]


async def test_one_number_may_stand_for_two_protocols(door: Door) -> None:
    ports = [{"name": "t", "port": 53, "protocol": "TCP"}, {"name": "u", "port": 53, "protocol": "UDP"}]
    spec = (await made(door, "dns", type="NodePort", ports=ports))["spec"]
    assert spec["ports"][0]["nodePort"] == spec["ports"][1]["nodePort"]
