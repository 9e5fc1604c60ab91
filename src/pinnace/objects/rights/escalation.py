"""Nobody grants what they do not hold: asked at every write of a role or binding.

Called by `Local` before the commit. Source: kubernetes pkg/registry/rbac/{role,clusterrole,rolebinding,
clusterrolebinding}/policybased/storage.go and pkg/registry/rbac/escalation_check.go.
"""

from __future__ import annotations

from typing import Any, Protocol

from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import refusals
from pinnace.objects.client import Identity
from pinnace.objects.document import name_of
from pinnace.objects.errors import StatusError
from pinnace.objects.rights.register import (
    BINDINGS,
    CLUSTER_BINDINGS,
    CLUSTER_ROLES,
    GROUP,
    KEYS,
    ROLES,
    Place,
    role_of,
)
from pinnace.objects.rights.rule import EVERYTHING, Asked, Rule, missing


class Judge(Protocol):
    """What the check asks of the authoriser."""

    def may(self, identity: Identity, asked: Asked) -> bool: ...

    def held(self, identity: Identity, namespace: str) -> list[Rule]: ...

    def role(self, place: Place) -> tuple[Rule, ...] | None: ...


def check(judge: Judge, identity: Identity, resource: Resource, old: Obj | None, new: Obj) -> None:
    """StatusError 403 names the rules that the writer does not hold."""
    if resource.key not in KEYS or "system:masters" in identity.groups:
        return
    if resource.key in (ROLES, CLUSTER_ROLES):
        _role(judge, identity, resource, old, new)
    elif resource.key in (BINDINGS, CLUSTER_BINDINGS):
        _binding(judge, identity, resource, old, new)


def _role(judge: Judge, identity: Identity, resource: Resource, old: Obj | None, new: Obj) -> None:
    place = new["metadata"].get("namespace") or ""
    if old is not None and all(_same(old.get(key), new.get(key)) for key in ("rules", "aggregationRule")):
        return
    if judge.may(identity, Asked("escalate", GROUP, resource.plural, place, name_of(new))):
        return
    held = judge.held(identity, place)
    if new.get("aggregationRule") and missing(held, EVERYTHING):
        raise refusals.forbidden(
            resource, name_of(new), "must have cluster-admin privileges to use the aggregationRule"
        )
    _covered(identity, resource, new, held, map(Rule.of, new.get("rules") or ()))


def _binding(judge: Judge, identity: Identity, resource: Resource, old: Obj | None, new: Obj) -> None:
    same = old is not None and all(_same(old.get(key), new.get(key)) for key in ("subjects", "roleRef"))
    if same:
        return
    place = new["metadata"].get("namespace") or ""
    role = role_of(new)
    if judge.may(identity, Asked("bind", GROUP, role[0].partition(".")[0], place, role[2])):
        return
    rules = judge.role(role)
    if rules is None:
        kind = "clusterroles" if role[0] == CLUSTER_ROLES else "roles"
        raise _not_found(kind, role[2])
    _covered(identity, resource, new, judge.held(identity, place), rules)


def _covered(identity: Identity, resource: Resource, new: Obj, held: list[Rule], granted: Any) -> None:
    lacking = missing(held, granted)
    if lacking:
        groups = " ".join(f'"{group}"' for group in identity.groups)
        told = "\n".join(sorted(map(str, lacking)))
        raise refusals.forbidden(
            resource, name_of(new),
            f'user "{identity.user}" (groups=[{groups}]) is attempting to grant RBAC permissions not '
            f"currently held:\n{told}",
        )


def _not_found(plural: str, name: str) -> StatusError:
    return StatusError(
        404, "NotFound", f'{plural}.{GROUP} "{name}" not found',
        details={"name": name, "group": GROUP, "kind": plural},
    )


def _same(one: Any, other: Any) -> bool:
    return (one or None) == (other or None)
