"""What a blueprint becomes runs for real: the orchestrator's Deployment, the InferenceGraph, the Workflow."""

from __future__ import annotations

import http.client
import json
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.platform import Platform, eventually

pytestmark = pytest.mark.timeout(600)
SERVER = """
import http.server

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        number = int(self.rfile.read(int(self.headers["Content-Length"])))
        made = str({"square": number ** 2, "add": number + 1}[self.path.strip("/")]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(made)))
        self.end_headers()
        self.wfile.write(made)

http.server.ThreadingHTTPServer(("", 3330), Handler).serve_forever()
"""
RULE = {
    "image": "registry.example/math/*", "python": "*", "files": {"/server.py": SERVER},
    "entrypoint": ["python3", "/server.py"],
}


def node(name: str, operation: str, *after: str) -> dict[str, Any]:
    targets = [each.split(".") for each in after]
    return {
        "container_name": name, "node_type": "REST", "image": f"https://registry.example/math/{operation}:1",
        "operation_signature_list": [{
            "operation_signature": {"operation_name": operation},
            "connected_to": [
                {"container_name": target, "operation_signature": {"operation_name": entry}}
                for target, entry in targets
            ],
        }],
    }


BLUEPRINT = {
    "name": "Square and add", "version": "1",
    "input_ports": [{"container_name": "Square1", "operation_signature": {"operation_name": "square"}}],
    "nodes": [node("Square1", "square", "Add_1.add"), node("Add_1", "add")],
    "probeIndicator": [{"value": "false"}],
}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = Platform(tmp_path_factory.mktemp("blueprint") / "home")
    made.home.prepare()
    (made.home.root / "environments.yaml").write_text(json.dumps({"environments": [RULE]}))
    try:
        yield made.up()
    finally:
        made.down()


@pytest.fixture(scope="module")
def lowered(platform: Platform) -> Any:
    return json.loads(platform.api.request("POST", "/pinnace/v1/authoring/acumos", {"document": BLUEPRINT}))


@pytest.fixture(scope="module")
def deployed(platform: Platform, lowered: Any) -> str:
    """Where the orchestrator is asked through the API."""
    listed = {"apiVersion": "v1", "kind": "List", "items": lowered["orchestrator"]}
    platform.kubectl("apply", "-f", "-", text=json.dumps(listed))
    ready(platform, "deployment", "Available", "default", 2, {"square1", "add-1"})
    ready(platform, "isvc", "Ready", "default", 1)
    return "/api/v1/namespaces/default/services/modelconnector:8555/proxy"


def ready(
    platform: Platform, kind: str, condition: str, namespace: str, count: int,
    which: Collection[str] | None = None,
) -> None:
    """All of them, or those of these names, however slow the machine is."""

    def every() -> bool:
        items = platform.get(kind, "-n", namespace)["items"]
        wanted = [one for one in items if which is None or one["metadata"]["name"] in which]
        found = [(one.get("status") or {}).get("conditions") or [] for one in wanted]
        good = [any(c["type"] == condition and c["status"] == "True" for c in each) for each in found]
        return len(good) == count and all(good)

    eventually(every, f"{kind} to be {condition}", within=300)


def through_gateway(url: str, path: str, body: bytes) -> tuple[int, bytes]:
    place = urlsplit(url)
    client = http.client.HTTPConnection("127.0.0.1", place.port or 80, timeout=60)
    try:
        client.request("POST", path, body, {"Host": place.netloc, "Content-Type": "application/json"})
        answer = client.getresponse()
        return answer.status, answer.read()
    finally:
        client.close()


@pytest.mark.slow
def test_a_deployed_blueprint_answers_every_caller(platform: Platform, deployed: str) -> None:
    assert platform.api.request("POST", f"{deployed}/square", b"5") == b"26"
    url = platform.get("isvc", "square-and-add-orchestrator")["status"]["url"]
    with ThreadPoolExecutor(32) as callers:
        numbers = range(100, 164)
        answers = list(callers.map(lambda n: through_gateway(url, "/square", str(n).encode()), numbers))
    assert answers == [(200, str(number**2 + 1).encode()) for number in numbers]
    code, body = through_gateway(url, "/square", b"many")
    assert (code, b"Square1 at square1:3330 does not answer" in body) == (502, True)
    info = json.loads(platform.get("configmap", "square-and-add-blueprint")["data"]["dockerinfo.json"])
    assert info["docker_info_list"][0] == {
        "container_name": "Square1", "ip_address": "square1", "port": "3330"
    }


@pytest.mark.slow
def test_its_inference_graph_answers_too(platform: Platform, lowered: Any) -> None:
    platform.kubectl("create", "namespace", "online")
    order = {"document": BLUEPRINT, "namespace": "online"}
    made = json.loads(platform.api.request("POST", "/pinnace/v1/authoring/acumos", order))
    steps = made["graph"]["spec"]["nodes"]["root"]["steps"]
    assert steps[0]["serviceUrl"] == "http://square1.online.svc.cluster.local/square"
    listed = {"apiVersion": "v1", "kind": "List", "items": [*made["services"], made["graph"]]}
    platform.kubectl("apply", "-n", "online", "-f", "-", text=json.dumps(listed))
    ready(platform, "isvc", "Ready", "online", 2)
    ready(platform, "ig", "Ready", "online", 1)
    url = urlsplit(platform.get("ig", "square-and-add", "-n", "online")["status"]["url"])
    assert through_gateway(url.geturl(), "/", b"6") == (200, b"37")
    told = json.loads(platform.api.request(
        "POST", "/pinnace/v1/namespaces/online/inferencegraphs/square-and-add/walk", b"6"
    ))
    assert (told["status"], told["body"]) == (200, {"text": "37"})
    fields = ("node", "index", "status", "request", "answer")
    assert [tuple(one[field] for field in fields) for one in told["steps"]] == [
        ("root", 0, 200, {"text": "6"}, {"text": "36"}), ("root", 1, 200, {"text": "36"}, {"text": "37"}),
    ]
    counted = json.loads(platform.api.request("GET", "/pinnace/v1/endpoints?namespace=online"))["graphs"][0]
    assert [(one["node"], one["requests"], one["errors"]) for one in counted["steps"]] == [
        ("root", 2, 0), ("root", 2, 0)
    ]


@pytest.mark.slow
def test_its_workflow_takes_a_message_through_all_containers(platform: Platform, lowered: Any) -> None:
    workflow = lowered["workflow"]
    workflow["metadata"] = {"name": "batch", "annotations": workflow["metadata"]["annotations"]}
    workflow["spec"]["arguments"]["artifacts"][0]["raw"]["data"] = "7"
    platform.run(json.dumps(workflow))
    nodes = platform.get("wf", "batch")["status"]["nodes"].values()
    last = next(one for one in nodes if one["displayName"] == "add-1")
    found = platform.api.request("GET", f"/artifact-files/default/workflows/batch/{last['id']}/outputs/out")
    assert found == b"50"


def test_what_was_lowered_leads_back(platform: Platform, lowered: Any) -> None:
    for made in (lowered["graph"], lowered["workflow"]):
        back = json.loads(platform.api.request("POST", "/pinnace/v1/authoring/to-acumos", {"document": made}))
        assert back["blueprint"] == BLUEPRINT
