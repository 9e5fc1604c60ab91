"""Services, names and networks of pods, as a user has them: manifests in, answers from inside pods out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.platform import Platform, eventually

SERVER = """
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = sys.argv[1].encode()
        self.send_response(200); self.send_header("content-length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("", 8080), H).serve_forever()
"""


def pod(name: str, script: str, **spec: Any) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "main", "image": "alpine:3", "command": ["sh", "-c", script]}
    for field in ("ports", "env", "readinessProbe"):
        if field in spec:
            container[field] = spec.pop(field)
    labels, notes = spec.pop("labels", {"app": name}), spec.pop("annotations", {})
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels, "annotations": notes},
        "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container], **spec},
    }


def served(name: str, says: str = "", **spec: Any) -> dict[str, Any]:
    return pod(
        name, f"exec python3 -c '{SERVER}' {says or name}", ports=[{"name": "web", "containerPort": 8080}],
        readinessProbe={"httpGet": {"path": "/", "port": "web"}, "periodSeconds": 1}, **spec,
    )


def service(name: str, **spec: Any) -> dict[str, Any]:
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": "web"}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = Platform(Path(tmp_path_factory.mktemp("home")))
    try:
        yield made.up()
    finally:
        made.down()


def apply(platform: Platform, *objects: dict[str, Any]) -> None:
    import json

    platform.kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def end_of(platform: Platform, name: str) -> str:
    """What a pod that has succeeded says."""
    over = eventually(
        lambda: (found := platform.get("pod", name))["status"].get("phase") in ("Succeeded", "Failed") and found,
        f"the end of {name}",
    )
    said = platform.kubectl("logs", name)
    assert over["status"]["phase"] == "Succeeded", (over["status"], said)
    return said


def ready(platform: Platform, *names: str) -> None:
    for name in names:
        platform.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")


def events(platform: Platform, name: str) -> dict[str, str]:
    items = platform.get("events", f"--field-selector=involvedObject.name={name}")["items"]
    return {each["reason"]: each["message"] for each in items}


GET = 'get() { python3 -c "import urllib.request,sys;print(urllib.request.urlopen(sys.argv[1],timeout=5).read().decode())" $1; };'


def test_two_servers_on_one_port_are_found_by_name(platform: Platform) -> None:
    apply(platform, service("one"), service("two", clusterIP="None"), served("one"), served("two"))
    ready(platform, "one", "two")
    names = "one one.default one.default.svc one.default.svc.cluster.local"
    apply(platform, pod("asks", f"{GET} for n in {names}; do get http://$n; done; get http://two:8080; getent hosts two"))
    said = end_of(platform, "asks").split()
    assert said[:5] == ["one"] * 4 + ["two"]
    address = platform.get("pod", "two")["status"]["podIP"]
    assert said[5] == address
    told = events(platform, "two")["AddedInterface"]
    assert address in told
    assert "declares ports" in told
    assert "it speaks of" in eventually(lambda: events(platform, "asks").get("AddedInterface"), "the event")
