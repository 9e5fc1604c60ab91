"""`python -m scripts.conformance.pipelines`: upstream's compiled pipelines through the REST API.

Each document is judged by `expected.json`: the run's phase, the root tasks' states, the root's outputs.
Nothing here imports the platform; a command starts one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT.parent / "shared" / "corpus" / "kfp"
NAMESPACE = "kubeflow"
ENDED = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")
SHARED = "/var/tmp"
"""Plain processes have a `/tmp` of their own, but see this."""
RULES = """environments:
- image: [ghcr.io/containerd/busybox, jetbrainsinfra/jq]
  cmd: [sh]
- image: ["python:3.9", "python:3.12"]
  python: "*"
"""
"""What stands for images that the shipped rules do not name, as a user would write it."""
Obj = dict[str, Any]


class Api:
    def __init__(self, home: Path) -> None:
        port = json.loads((home / "control.json").read_text())["port"]
        self.base = f"http://127.0.0.1:{port}"
        self.token = (home / "token").read_text().strip()

    def ask(self, method: str, path: str, body: Obj | None = None) -> Obj:
        request = urllib.request.Request(
            self.base + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: Obj = json.loads(answer.read() or b"{}")
        return found


@contextmanager
def platform(*options: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kfp-conformance-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        (home / "environments.yaml").write_text(RULES)
        command = [sys.executable, "-m", "pinnace"]
        where = ["--home", str(home)]
        up = ["up", "-d", "--port", "0", "--gateway-port", "0", *options]
        try:
            subprocess.run([*command, *up, *where], check=True, capture_output=True)
            yield home
        finally:
            subprocess.run([*command, "down", *where], check=False, capture_output=True)


def prepare(api: Api, cases: dict[str, Obj]) -> None:
    """The namespace, and every Secret and ConfigMap that a document needs."""
    api.ask("POST", "/apis/v2beta1/experiments", {"display_name": "conformance"})
    for case in cases.values():
        needs = case.get("requires") or {}
        for kind, field, objects in (("Secret", "stringData", needs.get("secrets")),
                                     ("ConfigMap", "data", needs.get("configmaps"))):
            for name, data in (objects or {}).items():
                document = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, field: data}
                path = f"/api/v1/namespaces/{NAMESPACE}/{kind.lower()}s"
                try:
                    api.ask("POST", path, document)
                except urllib.error.HTTPError as error:
                    if error.code != 409:
                        raise


def run(api: Api, path: Path, case: Obj, folder: str, within: float) -> str:
    """What is wrong with it; empty if nothing."""
    documents = [one for one in yaml.safe_load_all(path.read_text()) if one]
    spec = documents[0]
    if len(documents) > 1:
        spec = {"pipeline_spec": spec, "platform_spec": documents[1]}
    arguments = json.loads(json.dumps(case.get("args") or {}).replace("${TMPDIR}", folder))
    body = {"display_name": path.stem, "pipeline_spec": spec, "runtime_config": {"parameters": arguments}}
    try:
        made = api.ask("POST", "/apis/v2beta1/runs", body)
    except urllib.error.HTTPError as error:
        return f"refused: {error.read().decode()[:200]}"
    end = time.monotonic() + within
    while made["state"] not in ENDED:
        if time.monotonic() > end:
            return f"still {made['state']} after {within:.0f} s: {waiting(made)}"
        time.sleep(0.2)
        made = api.ask("GET", f"/apis/v2beta1/runs/{made['run_id']}")
    return judged(api, made, case)


def waiting(made: Obj) -> str:
    tasks = (made.get("run_details") or {}).get("task_details") or []
    return ", ".join(f"{one['display_name']} {one['state']}" for one in tasks if one["state"] not in ENDED)


def judged(api: Api, made: Obj, case: Obj) -> str:
    tasks = (made.get("run_details") or {}).get("task_details") or []
    if case["phase"] and made["state"] != case["phase"]:
        errors = [f"{one['display_name']}: {one['error']['message']}" for one in tasks if one.get("error")]
        return f"{made['state']} instead of {case['phase']}: {'; '.join(errors)[:300]}"
    root = next((one["task_id"] for one in tasks if one["display_name"] == "root"), "")
    states = {one["display_name"]: one["state"] for one in tasks if one.get("parent_task_id") == root}
    for name, state in (case.get("tasks") or {}).items():
        if states.get(name, "OMITTED").replace("SKIPPED", "OMITTED") != state.replace("SKIPPED", "OMITTED"):
            return f"task {name} is {states.get(name)} instead of {state}"
    found = outputs(api, made["run_id"])
    for name, value in (case.get("outputs") or {}).items():
        if not same(found.get(name), value):
            own = json.dumps(found.get(name))[:120]
            return f"output {name} is {own} instead of {json.dumps(value)[:120]}"
    return ""


def outputs(api: Api, run_id: str) -> Obj:
    selector = f"labelSelector=pipeline%2Frunid%3D{run_id}"
    found = api.ask("GET", f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/workflows?{selector}")
    workflow = found["items"][0]
    node = workflow["status"]["nodes"].get(workflow["metadata"]["name"]) or {}
    parameters = (node.get("outputs") or {}).get("parameters") or []
    return {one["name"]: json.loads(one["value"]) for one in parameters if one["value"]}


def same(own: Any, wanted: Any) -> bool:
    """Artifacts by type and metadata."""
    if isinstance(wanted, list) and wanted and isinstance(wanted[0], dict) and "artifact" in wanted[0]:
        shown = [[one["type"].get("schemaTitle"), one["metadata"]] for one in own or []]
        return bool(shown == [[one["artifact"], one["metadata"]] for one in wanted])
    return bool(own == wanted)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="?", default="")
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--within", type=float, default=240)
    parser.add_argument("--at-once", type=int, default=4)
    options = parser.parse_args()
    every: dict[str, Obj] = json.loads((options.corpus / "expected.json").read_text())
    cases = {name: case for name, case in every.items() if case["phase"] and re.search(options.only, name)}
    beside = {name: case for name, case in cases.items() if "TMPDIR" in json.dumps(case.get("args") or {})}
    inside = {name: case for name, case in cases.items() if name not in beside}
    wrong = 0
    for chosen, isolation in ((inside, "auto"), (beside, "process")):
        if chosen:
            wrong += batch(options, chosen, isolation)
    print(f"{len(cases) - wrong} of {len(cases)} compiled pipelines end as upstream's do")
    return 1 if wrong else 0


def batch(options: argparse.Namespace, cases: dict[str, Obj], isolation: str) -> int:
    """Those that share a folder between their pods see the machine's own: as plain processes."""
    wrong = 0
    with platform("--isolation", isolation) as home, tempfile.TemporaryDirectory(dir=SHARED) as folder:
        os.chmod(folder, 0o777)
        api = Api(home)
        prepare(api, cases)

        def one(name: str) -> tuple[str, str]:
            within = options.within + float(cases[name].get("slow_seconds") or 0)
            try:
                return name, run(api, options.corpus / name, cases[name], folder, within)
            except (OSError, ValueError, KeyError) as error:
                return name, f"{type(error).__name__}: {error}"

        with ThreadPoolExecutor(options.at_once) as pool:
            for name, problem in pool.map(one, cases):
                wrong += bool(problem)
                print(f"{'NO ' if problem else 'yes'} {name} {problem}", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
