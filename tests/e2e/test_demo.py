"""The demo as everyone sees it: it ends by itself, shows every act, and keeps the promises that it makes."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.platform import PINNACE

ACTS = (
    "The platform starts", "Hello, Argo", "Train three models; control is killed in the middle",
    "A person says yes", "Real images through the gateway", "One line of the trainer is edited", "The bill",
)


@pytest.mark.slow
@pytest.mark.serial
@pytest.mark.timeout(400)
def test_the_demo_ends_by_itself_with_every_act(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = subprocess.run(
        [*PINNACE, "demo", "--once", "--home", str(home)], capture_output=True, text=True, timeout=380,
        stdin=subprocess.DEVNULL, env={**os.environ, "COLUMNS": "160"},
    )
    told = done.stdout
    assert done.returncode == 0, f"{told}\n{done.stderr}"
    places = [told.find(act) for act in ACTS]
    assert -1 not in places and places == sorted(places), places
    assert re.search(r"kill -9 \d+", told) and "control is back after" in told
    steps = re.search(r"(\d+) steps, (\d+) pods, (\d+) repeated", told)
    assert steps and steps.group(1) == steps.group(2) and steps.group(3) == "0"
    accuracy = re.search(r"(\d+) of 599 held-out images right over HTTP", told)
    assert accuracy and int(accuracy.group(1)) > 560
    split = dict(re.findall(r"(digits-predictor-0000[12]) answered (\d+)", told))
    assert sum(map(int, split.values())) == 1000
    assert 50 <= int(split["digits-predictor-00002"]) <= 160
    assert "--yes was given" in told
    assert re.search(r"taken from before: .*load", told) and re.search(r"run again: .*train", told)
    assert re.search(r"\d+ MB of memory", told) and re.search(r"[\d.]+ MB downloaded", told)
    assert not (home / "supervisor.json").exists(), "its platform is stopped"
