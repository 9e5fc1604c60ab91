"""Which rules an identity has in a namespace: roles and bindings by subject, in step with the store.

Used by `authorisation` only. Nothing is read before somebody else than the owner asks. Then what is bound is
kept by subject; a change of a role or binding drops what was worked out, and the changed object is read anew
at the next question. Invariant: the store tells its listeners before a commit is answered, so a right that
was taken away is gone once its taking is answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pinnace.kinds.resource import Obj
from pinnace.objects.client import Identity
from pinnace.objects.rights.rule import Rule
from pinnace.store.interface import Event, Store

GROUP = "rbac.authorization.k8s.io"
ROLES, CLUSTER_ROLES = f"roles.{GROUP}", f"clusterroles.{GROUP}"
BINDINGS, CLUSTER_BINDINGS = f"rolebindings.{GROUP}", f"clusterrolebindings.{GROUP}"
KEYS = frozenset({ROLES, CLUSTER_ROLES, BINDINGS, CLUSTER_BINDINGS})
ACCOUNT = "system:serviceaccount:"
REMEMBERED = 2000
Place = tuple[str, str, str]
Subject = tuple[str, str]


class Grant(NamedTuple):
    """A rule and the binding by which somebody has it."""

    rule: Rule
    why: str


class Binding(NamedTuple):
    place: Place
    role: Place
    subjects: dict[Subject, str]
    """Subject → how it is named in the reason of an answer."""


class Register:
    def __init__(self, store: Store) -> None:
        self.store = store
        self._read = False
        self._changed: set[Place] = set()
        self._roles: dict[Place, tuple[Rule, ...]] = {}
        self._bindings: dict[Place, Binding] = {}
        self._bound: dict[tuple[str, Subject], dict[Place, Binding]] = {}
        """(namespace, '' for the cluster, and subject) → what is bound there."""
        self._grants: dict[tuple[str, tuple[str, ...], str], tuple[Grant, ...]] = {}
        store.listen(self._told)

    def grants(self, identity: Identity, namespace: str) -> tuple[Grant, ...]:
        """All that the identity may do in a namespace (''; cluster-wide), the cluster's bindings first."""
        if self._changed or not self._read:
            self._refresh()
        key = (identity.user, identity.groups, namespace)
        found = self._grants.get(key)
        if found is None:
            if len(self._grants) >= REMEMBERED:
                self._grants.clear()
            found = self._grants[key] = tuple(self._worked_out(identity, namespace))
        return found

    def role(self, place: Place) -> tuple[Rule, ...] | None:
        """The rules of a role as it stands; None: there is none."""
        if self._changed or not self._read:
            self._refresh()
        return self._roles.get(place)

    def lost(self, identity: Identity, namespace: str) -> list[str]:
        """Roles that bindings of this identity name and that do not exist."""
        self.grants(identity, namespace)
        return [
            f'{binding.role[0]} "{binding.role[2]}" not found'
            for binding, _ in self._bindings_of(identity, namespace) if binding.role not in self._roles
        ]

    def _worked_out(self, identity: Identity, namespace: str) -> Iterable[Grant]:
        for binding, subject in self._bindings_of(identity, namespace):
            for rule in self._roles.get(binding.role, ()):
                yield Grant(rule, _why(binding, subject))

    def _bindings_of(self, identity: Identity, namespace: str) -> Iterable[tuple[Binding, str]]:
        subjects = [("User", identity.user), *(("Group", name) for name in identity.groups)]
        for place in ("", namespace) if namespace else ("",):
            for subject in subjects:
                for binding in self._bound.get((place, subject), {}).values():
                    yield binding, binding.subjects[subject]

    def _told(self, events: Sequence[Event]) -> None:
        if not self._read:
            return
        for event in events:
            if event.resource in KEYS:
                self._changed.add((event.resource, event.namespace, event.name))

    def _refresh(self) -> None:
        if not self._read:
            self._read = True
            self._changed = {
                (key, obj["metadata"].get("namespace") or "", obj["metadata"]["name"])
                for key in KEYS for obj in self.store.list(key, None).items
            }
        changed, self._changed = self._changed, set()
        self._grants.clear()
        for place in changed:
            obj = self.store.get(*place)
            if place[0] in (ROLES, CLUSTER_ROLES):
                self._take_role(place, obj)
            else:
                self._take_binding(place, obj)

    def _take_role(self, place: Place, obj: Obj | None) -> None:
        if obj is None:
            self._roles.pop(place, None)
        else:
            self._roles[place] = tuple(map(Rule.of, obj.get("rules") or ()))

    def _take_binding(self, place: Place, obj: Obj | None) -> None:
        old = self._bindings.pop(place, None)
        for subject in old.subjects if old else ():
            held = self._bound[(place[1], subject)]
            del held[place]
            if not held:
                del self._bound[(place[1], subject)]
        if obj is not None:
            new = self._bindings[place] = Binding(place, role_of(obj), _subjects(obj))
            for subject in new.subjects:
                self._bound.setdefault((place[1], subject), {})[place] = new


def role_of(binding: Obj) -> Place:
    """Where the role of a binding stands."""
    reference = binding.get("roleRef") or {}
    name = str(reference.get("name") or "")
    if reference.get("kind") == "Role":
        return (ROLES, binding["metadata"].get("namespace") or "", name)
    return (CLUSTER_ROLES, "", name)


def account(namespace: str, name: str) -> str:
    """The user name of a service account."""
    return f"{ACCOUNT}{namespace}:{name}"


def _subjects(binding: Obj) -> dict[Subject, str]:
    found: dict[Subject, str] = {}
    for one in binding.get("subjects") or ():
        kind, name = one.get("kind", ""), one.get("name", "")
        if kind == "ServiceAccount":
            namespace = one.get("namespace") or binding["metadata"].get("namespace") or ""
            if namespace:
                found["User", account(namespace, name)] = f'ServiceAccount "{name}/{namespace}"'
        elif kind in ("User", "Group"):
            found[kind, name] = f'{kind} "{name}"'
    return found


def _why(binding: Binding, subject: str) -> str:
    key, namespace, name = binding.place
    kind = "RoleBinding" if key == BINDINGS else "ClusterRoleBinding"
    role = "Role" if binding.role[0] == ROLES else "ClusterRole"
    shown = f"{name}/{namespace}" if namespace else name
    return f'RBAC: allowed by {kind} "{shown}" of {role} "{binding.role[2]}" to {subject}'
