"""The digits example to its end: its model on one screen, and walked when all objects are gone."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.e2e.platform import PINNACE, Platform, eventually
from tests.lineage.test_walk import gone, phase, status

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
LONG = 800


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    root: Path = tmp_path_factory.mktemp("home")
    instance = Platform(root)
    try:
        yield trained(instance.up())
    finally:
        instance.down()


def trained(platform: Platform) -> Platform:
    platform.kubectl("apply", "-k", str(ROOT / "examples/digits"))
    ended = ("Failed", "Error")
    eventually(lambda: waits(platform) or phase(platform, "digits") in ended, "the question", LONG)
    platform.command("workflow", "resume", "digits")
    eventually(lambda: phase(platform, "digits") in ("Succeeded", "Failed", "Error"), "the end", LONG)
    assert phase(platform, "digits") == "Succeeded", platform.last_words()
    return platform


def waits(platform: Platform) -> bool:
    nodes = (status(platform, "digits").get("nodes") or {}).values()
    return any(one.get("type") == "Suspend" and one.get("phase") == "Running" for one in nodes)


def walk(platform: Platform, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(platform.command("lineage", *words, "--json").stdout)
    return found


def chain(tree: dict[str, Any]) -> list[tuple[str, str]]:
    """Kind and title, from the first to the last, along the first child each time."""
    found = [(tree["kind"], tree["title"])]
    return found + chain(tree["children"][0]) if tree["children"] else found


def test_the_model_has_every_field_of_the_screen(platform: Platform) -> None:
    (one,) = json.loads(platform.command("models", "digits", "--json").stdout)
    assert (one["version"], one["workspace"], one["run"]) == ("1", "default", "Workflow/digits")
    assert one["description"] == "a model to recognize handwritten digits"
    assert one["type"] in ("logistic-regression", "random-forest", "neural-network")
    assert one["hyperparameters"] and one["framework"].startswith("scikit-learn 1.")
    assert one["training_data"] == ["UCI handwritten digits of scikit-learn, two thirds of 1,797 images"]
    assert one["created"] > 1.7e12 and len(one["digest"]) == 64
    screen = platform.command("models", "digits").stdout
    labels = ("Workspace", "Run", "Description", "Creation time", "Type", "Hyper-parameters")
    for label in (*labels, "Training data", "Framework"):
        assert label in screen, label


def test_an_endpoint_goes_back_to_its_data_after_everything_was_deleted(platform: Platform) -> None:
    before = walk(platform, "digits")
    assert before["others"] == ["model/digits", "workflow/digits"]
    platform.kubectl("delete", "workflow", "digits")
    platform.kubectl("delete", "inferenceservice", "digits")
    eventually(lambda: gone(platform), "no pods", 120)
    tree = walk(platform, "endpoint/digits")["tree"]
    assert tree["facts"]["deleted"] is True
    kinds = chain(tree)
    assert [kind for kind, _ in kinds] == [
        "endpoint", "predictor", "version", "artifact", "execution", "artifact", "execution",
    ]
    assert [title for kind, title in kinds if kind == "execution"] == ["train", "load"]
    images = tree["children"][0]["children"][0]["children"][0]["children"][0]["children"][0]
    rows = images["facts"]["rows"]
    assert rows["train_x.json"] + rows["test_x.json"] == 1797
    down = json.dumps(walk(platform, images["facts"]["digest"], "--down"))
    assert "InferenceService/digits" in down and "digits version 1" in down


def test_the_same_digests_come_out_again(platform: Platform) -> None:
    platform.kubectl("delete", "workflowtemplate", "digits-training")
    env = {**os.environ, "PINNACE_HOME": str(platform.home.root), "COLUMNS": "200"}
    words = [*PINNACE, "rerun", "workflow/digits"]
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every output is equal" in done.stdout
    assert "step deploy changes objects: it is left out" in done.stdout


def test_what_is_registered_is_not_collected(platform: Platform) -> None:
    (one, *_) = json.loads(platform.command("models", "digits", "--json").stdout)
    platform.command("gc")
    place = platform.home.data / "trees" / one["digest"][:2] / one["digest"]
    assert place.exists()
