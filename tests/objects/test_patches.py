"""Three patch languages and server-side apply, through the door that clients use."""

from __future__ import annotations

from typing import Any

import pytest

from pinnace.kinds.resource import Obj
from pinnace.objects.client import Options
from tests.objects.conftest import Door
from tests.objects.test_writing import pod, refused

pytestmark = pytest.mark.anyio


def manager(name: str, **options: Any) -> Options:
    return Options(field_manager=name, **options)


def owners(obj: Obj) -> dict[str, Any]:
    return {
        f"{e['manager']}/{e['operation']}": e["fieldsV1"] for e in obj["metadata"].get("managedFields", [])
    }


def config(**data: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": data}


async def test_json_patches_are_all_or_nothing(door: Door) -> None:
    maps = door.kind("configmaps")
    await door.config("one", a="1", b="2")
    steps = [
        {"op": "test", "path": "/data/a", "value": "1"},
        {"op": "move", "from": "/data/a", "path": "/data/c"},
        {"op": "copy", "from": "/data/b", "path": "/data/d"},
        {"op": "remove", "path": "/data/b"},
    ]
    assert (await door.local.patch(maps, "one", "default", steps, "json"))["data"] == {"c": "1", "d": "2"}
    bad = [
        {"op": "replace", "path": "/data/c", "value": "x"},
        {"op": "test", "path": "/data/d", "value": "no"},
    ]
    error = await refused(door.local.patch(maps, "one", "default", bad, "json"))
    assert (error.code, error.reason) == (422, "Invalid")
    assert error.message == "the server rejected our request due to an error in our request"
    assert error.status()["details"] == {}
    assert (await door.local.get(maps, "one", "default"))["data"]["c"] == "1"


async def test_merge_patches_remove_by_null(door: Door) -> None:
    maps = door.kind("configmaps")
    await door.config("one", a="1", b="2")
    patched = await door.local.patch(maps, "one", "default", {"data": {"a": None, "c": "3"}}, "merge")
    assert patched["data"] == {"b": "2", "c": "3"}


async def test_strategic_patches_know_lists(door: Door) -> None:
    jobs = door.kind("jobs.batch")
    two = [{"name": "a", "image": "x", "env": [{"name": "K", "value": "v"}]}, {"name": "b", "image": "y"}]
    template = {"spec": {"restartPolicy": "Never", "containers": two}}
    await door.local.create(
        jobs, {"metadata": {"name": "j"}, "spec": {"suspend": True, "template": template}}, "default"
    )

    async def patched(spec: Obj) -> list[Obj]:
        body = {"spec": {"template": {"spec": spec}}}
        done = await door.local.patch(jobs, "j", "default", body, "strategic")
        found: list[Obj] = done["spec"]["template"]["spec"]["containers"]
        return found

    first = await patched({"containers": [{"name": "b", "image": "z"}]})
    assert [(one["name"], one["image"]) for one in first] == [("a", "x"), ("b", "z")]
    second = await patched({"containers": [{"name": "a", "env": [{"name": "L", "value": "w"}]}]})
    assert second[0]["env"] == [{"name": "L", "value": "w"}, {"name": "K", "value": "v"}]  # new ones first
    third = await patched({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]})
    assert [one["name"] for one in third] == ["b", "a"]
    fourth = await patched({"containers": [{"$patch": "delete", "name": "a"}]})
    assert [one["name"] for one in fourth] == ["b"]


async def test_a_strict_patch_names_what_it_would_add(door: Door) -> None:
    await door.config("one")
    strict = Options(field_validation="Strict")
    patch = {"bogus": {"a": "b"}}
    error = await refused(
        door.local.patch(door.kind("configmaps"), "one", "default", patch, "merge", strict)
    )
    assert error.code == 422
    assert error.causes[0].field == "patch"
    assert error.causes[0].message.endswith('strict decoding error: unknown field "bogus"')


async def test_an_endpoint_that_the_kind_has_not_is_not_found(door: Door) -> None:
    await door.config("one")
    status = Options(subresource="status")
    error = await refused(door.local.patch(door.kind("configmaps"), "one", "default", {}, "merge", status))
    assert error.code == 404


async def test_strategic_patches_are_not_for_custom_resources(door: Door) -> None:
    workflows = door.kind("workflows.argoproj.io")
    await door.local.create(workflows, {"metadata": {"name": "wf"}, "spec": {"entrypoint": "m"}}, "default")
    error = await refused(
        door.local.patch(workflows, "wf", "default", {"spec": {"suspend": False}}, "strategic")
    )
    assert error.code == 415
    assert error.message == (
        "application/strategic-merge-patch+json is not supported by argoproj.io/v1alpha1, Kind=Workflow: "
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    )


async def test_a_creation_owns_what_it_wrote(door: Door) -> None:
    made = await door.local.create(door.kind("pods"), pod(), "default", manager("kubectl-create"))
    assert owners(made)["kubectl-create/Update"] == {
        "f:spec": {
            "f:containers": {
                'k:{"name":"main"}': {
                    ".": {},
                    "f:image": {},
                    "f:imagePullPolicy": {},
                    "f:name": {},
                    "f:resources": {},
                    "f:terminationMessagePath": {},
                    "f:terminationMessagePolicy": {},
                }
            },
            "f:dnsPolicy": {},
            "f:enableServiceLinks": {},
            "f:restartPolicy": {},
            "f:schedulerName": {},
            "f:securityContext": {},
            "f:terminationGracePeriodSeconds": {},
        }
    }


async def test_applies_conflict_until_forced(door: Door) -> None:
    maps = door.kind("configmaps")
    await door.local.apply(maps, "m", "default", config(a="1", b="2"), manager("kubectl"))
    error = await refused(door.local.apply(maps, "m", "default", config(a="9", b="8"), manager("other")))
    assert (error.code, error.reason) == (409, "Conflict")
    assert error.message == 'Apply failed with 2 conflicts: conflicts with "kubectl":\n- .data.a\n- .data.b'
    assert [cause.reason for cause in error.causes] == ["FieldManagerConflict"] * 2
    error = await refused(door.local.apply(maps, "m", "default", config(a="9", b="2"), manager("other")))
    assert error.message == 'Apply failed with 1 conflict: conflict with "kubectl": .data.a'
    forced = await door.local.apply(maps, "m", "default", config(a="9"), manager("other", force=True))
    assert forced["data"] == {"a": "9", "b": "2"}
    assert owners(forced) == {
        "kubectl/Apply": {"f:data": {"f:b": {}}},
        "other/Apply": {"f:data": {"f:a": {}}},
    }


async def test_what_is_applied_no_more_goes_unless_someone_else_applies_it(door: Door) -> None:
    maps = door.kind("configmaps")
    await door.local.apply(maps, "m", "default", config(a="1", b="2"), manager("one"))
    await door.local.apply(maps, "m", "default", config(b="2"), manager("two"))
    left = await door.local.apply(maps, "m", "default", config(), manager("one"))
    assert left["data"] == {"b": "2"}
    assert owners(left) == {"one/Apply": {"f:data": {}}, "two/Apply": {"f:data": {"f:b": {}}}}


async def test_an_update_takes_ownership_and_conflicts_name_it(door: Door) -> None:
    maps = door.kind("configmaps")
    await door.local.apply(maps, "m", "default", config(a="1"), manager("one"))
    changed = await door.local.patch(
        maps, "m", "default", {"data": {"a": "5"}}, "merge", manager("kubectl-patch")
    )
    assert owners(changed) == {"kubectl-patch/Update": {"f:data": {"f:a": {}}}}
    error = await refused(door.local.apply(maps, "m", "default", config(a="1"), manager("one")))
    assert error.message == 'Apply failed with 1 conflict: conflict with "kubectl-patch" using v1: .data.a'


async def test_items_of_a_list_have_their_own_owners(door: Door) -> None:
    services = door.kind("services")

    def service(*ports: Obj) -> Obj:
        spec = {"ports": list(ports), "selector": {"a": "b"}}
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec}

    web, admin = {"name": "web", "port": 80}, {"name": "admin", "port": 81}
    await door.local.apply(services, "s", "default", service(web), manager("one"))
    both = await door.local.apply(services, "s", "default", service(admin), manager("two"))
    assert [port["port"] for port in both["spec"]["ports"]] == [80, 81]
    left = await door.local.apply(
        services,
        "s",
        "default",
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"selector": {"a": "b"}}},
        manager("one"),
    )
    assert [port["port"] for port in left["spec"]["ports"]] == [81]


async def test_untracked_objects_belong_to_before_first_apply(door: Door) -> None:
    maps = door.kind("configmaps")
    await door.local.create(
        maps, {"metadata": {"name": "m"}, "data": {"a": "1"}}, "default", Options(field_manager="")
    )
    error = await refused(door.local.apply(maps, "m", "default", config(a="2"), manager("one")))
    assert 'conflict with "before-first-apply" using v1' in error.message


async def test_applying_the_same_again_changes_nothing(door: Door) -> None:
    maps = door.kind("configmaps")
    first = await door.local.apply(maps, "m", "default", config(a="1"), manager("one"))
    again = await door.local.apply(maps, "m", "default", config(a="1"), manager("one"))
    assert first["metadata"]["resourceVersion"] == again["metadata"]["resourceVersion"]


async def test_kubectl_takes_over_what_it_applied_client_side(door: Door) -> None:
    maps = door.kind("configmaps")
    text = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"a":"1"}}'
    body = config(a="1")
    body["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": text}
    await door.local.create(maps, body, "default", manager("kubectl-client-side-apply"))
    done = await door.local.apply(maps, "m", "default", config(a="2"), manager("kubectl"))
    assert done["data"] == {"a": "2"}


@pytest.mark.parametrize("empty", ["annotations", "labels"])
async def test_an_empty_map_is_applied_again_and_again(door: Door, empty: str) -> None:
    maps = door.kind("configmaps")

    def body(**data: str) -> Obj:
        return {**config(**data), "metadata": {"name": "m", empty: {}}}

    await door.local.apply(maps, "m", "default", body(a="1"), manager("one"))
    changed = await door.local.apply(maps, "m", "default", body(a="2"), manager("one"))
    assert changed["data"] == {"a": "2"} and changed["metadata"][empty] == {}
    assert owners(changed) == {"one/Apply": {"f:data": {"f:a": {}}, "f:metadata": {f"f:{empty}": {}}}}
    left = await door.local.apply(maps, "m", "default", config(a="2"), manager("one"))
    assert empty not in left["metadata"] and left["metadata"]["name"] == "m"


async def test_a_manager_that_loses_its_last_keys_keeps_the_map(door: Door) -> None:
    """structured-merge-diff: a member without children is written `{}`, however many it had."""
    maps = door.kind("configmaps")
    made = await door.local.create(maps, config(a="1"), "default", manager("one"))
    assert owners(made)["one/Update"] == {"f:data": {".": {}, "f:a": {}}}
    taken = await door.local.apply(maps, "m", "default", config(a="2"), manager("two", force=True))
    assert owners(taken)["one/Update"] == {"f:data": {}}


async def test_an_object_of_which_nobody_owns_anything_has_no_managed_fields(door: Door) -> None:
    maps = door.kind("configmaps")
    nothing = {key: value for key, value in config().items() if key != "data"}
    await door.local.apply(maps, "m", "default", config(a="1"), manager("one"))
    left = await door.local.apply(maps, "m", "default", nothing, manager("one"))
    assert "managedFields" not in left["metadata"]
