"""What upstream's webhooks refuse is refused here, in their words."""

from __future__ import annotations

from typing import Any

import pytest

from pinnace.kinds import training
from pinnace.kinds.advice import advice
from pinnace.kinds.resource import Obj
from tests.training.documents import TF, TORCH, job

XGB, PADDLE = training.XGBOOST_JOB, training.PADDLE_JOB


def said(family: training.Family, document: Obj, old: Obj | None = None) -> list[str]:
    return [str(one) for one in training.checks(family)(document, old)]


def without(document: Obj, *path: Any) -> Obj:
    place = document
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return document


CONTAINERS = "spec.pytorchReplicaSpecs[Master].template.spec.containers"
CASES: list[tuple[training.Family, Obj, list[str]]] = [
    (TORCH, {"metadata": {"name": "j"}, "spec": {}},
     ["spec.pytorchReplicaSpecs: Required value: must be required"]),
    (TORCH, job(TORCH, Master=2), ["spec.pytorchReplicaSpecs[Master].replicas: Forbidden: must be 1"]),
    (TORCH, without(job(TORCH, Master=1), "spec", "pytorchReplicaSpecs", "Master", "replicas"),
     ["spec.pytorchReplicaSpecs[Master].replicas: Forbidden: must be 1"]),
    (TORCH, job(TORCH, Worker=0),
     ["spec.pytorchReplicaSpecs[Worker].replicas: Forbidden: must be at least 1"]),
    (TORCH, job(TORCH, Boss=1), [
        'spec.pytorchReplicaSpecs[Boss]: Unsupported value: "Boss": supported values: "Master", "Worker"'
    ]),
    (TORCH, without(job(TORCH, Master=1), "spec", "pytorchReplicaSpecs", "Master", "template"), [
        f"{CONTAINERS}: Required value: must be specified",
        f"{CONTAINERS}: Required value: must have at least one container with name pytorch",
    ]),
    (TORCH, job(TORCH, Master=1, elasticPolicy={"nProcPerNode": 2}, nprocPerNode="2"), [
        "spec.pytorchReplicaSpecs[Worker]: Required value: must be configured if elastic policy is used",
        "spec.elasticPolicy.nProcPerNode: Forbidden: must not be used with spec.nprocPerNode",
    ]),
    (TF, job(TF, Chief=1, Master=1),
     ["spec.tfReplicaSpecs: Forbidden: must not have more than 1 Chief or Master role"]),
    (TF, job(TF, Chief=2), []),
    (XGB, job(XGB, Worker=1), ["spec.xgbReplicaSpecs[Master]: Required value: must be present"]),
    (PADDLE, job(PADDLE, policy={"managedBy": "me"}, Worker=1), [
        'spec.runPolicy.managedBy: Unsupported value: "me": supported values: '
        '"kubeflow.org/training-operator", "kueue.x-k8s.io/multikueue"'
    ]),
]


@pytest.mark.parametrize(("family", "document", "words"), CASES)
def test_a_webhook_says_why(family: training.Family, document: Obj, words: list[str]) -> None:
    assert said(family, document) == words


def test_a_name_must_do_for_a_service() -> None:
    (words,) = said(TORCH, job(TORCH, "9j", Master=1))
    assert words.startswith('metadata.name: Invalid value: "9j": should match: a DNS-1035 label must consist')


def test_who_manages_a_job_cannot_change() -> None:
    old, new = job(TORCH, Master=1), job(TORCH, policy={"managedBy": training.MANAGERS[1]}, Master=1)
    (words,) = said(TORCH, new, old)
    assert words.startswith("spec.runPolicy.managedBy: Invalid value")
    assert words.endswith("field is immutable")


def test_an_old_field_is_warned_of() -> None:
    document = job(TORCH, Worker=1, elasticPolicy={"nProcPerNode": 2})
    words = "spec.elasticPolicy.nProcPerNode is deprecated, use spec.nprocPerNode instead"
    assert advice(TORCH.resource, document) == [words]
