"""`python -m scripts.conformance.tuning`: upstream's Katib examples on a platform, what came of each, n of m.

The programs of upstream's images are in the images alone. For those whose flags and reports its examples
show, the platform of this run has a rule of its own with a stand-in (tests/conformance/katib): Experiments,
suggestions, trials, runs, pods, collectors and early stopping are the real ones, only the training is not.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from scripts.conformance.__main__ import ROOT, platform
from scripts.conformance.cluster import Cluster, Refused
from scripts.conformance.training import reasons

CORPUS = ROOT.parent / "shared" / "corpus" / "katib"
STAND_IN = ROOT / "tests" / "conformance" / "katib" / "mnist.py"
PROGRAMS = {
    "ghcr.io/kubeflow/katib/pytorch-mnist-cpu": "/opt/pytorch-mnist/mnist.py",
    "ghcr.io/kubeflow/katib/simple-pbt": "/opt/pbt/pbt_test.py",
}
"""Image → where its program lies."""
UNHAD = ("fpga", "gpu")
BUDGET = "should be less than or equal to spec.maxTrialCount"
OVER_WITHIN = 240.0
Document = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(prog="conformance.tuning", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--only", default="", help="a part of the documents' paths")
    options = parser.parse_args()
    paths = [one for one in sorted(options.corpus.rglob("*.yaml")) if options.only in str(one)]
    ran = counted = 0
    with platform(None) as kubeconfig:
        (kubeconfig.parent / "environments.yaml").write_text(yaml.safe_dump(rules()))
        cluster = Cluster(kubeconfig)
        for number, path in enumerate(paths):
            why, fault = judged(cluster, path, f"k{number}")
            counted += not why
            ran += not why and not fault
            verdict = "left out: " + why if why else fault or "ran"
            print(f"{path.relative_to(options.corpus)}: {verdict}", flush=True)
    print(f"{ran} of {counted} Experiments run to their end; {len(paths) - counted} left out")
    return 0 if ran == counted else 1


def rules() -> Document:
    text = STAND_IN.read_text()
    return {"environments": [
        {"image": image, "python": "*", "files": {place: text}, "cmd": ["python3"]}
        for image, place in PROGRAMS.items()
    ]}


def judged(cluster: Cluster, path: Path, namespace: str) -> tuple[str, str]:
    """Why the document does not count ('' if it does), and what went wrong."""
    documents = [one for one in yaml.safe_load_all(path.read_text()) if one]
    why = next((reason for one in documents for reason in unhad(one)), "")
    cluster.kubectl("create", "namespace", namespace)
    for one in documents:
        one["metadata"]["namespace"] = namespace
    try:
        cluster.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(documents))
    except Refused as error:
        if BUDGET in str(error):
            return f"upstream's webhook refuses it, too: its failures {BUDGET}", ""
        return why, f"refused: {error}"
    fault = "" if why else over(cluster, documents[0], namespace)
    cluster.kubectl("delete", "namespace", namespace, "--wait=false")
    return why, fault


def unhad(document: Document) -> list[str]:
    found = [why for why in reasons(document) if not any(image in why for image in PROGRAMS)]
    text = json.dumps(document)
    return found or [f"names a {word}" for word in UNHAD if f"{word}:" in text or f"{word}/" in text]


def over(cluster: Cluster, experiment: Document, namespace: str) -> str:
    until, name, seen = time.monotonic() + OVER_WITHIN, experiment["metadata"]["name"], ""
    while time.monotonic() < until:
        found = json.loads(cluster.kubectl("get", "experiment", name, "-n", namespace, "-o", "json"))
        conditions = (found.get("status") or {}).get("conditions") or []
        told = [one for one in conditions if one["status"] == "True"]
        seen = told[-1]["type"] if told else ""
        if seen == "Succeeded":
            best = found["status"].get("currentOptimalTrial")
            return "" if best else "succeeded without an optimal trial"
        if seen == "Failed":
            return f"failed: {told[-1]['message']}"
        time.sleep(0.5)
    return f"not over after {OVER_WITHIN:.0f} s ({seen or 'no condition'})"


if __name__ == "__main__":
    sys.exit(main())
