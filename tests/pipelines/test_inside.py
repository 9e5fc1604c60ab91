"""The API of Pipelines from inside a pod, under the name and port that a cluster has for it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import cast

import pytest

from pinnace.authoring.kfp.launch import inside
from pinnace.authoring.kfp.step import Step
from tests.e2e.platform import Platform, eventually
from tests.pipelines.conftest import script

TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"
ASKED = f"""
apiVersion: v1
kind: Pod
metadata: {{name: asks, namespace: kubeflow}}
spec:
  restartPolicy: Never
  serviceAccountName: asker
  containers:
  - name: main
    image: curlimages/curl
    command: [sh, -c]
    args:
    - |
      base=http://ml-pipeline.kubeflow.svc.cluster.local:8888/apis/v2beta1
      curl -s -o /dev/null -w '%{{http_code}}\\n' $base/experiments
      curl -sf -H "Authorization: Bearer $(cat {TOKEN})" $base/experiments
"""
PROGRAM = '''
from kfp import dsl
from kfp.client import Client

@dsl.component(packages_to_install=["kfp"])
def ask() -> str:
    import os
    import subprocess
    import sys
    program = """
import kfp
client = kfp.Client()
print(client.create_experiment("made inside", namespace="kubeflow").display_name)
"""
    # In a component's own process the SDK does not import its client, on any cluster.
    given = {name: value for name, value in os.environ.items() if name != "_KFP_RUNTIME"}
    done = subprocess.run([sys.executable, "-c", program], env=given, capture_output=True, text=True)
    print(done.stderr)
    return done.stdout.strip().splitlines()[-1]

@dsl.pipeline
def asking() -> str:
    return ask().output

client = Client(host=__import__("os").environ["PINNACE_HOST"],
                existing_token=__import__("os").environ["PINNACE_TOKEN"])
run = client.create_run_from_pipeline_func(asking)
done = client.wait_for_run_completion(run.run_id, 400)
print("@", done.state, done.run_id)
'''


def test_a_pod_asks_with_its_own_token_and_its_own_rights(platform: Platform) -> None:
    platform.kubectl("create", "namespace", "kubeflow", check=False)
    platform.kubectl("create", "serviceaccount", "asker", "-n", "kubeflow")
    bound = ("--clusterrole=kubeflow-view", "--serviceaccount=kubeflow:asker", "-n", "kubeflow")
    platform.kubectl("create", "rolebinding", "asker", *bound)
    platform.api.request("POST", "/apis/v2beta1/experiments", json.dumps({"display_name": "seen"}).encode())
    platform.kubectl("apply", "-f", "-", text=ASKED)

    def over() -> bool:
        phase = platform.get("pod", "asks", "-n", "kubeflow")["status"].get("phase")
        return phase in ("Succeeded", "Failed")

    eventually(over, "its end", 90)
    anonymous, _, told = platform.kubectl("logs", "asks", "-n", "kubeflow").partition("\n")
    assert anonymous == "401"
    assert "seen" in [one["display_name"] for one in json.loads(told)["experiments"]]


@pytest.mark.parametrize(("text", "told"), [
    ("import kfp\nclient = kfp.Client()", True), ("from kfp.client import Client", True),
    ("from kfp import dsl, Client", True), ("curl http://ml-pipeline:8888/apis/v2beta1/healthz", True),
    ("from kfp import dsl", False), ("python3 -m kfp.dsl.executor_main", False),
])
def test_only_who_speaks_of_the_api_is_told_of_it(text: str, told: bool) -> None:
    own = [{"name": "KFP_ENDPOINT", "value": "x"}]
    container = SimpleNamespace(command=["sh", "-c"], args=[text], env=own)
    names = [one["name"] for one in inside(cast(Step, SimpleNamespace(container=container)))]
    assert names == (["KF_PIPELINES_SA_TOKEN_PATH"] if told else [])


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_a_component_needs_neither_host_nor_token(platform: Platform, sdk: str) -> None:
    state, _ = script(sdk, platform, PROGRAM, timeout=600).rpartition("@")[2].split()
    pods = platform.get("pods", "-n", "kubeflow")["items"]
    names = [one["metadata"]["name"] for one in pods]
    said = [platform.kubectl("logs", "-n", "kubeflow", name, "--tail=30", check=False) for name in names]
    assert state == "SUCCEEDED", "\n".join(said)
    listed = json.loads(platform.api.request("GET", "/apis/v2beta1/experiments"))["experiments"]
    assert "made inside" in [one["display_name"] for one in listed]
