"""`pinnace workflow …`: what one does to a running workflow, as the edits of the object that argo makes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from pinnace.cli.connection import Connection
from pinnace.cli.platform import Failure
from pinnace.cli.run import EXIT
from pinnace.cli.tree import duration, workflow_path
from pinnace.cli.tree import follow as draw
from pinnace.home import Home


def get(connection: Connection, name: str, namespace: str) -> dict[str, Any]:
    found: dict[str, Any] = connection.json(workflow_path(namespace, name))
    return found


def patch(connection: Connection, name: str, namespace: str, body: dict[str, Any]) -> None:
    connection.request("PATCH", workflow_path(namespace, name), body, "application/merge-patch+json")


def resume(home: Home, name: str, node: str, parameters: tuple[str, ...], namespace: str) -> int:
    connection = Connection.to(home)
    workflow = get(connection, name, namespace)
    waiting = suspended(workflow, node)
    if not waiting and not workflow["spec"].get("suspend"):
        phase = workflow.get("status", {}).get("phase")
        raise Failure(f"nothing in {name} waits for a resume (phase {phase}): see `pinnace workflow list`")
    approve(connection, workflow, waiting, dict(split(p) for p in parameters))
    print(f"workflow {name} resumed")
    return 0


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


def suspend(home: Home, name: str, namespace: str) -> int:
    patch(Connection.to(home), name, namespace, {"spec": {"suspend": True}})
    print(f"workflow {name} suspended")
    return 0


def shutdown(home: Home, name: str, strategy: str, namespace: str) -> int:
    patch(Connection.to(home), name, namespace, {"spec": {"shutdown": strategy}})
    print(f"workflow {name} is being {'stopped' if strategy == 'Stop' else 'terminated'}")
    return 0


def listing(home: Home, namespace: str) -> int:
    workflows = Connection.to(home).json(workflow_path(namespace))["items"]
    table = Table("NAME", "STATUS", "DURATION", "PROGRESS", "MESSAGE", box=None)
    for workflow in workflows:
        status = workflow.get("status", {})
        seconds = duration(status)
        table.add_row(
            workflow["metadata"]["name"], status.get("phase", "Pending"),
            f"{seconds:.0f}s" if seconds is not None else "-", status.get("progress", "-"),
            status.get("message", ""),
        )
    Console().print(table if workflows else f"no workflows in namespace {namespace}")
    return 0


def follow(home: Home, name: str, namespace: str) -> int:
    connection = Connection.to(home)
    picture = draw(connection, get(connection, name, namespace), Console())
    return EXIT.get(picture.phase, 2)
