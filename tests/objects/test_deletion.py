"""Deletion: what goes at once, what waits and for whom; definitions and what hangs on them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pinnace.kinds.resource import Obj
from pinnace.objects.client import Change, DeleteOptions, Options, Selection
from pinnace.objects.errors import StatusError
from tests.objects.conftest import QUIET, Door
from tests.objects.test_writing import pod, refused

pytestmark = pytest.mark.anyio


async def gone(door: Door, key: str, name: str, namespace: str = "default") -> None:
    async with asyncio.timeout(5):
        while door.store.get(key, namespace, name) is not None:
            await asyncio.sleep(0.005)


async def test_deleting_answers_with_the_uid(door: Door) -> None:
    made = await door.config("one")
    answer = await door.local.delete(door.kind("configmaps"), "one", "default")
    assert answer["status"] == "Success"
    assert answer["details"] == {"name": "one", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    error = await refused(door.local.delete(door.kind("configmaps"), "one", "default"))
    assert error.code == 404


async def test_preconditions_hold(door: Door) -> None:
    await door.config("one")
    maps = door.kind("configmaps")
    for options in (DeleteOptions(uid="other"), DeleteOptions(resource_version="1")):
        error = await refused(door.local.delete(maps, "one", "default", options))
        assert error.code == 409
        assert error.message.startswith('Operation cannot be fulfilled on ConfigMap "one": the ')
        assert " in the precondition (" in error.message


async def test_the_last_finalizer_removes_the_object(door: Door) -> None:
    maps = door.kind("configmaps")
    body = {"metadata": {"name": "m", "finalizers": ["a.example.com/x", "b.example.com/y"]}}
    await door.local.create(maps, body, "default")
    marked = await door.local.delete(maps, "m", "default")
    assert marked["metadata"]["deletionTimestamp"]
    error = await refused(
        door.local.patch(maps, "m", "default", {"metadata": {"finalizers": ["c.example.com/z"]}}, "merge")
    )
    assert "no new finalizers can be added" in error.message
    await door.local.patch(maps, "m", "default", {"metadata": {"finalizers": ["a.example.com/x"]}}, "merge")
    await door.local.patch(maps, "m", "default", {"metadata": {"finalizers": None}}, "merge")
    assert (await refused(door.local.get(maps, "m", "default"))).code == 404


@pytest.mark.parametrize(
    ("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")]
)
async def test_dependents_are_left_to_the_collector(door: Door, policy: str, finalizer: str) -> None:
    await door.config("one")
    marked = await door.local.delete(
        door.kind("configmaps"), "one", "default", DeleteOptions(propagation=policy)
    )
    assert marked["metadata"]["finalizers"] == [finalizer]


async def test_a_pod_is_given_time_only_when_it_may_run(door: Door) -> None:
    pods = door.kind("pods")
    await door.local.create(pods, pod("unbound"), "default", QUIET)
    assert (await door.local.delete(pods, "unbound", "default"))["kind"] == "Status"
    bound = await door.local.create(pods, pod("bound"), "default", QUIET)
    spec = {**bound["spec"], "nodeName": "pinnace"}
    await door.local.transact([Change(verb="system", resource=pods, obj={**bound, "spec": spec})])
    marked = await door.local.delete(pods, "bound", "default", DeleteOptions(grace_seconds=5))
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 5
    again = await door.local.delete(pods, "bound", "default")
    assert again["metadata"]["resourceVersion"] == marked["metadata"]["resourceVersion"]
    done = await door.local.delete(pods, "bound", "default", DeleteOptions(grace_seconds=0))
    assert done["kind"] == "Status"


async def test_a_namespace_is_emptied_before_it_goes(door: Door) -> None:
    namespaces = door.kind("namespaces")
    await door.namespace("demo")
    marked = await door.local.delete(namespaces, "demo")
    assert marked["status"]["phase"] == "Terminating"
    error = await refused(door.local.create(door.kind("configmaps"), {"metadata": {"name": "m"}}, "demo"))
    assert error.code == 403
    assert "because it is being terminated" in error.message
    final = {**marked, "spec": {"finalizers": []}}
    await door.local.update(namespaces, final, "", Options(subresource="finalize"))
    assert (await refused(door.local.get(namespaces, "demo"))).code == 404


async def test_a_collection_is_deleted_by_selector(door: Door) -> None:
    maps = door.kind("configmaps")
    for name, app in (("a", "web"), ("b", "db")):
        await door.local.create(maps, {"metadata": {"name": name, "labels": {"app": app}}}, "default")
    page = await door.local.delete_collection(maps, "default", Selection(labels="app=web"))
    assert [obj["metadata"]["name"] for obj in page.items] == ["a"]
    assert [obj["metadata"]["name"] for obj in (await door.local.list(maps, "default")).items] == ["b"]


def definition(**version: Any) -> Obj:
    schema = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "size": {"type": "integer", "default": 3, "minimum": 1},
                    "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
                },
            },
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    served = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, **version}
    names = {"plural": "boats", "kind": "Boat"}
    spec = {"group": "sea.example.com", "scope": "Namespaced", "names": names, "versions": [served]}
    return {"metadata": {"name": "boats.sea.example.com"}, "spec": spec}


DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"


async def test_a_definition_is_served_at_once_and_after_a_restart(door: Door) -> None:
    made = await door.local.create(
        door.kind(DEFINITIONS),
        definition(
            subresources={
                "status": {},
                "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"},
            }
        ),
    )
    conditions = {one["type"]: one["status"] for one in made["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    boats = door.kind("boats.sea.example.com")
    boat = await door.local.create(boats, {"metadata": {"name": "b"}, "spec": {"bogus": 1}}, "default")
    assert boat["spec"] == {"size": 3}
    assert boat["metadata"]["generation"] == 1
    scaled = await door.local.patch(
        boats, "b", "default", {"spec": {"replicas": 7}}, "merge", Options(subresource="scale")
    )
    assert scaled["spec"]["replicas"] == 7
    await door.restart()
    assert (await door.local.get(door.kind("boats.sea.example.com"), "b", "default"))["spec"]["size"] == 7


async def test_a_wrong_definition_names_every_cause(door: Door) -> None:
    wrong = definition()
    wrong["metadata"]["name"] = "ships.sea.example.com"
    wrong["spec"]["scope"] = "Ocean"
    error = await refused(door.local.create(door.kind(DEFINITIONS), wrong))
    assert error.code == 422
    assert {cause.field for cause in error.causes} >= {"metadata.name", "spec.scope"}
    assert door.catalogue.key("boats.sea.example.com") is None


def named(plural: str, **names: Any) -> Obj:
    made = definition()
    made["metadata"]["name"] = f"{plural}.sea.example.com"
    made["spec"]["names"] = {"plural": plural, **names}
    return made


def verdicts(stored: Obj) -> dict[str, tuple[str, str, str]]:
    conditions = stored["status"]["conditions"]
    return {one["type"]: (one["status"], one["reason"], one["message"]) for one in conditions}


async def test_names_that_another_definition_has_are_not_accepted(door: Door) -> None:
    kind = door.kind(DEFINITIONS)
    await door.local.create(kind, named("boats", kind="Boat", shortNames=["bt"]))
    late = await door.local.create(kind, named("ships", kind="Boat", shortNames=["sh"]))
    assert verdicts(late) == {
        "NamesAccepted": ("False", "ListKindConflict", '"BoatList" is already in use'),
        "Established": ("False", "NotAccepted", "not all names are accepted"),
    }
    assert late["status"]["acceptedNames"] == {"plural": "ships", "shortNames": ["sh"]}
    assert door.catalogue.key("ships.sea.example.com") is None
    await door.restart()
    assert door.catalogue.key("ships.sea.example.com") is None
    await door.local.delete(door.kind(DEFINITIONS), "boats.sea.example.com")
    async with asyncio.timeout(5):
        while door.catalogue.key("ships.sea.example.com") is None:
            await asyncio.sleep(0.005)
    now = await door.local.get(door.kind(DEFINITIONS), "ships.sea.example.com")
    assert verdicts(now)["NamesAccepted"] == ("True", "NoConflicts", "no conflicts found")
    assert now["status"]["acceptedNames"]["kind"] == "Boat"
    made = await door.local.create(door.kind("ships.sea.example.com"), {"metadata": {"name": "s"}}, "default")
    assert made["kind"] == "Boat"


async def test_of_definitions_that_come_at_once_one_has_the_name(door: Door) -> None:
    kind = door.kind(DEFINITIONS)
    plurals, applying = ("boats", "ships", "rafts", "barges"), Options(field_manager="m")
    made = await asyncio.gather(
        *(door.local.create(kind, named(plural, kind="Boat")) for plural in plurals),
        door.local.apply(kind, "tubs.sea.example.com", "", named("tubs", kind="Boat"), applying),
    )
    accepted = [one for one in made if verdicts(one)["Established"][0] == "True"]
    assert len(accepted) == 1
    served = [each for each in door.catalogue.resources() if each.kind == "Boat"]
    assert [each.key for each in served] == [accepted[0]["metadata"]["name"]]


async def test_other_groups_may_use_the_same_names(door: Door) -> None:
    await door.local.create(door.kind(DEFINITIONS), named("boats", kind="Boat"))
    other = named("boats", kind="Boat")
    other["metadata"]["name"], other["spec"]["group"] = "boats.lake.example.com", "lake.example.com"
    made = await door.local.create(door.kind(DEFINITIONS), other)
    assert verdicts(made)["NamesAccepted"][0] == "True"


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"type": "integer", "default": "three"}, 'must be of type integer: "string"'),
        ({"type": "integer", "minimum": 1, "default": 0}, "should be greater than or equal to 1"),
        ({"type": "string", "enum": ["a", "b"], "default": "c"}, 'supported values: "a", "b"'),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "default": {"b": 1}}, "not know: b"),
    ],
)
async def test_a_default_must_fit_its_schema(door: Door, spec: Obj, complaint: str) -> None:
    wrong = definition()
    schema = wrong["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"]["properties"]["size"] = spec
    error = await refused(door.local.create(door.kind(DEFINITIONS), wrong))
    place = "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[size].default"
    assert [(cause.field, complaint in cause.message) for cause in error.causes] == [(place, True)]


async def test_the_objects_of_a_definition_go_before_it(door: Door) -> None:
    await door.local.create(door.kind(DEFINITIONS), definition())
    boats = door.kind("boats.sea.example.com")
    held = {"metadata": {"name": "held", "finalizers": ["sea.example.com/anchor"]}}
    await door.local.create(boats, {"metadata": {"name": "free"}}, "default")
    await door.local.create(boats, held, "default")
    marked = await door.local.delete(door.kind(DEFINITIONS), "boats.sea.example.com")
    assert marked["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    await gone(door, "boats.sea.example.com", "free")
    assert door.store.get(DEFINITIONS, "", "boats.sea.example.com") is not None
    await door.local.patch(boats, "held", "default", {"metadata": {"finalizers": None}}, "merge")
    await gone(door, DEFINITIONS, "boats.sea.example.com", "")
    async with asyncio.timeout(5):  # the store says so a moment before its listeners are told
        while door.catalogue.key("boats.sea.example.com") is not None:
            await asyncio.sleep(0.005)


async def test_emptying_goes_on_after_a_restart(door: Door) -> None:
    await door.local.create(door.kind(DEFINITIONS), definition())
    await door.local.create(door.kind("boats.sea.example.com"), {"metadata": {"name": "b"}}, "default")
    door.local.house.emptier.close()
    await door.local.delete(door.kind(DEFINITIONS), "boats.sea.example.com")
    assert door.store.get("boats.sea.example.com", "default", "b") is not None
    await door.restart()
    door.local.start()
    await gone(door, DEFINITIONS, "boats.sea.example.com", "")


async def test_transactions_are_all_or_nothing(door: Door) -> None:
    maps = door.kind("configmaps")
    await door.config("one")
    place = {"namespace": "default"}
    changes = [
        Change(verb="create", resource=maps, obj={"metadata": {"name": "two", **place}}),
        Change(verb="create", resource=maps, obj={"metadata": {"name": "one", **place}}),
    ]
    with pytest.raises(StatusError) as caught:
        await door.local.transact(changes)
    assert caught.value.message == 'configmaps "one" already exists'
    assert door.store.get("configmaps", "default", "two") is None


async def test_the_fast_way_makes_the_same_pod(door: Door) -> None:
    pods = door.kind("pods")
    slow = await door.local.create(pods, pod("slow"), "default", QUIET)
    body = pod("fast")
    body["metadata"]["namespace"] = "default"
    (fast,) = await door.local.transact([Change(verb="create", resource=pods, obj=body, trusted=True)])
    for one in (slow, fast):
        for key in ("name", "uid", "resourceVersion", "creationTimestamp"):
            one["metadata"].pop(key)
    assert slow == fast
