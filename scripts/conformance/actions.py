"""What upstream's tests do to a running workflow, as edits of the object: `argo resume`, `stop`, `set`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Document = dict[str, Any]
Action = Callable[[Document, str], bool]
"""Edits the workflow in place for the words after the action's name; False: it is too early."""


def nodes(workflow: Document) -> list[Document]:
    return list(((workflow.get("status") or {}).get("nodes") or {}).values())


def waiting(workflow: Document, tag: str = "") -> list[Document]:
    """Suspend nodes that run, of one tag (`--node-field-selector inputs.parameters.tag.value=…`) or all."""
    found = [n for n in nodes(workflow) if n.get("type") == "Suspend" and n.get("phase") == "Running"]
    return [n for n in found if not tag or tag in (n.get("displayName"), given(n, "tag"))]


def given(node: Document, parameter: str) -> str:
    values = {p["name"]: p.get("value") for p in (node.get("inputs") or {}).get("parameters") or []}
    return str(values.get(parameter, ""))


def close(node: Document, phase: str, message: str = "") -> None:
    node.update(phase=phase, finishedAt=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    if message:
        node["message"] = message
    for parameter in (node.get("outputs") or {}).get("parameters") or []:
        source = parameter.pop("valueFrom", None)
        if parameter.get("value") is None and source and source.get("default") is not None:
            parameter["value"] = source["default"]


def resume(workflow: Document, _words: str) -> bool:
    found = waiting(workflow)
    for node in found:
        close(node, "Succeeded")
    suspended = bool(workflow["spec"].pop("suspend", None))
    return bool(found) or suspended


def resume_node(workflow: Document, tag: str) -> bool:
    found = waiting(workflow, tag)
    for node in found:
        close(node, "Succeeded")
    return bool(found)


def stop_node(workflow: Document, tag: str) -> bool:
    found = waiting(workflow, tag)
    for node in found:
        close(node, "Failed", "because")
    return bool(found)


def set_output(workflow: Document, name: str) -> bool:
    for node in waiting(workflow):
        for parameter in (node.get("outputs") or {}).get("parameters") or []:
            if parameter["name"] == name:
                parameter.pop("valueFrom", None)
                parameter["value"] = f"{name} as set by a person"
                return True
    return False


def stop(workflow: Document, _words: str) -> bool:
    """As soon as one of its pods runs."""
    if not any(n.get("type") == "Pod" and n.get("phase") == "Running" for n in nodes(workflow)):
        return False
    workflow["spec"]["shutdown"] = "Stop"
    return True


ACTIONS: dict[str, Action] = {
    "resume": resume, "resume-node": resume_node, "set-output": set_output,
    "stop": stop, "stop-node": stop_node,
}
_CTR = "/var/run/argo/ctr/main"
INSIDE = {"unpause": ("sh", "-c", f"mkdir -p {_CTR} && touch {_CTR}/before {_CTR}/after")}
"""Done within a pod that runs, instead."""
REPEATED = {"resume"}
"""Done again whenever there is something to do."""


def unknown(needed: list[str]) -> list[str]:
    return [n for n in needed if n.split()[0] not in ACTIONS | INSIDE]


def ordered(needed: list[str]) -> list[str]:
    """What is set on a node is set before the node ends."""
    return sorted(needed, key=lambda n: n.split()[0] in REPEATED)
