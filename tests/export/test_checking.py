"""What a cluster does not serve is named with its path and a fix; what it does serve passes in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pinnace.authoring.export import openapi
from pinnace.authoring.export.checking import (
    CLASSES,
    NAMESPACES,
    NODES,
    QUOTAS,
    Cluster,
    Finding,
    Kind,
    findings,
)
from pinnace.authoring.export.profiles import PROFILES, profile
from pinnace.authoring.export.references import CLUSTER_RUNTIME, SECRET
from pinnace.cli.check import check
from pinnace.cli.platform import Failure
from pinnace.kinds.catalogue import Catalogue

Obj = dict[str, Any]
ARGO = ("argoproj.io/v1alpha1", "Workflow")


def workflow(container: Obj, **spec: Any) -> Obj:
    templates = [{"name": "a", "container": {"image": "alpine:3", **container}}]
    return {
        "apiVersion": ARGO[0],
        "kind": ARGO[1],
        "metadata": {"name": "w", "namespace": "team"},
        "spec": {"entrypoint": "a", "templates": templates, **spec},
    }


@pytest.fixture
def cluster() -> Cluster:
    catalogue = Catalogue.builtin()
    resource = catalogue.kind(*ARGO)
    assert resource is not None
    return Cluster("test", served={ARGO: Kind("workflows")}, schemas={ARGO: catalogue.schema(resource)})


def only(obj: Obj, cluster: Cluster) -> Finding:
    found = findings([obj], cluster)
    assert len(found) == 1, found
    return found[0]


def test_nothing_is_said_of_what_fits(cluster: Cluster) -> None:
    assert findings([workflow({"command": ["true"]})], cluster) == []


def test_an_unserved_kind_names_its_operator_or_its_other_version(cluster: Cluster) -> None:
    job = {"apiVersion": "kubeflow.org/v1", "kind": "TFJob", "metadata": {"name": "t"}, "spec": {}}
    assert only(job, cluster).fix == "install Training Operator 1.3 or later"
    cluster.served["kubeflow.org/v2", "TFJob"] = Kind("tfjobs")
    assert "kubeflow.org/v2: change apiVersion" in only(job, cluster).fix


def test_an_unknown_field_names_its_place_and_neighbour(cluster: Cluster) -> None:
    found = only(workflow({"comand": ["true"]}), cluster)
    assert (found.path, found.fix) == ("spec.templates[0].container.comand", "did you mean 'command'?")


def test_namespaces_classes_devices_secrets_and_quotas(cluster: Cluster) -> None:
    # given
    cluster.listed = {
        (NAMESPACES, ""): [{"metadata": {"name": "default"}}],
        (CLASSES, ""): [{"metadata": {"name": "slow"}}],
        (NODES, ""): [
            {"metadata": {"name": "n"}, "status": {"allocatable": {"cpu": "8", "amd.com/gpu": "1"}}}
        ],
        (SECRET, "team"): [],
        (QUOTAS, "team"): [{"metadata": {"name": "q"}, "spec": {"hard": {"requests.memory": "1Gi"}}}],
    }
    container = {
        "resources": {"limits": {"nvidia.com/gpu": "1"}, "requests": {"memory": "2Gi"}},
        "envFrom": [{"secretRef": {"name": "keys"}}],
    }
    claims = [{"metadata": {"name": "c"}, "spec": {"storageClassName": "fast"}}]
    # when
    found = {
        one.problem: one for one in findings([workflow(container, volumeClaimTemplates=claims)], cluster)
    }
    # then
    assert set(found) == {
        "no storage class 'fast'",
        "no node has 'nvidia.com/gpu'",
        "2Gi is more than the quota",
        "there is no secret 'keys'",
        "there is no namespace 'team'",
    }
    assert found["no node has 'nvidia.com/gpu'"].fix == "nodes offer amd.com/gpu"
    assert found["no storage class 'fast'"].path == "spec.volumeClaimTemplates[0].spec.storageClassName"


def test_what_cannot_be_seen_is_not_judged(cluster: Cluster) -> None:
    cluster.listed = {(NODES, ""): None, (SECRET, "team"): None}
    container = {
        "resources": {"limits": {"nvidia.com/gpu": "1"}},
        "envFrom": [{"secretRef": {"name": "keys"}}],
    }
    assert findings([workflow(container)], cluster) == []


def test_what_the_bundle_brings_is_not_missed(cluster: Cluster) -> None:
    cluster.served["v1", "Secret"] = Kind("secrets")
    cluster.listed = {(SECRET, "team"): []}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys", "namespace": "team"}}
    assert findings([workflow({"envFrom": [{"secretRef": {"name": "keys"}}]}), secret], cluster) == []


def test_images_of_one_machine_are_named(cluster: Cluster) -> None:
    found = only(workflow({"image": "localhost/w/a@sha256:00"}), cluster)
    assert found.path == "spec.templates[0].container.image" and "--push" in found.fix


def test_a_model_needs_a_runtime_that_chooses_its_format() -> None:
    cluster = profile(["kubeflow-1.10"], Catalogue.builtin())
    model = {"modelFormat": {"name": "caffe"}, "storageUri": "s3://b/k"}
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "s"},
        "spec": {"predictor": {"model": model}},
    }
    assert only(service, cluster).path == "spec.predictor.model.modelFormat"
    model["modelFormat"] = {"name": "sklearn"}
    assert findings([service], cluster) == []
    assert cluster.listed[CLUSTER_RUNTIME, ""]


def test_a_profile_knows_which_fields_came_later() -> None:
    document = {
        "apiVersion": ARGO[0],
        "kind": "CronWorkflow",
        "metadata": {"name": "c"},
        "spec": {"schedules": ["* * * * *"], "workflowSpec": {}},
    }
    assert only(document, profile(["argo-3.5"], Catalogue.builtin())).path == "spec.schedules"
    assert findings([document], profile(["argo-3.6"], Catalogue.builtin())) == []


def test_every_profile_can_be_had_alone_and_with_others(tmp_path: Path) -> None:
    catalogue = Catalogue.builtin()
    for name in PROFILES:
        assert ("v1", "Pod") in profile([name], catalogue).served
    both = profile(["argo-3.6", "kserve-0.15"], catalogue)
    assert ARGO in both.served and ("serving.kserve.io/v1beta1", "InferenceService") in both.served
    with pytest.raises(Failure, match="there is no profile 'kubeflow-9'"):
        file = tmp_path / "a.yaml"
        file.write_text(yaml.safe_dump(workflow({})))
        check(file, "", ("kubeflow-9",), "dev", None)


def test_a_servers_openapi_becomes_a_schema() -> None:
    meta = {"type": "object", "properties": {"name": {"type": "string"}}}
    kind = {
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"allOf": [{"$ref": "#/components/schemas/Meta"}], "default": {}},
            "spec": {"$ref": "#/components/schemas/Spec"},
        },
        "x-kubernetes-group-version-kind": [{"group": "x.io", "version": "v1", "kind": "Thing"}],
    }
    spec = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "again": {"$ref": "#/components/schemas/Spec"}},
    }
    made = openapi.schemas({"components": {"schemas": {"Thing": kind, "Meta": meta, "Spec": spec}}})
    thing = {
        "apiVersion": "x.io/v1",
        "kind": "Thing",
        "metadata": {"name": "t"},
        "spec": {"a": "1", "b": 2, "again": {"deep": {"er": 1}}},
    }
    cluster = Cluster("x", served={("x.io/v1", "Thing"): Kind("things")}, schemas=made)
    assert only(thing, cluster).path == "spec.b"


def test_the_command_tells_files_and_ends_with_the_outcome(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(yaml.safe_dump(workflow({"command": ["true"]})))
    assert check(tmp_path, "", ("argo-3.6",), "dev", None) == 0
    assert check(tmp_path, "", ("kserve-0.15",), "dev", None) == 1
    said = capsys.readouterr().out
    assert "w.yaml: Workflow w: apiVersion: Workflow of argoproj.io/v1alpha1 is not served" in said
    with pytest.raises(Failure, match="--context NAME, or --profile NAME"):
        check(tmp_path, "", (), "dev", None)
