"""Five hundred workflows at once: all end, in the order of priority and age, and memory stays bounded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from statistics import median

import psutil
import pytest

from pinnace.cli.platform import state
from tests.e2e.platform import Platform

pytestmark = [pytest.mark.slow, pytest.mark.serial]

COUNT, URGENT = 500, 10
GROWTH = 150 << 20
WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/default/workflows"


@pytest.fixture
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("many") / "home", "--isolation", "process")
    try:
        yield platform.up()
    finally:
        platform.down()


def flow(name: str, priority: int) -> dict[str, object]:
    steps = [[{"name": word, "template": "step"}] for word in ("a", "b")]
    return {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name},
        "spec": {
            "entrypoint": "main", "priority": priority,
            "templates": [
                {"name": "main", "steps": steps},
                {"name": "step", "container": {"image": "busybox", "command": ["true"]}},
            ],
        },
    }  # fmt: skip


def test_five_hundred_workflows_at_once(platform: Platform) -> None:
    control = psutil.Process(int(state(platform.home)["processes"]["control"]))
    before = control.memory_info().rss
    platform.kubectl("cordon", "pinnace")  # so that all of them wait
    names = [f"w-{number:03d}" for number in range(COUNT)]
    for name in names[:-URGENT]:
        platform.api.request("POST", WORKFLOWS, flow(name, 0))
    for name in names[-URGENT:]:
        platform.api.request("POST", WORKFLOWS, flow(name, 5))
    platform.kubectl("uncordon", "pinnace")
    open_ones = set(names)
    finished: dict[str, int] = {}
    for event in platform.api.stream(f"{WORKFLOWS}?watch=1"):
        name, status = event["object"]["metadata"]["name"], event["object"].get("status") or {}
        if name in open_ones and status.get("phase") in ("Succeeded", "Failed", "Error"):
            assert status["phase"] == "Succeeded", json.dumps(status)[:2000]
            open_ones.discard(name)
            finished[name] = len(finished)
        if not open_ones:
            break
    assert len(finished) == COUNT
    assert control.memory_info().rss - before < GROWTH
    assert max(finished[name] for name in names[-URGENT:]) < COUNT / 5, "who is urgent overtakes who waits"
    thirds = [median(finished[name] for name in names[start : start + 150]) for start in (0, 170, 340)]
    assert thirds == sorted(thirds), "who came first ends first, on the whole"
