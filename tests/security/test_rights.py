# ruff: noqa: E501 - an attack reads best on one line
"""What a pod may do with the token it finds, and what it may not: real pods, real requests from inside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.platform import Platform, eventually
from tests.security.site import Site, python, shell

RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"
INSIDE = """
import json, os, ssl, sys, urllib.error, urllib.request
home = "/var/run/secrets/kubernetes.io/serviceaccount"
token, own = open(f"{home}/token").read(), open(f"{home}/namespace").read()
trust = ssl.create_default_context(cafile=f"{home}/ca.crt")
base = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
def ask(path, method="GET", body=None, **headers):
    sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
    request = urllib.request.Request(base + path, json.dumps(body).encode() if body else None, sent, method=method)
    try:
        return urllib.request.urlopen(request, context=trust, timeout=20).status
    except urllib.error.HTTPError as error:
        return error.code
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Pods on the host's network, so that they reach the API at its loopback address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PINNACE_NETWORK", "none")
        platform = Platform(tmp_path_factory.mktemp("home"), "--isolation", "sandbox")
        try:
            yield Site(platform.up())
        finally:
            platform.down()


def grant(site: Site, namespace: str, account: str, *rules: dict[str, Any]) -> None:
    site.ask("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": account}})
    if rules:
        site.ask("POST", f"{RBAC}/{namespace}/roles", {"metadata": {"name": account}, "rules": list(rules)})
        site.ask("POST", f"{RBAC}/{namespace}/rolebindings", {
            "metadata": {"name": account}, "subjects": [{"kind": "ServiceAccount", "name": account}],
            "roleRef": {"kind": "Role", "name": account},
        })


def answers(site: Site, namespace: str, account: str, source: str) -> list[Any]:
    """What a pod of this account is answered: the JSON that its last line is."""
    spec = {"containers": [python(INSIDE + source)], "serviceAccountName": account}
    pod = site.ended(site.pod(namespace, spec))
    said = site.log(pod)
    assert pod["status"]["phase"] == "Succeeded", said
    return list(json.loads(said.splitlines()[-1]))


def test_a_pod_may_what_its_account_may(site: Site) -> None:
    namespace, other = site.namespace(), site.namespace()
    grant(site, namespace, "reader", {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["configmaps"]})
    site.ask("POST", f"/api/v1/namespaces/{other}/secrets", {"metadata": {"name": "s"}, "data": {"a": "eA=="}})
    asked = f"""
admin = {{"metadata": {{"name": "x"}}, "subjects": [{{"kind": "ServiceAccount", "name": "reader", "namespace": own}}],
         "roleRef": {{"kind": "ClusterRole", "name": "cluster-admin", "apiGroup": "rbac.authorization.k8s.io"}}}}
print(json.dumps([
    ask(f"/api/v1/namespaces/{{own}}/configmaps"),
    ask(f"/api/v1/namespaces/{{own}}/configmaps?watch=1"),
    ask(f"/api/v1/namespaces/{{own}}/secrets"),
    ask("/api/v1/namespaces/{other}/secrets/s"),
    ask("/api/v1/namespaces/{other}/configmaps"),
    ask("/api/v1/secrets"),
    ask(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{{own}}/rolebindings", "POST", admin),
    ask("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", "POST", admin),
    ask("/api/v1/namespaces", **{{"Impersonate-User": "pinnace-admin", "Impersonate-Group": "system:masters"}}),
    ask(f"/api/v1/namespaces/{{own}}/serviceaccounts/default/token", "POST", {{"spec": {{}}}}),
    ask("/pinnace/v1/signin", "POST"), ask("/pinnace/v1/gc", "POST"), ask("/metrics"),
]))
"""
    assert answers(site, namespace, "reader", asked) == [200] + [403] * 12


def test_the_token_cannot_be_replaced_from_inside(site: Site) -> None:
    place = "/var/run/secrets/kubernetes.io/serviceaccount"
    said = site.shell(f"(echo x > {place}/token; rm -f {place}/token; ln -s /etc/passwd {place}/new; mv {place} /tmp/x) 2>&1 | wc -l; cut -c1-3 {place}/token")
    assert said.split() == ["4", "eyJ"]


def test_a_pod_that_wants_no_token_has_none(site: Site) -> None:
    spec = {"containers": [shell("ls -d /var/run/secrets/kubernetes.io || echo none")], "automountServiceAccountToken": False}
    assert "none" in site.log(site.ended(site.pod(site.namespace(), spec)))


def test_a_token_of_the_pods_own_ends_with_it(site: Site) -> None:
    namespace = site.namespace()
    grant(site, namespace, "own", {"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"]})
    sources = [{"serviceAccountToken": {"path": "deep/vault", "audience": "vault", "expirationSeconds": 700}},
               {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
               {"serviceAccountToken": {"path": "api"}}]
    container = shell("cat /tokens/name /tokens/deep/vault; echo; cat /tokens/api; echo; cat /var/run/secrets/kubernetes.io/serviceaccount/token; echo; sleep 300")
    container["volumeMounts"] = [{"name": "t", "mountPath": "/tokens"}]
    spec = {"containers": [container], "volumes": [{"name": "t", "projected": {"sources": sources}}],
            "serviceAccountName": "own", "restartPolicy": "Always", "terminationGracePeriodSeconds": 0}
    pod = site.pod(namespace, spec)
    said = eventually(lambda: (lines := site.log(pod).split()) and len(lines) == 3 and lines, "three tokens")
    vault, api, default = said[0].removeprefix(pod["metadata"]["name"]), said[1], said[2]

    def review(token: str, *audiences: str) -> dict[str, Any]:
        body = {"spec": {"token": token, "audiences": list(audiences)}}
        return dict(site.ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body)["status"])

    path = f"/api/v1/namespaces/{namespace}/configmaps/kube-root-ca.crt"
    assert review(vault, "vault")["authenticated"] is True
    assert review(vault)["authenticated"] is False
    for token in (api, default):
        assert review(token)["user"]["extra"]["authentication.kubernetes.io/pod-uid"] == [pod["metadata"]["uid"]]
        assert site.http("GET", path, headers={"Authorization": f"Bearer {token}"})[0] == 200
    assert site.http("GET", path, headers={"Authorization": f"Bearer {vault}"})[0] == 401
    place = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}"
    site.http("DELETE", place)
    eventually(lambda: site.http("GET", place)[0] == 404, "the pod's end")
    for token in (api, default):
        assert site.http("GET", path, headers={"Authorization": f"Bearer {token}"})[0] == 401


def resource_step(kind: str, api_version: str, **spec: Any) -> dict[str, Any]:
    manifest = {"apiVersion": api_version, "kind": kind, "metadata": {"generateName": "made-"}, **spec}
    return {"name": "main", "resource": {"action": "create", "manifest": json.dumps(manifest)}}


def test_a_resource_step_acts_as_the_workflows_account(site: Site) -> None:
    namespace = site.namespace()
    grant(site, namespace, "nobody")
    child = {"spec": {"entrypoint": "a", "templates": [{"name": "a", "suspend": {}}]}}
    step = resource_step("Workflow", "argoproj.io/v1alpha1", **child)
    done = site.workflow({"templates": [step], "serviceAccountName": "nobody"}, namespace)
    assert done["status"]["phase"] == "Failed"
    (node,) = done["status"]["nodes"].values()
    assert node["message"] == (
        "Error from server (Forbidden): workflows.argoproj.io is forbidden: User "
        f'"system:serviceaccount:{namespace}:nobody" cannot create resource "workflows" in API group '
        f'"argoproj.io" in the namespace "{namespace}"'
    )
    allowed = site.workflow({"templates": [step]}, namespace)
    assert allowed["status"]["phase"] == "Succeeded", allowed["status"]
    for kind, version, more in (("Secret", "v1", {}), ("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}})):
        refused = site.workflow({"templates": [resource_step(kind, version, **more)]}, namespace)
        assert refused["status"]["phase"] == "Failed"
        assert "is forbidden" in next(iter(refused["status"]["nodes"].values()))["message"]
