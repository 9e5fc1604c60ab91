"""Upstream's own manifests with every step replaced: each ends, waits for a person, or says why it cannot."""

from __future__ import annotations

from pathlib import Path

from pinnace.testing import Refused, UnknownStep, run

ENDS = ("Succeeded", "Failed", "Error", "Running")


def test_every_manifest_of_upstreams_comes_to_something(shared: Path) -> None:
    files = sorted((shared / "corpus" / "argo").rglob("*.yaml"))
    succeeded = 0
    for file in files:
        try:
            outcome = run(file, otherwise=None)
        except (Refused, UnknownStep, ValueError):
            continue
        assert outcome.phase in ENDS, file
        assert outcome.phase != "Running" or outcome.waiting or outcome.workflow["spec"].get("suspend"), file
        succeeded += outcome.phase == "Succeeded"
    assert succeeded > len(files) / 2
