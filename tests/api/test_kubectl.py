"""What people do with kubectl beside the transcript, through the real programs."""

from __future__ import annotations

import json
import stat
import subprocess
import time
from pathlib import Path

import pytest

from tests.api.conftest import Stack

CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, shortNames: [wd], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns:
    - {name: Size, type: integer, jsonPath: .spec.size}
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            description: What the widget shall be.
            required: [color]
            x-kubernetes-validations:
            - {rule: "self.size <= 10 || self.color == 'red'", message: only red widgets may be big}
            properties:
              size: {type: integer, default: 3, minimum: 1, description: How big it is.}
              color: {type: string, enum: [red, green]}
              parts: {type: array, items: {type: object, properties: {name: {type: string}}}}
          status: {type: object, properties: {size: {type: integer}, note: {type: string}}}
"""


def widget(name: str, spec: str) -> str:
    return f"apiVersion: example.com/v1\nkind: Widget\nmetadata: {{name: {name}}}\nspec: {spec}\n"


@pytest.fixture(scope="module")
def widgets(stack: Stack) -> Stack:
    stack.ok("apply", "-f", "-", text=CRD)
    stack.ok("wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=10s")
    return stack


def test_a_users_kind_is_defaulted_validated_and_listed(widgets: Stack, namespace: str) -> None:
    in_namespace = ("-n", namespace)
    widgets.ok(*in_namespace, "apply", "-f", "-", text=widget("a", "{color: green}"))
    assert widgets.ok(*in_namespace, "get", "wd", "a", "-o", "jsonpath={.spec.size}") == "3"
    assert widgets.ok(*in_namespace, "get", "wd").split() == ["NAME", "SIZE", "a", "3"]
    bad = widgets.kubectl(*in_namespace, "apply", "-f", "-", text=widget("b", "{color: blue, size: 0}"))
    assert 'spec.color: Unsupported value: "blue"' in bad.stderr
    assert "spec.size" in bad.stderr
    rule = widgets.kubectl(*in_namespace, "apply", "-f", "-", text=widget("b", "{color: green, size: 11}"))
    assert "only red widgets may be big" in rule.stderr
    strict = widgets.kubectl(*in_namespace, "apply", "-f", "-", text=widget("c", "{color: red, extra: 1}"))
    assert 'unknown field "spec.extra"' in strict.stderr
    loose = widgets.kubectl(
        *in_namespace, "apply", "--validate=warn", "-f", "-", text=widget("c", "{color: red, extra: 1}")
    )
    assert loose.returncode == 0
    assert 'unknown field "spec.extra"' in loose.stderr
    assert "extra" not in widgets.ok(*in_namespace, "get", "wd", "c", "-o", "jsonpath={.spec}")


def test_scale_and_status_of_a_users_kind(widgets: Stack, namespace: str) -> None:
    in_namespace = ("-n", namespace)
    widgets.ok(*in_namespace, "create", "-f", "-", text=widget("a", "{color: green}"))
    widgets.ok(*in_namespace, "scale", "--replicas=5", "wd/a")
    assert widgets.ok(*in_namespace, "get", "wd", "a", "-o", "jsonpath={.spec.size}") == "5"
    status = '{"status":{"note":"hi"},"spec":{"size":9}}'
    widgets.ok(*in_namespace, "patch", "wd", "a", "--type=merge", "--subresource=status", "-p", status)
    assert widgets.ok(*in_namespace, "get", "wd", "a", "-o", "jsonpath={.spec.size} {.status.note}") == "5 hi"


def test_explain_users_kinds_and_built_in_kinds(widgets: Stack, kubectl_program: str) -> None:
    shown = widgets.ok("explain", "widgets.spec", program=kubectl_program)
    assert "How big it is." in shown
    assert "color\t<string> -required-" in shown
    pod = widgets.ok("explain", "pod.spec.containers", program=kubectl_program)
    assert "sharing the pod's network" in " ".join(pod.split())
    assert "KIND:       Pod" in pod
    assert "imagePullPolicy" in pod
    assert "livenessProbe" in widgets.ok(
        "explain", "deploy.spec.template.spec.containers", program=kubectl_program
    )
    workflow = widgets.ok(
        "explain",
        "wf.spec.templates.dag.tasks",
        "--api-version=argoproj.io/v1alpha1",
        program=kubectl_program,
    )
    assert "dependencies" in workflow


def test_typed_creates_that_send_protobuf(stack: Stack, namespace: str, kubectl_program: str) -> None:
    def run(*arguments: str) -> str:
        return stack.ok("-n", namespace, *arguments, program=kubectl_program)

    run("create", "configmap", "c", "--from-literal=a=1", "--from-literal=b=")
    assert run("get", "cm", "c", "-o", "jsonpath={.data}") == '{"a":"1","b":""}'
    run("create", "deployment", "d", "--image=nginx", "--replicas=0", "--port=80")
    shown = json.loads(run("get", "deploy", "d", "-o", "json"))
    assert shown["spec"]["replicas"] == 0
    container = shown["spec"]["template"]["spec"]["containers"][0]
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert "stdin" not in container
    run("create", "job", "j", "--image=busybox", "--", "true")
    assert run("get", "job", "j", "-o", "jsonpath={.spec.template.spec.restartPolicy}") == "Never"
    run("create", "cronjob", "cj", "--image=busybox", "--schedule=*/5 * * * *", "--", "true")
    run("create", "service", "clusterip", "s", "--tcp=80:8080")
    assert run("get", "svc", "s", "-o", "jsonpath={.spec.ports[0].targetPort}") == "8080"
    run("create", "role", "r", "--verb=get", "--resource=pods")
    run("create", "rolebinding", "rb", "--role=r", "--user=x")
    run("create", "quota", "q", "--hard=pods=2,memory=1Gi")
    assert run("get", "quota", "q", "-o", "jsonpath={.spec.hard}") == '{"memory":"1Gi","pods":"2"}'
    run("create", "serviceaccount", "sa")
    run("create", "ingress", "i", "--rule=foo.com/bar*=s:80")
    assert run("get", "ing", "i", "-o", "jsonpath={.spec.rules[0].http.paths[0].path}") == "/bar"
    run("create", "poddisruptionbudget", "p", "--selector=a=b", "--min-available=1")


def test_who_am_i_and_what_may_i(stack: Stack, kubectl_program: str) -> None:
    assert "pinnace-admin" in stack.ok("auth", "whoami", program=kubectl_program)
    assert stack.ok("auth", "can-i", "--list", program=kubectl_program).count("[*]") >= 2
    assert stack.ok("auth", "can-i", "delete", "pods", program=kubectl_program).strip() == "yes"
    other = stack.kubectl("auth", "can-i", "delete", "pods", "--as=nobody", program=kubectl_program)
    assert other.stdout.strip().startswith("no")
    refused = stack.kubectl("get", "pods", "--as=nobody", program=kubectl_program)
    assert 'User "nobody" cannot list resource "pods"' in refused.stderr


def test_output_forms(stack: Stack, namespace: str, kubectl_program: str) -> None:
    def run(*arguments: str) -> str:
        return stack.ok("-n", namespace, *arguments, program=kubectl_program)

    stack.ok("-n", namespace, "create", "configmap", "c", "--from-literal=a=1")
    assert run("get", "cm", "-o", "wide").split()[:3] == ["NAME", "DATA", "AGE"]
    assert run("get", "cm", "c", "-o", "custom-columns=N:.metadata.name,A:.data.a").split() == [
        "N",
        "A",
        "c",
        "1",
    ]
    assert json.loads(run("get", "cm", "-o", "json"))["items"][0]["data"] == {"a": "1"}
    assert run("get", "cm", "c", "--show-labels").split()[-1] == "<none>"
    assert "Data" in run("describe", "cm", "c")
    assert run("get", "cm", "--sort-by=.metadata.name", "--no-headers").split()[:2] == ["c", "1"]
    assert f"{namespace}" in stack.ok("get", "cm", "-A", program=kubectl_program)
    assert json.loads(run("get", "cm", "c", "--show-managed-fields", "-o", "json"))["metadata"][
        "managedFields"
    ]


def test_edit_diff_and_replace(stack: Stack, namespace: str, tmp_path: Path, kubectl_program: str) -> None:
    stack.ok("-n", namespace, "create", "configmap", "c", "--from-literal=a=1")
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i \'s/a: "1"/a: "2"/\' "$1"\n')
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    stack.ok("-n", namespace, "edit", "cm", "c", program=kubectl_program, env={"EDITOR": str(editor)})
    assert stack.ok("-n", namespace, "get", "cm", "c", "-o", "jsonpath={.data.a}") == "2"
    manifest = (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c, namespace: {namespace}}}\ndata: {{a: '3'}}\n"
    )
    changed = stack.kubectl("diff", "-f", "-", text=manifest, program=kubectl_program)
    assert changed.returncode == 1
    assert '+  a: "3"' in changed.stdout
    stack.ok("replace", "-f", "-", text=manifest, program=kubectl_program)
    stack.ok("apply", "-f", "-", text=manifest, program=kubectl_program)
    assert stack.kubectl("diff", "-f", "-", text=manifest, program=kubectl_program).returncode == 0


def test_watch_shows_changes_as_they_come(stack: Stack, namespace: str, kubectl_program: str) -> None:
    stack.ok("-n", namespace, "create", "configmap", "c", "--from-literal=a=1")
    watcher = subprocess.Popen(
        [kubectl_program, "-n", namespace, "get", "cm", "-w", "--no-headers"],
        text=True,
        stdout=subprocess.PIPE,
        env=stack.kubectl_environment(stack.home.root),
    )
    try:
        assert watcher.stdout is not None
        assert watcher.stdout.readline().split()[:2] == ["c", "1"]
        stack.ok("-n", namespace, "patch", "cm", "c", "--type=merge", "-p", '{"data":{"b":"2"}}')
        assert watcher.stdout.readline().split()[:2] == ["c", "2"]
    finally:
        watcher.terminate()
        watcher.wait(10)


def test_wait_for_a_condition_and_for_a_delete(stack: Stack, namespace: str, kubectl_program: str) -> None:
    stack.ok("-n", namespace, "create", "configmap", "c", "--from-literal=a=1")
    environment = stack.kubectl_environment(stack.home.root)
    waiting = [
        subprocess.Popen(
            [kubectl_program, "-n", namespace, "wait", "cm/c", f, "--timeout=20s"],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for f in ("--for=jsonpath={.data.a}=9", "--for=delete")
    ]
    stack.ok("-n", namespace, "patch", "cm", "c", "--type=merge", "-p", '{"data":{"a":"9"}}')
    assert "condition met" in waiting[0].communicate(timeout=30)[0]
    stack.ok("-n", namespace, "delete", "cm", "c")
    assert waiting[1].wait(30) == 0


def test_every_kind_can_be_listed(stack: Stack, kubectl_program: str) -> None:
    names = stack.ok("api-resources", "--verbs=list", "-o", "name", program=kubectl_program).split()
    assert len(names) > 40
    begun = time.monotonic()
    done = stack.kubectl("get", ",".join(names), "-A", "-o", "name", program=kubectl_program)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begun < 30


def test_removing_a_users_kind_takes_its_objects(fresh: Stack) -> None:
    fresh.ok("apply", "-f", "-", text=CRD)
    fresh.ok("create", "-f", "-", text=widget("a", "{color: green}"))
    fresh.ok("delete", "crd", "widgets.example.com", "--timeout=20s")
    gone = fresh.kubectl("get", "widgets", f"--cache-dir={fresh.home.root}/none")
    assert "the server doesn't have a resource type" in gone.stderr


def test_kinds_of_one_name_mean_the_core_one(stack: Stack, kubectl_program: str) -> None:
    assert "v1" in stack.ok("explain", "events", program=kubectl_program).splitlines()[1]
    shown = stack.ok("get", "--raw", "/api/v1/namespaces?limit=1")
    assert json.loads(shown)["metadata"]["continue"]


def test_version_and_cluster_info(stack: Stack, kubectl_program: str) -> None:
    assert "v1.36.0+pinnace" in stack.ok("version", program=kubectl_program)
    assert "is running at" in stack.ok("cluster-info", program=kubectl_program)
