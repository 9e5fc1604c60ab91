"""The rights that a run's account needs on a cluster where accounts may nothing by themselves. Pure.

Here a namespace's default account may what upstream's quick-starts allow; elsewhere it may not. So the bundle
brings an account, a Role and a RoleBinding for each account that its workflows use. Sources: Argo's
docs/workflow-rbac.md (the executor reports results), docs/walk-through/kubernetes-resources.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pinnace.authoring.export.references import documents
from pinnace.kinds.resource import Obj

RBAC = "rbac.authorization.k8s.io/v1"
WORKFLOWS = frozenset({"Workflow", "WorkflowTemplate", "CronWorkflow", "ClusterWorkflowTemplate"})
EXECUTOR: Obj = {
    "apiGroups": ["argoproj.io"],
    "resources": ["workflowtaskresults"],
    "verbs": ["create", "patch"],
}
VERBS = {
    "create": ("create", "get", "list", "watch"), "apply": ("create", "get", "list", "patch", "watch"),
    "get": ("get", "list", "watch"), "patch": ("get", "list", "patch", "watch"),
    "replace": ("get", "list", "update", "watch"), "delete": ("delete", "get", "list", "watch"),
}  # fmt: skip
Plural = Callable[[str, str], str]
"""(apiVersion, kind) → the resource's plural."""


def accounts(obj: Obj) -> set[str]:
    """Accounts that a workflow's pods run as."""
    spec = obj.get("spec") or {}
    inner = spec.get("workflowSpec") or spec
    found = {
        str(t["serviceAccountName"]) for t in inner.get("templates") or () if t.get("serviceAccountName")
    }
    found.add(str(inner.get("serviceAccountName") or "default"))
    return {name for name in found if "{{" not in name}


def grants(objs: Iterable[Obj], part_of: str, plural: Plural, present: set[str]) -> list[Obj]:
    """Documents to add. `present`: accounts whose documents the bundle has already."""
    objs = [one for one in objs if one["kind"] in WORKFLOWS]
    if not objs:
        return []
    rules = [EXECUTOR, *_rules(objs, plural)]
    names = sorted({name for one in objs for name in accounts(one)})
    made: list[Obj] = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
        for name in names
        if name != "default" and name not in present
    ]
    role = f"{part_of}-run"
    made.append({"apiVersion": RBAC, "kind": "Role", "metadata": {"name": role}, "rules": rules})
    made.append({
        "apiVersion": RBAC, "kind": "RoleBinding", "metadata": {"name": role},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": name} for name in names],
    })  # fmt: skip
    return made


def _rules(objs: list[Obj], plural: Plural) -> list[Obj]:
    verbs: dict[tuple[str, str], set[str]] = {}
    for step in (step for obj in objs for step in resource_steps(obj)):
        asked = VERBS.get(str(step.get("action")), VERBS["apply"])
        for made in documents(str(step.get("manifest") or "")):
            api = str(made.get("apiVersion") or "v1")
            place = (api.rpartition("/")[0], plural(api, str(made["kind"])))
            verbs.setdefault(place, set()).update(asked)
    return [
        {"apiGroups": [group], "resources": [name], "verbs": sorted(asked)}
        for (group, name), asked in sorted(verbs.items())
    ]


def resource_steps(value: Any) -> Iterable[Obj]:
    if isinstance(value, list):
        for one in value:
            yield from resource_steps(one)
    elif isinstance(value, dict):
        step = value.get("resource")
        if isinstance(step, dict) and "action" in step:
            yield step
        for one in value.values():
            yield from resource_steps(one)
