"""What was collected of a pod becomes its node's outputs; artifacts are remembered by their keys.

Caller: `leaves`, when the pod has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinnace.controllers.workflow import components, locations
from pinnace.controllers.workflow.scope import Scope
from pinnace.controllers.workflow.status import Report
from pinnace.controllers.workflow.tags import Text, compile_tree
from pinnace.controllers.workflow.transfers import LOG_FILE, LOGS, key_prefix
from pinnace.kinds.argo import Parameter
from pinnace.kinds.resource import Obj

if TYPE_CHECKING:
    from pinnace.controllers.workflow.leaves import Pod


def outputs(frame: Pod, report: Report) -> Obj | None:
    """The node's outputs of what was collected; artifacts are remembered by their keys."""
    program = frame.program
    assert program is not None
    if program.component is not None:
        return components.outputs(frame, report)
    collected = report.outputs or {}
    made: Obj = {}
    declared = program.template.outputs
    if declared.parameters or declared.artifacts:
        scope = frame.scope()
        parameters = _collected(declared.parameters, collected.get("parameters") or {}, scope)
        artifacts = [
            found
            for document in declared.artifacts
            if (found := _kept(frame, document, collected.get("artifacts") or {}, scope)) is not None
        ]
        if parameters:
            made["parameters"] = parameters
        if artifacts:
            made["artifacts"] = artifacts
    if LOGS in (collected.get("artifacts") or ()):
        made["artifacts"] = [*(made.get("artifacts") or ()), _log(frame, collected["artifacts"][LOGS])]
    if collected.get("result") is not None:
        made["result"] = collected["result"]
    if report.exit_code is not None:
        made["exitCode"] = report.exit_code
    return made or None


def _log(frame: Pod, found: Obj) -> Obj:
    """The main container's log as an artifact; upstream's calls it so."""
    run = frame.run
    assert frame.program is not None
    document = {"name": LOG_FILE, "archive": {"none": {}}}
    location = locations.target(document, run.depot, frame.program.template, key_prefix(frame))
    if key := locations.own_key(location, run.depot):
        run.keep_artifact(key, {**found, "own": True})
    return {"name": LOGS, **location}


def _collected(declared: list[Parameter], values: dict[str, str], scope: Scope) -> list[Obj]:
    found: list[Obj] = []
    for parameter in declared:
        value = values.get(parameter.name)
        if value is None:
            continue
        item: Obj = {"name": parameter.name, "value": value}
        if parameter.global_name:
            item["globalName"] = Text.of(parameter.global_name).render(scope)
        if parameter.value_from is not None:
            item["valueFrom"] = {"path": Text.of(parameter.value_from.path).render(scope)}
        found.append(item)
    return found


def _kept(frame: Pod, declared: Obj, collected: Obj, scope: Scope) -> Obj | None:
    name = str(declared.get("name", ""))
    found = collected.get(name)
    if found is None:
        return None
    render = compile_tree(declared)
    shown: Obj = render(scope) if render is not None else declared
    run = frame.run
    assert frame.program is not None
    location = locations.target(shown, run.depot, frame.program.template, key_prefix(frame))
    item: Obj = {"name": name, "path": shown.get("path", ""), **location}
    if key := locations.own_key(item, run.depot):
        item = {"name": name, "path": shown.get("path", ""), "s3": {"key": key}}
        run.keep_artifact(key, found if locations.key_of(shown) else {**found, "own": True})
    for field in ("globalName", "optional", "archive", "artifactGC"):
        if shown.get(field) is not None:
            item[field] = shown[field]
    return item
