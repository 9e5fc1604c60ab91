"""From a template to a Pod.

Caller: `leaves`, when a node starts. What must be staged and collected stands in the annotation
`pinnace.dev/staging`; `controllers/pods` reads it and answers with `pinnace.dev/outputs` (`collecting`).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.controllers.workflow import components, container_set, locations
from pinnace.controllers.workflow.blueprint import Blueprint, blueprint, pod_document
from pinnace.controllers.workflow.patch import Misfit, patched
from pinnace.controllers.workflow.scope import Scope
from pinnace.controllers.workflow.status import NODE_ID
from pinnace.controllers.workflow.tags import Text
from pinnace.controllers.workflow.transfers import depot_of, transferred, where
from pinnace.kinds import reserved
from pinnace.kinds.annotations import PRIORITY, STAGING, TRANSFERS
from pinnace.kinds.argo import DOMAIN, Template, text
from pinnace.kinds.document import from_yaml
from pinnace.kinds.resource import Obj

if TYPE_CHECKING:
    from pinnace.controllers.workflow.leaves import Pod


def manifest(frame: Pod) -> Obj:
    """The Pod of a node that starts now. Raises what rendering raises."""
    run, program = frame.run, frame.program
    assert program is not None
    if program.component is not None:
        return components.manifest(frame, partial(_of_component, frame))
    plan: Blueprint | None = program.blueprint
    if plan is None:
        plan = program.blueprint = blueprint(program, run.spec, run.name, run.isolation, run.depot)
    document, spec = plan.document, plan.document["spec"]
    if plan.render is not None or plan.render_spec is not None:
        scope = _scope(frame, plan)
        document = document if plan.render is None else plan.render(scope)
        spec = spec if plan.render_spec is None else plan.render_spec(scope)
    if plan.special:
        spec = _special(spec, document["patches"])
    pod = _pod(frame, document, spec, _staging(frame, plan, document))
    if plan.status is not None:
        pod["status"] = plan.status
    return pod


def _of_component(frame: Pod, template: Template, staged: Obj) -> Obj:
    """Nothing in it is a tag: users' programs may hold what looks like one."""
    run = frame.run
    document = pod_document(template, run.spec, run.name, run.isolation)
    return _pod(frame, document, document["spec"], _encode(frame, {**document, **staged}, False))


def _pod(frame: Pod, document: Obj, spec: Obj, staging: str) -> Obj:
    run, node = frame.run, frame.node
    annotations = {
        NODE_ID: node.id,
        "workflows.argoproj.io/node-name": node.name,
        "kubectl.kubernetes.io/default-container": "main",
        STAGING: staging,
    }
    if document["sends"] or frame.inputs.artifacts:
        transfers = transferred(frame, document["sends"])
        if transfers:
            annotations[TRANSFERS] = transfers
    if run.spec.priority:
        annotations[PRIORITY] = str(run.spec.priority)
    if document["annotations"]:
        annotations |= reserved.without(document["annotations"])
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": frame.name,
            "namespace": run.namespace,
            "labels": {**document["labels"], **run.pod_labels} if document["labels"] else run.pod_labels,
            "annotations": annotations,
            "ownerReferences": run.owner_references,
        },
        "spec": spec,
    }


def _special(spec: Obj, patches: list[str]) -> Obj:
    """The spec of a pod with a deadline, which may have been a tag, or with patches."""
    if "activeDeadlineSeconds" in spec:
        seconds = _whole(spec["activeDeadlineSeconds"], "activeDeadlineSeconds")
        spec = {**spec, "activeDeadlineSeconds": seconds}
    if patches:
        try:
            spec = patched(spec, [_parsed(patch) for patch in patches])
        except Misfit as misfit:
            raise ExpressionError(str(misfit)) from None
    return spec


def _scope(frame: Pod, plan: Blueprint) -> Scope:
    program, node, run = frame.program, frame.node, frame.run
    assert program is not None
    extra: dict[str, str] | None = None
    if plan.uses_own:
        extra = {"node.name": node.name, "pod.name": frame.name}
        extra |= _paths(program.template, Scope(run.globals, frame.inputs.parameters, frame.inputs.artifacts))
    if frame.call.retry:
        extra = {**(extra or {}), **frame.call.retry}
    return Scope(
        run.globals, frame.inputs.parameters, frame.inputs.artifacts, item=frame.call.item, extra=extra
    )


def _paths(template: Template, scope: Scope) -> dict[str, str]:
    """`outputs.….path`: a path may name the template's own inputs."""
    found = {
        f"outputs.parameters.{parameter.name}.path": parameter.value_from.path
        for parameter in template.outputs.parameters
        if parameter.value_from is not None and parameter.value_from.path
    }
    for artifact in template.outputs.artifacts:
        if artifact.get("path"):
            found[f"outputs.artifacts.{artifact.get('name')}.path"] = artifact["path"]
    return {name: Text.of(path).render(scope) if "{{" in path else path for name, path in found.items()}


def _whole(value: Any, field: str) -> int:
    try:
        return int(text(value))
    except ValueError:
        raise ExpressionError(f"{field} is not a whole number: {text(value)!r}") from None


def _parsed(patch: str) -> Obj:
    import yaml

    try:
        found = from_yaml(patch)
    except yaml.YAMLError as error:
        raise ExpressionError(f"podSpecPatch is neither JSON nor YAML: {error}") from None
    if not isinstance(found, dict):
        raise ExpressionError("podSpecPatch is not a map of Pod spec fields")
    return found


def _staging(frame: Pod, plan: Blueprint, document: Obj) -> str:
    wanted = frame.run.wants_result(frame)
    if plan.shares_staging and not frame.inputs.artifacts:
        shared = plan.shared_staging.get(wanted)
        if shared is None:
            shared = plan.shared_staging[wanted] = _encode(frame, document, wanted)
        return shared
    return _encode(frame, document, wanted)


def _encode(frame: Pod, document: Obj, result: bool) -> str:
    made: Obj = {
        "inputs": [
            staged
            for item in frame.inputs.artifacts.values()
            if item.get("path") and (staged := _staged(frame, item)) is not None
        ],
        "outputs": {"result": result, **document["outputs"]},
        "main": "main",
    }
    if document.get("set"):
        made["main"], made["set"] = "", container_set.settled(document["set"])
    for key in ("script", "folders", "requirements", "progress"):
        if document.get(key):
            made[key] = document[key]
    return msgspec.json.encode(made).decode()


def _staged(frame: Pod, artifact: Obj) -> Obj | None:
    """None: it lies elsewhere (`_transferred`), or is an optional one that nobody made."""
    made: Obj = {key: artifact[key] for key in ("name", "path", "mode") if artifact.get(key) is not None}
    if artifact.get("recurseMode"):
        made["recurse"] = True
    if artifact.get("raw") is not None:
        made["raw"] = text(artifact["raw"].get("data", ""))
        return made
    if not locations.own_key(artifact, depot_of(frame)):
        return None
    found = frame.run.facts.ask(where(artifact))
    return None if found is None else {**made, "digest": found["digest"]}


def pod_labels(workflow: str, extra: dict[str, str]) -> dict[str, str]:
    return {f"{DOMAIN}workflow": workflow, f"{DOMAIN}completed": "false", **extra}
