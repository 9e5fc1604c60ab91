"""No step runs twice and none is lost, whoever is killed when. Everything here is real but the API."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import pytest

from pinnace.failpoint import KILLED

from .site import Site

FAILPOINTS = (
    "pods.before-bind-commit",
    "pods.after-bind-commit",
    "pods.after-send",
    "pods.before-report-commit",
    "pods.after-report-commit",
    "pods.after-ack",
    "store.before-journal",
    "store.after-journal",
    "store.mid-flush",
    "store.after-commit",
    "workflow.before-commit",
    "workflow.after-commit",
    "workflow.before-flush",
    "workflow.after-flush",
)
SELDOM = ("store.mid-flush", "store.after-commit")
"""The tables are written once in a while; what happens between is in the journal."""
NODE_FAILPOINTS = ("node.staging", "node.collecting")
KILLS = 20


@pytest.mark.parametrize(
    ("failpoint", "passing"),
    [(name, passing) for name in FAILPOINTS for passing in ((1,) if name in SELDOM else (1, 3))],
)
def test_control_dies_at_a_named_place(tmp_path: Path, failpoint: str, passing: int) -> None:
    with Site(tmp_path) as site:
        site.pods(4)
        site.job("work", completions=4, backoff=0)
        site.workflow("flow", width=3, length=3)
        site.die_at(f"{failpoint}:{passing}")
        result = site.finish()
        site.check_once(result)
        assert result["workflows"] == {"flow": "Succeeded"}
        assert len(result["pods"]) == 4 + 4 + 9
        assert result["jobs"]["work"]["succeeded"] == 4
        assert "failed" not in result["jobs"]["work"], "with backoffLimit 0 nothing may have been repeated"


@pytest.mark.parametrize("failpoint", NODE_FAILPOINTS)
@pytest.mark.parametrize("passing", [1, 4])
def test_the_node_dies_while_artifacts_are_moved(tmp_path: Path, failpoint: str, passing: int) -> None:
    """The pod is lost, and repeated because its policy says so: another pod, whose files are all there."""
    with Site(tmp_path) as site:
        site.kill_node()
        site.artifacts("flow", width=4)
        node = site.start_node(f"{failpoint}:{passing}")
        control = site.start_control()
        assert node.wait(30) == KILLED, site.words()
        site.start_node()
        assert control.wait(60) == 0, site.words()
        result = site.finish()
        site.check_at_most_once(result)
        assert result["workflows"] == {"flow": "Succeeded"}
        done = [pod for pod in result["pods"].values() if pod["phase"] == "Succeeded"]
        lost = [pod for pod in result["pods"].values() if pod["reason"] == "NodeLost"]
        assert len(done) == 5 and lost


@pytest.mark.slow
def test_no_step_runs_twice_in_an_engines_containers(tmp_path: Path, image: str) -> None:
    """Containers outlive the engine's client and the node: control dies first, then the node, then both."""
    with Site(tmp_path, "container", image) as site:
        site.pods(4, seconds=0.2)
        site.workflow("flow", width=2, length=2)
        site.die_at("pods.after-send:2")
        site.check_once(site.finish())
        site.job("work", completions=4, backoff=100, seconds=0.5)
        control = site.start_control()
        site.wait_for_starts(10)
        site.kill_node()
        control.kill()
        control.wait()
        site.start_node()
        result = site.finish()
        site.check_at_most_once(result)
        assert result["jobs"]["work"]["succeeded"] == 4
        assert [pod for pod in result["pods"].values() if pod["reason"] == "NodeLost"]


@pytest.mark.serial
@pytest.mark.slow
def test_control_is_killed_twenty_times(tmp_path: Path) -> None:
    dice = random.Random(20)
    with Site(tmp_path) as site:
        site.pods(60, seconds=0.4)
        site.job("work", completions=20, backoff=0, seconds=0.4)
        site.workflow("flow", width=5, length=12, seconds=0.3)
        kills = sum(site.kill_control(0.35 + dice.random() * 0.6) for _ in range(KILLS))
        result = site.finish()
        assert kills == KILLS, "the work must outlast the storm"
        site.check_once(result)
        assert result["workflows"] == {"flow": "Succeeded"}
        assert len(result["pods"]) == 60 + 20 + 60
        assert result["jobs"]["work"]["succeeded"] == 20


@pytest.mark.serial
@pytest.mark.slow
@pytest.mark.parametrize(
    ("kills", "rounds"),
    [(50, 25), pytest.param(200, 80, marks=[pytest.mark.heavy, pytest.mark.timeout(900)])],
)
def test_a_storm_over_locks_pauses_retries_and_hooks(tmp_path: Path, kills: int, rounds: int) -> None:
    """The same tree as undisturbed, nothing twice, the mutex in one hand at a time and in none at the end."""
    dice = random.Random(kills)
    (tmp_path / "calm").mkdir()
    with Site(tmp_path / "calm") as site:
        for name in ("one", "two"):
            site.mixed(name, rounds, seconds=0.01)
        calm = site.finish(600)
    with Site(tmp_path) as site:
        for name in ("one", "two"):
            site.mixed(name, rounds)
        done = sum(site.kill_control(0.35 + dice.random() * 0.6) for _ in range(kills))
        result = site.finish(600)
        assert done == kills, "the work must outlast the storm"
        assert set(site.lines().values()) == {1}, "no step begins or ends twice"
        assert {uid for _, uid in site.lines()} == set(result["pods"])
        held = site.holders()
        assert [word for word, _ in held] == ["hold", "free"] * (2 * rounds)
        assert all(held[n][1] == held[n + 1][1] for n in range(0, len(held), 2))
    assert result["workflows"] == {"one": "Succeeded", "two": "Succeeded"}
    assert result["trees"] == calm["trees"]


@pytest.mark.serial
@pytest.mark.slow
def test_a_dead_node_loses_its_pods_and_nobody_runs_them_again(tmp_path: Path) -> None:
    dice = random.Random(7)
    with Site(tmp_path) as site:
        site.pods(60, seconds=0.1)
        site.job("work", completions=20, backoff=1000, seconds=0.1)
        control = site.start_control()
        for kill in range(5):
            site.wait_for_starts(8 * (kill + 1))
            time.sleep(dice.random() * 0.1)
            site.kill_node()
            site.start_node()
        assert control.wait(60) == 0, site.words()
        result = site.finish()
        site.check_at_most_once(result)
        lost = [pod for pod in result["pods"].values() if pod["reason"] == "NodeLost"]
        assert lost, "five deaths in the middle of work lose something"
        job = result["jobs"]["work"]
        assert job["succeeded"] == 20
        assert job.get("failed", 0) == sum(pod["name"].startswith("work-") for pod in lost)


@pytest.mark.serial
@pytest.mark.slow
def test_control_and_node_die_together(tmp_path: Path) -> None:
    dice = random.Random(11)
    with Site(tmp_path) as site:
        site.pods(60, seconds=0.1)
        site.job("work", completions=20, backoff=1000, seconds=0.1)
        for _ in range(6):
            site.kill_control(0.5 + dice.random() * 0.5)
            site.kill_node()
            site.start_node()
        result = site.finish()
        site.check_at_most_once(result)
        assert result["jobs"]["work"]["succeeded"] == 20


def test_a_copied_database_with_its_log_goes_on_where_it_was(tmp_path: Path) -> None:
    """A home restored from the files of a running one: what was bound then is lost, and not run again."""
    with Site(tmp_path / "first") as site:
        site.pods(12, seconds=0.2)
        control = site.start_control()
        site.wait_for_starts(6)
        control.kill()
        control.wait()
        with Site(tmp_path / "second") as restored:
            for file in site.home.root.glob("store.db*"):
                shutil.copy(file, restored.home.root / file.name)
            restored.objects, restored.ledger = site.objects, site.ledger
            result = restored.finish()
            restored.check_at_most_once(result)
            lost = [pod for pod in result["pods"].values() if pod["reason"] == "NodeLost"]
            assert lost, "what was bound to the first home's node is lost to the second"


def test_a_job_without_retries_is_not_repeated_after_a_lost_node(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        site.job("once", completions=1, backoff=0, seconds=30)
        control = site.start_control()
        site.wait_for_starts(1)
        site.kill_node()
        site.start_node()
        assert control.wait(30) == 0, site.words()
        result = site.finish()
        (pod,) = result["pods"].values()
        assert (pod["phase"], pod["reason"]) == ("Failed", "NodeLost")
        assert result["jobs"]["once"]["failed"] == 1
        assert sum(site.lines().values()) == 1
