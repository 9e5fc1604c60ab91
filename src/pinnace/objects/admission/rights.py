"""Roles and bindings: defaults, and what upstream refuses. Who may write them is `objects.rights.escalation`.

Source: kubernetes pkg/apis/rbac/v1/defaults.go and pkg/apis/rbac/validation/validation.go.
"""

from __future__ import annotations

from typing import Any

from pinnace.kinds import cause, names
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj
from pinnace.objects.admission.rules import Rules

GROUP = "rbac.authorization.k8s.io"
Map = dict[str, Any]
_KINDS = ("ServiceAccount", "User", "Group")


def default_binding(binding: Obj) -> None:
    reference = binding.get("roleRef")
    if isinstance(reference, dict):
        reference["apiGroup"] = reference.get("apiGroup") or GROUP
    for subject in binding.get("subjects") or ():
        if subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = subject.get("apiGroup") or GROUP


def check_role(role: Obj) -> list[Cause]:
    return _rules(role, namespaced=True)


def check_cluster_role(role: Obj) -> list[Cause]:
    found = _rules(role, namespaced=False)
    aggregation = role.get("aggregationRule")
    if aggregation is not None and not aggregation.get("clusterRoleSelectors"):
        words = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        found.append(cause.required("aggregationRule.clusterRoleSelectors", words))
    return found


def _rules(role: Obj, *, namespaced: bool) -> list[Cause]:
    return [
        one for index, rule in enumerate(role.get("rules") or ())
        for one in _rule(rule, f"rules[{index}]", namespaced=namespaced)
    ]


def _rule(rule: Map, path: str, *, namespaced: bool) -> list[Cause]:
    found: list[Cause] = []
    if not rule.get("verbs"):
        found.append(cause.required(f"{path}.verbs", "verbs must contain at least one value"))
    urls = rule.get("nonResourceURLs")
    if urls:
        at = f"{path}.nonResourceURLs"
        if namespaced:
            found.append(cause.invalid(at, urls, "namespaced rules cannot apply to non-resource URLs"))
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            words = "rules cannot apply to both regular resources and non-resource URLs"
            found.append(cause.invalid(at, urls, words))
        return found
    if not rule.get("apiGroups"):
        found.append(cause.required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        found.append(cause.required(f"{path}.resources", "resource rules must supply at least one resource"))
    return found


def check_binding(binding: Obj) -> list[Cause]:
    return _binding(binding, ("Role", "ClusterRole"))


def check_cluster_binding(binding: Obj) -> list[Cause]:
    return _binding(binding, ("ClusterRole",))


def _binding(binding: Obj, kinds: tuple[str, ...]) -> list[Cause]:
    reference, found = binding.get("roleRef") or {}, []
    if reference.get("apiGroup") != GROUP:
        found.append(cause.unsupported("roleRef.apiGroup", reference.get("apiGroup") or "", (GROUP,)))
    if reference.get("kind") not in kinds:
        found.append(cause.unsupported("roleRef.kind", reference.get("kind") or "", kinds))
    if not reference.get("name"):
        found.append(cause.required("roleRef.name"))
    for index, subject in enumerate(binding.get("subjects") or ()):
        found += _subject(subject, f"subjects[{index}]", namespaced=len(kinds) > 1)
    return found


def _subject(subject: Map, path: str, *, namespaced: bool) -> list[Cause]:
    kind, name, group = subject.get("kind"), subject.get("name") or "", subject.get("apiGroup") or ""
    found: list[Cause] = []
    if not name:
        found.append(cause.required(f"{path}.name"))
    if kind == "ServiceAccount":
        wrong = names.subdomain(name) if name else []
        found += [cause.invalid(f"{path}.name", name, words) for words in wrong]
        if group:
            found.append(cause.unsupported(f"{path}.apiGroup", group, ("",)))
        if not namespaced and not subject.get("namespace"):
            found.append(cause.required(f"{path}.namespace"))
    elif kind in ("User", "Group"):
        if group != GROUP:
            found.append(cause.unsupported(f"{path}.apiGroup", group, (GROUP,)))
    else:
        found.append(cause.unsupported(f"{path}.kind", kind or "", _KINDS))
    return found


def change_binding(old: Obj, new: Obj) -> list[Cause]:
    if old.get("roleRef") != new.get("roleRef"):
        return [cause.invalid("roleRef", new.get("roleRef"), "cannot change roleRef")]
    return []


ROLE = Rules(check=check_role)
CLUSTER_ROLE = Rules(check=check_cluster_role)
BINDING = Rules(default=default_binding, check=check_binding, change=change_binding)
CLUSTER_BINDING = Rules(default=default_binding, check=check_cluster_binding, change=change_binding)
