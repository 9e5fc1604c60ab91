"""What a real API server answered where Pinnace once did not (docs/real-cluster.md tells how to ask)."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import Stack

MERGE = {"Content-Type": "application/merge-patch+json"}
STRATEGIC = {"Content-Type": "application/strategic-merge-patch+json"}
APPLY = {"Content-Type": "application/apply-patch+yaml"}
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}


def config(name: str, **meta: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **meta}, "data": {"k": "v"}}


def deployment(name: str, **strategy: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {**spec, **({"strategy": strategy} if strategy else {})},
    }


def test_a_whole_object_names_itself(stack: Stack, namespace: str) -> None:
    place = f"/api/v1/namespaces/{namespace}/configmaps"
    with stack.http() as http:
        http.post(place, json=config("a"))
        nameless = http.put(f"{place}/a", json={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}})
        assert nameless.status_code == 400
        said = "the name of the object (a based on URL) was undeterminable: name must be provided"
        assert nameless.json()["message"] == said
        elsewhere = http.put(f"{place}/a", json=config("a", namespace="zzz")).json()["message"]
        assert elsewhere == (
            f"the namespace of the object (zzz) does not match the namespace on the request ({namespace})"
        )
        ending = http.put(f"{place}/a", json=config("a", deletionTimestamp="2020-01-01T00:00:00Z"))
        assert ending.status_code == 422
        assert ending.json()["details"]["causes"][0]["field"] == "metadata.deletionTimestamp"


def test_a_patch_to_another_kind_is_wrong_in_itself(stack: Stack, namespace: str) -> None:
    place = f"/api/v1/namespaces/{namespace}/configmaps/b"
    with stack.http() as http:
        http.post(place.removesuffix("/b"), json=config("b"))
        for change in ({"kind": "Secret"}, {"apiVersion": "v9"}):
            other = http.patch(place, json=change, headers=MERGE)
            assert (other.status_code, other.json()["details"]["causes"][0]["field"]) == (422, "patch")


def test_options_that_are_refused_say_whose_they_are(stack: Stack, namespace: str) -> None:
    place = f"/api/v1/namespaces/{namespace}/configmaps"
    with stack.http() as http:
        forced = http.patch(f"{place}/c?force=true", json={}, headers=MERGE)
        unnamed = http.patch(f"{place}/c", json=config("c"), headers=APPLY)
        dry = http.post(f"{place}?dryRun=Some", json=config("c"))
    for answer, kind, field in (
        (forced, "PatchOptions", "force"), (unnamed, "PatchOptions", "fieldManager"),
        (dry, "CreateOptions", "dryRun"),
    ):
        details = answer.json()["details"]
        assert (answer.status_code, details["group"], details["kind"]) == (422, "meta.k8s.io", kind)
        assert details["causes"][0]["field"] == field


def test_what_is_applied_says_its_version_and_no_uid_of_nothing(stack: Stack, namespace: str) -> None:
    place = f"/api/v1/namespaces/{namespace}/configmaps/d?fieldManager=one"
    with stack.http() as http:
        bare = http.patch(place, json={"metadata": {"name": "d"}}, headers=APPLY)
        assert bare.status_code == 400
        assert bare.json()["message"].endswith("Specified patch version: , expected: v1")
        gone = http.patch(place, json=config("d", uid="123"), headers=APPLY)
        assert gone.status_code == 409 and "no existing object was found" in gone.json()["message"]


def test_a_revision_that_is_yet_to_come_is_no_reading(stack: Stack, namespace: str) -> None:
    place = f"/api/v1/namespaces/{namespace}/configmaps"
    with stack.http() as http:
        http.post(place, json=config("e"))
        ahead = http.get(f"{place}/e?resourceVersion=99999999")
        assert ahead.status_code == 504
        cause = ahead.json()["details"]["causes"][0]
        assert cause == {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
        assert http.get(f"{place}/e?resourceVersion=0").status_code == 200
        assert http.get(f"{place}?timeoutSeconds=abc").status_code == 400


def test_a_table_carries_what_was_asked_for(stack: Stack, namespace: str) -> None:
    place = f"/api/v1/namespaces/{namespace}/configmaps"
    with stack.http() as http:
        http.post(place, json=config("f"))
        wrong = http.get(f"{place}/f?includeObject=Zap", headers=TABLE)
        assert wrong.status_code == 400 and "includeObject" in wrong.json()["message"]
        row = http.get(f"{place}/f?includeObject=None", headers=TABLE).json()["rows"][0]
        assert row["object"] is None


def test_a_strategic_patch_puts_what_is_new_first(stack: Stack, namespace: str) -> None:
    place = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    more = {"spec": {"template": {"spec": {"containers": [{"name": "n", "image": "j"}]}}}}
    finalizers = [["x.io/a"], ["x.io/b"]]
    with stack.http() as http:
        http.post(place, json=deployment("g"))
        changed = http.patch(f"{place}/g", json=more, headers=STRATEGIC).json()
        assert [one["name"] for one in changed["spec"]["template"]["spec"]["containers"]] == ["n", "c"]
        for names in finalizers:
            changed = http.patch(f"{place}/g", json={"metadata": {"finalizers": names}}, headers=STRATEGIC)
        assert changed.json()["metadata"]["finalizers"] == ["x.io/b", "x.io/a"]


def test_a_roll_out_has_its_quarters_and_can_go_a_step(stack: Stack, namespace: str) -> None:
    place = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    with stack.http() as http:
        made = http.post(place, json=deployment("h", type="RollingUpdate")).json()
        assert made["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}
        still = deployment("i", rollingUpdate={"maxSurge": 0, "maxUnavailable": "0%"})
        both = deployment("j", type="Recreate", rollingUpdate={"maxSurge": 1})
        for document, field in ((still, ".maxUnavailable"), (both, "")):
            refused = http.post(place, json=document)
            assert refused.status_code == 422
            cause = refused.json()["details"]["causes"][0]
            assert cause["field"] == f"spec.strategy.rollingUpdate{field}"
