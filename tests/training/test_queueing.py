"""Ten jobs that each want the whole machine: gangs queue, none starts by halves, and control may die."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.platform import Platform, eventually
from tests.training.running import state

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
JOBS = 10
CLAIM = {
    "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "runs"},
    "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}},
}
SCRIPT = """
echo $HOSTNAME >> /runs/started
touch /runs/$JOB.$HOSTNAME
until [ $(ls /runs | grep -c "^$JOB\\.") = 3 ]; do sleep 0.02; done
sleep 0.3
"""
"""Waits until all of its job are there: a job that starts by halves never ends, and holds the machine."""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = Platform(tmp_path_factory.mktemp("queueing")).up()
    try:
        yield made
    finally:
        made.down()


def job(name: str) -> dict[str, Any]:
    container = {
        "name": "tensorflow", "image": "alpine", "command": ["sh", "-c", SCRIPT],
        "env": [{"name": "JOB", "value": name}], "resources": {"requests": {"cpu": "1"}},
        "volumeMounts": [{"name": "runs", "mountPath": "/runs"}],
    }
    volume = {"name": "runs", "persistentVolumeClaim": {"claimName": "runs"}}
    template = {"spec": {"containers": [container], "volumes": [volume]}}
    counts = {"Chief": 1, "PS": 1, "Worker": 1}
    replicas = {kind: {"replicas": count, "template": template} for kind, count in counts.items()}
    policy = {"cleanPodPolicy": "None"}
    return {
        "apiVersion": "kubeflow.org/v1", "kind": "TFJob", "metadata": {"name": name},
        "spec": {"tfReplicaSpecs": replicas, "runPolicy": policy},
    }


def test_ten_jobs_queue_on_a_small_machine_and_all_end(platform: Platform) -> None:
    """Each asks for three cores. Control is killed in the middle; no replica starts twice."""
    names = [f"queue-{number}" for number in range(JOBS)]
    everything = {"apiVersion": "v1", "kind": "List", "items": [CLAIM, *map(job, names)]}
    platform.kubectl("apply", "-f", "-", text=json.dumps(everything))

    def ended() -> list[str]:
        return [name for name in names if state(platform, "tfjob", name) in ("Succeeded", "Failed")]

    eventually(lambda: len(ended()) >= 2, "two ends", 120)
    os.kill(platform.pids()["control"], signal.SIGKILL)
    eventually(lambda: len(ended()) == JOBS, "all ends", 200)
    assert {state(platform, "tfjob", name) for name in names} == {"Succeeded"}
    started = Path(platform.home.volumes) / "default" / "runs" / "started"
    found = Counter(started.read_text().split())
    assert len(found) == 3 * JOBS
    assert set(found.values()) == {1}
