"""What runs a Tensorboard: the Deployment and the Service that upstream's controller makes. Pure.

Source: kubeflow/kubeflow components/tensorboard-controller/controllers/tensorboard_controller.go
(generateDeployment, generateService).
"""

from __future__ import annotations

import re

import msgspec

from pinnace.controllers.notebook import workload
from pinnace.kinds import notebook as kind
from pinnace.kinds.resource import Obj

IMAGE = "pinnace/tensorboard"
PORT = 6006
MOUNT = "/tensorboard_logs/"
OLDER_CLAIM = "tb-volume"
"""Where upstream looks for a path that names no claim."""
_CLOUD = re.compile(r"[a-z][a-z0-9+.-]*://")


class Logs(msgspec.Struct, frozen=True):
    """Where they lie: below `mount` on a claim, or (no claim) at an address that TensorBoard reads itself."""

    directory: str
    claim: str = ""
    mount: str = ""
    sub_path: str = ""


def logs(path: str, artifact: bool = False, name: str = "") -> Logs:
    """`artifact`: the path is the key of an artifact of ours, which is laid into a claim of its own."""
    if path.startswith("pvc://"):
        claim, _, below = path.removeprefix("pvc://").partition("/")
        return Logs(MOUNT, claim, MOUNT, below.strip("/"))
    if artifact:
        return Logs(MOUNT, claim_name(name), MOUNT)
    if _CLOUD.match(path) or path.startswith("/cns/"):
        return Logs(path)
    return Logs(path, OLDER_CLAIM, path)


def claim_name(name: str) -> str:
    return f"{name}-logs"


def claim(tensorboard: Obj, size: int) -> Obj:
    """For the copy of an artifact."""
    meta = tensorboard["metadata"]
    return {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": claim_name(meta["name"]), "namespace": meta["namespace"],
            "ownerReferences": [workload.reference(tensorboard)],
        },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": str(max(size, 1024 * 1024))}},
        },
    }


def deployment(tensorboard: Obj, where: Logs, mark: str, *, shared: bool) -> Obj:
    """`shared`: its Pod has this machine's network, where each needs a port of its own."""
    meta = tensorboard["metadata"]
    labels = {"app": meta["name"]}
    port = workload.own_port(tensorboard) if shared else PORT
    container: Obj = {
        "name": "tensorboard", "image": IMAGE, "command": ["tensorboard"], "workingDir": "/",
        "args": [f"--logdir={where.directory}", "--bind_all", f"--port={port}"],
        "ports": [{"containerPort": port, "protocol": "TCP"}],
    }
    spec: Obj = {"containers": [container], "restartPolicy": "Always"}
    if where.claim:
        mount = {"name": "tbpd", "mountPath": where.mount, "readOnly": True}
        container["volumeMounts"] = [{**mount, **({"subPath": where.sub_path} if where.sub_path else {})}]
        spec["volumes"] = [{"name": "tbpd", "persistentVolumeClaim": {"claimName": where.claim}}]
    made = {
        "replicas": 0 if kind.stopped(tensorboard) else 1, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": spec},
    }
    notes = {workload.MADE_OF: workload.digest(made), **({kind.SESSIONS: mark} if mark else {})}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": meta["name"], "namespace": meta["namespace"], "labels": labels, "annotations": notes,
            "ownerReferences": [workload.reference(tensorboard)],
        },
        "spec": made,
    }


def status(tensorboard: Obj, held: Obj, now: str) -> Obj:
    """The Deployment's newest condition, told whenever it became another."""
    seen = held.get("status") or {}
    found = seen.get("conditions") or ()
    newest = max(found, key=lambda one: str(one.get("lastTransitionTime") or ""), default=None)
    known = list((tensorboard.get("status") or {}).get("conditions") or ())
    if newest is not None and (not known or known[-1].get("deploymentState") != newest["type"]):
        known.append({"deploymentState": newest["type"], "lastProbeTime": now})
    return {"conditions": known[-10:], "readyReplicas": int(seen.get("readyReplicas") or 0)}
