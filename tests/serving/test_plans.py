"""Selection, merge, placeholders, storage and admission: the pure parts, by upstream's rules."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pinnace.controllers.serving import credentials, storage, template, traffic
from pinnace.controllers.serving.bootstrap import runtimes, sklearn
from pinnace.controllers.serving.selection import Problem, choose
from pinnace.controllers.serving.storage import Artifact
from pinnace.controllers.serving.traffic import Rollout
from pinnace.kinds import serving

VOLUMES = Path("/home/volumes")


def runtime(name: str, *formats: dict[str, Any], protocols: tuple[str, ...] = ("v1",), **spec: Any) -> Any:
    supported = [{"name": "sklearn", "version": "1", "autoSelect": True, **one} for one in formats or ({},)]
    containers = [{"name": "kserve-container", "image": f"example/{name}:1", "args": ["--a=1"]}]
    return {
        "kind": "ServingRuntime", "metadata": {"name": name, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"supportedModelFormats": supported, "protocolVersions": list(protocols),
                 "containers": containers, **spec},
    }


def service(**predictor: Any) -> Any:
    meta = {"name": "iris", "namespace": "demo", "labels": {"team": "a"}, "annotations": {"note": "b"}}
    return {"metadata": meta, "spec": {"predictor": predictor}}


def plan(isvc: Any, chosen: Any = None, source: storage.Source | None = None) -> template.Plan:
    return template.build(isvc, isvc["spec"]["predictor"], chosen, source)


MODEL = {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://artifacts/models/a"}


def test_a_namespaces_runtimes_win_then_priority_decides() -> None:
    near, far = runtime("near"), runtime("far", {"priority": 9})
    assert choose(MODEL, [near], [far])["metadata"]["name"] == "near"
    low, high = runtime("a", {"priority": 1}), runtime("b", {"priority": 2})
    assert choose(MODEL, [], [low, high])["metadata"]["name"] == "b"


def test_an_unset_protocol_means_v1() -> None:
    one, two = runtime("one"), runtime("two", {"priority": 5}, protocols=("v2",))
    assert choose(MODEL, [], [two, one])["metadata"]["name"] == "one"
    assert choose({**MODEL, "protocolVersion": "v2"}, [], [two, one])["metadata"]["name"] == "two"


def test_disabled_other_and_unwilling_runtimes_are_passed_over() -> None:
    others = [runtime("a", disabled=True), runtime("b", multiModel=True), runtime("c", {"autoSelect": False}),
              runtime("d", {"name": "onnx"})]
    with pytest.raises(Problem, match=r"No runtime found .*sklearn.*serve: onnx, sklearn"):
        choose(MODEL, [], others)
    versioned = {"modelFormat": {"name": "sklearn", "version": "2"}}
    with pytest.raises(Problem):
        choose(versioned, [], [runtime("e")])


@pytest.mark.parametrize(("wanted", "reason"), [
    ({"runtime": "none"}, "RuntimeNotRecognized"), ({"runtime": "off"}, "RuntimeDisabled"),
    ({"runtime": "on", "protocolVersion": "v2"}, "NoSupportingRuntime"),
    ({"runtime": "on", "modelFormat": {"name": "onnx"}}, "NoSupportingRuntime"),
])
def test_a_named_runtime_says_why_it_cannot(wanted: Any, reason: str) -> None:
    with pytest.raises(Problem) as problem:
        choose({**MODEL, **wanted}, [runtime("on"), runtime("off", disabled=True)], [])
    assert problem.value.reason == reason


def test_arguments_follow_each_other_and_env_is_merged_by_name() -> None:
    base = runtime("r")
    base["spec"]["containers"][0] |= {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
    isvc = service(model={**MODEL, "args": ["--b=2"], "env": [{"name": "B", "value": "3"}]})
    container = plan(isvc, base).template["spec"]["containers"][0]
    assert container["args"] == ["--a=1", "--b=2"]
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    assert env == {"A": "1", "B": "3", "INFERENCE_SERVICE_NAME": "iris"}


def test_placeholders_are_the_services_metadata() -> None:
    base = runtime("r")
    base["spec"]["containers"][0]["args"] = [
        "{{.Name}}", "{{ .Namespace }}", "{{.Labels.team}}", "{{.Annotations.note}}", "{{.Labels.none}}",
    ]
    args = plan(service(model=MODEL), base).template["spec"]["containers"][0]["args"]
    assert args == ["iris", "demo", "a", "b", ""]
    base["spec"]["containers"][0]["args"] = ["{{.Nmae}}"]
    with pytest.raises(Problem, match="a runtime may use"):
        plan(service(model=MODEL), base)


def test_runtime_version_replaces_the_tag_only() -> None:
    assert template.with_tag("reg:5000/a/b:1", "2") == "reg:5000/a/b:2"
    assert template.with_tag("a/b", "2") == "a/b:2"
    assert template.with_tag("a/b@sha256:00", "2") == "a/b@sha256:00"


def test_the_protocol_decides_the_question_for_readiness() -> None:
    assert plan(service(model=MODEL), sklearn()).health == "/v1/models/iris"
    second = service(model={**MODEL, "protocolVersion": "v2"})
    assert plan(second, sklearn()).health == "/v2/models/iris/ready"
    named = service(model={**MODEL, "args": ["--model_name", "other"]})
    assert plan(named, sklearn()).health == "/v1/models/other"


def test_a_server_without_a_model_is_asked_whether_it_is_ready_itself() -> None:
    found = plan(service(model={"modelFormat": {"name": "sklearn"}}), sklearn())
    assert found.health == "/v2/health/ready"
    env = found.template["spec"]["containers"][0]["env"]
    assert {"name": "MULTI_MODEL", "value": "true"} in env


def test_mlserver_is_told_its_class_and_model() -> None:
    chosen = next(each for each in runtimes() if each["metadata"]["name"] == "kserve-mlserver")
    found = plan(service(model={**MODEL, "protocolVersion": "v2"}), chosen)
    env = {e["name"]: e.get("value") for e in found.template["spec"]["containers"][0]["env"]}
    assert env["MLSERVER_MODEL_IMPLEMENTATION"] == "mlserver_sklearn.SKLearnModel"
    assert (env["MLSERVER_MODEL_NAME"], env["MLSERVER_MODEL_URI"]) == ("iris", "/mnt/models")
    assert found.health == "/v2/models/iris/ready"


def test_a_probe_without_a_port_asks_the_server_s() -> None:
    given = {**MODEL, "livenessProbe": {"httpGet": {"path": "/x"}, "periodSeconds": 5}}
    container = plan(service(model=given), sklearn()).template["spec"]["containers"][0]
    assert container["livenessProbe"] == {"httpGet": {"path": "/x", "port": 8080}, "periodSeconds": 5}
    assert container["startupProbe"]["httpGet"]["path"] == "/v1/models/iris", "it may take its time to load"


def test_a_container_beside_a_model_keeps_its_name() -> None:
    beside = service(model=MODEL, containers=[{"name": "transformer-container", "image": "a"}])
    serving.default(beside)
    assert not serving.check(beside)
    assert beside["spec"]["predictor"]["containers"][0]["name"] == "transformer-container"


def test_a_collocated_transformer_has_the_pods_port_and_the_model_its_own() -> None:
    front = {"name": "transformer-container", "image": "a", "ports": [{"containerPort": 8000}]}
    model = {**MODEL, "storageUri": "pvc://models/a", "args": ["--http_port=8085"]}
    found = plan(service(model=model, containers=[front]), sklearn(), storage.claim("models", "a"))
    server, transformer = found.template["spec"]["containers"]
    assert (found.port, found.socket, found.health) == (8000, "", "")
    assert server["readinessProbe"]["httpGet"] == {"path": "/v1/models/iris", "port": 8085}
    assert server["ports"] == [{"containerPort": 8085, "protocol": "TCP"}]
    assert transformer["readinessProbe"]["tcpSocket"] == {"port": 8000}
    assert transformer["volumeMounts"] == server["volumeMounts"]
    assert {"name": "INFERENCE_SERVICE_NAME", "value": "iris"} in transformer["env"]
    assert {"name": "PINNACE_GRPC_PORT", "value": "0"} in server["env"], "8081 is the transformer's"


def test_ports_named_for_http2_are_grpc() -> None:
    two = [{"name": "http", "containerPort": 8080}, {"name": "h2c", "containerPort": 8081}]
    both = plan(service(containers=[{"name": "kserve-container", "image": "me/mine", "ports": two}]))
    assert (both.port, both.h2, both.grpc) == (8080, False, 8081)
    one = plan(service(containers=[{"name": "kserve-container", "image": "me/mine", "ports": two[1:]}]))
    assert (one.port, one.h2, one.grpc, one.health) == (8081, True, 0, "")


def test_a_server_of_ours_is_told_the_port_that_is_named_for_grpc() -> None:
    ports = [{"name": "h2c", "containerPort": 9000}]
    alone = plan(service(model={**MODEL, "ports": ports}), sklearn())
    (container,) = alone.template["spec"]["containers"]
    assert {"name": "PINNACE_GRPC_PORT", "value": "9000"} in container["env"]
    assert (alone.port, alone.h2, alone.socket) == (9000, True, "")
    beside = plan(service(model={**MODEL, "ports": [{"containerPort": 8080}, *ports]}), sklearn())
    assert (beside.port, beside.grpc, beside.socket) == (8080, 9000, "")
    assert plan(service(model=MODEL), sklearn()).socket == template.SOCKET


def test_a_custom_container_is_reached_by_its_port() -> None:
    ports = [{"containerPort": 9}]
    found = plan(service(containers=[{"name": "kserve-container", "image": "me/mine", "ports": ports}]))
    assert (found.socket, found.port, found.health) == ("", 9, "")
    assert found.template["spec"]["containers"][0]["readinessProbe"]["tcpSocket"] == {"port": 9}


def test_the_identity_changes_with_the_template_and_with_nothing_else() -> None:
    first = plan(service(model=MODEL, canaryTrafficPercent=10, minReplicas=1), sklearn())
    same = plan(service(model=MODEL, canaryTrafficPercent=90, minReplicas=3), sklearn())
    other = plan(service(model={**MODEL, "env": [{"name": "A", "value": "1"}]}), sklearn())
    assert first.identity == same.identity != other.identity
    staged = storage.Source(inputs=({"name": "model", "path": "/mnt/models", "digest": "ab"},))
    again = storage.Source(inputs=({"name": "model", "path": "/mnt/models", "digest": "cd"},))
    uri = service(model={**MODEL, "storageUri": "s3://artifacts/m"})
    assert plan(uri, sklearn(), staged).identity == plan(uri, sklearn(), again).identity


# Storage ------------------------------------------------------------------------------------------------


def resolve(uri: str, **artifacts: Artifact) -> storage.Source:
    return storage.resolve(uri, "demo", lambda namespace, key: artifacts.get(key), VOLUMES)


def test_a_claim_is_mounted_read_only() -> None:
    source = resolve("pvc://models/iris/v1")
    assert source.mounts == (
        {"name": storage.VOLUME, "mountPath": "/mnt/models", "readOnly": True, "subPath": "iris/v1"},
    )
    assert source.volumes[0]["persistentVolumeClaim"] == {"claimName": "models", "readOnly": True}


def test_an_artifact_is_staged_by_its_digest() -> None:
    folder, file = Artifact(digest="d", directory=True), Artifact(digest="f")
    assert resolve("s3://artifacts/best", best=folder).inputs[0]["path"] == "/mnt/models"
    found = storage.resolve("s3://artifacts/m/model.joblib", "demo", lambda ns, key: file, VOLUMES)
    assert found.inputs == ({"name": "model", "path": "/mnt/models/model.joblib", "digest": "f"},)


@pytest.mark.parametrize(("uri", "words"), [
    ("file:///etc/passwd", "use pvc://"), ("/etc/passwd", "use pvc://"),
    ("file:///home/volumes/other/claim/x", "use pvc://"), ("file:///home/volumes/demo/../other/x", r"'\.\.'"),
    ("file:///home/volumes/demo/%2e%2e/other/x", r"'\.\.'"), ("pvc://models/../../x", r"'\.\.'"),
    ("hdfs://org/model", "hdfs:// is not fetched"), ("oci://169.254.169.254/a", "no model lies there"),
    ("pvc://", "expected pvc"),
    ("s3://artifacts/none", "no artifact of namespace demo has the key 'none'"),
])
def test_what_is_not_served_is_refused_with_what_to_write(uri: str, words: str) -> None:
    with pytest.raises(Problem, match=words):
        resolve(uri)


def test_a_path_inside_an_own_claim_is_that_claim() -> None:
    assert resolve("file:///home/volumes/demo/models/iris") == resolve("pvc://models/iris")


# Traffic ------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from(["new", "ready", "same"]), st.none() | st.integers(0, 100))))
def test_traffic_always_sums_to_a_hundred_and_names_only_what_was_ready(steps: list[Any]) -> None:
    rollout, number, ready = Rollout(), 0, set()
    for step, canary in steps:
        if step == "new":
            number += 1
            rollout = Rollout(created=f"r{number}", ready=rollout.ready, rolled_out=rollout.rolled_out,
                              previous=rollout.previous)
        if step == "ready" and rollout.created:
            ready.add(rollout.created)
            rollout = Rollout(created=rollout.created, ready=rollout.created, rolled_out=rollout.rolled_out,
                              previous=rollout.previous)
        rollout, targets = traffic.turn(rollout, canary)
        again, same = traffic.turn(rollout, canary)
        assert (again, same) == (rollout, targets), "the rule has settled"
        assert bool(targets) == bool(ready)
        assert sum(t.percent for t in targets) == (100 if targets else 0)
        assert {t.revision for t in targets} <= ready


# Admission ----------------------------------------------------------------------------------------------


def test_a_legacy_framework_becomes_a_model() -> None:
    isvc = service(sklearn={"storageUri": "s3://artifacts/m"}, minReplicas=1)
    serving.default(isvc)
    assert isvc["spec"]["predictor"] == {
        "minReplicas": 1, "model": {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://artifacts/m"},
    }
    assert isvc["metadata"]["annotations"]["modelFormat"] == "sklearn"
    onnx = service(onnx={"storageUri": "s3://artifacts/m"})
    serving.default(onnx)
    assert onnx["spec"]["predictor"]["model"]["protocolVersion"] == "v2"


def test_a_manifest_in_the_old_form_is_applied_again_over_its_new_form() -> None:
    isvc = service(model={**MODEL, "storageUri": "s3://old"}, sklearn={"storageUri": "s3://new"})
    serving.default(isvc)
    assert isvc["spec"]["predictor"] == {"model": {**MODEL, "storageUri": "s3://new"}}
    both = service(xgboost={}, sklearn={})
    serving.default(both)
    assert [str(cause) for cause in serving.check(both)]  # two frameworks stay two


def test_a_lone_container_gets_its_name() -> None:
    for named in ({}, {"name": "mine"}):
        isvc = service(containers=[{"image": "a", **named}])
        serving.default(isvc)
        assert isvc["spec"]["predictor"]["containers"][0]["name"] == "kserve-container"


@pytest.mark.parametrize(("predictor", "words"), [
    ({}, "exactly one of"), ({"model": MODEL, "sklearn": {}}, "exactly one of"),
    ({"model": {**MODEL, "name": "x"}}, "the 'name' field is not allowed in standard predictor"),
    ({"model": MODEL, "minReplicas": 3, "maxReplicas": 2}, "'MinReplicas' cannot be greater than Max"),
    ({"model": MODEL, "minReplicas": -1}, "'MinReplicas' cannot be less than 0"),
    ({"model": MODEL, "containerConcurrency": -1}, "parallelism cannot be less than 0"),
    ({"model": MODEL, "scaleMetric": "cpu"}, r"\[cpu\] is not a supported metric"),
    ({"model": MODEL, "canaryTrafficPercent": 101}, "must be between 0 and 100"),
    ({"model": MODEL, "deploymentStrategy": {"type": "Recreate"}}, "only supported for raw deployment mode"),
])
def test_what_kserve_refuses_is_refused(predictor: Any, words: str) -> None:
    causes = serving.check(service(**predictor))
    assert [cause for cause in causes if re.search(words, cause.message)], causes


def test_upstreams_samples_pass(shared: Path) -> None:
    """All but one, which KServe's own webhook refuses: it names the container of a standard predictor."""
    judged: dict[str, list[str]] = {}
    for path in (shared / "corpus" / "kserve").rglob("*.yaml"):
        for document in yaml.safe_load_all(path.read_text()):
            kind = (document or {}).get("kind"), (document or {}).get("apiVersion")
            if kind == ("InferenceService", "serving.kserve.io/v1beta1"):
                serving.default(document)
                judged[str(path)] = [cause.field for cause in serving.check(document)]
    assert len(judged) > 20
    refused = [fields for fields in judged.values() if fields]
    assert refused == [["spec.predictor.model.name"]]


def test_what_lies_elsewhere_is_fetched_before_the_server_starts() -> None:
    variable = {"name": "AWS_ACCESS_KEY_ID", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    access = storage.Access(env=(variable,))
    source = storage.resolve("s3://bucket/m", "demo", lambda ns, key: None, VOLUMES, access=access)
    made = plan(service(model=MODEL), sklearn(), source).template["spec"]
    (fetcher,) = made["initContainers"]
    assert (fetcher["args"], fetcher["env"]) == (["s3://bucket/m", "/mnt/models"], [variable])
    assert made["volumes"] == [{"name": storage.PROVISIONED, "emptyDir": {}}]
    mount = {"name": storage.PROVISIONED, "mountPath": "/mnt/models", "readOnly": True}
    assert mount in made["containers"][0]["volumeMounts"]


def test_an_initializer_of_ones_own_keeps_its_command() -> None:
    container = {"name": "mine", "image": "own:1", "command": ["python", "/fetch.py"], "args": ["-v"]}
    found = storage.resolve("s3://b/k", "demo", lambda ns, key: None, VOLUMES,
                            access=storage.Access(container=container))
    (fetcher,) = found.init
    assert fetcher["name"] == "storage-initializer"
    assert fetcher["command"] + fetcher["args"] == ["python", "/fetch.py", "-v", "s3://b/k", "/mnt/models"]


def test_a_secret_is_referred_to_and_never_copied() -> None:
    notes = {"serving.kserve.io/s3-endpoint": "minio:9000", "serving.kserve.io/s3-usehttps": "0"}
    data = {"AWS_ACCESS_KEY_ID": "aWQ=", "awsSecretAccessKey": "c2VjcmV0"}
    secret = {"metadata": {"name": "store", "annotations": notes}, "data": data}
    found = {entry["name"]: entry for entry in credentials.of_secret(secret).env}
    reference = {"secretKeyRef": {"name": "store", "key": "awsSecretAccessKey"}}
    assert found["AWS_SECRET_ACCESS_KEY"]["valueFrom"] == reference
    assert found["AWS_ENDPOINT_URL"]["value"] == "http://minio:9000"
    assert "c2VjcmV0" not in str(found)
