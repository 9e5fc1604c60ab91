# ruff: noqa: E501 - an attack reads best on one line
"""A pod that takes all it can: the machine and the platform stay usable."""

from __future__ import annotations

import os
import time

import psutil
import pytest

from tests.e2e.platform import eventually
from tests.security.site import Site, python, shell


def terminated(site: Site, spec: dict[str, object], within: float = 60) -> dict[str, object]:
    pod = site.ended(site.pod("default", {**spec, "terminationGracePeriodSeconds": 0}), within)
    state = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    return {
        **state,
        "podReason": pod["status"].get("reason", ""),
        "podMessage": pod["status"].get("message", ""),
    }


def test_too_much_memory_is_killed_and_said(site: Site) -> None:
    limits = {"limits": {"memory": "64Mi"}}
    code = "x = [bytearray(1 << 20) for _ in range(400)]; import time; time.sleep(20)"
    ended = terminated(site, {"containers": [python(code, resources=limits)]})
    assert ended["reason"] == "OOMKilled" and ended["exitCode"] == 137


def test_children_count_for_the_limit(site: Site) -> None:
    limits = {"limits": {"memory": "64Mi"}}
    code = (
        "import os, time\n"
        "children = []\n"
        "for _ in range(8):\n"
        "    children.append(os.fork())\n"
        "    if not children[-1]:\n"
        "        x = bytearray(os.urandom(1 << 20) * 30); time.sleep(20); os._exit(0)\n"
        "time.sleep(4)\n"
        "print('alive', sum(os.waitpid(one, os.WNOHANG)[0] == 0 for one in children), flush=True)\n"
        "os._exit(0)"
    )
    pod = site.ended(site.pod("default", {"containers": [python(code, resources=limits)]}))
    ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    assert ended["reason"] == "OOMKilled" or int(site.log(pod).split()[-1]) <= 2


def test_a_flood_of_logs_is_bounded(site: Site) -> None:
    pod = site.pod(
        "default",
        {"containers": [shell("yes 0123456789012345678901234567890123456789 & sleep 3; kill %1; exit 0")],
         "activeDeadlineSeconds": 20, "terminationGracePeriodSeconds": 0},
    )  # fmt: skip
    ended = site.ended(pod, 60)
    folder = site.home.pod(ended["metadata"]["uid"])

    def blocks() -> int:
        return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())

    eventually(lambda: blocks() < 200 << 20, "the log's head to be given back", 20)
    assert site.alive()


def test_a_flood_of_output_is_bounded(site: Site) -> None:
    """What a result or a parameter may be."""
    before = site.memory("node"), site.memory()
    template = {
        "name": "main",
        "script": {
            "image": "alpine:3",
            "command": ["sh"],
            "source": "yes | head -c 300000000; yes | head -c 50000000 > /p",
        },
        "outputs": {"parameters": [{"name": "p", "valueFrom": {"path": "/p"}}]},
    }
    steps = [[{"name": "a", "template": "big"}], [{"name": "b", "template": "use",
              "arguments": {"parameters": [{"name": "r", "value": "{{steps.a.outputs.result}}"}]}}]]  # fmt: skip
    use = {
        "name": "use",
        "inputs": {"parameters": [{"name": "r"}]},
        "container": {"image": "alpine:3", "command": ["true"]},
    }
    done = site.workflow(
        {"templates": [{"name": "main", "steps": steps}, {**template, "name": "big"}, use]}, within=90
    )
    assert done["status"]["phase"] in ("Failed", "Error")
    assert site.memory("node") - before[0] < 200 << 20 and site.memory() - before[1] < 200 << 20


def test_a_full_empty_dir_ends_the_pod(site: Site) -> None:
    spec = {
        "containers": [
            shell(
                "head -c 60000000 /dev/zero > /e/f; sleep 12; exit 0",
                volumeMounts=[{"name": "e", "mountPath": "/e"}],
            )
        ],
        "volumes": [{"name": "e", "emptyDir": {"sizeLimit": "10Mi"}}],
        "terminationGracePeriodSeconds": 0,
    }
    pod = site.ended(site.pod("default", spec), 50)
    assert pod["status"]["phase"] == "Failed" and pod["status"].get("reason") == "Evicted"
    assert pod["status"]["message"] == 'Usage of EmptyDir volume "e" exceeds the limit "10Mi".'


def test_many_processes_are_ended_with_their_pod(site: Site) -> None:
    """Not a bomb without end on a shared machine: 400 processes that each ignore signals and start again."""
    mark = f"sleep 97{os.getpid()}"
    script = f"i=0; while [ $i -lt 400 ]; do (trap '' TERM HUP; setsid {mark}) & i=$((i+1)); done; wait"
    spec = {"containers": [shell(script)], "activeDeadlineSeconds": 4, "terminationGracePeriodSeconds": 0}
    began = time.monotonic()
    site.ended(site.pod("default", spec), 40)
    eventually(lambda: not [p for p in psutil.process_iter(["cmdline"]) if mark in " ".join(p.info["cmdline"] or ())],
               "the end of all its processes", 10)  # fmt: skip
    assert time.monotonic() - began < 40 and site.alive()


@pytest.mark.parametrize("watches", [300])
def test_many_idle_connections_leave_room(site: Site, watches: int) -> None:
    import socket

    port, token = site.platform.api.port, site.platform.api.token
    held = []
    try:
        for _ in range(watches):
            raw = socket.create_connection(("127.0.0.1", port), 10)
            raw.sendall(
                f"GET /api/v1/pods?watch=1 HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
            )
            held.append(raw)
        assert site.alive()
        site.namespace()
    finally:
        for raw in held:
            raw.close()
