"""`python -m scripts.conformance.kserve`: upstream's KServe documents on a platform, n of m with the reasons.

Every document is created in a namespace of its own. It counts as run when the platform takes it and either
serves it (Ready), or stands as far as the one thing that it lacks outside: then the platform's own words are
the reason, and it leaves the count only for a GPU, a cloud account or an image that cannot be had.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from scripts.conformance.__main__ import platform

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "kserve"
OURS = "kserve.io"
GPU = re.compile(r"nvidia\.com/gpu")
CLOUD = re.compile(r"(gs|s3|https)://[^/]+")
PATIENCE = 25.0


class Result(NamedTuple):
    path: str
    kind: str
    name: str
    outcome: str
    """`run`, `out` (it leaves the count) or `not`."""
    reason: str


class Kubectl:
    def __init__(self, config: Path) -> None:
        self._env = {**os.environ, "KUBECONFIG": str(config)}

    def __call__(self, *words: str, text: str = "") -> tuple[int, str]:
        done = subprocess.run(
            ["kubectl", *words], input=text, capture_output=True, text=True, env=self._env, timeout=120
        )
        return done.returncode, (done.stdout or done.stderr) if done.returncode == 0 else done.stderr

    def document(self, *words: str) -> dict[str, Any]:
        code, text = self(*words, "-o", "json")
        return dict(json.loads(text)) if code == 0 else {}


def documents(folder: Path) -> list[tuple[str, list[dict[str, Any]]]]:
    found = []
    for path in sorted(folder.rglob("*.yaml")):
        text = path.read_text()
        try:
            parsed = [one for one in yaml.safe_load_all(text) if isinstance(one, dict)]
        except yaml.YAMLError as problem:
            parsed = [{"broken": str(problem).splitlines()[0]}]
        found.append((str(path.relative_to(folder)), parsed))
    return found


def run(kubectl: Kubectl, path: str, parsed: list[dict[str, Any]], number: int) -> list[Result]:
    namespace = f"doc-{number}"
    kubectl("create", "namespace", namespace)
    created: list[tuple[dict[str, Any], str]] = []
    for document in parsed:
        meta = document.get("metadata") or {}
        document["metadata"] = {**meta, "namespace": namespace}
        code, said = kubectl("create", "-f", "-", text=json.dumps(document))
        created.append((document, "" if code == 0 else said))
    results = [judged(kubectl, path, document, said, namespace) for document, said in created]
    kubectl("delete", "namespace", namespace, "--wait=false")
    return results


def judged(kubectl: Kubectl, path: str, document: dict[str, Any], said: str, namespace: str) -> Result:
    kind, name = str(document.get("kind")), str((document.get("metadata") or {}).get("name"))
    text = json.dumps(document)
    if said:
        return Result(path, kind, name, "not", first(said))
    if OURS not in str(document.get("apiVersion")):
        return Result(path, kind, name, "run", "stored")
    if GPU.search(text):
        return Result(path, kind, name, "out", "needs a GPU")
    deadline = time.monotonic() + PATIENCE
    while True:
        ready, why = state(kubectl, kind, name, namespace)
        if ready:
            return Result(path, kind, name, "run", "Ready")
        if why or time.monotonic() > deadline:
            break
        time.sleep(0.3)
    return Result(path, kind, name, *excuse(why or waiting(kubectl, namespace), text))


def state(kubectl: Kubectl, kind: str, name: str, namespace: str) -> tuple[bool, str]:
    found = kubectl.document("get", kind.lower(), name, "-n", namespace)
    if kind in ("ServingRuntime", "ClusterServingRuntime", "ClusterStorageContainer"):
        return bool(found), ""
    ready: dict[str, Any] = next(
        (c for c in (found.get("status") or {}).get("conditions") or () if c["type"] == "Ready"), {}
    )
    why = str(ready.get("message") or ready.get("reason")) if ready.get("status") == "False" else ""
    return ready.get("status") == "True", why


def waiting(kubectl: Kubectl, namespace: str) -> str:
    events = kubectl.document("get", "events", "-n", namespace).get("items") or []
    warnings = [str(event.get("message")) for event in events if event.get("type") == "Warning"]
    return warnings[-1] if warnings else f"not ready after {PATIENCE:.0f} s"


def excuse(why: str, document: str) -> tuple[str, str]:
    """(outcome, reason) by what the platform itself says it lacks."""
    if "no rule says what stands for image" in why:
        image = re.search(r"image '([^']+)'", why)
        return "out", f"an image that cannot be had: {image.group(1) if image else why[:80]}"
    if "storage-initializer" in why:
        bucket = CLOUD.search(document)
        return "out", f"a cloud account: {bucket.group() if bucket else 'its store'} is not reached from here"
    return "not", first(why)


def first(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return " ".join(lines)[:220]


def main() -> int:
    parser = argparse.ArgumentParser(prog="conformance.kserve", description=__doc__)
    parser.add_argument("only", nargs="?", default="", help="a regular expression over the documents' paths")
    parser.add_argument("--kubeconfig", type=Path)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    options = parser.parse_args()
    results: list[Result] = []
    with platform(options.kubeconfig) as config:
        for number, (path, parsed) in enumerate(documents(options.corpus)):
            if re.search(options.only, path):
                for result in run(Kubectl(config), path, parsed, number):
                    what = f"{result.kind}/{result.name}: {result.reason}"
                    print(f"{result.outcome:4} {path} {what}", flush=True)
                    results.append(result)
    counted = [result for result in results if result.outcome != "out"]
    done = sum(result.outcome == "run" for result in counted)
    print(f"kserve: {done} of {len(counted)} ({len(results) - len(counted)} leave the count)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
