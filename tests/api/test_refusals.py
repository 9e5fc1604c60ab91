"""What real kubectl prints when a manifest is refused: every cause at once, in upstream's words and order.

Each case is a document and the lines that a Kubernetes API server answers. Source of the expectations:
kubernetes pkg/apis/core/validation/validation.go and pkg/apis/batch/validation/validation.go.
"""

# ruff: noqa: E501 - the lines of upstream stand whole

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.api.conftest import Stack

EXAMPLE = re.compile(r" \(e\.g\. .*?\)$", re.MULTILINE)
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character"
)
SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character"
)
ONE: dict[str, Any] = {"name": "a", "image": "i"}


def pod(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}


def made_of(**container: Any) -> dict[str, Any]:
    return pod(containers=[{**ONE, **container}])


def kind(name: str, version: str = "v1", meta: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": name, "metadata": {"name": "x", **(meta or {})}, **rest}


CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("no spec", {**pod(), "spec": None}, ["spec.containers: Required value"]),
    ("an empty container", pod(containers=[{}]), [
        "spec.containers[0].name: Required value", "spec.containers[0].image: Required value",
    ]),
    ("two of one name", pod(containers=[ONE, {"name": "a", "image": " x"}]), [
        'spec.containers[1].name: Duplicate value: "a"',
        'spec.containers[1].image: Invalid value: " x": must not have leading or trailing whitespace',
    ]),
    ("ports", made_of(ports=[
        {"containerPort": 99999, "protocol": "FOO", "name": "A"}, {"containerPort": 80, "name": "x"},
        {"containerPort": 0, "name": "x"},
    ]), [
        'spec.containers[0].ports[0].name: Invalid value: "A": must contain only alpha-numeric characters '
        "(a-z, 0-9), and hyphens (-)",
        'spec.containers[0].ports[0].name: Invalid value: "A": must contain at least one letter (a-z)',
        "spec.containers[0].ports[0].containerPort: Invalid value: 99999: must be between 1 and 65535, inclusive",
        'spec.containers[0].ports[0].protocol: Unsupported value: "FOO": supported values: "SCTP", "TCP", "UDP"',
        'spec.containers[0].ports[2].name: Duplicate value: "x"',
        "spec.containers[0].ports[2].containerPort: Required value",
    ]),
    ("variables", made_of(env=[
        {"name": ""}, {"name": "a=b"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "spec.foo"}}},
        {"name": "C", "valueFrom": {}}, {"name": "D", "valueFrom": {"secretKeyRef": {"name": "s", "key": ""}}},
        {"name": "E", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]), [
        "spec.containers[0].env[0].name: Required value",
        'spec.containers[0].env[1].name: Invalid value: "a=b": a valid environment variable name must consist '
        "only of printable ASCII characters other than '='",
        'spec.containers[0].env[2].valueFrom.fieldRef.fieldPath: Invalid value: "spec.foo": error converting '
        "fieldPath: field label not supported: spec.foo",
        'spec.containers[0].env[3].valueFrom: Invalid value: "": must specify one of: `fieldRef`, '
        "`resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
        "spec.containers[0].env[4].valueFrom.secretKeyRef.key: Required value",
        'spec.containers[0].env[5].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
    ]),
    ("volumes and mounts", pod(containers=[{**ONE, "volumeMounts": [
        {"name": "v", "mountPath": "/x"}, {"name": "w", "mountPath": "/x"},
        {"name": "w", "mountPath": "", "subPath": "../x"},
    ]}], volumes=[
        {"name": "w", "emptyDir": {}}, {"name": "w", "emptyDir": {}},
        {"name": "z", "emptyDir": {}, "configMap": {"name": "q"}}, {"name": "u", "configMap": {}},
        {"name": "t", "persistentVolumeClaim": {"claimName": ""}}, {"name": "s", "hostPath": {"path": ""}},
    ]), [
        'spec.volumes[1].name: Duplicate value: "w"',
        "spec.volumes[2].configMap: Forbidden: may not specify more than 1 volume type",
        "spec.volumes[3].configMap.name: Required value",
        "spec.volumes[4].persistentVolumeClaim.claimName: Required value",
        "spec.volumes[5].hostPath.path: Required value",
        'spec.containers[0].volumeMounts[0].name: Not found: "v"',
        'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/x": must be unique',
        "spec.containers[0].volumeMounts[2].mountPath: Required value",
        "spec.containers[0].volumeMounts.subPath: Invalid value: \"../x\": must not contain '..'",
    ]),
    ("resources", made_of(resources={
        "limits": {"foo": 1, "cpu": "1000m", "x.io/gpu": 2}, "requests": {"cpu": 2, "x.io/gpu": 1},
    }), [
        'spec.containers[0].resources.limits[foo]: Invalid value: "foo": must be a standard resource type or '
        "fully qualified",
        'spec.containers[0].resources.limits[foo]: Invalid value: "foo": must be a standard resource for containers',
        'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
        'spec.containers[0].resources.requests: Invalid value: "1": must be equal to x.io/gpu limit of 2',
        'spec.containers[0].resources.requests[foo]: Invalid value: "foo": must be a standard resource type or '
        "fully qualified",
        'spec.containers[0].resources.requests[foo]: Invalid value: "foo": must be a standard resource for '
        "containers",
    ]),
    ("probes", pod(containers=[{**ONE, "livenessProbe": {"exec": {"command": []}, "successThreshold": 2},
                                "readinessProbe": {}}],
                   initContainers=[{**ONE, "readinessProbe": {"tcpSocket": {"port": 80}}}]), [
        "spec.containers[0].livenessProbe.exec.command: Required value",
        "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
        "spec.containers[0].readinessProbe: Required value: must specify a handler type",
        'spec.initContainers[0].name: Duplicate value: "a"',
        "spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without "
        "restartPolicy=Always",
    ]),
    ("words of the spec", pod(
        containers=[ONE], restartPolicy="never", dnsPolicy="Bar", nodeSelector={"a b": "c"}, hostname="A_b",
        activeDeadlineSeconds=0, tolerations=[{"key": "k", "operator": "Foo"}, {"value": "v"}],
    ), [
        'spec.restartPolicy: Unsupported value: "never": supported values: "Always", "OnFailure", "Never"',
        'spec.dnsPolicy: Unsupported value: "Bar": supported values: "ClusterFirstWithHostNet", "ClusterFirst", '
        '"Default", "None"',
        "spec.nodeSelector: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or "
        "'.', and must start and end with an alphanumeric character",
        "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
        f'spec.hostname: Invalid value: "A_b": {LABEL}',
        'spec.tolerations[0].operator: Unsupported value: "Foo": supported values: "Equal", "Exists"',
        'spec.tolerations[1].operator: Invalid value: "": operator must be Exists when `key` is empty, which means '
        '"match all values and all keys"',
    ]),
    ("an ephemeral container", pod(containers=[ONE], ephemeralContainers=[{"name": "q", "image": "i"}]), [
        "spec.ephemeralContainers: Forbidden: cannot be set on create",
    ]),
    ("owners", kind("ConfigMap", meta={"ownerReferences": [{}]}), [
        'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
        'metadata.ownerReferences.kind: Invalid value: "": kind must not be empty',
        'metadata.ownerReferences.name: Invalid value: "": name must not be empty',
        'metadata.ownerReferences.uid: Invalid value: "": uid must not be empty',
    ]),
    ("a name's beginning", kind("ConfigMap", meta={"generateName": "A_"}), [
        f'metadata.generateName: Invalid value: "A_": {SUBDOMAIN}',
    ]),
    ("a Secret of a TLS pair", kind("Secret", type="kubernetes.io/tls"), [
        "data[tls.crt]: Required value", "data[tls.key]: Required value",
    ]),
    ("a Secret of basic auth", kind("Secret", type="kubernetes.io/basic-auth"), [
        "data[username]: Required value", "data[password]: Required value",
    ]),
    ("a Secret of an account", kind("Secret", type="kubernetes.io/service-account-token"), [
        "metadata.annotations[kubernetes.io/service-account.name]: Required value",
    ]),
    ("a Service", kind("Service", spec={
        "type": "Foo", "ports": [{"port": 0}, {"port": 80, "protocol": "X", "targetPort": "A_B"}],
        "sessionAffinity": "Q", "clusterIP": "1.2.3",
    }), [
        "spec.ports[0].name: Required value",
        "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
        "spec.ports[1].name: Required value",
        'spec.ports[1].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
        'spec.ports[1].targetPort: Invalid value: "A_B": must contain only alpha-numeric characters (a-z, 0-9), '
        "and hyphens (-)",
        'spec.ports[1].targetPort: Invalid value: "A_B": must contain at least one letter (a-z)',
        'spec.sessionAffinity: Unsupported value: "Q": supported values: "ClientIP", "None"',
        'spec.clusterIPs[0]: Invalid value: "1.2.3": must be a valid IP address,',
        'spec.type: Unsupported value: "Foo": supported values: "ClusterIP", "ExternalName", "LoadBalancer", '
        '"NodePort"',
    ]),
    ("a claim", kind("PersistentVolumeClaim", spec={
        "accessModes": ["Foo"], "resources": {"requests": {"storage": 0}},
    }), [
        'spec.accessModes: Unsupported value: "Foo": supported values: "ReadOnlyMany", "ReadWriteMany", '
        '"ReadWriteOnce", "ReadWriteOncePod"',
        'spec.resources[storage]: Invalid value: "0": must be greater than zero',
    ]),
    ("an empty Deployment", kind("Deployment", "apps/v1", spec={}), [
        "spec.selector: Required value", "spec.template.spec.containers: Required value",
    ]),
    ("a Deployment that selects others", kind("Deployment", "apps/v1", spec={
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "c"}}, "spec": {"containers": [ONE], "restartPolicy": "Never"}},
    }), [
        'spec.template.metadata.labels: Invalid value: {"a":"c"}: `selector` does not match template `labels`',
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ]),
    ("a CronJob", kind("CronJob", "batch/v1", spec={"schedule": "bad"}), [
        'spec.schedule: Invalid value: "bad": expected exactly 5 fields, found 1: [bad]',
        "spec.jobTemplate.spec.template.spec.containers: Required value",
        'spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ]),
    ("an empty Job", kind("Job", "batch/v1", spec={}), [
        "spec.template.spec.containers: Required value",
        'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ]),
    ("a Job's numbers", kind("Job", "batch/v1", spec={
        "parallelism": -1, "completionMode": "Foo",
        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a"}]}},
    }), [
        "spec.parallelism: Invalid value: -1: must be greater than or equal to 0",
        'spec.completionMode: Unsupported value: "Foo": supported values: "NonIndexed", "Indexed"',
        "spec.template.spec.containers[0].image: Required value",
    ]),
]


@pytest.mark.parametrize(("document", "wanted"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_refusal_names_every_cause_in_order(
    stack: Stack, document: dict[str, Any], wanted: list[str]
) -> None:
    done = stack.kubectl("create", "-f", "-", text=json.dumps(document))
    said = EXAMPLE.sub("", done.stderr)
    kind_name, name = document["kind"], document["metadata"].get("name", "")
    assert said.startswith(f'The {kind_name} "{name}" is invalid: '), said
    found = [line.removeprefix("* ") for line in said.partition(" is invalid: ")[2].strip().splitlines()]
    assert found == wanted


@pytest.mark.parametrize(("arguments", "wanted"), [
    (("get", "pods", "-l", "a in b"), "unable to parse requirement: found 'b' expected: '('"),
    (("get", "pods", "-l", "a=!b"), "unable to parse requirement: found '!', expected: identifier"),
    (("get", "pods", "-l", "!!a"), "unable to parse requirement: found '!', expected: identifier"),
    (("get", "pods", "-l", "a b"), "found 'b', expected: in, notin, =, ==, !=, gt, lt"),
    (("get", "pods", "-l", "a in (b"), "unable to parse requirement: found '', expected: ',' or ')'"),
    (("get", "pods", "-l", "a=b,"), ": found '', expected: identifier after ','"),
    (("get", "pods", "-l", "=b"), ": found '=', expected: !, identifier, or 'end of string'"),
    (("get", "pods", "-l", "-a=b"), 'unable to parse requirement: <nil>: Invalid value: "-a": name part must'),
    (("get", "pods", "--field-selector", "foo=bar"), "field label not supported: foo"),
    (("get", "cm", "--field-selector", "data=bar"),
     '"data" is not a known field selector: only "metadata.name", "metadata.namespace"'),
    (("get", "jobs", "--field-selector", "a=b"), 'field label "a" not supported for batchv1.Job'),
    (("delete", "namespace", "default"),
     'Error from server (Forbidden): namespaces "default" is forbidden: this namespace may not be deleted'),
    (("create", "token", "nobody"), 'serviceaccounts "nobody" not found'),
    (("get", "--raw", "/api/v1/pods?resourceVersionMatch=Foo"),
     "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"),
])
def test_a_wrong_question_is_told_as_upstream_tells_it(
    stack: Stack, kubectl_program: str, arguments: tuple[str, ...], wanted: str
) -> None:
    done = stack.kubectl(*arguments, program=kubectl_program)
    assert done.returncode == 1
    assert wanted in done.stderr


def test_a_kind_that_nobody_serves_is_named_as_such(stack: Stack, kubectl_program: str) -> None:
    for version in ("v1", "none.example.com/v1"):
        document = json.dumps({"apiVersion": version, "kind": "Foo", "metadata": {"name": "x"}})
        done = stack.kubectl("apply", "-f", "-", text=document, program=kubectl_program)
        assert f'no matches for kind "Foo" in version "{version}"' in done.stderr
        assert "ensure CRDs are installed first" in done.stderr


def test_another_object_of_the_name_is_a_conflict_of_the_storage(stack: Stack, namespace: str) -> None:
    stack.ok("-n", namespace, "create", "configmap", "c", "--from-literal=a=1")
    done = stack.kubectl("-n", namespace, "patch", "cm", "c", "-p", '{"metadata":{"uid":"x"}}')
    assert (
        'Operation cannot be fulfilled on configmaps "c": StorageError: invalid object, Code: 4, '
        f"Key: /registry/configmaps/{namespace}/c, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: "
        "UID in precondition: x, UID in object meta: "
    ) in done.stderr


def test_what_is_not_served_of_a_pod_says_what_to_do(stack: Stack, namespace: str, kubectl_program: str) -> None:
    stack.ok("-n", namespace, "create", "-f", "-", text=json.dumps(made_of()))
    running = {"status": {"phase": "Running"}}
    stack.ok("-n", namespace, "patch", "pod", "x", "--subresource=status", "--type=merge", "-p",
             json.dumps(running))

    def said(*arguments: str) -> str:
        done = stack.kubectl("-n", namespace, *arguments, program=kubectl_program)
        assert "panic" not in done.stderr
        return done.stderr

    assert "pod x does not have a host assigned" in said("exec", "x", "--", "ls")
    assert 'pods "y" not found' in said("exec", "y", "--", "ls")


def test_a_pod_is_evicted(stack: Stack, namespace: str) -> None:
    stack.ok("-n", namespace, "create", "-f", "-", text=json.dumps(made_of()))
    path = f"/api/v1/namespaces/{namespace}/pods/x/eviction"
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "x"}}
    with stack.http() as client:
        other = client.post(path, json={**eviction, "metadata": {"name": "z"}})
        assert (other.status_code, other.json()["message"]) == (
            400, "name in URL does not match name in Eviction object"
        )
        assert client.post(path, json=eviction).json()["status"] == "Success"
        assert client.post(path, json=eviction).status_code == 404


def test_quantities_come_back_as_upstream_writes_them(stack: Stack) -> None:
    document = made_of(resources={"limits": {"cpu": 1, "memory": "0.5Gi"}, "requests": {"cpu": "1000m"}})
    resources = "jsonpath={.spec.containers[0].resources}"
    shown = stack.ok("create", "--dry-run=server", "-f", "-", "-o", resources, text=json.dumps(document))
    assert json.loads(shown) == {
        "limits": {"cpu": "1", "memory": "512Mi"}, "requests": {"cpu": "1", "memory": "512Mi"},
    }


@pytest.mark.parametrize(("method", "query", "body", "wanted"), [
    ("POST", "dryRun=x", {}, 'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["x"]: supported values: "All"'),
    ("POST", "fieldValidation=x", {}, 'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "x": '
     'supported values: "Ignore", "Warn", "Strict"'),
    ("POST", "fieldManager=" + "x" * 129, {},
     'CreateOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes'),
    ("DELETE", "", {"propagationPolicy": "Foo"}, 'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported '
     'value: "Foo": supported values: "Foreground", "Background", "Orphan", "nil"'),
    ("DELETE", "", {"propagationPolicy": "Orphan", "orphanDependents": True},
     'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Invalid value: "Orphan": orphanDependents and '
     "deletionPropagation cannot be both set"),
    ("DELETE", "", {"preconditions": {"uid": "x"}}, 'Operation cannot be fulfilled on ServiceAccount "default": the UID in '
     "the precondition (x) does not match the UID in record ("),
    ("GET", "watch=1&resourceVersionMatch=Exact", None, "resourceVersionMatch is forbidden for watch unless "
     "sendInitialEvents is provided"),
    ("GET", "sendInitialEvents=true", None, "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"),
])
def test_options_are_refused_by_name(
    stack: Stack, method: str, query: str, body: dict[str, Any] | None, wanted: str
) -> None:
    path = "/api/v1/namespaces/default/serviceaccounts" + ("/default" if method == "DELETE" else "")
    with stack.http() as client:
        found = client.request(method, f"{path}?{query}", json=body)
    assert found.status_code in (409, 422)
    assert wanted in found.json()["message"]


def test_a_namespace_that_cannot_go_says_what_holds_it(stack: Stack, namespace: str) -> None:
    stack.ok("-n", namespace, "create", "-f", "-", text=json.dumps(
        kind("ConfigMap", meta={"finalizers": ["example.com/held"]})
    ))
    stack.ok("delete", "namespace", namespace, "--wait=false")
    shown = "jsonpath={.status.conditions[?(@.status=='True')].message}"
    waiting = "--for=jsonpath={.status.conditions[4].reason}=SomeFinalizersRemain"
    stack.ok("wait", f"ns/{namespace}", waiting, "--timeout=10s")
    assert stack.ok("get", "ns", namespace, "-o", shown) == (
        "Some resources are remaining: configmaps. has 1 resource instances "
        "Some content in the namespace has finalizers remaining: example.com/held in 1 resource instances"
    )
    refused = stack.kubectl("-n", namespace, "create", "sa", "late")
    assert f"unable to create new content in namespace {namespace} because it is being terminated" in refused.stderr
    stack.ok("-n", namespace, "patch", "cm", "x", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    stack.ok("wait", f"ns/{namespace}", "--for=delete", "--timeout=10s")


def test_a_delete_whose_options_are_protobuf(stack: Stack, namespace: str) -> None:
    """As kubectl's typed commands send them, in the version of what is deleted."""
    stack.ok("-n", namespace, "create", "configmap", "c", "--from-literal=a=1")

    def field(number: int, value: bytes) -> bytes:
        return bytes((number << 3 | 2, len(value))) + value

    options = field(4, b"Background") + field(5, b"All")
    body = b"k8s\0" + field(1, field(1, b"v1") + field(2, b"DeleteOptions")) + field(2, options)
    media = {"content-type": "application/vnd.kubernetes.protobuf"}
    path = f"/api/v1/namespaces/{namespace}/configmaps/c"
    with stack.http() as client:
        assert client.request("DELETE", path, content=body, headers=media).status_code == 200
        assert client.get(path).status_code == 200, "a dry run deletes nothing"
