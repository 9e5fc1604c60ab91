"""`python -m scripts.conformance.kserve`: upstream's KServe documents on a platform, n of m with the reasons.

Every document is created in a namespace of its own, as strictly as `kubectl create` is. It counts as run when
it is served and answers a question (a graph too), or is refused where upstream's API server or webhook
refuses it. The buckets that documents name are reached from nowhere here: `kserve_store.yaml` puts in their
place a store with models of the same formats, trained there, of which the platform is told by a
ClusterStorageContainer, as a cluster would be. A document leaves the count only for a GPU, a server that
nobody reaches, or an image that cannot be had: no failure of ours is an excuse.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import yaml

from scripts.conformance import kserve_calls
from scripts.conformance.__main__ import platform

HERE = Path(__file__).parent
CORPUS = HERE.parents[2] / "shared" / "corpus" / "kserve"
ACCEPTED = CORPUS.parent / "accepted-by-kubernetes.json"
OURS = "kserve.io"
GPU = re.compile(r"nvidia\.com/gpu|REQUEST_GPU_COUNT")
"""A resource, or KServe's variable for how many GPUs each node of a group asks for."""
WEBHOOK = re.compile(r"is not allowed in standard predictor|exactly one of \[|cannot be greater than Max")
"""What KServe's own webhook says no to, which the API server's record does not show."""
LONG = 1500.0
"""Seconds for the models, and with them the environments of their servers."""
PATIENCE = 240.0
CLAIM = "a-claim"
IRIS = [[6.8, 2.8, 4.8, 1.4], [6.0, 3.4, 4.5, 1.6]]
CONFIG = {
    "type": "s3", "access_key_id": "a", "secret_access_key": "b", "region": "us-south",
    "endpoint_url": "http://store.stand-in.svc.cluster.local",
}


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

    def must(self, *words: str, text: str = "") -> None:
        code, said = self(*words, text=text)
        if code:
            raise SystemExit(f"kubectl {' '.join(words)}: {said}")


# The store ------------------------------------------------------------------------------------------------


def prepare(kubectl: Kubectl) -> None:
    """Train the models; returns when the store answers."""
    kubectl("create", "namespace", "stand-in")
    files = [f"--from-file={HERE / name}" for name in ("kserve_store.py", "kserve_models.py")]
    kubectl("create", "configmap", "code", "-n", "stand-in", *files)
    kubectl.must("apply", "-f", str(HERE / "kserve_store.yaml"))
    deadline = time.monotonic() + LONG
    while True:
        status = kubectl.document("get", "workflow", "train", "-n", "stand-in").get("status") or {}
        if status.get("phase") == "Succeeded":
            break
        if status.get("phase") in ("Failed", "Error") or time.monotonic() > deadline:
            raise SystemExit(f"the models were not trained: {status.get('phase')}: {status.get('message')}")
        time.sleep(1)
    kubectl.must("rollout", "status", "deployment/store", "-n", "stand-in", "--timeout=100s")


def prerequisites(kubectl: Kubectl, namespace: str) -> None:
    """What the documents' pages have their readers create first."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "storage-config"},
              "stringData": {"localMinIO": json.dumps(CONFIG)}}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "sa"}}
    for each in (secret, account):
        kubectl("create", "-n", namespace, "-f", "-", text=json.dumps(each))


def claim(kubectl: Kubectl, namespace: str) -> None:
    """A volume with a model below `export`, for a document that names one."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    env = [{"name": "STORAGE_EMULATOR_HOST", "value": CONFIG["endpoint_url"]}]
    container = {
        "name": "fill", "image": "kserve/storage-initializer:latest", "env": env,
        "args": ["gs://kfserving-examples/mnist", "/claim/export"],
        "volumeMounts": [{"name": "claim", "mountPath": "/claim"}],
    }
    volumes = [{"name": "claim", "persistentVolumeClaim": {"claimName": CLAIM}}]
    pod = {"restartPolicy": "Never", "containers": [container], "volumes": volumes}
    for kind, name, body in (("PersistentVolumeClaim", CLAIM, spec), ("Pod", "fill", pod)):
        text = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "spec": body}
        kubectl("create", "-n", namespace, "-f", "-", text=json.dumps(text))
    kubectl("wait", "pod/fill", "-n", namespace, "--for=jsonpath={.status.phase}=Succeeded", "--timeout=90s")


# Documents ------------------------------------------------------------------------------------------------


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


def accepted() -> dict[str, bool]:
    """By upstream's API server with KServe's CRDs."""
    files = json.loads(ACCEPTED.read_text())["files"]
    return {name.partition("/")[2]: entry["accepted"] for name, entry in files.items()}


def run(
    kubectl: Kubectl, path: str, parsed: list[dict[str, Any]], number: int, taken: bool
) -> list[Result]:
    namespace = f"doc-{number}"
    kubectl("create", "namespace", namespace)
    prerequisites(kubectl, namespace)
    created: list[tuple[dict[str, Any], str]] = []
    if any("${PVC_NAME}" in json.dumps(document) for document in parsed):
        claim(kubectl, namespace)
        parsed = json.loads(json.dumps(parsed).replace("${PVC_NAME}", CLAIM))
    for document in parsed:
        meta = document.get("metadata") or {}
        document["metadata"] = {**meta, "namespace": namespace}
        code, said = kubectl("create", "-f", "-", text=json.dumps(document))
        created.append((document, "" if code == 0 else said))
    results = [judged(kubectl, path, document, said, namespace, taken) for document, said in created]
    kubectl("delete", "namespace", namespace, "--wait=false")
    return results


def judged(
    kubectl: Kubectl, path: str, document: dict[str, Any], said: str, namespace: str, taken: bool
) -> Result:
    kind, name = str(document.get("kind")), str((document.get("metadata") or {}).get("name"))
    if said:
        if not taken:
            return Result(path, kind, name, "run", f"refused, as upstream's API server does: {first(said)}")
        if WEBHOOK.search(said):
            return Result(path, kind, name, "run", f"refused, as KServe's webhook does: {first(said)}")
        return Result(path, kind, name, "not", first(said))
    if OURS not in str(document.get("apiVersion")):
        return Result(path, kind, name, "run", "stored")
    text = json.dumps(document)
    if GPU.search(text):
        return Result(path, kind, name, "out", "needs a GPU")
    deadline = time.monotonic() + PATIENCE
    while True:
        ready, why = state(kubectl, kind, name, namespace)
        if ready:
            return Result(path, kind, name, *answered(kubectl, kind, name, namespace))
        why = why or lacking(kubectl, namespace)
        late = time.monotonic() > deadline
        if why or (late and (time.monotonic() > deadline + LONG or not preparing(kubectl, namespace))):
            break
        time.sleep(0.5)
    return Result(path, kind, name, *excuse(why or waiting(kubectl, namespace), text))


def state(kubectl: Kubectl, kind: str, name: str, namespace: str) -> tuple[bool, str]:
    found = kubectl.document("get", kind.lower(), name, "-n", namespace)
    if kind in ("ServingRuntime", "ClusterServingRuntime", "ClusterStorageContainer"):
        return bool(found), ""
    ready: dict[str, Any] = next(
        (c for c in (found.get("status") or {}).get("conditions") or () if c["type"] == "Ready"), {}
    )
    why = str(ready.get("message") or ready.get("reason")) if ready.get("status") == "False" else ""
    if kind == "InferenceGraph":
        why = ""  # it waits for its services
    return ready.get("status") == "True", why


def lacking(kubectl: Kubectl, namespace: str) -> str:
    """A pod's image that no rule stands for: nothing will change that."""
    events = kubectl.document("get", "events", "-n", namespace).get("items") or []
    said = (str(event.get("message")) for event in events if event.get("type") == "Warning")
    return next((each for each in said if "no rule says what stands for image" in each), "")


def preparing(kubectl: Kubectl, namespace: str) -> bool:
    """Whether a server's environment is still being built."""
    return "PreparingEnvironment" in json.dumps(kubectl.document("get", "pods", "-n", namespace))


def waiting(kubectl: Kubectl, namespace: str) -> str:
    events = kubectl.document("get", "events", "-n", namespace).get("items") or []
    warnings = [str(event.get("message")) for event in events if event.get("type") == "Warning"]
    return warnings[-1] if warnings else f"not ready after {PATIENCE:.0f} s"


def excuse(why: str, document: str) -> tuple[str, str]:
    """(outcome, reason) by what the platform itself says it lacks."""
    if "no rule says what stands for image" in why:
        image = re.search(r"image '([^']+)'", why)
        return "out", f"an image that cannot be had: {image.group(1) if image else why[:80]}"
    server = re.search(r"https://([^/\"]+)", document)
    if server and "model was not fetched" in why and server[1] in why:
        return "out", f"a server that is not reached from here: {server[1]}"
    return "not", first(why)


# Questions ------------------------------------------------------------------------------------------------


def answered(kubectl: Kubectl, kind: str, name: str, namespace: str) -> tuple[str, str]:
    if kind not in ("InferenceService", "InferenceGraph"):
        return "run", "stored"
    found = kubectl.document("get", kind.lower(), name, "-n", namespace)
    path, body = ("/", {"instances": IRIS}) if kind == "InferenceGraph" else question(found)
    where = urlsplit(found["status"]["url"])
    if kind == "InferenceService" and kserve_calls.alone(found):
        method, message = kserve_calls.question(found)
        fine, came = kserve_calls.asked(where.port or 80, where.netloc, method, message)
        return ("run", f"answers {method}: {came}") if fine else ("not", f"Ready, but {method}: {came}")
    request = urllib.request.Request(
        f"http://127.0.0.1:{where.port}{path}", json.dumps(body).encode(),
        {"Host": where.netloc, "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return "run", f"answers {path}: {answer.read(80).decode(errors='replace')!r}"
    except (urllib.error.URLError, OSError) as problem:
        said = problem.read(200) if isinstance(problem, urllib.error.HTTPError) else b""
        words = first(said.decode(errors="replace"))
        return "not", f"Ready, but {path} is answered with {problem} {words}"


def question(isvc: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """What this model is asked, by its format."""
    model = isvc["spec"]["predictor"].get("model") or {}
    uri, name = str(model.get("storageUri") or model.get("storage") or ""), isvc["metadata"]["name"]
    kind, protocol = (model.get("modelFormat") or {}).get("name"), model.get("protocolVersion") or "v1"
    if kind == "triton" and not uri:
        return "/v2/repository/index", {}
    if kind == "triton":
        tensor = {"name": "INPUT__0", "shape": [1, 3, 32, 32], "datatype": "FP32", "data": [0.5] * 3072}
        return "/v2/models/cifar10/infer", {"inputs": [tensor]}
    if kind == "pytorch":
        name = "mnist" if "image_classifier" in uri else "BERTSeqClassification"
    if protocol == "v2":
        tensor = {"name": "input-0", "shape": [2, 4], "datatype": "FP32", "data": IRIS}
        return f"/v2/models/{name}/infer", {"inputs": [tensor]}
    rows: Any = IRIS
    if kind == "tensorflow":
        flower = {"image_bytes": {"b64": "aGFsbG8="}, "key": "1"}
        rows = [[0.0] * 784] if "mnist" in f"{uri} {name}" else [flower]
    return f"/v1/models/{name}:predict", {"instances": rows}


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
    taken = accepted()
    with platform(options.kubeconfig) as config:
        prepare(Kubectl(config))
        for number, (path, parsed) in enumerate(documents(options.corpus)):
            if re.search(options.only, path):
                for result in run(Kubectl(config), path, parsed, number, taken.get(path, True)):
                    what = f"{result.kind}/{result.name}: {result.reason}"
                    print(f"{result.outcome:4} {path} {what}", flush=True)
                    results.append(result)
    counted = [result for result in results if result.outcome != "out"]
    done = sum(result.outcome == "run" for result in counted)
    print(f"kserve: {done} of {len(counted)} ({len(results) - len(counted)} leave the count)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
