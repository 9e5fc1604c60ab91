"""What came of a workflow against what upstream says: phase, messages, nodes, outputs, logs."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from scripts.conformance.cluster import Cluster, Refused

Document = dict[str, Any]


def mismatches(cluster: Cluster, workflow: Document, outcome: Document) -> list[str]:
    """Every difference, in words; empty: as upstream."""
    status = workflow.get("status") or {}
    allowed = [outcome["phase"]] if outcome.get("phase") else outcome.get("phase_in") or []
    found = []
    if status.get("phase") not in allowed:
        said = f"({status['message']})" if status.get("message") else ""
        found.append(f"phase {status.get('phase')}, expected {' or '.join(allowed)} {said}".strip())
    outputs = outcome.get("outputs") or {}
    found += of_workflow(status, {**outputs.get("workflow", {}), **pick(outcome, "message_contains")})
    nodes = {node["name"]: node for node in (status.get("nodes") or {}).values()}
    if "node_count" in outcome and len(nodes) != outcome["node_count"]:
        found.append(f"{len(nodes)} nodes, expected {outcome['node_count']}")
    return found + of_nodes(cluster, workflow, nodes, outputs) + left_out(status)


def left_out(status: Document) -> list[str]:
    """What the platform itself says that it passed over: an equal outcome is then no conformance."""
    warnings = [c for c in status.get("conditions") or [] if c["type"] == "SpecWarning"]
    return [f"left out: {warning.get('message')}" for warning in warnings if warning["status"] == "True"]


def of_locks(cluster: Cluster, workflow: Document) -> list[str]:
    """Pods of one template that names a mutex must not have run at the same time."""
    templates = {
        template["name"]
        for template in workflow["spec"].get("templates") or []
        if (template.get("synchronization") or {}).get("mutexes")
    }
    nodes = (workflow.get("status") or {}).get("nodes", {}).values()
    names = {n["id"]: n["templateName"] for n in nodes if n.get("templateName") in templates}
    if not names:
        return []
    spans: dict[str, list[tuple[str, str]]] = {}
    for pod in cluster.pods(workflow["metadata"]["namespace"], workflow["metadata"]["name"]):
        node = node_of(pod)
        for container in (pod.get("status") or {}).get("containerStatuses") or []:
            if node in names and (end := container["state"].get("terminated")):
                spans.setdefault(names[node], []).append((end["startedAt"], end["finishedAt"]))
    return [
        f"two pods of template {name} ran at once in spite of its mutex"
        for name, times in spans.items()
        if any(later[0] < earlier[1] for earlier, later in pairwise(sorted(times)))
    ]


def pick(source: Document, *names: str) -> Document:
    return {name: source[name] for name in names if name in source}


def of_workflow(status: Document, wanted: Document) -> list[str]:
    message = str(status.get("message", ""))
    found = []
    if "message" in wanted and message != wanted["message"]:
        found.append(f"message {message!r}, expected {wanted['message']!r}")
    if wanted.get("message_contains", "") not in message:
        found.append(f"message {message!r} lacks {wanted['message_contains']!r}")
    found += values("status.outputs", parameters(status.get("outputs")), wanted.get("parameters", {}))
    named = [a["name"] for a in (status.get("outputs") or {}).get("artifacts") or []]
    return found + [f"no global artifact {name}" for name in wanted.get("artifacts", []) if name not in named]


def parameters(side: Document | None) -> dict[str, Any]:
    return {p["name"]: p.get("value") for p in (side or {}).get("parameters") or []}


def values(where: str, got: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    return [f"{where} {k}={got.get(k)!r}, expected {v!r}" for k, v in wanted.items() if got.get(k) != v]


def of_nodes(
    cluster: Cluster, workflow: Document, nodes: dict[str, Document], outputs: Document
) -> list[str]:
    name = workflow["metadata"]["name"]
    found = []
    pods: list[Document] | None = None
    for pattern, wanted in (outputs.get("nodes") or {}).items():
        node = nodes.get(pattern.replace("$wf", name))
        if node is None:
            if pattern.startswith(("$wf", name)):
                found.append(f"no node {pattern}")
            continue
        found += of_node(pattern, node, wanted)
        if "log" in wanted or "log_contains" in wanted:
            pods = cluster.pods(workflow["metadata"]["namespace"], name) if pods is None else pods
            found += of_log(cluster, pattern, node, wanted, pods)
    absent = [p for p in outputs.get("absent_nodes") or [] if p.replace("$wf", name) in nodes]
    return found + [f"node {pattern} should not exist" for pattern in absent]


def of_node(where: str, node: Document, wanted: Document) -> list[str]:
    outputs = node.get("outputs") or {}
    found = values(where, node, pick(wanted, "phase", "type"))
    found += values(where, outputs, pick(wanted, "result", "exitCode"))
    found += values(f"{where} inputs", parameters(node.get("inputs")), wanted.get("inputs", {}))
    found += values(f"{where} outputs", parameters(outputs), wanted.get("parameters", {}))
    for key, pattern in wanted.get("parameters_regex", {}).items():
        if not re.search(pattern, str(parameters(outputs).get(key))):
            found.append(f"{where} outputs {key}={parameters(outputs).get(key)!r} does not match {pattern}")
    if wanted.get("message", "") not in str(node.get("message", "")):
        found.append(f"{where} message {node.get('message')!r} lacks {wanted['message']!r}")
    return found


def node_of(pod: Document) -> str:
    return str((pod["metadata"].get("annotations") or {}).get("workflows.argoproj.io/node-id"))


def of_log(
    cluster: Cluster, where: str, node: Document, wanted: Document, pods: list[Document]
) -> list[str]:
    mine = [pod for pod in pods if node_of(pod) == node["id"]]
    if not mine:
        return [f"{where} has no pod to read a log from"]
    meta = mine[0]["metadata"]
    try:
        text = cluster.log(meta["namespace"], meta["name"]).rstrip("\n")
    except Refused as error:
        return [f"{where} log: {error}"]
    parts = [wanted["log"]] if "log" in wanted else wanted["log_contains"]
    return [f"{where} log {text[-200:]!r} lacks {part!r}" for part in parts if part not in text]
