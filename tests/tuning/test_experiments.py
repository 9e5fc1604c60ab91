"""Experiments on a whole platform: real processes, real kubectl."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.platform import Platform, eventually

from .documents import Document, experiment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = Platform(Path(tmp_path_factory.mktemp("tuning")), "--isolation", "process").up()
    yield made
    made.down()


def condition(obj: Document, kind: str) -> Document | None:
    found = (obj.get("status") or {}).get("conditions") or []
    return next((one for one in found if one["type"] == kind and one["status"] == "True"), None)


def run(platform: Platform, document: Document, until: str = "Succeeded", within: float = 60) -> Any:
    platform.kubectl("create", "-f", "-", text=json.dumps(document))
    name = document["metadata"]["name"]

    def ended() -> Any:
        found = platform.get("experiment", name)
        wrong = condition(found, "Failed" if until == "Succeeded" else "Succeeded")
        assert wrong is None, wrong
        return found if condition(found, until) else None

    return eventually(ended, f"{name} to be {until}", within)


def trials(platform: Platform, name: str) -> list[Document]:
    found: list[Document] = platform.get("trials", "-l", f"katib.kubeflow.org/experiment={name}")["items"]
    return found


def test_random_search_over_jobs_finds_its_best_trial(platform: Platform) -> None:
    ended = run(platform, experiment("searched", maxTrialCount=5))

    status = ended["status"]
    assert condition(ended, "Succeeded")["reason"] == "ExperimentMaxTrialsReached"
    assert status["trials"] == status["trialsSucceeded"] == len(status["succeededTrialList"]) == 5
    best = status["currentOptimalTrial"]
    x = float(best["parameterAssignments"][0]["value"])
    metric = best["observation"]["metrics"][0]
    assert metric["name"] == "loss"
    assert abs(float(metric["min"]) - x * x) < 1e-4
    observed = [one["status"]["observation"]["metrics"][0] for one in trials(platform, "searched")]
    assert min(float(one["min"]) for one in observed) == float(metric["min"])
    assert platform.kubectl("get", "jobs", "-o", "name") == ""  # a trial's run goes unless it is retained
