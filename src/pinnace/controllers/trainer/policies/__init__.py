"""How each framework's processes of a TrainJob find each other: the environment of its `mlPolicy`.

Pure; one function a policy, listed in POLICIES. Source: kubeflow/trainer pkg/runtime/framework/plugins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pinnace.kinds.resource import Obj

PORT = 29500
INDEX = {"fieldRef": {"fieldPath": "metadata.annotations['batch.kubernetes.io/job-completion-index']"}}
_UNITS = {"": 1.0, "m": 0.001, "k": 1000.0}


class Nodes(msgspec.Struct, frozen=True):
    """What a policy knows of the job. `processes`: what was asked for a node (`auto`, a number)."""

    job: str
    count: int
    processes: str
    resources: Obj
    first: str
    """The name of the first node's pod, as the others call it."""

    @property
    def accelerators(self) -> int:
        asked = {**(self.resources.get("requests") or {}), **(self.resources.get("limits") or {})}
        return sum(int(number) for name, number in asked.items() if name.endswith("/gpu"))

    @property
    def cpus(self) -> int:
        asked = {**(self.resources.get("requests") or {}), **(self.resources.get("limits") or {})}
        text = str(asked.get("cpu", "0"))
        number = text.rstrip("mk")
        return int(float(number or 0) * _UNITS[text[len(number):]])


Environment = list[dict[str, Any]]


def plain(**values: str) -> Environment:
    return [{"name": name, "value": value} for name, value in values.items()]


def torch(nodes: Nodes, policy: Obj) -> Environment:
    each = nodes.processes
    if each == "cpu" or (each == "auto" and not nodes.accelerators):
        each = str(max(1, nodes.cpus))
    return [
        *plain(PET_NNODES=str(nodes.count), PET_NPROC_PER_NODE=each),
        {"name": "PET_NODE_RANK", "valueFrom": INDEX},
        *plain(PET_MASTER_ADDR=nodes.first, PET_MASTER_PORT=str(PORT)),
    ]


def jax(nodes: Nodes, policy: Obj) -> Environment:
    return [
        *plain(JAX_NUM_PROCESSES=str(nodes.count)), {"name": "JAX_PROCESS_ID", "valueFrom": INDEX},
        *plain(JAX_COORDINATOR_ADDRESS=f"{nodes.first}:{PORT}"),
    ]


def xgboost(nodes: Nodes, policy: Obj) -> Environment:
    workers = nodes.count * (nodes.accelerators or 1)
    return [
        *plain(DMLC_TRACKER_URI=nodes.first, DMLC_TRACKER_PORT=str(PORT)),
        {"name": "DMLC_TASK_ID", "valueFrom": INDEX}, *plain(DMLC_NUM_WORKER=str(workers)),
    ]


def none(nodes: Nodes, policy: Obj) -> Environment:
    """A runtime without a framework, or one whose processes are told by a hostfile (`mpi`)."""
    return []


POLICIES: dict[str, Callable[[Nodes, Obj], Environment]] = {
    "torch": torch, "jax": jax, "xgboost": xgboost, "mpi": none,
}
LISTENING = ("torch", "jax", "xgboost")
"""Those whose first node listens on PORT."""
