"""TFJobs and PyTorchJobs of 2017 to 2019 (`v1alpha1`, `v1alpha2`, `v1beta1`, `v1beta2`), read as `v1`.

`objects/admission` calls `modernise` before an object is judged; what is stored is today's document, so that
everything behind it knows one shape. Sources: kubeflow/tf-operator v0.3
pkg/apis/tensorflow/v1alpha1/types.go, v0.5 pkg/apis/tensorflow/v1beta2; kubeflow/pytorch-operator v0.5.
"""

from __future__ import annotations

from typing import Any

from pinnace.kinds.resource import Obj
from pinnace.kinds.training import FAMILIES, GROUP, TF_JOB, Family, type_of

TF_IMAGE = "tensorflow/tensorflow:1.3.0"
"""What v1alpha1 took where nothing names an image."""
POLICY = (
    "cleanPodPolicy", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished", "schedulingPolicy"
)
"""What later moved into `runPolicy`."""
SERVER = """\
import json, os
try:
    import tensorflow.compat.v1 as tf
except ImportError:
    import tensorflow as tf
config = json.loads(os.environ["TF_CONFIG"])
task = config["task"]
server = tf.train.Server(
    tf.train.ClusterSpec(config["cluster"]), job_name=task["type"], task_index=task["index"]
)
print("parameter server %d of %d" % (task["index"], len(config["cluster"]["ps"])), flush=True)
server.join()
"""
"""The platform's own parameter server: for a PS without a template, as v1alpha1 had one."""


def modernise(obj: Obj) -> None:
    """Changes the document in place; any type may stand anywhere in its spec."""
    family = next((one for one in FAMILIES if one.kind == obj.get("kind")), None)
    spec = obj.get("spec")
    if family is None or not isinstance(spec, dict):
        return
    old = obj.get("apiVersion", "").removeprefix(f"{GROUP}/") in family.older
    if not old:
        return
    if isinstance(spec.get("replicaSpecs"), list):
        spec[family.specs] = _mapped(family, spec)
        spec.pop("replicaSpecs")
    for field in ("tfImage", "terminationPolicy", "RuntimeId", "runtimeId"):
        spec.pop(field, None)
    spec["runPolicy"] = {
        "cleanPodPolicy": "Running", **{field: spec.pop(field) for field in POLICY if field in spec},
        **_map(spec.get("runPolicy")),
    }


def _map(value: Any) -> Obj:
    return value if isinstance(value, dict) else {}


def _mapped(family: Family, spec: Obj) -> Obj:
    """v1alpha1's list of replicas as today's map."""
    found: Obj = {}
    for entry in spec["replicaSpecs"]:
        if not isinstance(entry, dict):
            continue
        word = entry.get("tfReplicaType") or entry.get("replicaType") or "MASTER"
        replica: Obj = {"replicas": entry.get("replicas") or 1}
        template = entry.get("template")
        if isinstance(template, dict):
            replica["template"] = template
            replica["restartPolicy"] = _map(template.get("spec")).get("restartPolicy") or "OnFailure"
        elif family is TF_JOB and str(word).upper() == "PS":
            replica["template"] = _server(_image(spec))
            replica["restartPolicy"] = "OnFailure"
        _port(family, replica, entry.get("tfPort") or entry.get("masterPort"))
        found[type_of(family, str(word))] = replica
    return found


def _server(image: str) -> Obj:
    container = {"name": TF_JOB.container, "image": image, "command": ["python", "-c", SERVER]}
    return {"spec": {"containers": [container]}}


def _image(spec: Obj) -> str:
    """That of the document, else of the replica that computes, so that both speak the same protocol."""
    if isinstance(spec.get("tfImage"), str) and spec["tfImage"]:
        return str(spec["tfImage"])
    for entry in spec["replicaSpecs"]:
        for each in _containers(entry):
            if each.get("name") == TF_JOB.container and each.get("image"):
                return str(each["image"])
    return TF_IMAGE


def _containers(entry: Any) -> list[Obj]:
    containers = _map(_map(_map(entry).get("template")).get("spec")).get("containers")
    return [each for each in containers or () if isinstance(each, dict)]


def _port(family: Family, replica: Obj, port: Any) -> None:
    for each in _containers(replica):
        ports = each.get("ports") or []
        if port and each.get("name") == family.container and isinstance(ports, list):
            each["ports"] = [*ports, {"name": family.port_name, "containerPort": port}]


def warning(obj: Obj, version: str) -> str:
    return (
        f"{GROUP}/{version} {obj['kind']}: this version ended years ago; the document is read as {GROUP}/v1 "
        "(replicaSpecs become a map by type, policies move into spec.runPolicy, cleanPodPolicy is Running)"
    )
