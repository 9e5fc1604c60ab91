"""Probes of real servers: over TCP, over a unix socket of the pod, and by a command inside."""

from __future__ import annotations

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


async def test_a_command_inside_decides(node: Node) -> None:
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


RIGHTS = (
    "grep -E '^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp):' /proc/self/status; pwd; umask; echo $WORD; "
    "ls -l /proc/self/ns | tail -n +2 | sed 's/.* -> //'; cat /proc/self/cgroup"
)


async def test_a_command_inside_has_the_containers_rights_and_no_more(sandbox: Node) -> None:
    command = ["sh", "-c", f"({RIGHTS}) > /tmp/.new && mv /tmp/.new /tmp/told"]
    compare = f"until [ -e /tmp/told ]; do sleep 0.02; done; ({RIGHTS}) | diff - /tmp/told && cat /tmp/told"
    fields = {"cwd": "/opt", "env": {"WORD": "as the manifest says"}, "memory_limit": 1 << 28}
    run = pod(shell(compare, readiness=Probe("exec", command=command, period=60, timeout=10), **fields))
    report = await sandbox.run(run)
    told = sandbox.log(run)
    assert report.phase == "Succeeded", told
    rights = dict(line.split(":\t", 1) for line in told.splitlines() if ":\t" in line)
    assert {rights[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert rights["NoNewPrivs"] == "1" and rights["Uid"].split() == ["1000"] * 4
    assert "/opt\n" in told and "as the manifest says" in told


async def test_nothing_of_who_enters_is_reached_from_inside(sandbox: Node) -> None:
    """Neither the program's file (which could be written to), nor its memory, nor a descriptor."""
    command = ["sh", "-c", "ls -l /proc/self/fd > /tmp/.fds; mv /tmp/.fds /tmp/fds"]
    look = (
        "until [ -s /tmp/fds ]; do for p in /proc/[0-9]*; do readlink $p/exe $p/root $p/cwd; cat $p/environ; "
        "done 2>/dev/null; done; cat /tmp/fds; true"
    )
    run = pod(shell(look, readiness=Probe("exec", command=command, period=60, timeout=10)))
    report = await sandbox.run(run)
    said = sandbox.log(run)
    assert report.phase == "Succeeded"
    assert "python" not in said and "memfd" not in said and str(sandbox.home.root) not in said


async def test_a_command_that_takes_too_long_is_ended_inside(sandbox: Node) -> None:
    command = ["sh", "-c", "echo > /tmp/begun; sleep 4711"]
    wait = (
        "until [ -e /tmp/begun ]; do sleep 0.02; done; "
        "while grep -qs '471[1]' /proc/[0-9]*/cmdline; do sleep 0.02; done"
    )
    slow = Probe("exec", command=command, period=60, timeout=0.5)
    report = await sandbox.run(pod(shell(wait, readiness=slow)))
    assert report.phase == "Succeeded"


async def test_a_containers_variables_reach_no_program_outside(sandbox: Node, outside: Path) -> None:
    """LD_DEBUG writes to a file of its own choice: inside it is a container's, outside nobody's."""
    env = {"LD_DEBUG": "libs", "LD_DEBUG_OUTPUT": f"{outside}/loaded", "PYTHONPATH": str(outside)}
    probe = Probe("exec", command=["true"], period=60, timeout=10)
    run = pod(shell("sleep 60", readiness=probe, env=env), main="")
    assert (await sandbox.run(run, ready)).containers[0].ready
    await sandbox.kill(run)
    assert list(outside.iterdir()) == []
