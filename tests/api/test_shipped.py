"""The definitions of kinds that ship: there for who looks, stored for who brings upstream's own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Stack

CRDS = "apis/apiextensions.k8s.io/v1/customresourcedefinitions"
KIND = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
SMALL = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: workflowtemplates.argoproj.io, labels: {from: elsewhere}}
spec:
  group: argoproj.io
  scope: Namespaced
  names: {plural: workflowtemplates, kind: WorkflowTemplate}
  versions:
  - {name: v1alpha1, served: true, storage: true,
     schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
"""
HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: {name: t}\n"
TEMPLATE = f"{HEAD}spec: {{mistake: 1}}\n"


def definition(stack: Stack, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stack.ok("get", "crd", name, "-o", "json"))
    return found


def test_each_kind_that_ships_has_a_definition(stack: Stack, kubectl_program: str) -> None:
    names = stack.ok("get", "crd", "-o", "name", program=kubectl_program).split()
    custom = {one.key for one in stack.catalogue.resources() if one.custom and one.group != "pinnace.dev"}
    assert {name.partition("/")[2] for name in names} == custom
    table = stack.ok("get", "crd", "workflows.argoproj.io", program=kubectl_program)
    assert table.split()[:3] == ["NAME", "CREATED", "AT"]


@pytest.mark.parametrize("name", ["workflows.argoproj.io", "tfjobs.kubeflow.org", "trials.kubeflow.org"])
def test_tools_that_wait_for_a_definition_find_it(stack: Stack, kubectl_program: str, name: str) -> None:
    words = ("wait", "--for=condition=Established", f"crd/{name}", "--timeout=10s")
    assert "condition met" in stack.ok(*words, program=kubectl_program)


def test_it_says_what_upstreams_says(stack: Stack, shared: Path) -> None:
    import yaml

    for path in ("argo/argoproj.io_workflows.yaml", "training-operator/kubeflow.org_tfjobs.yaml"):
        theirs = yaml.safe_load((shared / "crds" / path).read_text())
        ours = definition(stack, theirs["metadata"]["name"])
        for field in ("group", "scope"):
            assert ours["spec"][field] == theirs["spec"][field]
        for name in ("kind", "plural", "singular", "listKind"):
            assert ours["spec"]["names"][name] == theirs["spec"]["names"][name]
        stored = next(one["name"] for one in theirs["spec"]["versions"] if one["storage"])
        assert ours["status"]["storedVersions"] == [stored]
        version = next(one for one in ours["spec"]["versions"] if one["name"] == stored)
        own = next(one for one in theirs["spec"]["versions"] if one["name"] == stored)
        properties = version["schema"]["openAPIV3Schema"]["properties"]
        assert set(properties["spec"].get("properties", {})) == set(
            own["schema"]["openAPIV3Schema"]["properties"]["spec"].get("properties", {})
        )
        assert version.get("subresources", {}).keys() == own.get("subresources", {}).keys()


def test_a_list_says_the_same_as_a_get(stack: Stack) -> None:
    with stack.http() as http:
        every = {one["metadata"]["name"]: one for one in http.get(f"/{CRDS}").json()["items"]}
        for name in ("workflows.argoproj.io", "trials.kubeflow.org", "mpijobs.kubeflow.org"):
            assert http.get(f"/{CRDS}/{name}").json() == {**every[name], **KIND}


def test_upstreams_own_files_are_taken_and_change_nothing(fresh: Stack, shared: Path) -> None:
    for family in ("argo", "training-operator", "katib", "jobset", "kserve"):
        done = fresh.kubectl("apply", "--server-side", "-f", str(shared / "crds" / family), timeout=60)
        assert done.returncode == 0, done.stderr
        assert "ships with this platform" in done.stderr
    fresh.ok("create", "namespace", "work")
    refused = fresh.kubectl("-n", "work", "create", "-f", "-", text=TEMPLATE)
    assert 'unknown field "spec.mistake"' in refused.stderr, "the kind is judged as it ships"


def test_a_plain_apply_stores_one_and_a_delete_shows_what_ships(fresh: Stack) -> None:
    applied = fresh.kubectl("apply", "-f", "-", text=SMALL)
    assert applied.returncode == 0, applied.stderr
    assert "ships with this platform" in applied.stderr
    name = "workflowtemplates.argoproj.io"
    stored = definition(fresh, name)
    assert stored["metadata"]["labels"] == {"from": "elsewhere"}
    assert {one["type"] for one in stored["status"]["conditions"]} >= {"Established"}
    assert fresh.ok("apply", "-f", "-", text=SMALL).endswith("unchanged\n")
    fresh.ok("create", "namespace", "work")
    fresh.ok("-n", "work", "create", "-f", "-", text=TEMPLATE.replace("{mistake: 1}", "{templates: []}"))
    fresh.ok("delete", "crd", name, "--timeout=20s")
    assert definition(fresh, name)["metadata"]["uid"] != stored["metadata"]["uid"]
    assert fresh.ok("-n", "work", "get", "workflowtemplates", "-o", "name").strip().endswith("/t")


def test_what_ships_is_not_deleted(stack: Stack) -> None:
    done = stack.kubectl("delete", "crd", "workflows.argoproj.io")
    assert "it ships with this platform" in done.stderr
    assert "NotFound" in stack.kubectl("delete", "crd", "nothing.example.com").stderr


def test_a_watch_begins_with_what_ships(stack: Stack) -> None:
    seen = set()
    with stack.http() as http, http.stream("GET", f"/{CRDS}?watch=1&timeoutSeconds=5") as lines:
        for line in lines.iter_lines():
            event = json.loads(line)
            assert event["type"] == "ADDED"
            seen.add(event["object"]["metadata"]["name"])
            if {"workflows.argoproj.io", "tfjobs.kubeflow.org"} <= seen:
                break
    assert {"workflows.argoproj.io", "tfjobs.kubeflow.org"} <= seen


def test_labels_select_none_of_them(stack: Stack) -> None:
    done: subprocess.CompletedProcess[str] = stack.kubectl("get", "crd", "-l", "a=b")
    assert "No resources found" in done.stderr
