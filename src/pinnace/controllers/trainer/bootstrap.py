"""The training runtimes that ship with the platform, under upstream's names and with its images: which
environment stands for an image is said in `environments.yaml`.

Source: kubeflow/trainer manifests/base/runtimes.
"""

from __future__ import annotations

from typing import Any

from pinnace.kinds.resource import Obj
from pinnace.kinds.trainer import CLUSTER_RUNTIME, FRAMEWORK, STEP
from pinnace.objects.client import Change
from pinnace.objects.local import Local

TRAINER = "ghcr.io/kubeflow/trainer"
TORCH = "pytorch/pytorch:2.13.0-cuda13.0-cudnn9-runtime"
TUNED = {
    "torchtune-llama3.2-1b": ("meta-llama/Llama-3.2-1B-Instruct", "llama3_2/1B_full"),
    "torchtune-llama3.2-3b": ("meta-llama/Llama-3.2-3B-Instruct", "llama3_2/3B_full"),
    "torchtune-qwen2.5-1.5b": ("Qwen/Qwen2.5-1.5B-Instruct", "qwen2_5/1.5B_full"),
}


async def ship(client: Local) -> None:
    """Those that are missing, in one commit. Called when the platform starts: what somebody changed stays."""
    there = {one["metadata"]["name"] for one in client.peek_list(CLUSTER_RUNTIME).items}
    missing = [one for one in runtimes() if one["metadata"]["name"] not in there]
    if missing:
        await client.transact([Change(verb="create", resource=CLUSTER_RUNTIME, obj=one) for one in missing])


def runtimes() -> list[Obj]:
    """Objects of ClusterTrainingRuntime."""
    return [
        _plain("torch-distributed", "torch", TORCH),
        _plain("jax-distributed", "jax", "nvcr.io/nvidia/jax:25.10-py3"),
        _plain("xgboost-distributed", "xgboost", f"{TRAINER}/xgboost-runtime"),
        _mpi("deepspeed-distributed", "deepspeed"), _mpi("mlx-distributed", "mlx"),
        *(_tuned(name, *given) for name, given in TUNED.items()),
    ]


def _runtime(name: str, framework: str, policy: Obj, spec: Obj) -> Obj:
    return {
        "apiVersion": CLUSTER_RUNTIME.api_version, "kind": CLUSTER_RUNTIME.kind,
        "metadata": {"name": name, "labels": {FRAMEWORK: framework}},
        "spec": {"mlPolicy": {"numNodes": 1, **policy}, "template": {"spec": spec}},
    }


def _job(name: str, step: str, container: Obj, *, after: Any = (), **pod: Any) -> Obj:
    template: Obj = {"spec": {"template": {"spec": {**pod, "containers": [container]}}}}
    if step:
        template["metadata"] = {"labels": {STEP: step}}
    waits = [{"name": other, "status": status} for other, status in after]
    return {"name": name, "template": template, **({"dependsOn": waits} if waits else {})}


def _plain(name: str, framework: str, image: str) -> Obj:
    job = _job("node", "trainer", {"name": "node", "image": image})
    return _runtime(name, framework, {framework: {}}, {"replicatedJobs": [job]})


def _mpi(name: str, framework: str) -> Obj:
    """Workers run sshd; the launcher calls them and is a node itself."""
    user = {"runAsUser": 1000}
    container = {"name": "node", "image": f"{TRAINER}/{framework}-runtime", "securityContext": user}
    daemon = {
        **container, "command": ["/usr/sbin/sshd"], "args": ["-De", "-f", "/home/mpiuser/.sshd_config"],
        "readinessProbe": {"tcpSocket": {"port": 2222}, "initialDelaySeconds": 5},
    }
    group = {"securityContext": {"fsGroup": 1000}}
    jobs = [
        _job("node", "", daemon, **group),
        _job("launcher", "trainer", container, after=[("node", "Ready")], **group),
    ]
    policy = {
        "numProcPerNode": 1, "mpiImplementation": "OpenMPI", "sshAuthMountPath": "/home/mpiuser/.ssh",
        "runLauncherAsNode": True,
    }
    return _runtime(name, framework, {"mpi": policy}, {
        "network": {"publishNotReadyAddresses": True}, "replicatedJobs": jobs,
        "successPolicy": {"operator": "All", "targetReplicatedJobs": ["launcher"]},
    })


def _tuned(name: str, model: str, recipe: str) -> Obj:
    mounts = [{"name": "initializer", "mountPath": "/workspace"}]
    tokens = ["tokenizer.path=/workspace/model/original/tokenizer.model"]
    if "qwen" in name:
        tokens = ["tokenizer.path=/workspace/model/vocab.json",
                  "tokenizer.merges_file=/workspace/model/merges.txt"]
    command = [
        "tune", "run", "--rdzv_endpoint=localhost:29500", "full_finetune_distributed", "--config", recipe,
        "dataset=torchtune.datasets.instruct_dataset", "dataset.source=parquet",
        "dataset.data_dir=/workspace/dataset/data", "output_dir=/workspace/output", *tokens,
        "checkpointer.checkpoint_dir=/workspace/model",
    ]
    steps = (("dataset-initializer", "hf://tatsu-lab/alpaca"), ("model-initializer", f"hf://{model}"))
    jobs = [
        _job(step, step, {
            "name": step, "image": f"{TRAINER}/{step}", "volumeMounts": mounts,
            "env": [{"name": "STORAGE_URI", "value": uri}],
        })
        for step, uri in steps
    ]
    container = {
        "name": "node", "image": f"{TRAINER}/torchtune-trainer", "command": command, "volumeMounts": mounts,
        "resources": {"limits": {"nvidia.com/gpu": 2}},
    }
    jobs.append(_job("node", "trainer", container, after=[(step, "Complete") for step, _ in steps]))
    size = {"requests": {"storage": "20Gi"}}
    claim = {"metadata": {"name": "initializer"},
             "spec": {"accessModes": ["ReadWriteOnce"], "resources": size}}
    return _runtime(name, "torchtune", {"torch": {}}, {
        "volumeClaimPolicies": [{"templates": [claim]}], "replicatedJobs": jobs
    })
