"""The `kubernetes` Python client and an unmodified kopf operator, as their users run them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config, dynamic, watch

from tests.api.conftest import Stack
from tests.api.test_kubectl import CRD, widget

OPERATOR = """
import kopf

@kopf.on.create("example.com", "v1", "widgets")
def created(body, spec, name, patch, **_):
    kopf.info(body, reason="Made", message="It is made")
    patch.status["note"] = f"made {name} of {spec['size']}"

@kopf.on.field("example.com", "v1", "widgets", field="spec.size")
def resized(old, new, patch, **_):
    patch.status["size"] = new

@kopf.on.delete("example.com", "v1", "widgets")
def deleted(name, **_):
    print("deleted", name, flush=True)
"""


@pytest.fixture
def api(stack: Stack) -> Iterator[client.ApiClient]:
    settings = client.Configuration()
    config.load_kube_config(str(stack.home.kubeconfig), client_configuration=settings)
    with client.ApiClient(settings) as made:
        yield made


def eventually(condition: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to be in time"
        time.sleep(0.05)
    return found


def test_core_objects_by_the_python_client(api: client.ApiClient, namespace: str) -> None:
    core = client.CoreV1Api(api)
    made = core.create_namespaced_config_map(
        namespace,
        client.V1ConfigMap(metadata=client.V1ObjectMeta(name="c", labels={"a": "b"}), data={"k": "v"}),
    )
    assert made.metadata.uid
    assert core.read_namespaced_config_map("c", namespace).data == {"k": "v"}
    core.patch_namespaced_config_map("c", namespace, {"data": {"x": "y"}})
    listed = core.list_namespaced_config_map(namespace, label_selector="a=b")
    assert listed.items[0].data == {"k": "v", "x": "y"}
    with pytest.raises(client.ApiException) as missing:
        core.read_namespaced_config_map("d", namespace)
    assert missing.value.status == 404
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "m", "image": "busybox"}]}}
    assert core.create_namespaced_pod(namespace, pod).status.phase == "Pending"
    assert core.delete_namespaced_pod("p", namespace).metadata.name == "p"
    assert core.delete_namespaced_config_map("c", namespace)["status"] == "Success"
    assert client.VersionApi(api).get_code().minor == "36"


def test_a_watch_by_the_python_client(api: client.ApiClient, namespace: str) -> None:
    core = client.CoreV1Api(api)
    core.create_namespaced_config_map(namespace, {"metadata": {"name": "first"}})
    seen = []
    watcher = watch.Watch()
    for event in watcher.stream(core.list_namespaced_config_map, namespace, timeout_seconds=20):
        seen.append((event["type"], event["object"].metadata.name))
        if len(seen) == 1:
            core.create_namespaced_config_map(namespace, {"metadata": {"name": "second"}})
            core.delete_namespaced_config_map("first", namespace)
        if len(seen) == 3:
            watcher.stop()
    assert seen == [("ADDED", "first"), ("ADDED", "second"), ("DELETED", "first")]


def test_users_kinds_by_custom_and_dynamic_clients(
    stack: Stack, api: client.ApiClient, namespace: str
) -> None:
    stack.ok("apply", "-f", "-", text=CRD)
    custom = client.CustomObjectsApi(api)
    place = ("example.com", "v1", namespace, "widgets")
    body = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "w"},
        "spec": {"color": "red"},
    }
    assert custom.create_namespaced_custom_object(*place, body)["spec"]["size"] == 3
    custom.patch_namespaced_custom_object_status(*place, "w", {"status": {"note": "n"}})
    assert custom.get_namespaced_custom_object(*place, "w")["status"] == {"note": "n"}
    widgets = dynamic.DynamicClient(api).resources.get(api_version="example.com/v1", kind="Widget")
    assert widgets.get(name="w", namespace=namespace).spec.size == 3
    applied = widgets.server_side_apply(
        body={**body, "spec": {"color": "red", "size": 7}},
        namespace=namespace,
        name="w",
        field_manager="t",
        force_conflicts=True,
    )
    assert applied.spec.size == 7
    assert widgets.delete(name="w", namespace=namespace).status == "Success"


@pytest.mark.slow
def test_an_unmodified_kopf_operator(stack: Stack, namespace: str, tmp_path: Path) -> None:
    stack.ok("apply", "-f", "-", text=CRD)
    program, log = tmp_path / "operator.py", tmp_path / "operator.log"
    program.write_text(OPERATOR)
    environment = {**stack.kubectl_environment(tmp_path), "PYTHONUNBUFFERED": "1", "PATH": os.environ["PATH"]}
    with log.open("w") as output:
        operator = subprocess.Popen(
            [str(Path(sys.executable).parent / "kopf"), "run", "-n", namespace, "--standalone", str(program)],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def shown(path: str) -> str:
        return stack.ok("-n", namespace, "get", "wd", "a", "-o", f"jsonpath={path}")

    try:
        stack.ok("-n", namespace, "create", "-f", "-", text=widget("a", "{color: green, size: 4}"))
        eventually(lambda: shown("{.status.note}") == "made a of 4")
        stack.ok("-n", namespace, "patch", "wd", "a", "--type=merge", "-p", '{"spec":{"size":6}}')
        eventually(lambda: shown("{.status.size}") == "6")
        assert "kopf.zalando.org" in shown("{.metadata.finalizers}")
        eventually(lambda: "It is made" in stack.ok("-n", namespace, "get", "events"))
        stack.ok("-n", namespace, "delete", "wd", "a", "--timeout=30s")
        assert "deleted a" in log.read_text()
    except BaseException:
        print(log.read_text())
        raise
    finally:
        operator.terminate()
        operator.wait(20)
