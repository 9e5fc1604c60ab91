"""Upstream's own Argo documents on a real platform: those that conform must keep to it, the list of the
others must stay true."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.conformance import report, runner
from scripts.conformance.cluster import Cluster
from scripts.conformance.corpus import LONGEST, load
from tests.e2e.platform import Platform

HERE = Path(__file__).parent
LEAST = 135
"""Documents that conform today; fewer can only mean that the corpus was not read."""


@pytest.mark.slow
@pytest.mark.serial
@pytest.mark.timeout(300)
def test_upstreams_documents_end_as_upstream_says(shared: Path, tmp_path: Path) -> None:
    cases = load(shared / "corpus" / "argo", HERE / "fixtures.yaml")
    chosen = [case for case in cases if case.outcome and case.seconds <= LONGEST]
    why = report.reasons(HERE / "argo.yaml")
    platform = Platform(tmp_path / "home", "--isolation", "sandbox")
    try:
        cluster = Cluster(platform.up().home.kubeconfig)
        results = list(runner.run(cluster, chosen))
    finally:
        platform.down()
    assert not report.surprises(results, why)
    assert sum(result.conforms for result in results) >= LEAST, report.summary(results)


def test_every_reason_names_a_document_of_the_corpus(shared: Path) -> None:
    known = {case.path for case in load(shared / "corpus" / "argo")}
    assert not set(report.reasons(HERE / "argo.yaml")) - known
