"""The unmodified clients of MLflow and of Kubeflow's Model Registry, outside the platform and in a step."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.platform import Platform, eventually
from tests.lineage import programs
from tests.lineage.test_walk import phase

pytestmark = [pytest.mark.heavy, pytest.mark.slow, pytest.mark.timeout(900)]
RULES = """
environments:
- image: mlflow
  python: "*"
  requirements: [mlflow-skinny, model-registry]
- image: plain-python
  python: "*"
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    root: Path = tmp_path_factory.mktemp("home")
    (root / "environments.yaml").write_text(RULES)
    instance = Platform(root)
    try:
        yield instance.up()
    finally:
        instance.down()


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Name → a Python that has the client. The second is the last one that speaks v1alpha3."""
    folder = tmp_path_factory.mktemp("clients")
    found = {}
    wanted = {"new": ["mlflow-skinny", "model-registry"], "old": ["model-registry==0.3.11"]}
    for name, requirements in wanted.items():
        uv = str(Path(sys.executable).parent / "uv")
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(folder / name)], check=True)
        found[name] = str(folder / name / "bin/python")
        subprocess.run([uv, "pip", "install", "-q", "--python", found[name], *requirements], check=True)
    return found


def run(platform: Platform, python: str, program: str, *words: str) -> None:
    env = {
        **os.environ, "MLFLOW_TRACKING_URI": platform.api.plain_url,
        "MLFLOW_TRACKING_TOKEN": platform.api.token, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }
    done = subprocess.run(
        [python, "-c", program, *words], capture_output=True, text=True, env=env, timeout=150, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{platform.last_words()}"


def test_both_clients_write_and_find_in_one_store(platform: Platform, clients: dict[str, str]) -> None:
    where = (str(platform.api.port), platform.api.token)
    run(platform, clients["new"], programs.REGISTERED, *where, "of-the-registry")
    run(platform, clients["new"], programs.TRACKED, "of-the-registry")
    run(platform, clients["old"], programs.REGISTERED, *where, "of-the-old", "of-mlflow")
    listed = platform.command("models").stdout
    assert all(name in listed for name in ("of-the-registry", "of-mlflow", "of-the-old"))


def test_a_step_logs_without_being_told_where(platform: Platform) -> None:
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "logs"},
        "spec": {"entrypoint": "main", "templates": [
            {"name": "main", "steps": [
                [{"name": "data", "template": "data"}],
                [{"name": "train", "template": "train", "arguments": {"artifacts": [
                    {"name": "rows", "from": "{{steps.data.outputs.artifacts.rows}}"}]}}],
            ]},
            {"name": "data", "script": {"image": "plain-python", "command": ["python"],
             "source": "open('/tmp/r.csv', 'w').write('a,b\\n1,2\\n3,4\\n')"},
             "outputs": {"artifacts": [{"name": "rows", "path": "/tmp/r.csv", "archive": {"none": {}}}]}},
            {"name": "train", "inputs": {"artifacts": [{"name": "rows", "path": "/tmp/in.csv"}]},
             "script": {"image": "mlflow", "command": ["python"], "source": programs.INSIDE}},
        ]},
    }
    platform.kubectl("create", "-f", "-", text=json.dumps(workflow))
    eventually(lambda: phase(platform, "logs") in ("Succeeded", "Failed", "Error"), "the end", 500)
    said = platform.kubectl("logs", "-l", "workflows.argoproj.io/workflow=logs", "--tail=50", check=False)
    assert phase(platform, "logs") == "Succeeded", said
    platform.kubectl("delete", "workflow", "logs")
    walk = json.loads(platform.command("lineage", "model/of-a-step", "--json").stdout)["tree"]
    (version,) = walk["children"]
    assert version["facts"]["run"] == "in-step in Workflow/logs"
    assert version["facts"]["workspace"] == "default"
    train = _first(walk, "execution", "train")
    assert train["facts"]["deleted"] is True and train["facts"]["environment"].startswith("environment:")
    rows = _first(train, "artifact", "rows")
    assert rows["facts"]["rows"] == 2
    assert _first(rows, "execution", "data")


def test_a_pod_finds_the_registry_where_kubeflows_documentation_says(platform: Platform) -> None:
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "registers"}, "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "c", "image": "mlflow", "command": ["python", "-c", programs.IN_A_POD]}],
        },
    }
    platform.kubectl("apply", "-f", "-", text=json.dumps(pod))
    ended = ("Succeeded", "Failed")
    eventually(lambda: platform.get("pod", "registers")["status"]["phase"] in ended, "the end", 500)
    found = platform.get("pod", "registers")["status"]["phase"]
    assert found == "Succeeded", platform.kubectl("logs", "registers")
    (one,) = json.loads(platform.command("models", "from-a-pod", "--json").stdout)
    assert (one["version"], one["workspace"]) == ("v1", "default")


def test_what_a_manifest_says_of_mlflow_stands(platform: Platform) -> None:
    program = "import os; print({k: v for k, v in os.environ.items() if k.startswith('MLFLOW')})"
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "own"}, "spec": {
            "restartPolicy": "Never", "containers": [{
                "name": "c", "image": "plain-python", "command": ["python", "-c", program],
                "env": [{"name": "MLFLOW_TRACKING_URI", "value": "http://elsewhere"}],
            }],
        },
    }
    platform.kubectl("apply", "-f", "-", text=json.dumps(pod))
    platform.kubectl("wait", "pod/own", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
    assert platform.kubectl("logs", "own").strip() == "{'MLFLOW_TRACKING_URI': 'http://elsewhere'}"


def _first(node: dict, kind: str, title: str) -> dict:  # type: ignore[type-arg]
    if (node["kind"], node["title"]) == (kind, title):
        return node
    for child in node["children"]:
        if found := _first(child, kind, title):
            return found
    return {}
