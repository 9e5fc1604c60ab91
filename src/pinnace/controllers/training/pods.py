"""The pods and headless Services of a training job, made from its replica specs.

Pure. Source: kubeflow/training-operator pkg/controller.v1/common/{pod,service}.go. A job's pods carry the
gang annotations of the scheduler: half a started job only hangs.
"""

from __future__ import annotations

from typing import Any

from pinnace.controllers.training.framework import Environment, Framework
from pinnace.controllers.training.view import REPLICA_INDEX, REPLICA_TYPE, ROLE, Job, Replica
from pinnace.kinds import reserved
from pinnace.kinds.annotations import GANG, GANG_SIZE
from pinnace.kinds.resource import Obj

RESTARTS = "pinnace.dev/restarts"
"""How often this replica's pod was made anew, so that a crash loop slows down and ends."""


def reference(owner: Obj) -> Obj:
    meta = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": meta["name"], "uid": meta["uid"],
        "controller": True, "blockOwnerDeletion": True,
    }


def labels(framework: Framework, job: Job, replica: Replica, index: int) -> dict[str, str]:
    found = {**job.labels(), REPLICA_TYPE: replica.word, REPLICA_INDEX: str(index)}
    if framework.leads(job, replica.type, index):
        found[ROLE] = "master"
    return found


def made(
    framework: Framework, job: Job, replica: Replica, index: int, *, gang: str = "", restarts: int = 0
) -> Obj:
    """`gang`: the name that pods have in common that start together or not at all."""
    own: dict[str, Any] = replica.template.get("metadata") or {}
    annotations = reserved.without(own.get("annotations"))
    if gang and job.minimum > 1:
        annotations[GANG], annotations[GANG_SIZE] = gang, str(job.minimum)
    if restarts:
        annotations[RESTARTS] = str(restarts)
    spec = dict(replica.template.get("spec") or {})
    spec["restartPolicy"] = "Never" if replica.restart == "ExitCode" else replica.restart
    spec["containers"] = _containers(framework, job, replica, index)
    policy = job.policy.get("schedulingPolicy") or {}
    if policy.get("priorityClass") and not spec.get("priorityClassName"):
        spec["priorityClassName"] = policy["priorityClass"]
    framework.dress(job, replica, index, spec)
    return {
        "apiVersion": "v1", "kind": "Pod", "spec": spec,
        "metadata": {
            "name": framework.pod_name(job, replica.type, index), "namespace": job.namespace,
            "labels": {**(own.get("labels") or {}), **labels(framework, job, replica, index)},
            "annotations": annotations, "ownerReferences": [reference(job.obj)],
        },
    }


def _containers(framework: Framework, job: Job, replica: Replica, index: int) -> list[Obj]:
    env = framework.environment(job, replica, index)
    found = []
    trainers = [each["name"] for each in replica.template["spec"]["containers"]]
    main = framework.family.container if framework.family.container in trainers else trainers[0]
    for container in replica.template["spec"]["containers"]:
        is_main = container["name"] == main
        given = env if framework.everywhere or is_main else []
        found.append(_container(framework, container, given, is_main))
    return found


def _container(framework: Framework, container: Obj, env: Environment, is_main: bool) -> Obj:
    made = {**container, "env": [*(container.get("env") or ()), *env]}
    if not made["env"]:
        del made["env"]
    ports = container.get("ports") or []
    family = framework.family
    if is_main and not any(port.get("name") == family.port_name for port in ports):
        made["ports"] = [*ports, {"name": family.port_name, "containerPort": family.port}]
    return made


def service(framework: Framework, job: Job, replica: Replica, index: int) -> Obj:
    """A name for one replica. Its ports are those of the container that trains."""
    own = labels(framework, job, replica, index)
    return {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": framework.pod_name(job, replica.type, index), "namespace": job.namespace, "labels": own,
            "ownerReferences": [reference(job.obj)],
        },
        "spec": {"clusterIP": "None", "selector": own, "ports": _ports(framework, job, replica)},
    }


def _ports(framework: Framework, job: Job, replica: Replica) -> list[Obj]:
    family = framework.family
    found = {family.port_name: job.port(replica.type)}
    for container in replica.template["spec"]["containers"]:
        if container["name"] == family.container:
            for place, port in enumerate(container.get("ports") or ()):
                found.setdefault(port.get("name") or f"port-{place}", port["containerPort"])
    return [{"name": name, "port": port} for name, port in found.items()]
