"""Trials of every kind, by the real controllers: conditions and primary pods come from Katib's defaults.

Each run has other pods that tell a better loss: only the primary ones count.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.platform import Platform

from .documents import Document, experiment
from .test_experiments import run, trials

pytestmark = pytest.mark.slow
TELL, LIE = "echo loss=${trialParameters.x}", "echo loss=-100"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = Platform(Path(tmp_path_factory.mktemp("kinds")), "--isolation", "sandbox").up()
    yield made
    made.down()


def replica(name: str, script: str, count: int = 1) -> Document:
    container = {"name": name, "image": "alpine", "command": ["sh", "-c", script]}
    return {"replicas": count, "restartPolicy": "Never", "template": {"spec": {"containers": [container]}}}


def kubeflow(kind: str, field: str, container: str, first: str, script: str = TELL) -> Document:
    replicas = {first: replica(container, script), "Worker": replica(container, LIE)}
    return {"apiVersion": "kubeflow.org/v1", "kind": kind, "spec": {field: replicas}}


def trainjob(script: str, nodes: int = 2) -> Document:
    trainer = {"numNodes": nodes, "image": "alpine", "command": ["sh", "-c", script]}
    spec = {"runtimeRef": {"name": "torch-distributed"}, "trainer": trainer}
    return {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob", "spec": spec}


OTHERS = f"if [ $JOB_COMPLETION_INDEX = 0 ]; then {TELL}; else {LIE}; fi"
RUNS = {
    "PyTorchJob": ("pytorch", kubeflow("PyTorchJob", "pytorchReplicaSpecs", "pytorch", "Master")),
    "TFJob": ("tensorflow", kubeflow("TFJob", "tfReplicaSpecs", "tensorflow", "Chief")),
    "XGBoostJob": ("xgboost", kubeflow("XGBoostJob", "xgbReplicaSpecs", "xgboost", "Master")),
    "MPIJob": ("mpi", kubeflow("MPIJob", "mpiReplicaSpecs", "mpi", "Launcher")),
    "TrainJob": ("node", trainjob(OTHERS)),
}


def searched(
    platform: Platform, name: str, container: str, document: Document, **spec: Any
) -> list[Document]:
    """The trials of a search that has succeeded, each of which observed its own parameter."""
    template = {
        "trialSpec": document, "primaryContainerName": container, "retain": True,
        **spec.pop("trialTemplate", {}),
    }
    status = run(platform, experiment(
        name, maxTrialCount=2, trialTemplate=template, **spec
    ), within=120)["status"]
    assert status["trialsSucceeded"] == 2
    found = trials(platform, name)
    for trial in found:
        (metric,) = trial["status"]["observation"]["metrics"]
        assert metric["min"] == trial["spec"]["parameterAssignments"][0]["value"]
    return found


@pytest.mark.parametrize("kind", RUNS)
def test_a_trial_is_a_job_of_any_framework(platform: Platform, kind: str) -> None:
    container, document = RUNS[kind]
    for trial in searched(platform, kind.lower(), container, document):
        name = trial["metadata"]["name"]
        made = platform.get(kind.lower(), name)
        assert made["metadata"]["labels"]["katib.kubeflow.org/trial"] == name
        pods = platform.get("pods", "-l", f"katib.kubeflow.org/trial={name}")["items"]
        assert pods, "a pod of a trial has its label"


def test_a_trial_is_a_workflow_whose_steps_hand_on_a_value(platform: Platform) -> None:
    """The shape of upstream's Argo example: a step prepares, the one with the label trains."""
    number = {"name": "n", "value": "{{steps.prepare.outputs.result}}"}
    steps = [
        [{"name": "prepare", "template": "prepare"}],
        [{"name": "train", "template": "train", "arguments": {"parameters": [number]}}],
    ]
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
        "spec": {"entrypoint": "steps", "templates": [
            {"name": "steps", "steps": steps},
            {"name": "prepare", "script": {"image": "alpine", "command": ["sh"], "source": f"{LIE}; echo 7"}},
            {
                "name": "train", "metadata": {"labels": {"katib.kubeflow.org/model-training": "true"}},
                "inputs": {"parameters": [{"name": "n"}]},
                "container": {"image": "alpine", "command": ["sh", "-c"], "args": [TELL]},
            },
        ]},
    }
    searched(platform, "argo", "main", workflow, trialTemplate={
        "primaryPodLabels": {"katib.kubeflow.org/model-training": "true"},
        "successCondition": 'status.[@this].#(phase=="Succeeded")#',
        "failureCondition": 'status.[@this].#(phase=="Failed")#',
    })


def test_a_train_job_writes_its_metrics_into_a_file(platform: Platform) -> None:
    """No template of its pods stands in the run: what reads the file comes to them through a patch."""
    script = f"if [ $JOB_COMPLETION_INDEX = 0 ]; then {TELL} > /katib/m.log; else {LIE} > /katib/m.log; fi"
    collector = {
        "source": {"fileSystemPath": {"path": "/katib/m.log", "kind": "File"}}, "collector": {"kind": "File"},
    }
    searched(platform, "filed", "node", trainjob(script), metricsCollectorSpec=collector)


def test_a_kind_that_nobody_serves_fails_its_trial_and_says_so(platform: Platform) -> None:
    pipeline = {
        "apiVersion": "tekton.dev/v1beta1", "kind": "PipelineRun",
        "spec": {"params": [{"name": "x", "value": "${trialParameters.x}"}]},
    }
    template = {
        "trialSpec": pipeline, "primaryPodLabels": {"tekton.dev/pipelineTask": "train"},
        "successCondition": 'status.conditions.#(type=="Succeeded")#|#(status=="True")#',
        "failureCondition": 'status.conditions.#(type=="Succeeded")#|#(status=="False")#',
    }
    document = experiment("tekton", maxTrialCount=1, maxFailedTrialCount=1, parallelTrialCount=1)
    document["spec"]["trialTemplate"].update(template)
    run(platform, document, until="Failed")
    (trial,) = trials(platform, "tekton")
    said = trial["status"]["conditions"][-1]["message"]
    assert 'no matches for kind "PipelineRun" in version "tekton.dev/v1beta1"' in said
