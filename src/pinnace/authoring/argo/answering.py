"""Steps that wait for a person: resumed, failed, or given the values that they wait for.

Pure: each function says which merge patch of the Workflow does it. What is not supplied is filled in from
defaults by the engine. Source of the rules: upstream workflow/util (ResumeWorkflow, updateSuspendedNode).
Callers: `objects/steering`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pinnace.authoring.argo import selecting
from pinnace.authoring.argo.mistake import Mistake
from pinnace.kinds.argo import FULFILLED
from pinnace.kinds.resource import Obj


def waiting(workflow: Obj) -> Iterator[tuple[str, Obj]]:
    """Suspended nodes that are active."""
    for name, node in ((workflow.get("status") or {}).get("nodes") or {}).items():
        if node.get("type") == "Suspend" and node.get("phase") == "Running":
            yield name, node


def resumed(workflow: Obj, selector: str, now: str, message: str = "") -> Obj | None:
    """The patch that lets it go on; None: nothing waits. With a selector: Mistake where none matches."""
    if selector:
        return answered(workflow, selector, now, phase="Succeeded", message=message)
    edits = {}
    for name, node in waiting(workflow):
        said = "; ".join(filter(None, (node.get("message"), message)))
        edits[name] = {"phase": "Succeeded", "finishedAt": now, **({"message": said} if said else {})}
    patch: Obj = {"spec": {"suspend": None}} if (workflow.get("spec") or {}).get("suspend") else {}
    if edits:
        patch["status"] = {"nodes": edits}
    return patch or None


def answered(
    workflow: Obj,
    selector: str,
    now: str,
    *,
    phase: str = "",
    message: str = "",
    outputs: Mapping[str, str] | None = None,
) -> Obj:
    """The patch that sets phase, message and outputs of the suspended nodes that match. Raises Mistake."""
    if not selector:
        raise Mistake("'set' currently only targets suspend nodes, use a node field selector to target them")
    terms = selecting.parse(selector)
    edits: dict[str, Obj] = {}
    for name, node in waiting(workflow):
        if selecting.matches(terms, node) and (edit := _edit(node, now, phase, message, outputs or {})):
            edits[name] = edit
    if not edits:
        raise Mistake(
            "currently, set only targets suspend nodes: no suspend nodes matching nodeFieldSelector: "
            + selector
        )
    return {"status": {"nodes": edits}}


def _edit(node: Obj, now: str, phase: str, message: str, outputs: Mapping[str, str]) -> Obj:
    edit: dict[str, Any] = {}
    if phase:
        edit["phase"] = phase
        if phase in FULFILLED:
            edit["finishedAt"] = now
    if message:
        edit["message"] = message
    if outputs:
        edit["outputs"] = {**(node.get("outputs") or {}), "parameters": _supplied(node, outputs)}
    return edit


def _supplied(node: Obj, values: Mapping[str, str]) -> list[Obj]:
    parameters = [dict(one) for one in (node.get("outputs") or {}).get("parameters") or ()]
    if not parameters:
        raise Mistake("cannot set output parameters because node is not expecting any raw parameters")
    known = {one.get("name"): one for one in parameters}
    for name, value in values.items():
        one = known.get(name)
        if one is None:
            raise Mistake(f"node is not expecting output parameter '{name}'")
        if "supplied" not in (one.get("valueFrom") or {}):
            raise Mistake(
                f"cannot set output parameter '{name}' because it does not use valueFrom.raw or it was "
                "already set"
            )
        del one["valueFrom"]
        one["value"] = value
    return parameters
