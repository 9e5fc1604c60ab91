"""Upstream's first pages, typed: a hello, an addition, the SDK's command line, `pinnace run` of the result.

Source: kubeflow.org/docs/components/pipelines getting-started, user-guides (programs of the same shape).
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.platform import Platform
from tests.pipelines.conftest import script

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

HELLO = """
from kfp import dsl

@dsl.component
def say_hello(name: str) -> str:
    text = f"Hello, {name}!"
    print(text)
    return text

@dsl.pipeline
def hello_pipeline(recipient: str) -> str:
    return say_hello(name=recipient).output
"""
SUBMIT = """
from kfp import compiler
from kfp.client import Client
compiler.Compiler().compile(hello_pipeline, "{file}")
client = Client(host=__import__("os").environ["PINNACE_HOST"], existing_token="{token}")
run = client.create_run_from_pipeline_package("{file}", arguments={{"recipient": "World"}})
done = client.wait_for_run_completion(run.run_id, 200)
print("@", done.state, done.run_id)
"""
ADDITION = """
from kfp import dsl

@dsl.component
def add(num1: int, num2: int) -> int:
    return num1 + num2

@dsl.pipeline(name="addition-pipeline")
def addition(a: int, b: int, c: int = 10) -> int:
    first = add(num1=a, num2=b)
    return add(num1=first.output, num2=c).output
"""


def output(platform: Platform, run: str) -> object:
    (workflow,) = platform.get("workflows", "-n", "kubeflow", "-l", f"pipeline/runid={run}")["items"]
    root = workflow["status"]["nodes"][workflow["metadata"]["name"]]
    return json.loads(root["outputs"]["parameters"][0]["value"])


def test_the_first_page(platform: Platform, sdk: str, tmp_path: Path) -> None:
    text = HELLO + SUBMIT.format(file=tmp_path / "pipeline.yaml", token=platform.api.token)
    state, run = script(sdk, platform, text).rpartition("@")[2].split()
    assert state == "SUCCEEDED" and output(platform, run) == "Hello, World!"
    pods = platform.get("pods", "-n", "kubeflow", "-l", f"pipeline/runid={run}")["items"] or platform.get(
        "pods", "-n", "kubeflow"
    )["items"]
    logs = [platform.kubectl("logs", "-n", "kubeflow", pod["metadata"]["name"]) for pod in pods]
    assert any("Hello, World!" in log for log in logs)


def test_the_command_line(platform: Platform, sdk: str, tmp_path: Path) -> None:
    (tmp_path / "addition.py").write_text(ADDITION)
    package = str(tmp_path / "addition.yaml")
    environment = {
        **os.environ, "KUBECONFIG": str(platform.home.kubeconfig), "HOME": str(tmp_path),
        "PYTHONWARNINGS": "ignore",
    }

    def kfp(*words: str) -> str:
        done = subprocess.run(
            [str(Path(sdk).parent / "kfp"), "--output", "json", *words], capture_output=True, text=True,
            env=environment, timeout=120,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    kfp("dsl", "compile", "--py", str(tmp_path / "addition.py"), "--output", package)
    kfp("experiment", "create", "adding")
    kfp("pipeline", "create", "-p", "addition", package)
    told = kfp(
        "run", "create", "--experiment-name", "adding", "--run-name", "first", "--package-file", package,
        "--watch", "a=1", "b=2",
    )
    shown, _ = json.JSONDecoder().raw_decode(told[told.index("{") :])  # --watch says the end after it
    run = shown["run_id"]
    assert output(platform, run) == 13
    assert run in kfp("run", "list") and "addition" in kfp("pipeline", "list")
    done = platform.command("run", package, "-p", "a=3", "-p", "b=4")
    assert "addition-pipeline" in done.stdout
