"""TFJob. Source: kubeflow/training-operator pkg/controller.v1/tensorflow/{tensorflow,tfjob_controller}.go."""

from __future__ import annotations

import json
import os
from typing import Any

from pinnace.controllers.training.framework import (
    PLACED,
    Counts,
    Environment,
    Framework,
    plain,
)
from pinnace.controllers.training.view import Job, Replica
from pinnace.kinds.training import TF_JOB

CHIEFS = ("Chief", "Master")
DOMAIN = "CUSTOM_CLUSTER_DOMAIN"


def environment(job: Job, replica: Replica, index: int) -> Environment:
    """`TF_CONFIG`, for jobs of more than one process."""
    if job.total <= 1:
        return []
    config: dict[str, Any] = {"cluster": cluster(job), "task": {"type": replica.word, "index": index}}
    if job.spec.get("enableDynamicWorker"):
        config["cluster"] = _sparse(config["cluster"], replica.word, index)
    else:
        config["environment"] = "cloud"
    return plain(TF_CONFIG=json.dumps(config, separators=(",", ":")))


def cluster(job: Job) -> dict[str, list[str]]:
    domain = os.environ.get(DOMAIN, "")
    suffix = f"svc.{domain}" if domain else "svc"
    return {
        replica.word: [
            f"{job.pod_name(replica.type, index)}.{job.namespace}.{suffix}:{job.port(replica.type)}"
            for index in range(replica.count)
        ]
        for replica in sorted(job.replicas.values(), key=lambda one: one.word)
    }


def _sparse(full: dict[str, list[str]], word: str, index: int) -> dict[str, Any]:
    """A worker knows itself and the parameter servers, so that others may come and go."""
    if word == "ps":
        return {"ps": [full["ps"][index]]}
    return {"worker": {str(index): full[word][index]}, "ps": full.get("ps", [])}


def leads(job: Job, kind: str, index: int) -> bool:
    if any(job.count(chief) for chief in CHIEFS):
        return kind in CHIEFS
    return kind == "Worker" and index == 0


def _deciding(job: Job) -> str:
    return next((chief for chief in CHIEFS if chief in job.replicas), "Worker")


def sooner(job: Job, counts: Counts) -> bool:
    """Where no chief decides, the first worker is enough."""
    kind = _deciding(job)
    if kind != "Worker" or kind not in counts or job.spec.get("successPolicy") == "AllWorkers":
        return False
    return counts[kind].first_done


FRAMEWORK = Framework(
    family=TF_JOB, environment=environment, everywhere=False, leads=leads, decides=_deciding, sooner=sooner,
    words=lambda job: PLACED,
    tolerated=lambda job, kind: kind == "Worker" and bool(job.spec.get("enableDynamicWorker")),
)
