"""What a run's tasks did, from the nodes of its Workflow: an entry a task with parent, state and artifacts;
each artifact; and which task made or used it."""

from __future__ import annotations

import json
from contextlib import suppress

from pinnace.authoring.argo.names import fnv, pod_name
from pinnace.authoring.kfp.launch import flat
from pinnace.authoring.kfp.step import BUCKET, task_id
from pinnace.kinds.resource import Obj

TYPES = (
    "Artifact", "Model", "Dataset", "HTML", "Markdown", "Metric", "ClassificationMetric",
    "SlicedClassificationMetric",
)
POD_NAMES = "workflows.argoproj.io/pod-name-format"
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
    tasks = [_task(run_id, node, nodes, workflow) for node in nodes.values()]
    children: dict[str, list[Obj]] = {}
    for task in tasks:
        if task.get("parent_task_id"):
            children.setdefault(task["parent_task_id"], []).append({"task_id": task["task_id"]})
    for task in tasks:
        if task["task_id"] in children:
            task["child_tasks"] = children[task["task_id"]]
    return {"task_details": tasks, **_lineage(run_id, nodes)}


def shown(details: Obj | None) -> Obj | None:
    """Of all that, what stands in the API's Run."""
    return None if details is None else {"task_details": details.get("task_details") or []}


def _lineage(run_id: str, nodes: dict[str, Obj]) -> Obj:
    artifacts: dict[str, Obj] = {}
    makers: dict[str, str] = {}
    links: list[Obj] = []
    for node in nodes.values():
        for one in made_by(node):
            name = str(number(one["uri"]))
            artifacts.setdefault(name, _artifact(name, one, node.get("finishedAt") or node.get("startedAt")))
            if node.get("type") == "Pod" or name not in makers:
                makers[name] = node.get("displayName") or ""
            links.append(_link(run_id, node, "OUTPUT", name, one["key"]))
        links += [
            _link(run_id, node, "TASK_OUTPUT_INPUT", str(number(one["uri"])), one["key"])
            for one in _used_by(node)
        ]
    for link in links:
        link["producer"] = {"task_name": makers.get(link["artifact_id"], "")}
    return {"artifacts": list(artifacts.values()), "links": links}


def _artifact(name: str, one: Obj, at: str | None) -> Obj:
    title = str((one.get("type") or {}).get("schemaTitle") or "").removeprefix("system.")
    kind = {"Metrics": "Metric", "ClassificationMetrics": "ClassificationMetric"}.get(title, title)
    kind = {"SlicedClassificationMetrics": "SlicedClassificationMetric"}.get(kind, kind)
    made = {"artifact_id": name, "name": one["name"], "uri": one["uri"], "created_at": at}
    return {**made, "type": kind if kind in TYPES else "Artifact", "metadata": one.get("metadata") or {}}


def _link(run_id: str, node: Obj, kind: str, artifact: str, key: str) -> Obj:
    task = task_id(node["id"])
    return {
        "id": f"{task}-{artifact}-{kind.lower()}-{key}",
        "artifact_id": artifact,
        "run_id": run_id,
        "task_id": task,
        "type": kind,
        "key": key,
    }


def made_by(node: Obj) -> list[Obj]:
    """The artifacts among a node's outputs; those of Argo under their keys in the local repository."""
    outputs = node.get("outputs") or {}
    found = _of_parameters(outputs)
    for one in outputs.get("artifacts") or []:
        key = (one.get("s3") or {}).get("key")
        if key and one["name"] not in ("root", "main-logs"):
            found.append({"name": one["name"], "key": one["name"], "uri": f"{BUCKET}{key}"})
    return found


def _used_by(node: Obj) -> list[Obj]:
    return _of_parameters(node.get("inputs") or {})


def _of_parameters(part: Obj) -> list[Obj]:
    made: list[Obj] = []
    for item in part.get("parameters") or []:
        text = str(item.get("value") or "")
        if '"uri"' in text and '"type"' in text:
            with suppress(ValueError):
                made += [{**one, "key": item["name"]} for one in flat(json.loads(text)) if one.get("uri")]
    return made


def _pod(node: Obj, workflow: Obj) -> str:
    meta, name = workflow["metadata"], node["name"]
    form = (meta.get("annotations") or {}).get(POD_NAMES) or "v2"
    return pod_name(meta["name"], node.get("templateName") or "", name, fnv(name), node["id"], form)


def _task(run_id: str, node: Obj, nodes: dict[str, Obj], workflow: Obj) -> Obj:
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
        "inputs": _artifacts(_used_by(node)),
        "outputs": _artifacts(made_by(node)),
    }
    if node.get("boundaryID") in nodes:
        made["parent_task_id"] = task_id(node["boundaryID"])
    if node.get("message") and state == "FAILED":
        made["error"] = {"code": 1, "message": node["message"]}
    if node.get("type") == "Pod":
        made["pod_name"] = _pod(node, workflow)
        made["executor_detail"] = {"main_job": made["pod_name"]}
    if (node.get("memoizationStatus") or {}).get("hit"):
        made["state_history"].insert(0, {"update_time": node.get("startedAt"), "state": "SUCCEEDED"})
        made["executor_detail"] = {**made.get("executor_detail", {}), "pre_caching_check_job": "CACHED"}
    return {key: value for key, value in made.items() if value not in (None, {})}


def _artifacts(found: list[Obj]) -> Obj:
    made: Obj = {}
    for one in found:
        made.setdefault(one["key"], {"artifact_ids": []})["artifact_ids"].append(str(number(one["uri"])))
    return made


def number(uri: str) -> int:
    """An artifact's id: 63 bits of its URI's digest."""
    import hashlib

    return int.from_bytes(hashlib.sha256(uri.encode()).digest()[:8], "big") >> 1
