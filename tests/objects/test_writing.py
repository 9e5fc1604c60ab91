"""What is accepted, what is refused and in which words: one pipeline for every writer."""

from __future__ import annotations

from typing import Any

import pytest

from pinnace.kinds.resource import Obj
from pinnace.objects.client import SYSTEM, Change, Identity, Options, Selection
from pinnace.objects.errors import StatusError
from tests.objects.conftest import Door

pytestmark = pytest.mark.anyio
STRICT = Options(field_validation="Strict")


async def refused(awaitable: Any) -> StatusError:
    with pytest.raises(StatusError) as caught:
        await awaitable
    return caught.value


def pod(name: str = "p", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "main", "image": "busybox"}], **spec},
    }


async def test_a_new_object_gets_an_identity(door: Door) -> None:
    made = await door.config("one")
    meta = made["metadata"]
    assert made["apiVersion"] == "v1"
    assert made["kind"] == "ConfigMap"
    assert meta["namespace"] == "default"
    assert len(meta["uid"]) == 36
    assert meta["creationTimestamp"].endswith("Z")
    assert "generation" not in meta
    assert await door.local.get(door.kind("configmaps"), "one", "default") == made


async def test_generated_names_are_tried_until_one_is_free(door: Door) -> None:
    maps = door.kind("configmaps")
    names = {
        (await door.local.create(maps, {"metadata": {"generateName": "a-"}}, "default"))["metadata"]["name"]
        for _ in range(5)
    }
    assert len(names) == 5
    assert all(name.startswith("a-") and len(name) == 7 for name in names)


async def test_what_exists_is_not_created_again(door: Door) -> None:
    await door.config("one")
    error = await refused(door.config("one"))
    assert error.code == 409
    assert error.reason == "AlreadyExists"
    assert error.message == 'configmaps "one" already exists'
    assert error.status()["details"] == {"name": "one", "kind": "configmaps"}


async def test_what_is_missing_is_named(door: Door) -> None:
    error = await refused(door.local.get(door.kind("workflows.argoproj.io"), "nope", "default"))
    assert error.message == 'workflows.argoproj.io "nope" not found'
    error = await refused(door.local.create(door.kind("configmaps"), {"metadata": {"name": "x"}}, "nowhere"))
    assert (error.code, error.message) == (404, 'namespaces "nowhere" not found')


async def test_unknown_fields_are_refused_warned_of_or_dropped(door: Door) -> None:
    workflows = door.kind("workflows.argoproj.io")
    body = {"metadata": {"name": "wf"}, "spec": {"entrypoint": "main", "bogusField": 1}}
    error = await refused(door.local.create(workflows, body, "default", STRICT))
    assert error.code == 400
    assert error.message == (
        'Workflow in version "v1alpha1" cannot be handled as a Workflow: strict decoding error: '
        'unknown field "spec.bogusField"'
    )
    warn = Options(field_validation="Warn")
    made = await door.local.create(workflows, body, "default", warn)
    assert warn.warnings == ['unknown field "spec.bogusField"']
    assert made["spec"] == {"entrypoint": "main"}


async def test_bad_names_and_types_are_invalid_with_every_cause(door: Door) -> None:
    workflows = door.kind("workflows.argoproj.io")
    error = await refused(
        door.local.create(workflows, {"metadata": {"name": "Wf_Bad"}, "spec": {}}, "default")
    )
    assert error.code == 422
    assert error.message.startswith(
        'Workflow.argoproj.io "Wf_Bad" is invalid: metadata.name: Invalid value: "Wf_Bad"'
    )
    body = {"metadata": {"name": "wf-type"}, "spec": {"suspend": "x"}}
    error = await refused(door.local.create(workflows, body, "default"))
    assert [cause.field for cause in error.causes] == ["spec.suspend", "<nil>"]
    assert error.message.startswith(
        'Workflow.argoproj.io "wf-type" is invalid: [spec.suspend: Invalid value: "string"'
    )


async def test_a_built_in_kind_with_a_wrong_type_is_unreadable(door: Door) -> None:
    error = await refused(door.local.create(door.kind("pods"), pod(activeDeadlineSeconds="soon"), "default"))
    assert error.code == 400
    assert "cannot unmarshal string into Go struct field PodSpec.spec.activeDeadlineSeconds" in error.message


async def test_a_pod_shows_kubernetes_defaults(door: Door) -> None:
    made = await door.local.create(door.kind("pods"), pod(), "default")
    spec = made["spec"]
    assert (spec["restartPolicy"], spec["dnsPolicy"], spec["terminationGracePeriodSeconds"]) == (
        "Always",
        "ClusterFirst",
        30,
    )
    assert spec["serviceAccountName"] == "default"
    assert spec["containers"][0]["imagePullPolicy"] == "Always"
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert made["metadata"]["generation"] == 1


async def test_a_pods_fields_are_judged_together(door: Door) -> None:
    mounts = [{"name": "gone", "mountPath": "/x"}]
    body = pod()
    body["spec"]["containers"] = [
        {"name": "a", "image": "x", "volumeMounts": mounts},
        {"name": "a"},
    ]
    error = await refused(door.local.create(door.kind("pods"), body, "default"))
    assert {f"{cause.field}: {cause.message}" for cause in error.causes} == {
        'spec.containers[0].volumeMounts[0].name: Not found: "gone"',
        'spec.containers[1].name: Duplicate value: "a"',
        "spec.containers[1].image: Required value",
    }


async def test_a_pods_spec_stays_as_it_was_created(door: Door) -> None:
    pods = door.kind("pods")
    made = await door.local.create(pods, pod(), "default")
    image = [{"op": "replace", "path": "/spec/containers/0/image", "value": "alpine:3"}]
    changed = await door.local.patch(pods, "p", "default", image, "json")
    assert changed["metadata"]["generation"] == 2
    error = await refused(door.local.patch(pods, "p", "default", {"spec": {"hostname": "h"}}, "merge"))
    assert error.code == 422
    assert error.causes[0].message.startswith("Forbidden: pod updates may not change fields other than")
    assert made["metadata"]["uid"] == changed["metadata"]["uid"]


async def test_jobs_select_their_pods_by_generated_labels(door: Door) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}
    job = await door.local.create(
        door.kind("jobs.batch"), {"metadata": {"name": "j"}, "spec": {"template": template}}, "default"
    )
    uid = job["metadata"]["uid"]
    assert job["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert job["spec"]["template"]["metadata"]["labels"]["batch.kubernetes.io/job-name"] == "j"
    assert (job["spec"]["backoffLimit"], job["spec"]["completions"]) == (6, 1)
    error = await refused(
        door.local.patch(door.kind("jobs.batch"), "j", "default", {"spec": {"completions": 3}}, "merge")
    )
    assert error.causes[0].message == "Invalid value: 3: field is immutable"


async def test_secrets_take_plain_strings_and_refuse_bad_base64(door: Door) -> None:
    secrets = door.kind("secrets")
    body: dict[str, Any] = {"metadata": {"name": "s"}, "stringData": {"k": "v"}}
    made = await door.local.create(secrets, body, "default")
    assert made["data"] == {"k": "dg=="}
    assert made["type"] == "Opaque"
    assert "stringData" not in made
    error = await refused(
        door.local.create(secrets, {"metadata": {"name": "t"}, "data": {"k": "%"}}, "default")
    )
    assert error.code == 400
    assert "illegal base64 data at input byte 0" in error.message


async def test_immutable_config_stays(door: Door) -> None:
    maps = door.kind("configmaps")
    await door.local.create(
        maps, {"metadata": {"name": "m"}, "data": {"a": "1"}, "immutable": True}, "default"
    )
    error = await refused(door.local.patch(maps, "m", "default", {"data": {"a": "2"}}, "merge"))
    assert error.causes[0].message == "Forbidden: field is immutable when `immutable` is set"


async def test_an_older_picture_is_a_conflict(door: Door) -> None:
    maps = door.kind("configmaps")
    first = await door.config("one")
    await door.local.patch(maps, "one", "default", {"data": {"b": "2"}}, "merge")
    error = await refused(door.local.update(maps, {**first, "data": {"a": "9"}}, "default"))
    assert error.reason == "Conflict"
    assert error.message == (
        'Operation cannot be fulfilled on configmaps "one": the object has been modified; please apply your '
        "changes to the latest version and try again"
    )


async def test_a_write_that_changes_nothing_is_no_write(door: Door) -> None:
    maps = door.kind("configmaps")
    first = await door.config("one")
    assert await door.local.update(maps, first, "default") == first
    assert await door.local.patch(maps, "one", "default", {"data": {"a": "1"}}, "merge") == first


async def test_status_and_the_rest_have_their_own_endpoints(door: Door) -> None:
    pods = door.kind("pods")
    made = await door.local.create(pods, {**pod(), "status": {"phase": "Running"}}, "default")
    assert made["status"]["phase"] == "Pending"
    status = Options(subresource="status")
    changed = await door.local.patch(
        pods, "p", "default", {"status": {"phase": "Running"}, "spec": {"hostname": "x"}}, "merge", status
    )
    assert changed["status"]["phase"] == "Running"
    assert "hostname" not in changed["spec"]
    assert changed["metadata"]["generation"] == 1
    body = {"metadata": {"labels": {"a": "b"}}, "status": {"phase": "Failed"}}
    kept = await door.local.patch(pods, "p", "default", body, "merge")
    assert kept["status"]["phase"] == "Running"
    assert kept["metadata"]["labels"] == {"a": "b"}


async def test_a_dry_run_leaves_no_trace(door: Door) -> None:
    maps = door.kind("configmaps")
    body = {"metadata": {"name": "dry"}, "data": {"a": "1"}}
    made = await door.local.create(maps, body, "default", Options(dry_run=True))
    assert made["metadata"]["uid"]
    assert (await refused(door.local.get(maps, "dry", "default"))).code == 404


async def test_strangers_are_refused_in_kubernetes_words(door: Door) -> None:
    stranger = door.local.as_(Identity("eve", ("system:authenticated",)))
    error = await refused(stranger.get(door.kind("pods"), "p", "default"))
    assert error.code == 403
    assert error.message == (
        'pods "p" is forbidden: User "eve" cannot get resource "pods" in API group "" in '
        'the namespace "default"'
    )
    error = await refused(stranger.list(door.kind("namespaces"), "", Selection()))
    assert error.message == (
        'namespaces is forbidden: User "eve" cannot list resource "namespaces" in API group "" '
        "at the cluster scope"
    )
    assert stranger.as_(SYSTEM).identity is SYSTEM


async def test_services_keep_their_address(door: Door) -> None:
    services = door.kind("services")
    body = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}}
    made = await door.local.create(services, body, "default")
    assert made["spec"]["clusterIP"].startswith("10.")
    assert made["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    again = await door.local.update(services, {**body, "metadata": {"name": "s"}}, "default")
    assert again["spec"] == made["spec"]


async def test_scale_is_one_number_of_any_kind(door: Door) -> None:
    deployments = door.kind("deployments.apps")
    spec = {
        "replicas": 2,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "image": "x"}]},
        },
    }
    await door.local.create(deployments, {"metadata": {"name": "d"}, "spec": spec}, "default")
    seen = await door.local.get(deployments, "d", "default", "scale")
    assert seen["spec"] == {"replicas": 2}
    assert seen["status"]["selector"] == "a=b"
    scaled = await door.local.patch(
        deployments, "d", "default", {"spec": {"replicas": 5}}, "merge", Options(subresource="scale")
    )
    assert scaled["spec"] == {"replicas": 5}
    assert (await door.local.get(deployments, "d", "default"))["spec"]["replicas"] == 5


def inference_service(predictor: Any) -> Obj:
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "iris"},
        "spec": {"predictor": predictor},
    }


async def test_a_mutating_webhooks_work_comes_before_the_schema(door: Door) -> None:
    """The schema requires a container's name; KServe's webhook gives a lone one its name."""
    services = door.kind("inferenceservices.serving.kserve.io")
    made = await door.local.create(
        services, inference_service({"containers": [{"image": "mine"}]}), "default"
    )
    assert made["spec"]["predictor"]["containers"][0]["name"] == "kserve-container"
    two = inference_service({"containers": [{"image": "mine"}, {"image": "other"}]})
    error = await refused(door.local.update(services, two, "default"))
    assert "spec.predictor.containers[0].name: Required value" in error.message


async def test_an_old_frameworks_manifest_may_be_applied_again(door: Door) -> None:
    services = door.kind("inferenceservices.serving.kserve.io")
    for uri in ("pvc://models/a", "pvc://models/b"):
        body = inference_service({"sklearn": {"storageUri": uri}})
        done = await door.local.apply(services, "iris", "default", body, Options(field_manager="m"))
        assert done["spec"]["predictor"]["model"]["storageUri"] == uri
        assert "sklearn" not in done["spec"]["predictor"]


WRONG_TYPES = [
    7, [], {"model": 3}, {"sklearn": []}, {"containers": {}}, {"containers": [3]},
    {"model": {"modelFormat": []}}, {"model": {"modelFormat": {"name": {}}}},
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG_TYPES)
async def test_mutation_bears_any_type(door: Door, wrong: Any) -> None:
    services = door.kind("inferenceservices.serving.kserve.io")
    error = await refused(door.local.create(services, inference_service(wrong), "default"))
    assert error.code == 422, error.message


async def test_unknown_fields_are_named_where_the_client_wrote_them(door: Door) -> None:
    services = door.kind("inferenceservices.serving.kserve.io")
    body = inference_service({"sklearn": {"storageUri": "pvc://models/a", "bogus": 1}})
    options = Options(field_validation="Warn")
    await door.local.create(services, body, "default", options)
    assert 'unknown field "spec.predictor.sklearn.bogus"' in options.warnings


async def test_a_pod_runs_in_the_name_of_an_account_that_is_there(door: Door) -> None:
    said = await refused(door.local.create(door.kind("pods"), pod(serviceAccountName="robot"), "default"))
    assert (said.code, said.reason) == (403, "Forbidden")
    words = 'pods "p" is forbidden: error looking up service account default/robot: serviceaccount "robot"'
    assert said.message == f"{words} not found"
    own = in_default(pod(serviceAccountName="robot"))
    making = [Change(verb="create", resource=door.kind("pods"), obj=own)]
    assert (await refused(door.local.transact(making))).message == said.message
    await door.local.create(door.kind("serviceaccounts"), {"metadata": {"name": "robot"}}, "default")
    made = await door.local.create(door.kind("pods"), pod(serviceAccountName="robot"), "default")
    assert made["spec"]["serviceAccountName"] == "robot"


def in_default(obj: Obj) -> Obj:
    return {**obj, "metadata": {**obj["metadata"], "namespace": "default"}}
