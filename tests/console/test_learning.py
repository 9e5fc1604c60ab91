"""What learns, in the console: an experiment, a training job, a registered model, a pipeline and its runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.console.conftest import Visit, violations
from tests.e2e.platform import Platform

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(400)]

EXPERIMENT = """
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {name: search, namespace: %s}
spec:
  objective: {type: maximize, objectiveMetricName: score}
  algorithm: {algorithmName: grid}
  parallelTrialCount: 3
  maxTrialCount: 6
  parameters:
  - {name: depth, parameterType: int, feasibleSpace: {min: "1", max: "6", step: "1"}}
  trialTemplate:
    primaryContainerName: main
    trialParameters: [{name: depth, reference: depth}]
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            restartPolicy: Never
            containers:
            - {name: main, image: busybox, command: [sh, -c, "echo score=${trialParameters.depth}"]}
"""

JOB = """
apiVersion: kubeflow.org/v1
kind: PyTorchJob
metadata: {name: trains, namespace: %s}
spec:
  runPolicy: {cleanPodPolicy: None, suspend: true}
  pytorchReplicaSpecs:
    Master:
      replicas: 1
      template: &pod
        spec:
          containers: [{name: pytorch, image: busybox, command: [sh, -c, "echo this is rank $RANK"]}]
    Worker: {replicas: 1, template: *pod}
"""

PIPELINE = """
components:
  comp-measure:
    executorLabel: exec-measure
    inputDefinitions: {parameters: {depth: {parameterType: NUMBER_INTEGER}}}
    outputDefinitions:
      artifacts:
        metrics: {artifactType: {schemaTitle: system.Metrics, schemaVersion: 0.0.1}}
deploymentSpec:
  executors:
    exec-measure:
      container:
        image: busybox
        command: [sh, -c]
        args:
        - |
          mkdir -p "$(dirname "$0")"
          one='{"name": "metrics", "uri": "%s", "metadata": {"accuracy": 0.%s}}'
          printf '{"artifacts": {"metrics": {"artifacts": ['"$one"']}}}' "$1" "$2" > "$0"
        - "{{$.outputs.output_file}}"
        - "{{$.outputs.artifacts['metrics'].uri}}"
        - "{{$.inputs.parameters['depth']}}"
pipelineInfo: {name: measure, description: Measures one number}
root:
  dag:
    tasks:
      measure:
        componentRef: {name: comp-measure}
        inputs: {parameters: {depth: {componentInputParameter: depth}}}
        taskInfo: {name: measure}
  inputDefinitions:
    parameters:
      depth: {parameterType: NUMBER_INTEGER, defaultValue: 9.0, description: Becomes the accuracy}
schemaVersion: 2.1.0
sdkVersion: kfp-2.13.0
"""


def test_an_experiment_shows_its_trials_and_the_best(
    visit: Visit, platform: Platform, namespace: str
) -> None:
    page = visit(f"{namespace}/experiments")
    expect(page.get_by_text("No experiment yet")).to_be_visible()
    platform.kubectl("create", "-f", "-", text=EXPERIMENT % namespace)
    page.get_by_role("link", name="search", exact=True).click()
    expect(page.locator(".heading")).to_contain_text("Succeeded", timeout=120_000)
    trials = page.get_by_role("table", name="Trials")
    expect(trials.get_by_role("row")).to_have_count(7)
    best = trials.get_by_role("row", name=re.compile("best"))
    expect(best).to_contain_text("6")
    expect(page.get_by_role("img", name=re.compile("score of 6 trials"))).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("Parallel coordinates of 6 trials"))).to_be_visible()
    assert violations(page) == []
    best.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("search")
    expect(page.get_by_text("depth").first).to_be_visible()
    expect(page.get_by_text("score", exact=True)).to_be_visible()
    assert violations(page) == []

    page.get_by_role("link", name="Experiments", exact=True).first.click()
    page.get_by_role("link", name="New experiment").click()
    page.get_by_label("Name", exact=True).first.fill("formed")
    page.get_by_label("Metric", exact=True).fill("distance")
    page.get_by_label("Trials, at most").fill("1")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("1 to as many as there are trials")).to_be_visible()
    page.get_by_label("At once").fill("1")
    program = page.get_by_role("textbox", name="Program of a trial")
    program.fill("import sys\nprint('distance=0.5')\nprint('distance=0.25')")
    expect(page.get_by_role("textbox", name="Experiment, YAML")).to_contain_text("distance=0.25")
    assert violations(page) == []
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("formed")
    expect(page.locator(".heading")).to_contain_text("Succeeded", timeout=120_000)
    page.get_by_role("table", name="Trials").get_by_role("link").click()
    expect(page.get_by_role("img", name="2 reports of distance")).to_be_visible()
    expect(page.get_by_role("log")).to_contain_text("distance=0.25")
    assert violations(page) == []


def test_a_training_job_is_resumed_and_its_replicas_speak(
    visit: Visit, platform: Platform, namespace: str
) -> None:
    page = visit(f"{namespace}/training")
    expect(page.get_by_text("No training job yet")).to_be_visible()
    platform.kubectl("create", "-f", "-", text=JOB % namespace)
    row = page.get_by_role("row", name=re.compile("trains"))
    expect(row).to_contain_text("1 Master, 1 Worker")
    page.get_by_role("link", name="trains").click()
    expect(page.locator(".heading")).to_contain_text("Suspended")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".heading")).to_contain_text("Succeeded", timeout=120_000)
    expect(page.get_by_role("table", name="Replicas").get_by_role("row")).to_have_count(3)
    page.get_by_role("button", name="trains-worker-0").click()
    expect(page.get_by_role("log")).to_contain_text("this is rank 1")
    page.get_by_role("tab", name="What it is told").click()
    expect(page.get_by_role("region", name="MASTER_ADDR", exact=True)).to_contain_text("trains-master-0")
    assert violations(page) == []
    page.get_by_role("button", name="Clone").click()
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^trains-"))


def test_a_registered_model_has_its_screen_and_its_lineage(
    visit: Visit, platform: Platform, namespace: str
) -> None:
    def mlflow(path: str, **body: object) -> None:
        platform.kubectl("create", "--raw", f"/api/2.0/mlflow/{path}", "-f", "-", text=json.dumps(body))

    mlflow("registered-models/create", name="MNIST")
    tags = {"type": "neural network", "framework": "tensorflow 2", "workspace": namespace}
    tags |= {"hyperparameters": '{"learning_rate": 0.5}', "training_data": "gs://bucket/mnist"}
    mlflow(
        "model-versions/create", name="MNIST", source="s3://artifacts/models/mnist",
        description="model to recognize handwritten digits",
        tags=[{"key": key, "value": value} for key, value in tags.items()],
    )
    page = visit(f"{namespace}/models")
    page.get_by_role("link", name="MNIST").click()
    info = page.get_by_label("Model info")
    for said in ("neural network", "learning_rate: 0.5", "gs://bucket/mnist", "tensorflow 2", namespace):
        expect(info).to_contain_text(said)
    assert violations(page) == []

    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Aliases").fill("champion")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".heading")).to_contain_text("@champion")

    page.get_by_role("button", name="Deploy").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Model format")).to_have_value("tensorflow")
    assert violations(page) == []
    dialog.get_by_label("Name").fill("mnist")
    dialog.get_by_role("button", name="Deploy").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("mnist")
    made = platform.get("isvc", "mnist", "-n", namespace)
    assert made["spec"]["predictor"]["model"]["storageUri"] == "s3://artifacts/models/mnist"
    assert made["metadata"]["labels"]["modelregistry.kubeflow.org/registered-model-id"]

    page.get_by_role("link", name="Where it comes from").click()
    expect(page.locator(".react-flow__node", has_text="MNIST version 1")).to_be_visible()
    page.get_by_role("button", name="List").click()
    page.get_by_role("button", name=re.compile("MNIST version 1")).click()
    expect(page.get_by_label("About MNIST version 1")).to_contain_text("neural network")
    assert violations(page) == []
    page.get_by_role("link", name="What depends on it").click()
    expect(page.get_by_label("About MNIST version 1")).to_be_visible()
    platform.kubectl("delete", "isvc", "mnist", "-n", namespace)


def test_a_pipeline_is_uploaded_run_and_compared(
    visit: Visit, namespace: str, tmp_path: Path
) -> None:
    file = tmp_path / "measure.yaml"
    file.write_text(PIPELINE)
    page = visit(f"{namespace}/pipelines")
    page.get_by_role("button", name="Upload pipeline").click()
    page.get_by_label("Compiled pipeline").set_input_files(str(file))
    expect(page.get_by_label("Name", exact=True)).to_have_value("measure")
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("measure")
    expect(page.locator(".react-flow__node", has_text="measure")).to_be_visible()
    page.get_by_role("tab", name="Inputs").click()
    expect(page.get_by_role("row", name=re.compile("depth a whole number"))).to_contain_text("9")
    assert violations(page) == []

    page.get_by_role("button", name="Upload version").click()
    page.get_by_role("button", name="Paste").click()
    page.get_by_role("textbox", name="Compiled pipeline").fill(PIPELINE.replace("9.0", "5.0"))
    page.get_by_label("Name", exact=True).fill("shallow")
    page.get_by_role("button", name="Upload", exact=True).click()
    page.get_by_role("button", name="What changed in shallow").click()
    expect(page.get_by_label("Inputs that changed")).to_have_text("depth: the default was 9, is 5")
    assert violations(page) == []

    for depth in ("7", "8"):
        page.get_by_role("link", name="Create run").first.click()
        expect(page.get_by_label("The same call in Python")).to_contain_text("client.run_pipeline(")
        page.get_by_label("Name of the run").fill(f"of depth {depth}")
        page.get_by_label("depth", exact=True).fill("deep")
        page.get_by_role("button", name="Run", exact=True).click()
        expect(page.get_by_text("expected a whole number")).to_be_visible()
        assert violations(page) == []
        page.get_by_label("depth", exact=True).fill(depth)
        page.get_by_role("button", name="Run", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"of depth {depth}")
        expect(page.locator(".heading")).to_contain_text("Succeeded", timeout=60_000)
        page.locator(".react-flow__node", has_text="measure").last.click()
        page.get_by_role("complementary", name="Task measure").get_by_role("tab", name="Artifacts").click()
        expect(page.get_by_label("Artifact metrics")).to_contain_text(f"0.{depth}")
        page.get_by_role("button", name="Visualizations").click()
        expect(page.locator(".stat")).to_contain_text(f"0.{depth}")
        assert violations(page) == []
        page.get_by_role("link", name="Pipelines", exact=True).first.click()
        page.get_by_role("tab", name="Pipelines").click()
        page.get_by_role("link", name="measure", exact=True).click()

    page.get_by_role("link", name="Create run").first.click()
    page.get_by_role("button", name="Recurring").click()
    page.get_by_role("button", name="Cron").click()
    page.get_by_label("Cron").fill("0 0 6 1 1 *")
    expect(page.get_by_text(re.compile("Next: "))).to_be_visible()
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("measure run")
    expect(page.get_by_text("0 0 6 1 1 * (UTC, seconds first)")).to_be_visible()
    page.get_by_role("button", name="Disable").click()
    expect(page.locator(".heading")).to_contain_text("Disabled")
    assert violations(page) == []
    page.get_by_role("link", name="Recurring runs").click()
    page.get_by_role("tab", name="Runs", exact=True).click()
    for depth in ("7", "8"):
        page.get_by_role("checkbox", name=f"Choose of depth {depth}").check()
    assert violations(page) == []
    page.get_by_role("link", name="Compare 2 runs").click()
    expect(page.get_by_role("row", name=re.compile("^depth"))).to_contain_text("7")
    expect(page.get_by_role("row", name=re.compile("^accuracy"))).to_contain_text("0.8")
    assert violations(page) == []
