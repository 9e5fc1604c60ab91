"""Metrics that trials push: upstream's gRPC, a real server in a pod, real names, and whose pod may speak."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.platform import Platform, eventually

from .documents import Document, experiment, job
from .test_experiments import condition, run, trials

PROGRAM = Path(__file__).with_name("pushing_program.py")
IMAGE = "test/pushing"
PUSH = {"collector": {"kind": "Push"}}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = Platform(Path(tmp_path_factory.mktemp("pushed")), "--isolation", "sandbox")
    rule = {"image": IMAGE, "python": "*", "requirements": ["grpclib>=0.4.7,<0.5"], "cmd": ["python3"]}
    made.home.root.mkdir(parents=True, exist_ok=True)
    (made.home.root / "environments.yaml").write_text(yaml.safe_dump({"environments": [rule]}))
    made.up()
    yield made
    made.down()


def pushing(*words: str, **container: Any) -> Document:
    found = job("", image=IMAGE, args=[PROGRAM.read_text(), *words], **container)
    found["spec"]["template"]["spec"]["containers"][0]["command"] = ["python3", "-c"]
    return found


def pushed(name: str, *words: str, **spec: Any) -> Document:
    template = {"trialSpec": pushing("${trialParameters.x}", *words), "retain": True}
    return experiment(name, metricsCollectorSpec=PUSH, trialTemplate=template, **spec)


def metrics(trial: Document) -> Document:
    return {one["name"]: one for one in trial["status"]["observation"]["metrics"]}


def running(platform: Platform, experiment: str) -> str:
    """The name of its first trial that runs."""
    def found() -> Document | None:
        return next((one for one in trials(platform, experiment) if condition(one, "Running")), None)

    return str(eventually(found, "a trial to run", 120)["metadata"]["name"])


def test_what_trials_push_is_observed_and_their_server_goes_with_the_last(platform: Platform) -> None:
    status = run(platform, pushed("pushed", "3"), within=150)["status"]

    assert status["trialsSucceeded"] == 4
    for trial in trials(platform, "pushed"):
        value = trial["spec"]["parameterAssignments"][0]["value"]
        assert metrics(trial)["loss"] == {"name": "loss", "latest": value, "max": "1001", "min": value}
    served = platform.get("deployment", "katib-db-manager", "-n", "kubeflow")
    assert served["status"]["readyReplicas"] == 1

    platform.kubectl("delete", "experiment", "--all")
    gone = lambda: not platform.get("deployments", "-n", "kubeflow")["items"]  # noqa: E731
    eventually(gone, "katib-db-manager to go")


def test_only_a_pod_of_the_trial_reports_for_it(platform: Platform) -> None:
    """The second pod runs while the trial goes on, and is turned away."""
    document = pushed("own", "400", "0.05", maxTrialCount=1, parallelTrialCount=1, maxFailedTrialCount=1)
    platform.kubectl("create", "-f", "-", text=json.dumps(document))
    victim = running(platform, "own")
    variables = [{"name": "KATIB_TRIAL_NAME", "value": victim}]
    forger = pushing("-5", "1", env=variables)["spec"]["template"]
    forger = {
        "apiVersion": "v1", "kind": "Pod", **forger,
        "metadata": {"name": "forger", "annotations": {"pinnace.dev/network": "own"}},
    }
    platform.kubectl("create", "-f", "-", text=json.dumps(forger))
    eventually(lambda: platform.get("pod", "forger")["status"]["phase"] == "Failed", "the forger's end")
    assert f"only a pod of trial {victim} reports for it" in platform.kubectl("logs", "forger")
    platform.kubectl("delete", "experiment", "own")


def test_a_report_counts_once_although_control_is_killed(platform: Platform) -> None:
    document = pushed("counted", "60", "0.05", maxTrialCount=1, parallelTrialCount=1, maxFailedTrialCount=1)
    platform.kubectl("create", "-f", "-", text=json.dumps(document))
    name = running(platform, "counted")

    def told() -> list[Document]:
        answer = platform.api.request("GET", f"/pinnace/v1/observations/{name}")
        found: list[Document] = json.loads(answer)["logs"]
        return found

    for many in (5, 25):
        eventually(lambda many=many: len(told()) >= many, f"{many} reports")  # type: ignore[misc]
        before = platform.pids()["control"]
        os.kill(before, signal.SIGKILL)
        eventually(lambda before=before: platform.pids()["control"] != before, "a new control")  # type: ignore[misc]
        eventually(lambda: "counted" in platform.kubectl("get", "experiments", check=False), "its answer")

    def ended() -> Any:
        return condition(platform.get("experiment", "counted"), "Succeeded")

    eventually(ended, "the end")
    values = [one["value"] for one in told()]
    assert values[:-1] == [str(1000 + number) for number in range(59)]


def test_a_collector_of_the_users_own_reads_beside_the_trial(platform: Platform) -> None:
    """Its container sees the folder of the file that it reads, and reports for the trial of its pod."""
    reading = (
        "until [ -s /katib/m.log ]; do sleep 0.05; done; "
        'KATIB_TRIAL_NAME=${POD%-*} exec python3 -c "$PROGRAM" "$(cat /katib/m.log)" 1'
    )
    custom = {
        "name": "custom", "image": IMAGE, "command": ["sh", "-c", reading],
        "env": [
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "PROGRAM", "value": PROGRAM.read_text()},
        ],
    }
    collector = {
        "source": {"fileSystemPath": {"path": "/katib/m.log", "kind": "File"}},
        "collector": {"kind": "Custom", "customCollector": custom},
    }
    writing = {"trialSpec": job("echo ${trialParameters.x} > /katib/m.log")}
    document = experiment("custom", maxTrialCount=2, metricsCollectorSpec=collector, trialTemplate=writing)
    run(platform, document, within=150)
    for trial in trials(platform, "custom"):
        value = trial["spec"]["parameterAssignments"][0]["value"]
        assert metrics(trial)["loss"]["latest"] == value
