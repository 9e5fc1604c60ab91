"""Services, names and networks of pods, as a user has them: manifests in, answers from inside pods out."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
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
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container], **spec}
    meta = {"name": name, "labels": labels, "annotations": notes}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


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
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    platform.kubectl("apply", "-f", "-", text=text)


def end_of(platform: Platform, name: str) -> str:
    """What a pod that has succeeded says."""
    def over_yet() -> Any:
        found = platform.get("pod", name)
        return found if found["status"].get("phase") in ("Succeeded", "Failed") else None

    over = eventually(over_yet, f"the end of {name}")
    said = platform.kubectl("logs", name)
    assert over["status"]["phase"] == "Succeeded", (over["status"], said)
    return said


def ready(platform: Platform, *names: str) -> None:
    for name in names:
        platform.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")


def events(platform: Platform, name: str) -> dict[str, str]:
    items = platform.get("events", f"--field-selector=involvedObject.name={name}")["items"]
    return {each["reason"]: each["message"] for each in items}


GET = (
    'get() { python3 -c "import urllib.request as u,sys;'
    'print(u.urlopen(sys.argv[1],timeout=5).read().decode())" $1; };'
)


def test_two_servers_on_one_port_are_found_by_name(platform: Platform) -> None:
    apply(platform, service("one"), service("two", clusterIP="None"), served("one"), served("two"))
    ready(platform, "one", "two")
    names = "one one.default one.default.svc one.default.svc.cluster.local"
    script = f"{GET} for n in {names}; do get http://$n; done; get http://two:8080; getent hosts two"
    apply(platform, pod("asks", script))
    said = end_of(platform, "asks").split()
    assert said[:5] == ["one"] * 4 + ["two"]
    address = platform.get("pod", "two")["status"]["podIP"]
    assert said[5] == address
    told = events(platform, "two")["AddedInterface"]
    assert address in told
    assert "declares ports" in told
    why = eventually(lambda: events(platform, "asks").get("AddedInterface"), "the event")
    assert "its namespace has Service" in why


def test_members_of_a_headless_service_have_names_of_their_own(platform: Platform) -> None:
    headless = service("db", clusterIP="None", ports=[{"name": "web", "port": 8080}])
    members = [
        served(f"db-{n}", labels={"app": "db"}, hostname=f"db-{n}", subdomain="db") for n in range(2)
    ]
    apply(platform, headless, *members)
    ready(platform, "db-0", "db-1")
    script = f"{GET} get http://db-0.db:8080; get http://db-1.db.default.svc.cluster.local:8080;"
    script += "getent ahostsv4 db | cut -d' ' -f1 | sort -u | wc -l"
    apply(platform, pod("peer", script, annotations={"pinnace.dev/network": "own"}))
    assert end_of(platform, "peer").split() == ["db-0", "db-1", "2"]
    own = platform.kubectl("exec", "db-0", "--", "sh", "-c", "hostname -f; hostname -i").split()
    assert own == ["db-0.db.default.svc.cluster.local", platform.get("pod", "db-0")["status"]["podIP"]]


def test_four_workers_listen_on_2222_and_resolve_each_other_before_all_run(platform: Platform) -> None:
    port = [{"name": "tf", "containerPort": 2222}]
    listen = "import socket; s=socket.create_server(('',2222)); "
    wait = (
        "import socket,time\nfor n in range(4):\n  while True:\n"
        "    try: socket.create_connection(('w%d'%n,2222),5); break\n    except OSError: time.sleep(.02)\n"
    )
    script = f'python3 -c "{listen}[s.accept() for n in range(4)]" & python3 -c "{wait}"; wait'
    services = [
        service(f"w{n}", clusterIP="None", ports=[{"name": "tf", "port": 2222}]) for n in range(4)
    ]
    apply(platform, *services, *(pod(f"w{n}", script, ports=port) for n in range(4)))
    for n in range(4):
        end_of(platform, f"w{n}")


def test_the_api_answers_pods_by_its_name_and_trusted_certificate(platform: Platform) -> None:
    script = (
        "test $KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT = 10.96.0.1:443 && python3 -c '"
        "import ssl,urllib.request as u; d=\"/var/run/secrets/kubernetes.io/serviceaccount/\";"
        "c=ssl.create_default_context(cafile=d+\"ca.crt\");"
        "[print(u.urlopen(\"https://%s/version\"%h,context=c).status)"
        " for h in (\"10.96.0.1\",\"kubernetes.default.svc\")]'"
    )
    apply(platform, pod("caller", script, annotations={"pinnace.dev/network": "own"}))
    assert end_of(platform, "caller").split() == ["200", "200"]


def test_control_dies_and_nobody_in_the_network_notices(platform: Platform) -> None:
    apply(platform, service("steady"), served("steady"))
    ready(platform, "steady")
    script = f"{GET} for i in $(seq 40); do get http://steady; sleep 0.1; done"
    apply(platform, pod("busy", script))
    eventually(lambda: "steady" in platform.kubectl("logs", "busy", check=False), "its first answers")
    address = platform.get("pod", "steady")["status"]["podIP"]
    killed = platform.pids()["control"]
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: platform.pids()["control"] != killed, "another control")
    eventually(lambda: "ok" in platform.kubectl("get", "--raw", "/readyz", check=False), "the API")
    assert end_of(platform, "busy").split() == ["steady"] * 40
    assert platform.get("pod", "steady")["status"]["podIP"] == address
    apply(platform, pod("later", f"{GET} get http://steady"), served("newcomer"))
    assert end_of(platform, "later").split() == ["steady"]
    ready(platform, "newcomer")
    assert platform.get("pod", "newcomer")["status"]["podIP"] != address


def test_a_node_port_answers_on_this_machine(platform: Platform) -> None:
    apply(platform, service("outward", type="NodePort"), served("outward"))
    ready(platform, "outward")
    port = platform.get("service", "outward")["spec"]["ports"][0]["nodePort"]

    def answer() -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=2) as reply:
                return str(reply.read().decode())
        except OSError:
            return ""

    assert eventually(answer, "the node port") == "outward"
    told = eventually(lambda: events(platform, "outward").get("NodePortsOnLoopback"), "the event")
    assert str(port) in told


def test_where_there_is_no_service_what_listens_nowhere_shares_the_hosts_network(platform: Platform) -> None:
    platform.kubectl("create", "namespace", "quiet")
    plain = pod("plain", "echo $KUBERNETES_SERVICE_HOST")
    platform.kubectl("apply", "-n", "quiet", "-f", "-", text=json.dumps(plain))
    platform.kubectl("wait", "-n", "quiet", "pod/plain", "--for=jsonpath={.status.phase}=Succeeded")
    assert platform.kubectl("logs", "-n", "quiet", "plain").split()[0] == "127.0.0.1"
    assert "podIP" not in platform.get("pod", "-n", "quiet", "plain")["status"]
    told = platform.get("events", "-n", "quiet")["items"]
    assert "AddedInterface" not in {each["reason"] for each in told}


@pytest.mark.parametrize("mode", ["none", "loopback"])
def test_a_fallback_is_told(mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINNACE_NETWORK", mode)
    platform = Platform(tmp_path)
    try:
        platform.up()
        apply(platform, service("web"), served("web"))
        ready(platform, "web")
        told = eventually(lambda: events(platform, "web").get("NetworkFallback"), "the event")
        assert f"PINNACE_NETWORK={mode}" in told
        assert "declares ports" in told
        address = platform.get("pod", "web")["status"]["podIP"]
        assert address.startswith("127.88." if mode == "loopback" else "127.0.0.1")
        if mode == "loopback":
            apply(platform, pod("asks", f"{GET} get http://web:8080"))
            assert end_of(platform, "asks").split() == ["web"]
    finally:
        platform.down()
