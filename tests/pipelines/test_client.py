"""The unmodified `kfp.Client` against the platform: by host and token, and by kubeconfig alone."""

from __future__ import annotations

import base64
import http.server
import json
import os
import subprocess
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pinnace.cli.connection import Refused
from tests.e2e.platform import Platform
from tests.pipelines.conftest import script

PROGRAMS = Path(__file__).parent / "programs"
pytestmark = [pytest.mark.heavy, pytest.mark.timeout(600)]

PIPELINE = """
import json, os, time, kfp
from kfp import dsl, Client
from kfp.compiler import Compiler
host, token = os.environ["PINNACE_HOST"], os.environ["PINNACE_TOKEN"]

@dsl.component(base_image="python:3.11")
def add(a: int, b: int) -> int:
    return a + b

@dsl.component(base_image="python:3.11")
def say(x: int, metrics: dsl.Output[dsl.Metrics]) -> str:
    metrics.log_metric("x", x)
    return f"the sum is {x}"

@dsl.component(base_image="python:3.11")
def fail(x: int) -> int:
    raise RuntimeError("on purpose")

@dsl.pipeline(name="sum")
def total(a: int = 1):
    say(x=add(a=a, b=2).output)

@dsl.pipeline(name="sorrow")
def sorrow():
    fail(x=add(a=1, b=2).output)

@dsl.component(base_image="python:3.11")
def nap():
    import time
    time.sleep(600)

@dsl.pipeline(name="long")
def long():
    nap()
"""


def test_two_steps_by_host_and_again_from_the_cache(platform: Platform, sdk: str) -> None:
    told = json.loads(script(sdk, platform, PIPELINE + """
client = Client(host=host, existing_token=token)
found = []
for _ in range(2):
    made = client.create_run_from_pipeline_func(total, arguments={"a": 5}).run_id
    run = client.wait_for_run_completion(made, 200)
    found.append([run.state, {t.display_name: t.state for t in run.run_details.task_details},
                  [h.state for h in client.get_run(made).state_history]])
print("@", json.dumps(found))
""").rpartition("@")[2])
    states = {"root": "SUCCEEDED", "add": "SUCCEEDED", "say": "SUCCEEDED"}
    assert [one[:2] for one in told] == [["SUCCEEDED", states]] * 2
    assert told[0][2][0] == "PENDING" and told[0][2][-1] == "SUCCEEDED"


def test_bare_client_keeps_pipelines_versions_experiments(platform: Platform, sdk: str) -> None:
    told = json.loads(script(sdk, platform, PIPELINE + """
client = Client()
Compiler().compile(total, "/tmp/sum.yaml")
made = client.upload_pipeline("/tmp/sum.yaml", pipeline_name="sums", description="adds")
version = client.upload_pipeline_version("/tmp/sum.yaml", "second", pipeline_id=made.pipeline_id)
experiment = client.create_experiment("sums", description="of numbers")
run = client.run_pipeline(experiment.experiment_id, "first", pipeline_id=made.pipeline_id,
                          version_id=version.pipeline_version_id, params={"a": 3})
state = client.wait_for_run_completion(run.run_id, 200).state
client.archive_run(run.run_id)
archived = client.get_run(run.run_id).storage_state
client.unarchive_run(run.run_id)
try:
    client.upload_pipeline("/tmp/sum.yaml", pipeline_name="sums"); twice = 0
except kfp.client.client.kfp_server_api.ApiException as error:
    twice = error.status
names = [v.display_name for v in client.list_pipeline_versions(made.pipeline_id).pipeline_versions]
runs = [r.display_name for r in client.list_runs(experiment_id=experiment.experiment_id).runs]
client.delete_run(run.run_id)
left = client.list_runs(experiment_id=experiment.experiment_id).runs or []
print("@", json.dumps([client.get_pipeline_id("sums") == made.pipeline_id, state, archived, twice,
                       sorted(names), runs, len(left)]))
""").rpartition("@")[2])
    assert told == [True, "SUCCEEDED", "ARCHIVED", 409, ["second", "sums"], ["first"], 0]


def test_failed_runs_are_retried_and_long_ones_terminated(platform: Platform, sdk: str) -> None:
    told = json.loads(script(sdk, platform, PIPELINE + """
client = Client()
made = client.create_run_from_pipeline_func(sorrow, enable_caching=False).run_id
run = client.wait_for_run_completion(made, 200)
tasks = {t.display_name: t for t in run.run_details.task_details}
first = [run.state, tasks["add"].state, tasks["fail"].state, tasks["fail"].error.message]
before = tasks["add"].end_time
client._run_api.run_service_retry_run(made)
run = client.wait_for_run_completion(made, 200)
tasks = {t.display_name: t for t in run.run_details.task_details}
second = [run.state, tasks["add"].end_time == before, [h.state for h in run.state_history]]
made = client.create_run_from_pipeline_func(long).run_id
client.terminate_run(made)
end = time.time() + 60
while client.get_run(made).state != "CANCELED" and time.time() < end:
    time.sleep(0.1)
print("@", json.dumps([first, second, client.get_run(made).state]))
""").rpartition("@")[2])
    first, second, terminated = told
    assert first[:3] == ["FAILED", "SUCCEEDED", "FAILED"] and "exit code 1" in first[3]
    assert second[:2] == ["FAILED", True]
    assert second[2][-2:] == ["RUNNING", "FAILED"]
    assert terminated == "CANCELED"


@pytest.mark.parametrize("way", ["host", "kubeconfig"])
def test_every_method_of_the_client_and_what_its_tasks_left(
    sdk: str, tmp_path: Path, way: str
) -> None:
    """On a platform of its own: the program counts what there is."""
    platform = Platform(tmp_path / "home")
    environment = {**os.environ, "KUBECONFIG": str(platform.home.kubeconfig), "HOME": str(tmp_path)}

    def ask(path: str) -> Any:
        return json.loads(platform.api.request("GET", f"/apis/v2beta1/{path}"))

    try:
        platform.up()
        if way == "host":
            environment |= {"PINNACE_HOST": platform.api.plain_url, "PINNACE_TOKEN": platform.api.token}
        done = subprocess.run(
            [sdk, "-W", "ignore", str(PROGRAMS / "client.py"), str(tmp_path)],
            capture_output=True, text=True, env=environment, timeout=300,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{platform.last_words()}"
        found = json.loads(done.stdout.strip().splitlines()[-1])
        artifact = ask(f"artifacts/{found['artifact']}")
        assert artifact["type"] == "Dataset" and artifact["uri"].startswith("minio://mlpipeline/own/sum/")
        assert found["artifact"] in [one["artifact_id"] for one in ask("artifacts")["artifacts"]]
        run = found["run"]
        links = ask(f"artifact_tasks?run_ids={run}&artifact_ids={found['artifact']}")["artifact_tasks"]
        assert {one["type"]: one["producer"]["task_name"] for one in links} == {
            "OUTPUT": "add", "TASK_OUTPUT_INPUT": "add",
        }
        tasks = {one["name"]: one["state"] for one in ask(f"tasks?run_id={run}")["tasks"]}
        assert tasks == dict.fromkeys(("root", "add", "nap"), "SUCCEEDED")
        (workflow,) = platform.get("workflows", "-n", "kubeflow", "-l", f"pipeline/runid={run}")["items"]
        node = next(key for key, one in workflow["status"]["nodes"].items() if one["displayName"] == "add")
        content = ask(f"runs/{run}/nodes/{node}/artifacts/log:read")["data"]
        assert base64.b64decode(content) == b"5"
        platform.kubectl("delete", "workflow", workflow["metadata"]["name"], "-n", "kubeflow")
        assert ask(f"artifacts/{found['artifact']}") == artifact
    finally:
        platform.down()


def test_a_pipeline_is_fetched_from_a_url(platform: Platform, sdk: str, tmp_path: Path) -> None:
    script(sdk, platform, PIPELINE + f"Compiler().compile(total, '{tmp_path}/sum.yaml')")
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        place = {"pipeline_url": f"http://127.0.0.1:{server.server_port}/sum.yaml"}
        body = {"pipeline": {"display_name": "fetched"}, "pipeline_version": {"package_url": place}}
        made = json.loads(platform.api.request("POST", "/apis/v2beta1/pipelines/create", body))
        path = f"/apis/v2beta1/pipelines/{made['pipeline_id']}/versions"
        platform.api.request("POST", path, {"display_name": "second", "package_url": place})
        found = json.loads(platform.api.request("GET", path))["pipeline_versions"]
    finally:
        server.shutdown()
    assert [one["pipeline_spec"]["pipelineInfo"]["name"] for one in found] == ["sum", "sum"]
    with pytest.raises(Refused, match="link-local"):
        place = {"pipeline_url": "http://169.254.169.254/latest"}
        platform.api.request("POST", path, {"display_name": "third", "package_url": place})


def test_recurring_runs_start_by_themselves(platform: Platform, sdk: str) -> None:
    told = json.loads(script(sdk, platform, PIPELINE + """
client = Client()
experiment = client.create_experiment("often")
Compiler().compile(total, "/tmp/often.yaml")
job = client.create_recurring_run(experiment.experiment_id, "often", interval_second=1, max_concurrency=2,
                                  pipeline_package_path="/tmp/often.yaml", params={"a": 1})
end = time.time() + 90
runs = []
while len(runs) < 2 and time.time() < end:
    runs = client.list_runs(experiment_id=experiment.experiment_id).runs or []
    time.sleep(0.2)
client.disable_recurring_run(job.recurring_run_id)
state = client.wait_for_run_completion(runs[0].run_id, 100).state
shown = client.get_recurring_run(job.recurring_run_id)
print("@", json.dumps([len(runs) >= 2, state, runs[0].recurring_run_id == job.recurring_run_id,
                       shown.status, shown.max_concurrency]))
client.delete_recurring_run(job.recurring_run_id)
""").rpartition("@")[2])
    assert told == [True, "SUCCEEDED", True, "DISABLED", "2"]
