"""Namespaces, garbage, claims, the Node object, Events that expire: on a real store."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.built_in import (
    CLAIM,
    CONFIG_MAP,
    EVENT,
    NAMESPACE,
    NODE,
    POD,
    SECRET,
    SERVICE_ACCOUNT,
)
from pinnace.controllers.core.claims import Claims
from pinnace.controllers.core.expiry import Expiry
from pinnace.controllers.core.garbage import Garbage
from pinnace.controllers.core.machine import Facts, Machine
from pinnace.controllers.core.namespaces import Namespaces, bootstrap
from pinnace.objects.client import DeleteOptions

from .house import House, house
from .nodes import FakeNode

pytestmark = pytest.mark.anyio


def core(made: House) -> list[Any]:
    catalogue = made.client.house.catalogue
    namespaces = Namespaces(made.client, catalogue.resources)
    return [namespaces, Garbage(made.client, catalogue), Claims(made.client)]


def owned_by(owner: dict[str, Any], name: str, *, blocks: bool = False) -> dict[str, Any]:
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
                 "uid": owner["metadata"]["uid"], "blockOwnerDeletion": blocks}
    return {"metadata": {"name": name, "ownerReferences": [reference]}}


async def test_the_first_namespaces_and_what_each_is_born_with(tmp_path: Path) -> None:
    async with house(tmp_path, None, core) as platform:
        await bootstrap(platform.client)
        await bootstrap(platform.client)
        for name in ("default", "kube-system", "kube-public"):
            await platform.until(SERVICE_ACCOUNT, "default", bool, namespace=name)


async def test_a_deleted_namespace_is_emptied_and_then_gone(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node, core) as platform:
        await platform.namespace("team")
        for number in range(5):
            await platform.create(CONFIG_MAP, {"metadata": {"name": f"c{number}"}}, "team")
        spec = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "alpine"}]}
        await platform.create(POD, {"metadata": {"name": "p"}, "spec": spec}, "team")
        await platform.until(POD, "p", lambda p: p["status"]["phase"] == "Running", namespace="team")
        await platform.client.delete(NAMESPACE, "team")
        await platform.gone(NAMESPACE, "team", "")
        assert platform.store.list("configmaps", "team").items == []
        assert platform.store.list("pods", "team").items == []
    assert len(node.killed) == 1


async def test_dependents_follow_their_owner(tmp_path: Path) -> None:
    async with house(tmp_path, None, core) as platform:
        owner = await platform.create(CONFIG_MAP, {"metadata": {"name": "owner"}})
        child = await platform.create(SECRET, owned_by(owner, "child"))
        await platform.create(CONFIG_MAP, owned_by(child, "grandchild"))
        await platform.client.delete(CONFIG_MAP, "owner", "default")
        await platform.gone(SECRET, "child")
        await platform.gone(CONFIG_MAP, "grandchild")


async def test_an_owner_deleted_in_the_foreground_waits_for_who_blocks(tmp_path: Path) -> None:
    async with house(tmp_path, None, core) as platform:
        owner = await platform.create(CONFIG_MAP, {"metadata": {"name": "owner"}})
        held = owned_by(owner, "held", blocks=True)
        held["metadata"]["finalizers"] = ["example.com/wait"]
        await platform.create(SECRET, held)
        await platform.client.delete(CONFIG_MAP, "owner", "default", DeleteOptions(propagation="Foreground"))
        marked = await platform.until(SECRET, "held", lambda s: "deletionTimestamp" in s["metadata"])
        assert platform.store.get("configmaps", "default", "owner") is not None
        await platform.client.patch(
            SECRET, "held", "default", {"metadata": {"finalizers": None}}, "merge"
        )
        assert marked["metadata"]["deletionTimestamp"]
        await platform.gone(SECRET, "held")
        await platform.gone(CONFIG_MAP, "owner")


async def test_orphans_lose_their_owner_and_stay(tmp_path: Path) -> None:
    async with house(tmp_path, None, core) as platform:
        owner = await platform.create(CONFIG_MAP, {"metadata": {"name": "owner"}})
        await platform.create(SECRET, owned_by(owner, "child"))
        await platform.client.delete(CONFIG_MAP, "owner", "default", DeleteOptions(propagation="Orphan"))
        await platform.gone(CONFIG_MAP, "owner")
        child = await platform.get(SECRET, "child")
    assert "ownerReferences" not in child["metadata"]


async def test_two_owners_keep_a_dependent_until_the_last_goes(tmp_path: Path) -> None:
    async with house(tmp_path, None, core) as platform:
        first = await platform.create(CONFIG_MAP, {"metadata": {"name": "first"}})
        second = await platform.create(CONFIG_MAP, {"metadata": {"name": "second"}})
        child = owned_by(first, "child")
        child["metadata"]["ownerReferences"] += owned_by(second, "x")["metadata"]["ownerReferences"]
        await platform.create(SECRET, child)
        await platform.client.delete(CONFIG_MAP, "first", "default")
        kept = await platform.until(SECRET, "child", lambda s: len(s["metadata"]["ownerReferences"]) == 1)
        assert kept["metadata"]["ownerReferences"][0]["name"] == "second"
        await platform.client.delete(CONFIG_MAP, "second", "default")
        await platform.gone(SECRET, "child")


async def test_an_owner_that_went_while_control_was_down_is_found_by_the_sweep(tmp_path: Path) -> None:
    async with house(tmp_path) as platform:
        owner = await platform.create(CONFIG_MAP, {"metadata": {"name": "owner"}})
        await platform.create(SECRET, owned_by(owner, "child"))
        await platform.client.delete(CONFIG_MAP, "owner", "default")
    async with house(tmp_path, None, core) as platform:
        await platform.gone(SECRET, "child")


async def test_a_claim_is_bound_at_once(tmp_path: Path) -> None:
    async with house(tmp_path, None, core) as platform:
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}
        await platform.create(CLAIM, {"metadata": {"name": "data"}, "spec": spec})
        claim = await platform.until(CLAIM, "data", lambda c: c["status"].get("phase") == "Bound")
    assert claim["status"]["capacity"] == {"storage": "5Gi"}
    assert claim["spec"]["storageClassName"] == "standard"


async def test_the_node_object_tells_what_the_node_has(tmp_path: Path) -> None:
    facts = Facts(True, 4000, 8 << 30, "sandbox")
    async with house(tmp_path, None, lambda made: [Machine(made.client, lambda: facts)]) as platform:
        await bootstrap(platform.client)
        node = await platform.until(
            NODE, "pinnace", lambda n: "capacity" in n.get("status", {}), namespace=""
        )
    assert node["status"]["capacity"] == {"cpu": "4", "memory": f"{8 << 20}Ki", "pods": "110"}
    assert {c["type"]: c["status"] for c in node["status"]["conditions"]}["Ready"] == "True"


async def test_events_are_forgotten_after_an_hour(tmp_path: Path) -> None:
    about = {"kind": "Pod", "name": "p", "namespace": "default"}
    async with house(tmp_path) as platform:
        for name in ("one", "two"):
            event = {"metadata": {"name": name}, "involvedObject": about, "reason": "Started", "message": "m"}
            await platform.create(EVENT, event)
        assert await Expiry(platform.client).sweep() == 0
        assert await Expiry(platform.client, clock=lambda: time.time() + 3700).sweep() == 2
        assert platform.store.list("events").items == []
