"""The example, as a user runs it: the unmodified SDK compiles, the platform runs it to its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.platform import Platform

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "examples" / "kfp-mnist" / "pipeline.py"
pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1200)]


def run(platform: Platform, sdk: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ, "PINNACE_HOME": str(platform.home.root), "PINNACE_KFP_PYTHON": sdk, "COLUMNS": "160",
    }
    return subprocess.run(
        [sys.executable, "-m", "pinnace", "run", str(FILE), *words], capture_output=True, text=True,
        env=environment, timeout=900,
    )


def plain(value: str) -> Any:
    """An output of the SDK's is JSON; what the platform notes beside it for itself need not be."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def test_digits_from_images_to_a_verdict(platform: Platform, sdk: str) -> None:
    platform.api.request("POST", "/apis/v2beta1/experiments", {"display_name": "digits"})
    platform.kubectl("create", "secret", "generic", "signature", "--from-literal=name=ada", "-n", "kubeflow")

    done = run(platform, sdk)

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{platform.last_words()}"
    (workflow,) = platform.get("workflows", "-n", "kubeflow")["items"]
    nodes = list(workflow["status"]["nodes"].values())
    phases = {node["displayName"]: node["phase"] for node in nodes}
    outputs = {
        (node["displayName"], item["name"]): plain(item["value"])
        for node in nodes for item in (node.get("outputs") or {}).get("parameters") or [] if item["value"]
    }
    assert outputs["shout", "loud"] == "GOOD, SIGNED BY ADA"
    assert outputs["best", "accuracy"] > 0.8
    assert [phases[f"note({attempt})"] for attempt in (0, 1)] == ["Failed", "Succeeded"]
    assert phases["goodbye"] == "Succeeded"
    assert sorted(node["displayName"] for node in nodes if node["displayName"] == "score") == ["score"] * 3

    again = run(platform, sdk)

    assert again.returncode == 0, again.stdout
    assert "unchanged, taken from before" in again.stdout
