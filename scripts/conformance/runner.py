"""Runs cases, several at once: a namespace for each, its support first, then the document, then the
comparison."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import yaml

from scripts.conformance import actions
from scripts.conformance.cluster import Cluster, Refused
from scripts.conformance.compare import mismatches, of_locks
from scripts.conformance.corpus import TEMPLATES, Case, Document

FINAL = ("Succeeded", "Failed", "Error")
PATIENCE = 60.0
"""Seconds that a document may take beside its own sleeps."""
REJECTED = "Rejected"
DEFAULTS = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"}
"""What upstream's clients fill in."""
SETTLES = 3.0
"""Seconds after which a workflow that is expected to keep running is looked at."""


@dataclass
class Result:
    case: Case
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def conforms(self) -> bool:
        return not self.wrong


def run(
    cluster: Cluster, cases: Iterable[Case], at_once: int = 12, patience: float = PATIENCE
) -> Iterator[Result]:
    """Results as they come; those that take longest start first."""
    ordered = sorted(enumerate(cases), key=lambda pair: -pair[1].seconds)
    with ThreadPoolExecutor(at_once) as pool:
        yield from pool.map(lambda pair: one(cluster, pair[1], f"c{pair[0]}", patience), ordered)


def one(cluster: Cluster, case: Case, namespace: str, patience: float) -> Result:
    result = Result(case)
    began = time.monotonic()
    try:
        result.wrong = attempt(cluster, case, namespace, began + case.seconds + patience)
    except (Refused, OSError) as error:
        result.wrong = [str(error)[:600]]
    result.seconds = time.monotonic() - began
    return result


def attempt(cluster: Cluster, case: Case, namespace: str, deadline: float) -> list[str]:
    if undone := actions.unknown(case.needs("action")):
        return [f"nobody can do this to it yet: {', '.join(undone)}"]
    prepare(cluster, case, namespace)
    try:
        submitted = submit(cluster, case, namespace)
    except Refused as error:
        return [] if case.outcome.get("phase") == REJECTED else [f"refused: {error}"]
    if case.outcome.get("phase") == REJECTED:
        return ["accepted, expected a refusal"]
    found = [] if submitted else [f"nothing runs of a {case.kind} yet"]
    for workflow in submitted:
        ended = follow(cluster, workflow, case, deadline)
        found += mismatches(cluster, ended, case.outcome)
        found += of_locks(cluster, ended)
        found += [] if found else of_artifacts(cluster, case, ended, deadline)
    return found


def prepare(cluster: Cluster, case: Case, namespace: str) -> None:
    own = {str((d.get("metadata") or {}).get("namespace") or namespace) for d in case.documents}
    for name in own or {namespace}:
        try:
            cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        except Refused as error:
            if "already exists" not in str(error):
                raise
    if case.support:
        apply(cluster, namespace, yaml.safe_dump_all(case.support, sort_keys=False))


def submit(cluster: Cluster, case: Case, namespace: str) -> list[Document]:
    """The Workflows that came of it. A template is run by reference, as `argo submit --from` does."""
    if case.kind in TEMPLATES:
        apply(cluster, namespace, case.text)
        return [create(cluster, namespace, yaml.safe_dump(reference(case.documents[0])))]
    if not case.documents:
        return [create(cluster, namespace, case.text)]
    whole = [{**DEFAULTS, **document} for document in case.documents]
    workflows = [d for d in whole if d["kind"] == "Workflow"]
    others = [d for d in whole if d["kind"] != "Workflow"]
    for other in others:
        own = (other.get("metadata") or {}).get("namespace") or namespace
        apply(cluster, own, yaml.safe_dump(other, sort_keys=False))
    if case.kind == "CronWorkflow":
        return ticked(cluster, namespace, case.documents[0])
    if case.kind == "Workflow" and not others and not case.needs("submit-parameter"):
        return [create(cluster, namespace, case.text)]
    given = [yaml.safe_dump(with_parameters(w, case), sort_keys=False) for w in workflows]
    return [create(cluster, namespace, text) for text in given]


def ticked(cluster: Cluster, namespace: str, cron: Document) -> list[Document]:
    """The first run of a CronWorkflow whose next time is made to be some seconds away; it is kept, however
    many come before it is looked at."""
    meta = cron["metadata"]
    place = ("-n", meta.get("namespace") or namespace)
    many = {"successfulJobsHistoryLimit": 100, "failedJobsHistoryLimit": 100}
    soon = json.dumps({"spec": {"schedules": ["@every 4s"], "timezone": None, **many}})
    cluster.kubectl("patch", "cronworkflow", meta["name"], *place, "--type=merge", "-p", soon)
    label = f"workflows.argoproj.io/cron-workflow={meta['name']}"
    deadline = time.monotonic() + 30
    found: list[Document] = []
    while not found and time.monotonic() < deadline:
        time.sleep(0.2)
        found = json.loads(cluster.kubectl("get", "workflows", *place, "-l", label, "-o", "json"))["items"]
    held = json.dumps({"spec": {"suspend": True}})
    cluster.kubectl("patch", "cronworkflow", meta["name"], *place, "--type=merge", "-p", held)
    return found[:1]


def apply(cluster: Cluster, namespace: str, text: str) -> None:
    words = ("--server-side", "--force-conflicts", "-n", namespace)
    cluster.kubectl("apply", *words, "-f", "-", text=text)


def create(cluster: Cluster, namespace: str, text: str) -> Document:
    words = () if names_a_namespace(text) else ("-n", namespace)
    created: Document = json.loads(cluster.kubectl("create", *words, "-f", "-", "-o", "json", text=text))
    return created


def names_a_namespace(text: str) -> bool:
    try:
        document: Any = yaml.safe_load(text)
    except yaml.YAMLError:
        return False
    return isinstance(document, dict) and bool((document.get("metadata") or {}).get("namespace"))


def reference(template: Document) -> Document:
    name = template["metadata"]["name"]
    target: Document = {"name": name}
    if template["kind"] == "ClusterWorkflowTemplate":
        target["clusterScope"] = True
    return {
        "apiVersion": template["apiVersion"], "kind": "Workflow", "metadata": {"generateName": f"{name}-"},
        "spec": {"workflowTemplateRef": target},
    }


def with_parameters(workflow: Document, case: Case) -> Document:
    given = dict(pair.split("=", 1) for pair in case.needs("submit-parameter"))
    if given:
        arguments = workflow["spec"].setdefault("arguments", {})
        kept = [p for p in arguments.get("parameters") or [] if p["name"] not in given]
        arguments["parameters"] = [*kept, *({"name": k, "value": v} for k, v in given.items())]
    return workflow


def follow(cluster: Cluster, workflow: Document, case: Case, deadline: float) -> Document:
    """The workflow at its end (or where time was up), what upstream's test does to it done on the way."""
    meta = workflow["metadata"]
    pending = actions.ordered(case.needs("action"))
    began, wait = time.monotonic(), 0.1
    while True:
        current = cluster.workflow(meta["namespace"], meta["name"])
        phase = (current.get("status") or {}).get("phase")
        settled = phase == "Running" == case.outcome.get("phase") and time.monotonic() > began + SETTLES
        if phase in FINAL or settled or time.monotonic() > deadline:
            return current
        pending = act(cluster, current, pending)
        time.sleep(wait)
        wait = min(wait * 1.3, 1.0 if not pending else 0.3)


def act(cluster: Cluster, workflow: Document, pending: list[str]) -> list[str]:
    """The actions that remain."""
    for needed in pending:
        verb, _, words = needed.partition(" ")
        if verb in actions.INSIDE:
            return [n for n in pending if n != needed] if inside(cluster, workflow, verb) else pending
        if actions.ACTIONS[verb](workflow, words):
            try:
                cluster.update(workflow)
            except Refused as error:
                if not str(error).startswith("409"):
                    raise
                return pending
            return pending if verb in actions.REPEATED else [n for n in pending if n != needed]
    return pending


def inside(cluster: Cluster, workflow: Document, verb: str) -> bool:
    """False: no pod of the workflow runs yet."""
    meta = workflow["metadata"]
    for pod in cluster.pods(meta["namespace"], meta["name"]):
        name = pod["metadata"]["name"]
        try:
            cluster.kubectl("exec", "-n", meta["namespace"], name, "-c", "main", "--", *actions.INSIDE[verb])
        except Refused:
            return False
        return True
    return False


def of_artifacts(cluster: Cluster, case: Case, workflow: Document, deadline: float) -> list[str]:
    """Stored artifacts, read by their key as any later workflow would."""
    found = []
    meta = workflow["metadata"]
    for pattern, wanted in (case.expected.get("artifact_content") or {}).items():
        key = pattern.replace("$wf", meta["name"])
        reader = create(cluster, meta["namespace"], yaml.safe_dump(reads(key)))
        ended = follow(cluster, reader, case, deadline)
        root = {"nodes": {"$wf": {"log": wanted}}}
        found += mismatches(cluster, ended, {"phase": "Succeeded", "outputs": root})
    return found


def reads(key: str) -> Document:
    artifact = {"name": "read", "path": "/tmp/read", "s3": {"key": key}}
    template = {
        "name": "read", "inputs": {"artifacts": [artifact]},
        "container": {"image": "busybox", "command": ["cat", "/tmp/read"]},
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"generateName": "read-"},
        "spec": {"entrypoint": "read", "templates": [template]},
    }
