"""A Pod becomes a Run: environment, volumes, staging, probes; what is missing is named as by the kubelet."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.pods.environment import expand
from pinnace.controllers.pods.found import Blocked, Found, Reference, needed
from pinnace.controllers.pods.resolve import Surroundings, resolve
from pinnace.controllers.pods.schedule import Machine
from pinnace.home import Home
from pinnace.node.protocol import Run

OBJECTS: dict[Reference, Any] = {
    Reference("secrets", "s"): {"data": {"k": base64.b64encode(b"hush").decode(), "bin": "AP8="}},
    Reference("configmaps", "c"): {"data": {"a": "1", "b-c": "2", "not a name": "x"}},
    Reference("persistentvolumeclaims", "data"): {
        "metadata": {"name": "data", "namespace": "ns", "uid": "claim-1"}
    },
}


def made(container: dict[str, Any], tmp: Path, meta: dict[str, Any] | None = None, **spec: Any) -> Run:
    pod = {
        "metadata": {"name": "p", "namespace": "ns", "uid": "u", "labels": {"app": "x"}, **(meta or {})},
        "spec": {"restartPolicy": "Never", "nodeName": "pinnace", **spec,
                 "containers": [{"name": "main", "image": "i", **container}]},
    }
    found = Found("ns", {each: OBJECTS.get(each) for each in needed(pod)})
    return resolve(pod, found, Surroundings(Home.at(tmp), Machine(4000, 8 << 30)), now=1000.0)


@pytest.mark.parametrize(("text", "value"), [
    ("$(A)-$(B)", "1-$(B)"), ("$$(A)", "$(A)"), ("$A $", "$A $"), ("$($(A))", "$(1)"), ("a$$b", "a$b"),
])
def test_expansion(text: str, value: str) -> None:
    assert expand(text, {"A": "1"}) == value


def test_environment(tmp_path: Path) -> None:
    env = [
        {"name": "FIRST", "value": "1"},
        {"name": "SECOND", "value": "$(FIRST)$(THIRD)"},
        {"name": "THIRD", "value": ""},
        {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        {"name": "OPTIONAL", "valueFrom": {"secretKeyRef": {"name": "no", "key": "k", "optional": True}}},
        {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "LABEL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
        {"name": "MEMORY",
         "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
    ]
    container = {"env": env, "envFrom": [{"prefix": "X_", "configMapRef": {"name": "c"}}],
                 "args": ["$(FIRST)", "$(NOPE)"], "resources": {"limits": {"cpu": "1500m", "memory": "1Gi"}}}
    run = made(container, tmp_path)
    (main,) = run.containers
    assert main.env == {
        "X_a": "1", "X_b-c": "2", "FIRST": "1", "SECOND": "1$(THIRD)", "THIRD": "", "SECRET": "hush",
        "NAME": "p", "LABEL": "x", "CPU": "2", "MEMORY": "1024",
    }
    assert main.args == ["1", "$(NOPE)"]
    assert (main.milli_cpu, main.memory_limit) == (1500, 1 << 30)


@pytest.mark.parametrize(("container", "message"), [
    ({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "no", "key": "k"}}}]},
     'secret "no" not found'),
    ({"envFrom": [{"configMapRef": {"name": "no"}}]}, 'configmap "no" not found'),
    ({"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "z"}}}]},
     "couldn't find key z in ConfigMap ns/c"),
    ({"volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "../x"}]}, "must be relative"),
    ({"volumeMounts": [{"name": "nope", "mountPath": "/v"}]}, "names no volume"),
    ({"readinessProbe": {"httpGet": {"port": "web"}}}, "couldn't find port"),
])
def test_what_is_missing_is_named(container: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(Blocked, match=message.replace("(", r"\(")):
        made(container, tmp_path, volumes=[{"name": "v", "emptyDir": {}}])


@pytest.mark.parametrize(("volume", "message"), [
    ({"hostPath": {"path": "/etc"}}, "hostPath /etc is not allowed here"),
    ({"persistentVolumeClaim": {"claimName": "no"}}, 'persistentvolumeclaim "no" not found'),
    ({"configMap": {"name": "c", "items": [{"key": "a", "path": "../../x"}]}}, r"must be relative"),
    ({"nfs": {"server": "x", "path": "/"}}, "nfs volumes need a cluster"),
])
def test_volumes_that_cannot_be(volume: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(Blocked, match=message):
        mounts = [{"name": "v", "mountPath": "/v"}]
        made({"volumeMounts": mounts}, tmp_path, volumes=[{"name": "v", **volume}])


def test_volumes(tmp_path: Path) -> None:
    volumes: list[dict[str, Any]] = [
        {"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "secret", "secret": {"secretName": "s", "defaultMode": 0o400}},
        {"name": "all", "projected": {"sources": [
            {"configMap": {"name": "c", "items": [{"key": "a", "path": "conf/a"}]}},
            {"secret": {"name": "s", "items": [{"key": "k", "path": "k", "mode": 0o600}]}},
            {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        ]}},
    ]
    mounts = [{"name": each["name"], "mountPath": f"/{each['name']}"} for each in volumes]
    mounts[1] |= {"subPath": "models", "readOnly": True}
    run = made({"volumeMounts": mounts}, tmp_path, volumes=volumes)
    scratch, data, secret, everything = run.containers[0].mounts
    assert (scratch.volume, scratch.source, scratch.size_limit) == ("scratch", "", 1 << 20)
    assert data.source == str(tmp_path.resolve() / "volumes/ns/data")
    assert Path(data.source).is_dir()
    assert (data.sub_path, data.read_only) == ("models", True)
    assert secret.files == {"k": b"hush", "bin": b"\x00\xff"}
    assert secret.modes == {"k": 0o400, "bin": 0o400}
    assert everything.files == {"conf/a": b"1", "k": b"hush", "labels": b'app="x"'}
    assert everything.modes is not None
    assert everything.modes["k"] == 0o600


def test_staging_deadline_and_identity(tmp_path: Path) -> None:
    inputs = [{"name": "i", "path": "/in", "digest": "d"}, {"name": "r", "path": "/r", "raw": "x"}]
    staging = {"inputs": inputs,
               "outputs": {"artifacts": [{"name": "o", "path": "/out", "optional": True}]},
               "script": "print(1)", "main": "main"}
    annotations = {"pinnace.dev/staging": json.dumps(staging), "pinnace.dev/isolation": "sandbox",
                   "pinnace.dev/sockets": json.dumps({"main": ["/run/model.sock"]})}
    run = made(
        {"readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 2},
         "securityContext": {"readOnlyRootFilesystem": True}},
        tmp_path, {"annotations": annotations}, activeDeadlineSeconds=60, securityContext={"runAsUser": 1000},
        terminationGracePeriodSeconds=5,
    )
    (main,) = run.containers
    assert (run.main, run.deadline, run.grace) == ("main", 1060.0, 5)
    assert (run.isolation, run.hostname) == ("sandbox", "p")
    assert [each.raw for each in run.inputs] == [None, b"x"]
    assert run.outputs is not None
    assert run.outputs.artifacts[0].optional
    assert (main.script, main.uid, main.read_only_root) == ("print(1)", 1000, True)
    assert main.readiness is not None
    assert (main.readiness.unix, main.readiness.path) == ("/run/model.sock", "/ready")
    assert main.readiness.period == 2


def test_annotations_that_are_wrong_are_named(tmp_path: Path) -> None:
    with pytest.raises(Blocked, match=r"pinnace\.dev/staging"):
        made({}, tmp_path, {"annotations": {"pinnace.dev/staging": "{"}})
    with pytest.raises(Blocked, match='"vm" is none of container, sandbox, process'):
        made({}, tmp_path, {"annotations": {"pinnace.dev/isolation": "vm"}})
