"""`python -m scripts.conformance.tuning`: upstream's Katib examples on a platform, what came of each, n of m.

The programs of upstream's images are in the images alone. For those whose flags and reports its examples
show, the platform of this run has a rule of its own with a stand-in (tests/conformance/katib): Experiments,
suggestions, trials, runs, pods, collectors, pushed metrics and early stopping are the real ones, only the
training is not.
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
STAND_INS = ROOT / "tests" / "conformance" / "katib"
PLACES = ("ghcr.io/kubeflow/katib", "docker.io/kubeflowkatib")
PROGRAMS = {
    "pytorch-mnist-cpu": ("/opt/pytorch-mnist/mnist.py", "mnist.py"),
    "pytorch-mnist": ("/opt/pytorch-mnist/mnist.py", "mnist.py"),
    "mxnet-mnist": ("/opt/mxnet-mnist/mnist.py", "mnist.py"),
    "simple-pbt": ("/opt/pbt/pbt_test.py", "mnist.py"),
    "tf-mnist-with-summaries": ("/opt/tf-mnist-with-summaries/mnist.py", "summaries.py"),
    "custom-metrics-collector": ("/opt/collector.py", "collector.py"),
}
"""Image → where its program lies, and what stands for it."""
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
    found: list[Document] = [
        {
            "image": [f"{registry}/{image}" for registry in PLACES], "python": "*", "cmd": ["python3"],
            "files": {place: (STAND_INS / text).read_text()},
        }
        for image, (place, text) in PROGRAMS.items()
    ]
    found[-1] |= {"requirements": ["grpclib>=0.4.7,<0.5"], "entrypoint": ["python3", "/opt/collector.py"]}
    return {"environments": found}


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
    found = [why for why in reasons(document) if not any(f"/{image}:" in why for image in PROGRAMS)]
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
            return f"failed: {told[-1]['message']}; {first_words(cluster, namespace)}"
        time.sleep(0.5)
    return f"not over after {OVER_WITHIN:.0f} s ({seen or 'no condition'})"


def first_words(cluster: Cluster, namespace: str) -> str:
    """What the first trial that did not succeed says of itself."""
    trials = json.loads(cluster.kubectl("get", "trials", "-n", namespace, "-o", "json"))["items"]
    last = [one["status"]["conditions"][-1] for one in trials if (one.get("status") or {}).get("conditions")]
    return next((str(one.get("message")) for one in last if one["type"] != "Succeeded"), "")


if __name__ == "__main__":
    sys.exit(main())
