# ruff: noqa: E501 - an attack reads best on one line
"""Models and their endpoints: where they may come from, what reaches them, and whom the gateway can be made to call."""

from __future__ import annotations

import http.client
import json
import os
import socket
import stat
import uuid
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.e2e.platform import eventually
from tests.security.site import CANARY, Obj, Site, step

ISVC = "/apis/serving.kserve.io/v1beta1/namespaces/{}/inferenceservices"
KIND = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService"}
SOCKET = "/var/run/model/http.sock"
ECHO = """
import http.server, os, socketserver, sys
class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        if self.path.startswith('/swap='):
            os.unlink(PATH); os.symlink(self.path[6:], PATH)
        body = (self.requestline + '\\n' + str(self.headers)).encode()
        self.send_response(200); self.send_header('Content-Length', str(len(body)))
        self.send_header('Connection', 'close'); self.end_headers(); self.wfile.write(body)
        self.close_connection = True
    do_POST = do_GET
    def address_string(self): return 'gateway'
    def log_message(self, *args): pass
class Server(socketserver.ThreadingUnixStreamServer): daemon_threads = True
PATH = sys.argv[1]
if os.path.lexists(PATH): os.unlink(PATH)
Server(PATH, Echo).serve_forever()
"""


def echo(site: Site, namespace: str) -> str:
    """A ready InferenceService of a user's own container, which says what reached it; its name."""
    name = f"echo-{uuid.uuid4().hex[:6]}"
    container = {"name": "kserve-container", "image": "python:3", "command": ["python3", "-c", ECHO, SOCKET]}
    document = {
        **KIND,
        "metadata": {
            "name": name,
            "annotations": {"pinnace.dev/sockets": json.dumps({"kserve-container": [SOCKET]})},
        },
        "spec": {"predictor": {"containers": [container]}},
    }
    site.ask("POST", ISVC.format(namespace), document)
    eventually(lambda: ready(site, namespace, name), f"{name} ready")
    return name


def ready(site: Site, namespace: str, name: str) -> bool:
    conditions = (service(site, namespace, name).get("status") or {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def service(site: Site, namespace: str, name: str) -> Obj:
    return site.ask("GET", f"{ISVC.format(namespace)}/{name}")


def call(site: Site, namespace: str, name: str, path: str = "/", **headers: str) -> tuple[int, str]:
    port = int((site.home.gateway / "port").read_text())
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        host = f"{name}.{namespace}.example.com"
        client.request(
            "GET", path, headers={"Host": host, **{k.replace("_", "-"): v for k, v in headers.items()}}
        )
        answer = client.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        client.close()


def test_the_consoles_credentials_do_not_reach_a_model(site: Site) -> None:
    namespace = site.namespace()
    name = echo(site, namespace)
    token = site.platform.api.token
    status, got = call(
        site, namespace, name, "/v1/x", Authorization=f"Bearer {token}",
        Cookie=f"pinnace_session={CANARY}; pinnace_session_ab={CANARY}; mine=kept", X_Mine="kept",
    )  # fmt: skip
    assert status == 200, got
    assert token not in got and CANARY not in got
    assert "X-Mine: kept" in got or "x-mine: kept" in got


@pytest.mark.parametrize("kind", ["foreign socket", "the node", "Envoy's admin"])
def test_a_pod_cannot_make_the_gateway_call_another_socket(
    site: Site, docker: tuple[Path, list[bytes]], kind: str
) -> None:
    """A link in place of its own socket: Envoy, outside, would connect to Docker as this user."""
    namespace = site.namespace()
    name = echo(site, namespace)
    path, seen = docker
    target = {
        "foreign socket": path,
        "the node": site.home.node_socket,
        "Envoy's admin": site.home.run / "envoy.sock",
    }[kind]
    assert call(site, namespace, name, f"/swap={target}")[0] == 200
    for _ in range(4):
        _, got = call(
            site, namespace, name, "/containers/json" if kind != "Envoy's admin" else "/server_info"
        )
        assert CANARY not in got and "hot_restart_version" not in got
    assert not [request for request in seen if b"/containers" in request]
    assert not seen, "a probe of the node went there"


def test_no_annotation_of_a_service_names_a_socket_of_the_host(
    site: Site, docker: tuple[Path, list[bytes]]
) -> None:
    namespace = site.namespace()
    path, seen = docker
    forged = {SOCKET: str(path), "kserve-container": {SOCKET: str(path)}}
    notes = {
        "pinnace.dev/sockets": json.dumps({"kserve-container": [SOCKET]}),
        "pinnace.dev/socket-paths": json.dumps(forged),
    }
    container = {"name": "kserve-container", "image": "python:3", "command": ["sleep", "100"]}
    for where in ("service", "component"):
        predictor: Obj = {"containers": [container]}
        meta: Obj = {"name": f"s-{where}"}
        (meta if where == "service" else predictor)["annotations"] = notes
        site.ask("POST", ISVC.format(namespace), {**KIND, "metadata": meta, "spec": {"predictor": predictor}})
        pods = (
            f"/api/v1/namespaces/{namespace}/pods?labelSelector=serving.kserve.io/inferenceservice=s-{where}"
        )
        eventually(
            lambda pods=pods: any(  # type: ignore[misc]
                p["status"]["phase"] == "Running" for p in site.ask("GET", pods)["items"]
            ),
            "a running pod",
        )
        for pod in site.ask("GET", pods)["items"]:
            assert str(path) not in pod["metadata"]["annotations"].get("pinnace.dev/socket-paths", "")
    assert not seen


PLACES = {
    "file:///etc/passwd": "not served",
    "file:///../../etc/passwd": "'..'",
    "/etc/passwd": "not served",
    "http://169.254.169.254/latest/meta-data": "not fetched",
    "https://[fe80::1]/x": "not fetched",
    "https://metadata.google.internal/x": "not fetched",
    "http://127.0.0.1:1/x": "not fetched",
    "gs://bucket/x": "not fetched",
    "s3://artifacts/../../etc/passwd": "'..'",
    "s3://artifacts/%2e%2e/%2e%2e/etc/passwd": "'..'",
    "pvc://../x": "",
    "pvc://data/../../x": "'..'",
    "pvc://data/%2e%2e/x": "'..'",
    "hdfs://x/y": "not fetched",
    "s3://artifacts/%252e%252e/x": "",
}


@pytest.mark.parametrize("uri", PLACES)
def test_a_models_uri_reads_nothing_else(site: Site, uri: str) -> None:
    namespace = site.namespace()
    model = {"modelFormat": {"name": "sklearn"}, "storageUri": uri}
    status, answer = site.http(
        "POST",
        ISVC.format(namespace),
        {**KIND, "metadata": {"name": "m"}, "spec": {"predictor": {"model": model}}},
    )
    if status >= 400:
        assert status < 500
        assert PLACES[uri] in answer.decode()
        return

    def told() -> str:
        events = site.ask("GET", f"/api/v1/namespaces/{namespace}/events")["items"]
        text = json.dumps([event["message"] for event in events if event["type"] == "Warning"])
        text += json.dumps(service(site, namespace, "m").get("status") or {})
        return text if PLACES[uri] in text and ("message" in text or events) else ""

    text = eventually(told, f"what is wrong with {uri}", 90)
    assert "root:" not in text
    pods = site.ask("GET", f"/api/v1/namespaces/{namespace}/pods")["items"]
    assert not [pod for pod in pods if pod["status"]["phase"] == "Running"]


def test_a_pickle_is_loaded_in_the_sandbox_only(site: Site, outside: Path) -> None:
    """The model server runs what a pickle says; it must reach no more than a step does."""
    namespace = site.namespace()
    loot = f"cat {site.home.token} {outside}/secret; id -u; touch {outside}/planted; grep Cap /proc/self/status; true"
    code = (
        "import pickle, os\n"
        "class Bad:\n"
        f"    def __reduce__(self): return (os.system, ({loot!r},))\n"
        "pickle.dump(Bad(), open('/out', 'wb'))"
    )
    template = step(
        "", outputs={"artifacts": [{"name": "m", "path": "/out", "s3": {"key": "bad/model.pkl"}}]}
    )
    template["container"] = {"image": "python:3", "command": ["python3", "-c", code]}
    done = site.workflow({"templates": [template]}, namespace)
    assert done["status"]["phase"] == "Succeeded"
    model = {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://artifacts/bad/model.pkl"}
    site.ask(
        "POST",
        ISVC.format(namespace),
        {**KIND, "metadata": {"name": "bad"}, "spec": {"predictor": {"model": model}}},
    )

    def log() -> str:
        pods = site.ask("GET", f"/api/v1/namespaces/{namespace}/pods")["items"]
        servers = [
            p for p in pods if "bad" in p["metadata"]["labels"].get("serving.kserve.io/inferenceservice", "")
        ]
        if os.getuid() != 0 and "ErrImagePull" in json.dumps([pod["status"] for pod in servers]):
            pytest.skip("this user reaches no package index to build the model server from; run as root too")
        logs = "".join(site.log(pod, "kserve-container") for pod in servers)
        return logs if "CapEff" in logs else ""

    said = eventually(log, "the pickle's own output", 120)
    assert CANARY not in said and site.platform.api.token not in said
    assert "CapEff:\t0000000000000000" in said
    assert os.listdir(outside) == ["secret"]


def test_envoys_admin_is_a_private_socket_and_no_port(site: Site) -> None:
    sockets = [path for path in site.home.run.rglob("*") if path.is_socket()]
    assert sockets
    for path in (site.home.run, *site.home.run.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert path.is_symlink() or mode & 0o077 == 0 or private(path.parent, site.home.run), (
            path,
            oct(mode),
        )
    wanted = {site.platform.api.port, int((site.home.gateway / "port").read_text())}
    for pid in site.platform.pids().values():
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            # a step that has just ended listens nowhere; one that is entering its sandbox lets nobody look
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                opened = process.net_connections("inet")
                listening = [each for each in opened if each.status == psutil.CONN_LISTEN]
                assert {each.laddr.ip for each in listening} <= {"127.0.0.1", "::1"}, listening
                assert {each.laddr.port for each in listening} <= wanted, (process.cmdline(), listening)
    for port in wanted:
        for asked in ("/quitquitquit", "/config_dump", "/stats", "/server_info"):
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            client.request("POST" if asked == "/quitquitquit" else "GET", asked)
            answer = client.getresponse()
            assert answer.status in (401, 403, 404, 405), (port, asked)
            assert b"hot_restart_version" not in answer.read()
            client.close()


def private(folder: Path, top: Path) -> bool:
    while folder != top.parent:
        if stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0:
            return True
        folder = folder.parent
    return False


def descriptors(pid: int) -> list[str]:
    """What a process has open; [''] once it is gone, [] while it enters its sandbox and may not be looked into."""
    try:
        names = os.listdir(f"/proc/{pid}/fd")
        return ["", *(os.readlink(f"/proc/{pid}/fd/{name}") for name in names)]
    except PermissionError:
        return []
    except FileNotFoundError:
        return [] if os.path.exists(f"/proc/{pid}") else [""]


def test_abstract_sockets_are_not_used(site: Site) -> None:
    """They know no permissions: any process of this machine, sandboxed ones too, could connect."""
    inodes = set()
    for pid in site.platform.pids().values():
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            found = eventually(partial(descriptors, process.pid), f"the descriptors of {process.pid}")
            inodes |= set(found)
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    abstract = [
        row[7] for row in rows if len(row) > 7 and row[7].startswith("@") and f"socket:[{row[6]}]" in inodes
    ]
    assert not abstract
    assert socket.AF_UNIX
