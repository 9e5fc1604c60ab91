"""A run's task details, from the nodes of its Workflow: an entry a task, with parents, states, artifacts."""

from __future__ import annotations

import json
from typing import Any

from pinnace.authoring.kfp.step import task_id
from pinnace.kinds.resource import Obj

STATES = {
    "Pending": "PENDING",
    "Running": "RUNNING",
    "Succeeded": "SUCCEEDED",
    "Skipped": "SKIPPED",
    "Omitted": "SKIPPED",
    "Failed": "FAILED",
    "Error": "FAILED",
}


def details(run_id: str, workflow: Obj) -> Obj:
    nodes: dict[str, Obj] = (workflow.get("status") or {}).get("nodes") or {}
    pods = _pods(workflow)
    tasks = [_task(run_id, node, nodes, workflow, pods) for node in nodes.values()]
    children: dict[str, list[Obj]] = {}
    for task in tasks:
        if task.get("parent_task_id"):
            children.setdefault(task["parent_task_id"], []).append({"task_id": task["task_id"]})
    for task in tasks:
        if task["task_id"] in children:
            task["child_tasks"] = children[task["task_id"]]
    return {"task_details": tasks}


def _pods(workflow: Obj) -> str:
    return str(workflow["metadata"]["name"])


def _task(run_id: str, node: Obj, nodes: dict[str, Obj], workflow: Obj, prefix: str) -> Obj:
    phase = node.get("phase") or "Pending"
    state = STATES.get(phase, "RUNTIME_STATE_UNSPECIFIED")
    root = node["id"] == workflow["metadata"]["name"]
    made: Obj = {
        "run_id": run_id,
        "task_id": task_id(node["id"]),
        "display_name": "root" if root else node.get("displayName") or node["name"],
        "create_time": node.get("startedAt"),
        "start_time": node.get("startedAt"),
        "end_time": node.get("finishedAt"),
        "state": state,
        "state_history": [{"update_time": node.get("finishedAt") or node.get("startedAt"), "state": state}],
        "inputs": _artifacts(node.get("inputs")),
        "outputs": _artifacts(node.get("outputs")),
    }
    if node.get("boundaryID") in nodes:
        made["parent_task_id"] = task_id(node["boundaryID"])
    if node.get("message") and state == "FAILED":
        made["error"] = {"code": 1, "message": node["message"]}
    if node.get("type") == "Pod":
        made["pod_name"] = f"{prefix}-{node.get('templateName')}-{node['id'].rpartition('-')[2]}"
        made["executor_detail"] = {"main_job": made["pod_name"]}
    if (node.get("memoizationStatus") or {}).get("hit"):
        made["state_history"].insert(0, {"update_time": node.get("startedAt"), "state": "SUCCEEDED"})
        made["executor_detail"] = {**made.get("executor_detail", {}), "pre_caching_check_job": "CACHED"}
    return {key: value for key, value in made.items() if value not in (None, {})}


def _artifacts(part: Any) -> Obj:
    """Artifacts by their URIs: parameters that hold artifacts say what they are."""
    made: Obj = {}
    for item in (part or {}).get("parameters") or []:
        text = str(item.get("value") or "")
        if '"uri"' not in text:
            continue
        try:
            found = json.loads(text)
        except ValueError:
            continue
        uris = [one["uri"] for one in found if isinstance(one, dict) and one.get("uri")]
        if uris:
            made[item["name"]] = {"artifact_ids": [str(number(uri)) for uri in uris]}
    return made


def number(uri: str) -> int:
    """An artifact's id: 63 bits of its URI's digest."""
    import hashlib

    return int.from_bytes(hashlib.sha256(uri.encode()).digest()[:8], "big") >> 1
