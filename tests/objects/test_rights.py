"""RBAC as upstream decides it: who has which rule, what a rule allows, what nobody may grant."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pinnace.controllers.built_in import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    NAMESPACE,
    POD,
    ROLE,
    ROLE_BINDING,
    SECRET,
)
from pinnace.controllers.core import roles
from pinnace.kinds.catalogue import Catalogue
from pinnace.objects.client import Identity, Options, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.objects.rights import policy
from pinnace.objects.rights.rule import Asked, Rule, missing
from pinnace.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio
GROUP = "rbac.authorization.k8s.io"


def account(namespace: str, name: str) -> Identity:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return Identity(f"system:serviceaccount:{namespace}:{name}", groups)


@pytest.fixture
async def owner() -> AsyncIterator[Local]:
    store = SqliteStore.open(":memory:")
    client = Local.open(store, Catalogue.builtin())
    for name in ("a", "b"):
        await client.create(NAMESPACE, {"metadata": {"name": name}})
    await roles.bootstrap(client)
    yield client
    client.close()
    await store.close()


async def grant(owner: Local, namespace: str, subject: dict[str, str], role: str, kind: str = "Role") -> None:
    binding = {
        "metadata": {"generateName": "b-"}, "subjects": [subject],
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": role},
    }
    await owner.create(ROLE_BINDING, binding, namespace)


async def role(owner: Local, namespace: str, name: str, *rules: str) -> None:
    made = {"metadata": {"name": name}, "rules": [policy.rule(line) for line in rules]}
    await owner.create(ROLE, made, namespace)


async def refused(answer: object) -> StatusError:
    with pytest.raises(StatusError) as caught:
        await answer  # type: ignore[misc]
    return caught.value


async def test_an_account_may_what_its_role_grants_and_nothing_else(owner: Local) -> None:
    await role(owner, "a", "reader", "get,list : : configmaps")
    await grant(owner, "a", {"kind": "ServiceAccount", "name": "x"}, "reader")
    await owner.create(CONFIG_MAP, {"metadata": {"name": "c"}}, "a")
    x = owner.as_(account("a", "x"))
    assert (await x.get(CONFIG_MAP, "c", "a"))["metadata"]["name"] == "c"
    assert len((await x.list(CONFIG_MAP, "a")).items) == 1
    error = await refused(x.create(CONFIG_MAP, {"metadata": {"name": "d"}}, "a"))
    assert (error.code, error.reason) == (403, "Forbidden")
    assert error.message == (
        'configmaps is forbidden: User "system:serviceaccount:a:x" cannot create resource "configmaps" '
        'in API group "" in the namespace "a"'
    )
    for call in (x.get(CONFIG_MAP, "c", "b"), x.list(CONFIG_MAP), x.get(SECRET, "s", "a")):
        assert (await refused(call)).code == 403
    with pytest.raises(StatusError):
        x.watch(CONFIG_MAP, "a")
    assert (await refused(owner.as_(account("b", "x")).get(CONFIG_MAP, "c", "a"))).code == 403


async def test_a_right_that_is_taken_away_is_gone_at_once(owner: Local) -> None:
    await role(owner, "a", "reader", "list : : configmaps")
    await grant(owner, "a", {"kind": "Group", "name": "system:serviceaccounts:a"}, "reader")
    x = owner.as_(account("a", "x"))
    await x.list(CONFIG_MAP, "a")
    await owner.delete(ROLE, "reader", "a")
    assert (await refused(x.list(CONFIG_MAP, "a"))).code == 403
    await role(owner, "a", "reader", "list : : configmaps")
    await x.list(CONFIG_MAP, "a")
    binding = (await owner.list(ROLE_BINDING, "a")).items[0]
    await owner.delete(ROLE_BINDING, binding["metadata"]["name"], "a")
    assert (await refused(x.list(CONFIG_MAP, "a"))).code == 403


async def test_names_restrict_what_names_an_object(owner: Local) -> None:
    made = {"metadata": {"name": "one"}, "rules": [
        {"verbs": ["*"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["mine"]}
    ]}
    await owner.create(ROLE, made, "a")
    await grant(owner, "a", {"kind": "User", "name": "u"}, "one")
    user = owner.as_(Identity("u", ("system:authenticated",)))
    await owner.create(CONFIG_MAP, {"metadata": {"name": "mine"}}, "a")
    await user.get(CONFIG_MAP, "mine", "a")
    assert len((await user.list(CONFIG_MAP, "a", Selection(fields="metadata.name=mine"))).items) == 1
    assert (await refused(user.list(CONFIG_MAP, "a"))).code == 403
    assert (await refused(user.list(CONFIG_MAP, "a", Selection(fields="metadata.name!=mine")))).code == 403
    assert (await refused(user.get(CONFIG_MAP, "other", "a"))).code == 403
    assert (await refused(user.create(CONFIG_MAP, {"metadata": {"name": "mine"}}, "a"))).code == 403
    both = Selection(fields="metadata.name=mine,metadata.name=other")
    assert (await user.list(CONFIG_MAP, "a", both)).items == []


@pytest.mark.parametrize(
    ("line", "asked", "allowed"),
    [
        ("get : : pods", Asked("get", "", "pods", "a"), True),
        ("get : : pods", Asked("get", "", "pods", "a", "p", "log"), False),
        ("get : : pods/log", Asked("get", "", "pods", "a", "p", "log"), True),
        ("get : : pods/log", Asked("get", "", "pods", "a", "p"), False),
        ("get : : */scale", Asked("get", "", "pods", "a", "p", "scale"), True),
        ("get : : */scale", Asked("get", "", "pods", "a", "p"), False),
        ("* : * : *", Asked("anything", "x.y", "z", "a", "p", "q"), True),
        ("get : apps : *", Asked("get", "", "pods", "a"), False),
        ("get,list : : pods", Asked("watch", "", "pods", "a"), False),
        ("get : /x", Asked("get", "", "pods", "a"), False),
    ],
)
def test_a_rule_allows_what_it_says(line: str, asked: Asked, allowed: bool) -> None:
    assert Rule.of(policy.rule(line)).allows(asked) is allowed


@pytest.mark.parametrize(
    ("line", "path", "allowed"),
    [
        ("get : /apis/*", "/apis/x", True), ("get : /apis", "/apis/x", False), ("get : *", "/x", True),
        ("get : /apis", "/apis", True), ("post : /apis", "/apis", False), ("get : : pods", "/pods", False),
    ],
)
def test_paths_are_allowed_by_prefix(line: str, path: str, allowed: bool) -> None:
    assert Rule.of(policy.rule(line)).allows_path("get", path) is allowed


def test_what_is_missing_is_named_part_by_part() -> None:
    held = [Rule.of(policy.rule(line)) for line in ("get : : pods", "list : : pods", "get : : */status")]
    wanted = [Rule.of(policy.rule(line)) for line in ("get,list : : pods", "get,watch : : pods/status")]
    assert [str(rule) for rule in missing(held, wanted)] == [
        '{APIGroups:[""], Resources:["pods/status"], Verbs:["watch"]}'
    ]
    named = Rule(frozenset({"get"}), frozenset({""}), frozenset({"pods"}), frozenset({"x"}))
    assert missing([named], [Rule.of(policy.rule("get : : pods"))])
    assert not missing([Rule.of(policy.rule("get : : pods"))], [named])


async def test_nobody_grants_what_they_do_not_hold(owner: Local) -> None:
    await role(owner, "a", "granter", f"* : {GROUP} : roles,rolebindings", "get : : pods")
    # `*` holds escalate and bind as well; without them a granter is bound to what it has
    writing = f"create,update,get,patch : {GROUP} : roles,rolebindings"
    await role(owner, "b", "granter", writing, "get : : pods")
    for place in ("a", "b"):
        await grant(owner, place, {"kind": "User", "name": "u"}, "granter")
    user = owner.as_(Identity("u", ("system:authenticated",)))
    every = {"metadata": {"name": "every"}, "rules": [policy.rule("* : * : *")]}
    await user.create(ROLE, every, "a")
    error = await refused(user.create(ROLE, every, "b"))
    assert error.message == (
        f'roles.{GROUP} "every" is forbidden: user "u" (groups=["system:authenticated"]) is attempting to '
        'grant RBAC permissions not currently held:\n{APIGroups:["*"], Resources:["*"], Verbs:["*"]}'
    )
    await user.create(ROLE, {"metadata": {"name": "small"}, "rules": [policy.rule("get : : pods")]}, "b")
    grown = {"metadata": {"name": "small"}, "rules": [policy.rule("get,list : : pods")]}
    assert (await refused(user.update(ROLE, grown, "b"))).code == 403
    assert (await refused(user.patch(ROLE, "small", "b", {"rules": grown["rules"]}, "merge"))).code == 403
    assert (await refused(user.apply(ROLE, "small", "b", {
        "apiVersion": f"{GROUP}/v1", "kind": "Role", **grown}, Options(force=True)))).code == 403
    admin: dict[str, Any] = {"metadata": {"name": "me"}, "subjects": [{"kind": "User", "name": "u"}],
             "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": "cluster-admin"}}
    assert (await refused(user.create(ROLE_BINDING, admin, "b"))).code == 403
    assert (await refused(user.create(CLUSTER_ROLE_BINDING, admin))).code == 403
    with pytest.raises(StatusError, match="not found"):
        await user.create(ROLE_BINDING, {**admin, "roleRef": {**admin["roleRef"], "name": "nobody"}}, "b")


async def test_a_binding_keeps_its_role(owner: Local) -> None:
    await grant(owner, "a", {"kind": "User", "name": "u"}, "view", "ClusterRole")
    binding = (await owner.list(ROLE_BINDING, "a")).items[0]
    changed = {**binding, "roleRef": {**binding["roleRef"], "name": "edit"}}
    assert "cannot change roleRef" in (await refused(owner.update(ROLE_BINDING, changed, "a"))).message


async def test_the_default_roles_mean_what_they_mean_on_a_cluster(owner: Local) -> None:
    for name in ("view", "edit", "admin"):
        await grant(owner, "a", {"kind": "User", "name": name}, name, "ClusterRole")
    may = owner.house.authoriser.may
    def can(user: str, verb: str, plural: str, group: str = "", place: str = "a", part: str = "") -> bool:
        return may(Identity(user), Asked(verb, group, plural, place, "", part))
    assert can("view", "list", "pods")
    assert not can("view", "get", "secrets")
    assert not can("view", "create", "pods")
    assert can("view", "get", "workflows", "argoproj.io")
    assert can("edit", "get", "secrets")
    assert can("edit", "create", "pods", part="exec")
    assert can("edit", "create", "serviceaccounts", part="token")
    assert not can("edit", "create", "rolebindings", GROUP)
    assert can("admin", "create", "rolebindings", GROUP)
    assert not can("admin", "update", "resourcequotas")
    assert not can("admin", "get", "pods", place="b")
    assert not can("admin", "list", "nodes", place="")


async def test_aggregated_roles_follow_their_labels(owner: Local) -> None:
    label = {f"{GROUP}/aggregate-to-view": "true"}
    more = {"metadata": {"name": "more", "labels": label}, "rules": [policy.rule("get : x.y : z")]}
    await owner.create(CLUSTER_ROLE, more)
    controller = roles.AggregatedRoles(owner)
    for _ in range(3):
        await controller.reconcile(roles.ALL)
    for name in ("view", "edit", "admin"):
        assert policy.rule("get : x.y : z") in (await owner.get(CLUSTER_ROLE, name))["rules"]
    await owner.delete(CLUSTER_ROLE, "more")
    for _ in range(3):
        await controller.reconcile(roles.ALL)
    assert policy.rule("get : x.y : z") not in (await owner.get(CLUSTER_ROLE, "admin"))["rules"]


async def test_bootstrap_mends_what_was_removed_and_leaves_what_was_added(owner: Local) -> None:
    await owner.delete(CLUSTER_ROLE, "system:discovery")
    basic = await owner.get(CLUSTER_ROLE, "system:basic-user")
    await owner.update(CLUSTER_ROLE, {**basic, "rules": [policy.rule("get : : pods")]})
    await roles.bootstrap(owner)
    assert await owner.get(CLUSTER_ROLE, "system:discovery")
    rules = (await owner.get(CLUSTER_ROLE, "system:basic-user"))["rules"]
    assert policy.rule("get : : pods") in rules
    assert len(rules) == 3
    before = owner.house.store.rv
    await roles.bootstrap(owner)
    assert owner.house.store.rv == before


async def test_a_check_costs_microseconds(owner: Local) -> None:
    await grant(owner, "a", {"kind": "User", "name": "u"}, "admin", "ClusterRole")
    for number in range(300):
        await grant(owner, "a", {"kind": "User", "name": f"u{number}"}, "edit", "ClusterRole")
    allow = owner.house.authoriser.allow
    user, masters = Identity("u", ("system:authenticated",)), Identity("m", ("system:masters",))
    for identity, budget in ((masters, 5e-6), (user, 50e-6)):
        allow(identity, "get", POD, "a", "x", "")
        asked = (identity, "escalate", POD, "a", "x", "")
        assert min(_timed(lambda asked=asked: allow(*asked)) for _ in range(20)) < budget


def _timed(call: object) -> float:
    began = time.perf_counter()
    for _ in range(100):
        call()  # type: ignore[operator]
    return (time.perf_counter() - began) / 100
