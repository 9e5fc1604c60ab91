"""A real JupyterLab behind the real gateway: opened, worked in, stopped, started again with its files."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from pinnace.cli.connection import Refused
from tests.conftest import ROOT
from tests.e2e.platform import Platform, eventually
from tests.notebook.visitor import Visitor

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
INSTALLED = 1200.0
"""Seconds in which JupyterLab's wheels are certainly installed, also on a slow and loaded machine."""
LAB = (ROOT / "examples" / "notebook.yaml").read_text()
GREEDY = """
apiVersion: kubeflow.org/v1beta1
kind: Notebook
metadata: {name: greedy}
spec:
  template:
    spec:
      containers:
      - {name: greedy, image: kubeflownotebookswg/jupyter, resources: {limits: {nvidia.com/gpu: 2}}}
"""
BOARD = (ROOT / "examples" / "tensorboard.yaml").read_text().replace("name: board", "name: lab")
"""Named as the notebook is, whose host it would have."""
READER = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [kubeflow.org], resources: [notebooks], verbs: [get, list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: reader, namespace: default}]
"""
FILES = "/pinnace/v1/namespaces/default/volumes/lab-workspace/files"
LINK = "/pinnace/v1/namespaces/default/notebooks/lab/link"
PREFIX = "/notebook/default/lab"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    instance = Platform(tmp_path_factory.mktemp("lab") / "home", "--rbac", "strict")
    try:
        yield instance.up()
    finally:
        instance.down()


def opened(platform: Platform, path: str = LINK) -> Visitor:
    link = eventually(lambda: link_of(platform, path), "a link", INSTALLED)
    visitor = Visitor(link)
    assert visitor.first[0] == 303, visitor.first
    return visitor


def link_of(platform: Platform, path: str) -> str:
    """'' while the platform says that it is not reachable yet."""
    try:
        return str(json.loads(platform.api.request("POST", path, {}))["url"])
    except Refused as refusal:
        assert refusal.code == 503, refusal
        return ""


def executed(visitor: Visitor, kernel: str, code: str) -> str:
    """What a cell displays, by Jupyter's own protocol."""
    session, number = uuid.uuid4().hex, uuid.uuid4().hex
    header = {
        "msg_id": number, "msg_type": "execute_request", "session": session, "username": "",
        "version": "5.3", "date": "2026-01-01T00:00:00Z",
    }
    content = {
        "code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False,
        "stop_on_error": True,
    }
    order = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell",
             "buffers": []}
    with visitor.socket(f"{PREFIX}/api/kernels/{kernel}/channels") as wire:
        wire.send(json.dumps(order))
        while True:
            said = json.loads(wire.recv(timeout=300))
            if said["parent_header"].get("msg_id") != number:
                continue
            assert said["msg_type"] != "error", said["content"]
            if said["msg_type"] == "execute_result":
                return str(said["content"]["data"]["text/plain"])


def typed(visitor: Visitor, terminal: str, line: str, wanted: str) -> None:
    with visitor.socket(f"{PREFIX}/terminals/websocket/{terminal}") as wire:
        wire.send(json.dumps(["stdin", f"{line}\r"]))
        seen = ""
        while wanted not in seen:
            word, *rest = json.loads(wire.recv(timeout=300))
            seen += str(rest[0]) if word == "stdout" else ""


def refused(visitor: Visitor, path: str, **headers: str | None) -> int:
    with pytest.raises(InvalidStatus) as failure:
        visitor.socket(path, **headers).close()
    return failure.value.response.status_code


def contents(platform: Platform, path: str = "/") -> dict[str, Any]:
    return {one["name"]: one for one in json.loads(platform.api.request("GET", FILES + path))["entries"]}


def test_a_notebook_is_opened_worked_in_stopped_and_started_again(platform: Platform) -> None:
    platform.kubectl("apply", "-f", "-", text=LAB)
    visitor = opened(platform)
    assert visitor.location == f"{PREFIX}/"
    page = eventually(lambda: shown(visitor), "JupyterLab's page", INSTALLED)
    assert b"<title>JupyterLab</title>" in page

    kernel = visitor.json("POST", f"{PREFIX}/api/kernels", {"name": "python3"})["id"]
    work = "import os; open('kept.txt', 'w').write('by hand'); os.environ['NB_PREFIX'] + ' ' + os.getcwd()"
    assert executed(visitor, kernel, work) == f"'{PREFIX} /home/jovyan'"
    terminal = visitor.json("POST", f"{PREFIX}/api/terminals", {})["name"]
    typed(visitor, terminal, "echo $((6*7))-from-a-shell", "42-from-a-shell")

    channels = f"{PREFIX}/api/kernels/{kernel}/channels"
    assert refused(visitor, channels, cookie=None) == 401
    assert refused(visitor, channels, origin=None) == 403
    assert refused(visitor, channels, origin="http://other.default.localhost") == 403
    assert Visitor(visitor.origin + "/.pinnace/session?code=guessed").first[0] == 403

    assert contents(platform)["kept.txt"]["size"] == 7
    assert platform.api.request("GET", f"{FILES}/kept.txt") == b"by hand"
    told(platform)

    platform.kubectl("annotate", "notebook", "lab", "kubeflow-resource-stopped=now")
    eventually(lambda: not platform.get("pods", "-l", "notebook-name=lab")["items"], "its pod's end", 180)
    assert eventually(lambda: visitor.ask("GET", f"{PREFIX}/api")[0] in (401, 404), "its session's end", 120)
    with pytest.raises(Refused, match="is stopped"):
        platform.api.request("POST", LINK, {})
    platform.kubectl("annotate", "notebook", "lab", "kubeflow-resource-stopped-")
    again = opened(platform)
    eventually(lambda: shown(again), "JupyterLab's page", INSTALLED)
    assert again.ask("GET", f"{PREFIX}/files/kept.txt")[1] == b"by hand"
    assert visitor.ask("GET", f"{PREFIX}/api")[0] == 401, "a session of before the stop"
    link = platform.command("notebook", "open", "lab", "--print").stdout.strip()
    assert link.startswith("http://lab.default.localhost:")


def shown(visitor: Visitor) -> bytes:
    code, page = visitor.ask("GET", f"{PREFIX}/lab")
    assert code in (200, 503), page
    return page if code == 200 else b""


def told(platform: Platform) -> None:
    """What kubectl sees of it."""
    found = eventually(lambda: ready(platform), "the notebook's status", 180)
    assert "running" in found["status"]["containerState"]
    ports = platform.get("service", "lab")["spec"]["ports"]
    assert [(one["name"], one["port"], one["targetPort"]) for one in ports] == [("http-lab", 80, 8888)]
    noted = "notebooks.kubeflow.org/last-activity"
    eventually(
        lambda: noted in (platform.get("notebook", "lab")["metadata"].get("annotations") or {}), noted, 300
    )
    again = "Reissued from pod/lab-0"
    eventually(lambda: again in platform.kubectl("describe", "notebook", "lab"), "its story", 120)


def ready(platform: Platform) -> Any:
    found = platform.get("notebook", "lab")
    return found if (found.get("status") or {}).get("readyReplicas") == 1 else None


def test_who_may_only_look_at_notebooks_opens_none(platform: Platform) -> None:
    platform.kubectl("apply", "-f", "-", text=LAB + "---" + READER)
    token = platform.kubectl("create", "token", "reader").strip()
    api = platform.api
    reader = type(api)(api.port, token)
    assert reader.json("/apis/kubeflow.org/v1/namespaces/default/notebooks/lab")["kind"] == "Notebook"
    for method, path in (("POST", LINK), ("GET", f"{FILES}/"), ("PUT", f"{FILES}/x")):
        with pytest.raises(Refused) as refusal:
            reader.request(method, path, b"{}")
        assert refusal.value.code == 403, path
    nobody = type(api)(api.port, "guessed")
    with pytest.raises(Refused) as refusal:
        nobody.request("POST", LINK, {})
    assert refusal.value.code == 401


def test_hardware_that_is_not_there_is_named_with_what_is_free(platform: Platform) -> None:
    platform.kubectl("apply", "-f", "-", text=GREEDY)

    def message() -> str:
        found = platform.get("notebook", "greedy").get("status") or {}
        return str(next((one.get("message") for one in found.get("conditions") or ()), ""))

    said = eventually(message, "the notebook's condition", 180)
    assert "It asks for 2 nvidia.com/gpu. Free on this machine: cpu " in said


def test_a_tensorboard_is_opened_beside_a_notebook_of_its_name(platform: Platform) -> None:
    platform.kubectl("apply", "-f", "-", text=LAB + "---" + BOARD)
    platform.api.request("PUT", f"{FILES}/logs?folder=true", b"")
    visitor = opened(platform, "/pinnace/v1/namespaces/default/tensorboards/lab/link")
    assert visitor.host.startswith("lab-tensorboard.default.localhost:")

    def environment() -> Any:
        code, body = visitor.ask("GET", "/data/environment")
        assert code in (200, 503), body
        return json.loads(body) if code == 200 else None

    assert eventually(environment, "TensorBoard", INSTALLED)["data_location"] == "/tensorboard_logs/"
    assert Visitor(visitor.origin + "/.pinnace/session?code=x").ask("GET", "/data/environment")[0] == 401
    eventually(lambda: platform.get("tensorboard", "lab")["status"]["readyReplicas"] == 1, "its status", 180)
