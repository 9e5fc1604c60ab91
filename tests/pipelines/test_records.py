"""What the pipelines API keeps of runs and does for them, asked as its clients ask: limits, numbers, logs."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from pinnace.authoring.kfp import concurrency, metrics
from pinnace.authoring.kfp.ir import IrError
from tests.e2e.platform import Platform, eventually

pytestmark = pytest.mark.timeout(300)
SLOW = 'trap "exit 0" TERM; sleep 600 & wait'


def pipeline(script: str, **config: Any) -> dict[str, Any]:
    """A pipeline of one step as the API takes it."""
    container = {"image": "busybox", "command": ["sh", "-c", script]}
    spec = {
        "pipelineInfo": {"name": "narrow"},
        "schemaVersion": "2.1.0",
        "components": {"comp-only": {"executorLabel": "exec-only"}},
        "deploymentSpec": {"executors": {"exec-only": {"container": container}}},
        "root": {"dag": {"tasks": {"only": {
            "taskInfo": {"name": "only"}, "componentRef": {"name": "comp-only"}, "cachingOptions": {},
        }}}},
    }
    return {"pipeline_spec": spec, "platform_spec": {"platforms": {"kubernetes": {"pipelineConfig": config}}}}


class Asking:
    def __init__(self, platform: Platform) -> None:
        self.api = platform.api

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        return json.loads(self.api.request(method, f"/apis/{path}", body) or "{}")

    def run(self, name: str, found: dict[str, Any]) -> str:
        return str(self("POST", "v2beta1/runs", {"display_name": name, "pipeline_spec": found})["run_id"])

    def state(self, run: str) -> str:
        return str(self("GET", f"v2beta1/runs/{run}")["state"])

    def until(self, run: str, state: str) -> None:
        def reached() -> bool:
            return self.state(run) == state

        eventually(reached, f"run {run} to be {state}", 120)


@pytest.fixture(scope="module")
def ask(platform: Platform) -> Asking:
    return Asking(platform)


def test_no_more_runs_of_a_pipeline_are_active_than_it_says(platform: Platform, ask: Asking) -> None:
    runs = [ask.run(name, pipeline(SLOW, maxActiveRuns=2)) for name in ("a", "b", "c")]

    def one_waits() -> Any:
        states = {run: ask.state(run) for run in runs}
        waiting = [run for run, state in states.items() if state == "PENDING"]
        return waiting if sorted(states.values()) == ["PENDING", "RUNNING", "RUNNING"] else None

    (waiting,) = eventually(one_waits, "two runs that run and one that waits", 120)
    other = ask.run("d", pipeline(SLOW))
    ask.until(other, "RUNNING")
    assert ask.state(waiting) == "PENDING"
    (found,) = platform.get("workflow", "-n", "kubeflow", "-l", f"pipeline/runid={waiting}")["items"]
    lock = "kubeflow/ConfigMap/ml-pipeline-active-runs-narrow/maxActiveRuns"
    assert f"Waiting for {lock} lock" in found["status"]["message"]
    running = [run for run in runs if run != waiting]
    ask("POST", f"v2beta1/runs/{running[0]}:terminate")
    ask.until(waiting, "RUNNING")
    for run in (waiting, running[1], other):
        ask("POST", f"v2beta1/runs/{run}:terminate")
    ask.until(waiting, "CANCELED")


def test_the_limit_is_of_the_version_and_a_mutex_is_of_everybody() -> None:
    config = {"pipelineRunParallelism": 3, "mutexName": "gpu", "semaphoreKey": "lab"}
    found = concurrency.locks(config, "version-1", "P")
    assert [one["configMapKeyRef"]["key"] for one in found["semaphores"]] == ["maxActiveRuns", "lab"]
    assert found["mutexes"] == [{"name": "gpu"}]
    limit, lab = concurrency.config_maps(config, "version-1", "P", "kubeflow")
    assert limit["metadata"]["name"] == "ml-pipeline-active-runs-version-1"
    assert limit["data"] == {"maxActiveRuns": "3"} and concurrency.fixed(limit)
    assert lab["data"] == {"lab": "1"} and not concurrency.fixed(lab)
    assert concurrency.locks({}, "version-1", "P") == {}
    with pytest.raises(IrError, match="maxActiveRuns: 0 is no number of runs"):
        concurrency.locks({"maxActiveRuns": 0}, "", "P")


OLD = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: measured-
  namespace: kubeflow
  annotations: {pipelines.kubeflow.org/pipeline_spec: '{"name": "measured"}'}
spec:
  entrypoint: only
  templates:
  - name: only
    container:
      image: busybox
      command: [sh, -c]
      args:
      - >-
        echo '{"metrics": [{"name": "accuracy", "numberValue": 0.75, "format": "PERCENTAGE"}, {"name": "1"}]}'
        > /tmp/metrics.json; echo said
    outputs:
      artifacts: [{name: mlpipeline-metrics, path: /tmp/metrics.json}]
"""


def ended(platform: Platform, workflow: str) -> Callable[[], Any]:
    def look() -> Any:
        found = platform.get("workflow", workflow, "-n", "kubeflow")
        run = found["metadata"].get("labels", {}).get("pipeline/runid")
        return run if (found.get("status") or {}).get("phase") == "Succeeded" else None

    return look


@pytest.fixture(scope="module")
def older(platform: Platform, ask: Asking) -> tuple[str, str]:
    """(the Workflow, its run) of a pipeline as the first SDK compiled it."""
    platform.kubectl("create", "namespace", "kubeflow", check=False)
    made = platform.kubectl("create", "-f", "-", "-o", "name", text=OLD).strip().rpartition("/")[2]
    return made, eventually(ended(platform, made), f"the end of {made}", 120)


def test_numbers_that_a_step_left_are_the_runs_and_more_may_be_reported(
    ask: Asking, older: tuple[str, str]
) -> None:
    workflow, run = older
    accuracy = {"name": "accuracy", "node_id": workflow, "number_value": 0.75, "format": "PERCENTAGE"}

    def shown() -> Any:
        return ask("GET", f"v1beta1/runs/{run}")["run"].get("metrics")

    assert eventually(shown, "the metrics of the step") == [accuracy]
    more = {"name": "loss", "node_id": workflow, "number_value": 1.5, "format": "RAW"}
    told = ask("POST", f"v1beta1/runs/{run}:reportMetrics", {"metrics": [
        more, accuracy, {**more, "name": "not good"}, {**more, "name": "x", "node_id": ""},
    ]})["results"]
    assert [one["status"] for one in told] == [
        "OK", "DUPLICATE_REPORTING", "INVALID_ARGUMENT", "INVALID_ARGUMENT"]
    assert "doesn't match with the pattern" in told[2]["message"]
    assert shown() == [accuracy, more]
    (listed,) = [one for one in ask("GET", "v1beta1/runs?page_size=100")["runs"] if one["id"] == run]
    assert listed["metrics"] == [accuracy, more]


def test_what_is_no_number_is_none() -> None:
    assert metrics.left([("n", b"no json"), ("n", b"[1]"), ("n", b'{"metrics": 3}')], []) == []
    kept, (told,) = metrics.reported([{"name": "a", "node_id": "n", "number_value": "high"}], [])
    assert kept == [] and told["status"] == "INVALID_ARGUMENT"


def test_a_tasks_log_is_found_by_its_node(platform: Platform, ask: Asking, older: tuple[str, str]) -> None:
    workflow, run = older
    where = f"{platform.api.plain_url}/apis/v1alpha1/runs/{run}/nodes/{workflow}/log"
    asked = urllib.request.Request(where, headers={"Authorization": f"Bearer {platform.api.token}"})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        assert answer.read() == b"said\n"


def test_an_agents_report_is_true_already_or_refused(
    platform: Platform, ask: Asking, older: tuple[str, str]
) -> None:
    found = platform.get("workflow", older[0], "-n", "kubeflow")
    for version in ("v1beta1", "v2beta1"):
        assert ask("POST", f"{version}/workflows", {"workflow": json.dumps(found)}) == {}
    found["metadata"]["uid"] = "another"
    status, told = refused(platform, "v2beta1/workflows", {"workflow": json.dumps(found)})
    assert status == 404 and older[0] in told
    status, told = refused(platform, "v2beta1/visualizations/kubeflow", {})
    assert status == 501 and "HTML or Markdown artifact" in told


def refused(platform: Platform, path: str, body: Any) -> tuple[int, str]:
    where = f"{platform.api.plain_url}/apis/{path}"
    head = {"Authorization": f"Bearer {platform.api.token}", "Content-Type": "application/json"}
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(urllib.request.Request(where, json.dumps(body).encode(), head), timeout=60)
    return error.value.code, str(json.load(error.value)["message"])


def test_the_default_version_is_the_newest_until_somebody_chooses(ask: Asking) -> None:
    made = ask("POST", "v2beta1/pipelines", {"name": "chosen", "display_name": "chosen"})["pipeline_id"]

    def version(name: str) -> str:
        body = {"display_name": name, "pipeline_spec": pipeline("true")["pipeline_spec"]}
        return str(ask("POST", f"v2beta1/pipelines/{made}/versions", body)["pipeline_version_id"])

    def default() -> str:
        return str(ask("GET", "v1beta1/namespaces/-/pipelines/chosen")["default_version"]["id"])

    first, second = version("one"), version("two")
    assert default() == second
    ask("POST", f"v1beta1/pipelines/{made}/default_version/{first}")
    assert default() == first
    run = ask("POST", "v1beta1/runs", {"name": "r", "pipeline_spec": {"pipeline_id": made}})["run"]
    assert {"key": {"type": "PIPELINE_VERSION", "id": first}, "relationship": "CREATOR"} in run[
        "resource_references"]
    third = version("three")
    assert default() == third
