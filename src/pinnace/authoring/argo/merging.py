"""Documents over documents: `templateDefaults` under a template; under a workflow its WorkflowTemplate, and
under both the controller's `workflowDefaults`.

Pure. Lists whose items have names are merged by them, others replaced, as upstream's strategic merge does.
Source: argoproj/argo-workflows workflow/util/merge.go. Callers: the engine, `validation`.
"""

from __future__ import annotations

from typing import Any

from pinnace.kinds.resource import Obj

KINDS = frozenset({
    "container", "containerSet", "script", "steps", "dag", "resource", "suspend", "data", "http", "plugin",
})
NAMED = {
    "templates": "name", "volumes": "name", "imagePullSecrets": "name", "hostAliases": "ip", "env": "name",
    "volumeMounts": "mountPath", "sidecars": "name", "initContainers": "name", "parameters": "name",
    "artifacts": "name", "containers": "name",
}
"""Field → what its items are told apart by."""
APART = ("hooks", "arguments", "workflowMetadata", "suspend")
"""Fields of a workflow's spec with rules of their own."""


def overlay(under: Any, over: Any) -> Any:
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    made = dict(under)
    for key, value in over.items():
        if key not in under:
            made[key] = value
        elif key in NAMED and isinstance(value, list) and isinstance(under[key], list):
            made[key] = _items(under[key], value, NAMED[key])
        else:
            made[key] = overlay(under[key], value)
    return made


def _items(under: list[Any], over: list[Any], name: str) -> list[Any]:
    if not all(isinstance(one, dict) and name in one for one in (*under, *over)):
        return over
    found = {one[name]: one for one in under}
    for one in over:
        found[one[name]] = overlay(found[one[name]], one) if one[name] in found else one
    return list(found.values())


def merged(defaults: Obj | None, raw: Obj) -> Obj:
    """A default of another template type does not apply."""
    if not defaults:
        return raw
    kept = {key: value for key, value in defaults.items() if key not in KINDS or raw.get(key) is not None}
    return dict(overlay(kept, raw))


def joined(own: Obj, *beneath: Obj) -> Obj:
    """A workflow's spec over others, what comes first above what comes later. Its `suspend` is its own."""
    made = dict(own)
    for under in beneath:
        made = _joined(under, made)
    return made


def _joined(under: Obj, over: Obj) -> Obj:
    plain = {key: value for key, value in under.items() if key not in APART}
    made: Obj = overlay(plain, {key: value for key, value in over.items() if key not in APART})
    if "suspend" in over:
        made["suspend"] = over["suspend"]
    hooks = {**(under.get("hooks") or {}), **(over.get("hooks") or {})}
    if hooks:
        made["hooks"] = hooks
    metadata = _metadata(under.get("workflowMetadata") or {}, over.get("workflowMetadata") or {})
    if metadata:
        made["workflowMetadata"] = metadata
    arguments = {key: named(under, over, key) for key in ("parameters", "artifacts")}
    if any(arguments.values()):
        made["arguments"] = {key: found for key, found in arguments.items() if found}
    return made


def _metadata(under: Obj, over: Obj) -> Obj:
    made = {**under, **over}
    for key in ("labels", "annotations", "labelsFrom"):
        if under.get(key) or over.get(key):
            made[key] = {**(under.get(key) or {}), **(over.get(key) or {})}
    return made


def named(base: Obj, own: Obj, key: str) -> list[Obj]:
    """Arguments by their name. Where a value and a source stand in different places, the upper one counts."""
    found = {item.get("name"): item for item in (base.get("arguments") or {}).get(key) or []}
    for item in (own.get("arguments") or {}).get(key) or []:
        under = found.get(item.get("name")) or {}
        if "value" in item or "valueFrom" in item:
            under = {name: value for name, value in under.items() if name not in ("value", "valueFrom")}
        found[item.get("name")] = {**under, **item}
    return list(found.values())


def born(workflow: Obj, defaults: Obj | None) -> Obj:
    """A new Workflow with the controller's `workflowDefaults` beneath; one that refers to a WorkflowTemplate
    gets their spec beneath that one's."""
    if not defaults:
        return workflow
    meta, usual = workflow["metadata"], defaults.get("metadata") or {}
    made = dict(meta)
    for key in ("labels", "annotations"):
        if usual.get(key):
            made[key] = {**usual[key], **(meta.get(key) or {})}
    spec = workflow.get("spec") or {}
    if not spec.get("workflowTemplateRef"):
        spec = joined(spec, defaults.get("spec") or {})
    return {**workflow, "metadata": made, "spec": spec}
