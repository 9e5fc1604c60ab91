"""`python -m scripts.conformance.kubernetes`: what a real API server was asked and answered, asked here.

Three counts. `transcript.json`: kubectl's commands with their output and exit code. `accepted-by-kubernetes`:
each file of the corpus, created by a strict dry run; one that asks for what only one of the two servers has
(a kind, an admission webhook) is left out and named. And the files of plain Kubernetes among them, really
applied: claims are bound, Pods run.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pinnace.authoring.environments import shipped
from scripts.conformance.__main__ import ROOT, platform
from scripts.conformance.cluster import Cluster, Refused
from scripts.conformance.corpus import Loader

CORPUS = ROOT.parent / "shared" / "corpus"
PLAIN = ("", "apps", "batch", "autoscaling", "policy", "rbac.authorization.k8s.io")
WITHIN = 60.0
NO_KIND = "no matches for kind"
HOOKED = re.compile(r"The (Experiment|InferenceService|InferenceGraph|JobSet|TrainJob) ")
"""Kinds that upstream's own webhooks judge beside the schema."""
UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
REVISION = re.compile(r'(resourceVersion"?: )"?\d+"?')
AGE = re.compile(r"(?<=\s)\d+(s|m|h|d)(\d+[smh])?$", re.MULTILINE)
SERVER = re.compile(r"https?://[\w.\[\]:]+:\d+")
BLANKS = re.compile(r"[ \t]+")
NEWER = re.compile(r"( deleted) from \S+ namespace$", re.MULTILINE)
"""kubectl itself says more since 1.34; the transcript is 1.32's."""


@dataclass
class Count:
    """n of m, and why not all."""

    what: str
    good: int = 0
    wrong: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def take(self, name: str, fault: str) -> None:
        self.good += not fault
        if fault:
            self.wrong.append(f"{name}: {fault}")

    def lines(self) -> Iterator[str]:
        yield from (f"WRONG {each}" for each in self.wrong)
        yield from (f"left out {each}" for each in self.left_out)
        yield f"{self.good} of {self.good + len(self.wrong)} {self.what}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="conformance.kubernetes", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--kubeconfig", type=Path, help="a platform that runs (default: a fresh one)")
    options = parser.parse_args()
    with platform(options.kubeconfig) as kubeconfig:
        cluster = Cluster(kubeconfig)
        counts = [
            transcript(kubeconfig, options.corpus), strictly(cluster, options.corpus),
            really(cluster, options.corpus),
        ]
    for count in counts:
        print("\n".join(count.lines()), flush=True)
    return 1 if any(count.wrong for count in counts) else 0


# What kubectl prints ------------------------------------------------------------------------------------


def transcript(kubeconfig: Path, corpus: Path) -> Count:
    count = Count("commands of the transcript are answered alike")
    for number, command in enumerate(json.loads((corpus / "kubectl/transcript.json").read_text())):
        done = subprocess.run(
            ["kubectl", *command["args"]], input=command.get("in"), capture_output=True, text=True,
            timeout=60, env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        )
        found = done.returncode, squeezed(normalised(done.stdout)), squeezed(normalised(done.stderr))
        wanted = command["rc"], squeezed(command["out"]), squeezed(command["err"])
        fault = "" if found == wanted else f"\n  wanted {wanted}\n  found  {found}"
        count.take(f"{number} kubectl {' '.join(command['args'])}", fault)
    return count


def normalised(text: str) -> str:
    """As the transcript's README says: uids, times, ages, resourceVersions, addresses, runs of blanks."""
    text = UID.sub("<uid>", text)
    text = TIME.sub("<time>", text)
    text = REVISION.sub(r'\1"<rv>"', text)
    text = AGE.sub("<age>", text)
    text = SERVER.sub("<server>", text)
    lines = [BLANKS.sub("  ", line.rstrip()) if "  " in line else line.rstrip() for line in text.splitlines()]
    return "\n".join(lines).strip()


def squeezed(text: str) -> str:
    text = NEWER.sub(r"\1", text)
    return "\n".join(BLANKS.sub(" ", line).strip() for line in text.splitlines())


# What is accepted ---------------------------------------------------------------------------------------


def strictly(cluster: Cluster, corpus: Path) -> Count:
    count = Count("files are accepted or refused as by Kubernetes, with strict validation")
    served = kinds(cluster)
    for path, answer in judged(corpus):
        missing = sorted(f"{version} {kind}" for version, kind in group_kinds(corpus / path) - served)
        if NO_KIND in (answer["error"] or "") or missing:
            where = f"{', '.join(missing)} is not served here" if missing else "Kubernetes had no such kind"
            count.left_out.append(f"{path}: {where}")
            continue
        said = tried(cluster, corpus / path)
        if answer["accepted"] and " is invalid: " in said and HOOKED.search(said):
            count.left_out.append(f"{path}: a rule of upstream's webhook, which was not there: {said}")
            continue
        fault = "" if bool(said) != answer["accepted"] else said or f"accepted, and not: {answer['error']}"
        count.take(path, fault)
    return count


def tried(cluster: Cluster, path: Path) -> str:
    """What is said against the file; '' if nothing is."""
    named = {str((one.get("metadata") or {}).get("namespace") or "default") for one in documents(path)}
    for namespace in named - {"default"}:
        with suppress(Refused):
            cluster.kubectl("create", "namespace", namespace)
    try:
        cluster.kubectl("create", "--dry-run=server", "--validate=strict", "-f", str(path))
    except Refused as error:
        return str(error)[:300]
    return ""


def judged(corpus: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    recorded = json.loads((corpus / "accepted-by-kubernetes.json").read_text())["files"]
    yield from ((path, answer) for path, answer in sorted(recorded.items()) if (corpus / path).exists())


def documents(path: Path) -> list[dict[str, Any]]:
    try:
        return [one for one in yaml.load_all(path.read_text(), Loader) if isinstance(one, dict)]
    except yaml.YAMLError:
        return []


def group_kinds(path: Path) -> set[tuple[str, str]]:
    """(group/version, kind) of each document, lists opened."""
    found = documents(path)
    found += [item for one in found if one.get("kind") == "List" for item in one.get("items") or ()]
    pairs = ((str(one.get("apiVersion")), str(one.get("kind"))) for one in found)
    return {(version, kind) for version, kind in pairs if kind != "List"}


def kinds(cluster: Cluster) -> set[tuple[str, str]]:
    versions = cluster.kubectl("api-versions").split()
    lists = {each: cluster.get(f"/apis/{each}" if "/" in each else f"/api/{each}") for each in versions}
    return {(each, one["kind"]) for each, found in lists.items() for one in found["resources"]}


# What runs ----------------------------------------------------------------------------------------------


def really(cluster: Cluster, corpus: Path) -> Count:
    count = Count("files of plain Kubernetes do what they say")
    for number, (path, answer) in enumerate(judged(corpus)):
        names = answer["objects"] or []
        if not answer["accepted"] or not all(plain(name) for name in names):
            continue
        if why := next(impossible(corpus / path), ""):
            count.left_out.append(f"{path}: {why}")
            continue
        count.take(path, applied(cluster, corpus / path, f"plain{number}"))
    return count


def plain(name: str) -> bool:
    return name.partition("/")[0].partition(".")[2] in PLAIN


def impossible(path: Path) -> Iterator[str]:
    """Images that no rule stands for."""
    for document in documents(path):
        for container in (document.get("spec") or {}).get("containers") or ():
            if shipped().match(container["image"]) is None:
                yield f"image {container['image']} cannot be had"


def applied(cluster: Cluster, path: Path, namespace: str) -> str:
    cluster.kubectl("create", "namespace", namespace)
    try:
        cluster.kubectl("apply", "-n", namespace, "-f", "-", text=placed(path, namespace))
        return next(filter(None, (awaited(cluster, one, namespace) for one in documents(path))), "")
    except Refused as error:
        return f"refused: {error}"
    finally:
        cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def placed(path: Path, namespace: str) -> str:
    """All of it in one namespace, whichever it names."""
    found = documents(path)
    for one in found:
        one["metadata"].pop("namespace", None)
    return yaml.safe_dump_all(found)


def awaited(cluster: Cluster, document: dict[str, Any], namespace: str) -> str:
    wanted = {"PersistentVolumeClaim": ("Bound",), "Pod": ("Running", "Succeeded")}.get(document["kind"])
    if wanted is None:
        return ""
    name, until = f"{document['kind'].lower()}/{document['metadata']['name']}", time.monotonic() + WITHIN
    phase = ""
    while phase not in wanted:
        if time.monotonic() > until:
            return f"{name} is {phase}"
        phase = cluster.kubectl("get", name, "-n", namespace, "-o", "jsonpath={.status.phase}")
        time.sleep(0.1)
    return ""


if __name__ == "__main__":
    sys.exit(main())
