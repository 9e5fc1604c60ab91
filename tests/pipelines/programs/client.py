"""The SDK's client, each of its public methods at least once, and what REST says beside it.

Fails if the installed SDK has a method that is not called here. Argument: the folder to write into.
"""

import inspect
import json
import os
import sys
import time
from typing import Any

import kfp
from kfp import dsl
from kfp.compiler import Compiler
from kfp_server_api import ApiException

FOLDER = sys.argv[1]
FILE = f"{FOLDER}/sum.yaml"


@dsl.component(base_image="python:3.11")
def add(a: int, b: int, log: dsl.Output[dsl.Dataset]) -> int:
    with open(log.path, "w") as file:
        file.write(str(a + b))
    return a + b


@dsl.component(base_image="python:3.11")
def nap(log: dsl.Input[dsl.Dataset], seconds: int):
    import time

    time.sleep(seconds)


@dsl.pipeline(name="sum", description="adds")
def total(a: int = 1, seconds: int = 0):
    nap(log=add(a=a, b=2).outputs["log"], seconds=seconds)


class Recording:
    """A client that remembers which methods were called."""

    def __init__(self, client: kfp.Client) -> None:
        self.client, self.called = client, set()

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            self.called.add(name)
        return getattr(self.client, name)


def refused(status: int, code: int, call: Any, *words: Any, **more: Any) -> None:
    """As upstream's gateway refuses: HTTP's status, gRPC's code, a message, details."""
    try:
        call(*words, **more)
    except ApiException as error:
        body = json.loads(error.body)
        assert error.status == status and body["code"] == code, error
        assert body["message"] and isinstance(body["details"], list), body
    else:
        raise AssertionError(f"{call} was not refused")


def eventually(condition: Any) -> Any:
    end = time.monotonic() + 90
    while not (found := condition()):
        assert time.monotonic() < end, "never"
        time.sleep(0.1)
    return found


token = os.environ.get("PINNACE_TOKEN")
host = os.environ.get("PINNACE_HOST")
client = Recording(kfp.Client(host=host, existing_token=token) if host else kfp.Client())
Compiler().compile(total, FILE)

# ---- health, experiments
assert client.get_kfp_healthz().multi_user is False
client.set_user_namespace("kubeflow")
assert client.get_user_namespace() == "kubeflow"
client.set_user_namespace("")
first = client.create_experiment("first", description="one")
assert client.create_experiment("first").experiment_id == first.experiment_id
second = client.create_experiment("second", namespace="")
assert client.get_experiment(experiment_name="first").description == "one"
assert client.get_experiment(experiment_id=second.experiment_id).display_name == "second"
refused(404, 5, client.get_experiment, experiment_id="none")
page = client.list_experiments(page_size=1, sort_by="display_name desc")
assert [one.display_name for one in page.experiments] == ["second"] and page.next_page_token
rest = client.list_experiments(page_size=1, sort_by="display_name desc", page_token=page.next_page_token)
assert [one.display_name for one in rest.experiments] == ["first"]
only = json.dumps({"predicates": [{"operation": 9, "key": "display_name", "stringValue": "eco"}]})
assert [one.display_name for one in client.list_experiments(filter=only).experiments] == ["second"]
refused(400, 3, client.list_experiments, filter='{"predicates": [{"operation": 77, "key": "name"}]}')
refused(400, 3, client.list_experiments, page_token="%%%")

# ---- pipelines and versions
made = client.upload_pipeline(FILE, pipeline_name="sums", description="adds")
assert client.get_pipeline_id("sums") == made.pipeline_id and client.get_pipeline_id("none") is None
refused(409, 6, client.upload_pipeline, FILE, pipeline_name="sums")
assert client.get_pipeline(made.pipeline_id).description == "adds"
refused(404, 5, client.get_pipeline, "none")
version = client.upload_pipeline_version(FILE, "second", pipeline_id=made.pipeline_id)
third = client.upload_pipeline_version_from_pipeline_func(total, "third", pipeline_name="sums")
func = client.upload_pipeline_from_pipeline_func(total, pipeline_name="from-func")
assert {one.display_name for one in client.list_pipelines().pipelines} == {"sums", "from-func"}
assert len(client.list_pipeline_versions(made.pipeline_id).pipeline_versions) == 3
shown = client.get_pipeline_version(made.pipeline_id, version.pipeline_version_id)
assert shown.pipeline_spec["pipelineInfo"]["name"] == "sum"
client.delete_pipeline_version(made.pipeline_id, third.pipeline_version_id)
refused(404, 5, client.get_pipeline_version, made.pipeline_id, third.pipeline_version_id)
refused(400, 3, client.delete_pipeline, func.pipeline_id)
for one in client.list_pipeline_versions(func.pipeline_id).pipeline_versions:
    client.delete_pipeline_version(func.pipeline_id, one.pipeline_version_id)
client.delete_pipeline(func.pipeline_id)

# ---- runs
result = client.create_run_from_pipeline_func(total, {"a": 2}, run_name="by func", experiment_name="first")
assert client.wait_for_run_completion(result.run_id, 200, sleep_duration=1).state == "SUCCEEDED"
package = client.create_run_from_pipeline_package(
    FILE, {"a": 2}, experiment_name="first", enable_caching=True
)
other = client.run_pipeline(
    first.experiment_id,
    "by version",
    pipeline_id=made.pipeline_id,
    version_id=version.pipeline_version_id,
    params={"a": 3},
    pipeline_root="minio://mlpipeline/own",
)
long = client.run_pipeline(second.experiment_id, "long", FILE, params={"seconds": 600}, enable_caching=False)
for run in (package.run_id, other.run_id):
    assert client.wait_for_run_completion(run, 200, sleep_duration=1).state == "SUCCEEDED"
refused(400, 3, client.run_pipeline, first.experiment_id, "wrong", FILE, params={"b": 1})
refused(400, 3, client.run_pipeline, first.experiment_id, "wrong", FILE, params={"a": "text"})
refused(404, 5, client.get_run, "none")
listed = client.list_runs(experiment_id=first.experiment_id, sort_by="created_at desc", page_size=2)
assert listed.total_size == 3 and len(listed.runs) == 2
only = json.dumps({"predicates": [{"operation": "EQUALS", "key": "state", "stringValue": "SUCCEEDED"}]})
assert client.list_runs(filter=only).total_size == 3
tasks = {one.display_name: one for one in client.get_run(other.run_id).run_details.task_details}
assert tasks["add"].outputs["log"].artifact_ids == tasks["nap"].inputs["log"].artifact_ids
client.terminate_run(long.run_id)
eventually(lambda: client.get_run(long.run_id).state == "CANCELED")
refused(400, 3, client.terminate_run, other.run_id)
refused(400, 3, client._run_api.run_service_retry_run, other.run_id)
client.archive_run(other.run_id)
assert client.get_run(other.run_id).storage_state == "ARCHIVED"
client.unarchive_run(other.run_id)
assert client.get_run(other.run_id).storage_state == "AVAILABLE"
client.delete_run(package.run_id)
refused(404, 5, client.get_run, package.run_id)

# ---- recurring runs
often = client.create_recurring_run(
    second.experiment_id,
    "often",
    interval_second=3600,
    pipeline_id=made.pipeline_id,
    version_id=version.pipeline_version_id,
    params={"a": 1},
    enabled=False,
)
nightly = client.create_recurring_run(
    second.experiment_id,
    "nightly",
    cron_expression="0 0 3 * * ?",
    pipeline_package_path=FILE,
    no_catchup=True,
)
assert client.get_recurring_run(often.recurring_run_id).status == "DISABLED"
client.enable_recurring_run(often.recurring_run_id)
assert client.get_recurring_run(often.recurring_run_id).status == "ENABLED"
client.disable_recurring_run(often.recurring_run_id)
client.enable_job(often.recurring_run_id)
client.disable_job(often.recurring_run_id)
found = client.list_recurring_runs(experiment_id=second.experiment_id).recurring_runs
assert {one.display_name for one in found} == {"often", "nightly"}
refused(
    400,
    3,
    client.create_recurring_run,
    second.experiment_id,
    "x",
    cron_expression="x",
    pipeline_package_path=FILE,
)
client.delete_recurring_run(often.recurring_run_id)
client.delete_job(nightly.recurring_run_id)
refused(404, 5, client.get_recurring_run, often.recurring_run_id)

# ---- the end of an experiment
client.archive_experiment(second.experiment_id)
assert client.get_run(long.run_id).storage_state == "ARCHIVED"
refused(400, 9, client.unarchive_run, long.run_id)
refused(400, 3, client.run_pipeline, second.experiment_id, "late", FILE)
client.unarchive_experiment(second.experiment_id)
client.delete_experiment(second.experiment_id)
refused(404, 5, client.get_experiment, experiment_id=second.experiment_id)

public = {name for name, _ in inspect.getmembers(kfp.Client, inspect.isfunction) if not name.startswith("_")}
assert public <= client.called, f"not called: {sorted(public - client.called)}"
print(json.dumps({"run": other.run_id, "artifact": tasks["add"].outputs["log"].artifact_ids[0]}))
