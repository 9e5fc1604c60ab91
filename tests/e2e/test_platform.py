"""up, status, a second up, down, and what is left behind."""

from __future__ import annotations

import json
import os
import signal
import stat
from pathlib import Path

import psutil
import pytest

from tests.e2e.platform import Platform, eventually


def test_status_names_the_four_processes(platform: Platform) -> None:
    status = json.loads(platform.command("status", "--json").stdout)
    assert status["ready"]
    assert set(status["processes"]) == {"control", "node", "gateway"}
    for name, pid in {**status["processes"], "supervisor": status["supervisor"]}.items():
        line = " ".join(psutil.Process(pid).cmdline())
        assert f"pinnace {name}" in line
        assert str(platform.home.root) in line


def test_a_second_up_succeeds_detached_and_refuses_in_the_foreground(platform: Platform) -> None:
    before = platform.pids()
    platform.command("up", "-d")
    assert platform.pids() == before
    refused = platform.command("up", check=False)
    assert refused.returncode == 1
    assert "already up" in refused.stderr and "pinnace down" in refused.stderr


def test_what_is_secret_is_private(platform: Platform) -> None:
    for path in (platform.home.token, platform.home.kubeconfig, platform.home.root / "tls" / "ca.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    token = platform.home.token.read_text().strip()
    for log in platform.home.logs.glob("*.log"):
        assert token not in log.read_text(errors="replace")
    for process in platform.pids().values():
        assert token not in " ".join(psutil.Process(process).cmdline())


def test_kubectl_hello(platform: Platform) -> None:
    assert "pinnace" in platform.kubectl("get", "nodes")
    assert platform.command("kubectl", "get", "namespaces", "-o", "name").stdout.split() == [
        "namespace/default", "namespace/kube-node-lease", "namespace/kube-public", "namespace/kube-system",
        "namespace/kubeflow",
    ]


@pytest.mark.parametrize("name", ["control", "node", "gateway"])
def test_each_process_may_die_alone(platform: Platform, name: str) -> None:
    victim = platform.pids()[name]
    others = {k: v for k, v in platform.pids().items() if k != name}
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: platform.pids().get(name, victim) != victim, f"another {name}")
    eventually(lambda: platform.command("status", check=False).returncode == 0, "ready again")
    assert {k: v for k, v in platform.pids().items() if k != name} == others
    assert platform.run(HELLO).returncode == 0


HELLO = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: hello-}
spec:
  entrypoint: main
  templates: [{name: main, container: {image: busybox, command: [echo], args: [hello]}}]
"""


def test_a_supervisor_that_was_killed_is_replaced_by_up(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "home").up()
    try:
        before = platform.pids()
        os.kill(before["supervisor"], signal.SIGKILL)
        eventually(lambda: not psutil.pid_exists(before["supervisor"]), "the supervisor's end")
        platform.command("up", "-d")
        after = platform.pids()
        assert after["supervisor"] != before["supervisor"]
        assert {k: v for k, v in after.items() if k != "supervisor"} == {
            k: v for k, v in before.items() if k != "supervisor"
        }
    finally:
        platform.down()
    eventually(lambda: not any(psutil.pid_exists(pid) for pid in after.values()), "the end of all four", 15)


def test_a_taken_port_is_named(tmp_path: Path, platform: Platform) -> None:
    other = Platform(tmp_path / "home")
    refused = other.command("up", "-d", "--port", str(platform.api.port), check=False)
    assert refused.returncode == 1
    assert str(platform.api.port) in refused.stderr and "--port" in refused.stderr


def test_backup_and_restore(platform: Platform, tmp_path: Path) -> None:
    platform.kubectl("create", "configmap", "kept", "--from-literal=a=1")
    archive = tmp_path / "backup.tar"
    platform.command("backup", str(archive))
    restored = Platform(tmp_path / "restored")
    restored.command("restore", str(archive))
    try:
        restored.up()
        assert restored.kubectl("get", "configmap", "kept", "-o", "jsonpath={.data.a}") == "1"
    finally:
        restored.down()
