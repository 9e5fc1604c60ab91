# ruff: noqa: E501
"""Quotas and limits at the door: what fits, what does not and in whose words, and that nobody slips through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pinnace.controllers.built_in import CLAIM, CONFIG_MAP, NAMESPACE, POD, RESOURCE_QUOTA, SERVICE
from pinnace.controllers.controller import Key
from pinnace.controllers.core.quotas import Quotas
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, Options
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio


@pytest.fixture
async def door() -> AsyncIterator[Local]:
    store = SqliteStore.open(":memory:")
    client = Local.open(store, Catalogue.builtin())
    await client.create(NAMESPACE, {"metadata": {"name": "a"}})
    yield client
    client.close()
    await store.close()


def pod(name: str = "", *, requests: Any = None, limits: Any = None, **spec: Any) -> Obj:
    resources = {key: value for key, value in (("requests", requests), ("limits", limits)) if value}
    named = {"name": name} if name else {"generateName": "p-"}
    container = {"name": "c", "image": "i", "resources": resources}
    return {"metadata": {**named, "namespace": "a"}, "spec": {"containers": [container], **spec}}


async def quota(door: Local, hard: dict[str, str], **spec: Any) -> None:
    await door.create(RESOURCE_QUOTA, {"metadata": {"name": "q"}, "spec": {"hard": hard, **spec}}, "a")


async def refused(work: Any) -> str:
    with pytest.raises(StatusError) as caught:
        await work
    assert caught.value.code == 403
    return caught.value.message


async def used(door: Local) -> dict[str, str]:
    await Quotas(door).reconcile(Key("a", "q"))
    found = await door.get(RESOURCE_QUOTA, "q", "a")
    return dict(found["status"]["used"])


async def test_counts_hold_and_are_shown(door: Local) -> None:
    await door.create(CONFIG_MAP, {"metadata": {"name": "one"}}, "a")
    await quota(door, {"configmaps": "2", "count/services": "1"})
    await door.create(CONFIG_MAP, {"metadata": {"name": "two"}}, "a")
    assert await refused(door.create(CONFIG_MAP, {"metadata": {"name": "three"}}, "a")) == (
        'configmaps "three" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=2, '
        "limited: configmaps=2"
    )
    assert await used(door) == {"configmaps": "2", "count/services": "0"}
    await door.delete(CONFIG_MAP, "one", "a")
    await door.create(CONFIG_MAP, {"metadata": {"name": "three"}}, "a")
    service = {"spec": {"ports": [{"port": 80}]}}
    await door.create(SERVICE, {"metadata": {"name": "s"}, **service}, "a")
    assert "count/services=1" in await refused(door.create(SERVICE, {"metadata": {"name": "t"}, **service}, "a"))


async def test_of_many_at_once_only_so_many_fit(door: Local) -> None:
    await quota(door, {"pods": "3"})
    ways = [door.create(POD, pod(), "a") for _ in range(5)]
    ways += [door.transact([Change(verb="create", resource=POD, obj=pod(), trusted=True)]) for _ in range(5)]
    done = await asyncio.gather(*ways, return_exceptions=True)
    assert sum(not isinstance(one, BaseException) for one in done) == 3
    assert (await used(door))["pods"] == "3"
    both = [Change(verb="create", resource=POD, obj=pod(), trusted=True) for _ in range(2)]
    await door.delete(POD, (await door.list(POD, "a")).items[0]["metadata"]["name"], "a")
    for one in (await door.list(POD, "a")).items[:1]:
        assert one
    assert "exceeded quota" in await refused(door.transact(both))


async def test_compute_is_added_up_and_must_be_said(door: Local) -> None:
    await quota(door, {"requests.cpu": "1", "limits.memory": "1Gi"})
    assert await refused(door.create(POD, pod("x", limits={"memory": "1Mi"}), "a")) == (
        'pods "x" is forbidden: failed quota: q: must specify requests.cpu for: c'
    )
    await door.create(POD, pod("x", requests={"cpu": "600m"}, limits={"memory": "512Mi"}), "a")
    more = pod("y", requests={"cpu": "500m"}, limits={"memory": "1Mi"})
    assert "requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1" in (
        await refused(door.create(POD, more, "a"))
    )
    assert await used(door) == {"requests.cpu": "600m", "limits.memory": "512Mi"}
    ended = await door.get(POD, "x", "a")
    ended["status"] = {"phase": "Succeeded"}
    await door.update(POD, ended, "a", Options(subresource="status"))
    assert await used(door) == {"requests.cpu": "0", "limits.memory": "0"}
    await door.create(POD, more, "a")


@pytest.mark.parametrize(
    ("scope", "inside", "outside"),
    [
        ("Terminating", pod(activeDeadlineSeconds=5), pod()),
        ("NotTerminating", pod(), pod(activeDeadlineSeconds=5)),
        ("BestEffort", pod(), pod(requests={"cpu": "1"})),
        ("NotBestEffort", pod(requests={"cpu": "1"}), pod()),
    ],
)
async def test_scopes_choose_pods(door: Local, scope: str, inside: Obj, outside: Obj) -> None:
    await quota(door, {"pods": "1"}, scopes=[scope])
    for one in (inside, outside, outside):
        await door.create(POD, one, "a")
    assert "exceeded quota" in await refused(door.create(POD, inside, "a"))


async def test_books_are_right_after_a_restart(door: Local) -> None:
    await quota(door, {"pods": "2", "requests.storage": "1Gi"})
    await door.create(POD, pod(), "a")
    again = Local.open(door.house.store, Catalogue.builtin())
    assert (await used(again))["pods"] == "1"
    await again.create(POD, pod(), "a")
    assert "exceeded quota" in await refused(again.create(POD, pod(), "a"))
    claim = {"metadata": {"name": "d"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}}
    assert "requested: requests.storage=2Gi, used: requests.storage=0" in await refused(again.create(CLAIM, claim, "a"))
    again.close()


def kind(door: Local, key: str) -> Resource:
    found = door.house.catalogue.key(key)
    assert found is not None
    return found


async def limits(door: Local, **limit: Any) -> None:
    made = {"metadata": {"name": "l"}, "spec": {"limits": [{"type": "Container", **limit}]}}
    await door.create(kind(door, "limitranges"), made, "a")


async def test_limits_give_defaults(door: Local) -> None:
    await limits(door, default={"cpu": "500m"}, defaultRequest={"cpu": "250m"})
    made = await door.create(POD, pod("x"), "a")
    wanted = {"limits": {"cpu": "500m"}, "requests": {"cpu": "250m"}}
    assert made["spec"]["containers"][0]["resources"] == wanted
    shared = pod("y")
    (fast,) = await door.transact([Change(verb="create", resource=POD, obj=shared, trusted=True)])
    assert fast["spec"]["containers"][0]["resources"] == wanted
    assert shared["spec"]["containers"][0]["resources"] == {}


async def test_limits_are_bounds(door: Local) -> None:
    await limits(door, min={"cpu": "100m"}, max={"cpu": "1"}, maxLimitRequestRatio={"cpu": "2"})
    assert await refused(door.create(POD, pod("x", requests={"cpu": "50m"}, limits={"cpu": "2"}), "a")) == (
        'pods "x" is forbidden: [minimum cpu usage per Container is 100m, but request is 50m, maximum cpu '
        "usage per Container is 1, but limit is 2, cpu max limit to request ratio per Container is 2, but "
        "provided ratio is 40.000000]"
    )
    await door.create(POD, pod("x", requests={"cpu": "500m"}, limits={"cpu": "1"}), "a")


SAFE = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"}}


async def test_a_namespace_holds_its_pods_to_a_level(door: Local) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/warn": "restricted"}
    await door.patch(NAMESPACE, "a", "", {"metadata": {"labels": labels}}, "merge")
    assert await refused(door.create(POD, pod("x", hostNetwork=True), "a")) == (
        'pods "x" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)'
    )
    told: list[str] = []
    await door.create(POD, pod("x"), "a", Options(warnings=told))
    assert told[0].startswith('would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "c" must set')
    safe = pod("y")
    safe["spec"]["containers"][0]["securityContext"] = SAFE
    told.clear()
    await door.create(POD, safe, "a", Options(warnings=told))
    assert told == []
