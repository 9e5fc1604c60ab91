# ruff: noqa: E501 - an attack reads best on one line
"""Tokens and rights over HTTP and by kubectl: who one is, what one may, and what is not believed."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import httpx
import pytest

from tests.api.conftest import Stack

API = "/api/v1/namespaces"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
GROUP = "rbac.authorization.k8s.io"


class World:
    """A namespace with an account that may read config maps there."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.stack, self.name = stack, name
        self.owner = self.door(stack.token)
        self.post(API, {"metadata": {"name": name}})
        self.post(f"{API}/{name}/serviceaccounts", {"metadata": {"name": "robot"}})
        rules = [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["configmaps"]}]
        self.post(f"{RBAC}/namespaces/{name}/roles", {"metadata": {"name": "reader"}, "rules": rules})
        self.post(f"{RBAC}/namespaces/{name}/rolebindings", {
            "metadata": {"name": "reader"}, "subjects": [{"kind": "ServiceAccount", "name": "robot"}],
            "roleRef": {"kind": "Role", "name": "reader"},
        })

    def door(self, token: str, **headers: str) -> httpx.Client:
        sent = {"authorization": f"Bearer {token}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        return httpx.Client(base_url=self.stack.url, verify=False, headers=sent, timeout=30, trust_env=False)

    def post(self, path: str, body: Any) -> dict[str, Any]:
        answer = self.owner.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def token(self, account: str = "robot", **spec: Any) -> str:
        path = f"{API}/{self.name}/serviceaccounts/{account}/token"
        return str(self.post(path, {"spec": spec})["status"]["token"])

    def review(self, token: str, **spec: Any) -> dict[str, Any]:
        path = "/apis/authentication.k8s.io/v1/tokenreviews"
        return dict(self.post(path, {"spec": {"token": token, **spec}})["status"])


@pytest.fixture
def world(stack: Stack) -> World:
    return World(stack, f"w-{uuid.uuid4().hex[:8]}")


def test_a_token_may_what_its_account_may(world: World) -> None:
    robot = world.door(world.token())
    assert robot.get(f"{API}/{world.name}/configmaps").status_code == 200
    refused = robot.get(f"{API}/{world.name}/secrets")
    assert refused.status_code == 403
    assert refused.json()["message"] == (
        f'secrets is forbidden: User "system:serviceaccount:{world.name}:robot" cannot list resource "secrets" '
        f'in API group "" in the namespace "{world.name}"'
    )
    for path in (f"{API}/default/configmaps", f"{API}/kube-system/secrets", API, "/api/v1/secrets",
                 f"{API}/{world.name}/configmaps?watch=1"):
        assert robot.get(path).status_code == 403, path
    assert robot.get("/apis").status_code == 200
    for path in ("/metrics", "/pinnace/v1/status", "/debug"):
        assert robot.get(path).status_code in (403, 404), path
    assert robot.post("/pinnace/v1/signin").status_code == 403


def test_claims_are_upstreams(world: World) -> None:
    token = world.token(expirationSeconds=900, audiences=["vault"])
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    assert header["alg"] == "ES256"
    assert claims["aud"] == ["vault"]
    assert claims["exp"] - claims["iat"] == 900
    assert claims["sub"] == f"system:serviceaccount:{world.name}:robot"
    assert claims["kubernetes.io"]["serviceaccount"]["name"] == "robot"
    keys = world.owner.get("/openid/v1/jwks").json()["keys"]
    assert [key["kid"] for key in keys] == [header["kid"]]
    found = world.owner.get("/.well-known/openid-configuration").json()
    assert found["issuer"] == claims["iss"]
    assert found["jwks_uri"].endswith("/openid/v1/jwks")
    assert (world.stack.home.certificates / "sa.key").stat().st_mode & 0o777 == 0o600


def _forged(token: str, claims: dict[str, Any] | None = None, header: dict[str, Any] | None = None) -> str:
    def part(old: str, new: dict[str, Any] | None) -> str:
        if new is None:
            return old
        whole = {**json.loads(base64.urlsafe_b64decode(old + "==")), **new}
        return base64.urlsafe_b64encode(json.dumps(whole).encode()).decode().rstrip("=")

    first, second, third = token.split(".")
    return ".".join((part(first, header), part(second, claims), third))


def test_what_is_not_ours_is_not_believed(world: World) -> None:
    token = world.token()
    good = f"{API}/{world.name}/configmaps"
    assert world.door(token).get(good).status_code == 200
    first, second, third = token.split(".")
    none = _forged(token, header={"alg": "none"})
    for forged in (
        none, none.rpartition(".")[0] + ".", _forged(token, header={"alg": "HS256"}),
        _forged(token, {"sub": "system:serviceaccount:kube-system:admin"}), _forged(token, {"exp": 99999999999}),
        f"{first}.{second}.", f"{first}.{second}.{'A' * 86}", f"{first}.{second}", f"{token}x", f"{token}.x",
        f"..{third}", "...", "a.b.c", "é.é.é", f"{first}.{second}.{third[:-1]}{'B' if third[-1] != 'B' else 'C'}",
        world.token(audiences=["vault"]),
    ):
        headers = {b"authorization": f"Bearer {forged}".encode()}
        assert world.door("x").get(good, headers=headers).status_code == 401, forged
    assert world.review(none)["authenticated"] is False
    other = world.token(audiences=["vault"])
    assert world.review(other, audiences=["vault"])["audiences"] == ["vault"]
    assert world.review(other)["authenticated"] is False
    assert world.review(token, audiences=["vault"])["authenticated"] is False


def test_an_old_token_is_over(world: World) -> None:
    tokens = world.stack.authenticator.tokens
    assert tokens is not None
    token = world.token()
    assert world.review(token)["user"]["username"] == f"system:serviceaccount:{world.name}:robot"
    clock = tokens._clock
    try:
        tokens._clock = lambda: clock() + 3700
        assert world.review(token)["authenticated"] is False
        assert world.door(token).get("/api").status_code == 401
    finally:
        tokens._clock = clock


def test_a_token_ends_with_what_it_is_bound_to(world: World) -> None:
    place = f"{API}/{world.name}"
    spec = {"serviceAccountName": "robot", "containers": [{"name": "c", "image": "i"}]}
    world.post(f"{place}/pods", {"metadata": {"name": "p"}, "spec": spec})
    world.post(f"{place}/secrets", {"metadata": {"name": "s"}})
    bound = world.token(boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "p"})
    kept = world.token(boundObjectRef={"kind": "Secret", "apiVersion": "v1", "name": "s"})
    user = world.review(bound)["user"]
    assert user["extra"]["authentication.kubernetes.io/pod-name"] == ["p"]
    assert world.door(bound).get(f"{place}/configmaps").status_code == 200
    world.owner.delete(f"{place}/pods/p?gracePeriodSeconds=0")
    world.post(f"{place}/pods", {"metadata": {"name": "p"}, "spec": spec})
    assert world.door(bound).get(f"{place}/configmaps").status_code == 401
    assert world.door(kept).get(f"{place}/configmaps").status_code == 200
    world.owner.delete(f"{place}/serviceaccounts/robot")
    assert world.door(kept).get(f"{place}/configmaps").status_code == 401
    refused = world.owner.post(
        f"{place}/serviceaccounts/default/token",
        json={"spec": {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "p"}}},
    )
    assert refused.status_code == 400


@pytest.mark.parametrize("seconds", [1, 599, 1 << 33, "x"])
def test_a_lifetime_is_checked(world: World, seconds: Any) -> None:
    path = f"{API}/{world.name}/serviceaccounts/robot/token"
    assert world.owner.post(path, json={"spec": {"expirationSeconds": seconds}}).status_code == 422


def test_nobody_speaks_in_anothers_name_unasked(world: World) -> None:
    token = world.token()
    for headers in (
        {"impersonate_user": "pinnace-admin"}, {"impersonate_user": "x", "impersonate_group": "system:masters"},
        {"impersonate_user": f"system:serviceaccount:{world.name}:default"},
        {"impersonate_user": f"system:serviceaccount:{world.name}:robot", "impersonate_group": "system:masters"},
    ):
        assert world.door(token, **headers).get("/api/v1/secrets").status_code == 403, headers
    assert world.door(token, impersonate_group="system:masters").get("/api/v1/secrets").status_code == 400
    world.post(f"{RBAC}/namespaces/{world.name}/rolebindings", {
        "metadata": {"name": "edit"}, "subjects": [{"kind": "ServiceAccount", "name": "robot"}],
        "roleRef": {"kind": "ClusterRole", "name": "edit"},
    })
    other = world.door(token, impersonate_user=f"system:serviceaccount:{world.name}:default")
    answer = other.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json={})
    assert answer.json()["status"]["userInfo"]["username"].endswith(":default")
    assert other.get(f"{API}/{world.name}/configmaps").status_code == 403
    user = world.door(token, impersonate_user="bob").get("/api")
    assert user.status_code == 403
    assert 'cannot impersonate resource "users" in API group "" at the cluster scope' in user.json()["message"]


def test_anonymous_may_only_what_everybody_may(world: World) -> None:
    nobody = world.door(world.stack.token, impersonate_user="system:anonymous")
    assert nobody.get("/version").status_code == 200
    assert nobody.get("/api").status_code == 403
    assert nobody.get("/api/v1/namespaces").status_code == 403
    own = nobody.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json={"spec": {}})
    assert own.status_code == 403


def test_reviews_need_their_own_right(world: World) -> None:
    robot = world.door(world.token())
    group = "/apis/authorization.k8s.io/v1"
    attributes = {"verb": "list", "resource": "configmaps", "namespace": world.name}
    own = robot.post(f"{group}/selfsubjectaccessreviews", json={"spec": {"resourceAttributes": attributes}})
    assert own.json()["status"]["allowed"] is True
    assert own.json()["status"]["reason"] == (
        f'RBAC: allowed by RoleBinding "reader/{world.name}" of Role "reader" to '
        f'ServiceAccount "robot/{world.name}"'
    )
    asked = {"spec": {"user": "x", "resourceAttributes": attributes}}
    for path in (f"{group}/subjectaccessreviews", f"{group}/namespaces/{world.name}/localsubjectaccessreviews"):
        assert robot.post(path, json=asked).status_code == 403
        assert world.post(path, asked)["status"] == {"allowed": False}
    assert robot.post("/apis/authentication.k8s.io/v1/tokenreviews", json={"spec": {}}).status_code == 403
    rules = robot.post(f"{group}/selfsubjectrulesreviews", json={"spec": {"namespace": world.name}})
    assert {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["configmaps"]} in (
        rules.json()["status"]["resourceRules"]
    )


def test_subresources_are_rights_of_their_own(world: World) -> None:
    place = f"{API}/{world.name}"
    world.post(f"{place}/pods", {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
    rules = [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods/log"]}]
    world.post(f"{RBAC}/namespaces/{world.name}/roles", {"metadata": {"name": "logs"}, "rules": rules})
    world.post(f"{RBAC}/namespaces/{world.name}/rolebindings", {
        "metadata": {"name": "logs"}, "subjects": [{"kind": "ServiceAccount", "name": "robot"}],
        "roleRef": {"kind": "Role", "name": "logs"},
    })
    robot = world.door(world.token())
    assert robot.get(f"{place}/pods/p/log").status_code == 200
    assert robot.get(f"{place}/pods/p").status_code == 403
    assert robot.get(f"{place}/pods/p/status").status_code == 403
    assert robot.post(f"{place}/pods/p/eviction", json={}).status_code == 403
    assert robot.post(f"{place}/serviceaccounts/default/token", json={"spec": {}}).status_code == 403


def test_kubectl_asks_and_is_told(world: World) -> None:
    stack, name = world.stack, world.name
    token = stack.ok("create", "token", "robot", "-n", name, "--duration", "20m").strip()
    assert token.count(".") == 2
    whoami = stack.ok("auth", "whoami", f"--as=system:serviceaccount:{name}:robot")
    assert f"system:serviceaccounts:{name}" in whoami
    account = f"--as=system:serviceaccount:{name}:robot"
    listed = stack.ok("auth", "can-i", "--list", "-n", name, account)
    assert "configmaps" in listed
    assert "selfsubjectaccessreviews.authorization.k8s.io" in listed
    assert stack.ok("auth", "can-i", "list", "configmaps", "-n", name, account).strip() == "yes"
    assert stack.kubectl("auth", "can-i", "get", "secrets", "-n", name, account).stdout.strip() == "no"
    shown = stack.ok("describe", "role", "reader", "-n", name)
    assert "configmaps" in shown
    assert "robot" in stack.ok("describe", "rolebinding", "reader", "-n", name)
    made = stack.ok("create", "clusterrole", f"{name}-x", "--verb=get", "--resource=pods,deployments.apps")
    assert "created" in made
    stack.ok("auth", "reconcile", "-f", "-", text=json.dumps({
        "apiVersion": f"{GROUP}/v1", "kind": "Role", "metadata": {"name": "y", "namespace": name},
        "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}],
    }))


def test_quotas_and_limits_are_described(world: World) -> None:
    stack, name = world.stack, world.name
    stack.ok("create", "quota", "q", "--hard=configmaps=5,pods=2", "-n", name)
    shown = stack.ok("describe", "quota", "q", "-n", name)
    assert "Resource" in shown
    made = {"metadata": {"name": "l"}, "spec": {"limits": [{"type": "Container", "default": {"cpu": "500m"}, "max": {"cpu": "1"}}]}}
    world.post(f"{API}/{name}/limitranges", made)
    assert "500m" in stack.ok("describe", "limitrange", "l", "-n", name)
    told = stack.ok("describe", "namespace", name)
    assert "Resource Quotas" in told
    assert "Resource Limits" in told
