"""Dask's operator from PyPI, unmodified, with its own CRDs: a cluster that computes, grows, and goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.platform import Platform, eventually

OPERATOR = ["dask-kubernetes==2026.3.0", "distributed==2026.8.0"]
IMAGE = "ghcr.io/dask/dask:2026.8.0"
RULES = 'environments:\n- {image: ghcr.io/dask/dask, python: "*", requirements: [distributed==2026.8.0]}\n'
CRDS = "*/site-packages/dask_kubernetes/operator/deployment/helm/dask-kubernetes-operator/crds"
SUM = """
from distributed import Client
with Client("tcp://simple-scheduler:8786") as client:
    client.wait_for_workers(2)
    print("sum", sum(client.gather(client.map(lambda n: n * n, range(10)))))
"""
pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment with the operator; wheels come from uv's cache."""
    folder = tmp_path_factory.mktemp("dask") / "environment"
    python = str(folder / "bin" / "python")
    subprocess.run(["uv", "venv", "-q", "--python", sys.executable, str(folder)], check=True, timeout=60)
    subprocess.run(["uv", "pip", "install", "-q", "--python", python, *OPERATOR], check=True, timeout=600)
    return folder


@pytest.fixture
def operator(platform: Platform, programs: Path, tmp_path: Path) -> Iterator[Path]:
    """It runs; the path of what it says."""
    (crds,) = (programs / "lib").glob(CRDS)
    platform.kubectl("apply", "--server-side", "-f", str(crds))
    log = tmp_path / "operator.log"
    module = "dask_kubernetes.operator.controller"
    with log.open("w") as output:
        process = subprocess.Popen(
            [programs / "bin" / "kopf", "run", "-n", "default", "--standalone", "-m", module],
            env={**os.environ, "KUBECONFIG": str(platform.home.kubeconfig)}, stdout=output, stderr=output,
        )
    try:
        yield log
    finally:
        process.terminate()
        process.wait(30)


def container(role: str, *words: str, **more: Any) -> dict[str, Any]:
    return {"containers": [{"name": role, "image": IMAGE, "args": ["dask", role, *words], **more}]}


def cluster() -> dict[str, Any]:
    """As the operator's documentation writes it."""
    ports = [("tcp-comm", 8786), ("http-dashboard", 8787)]
    opened = [{"name": name, "containerPort": port} for name, port in ports]
    service = {
        "type": "ClusterIP",
        "selector": {"dask.org/cluster-name": "simple", "dask.org/component": "scheduler"},
        "ports": [{"name": name, "port": port, "targetPort": name} for name, port in ports],
    }
    probe = {"tcpSocket": {"port": "tcp-comm"}, "periodSeconds": 1}
    scheduler = container("scheduler", "--no-dashboard", ports=opened, readinessProbe=probe)
    worker = container("worker", "--name", "$(DASK_WORKER_NAME)", "--no-dashboard", "--nthreads", "1")
    return {
        "apiVersion": "kubernetes.dask.org/v1", "kind": "DaskCluster", "metadata": {"name": "simple"},
        "spec": {
            "worker": {"replicas": 2, "spec": worker}, "scheduler": {"spec": scheduler, "service": service},
        },
    }


def test_a_dask_cluster_computes_and_grows(platform: Platform, operator: Path) -> None:
    platform.home.root.joinpath("environments.yaml").write_text(RULES)
    platform.kubectl("apply", "-f", "-", text=json.dumps(cluster()))

    def ready() -> int:
        pods = platform.get("pods", "-l", "dask.org/cluster-name=simple")["items"]
        states = [pod["status"].get("containerStatuses") or [{"ready": False}] for pod in pods]
        return sum(all(each["ready"] for each in state) for state in states)

    try:
        eventually(lambda: ready() == 3, "scheduler and two workers", within=240)
        eventually(lambda: platform.get("daskcluster", "simple")["status"]["phase"] == "Running", "its phase")
        words = ("run", "client", "--image", IMAGE, "--restart=Never", "--", "python", "-c", SUM)
        platform.kubectl(*words)
        said = "sum 285"
        eventually(lambda: said in platform.kubectl("logs", "client", check=False), said, within=120)
        platform.kubectl("scale", "daskworkergroup", "simple-default", "--replicas=3")
        eventually(lambda: ready() == 4, "a third worker", within=120)
        platform.kubectl("delete", "daskcluster", "simple", "--timeout=60s")
        eventually(lambda: ready() == 0, "its pods to be gone")
    except BaseException:
        print(operator.read_text()[-4000:], platform.kubectl("get", "pods,events", check=False))
        raise
