"""What runs a Notebook: the StatefulSet and the Service that upstream's controller makes. Pure.

Source: kubeflow/kubeflow components/notebook-controller/controllers/notebook_controller.go
(generateStatefulSet, generateService, setPrefixEnvVar).
"""

from __future__ import annotations

import copy
import hashlib
import json
import zlib

from pinnace.kinds import notebook as kind
from pinnace.kinds import reserved
from pinnace.kinds.resource import Obj

LONGEST = 52
"""A StatefulSet's Pods carry its name and a hash in a label."""
SELECTED_BY = "statefulset"
FS_GROUP = 100
MADE_OF = "pinnace.dev/made-of"
"""Annotation of what a controller makes: which document it was made of, so that nothing is written twice."""
FIRST_PORT, PORTS = 20_000, 12_000
PORT_VARIABLE = "JUPYTER_PORT"


def name_of(notebook: Obj) -> str:
    """Of its StatefulSet; the Pod's has `-0` behind it."""
    name = str(notebook["metadata"]["name"])
    if len(name) <= LONGEST:
        return name
    return f"nb-{hashlib.blake2s(name.encode(), digest_size=8).hexdigest()}"


def stateful_set(notebook: Obj, mark: str, *, shared: bool) -> Obj:
    """`mark`: of its sessions, '' while it is stopped. `shared`: its Pod has this machine's network."""
    meta, name = notebook["metadata"], name_of(notebook)
    labels = {**(meta.get("labels") or {}), SELECTED_BY: meta["name"], kind.NAME_LABEL: meta["name"]}
    spec = {
        "replicas": 0 if kind.stopped(notebook) else 1,
        "selector": {"matchLabels": {SELECTED_BY: meta["name"]}},
        "template": {
            "metadata": {"labels": labels, "annotations": passed(kind.notes(notebook))},
            "spec": pod_spec(notebook, shared=shared),
        },
    }
    made = {"labels": meta.get("labels") or {}, "spec": spec}
    notes = {MADE_OF: digest(made), **({kind.SESSIONS: mark} if mark else {})}
    return {
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {
            "name": name, "namespace": meta["namespace"], "labels": meta.get("labels") or {},
            "annotations": notes, "ownerReferences": [reference(notebook)],
        },
        "spec": spec,
    }


def passed(notes: dict[str, str]) -> dict[str, str]:
    """The annotations that its Pod gets, too."""
    mine = (kind.STOPPED, kind.IDLE_MINUTES)
    return {
        name: text for name, text in reserved.without(notes).items()
        if "kubectl" not in name and "notebook" not in name and name not in mine
    }


def pod_spec(notebook: Obj, *, shared: bool) -> Obj:
    spec: Obj = copy.deepcopy(notebook["spec"]["template"]["spec"])
    spec.setdefault("securityContext", {"fsGroup": FS_GROUP})
    main = spec["containers"][0]
    main["workingDir"] = main.get("workingDir") or kind.HOME
    variables = {"NB_PREFIX": kind.prefix(notebook)}
    if not main.get("ports"):
        number = own_port(notebook) if shared else kind.PORT
        main["ports"] = [{"name": "notebook-port", "containerPort": number, "protocol": "TCP"}]
        if shared:
            variables[PORT_VARIABLE] = str(number)
    others = [one for one in main.get("env") or () if one["name"] not in variables]
    main["env"] = [*others, *({"name": name, "value": text} for name, text in variables.items())]
    return spec


def own_port(owner: Obj) -> int:
    """Where all programs share one network, each has a port by its name."""
    meta = owner["metadata"]
    return FIRST_PORT + zlib.crc32(f"{owner['kind']}/{meta['namespace']}/{meta['name']}".encode()) % PORTS


def port_of(template: Obj) -> int:
    """Where the Pod of a StatefulSet's or Deployment's template answers."""
    return int(template["spec"]["containers"][0]["ports"][0]["containerPort"])


def service(owner: Obj, selector: dict[str, str], port: int) -> Obj:
    meta = owner["metadata"]
    return {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": meta["name"], "namespace": meta["namespace"], "ownerReferences": [reference(owner)],
        },
        "spec": {
            "type": "ClusterIP", "selector": selector,
            "ports": [{
                "name": f"http-{meta['name']}"[:63].rstrip("-"), "port": 80, "targetPort": port,
                "protocol": "TCP",
            }],
        },
    }


def reference(owner: Obj) -> Obj:
    meta = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": meta["name"], "uid": meta["uid"],
        "controller": True, "blockOwnerDeletion": True,
    }


def digest(made: Obj) -> str:
    text = json.dumps(made, sort_keys=True).encode()
    return hashlib.blake2s(text, digest_size=12).hexdigest()
