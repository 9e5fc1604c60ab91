"""A person's yes to a suspended workflow, as an edit of the object: the demo says it so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pinnace.cli.connection import Connection
from pinnace.cli.platform import Failure
from pinnace.cli.tree import workflow_path


def get(connection: Connection, name: str, namespace: str) -> dict[str, Any]:
    found: dict[str, Any] = connection.json(workflow_path(namespace, name))
    return found


def patch(connection: Connection, name: str, namespace: str, body: dict[str, Any]) -> None:
    connection.request("PATCH", workflow_path(namespace, name), body, "application/merge-patch+json")


def suspended(workflow: dict[str, Any], display_name: str = "") -> list[dict[str, Any]]:
    nodes = workflow.get("status", {}).get("nodes", {}).values()
    return [
        n for n in nodes
        if n.get("type") == "Suspend" and n.get("phase") == "Running"
        and display_name in ("", n.get("displayName"))
    ]


def split(parameter: str) -> tuple[str, str]:
    name, equals, value = parameter.partition("=")
    if not equals:
        raise Failure(f"-p {parameter}: expected name=value")
    return name, value


def approve(
    connection: Connection, workflow: dict[str, Any], waiting: list[dict[str, Any]], values: dict[str, str]
) -> None:
    """Mark the suspended nodes Succeeded, with the outputs that they waited for (argo resume, node set)."""
    edits = {}
    for node in waiting:
        edit: dict[str, Any] = {"phase": "Succeeded", "finishedAt": now()}
        outputs = node.get("outputs") or {}
        if values and outputs.get("parameters"):
            edit["outputs"] = {**outputs, "parameters": [given(p, values) for p in outputs["parameters"]]}
        edits[node["id"]] = edit
    body: dict[str, Any] = {"spec": {"suspend": None}}
    if edits:
        body["status"] = {"nodes": edits}
    meta = workflow["metadata"]
    patch(connection, meta["name"], meta["namespace"], body)


def given(parameter: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    if parameter["name"] not in values:
        return parameter
    kept = {k: v for k, v in parameter.items() if k != "valueFrom"}
    return {**kept, "value": values[parameter["name"]]}


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
