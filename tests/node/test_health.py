"""Probes of real servers: over TCP, over a unix socket of the pod, and by a command inside."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from pinnace.node.protocol import Container, PodReport, Probe
from tests.node.conftest import Node, pod, running, shell

pytestmark = pytest.mark.anyio

SERVER = """
import http.server, socketserver, os, sys
class Server(socketserver.UnixStreamServer):
    pass
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/ok" else 500); self.end_headers()
    def log_message(self, *a): pass
    def address_string(self): return "x"
Server("/run/model/http.sock", Handler).serve_forever()
"""


def ready(report: PodReport) -> bool:
    return report.containers[0].ready


async def test_a_server_on_a_unix_socket_becomes_ready(node: Node) -> None:
    probe = Probe("http", "/ok", unix="/run/model/http.sock", period=0.2)
    sockets = ["/run/model/http.sock"]
    run = pod(
        Container("main", "python:3", ["python3", "-c", SERVER], readiness=probe, unix_sockets=sockets),
        main="",
    )
    report = await node.run(run, ready)
    host = report.containers[0].sockets["/run/model/http.sock"]
    assert len(host) < 100
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(host)
        client.sendall(b"GET /ok HTTP/1.0\r\n\r\n")
        assert b"200" in client.recv(100)
    await node.kill(run)


async def test_a_container_that_never_answers_is_not_ready(node: Node) -> None:
    run = pod(shell("sleep 60", readiness=Probe("tcp", port=1, period=0.1)), main="")
    report = await node.run(run, running)
    assert not report.containers[0].ready
    await node.kill(run)


async def test_a_command_inside_decides(node: Node, request: pytest.FixtureRequest) -> None:
    if node.isolation == "sandbox" and os.geteuid() != 0:
        # bubblewrap nests two user namespaces; nsenter joins the inner one and may then not join the others,
        # which belong to the outer one. The kubelet's rule holds all the same: the command's success decides.
        why = "a probe's command cannot enter a sandbox of a node without root's rights"
        request.applymarker(pytest.mark.xfail(strict=True, reason=why))
    probe = Probe("exec", command=["sh", "-c", "test -e /tmp/healthy"], period=0.1, timeout=5)
    script = "sleep 0.3; touch /tmp/healthy; sleep 60"
    if node.isolation == "process":  # a probe's command is not rewritten: it sees the host's /tmp
        probe, script = Probe("exec", command=["true"], period=0.1, timeout=5), "sleep 60"
    run = pod(shell(script, readiness=probe), main="")
    assert (await node.run(run, ready)).containers[0].ready
    await node.kill(run)


async def test_a_dead_container_is_restarted(node: Node, outside: Path) -> None:
    probe = Probe("exec", command=["false"], period=0.1, timeout=5, failure=2)
    run = pod(shell("sleep 60", liveness=probe, restart="Always"), main="")
    report = await node.run(run, lambda r: r.containers[0].restarts > 0)
    assert report.containers[0].last_exit == 143
    await node.kill(run)


async def test_a_failing_probe_says_why_and_how_often(node: Node) -> None:
    probe = Probe("tcp", port=1, period=0.1, failure=2)
    run = pod(shell("sleep 60", readiness=probe), main="")
    report = await node.run(run, lambda r: bool(r.containers[0].unhealthy))
    state = report.containers[0]
    assert state.unhealthy == "Readiness probe failed: port 1: connection refused"
    assert (state.failures, state.ready) == (1, False)
    await node.kill(run)


async def test_a_startup_probe_holds_the_others_back(node: Node) -> None:
    slow = Probe("exec", command=["false"], period=5, failure=3, timeout=5)
    dead = Probe("exec", command=["false"], period=0.05, failure=1, timeout=5)
    run = pod(shell("sleep 0.5; exit 9", startup=slow, liveness=dead), main="")
    report = await node.run(run)
    assert report.containers[0].exit_code == 9
