"""What a Kubeflow Pipelines component costs over its function: a chain of lightweight components that do
nothing, and the same component as often by `kfp.local` (its SubprocessRunner), in the very same environment.

The environment is built by the platform itself, from a rule. Where kfp cannot be had, that is said and
nothing is measured.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figure import Figure
from benchmarks.home import running
from pinnace.cli import pipeline
from pinnace.cli.connection import Connection
from pinnace.home import Home

IMAGE = "benchmarks/kfp"
RULE = f"environments:\n- image: {IMAGE}\n  python: '*'\n  requirements: [kfp]\n"
BUILD_WITHIN = 600.0
TARGET, RATIO = 25.0, 1.0
PODS = "/api/v1/namespaces/default/pods"
WHAT = "a KFP component over its function"

COMPONENT = f"""
import sys, time
from kfp import compiler, dsl, local

@dsl.component(base_image="{IMAGE}", install_kfp_package=False)
def noop(x: int) -> int:
    return x + 1

@dsl.pipeline
def chain(x: int = 0):
    for _ in range(int(sys.argv[2])):
        task = noop(x=x)
        task.set_caching_options(False)
        x = task.output

if sys.argv[1] == "local":
    local.init(runner=local.SubprocessRunner(use_venv=False), raise_on_error=True)
    began = time.monotonic()
    for number in range(int(sys.argv[2])):
        noop(x=number)
    print(f"seconds {{time.monotonic() - began}}")
else:
    compiler.Compiler().compile(chain, sys.argv[1])
"""


class Skipped(Exception):
    """There is no environment to measure in."""


def environment(home: Home, connection: Connection) -> str:
    """The Python of the environment that pods of the image run in. Skipped: it cannot be built."""
    home.environment_rules.write_text(RULE)
    container = {"name": "main", "image": IMAGE, "command": ["python3", "-c", "import kfp"]}
    body = {"metadata": {"name": "build"}, "spec": {"restartPolicy": "Never", "containers": [container]}}
    connection.request("POST", PODS, body)
    deadline = time.monotonic() + BUILD_WITHIN
    while time.monotonic() < deadline:
        status = connection.json(f"{PODS}/build")["status"]
        if status["phase"] == "Succeeded":
            (found,) = home.environments.glob("*/venv/bin/python")
            return str(found)
        waiting = (status.get("containerStatuses") or [{}])[0].get("state", {}).get("waiting") or {}
        if status["phase"] == "Failed" or "ErrImage" in waiting.get("reason", ""):
            raise Skipped(waiting.get("message", "kfp cannot be imported").splitlines()[-1][:120])
        time.sleep(0.2)
    raise Skipped(f"the environment was not built within {BUILD_WITHIN:.0f} s")


def program(python: str, folder: Path, *words: str) -> str:
    file = folder / "component.py"
    file.write_text(COMPONENT)
    done = subprocess.run(
        [python, "-W", "ignore", str(file), *words], check=True, capture_output=True, text=True, cwd=folder
    )
    return done.stdout


def seconds(connection: Connection, document: dict[str, Any]) -> float:
    """From the run's acceptance to its end, as a watch tells it."""
    name = pipeline.submit(connection, [document], (), "default")["metadata"]["name"]
    began = time.monotonic()
    path = "/apis/argoproj.io/v1alpha1/namespaces/kubeflow/workflows"
    for event in connection.stream(f"{path}?watch=1&fieldSelector=metadata.name%3D{name}"):
        status = event["object"].get("status") or {}
        if status.get("phase") in ("Succeeded", "Failed", "Error"):
            if status["phase"] != "Succeeded":
                raise RuntimeError(json.dumps(status)[:2000])
            return time.monotonic() - began
    raise RuntimeError("the watch ended before the run did")


def locally(python: str, folder: Path, steps: int) -> float:
    said = program(python, folder, "local", str(steps))
    return float(next(line for line in said.splitlines() if line.startswith("seconds ")).split()[1])


def measure(*, quick: bool = False) -> list[Figure]:
    import yaml

    steps, rounds = (10, 1) if quick else (30, 3)
    with running() as home:
        connection = Connection.to(home)
        try:
            python = environment(home, connection)
        except Skipped as why:
            return [Figure(WHAT, f"≤ {TARGET:.0f} ms", f"skipped, no environment with kfp: {why}", False)]
        folder = home.root
        program(python, folder, str(folder / "chain.yaml"), str(steps))
        document = yaml.safe_load((folder / "chain.yaml").read_text())
        ours, theirs = [], []
        seconds(connection, document)
        for _ in range(rounds):
            theirs.append(locally(python, folder, steps) / steps * 1000)
            ours.append(seconds(connection, document) / steps * 1000)
    cost, local = median(ours), median(theirs)
    return [
        Figure(
            f"{WHAT} (a chain of {steps} that do nothing)", f"≤ {TARGET:.0f} ms", f"{cost:.0f} ms",
            cost <= TARGET,
        ),
        Figure(
            "the same by kfp.local's SubprocessRunner in the same environment, against it", "≥ 1",
            f"{local / cost:.1f} ({local:.0f} ms)", local / cost >= RATIO,
        ),
    ]
