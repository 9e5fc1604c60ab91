"""`python -m scripts.conformance.training`: upstream's training documents on a platform, what came of each,
and n of m.

A document counts unless it names a GPU. The programs of upstream's images are in the images alone: where
they are asked for, the platform of this run has rules with stand-ins (`training_programs.py`). What does not
count is applied all the same: it must be accepted, and its pods made.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pinnace.authoring.environments import shipped
from scripts.conformance.__main__ import ROOT, platform
from scripts.conformance.cluster import Cluster, Refused
from scripts.conformance.training_programs import SUPPORT, before, rules, stood_for

CORPUS = ROOT.parent / "shared" / "corpus" / "training"
JOBS = ("TFJob", "PyTorchJob", "XGBoostJob", "PaddleJob", "JAXJob", "MPIJob", "TrainJob")
GPU = "names a GPU"
GOOD, BAD = ("Succeeded", "Complete"), ("Failed",)
REMOTE = ("hf://", "s3://")
MADE_WITHIN, OVER_WITHIN = 20.0, 300.0
BUILT_WITHIN = 1800.0
"""Frameworks take minutes to install, which says nothing of a document."""
Document = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(prog="conformance.training", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--kubeconfig", type=Path, help="a platform that runs (default: a fresh one)")
    parser.add_argument("--only", default="", help="a part of the documents' paths")
    options = parser.parse_args()
    ran = counted = accepted = 0
    paths = [path for path in sorted(options.corpus.rglob("*.yaml")) if "support" not in path.parts]
    paths = [path for path in paths if options.only in str(path)]
    with platform(options.kubeconfig) as kubeconfig:
        if options.kubeconfig is None:
            (kubeconfig.parent / "environments.yaml").write_text(yaml.safe_dump(rules()))
        cluster = Cluster(kubeconfig)
        cluster.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(SUPPORT))
        for number, path in enumerate(paths):
            why, fault = judged(cluster, path, f"t{number}")
            accepted += not fault or not why
            counted += not why
            ran += not why and not fault
            verdict = fault or ("left out: " + why if why else "ran")
            print(f"{path.relative_to(options.corpus)}: {verdict}", flush=True)
    print(f"{ran} of {counted} run to their end; {accepted} of {len(paths)} accepted with their pods made")
    return 0 if ran == counted and accepted == len(paths) else 1


def judged(cluster: Cluster, path: Path, namespace: str) -> tuple[str, str]:
    """Why the document does not count ('' if it does), and what went wrong."""
    documents = [one for one in yaml.safe_load_all(path.read_text()) if one]
    found = [reason for one in documents for reason in reasons(one)]
    found.sort(key=lambda reason: reason != GPU)
    why = next((reason for reason in found if not stood_for(reason)), "")
    jobs = [one for one in documents if one["kind"] in JOBS]
    cluster.kubectl("create", "namespace", namespace)
    if first := [needed for one in documents for needed in before(one)]:
        cluster.kubectl("apply", "-n", namespace, "-f", "-", text=yaml.safe_dump_all(first))
        cluster.kubectl("wait", "-n", namespace, "--for=condition=Complete", "job", "--all", "--timeout=300s")
    try:
        everything = {"apiVersion": "v1", "kind": "List", "items": _placed(documents, namespace)}
        text = json.dumps(everything)
        cluster.kubectl("apply", "-n", namespace, "-f", "-", text=text)
    except Refused as error:
        return why, f"refused: {error}"
    for job in jobs:
        fault = made(cluster, job, namespace) if why else over(cluster, job, namespace)
        if fault:
            return why, fault
    cluster.kubectl("delete", "namespace", namespace, "--wait=false")
    return why, ""


def _placed(documents: list[Document], namespace: str) -> list[Document]:
    """In a namespace of the document's own, so that equal names do not meet."""
    for one in documents:
        one["metadata"].pop("namespace", None)
        if one["kind"] not in ("ClusterTrainingRuntime", "PersistentVolume"):
            one["metadata"]["namespace"] = namespace
    return documents


def reasons(value: Any) -> Iterator[str]:
    """What is in a document that this machine cannot have."""
    if isinstance(value, list):
        for one in value:
            yield from reasons(one)
    elif isinstance(value, dict):
        if any(str(key).endswith("/gpu") for key in value):
            yield GPU
        image = value.get("image")
        if isinstance(image, str) and shipped().match(image) is None:
            yield f"image {image} cannot be had: its program is nowhere else"
        place = value.get("storageUri")
        if isinstance(place, str) and place.startswith(REMOTE):
            yield f"{place} lies on the Internet, which this machine does not reach"
        for one in value.values():
            yield from reasons(one)


def made(cluster: Cluster, job: Document, namespace: str) -> str:
    """As many pods as the job's first step has."""
    def pods() -> int:
        return len(json.loads(cluster.kubectl("get", "pods", "-n", namespace, "-o", "json"))["items"])

    wanted = first_pods(job)
    until = time.monotonic() + MADE_WITHIN
    while time.monotonic() < until:
        if pods() >= wanted:
            return ""
        time.sleep(0.3)
    return f"{pods()} of {wanted} pods were made"


def first_pods(job: Document) -> int:
    spec = job["spec"]
    replicas = next((spec[key] for key in spec if key.endswith("ReplicaSpecs")), None)
    if replicas is None:
        return 0  # whether a runtime is there to make pods of is another document's matter
    counts: list[int] = [int((one or {}).get("replicas", 1)) for one in replicas.values()]
    return sum(counts)


def over(cluster: Cluster, job: Document, namespace: str) -> str:
    kind, name = job["kind"].lower(), job["metadata"]["name"]
    begun = time.monotonic()
    until, seen = begun + OVER_WITHIN, ""
    while time.monotonic() < until:
        if time.monotonic() - begun < BUILT_WITHIN and building(cluster, namespace):
            until = time.monotonic() + OVER_WITHIN
        found = json.loads(cluster.kubectl("get", kind, name, "-n", namespace, "-o", "json"))
        told = [one for one in found.get("status", {}).get("conditions") or () if one["status"] == "True"]
        seen = told[-1]["type"] if told else ""
        if seen in GOOD:
            return ""
        if seen in BAD:
            return f"failed: {told[-1]['message']}; {last_words(cluster, namespace)}"
        time.sleep(0.5)
    return f"not over after {OVER_WITHIN:.0f} s ({seen or 'no condition'})"


def building(cluster: Cluster, namespace: str) -> bool:
    """Whether a pod still waits for its environment."""
    pods = json.loads(cluster.kubectl("get", "pods", "-n", namespace, "-o", "json"))["items"]
    states = [one.get("state") or {} for pod in pods for one in pod["status"].get("containerStatuses") or ()]
    return any((state.get("waiting") or {}).get("reason") == "PreparingEnvironment" for state in states)


def last_words(cluster: Cluster, namespace: str) -> str:
    """What its pods that failed said at the end."""
    pods = json.loads(cluster.kubectl("get", "pods", "-n", namespace, "-o", "json"))["items"]
    failed = [one["metadata"]["name"] for one in pods if one["status"].get("phase") == "Failed"]
    return "; ".join(cluster.kubectl("logs", "-n", namespace, name, "--tail=3") for name in failed)


if __name__ == "__main__":
    sys.exit(main())
