"""Experiments on a whole platform: real processes, real kubectl."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.platform import Platform, eventually

from .documents import Document, double, experiment, job, listed

TELLING = "echo ${trialParameters.who} $KATIB_TRIAL_NAME; echo loss=${trialParameters.x}"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = Platform(Path(tmp_path_factory.mktemp("tuning")), "--isolation", "sandbox").up()
    yield made
    made.down()


def condition(obj: Document, kind: str) -> Document | None:
    found = (obj.get("status") or {}).get("conditions") or []
    return next((one for one in found if one["type"] == kind and one["status"] == "True"), None)


def run(platform: Platform, document: Document, until: str = "Succeeded", within: float = 60) -> Any:
    platform.kubectl("create", "-f", "-", text=json.dumps(document))
    name = document["metadata"]["name"]

    def ended() -> Any:
        found = platform.get("experiment", name)
        wrong = condition(found, "Failed" if until == "Succeeded" else "Succeeded")
        assert wrong is None, wrong
        return found if condition(found, until) else None

    return eventually(ended, f"{name} to be {until}", within)


def trials(platform: Platform, name: str) -> list[Document]:
    found: list[Document] = platform.get("trials", "-l", f"katib.kubeflow.org/experiment={name}")["items"]
    return found


def test_random_search_over_jobs_finds_its_best_trial(platform: Platform) -> None:
    ended = run(platform, experiment("searched", maxTrialCount=5))

    status = ended["status"]
    assert condition(ended, "Succeeded")["reason"] == "ExperimentMaxTrialsReached"
    assert status["trials"] == status["trialsSucceeded"] == len(status["succeededTrialList"]) == 5
    best = status["currentOptimalTrial"]
    x = float(best["parameterAssignments"][0]["value"])
    metric = best["observation"]["metrics"][0]
    assert metric["name"] == "loss"
    assert abs(float(metric["min"]) - x * x) < 1e-4
    observed = [one["status"]["observation"]["metrics"][0] for one in trials(platform, "searched")]
    assert min(float(one["min"]) for one in observed) == float(metric["min"])
    assert platform.kubectl("get", "jobs", "-o", "name") == ""  # a trial's run goes unless it is retained


def test_a_template_from_a_config_map_with_metadata_of_the_run(platform: Platform) -> None:
    template = {
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"annotations": {"team": "blue"}},
        "spec": {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": [{
            "name": "training-container", "image": "alpine",
            "command": ["sh", "-c", TELLING],
        }]}}},
    }
    data = {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "templates"},
        "data": {"job.yaml": json.dumps(template)},
    }
    platform.kubectl("apply", "-f", "-", text=json.dumps(data))
    path = 'status.conditions.#(type=="{}")#|#(status=="True")#'
    place = {"configMapName": "templates", "configMapNamespace": "default", "templatePath": "job.yaml"}
    document = experiment("templated", maxTrialCount=2, trialTemplate={
        "configMap": place, "retain": True,
        "successCondition": path.format("Complete"), "failureCondition": path.format("Failed"),
        "trialParameters": [
            {"name": "x", "reference": "x"},
            {"name": "who", "reference": "${trialSpec.Annotations[team]}"},
        ],
    })
    del document["spec"]["trialTemplate"]["trialSpec"]
    run(platform, document)
    for trial in trials(platform, "templated"):
        name = trial["metadata"]["name"]
        said = platform.kubectl("logs", f"job/{name}")
        assert said.splitlines()[0] == f"blue {name}"
        (pod,) = platform.get("pods", "-l", f"katib.kubeflow.org/trial={name}")["items"]
        path = f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}/log"
        of_sidecar = platform.kubectl("get", "--raw", f"{path}?container=metrics-logger-and-collector")
        assert of_sidecar == said  # where KatibClient.get_job_logs looks for it


def test_a_trial_that_is_worse_than_the_median_is_stopped_while_it_runs(platform: Platform) -> None:
    """The first is good; the others stand far behind it and would go on for a minute."""
    script = (
        'if [ ${trialParameters.x} = 1 ]; then n=0.01; else n=0; fi; i=0; '
        'while [ $i -lt 6 ]; do i=$((i+1)); echo "accuracy=0.$((${trialParameters.x}))$i"; sleep $n; done; '
        'if [ ${trialParameters.x} != 9 ]; then sleep 60; fi'
    )
    document = experiment(
        "stopped", script, parallelTrialCount=1, maxTrialCount=2,
        parameters=[listed("x", "discrete", "9", "1")],
        objective={"type": "maximize", "objectiveMetricName": "accuracy"},
        algorithm={"algorithmName": "grid"},
        earlyStopping={"algorithmName": "medianstop", "algorithmSettings": [
            {"name": "min_trials_required", "value": "1"}, {"name": "start_step", "value": "2"},
        ]},
    )
    status = run(platform, document)["status"]
    assert (status["trialsSucceeded"], status["trialsEarlyStopped"]) == (1, 1)
    stopped = next(one for one in trials(platform, "stopped") if condition(one, "EarlyStopped"))
    assert stopped["spec"]["earlyStoppingRules"] == [
        {"name": "accuracy", "value": "0.915", "comparison": "less", "startStep": 2}
    ]
    assert float(stopped["status"]["observation"]["metrics"][0]["max"]) < 0.2


def test_metrics_in_a_json_file_of_the_pods(platform: Platform) -> None:
    script = (
        "mkdir -p /katib; for i in 1 2 3; do "
        'echo "{\\"loss\\": \\"0.$i\\", \\"timestamp\\": \\"2026-01-01T00:00:0${i}Z\\"}" '
        ">> /katib/m.json; done"
    )
    collector = {
        "source": {"fileSystemPath": {"path": "/katib/m.json", "kind": "File", "format": "JSON"}},
        "collector": {"kind": "File"},
    }
    template = {"trialSpec": job(script + " # ${trialParameters.x}")}
    document = experiment("filed", maxTrialCount=2, metricsCollectorSpec=collector, trialTemplate=template)
    best = run(platform, document)["status"]["currentOptimalTrial"]
    assert best["observation"]["metrics"] == [{"name": "loss", "latest": "0.3", "max": "0.3", "min": "0.1"}]


def test_a_population_hands_its_checkpoints_on(platform: Platform) -> None:
    script = 'echo ${trialParameters.x} >> /saved/story; echo "loss=${trialParameters.x}"; cat /saved/story'
    document = experiment(
        "generations", script, maxTrialCount=10, parallelTrialCount=5, resumePolicy="FromVolume",
        parameters=[double("x", step="0.1")], trialTemplate={"retain": True},
        algorithm={"algorithmName": "pbt", "algorithmSettings": [
            {"name": "suggestion_trial_dir", "value": "/saved"}, {"name": "n_population", "value": "5"},
            {"name": "truncation_threshold", "value": "0.2"},
        ]},
    )
    run(platform, document)
    made = {one["metadata"]["name"]: one for one in trials(platform, "generations")}
    parent = "pbt.suggestion.katib.kubeflow.org/parent"
    young = [one for one in made.values() if parent in one["metadata"]["labels"]]
    assert len(young) == 5
    for one in young:
        elder = made[one["metadata"]["labels"][parent]]
        story = [each["spec"]["parameterAssignments"][0]["value"] for each in (elder, one)]
        assert platform.kubectl("logs", f"job/{one['metadata']['name']}").splitlines()[1:] == story


def test_silent_trials_fail_the_experiment(platform: Platform) -> None:
    document = experiment("silent", "true # ${trialParameters.x}", parallelTrialCount=1)
    ended = run(platform, document, until="Failed")
    assert ended["status"]["trialMetricsUnavailable"] == 2
    said = "Experiment has failed because max failed count has reached"
    assert condition(ended, "Failed")["message"] == said


def test_wrong_settings_fail_the_suggestion_and_say_why(platform: Platform) -> None:
    algorithm = {"algorithmName": "tpe", "algorithmSettings": [{"name": "gamma", "value": "3"}]}
    ended = run(platform, experiment("wrong", algorithm=algorithm), until="Failed")
    assert "gamma should be in the range between 0 and 1" in condition(ended, "Failed")["message"]


def test_a_grid_without_a_budget_ends_with_its_last_point(platform: Platform) -> None:
    document = experiment("walked", algorithm={"algorithmName": "grid"}, parameters=[double("x", step="2")])
    del document["spec"]["maxTrialCount"]
    ended = run(platform, document)
    assert condition(ended, "Succeeded")["reason"] == "ExperimentSuggestionEndReached"
    assert ended["status"]["trials"] == 3


def test_a_finished_experiment_goes_on_with_a_larger_budget(platform: Platform) -> None:
    run(platform, experiment("resumed", maxTrialCount=2, resumePolicy="FromVolume"))
    before = {one["metadata"]["name"] for one in trials(platform, "resumed")}
    change = json.dumps({"spec": {"maxTrialCount": 4}})
    platform.kubectl("patch", "experiment", "resumed", "--type=merge", "-p", change)

    def ended() -> Any:
        found = platform.get("experiment", "resumed")
        return condition(found, "Succeeded") and found["status"]["trials"] == 4 and found

    eventually(ended, "the rest of the trials")
    assert before < {one["metadata"]["name"] for one in trials(platform, "resumed")}
    refused = platform.kubectl(
        "patch", "experiment", "searched", "--type=merge", "-p", '{"spec":{"maxTrialCount":9}}', check=False
    )
    assert "Experiment can be restarted" in refused


def test_a_killed_control_makes_no_trial_twice(platform: Platform) -> None:
    script = 'echo "run $KATIB_TRIAL_NAME"; sleep 0.3; echo loss=${trialParameters.x}'
    document = experiment("survivor", script, maxTrialCount=8, trialTemplate={"retain": True})
    platform.kubectl("create", "-f", "-", text=json.dumps(document))
    for made in (2, 4):
        eventually(lambda made=made: len(trials(platform, "survivor")) >= made, f"{made} trials")  # type: ignore[misc]
        before = platform.pids()["control"]
        os.kill(before, signal.SIGKILL)
        eventually(lambda before=before: platform.pids()["control"] != before, "a new control")  # type: ignore[misc]
        eventually(lambda: "survivor" in platform.kubectl("get", "experiments", check=False), "its answer")

    def ended() -> Any:
        return condition(platform.get("experiment", "survivor"), "Succeeded")

    eventually(ended, "the end")
    pods = platform.get("pods", "-l", "katib.kubeflow.org/experiment=survivor")["items"]
    assert len(trials(platform, "survivor")) == len(pods) == 8
