"""A workflow's steps as the command line needs them: nodes by a person's word, their pods, what they printed.

Callers: `junit`, `debug`, `watching`.
"""

from __future__ import annotations

import difflib
from contextlib import suppress
from typing import Any

from pinnace.cli.connection import Connection, Refused
from pinnace.cli.platform import Failure

NODE_ID = "workflows.argoproj.io/node-id"
WORKFLOW = "workflows.argoproj.io/workflow"
GROUPS = ("StepGroup", "TaskGroup", "Steps", "DAG", "Retry")


def nodes(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    """In the order of their starts."""
    found = [*(workflow.get("status", {}).get("nodes") or {}).values()]
    return sorted(found, key=lambda node: (node.get("startedAt") or "~", len(node["name"])))


def short(node: dict[str, Any], workflow: dict[str, Any]) -> str:
    """The node's name without its workflow's: `[0].train(1:b)`, `train`."""
    name = str(node["name"])
    return name.removeprefix(workflow["metadata"]["name"]).removeprefix(".") or name


def chosen(workflow: dict[str, Any], word: str) -> dict[str, Any]:
    """The step that a person means: by ID, name, display name, the step's or the template's name. Of several
    the last that failed, else the last. Raises Failure with the nearest name."""
    steps = [node for node in nodes(workflow) if node.get("type") not in GROUPS]
    for named in (
        lambda node: node["id"],
        lambda node: short(node, workflow),
        lambda node: node.get("displayName"),
        lambda node: str(node.get("displayName", "")).partition("(")[0],
        lambda node: node.get("templateName"),
    ):
        if found := [node for node in steps if named(node) == word]:
            failed = [node for node in found if node.get("phase") in ("Failed", "Error")]
            return (failed or found)[-1]
    known = sorted({short(node, workflow) for node in steps})
    close = difflib.get_close_matches(word, known, 1, 0.4)
    hint = f'did you mean "{close[0]}"?' if close else f"it has {', '.join(known[:12]) or 'no steps yet'}"
    raise Failure(f"{workflow['metadata']['name']} has no step {word!r}: {hint}")


def pods(connection: Connection, workflow: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Node ID → Pod, of those that are still there."""
    meta = workflow["metadata"]
    path = f"/api/v1/namespaces/{meta['namespace']}/pods?labelSelector={WORKFLOW}%3D{meta['name']}"
    return {
        pod["metadata"]["annotations"][NODE_ID]: pod
        for pod in connection.json(path)["items"]
        if NODE_ID in (pod["metadata"].get("annotations") or {})
    }


def log(connection: Connection, pod: dict[str, Any], container: str = "main", tail: int = 0) -> str:
    """What it printed; nothing where it never started."""
    meta = pod["metadata"]
    path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/log?container={container}"
    with suppress(Refused):
        printed = connection.request("GET", path + (f"&tailLines={tail}" if tail else ""))
        return printed.decode(errors="replace")
    return ""
