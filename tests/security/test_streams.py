# ruff: noqa: E501 - an attack reads best on one line
"""Into a pod from outside: who may open a stream, what a command inside may do, and what a crowd of them costs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest
import websocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.e2e.platform import eventually
from tests.security.site import CANARY, Site

V5 = "v5.channel.k8s.io"
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture(scope="module")
def inside(site: Site) -> Iterator[str]:
    """The name of a pod that runs on."""
    pod = site.pod("default", {
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "main", "image": "alpine:3", "command": ["sleep", "3000"]}],
    })
    eventually(lambda: site.read(pod)["status"]["phase"] == "Running", "the pod")
    yield pod["metadata"]["name"]


def opened(site: Site, pod: str, *argv: str, stdin: bool = True, tty: bool = False, **headers: Any) -> ClientConnection:
    api = site.platform.api
    words = "&".join(f"command={quote(word)}" for word in argv)
    flags = f"stdin={str(stdin).lower()}&stdout=true&stderr=true&tty={str(tty).lower()}"
    sent = {"Authorization": f"Bearer {api.token}", **headers}
    return connect(
        f"ws://127.0.0.1:{api.port}{PODS}/{pod}/exec?{flags}&{words}", subprotocols=[V5],  # type: ignore[list-item]
        additional_headers={name: value for name, value in sent.items() if value}, max_size=None, open_timeout=20,
    )


def refused(site: Site, pod: str, **headers: Any) -> int:
    with pytest.raises(InvalidStatus) as found:
        opened(site, pod, "id", **headers)
    return found.value.response.status_code


def said(connection: ClientConnection) -> tuple[bytes, dict[str, Any]]:
    """All that came on stdout, and the last word."""
    out, status = b"", {}
    for message in connection:
        assert isinstance(message, bytes)
        out += message[1:] if message[:1] == b"\1" else b""
        status = json.loads(message[1:]) if message[:1] == b"\3" else status
    return out, status


def test_a_page_of_another_origin_opens_nothing(site: Site, inside: str) -> None:
    assert refused(site, inside, Origin="http://evil.example") == 403
    port = site.platform.api.port + 1
    assert refused(site, inside, Origin=f"http://127.0.0.1:{port}") == 403


def test_nobody_without_a_token(site: Site, inside: str) -> None:
    assert refused(site, inside, Authorization="") == 401
    assert refused(site, inside, Authorization="Bearer nothing") == 401


def test_a_right_to_read_pods_is_none_to_enter_them(site: Site, inside: str) -> None:
    rules = [{"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["*"]},
             {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get"]}]
    granted(site, "reader", rules)
    assert refused(site, inside, **{"Impersonate-User": "reader"}) == 403
    for way in ("attach", "portforward"):
        status, body = site.http("GET", f"{PODS}/{inside}/{way}?stdin=true", headers={"Impersonate-User": "reader"})
        assert status == 403, body


def test_the_right_to_enter_is_create(site: Site, inside: str) -> None:
    granted(site, "guest", [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}])
    with opened(site, inside, "echo", "in", **{"Impersonate-User": "guest"}) as session:
        assert said(session)[0] == b"in\n"


def granted(site: Site, user: str, rules: list[dict[str, Any]]) -> None:
    base = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
    site.ask("POST", f"{base}/roles", {"metadata": {"name": user}, "rules": rules})
    site.ask("POST", f"{base}/rolebindings", {
        "metadata": {"name": user}, "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user},
    })


@pytest.mark.parametrize("tty", [False, True])
def test_a_command_has_no_more_rights_than_its_container(site: Site, inside: str, tty: bool) -> None:
    script = "id -u; grep -E '^(Cap(Eff|Prm|Bnd|Amb)|NoNewPrivs)' /proc/self/status; ls /proc/self/fd; chroot / true; unshare -U true; mount -t tmpfs x /mnt; echo $?"
    with opened(site, inside, "sh", "-c", script, tty=tty) as session:
        out, _ = said(session)
    lines = out.decode().split()
    assert lines[0] != "0"
    assert {lines[lines.index(f"Cap{which}:") + 1] for which in ("Eff", "Prm", "Bnd", "Amb")} == {"0" * 16}
    assert lines[lines.index("NoNewPrivs:") + 1] == "1"
    assert lines[-1] != "0"


def test_a_command_sees_nothing_of_the_host(site: Site, inside: str, outside: Path) -> None:
    script = f"cat {outside}/secret {site.home.root}/token /proc/1/root{outside}/secret; ls -la {site.home.run}; ls /proc/*/root{outside}; readlink /proc/self/fd/*"
    with opened(site, inside, "sh", "-c", script) as session:
        out, _ = said(session)
    assert CANARY.encode() not in out
    assert str(site.home.root).encode() not in out


def test_a_path_of_cp_leads_nowhere_else(site: Site, inside: str, outside: Path, tmp_path: Path) -> None:
    """The archive's paths are unpacked by tar in the container; a link there leads nowhere outside it."""
    kubectl = ["kubectl", "--kubeconfig", str(site.home.kubeconfig)]
    with opened(site, inside, "sh", "-c", f"ln -sfn {outside} /tmp/way; ln -sfn /proc/1/root /tmp/root") as session:
        said(session)
    (tmp_path / "secret").write_text("overwritten")
    for place in ("/tmp/way/secret", f"/tmp/root{outside}/secret", f"../../../../..{outside}/secret"):
        subprocess.run([*kubectl, "cp", str(tmp_path / "secret"), f"{inside}:{place}"], capture_output=True, timeout=60, check=False)
        assert (outside / "secret").read_text() == CANARY
    done = subprocess.run([*kubectl, "cp", f"{inside}:/tmp/way/secret", str(tmp_path / "stolen")], capture_output=True, timeout=60, check=False)
    assert CANARY.encode() not in done.stdout + done.stderr
    assert not (tmp_path / "stolen").exists() or CANARY not in (tmp_path / "stolen").read_text()


def test_a_flood_holds_up_its_writer_alone(site: Site, inside: str) -> None:
    """Nobody reads what `yes` says: it waits, control holds a few pieces of it, others are answered at once."""
    control = psutil.Process(site.platform.pids()["control"])
    before = control.memory_info().rss
    with opened(site, inside, "yes") as session:
        session.recv()
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            begun = time.monotonic()
            assert site.http("GET", "/readyz")[0] == 200
            assert time.monotonic() - begun < 1
        assert control.memory_info().rss - before < 30_000_000
        session.socket.shutdown(socket.SHUT_RDWR)
    eventually(lambda: not running(site, "yes"), "the end of yes", 20)


def running(site: Site, program: str) -> list[psutil.Process]:
    node = psutil.Process(site.platform.pids()["node"])
    found = []
    for process in node.children(recursive=True):
        try:
            if process.cmdline()[-1:] == [program]:
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_two_hundred_that_are_silent(site: Site, inside: str) -> None:
    control, node = (psutil.Process(site.platform.pids()[name]) for name in ("control", "node"))
    before = control.num_fds(), node.num_fds()
    with ExitStack() as crowd:
        sessions = [crowd.enter_context(opened(site, inside, "sleep", "2999")) for _ in range(200)]
        for session in sessions:
            session.recv()
        eventually(lambda: len(running(site, "2999")) >= 200, "200 commands")
        spent = control.cpu_times().user + node.cpu_times().user
        with opened(site, inside, "echo", "still") as another:
            said_now, status = said(another)
            assert said_now == b"still\n", status
        assert control.cpu_times().user + node.cpu_times().user - spent < 3
        for session in sessions:
            session.socket.shutdown(socket.SHUT_RDWR)
    eventually(lambda: not running(site, "2999"), "their end", 60)
    eventually(lambda: control.num_fds() <= before[0] + 8 and node.num_fds() <= before[1] + 8, "descriptors given back", 30)


def test_half_open_connections_are_dropped(site: Site, inside: str) -> None:
    """One that never ends its head; one that upgrades and vanishes while its command does not read."""
    api = site.platform.api
    with opened(site, inside, "sleep", "2998") as session:
        for _ in range(40):
            session.socket.settimeout(0.5)
            try:
                session.send(b"\0" + b"x" * 65536)
            except (OSError, TimeoutError):
                break
        session.socket.close()
    eventually(lambda: not running(site, "2998"), "the end of a command whose client vanished", 30)
    with socket.create_connection(("127.0.0.1", api.port)) as half:
        half.sendall(f"GET {PODS}/{inside}/exec HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n".encode())
        half.settimeout(40)
        assert b"408" in half.recv(4096)


@pytest.mark.parametrize("message", [b"", b"\0", b"\xff", b"\xff\x07", b"\4nonsense", b"\4{\"Width\":-1,\"Height\":99999999}", b"\x09x", b"\4" + b"[" * 100000])
def test_nonsense_on_a_channel_hurts_nobody(site: Site, inside: str, message: bytes) -> None:
    with opened(site, inside, "sh", "-c", "read x; echo got $x", tty=True) as session:
        session.send(message)
        session.send(b"\0word\n")
        assert b"got word" in said(session)[0]


def test_what_is_no_spdy_closes_the_connection(site: Site, inside: str) -> None:
    api = site.platform.api
    for junk in (os.urandom(64), b"\x80\x03\0\1\0\xff\xff\xff", b"\x80\x02\0\1\0\0\0\4abcd", b"\x80\x03\0\1\0\0\0\x0a" + b"\xff" * 10):
        tunnel = websocket.create_connection(
            f"ws://127.0.0.1:{api.port}{PODS}/{inside}/portforward", subprotocols=["SPDY/3.1+portforward.k8s.io"],
            header={"Authorization": f"Bearer {api.token}"}, timeout=10,
        )
        tunnel.send_binary(junk)
        tunnel.close()
    assert site.http("GET", "/readyz")[0] == 200
