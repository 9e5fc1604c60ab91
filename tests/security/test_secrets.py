# ruff: noqa: E501 - an attack reads best on one line
"""Secrets, tokens and codes: after a run that uses them nothing of the platform shows one."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import uuid
from pathlib import Path

import psutil
import pytest

from tests.e2e.platform import eventually
from tests.security.site import Obj, Site, said, shell, step


@pytest.fixture(scope="module")
def canaries(site: Site) -> dict[str, str]:
    """Values in every place where a secret may stand, after a run that has used them all."""
    values = {name: f"canary-{name}-{uuid.uuid4().hex}" for name in ("env", "file", "all", "wrong", "failed")}
    body: Obj = {"metadata": {"name": "s"}, "stringData": dict(values)}
    site.ask("POST", "/api/v1/namespaces/default/secrets", body)
    env = [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "env"}}}]
    template = step("test -n \"$TOKEN\" && test -s /s/file && sleep 1; exit $CODE", volumes=[
        {"name": "s", "secret": {"secretName": "s", "items": [{"key": "file", "path": "file"}]}}])  # fmt: skip
    template["container"] |= {"env": env, "envFrom": [{"secretRef": {"name": "s", "prefix": "X_"}}],
                              "volumeMounts": [{"name": "s", "mountPath": "/s"}]}  # fmt: skip
    for code in ("0", "7"):
        again = {
            **template,
            "container": {**template["container"], "env": [*env, {"name": "CODE", "value": code}]},
        }
        done = site.workflow({"templates": [again]})
        assert done["status"]["phase"] == ("Succeeded" if code == "0" else "Failed"), said(done)
    for wrong in ({"name": "s", "key": "absent"}, {"name": "absent", "key": "env"}):
        env = [{"name": "A", "valueFrom": {"secretKeyRef": wrong}}]
        site.blocked(site.pod("default", {"containers": [shell("true", env=env)]}))
    site.http("POST", "/api/v1/namespaces/default/secrets", {**body, "stringData": {"a/b": values["wrong"]}})
    site.http("POST", "/api/v1/namespaces/default/secrets", {**body, "data": {"a": values["failed"]}})
    values["token"] = site.platform.api.token
    return values


def clean(text: str, canaries: dict[str, str]) -> None:
    assert not [name for name, value in canaries.items() if value in text]


def test_no_log_of_the_platform_shows_one(site: Site, canaries: dict[str, str]) -> None:
    for path in (site.home.logs, site.home.gateway, site.home.pods):
        for file in path.rglob("*"):
            if file.is_file() and file.name != "lds.json":
                clean(file.read_text(errors="replace"), canaries)
    clean(site.home.state.read_text() + (site.home.root / "control.json").read_text(), canaries)


def test_the_gateways_listener_file_is_private(site: Site) -> None:
    """The filter that takes the token away has to know it."""
    for file in site.home.gateway.rglob("*"):
        if file.is_file() and site.platform.api.token in file.read_text(errors="replace"):
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0 or private(file.parent)


def private(folder: Path) -> bool:
    return stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0


def test_no_event_status_description_or_metric_shows_one(site: Site, canaries: dict[str, str]) -> None:
    for path in (
        "/api/v1/events",
        "/api/v1/pods",
        "/apis/argoproj.io/v1alpha1/workflows",
        "/metrics",
        "/pinnace/v1/status",
    ):
        clean(site.http("GET", path)[1].decode(), canaries)
    for words in (
        ("describe", "pods"),
        ("describe", "workflows"),
        ("describe", "secrets"),
        ("get", "secrets"),
    ):
        clean(site.platform.kubectl(*words, check=False), canaries)


def test_no_process_shows_one(site: Site, canaries: dict[str, str]) -> None:
    """Other users see every argv; the environment of the platform's own processes holds no value, either."""
    env = [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "env"}}}]
    pod = site.pod(
        "default", {"containers": [shell("sleep 60", env=env)], "terminationGracePeriodSeconds": 0}
    )
    eventually(lambda: site.read(pod)["status"]["phase"] == "Running", "the pod's start")
    for process in psutil.process_iter(["cmdline"]):
        clean(" ".join(process.info["cmdline"] or ()), canaries)
    for pid in site.platform.pids().values():
        clean(" ".join(f"{k}={v}" for k, v in psutil.Process(pid).environ().items()), canaries)
    meta = pod["metadata"]
    site.http("DELETE", f"/api/v1/namespaces/default/pods/{meta['name']}")


def test_folders_and_files_are_the_users_alone(site: Site, canaries: dict[str, str], tmp_path: Path) -> None:
    home = site.home
    for folder in (home.root, home.run, home.pods, home.volumes, home.data, home.logs, home.gateway):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    for folder in home.pods.iterdir():
        assert folder.is_file() or private(folder), folder
    for file in (home.token, home.kubeconfig, home.certificates / "ca.key", home.certificates / "server.key"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    backup = tmp_path / "b.tar"
    old = os.umask(0)
    try:
        site.platform.command("backup", str(backup))
    finally:
        os.umask(old)
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


def test_a_sign_in_code_is_nowhere_afterwards(site: Site, canaries: dict[str, str]) -> None:
    said_ = site.platform.command("status").stdout + site.platform.command("up", "-d").stdout
    codes = {word.partition("code=")[2] for word in said_.split() if "code=" in word}
    for code in codes:
        site.http("GET", f"/signin?code={code}", token=False)
        site.http("POST", f"/signin?code={code}", f"code={code}".encode(), {
            "Content-Type": "application/x-www-form-urlencoded"}, token=False)  # fmt: skip
        for file in site.home.logs.rglob("*"):
            if file.is_file():
                assert code not in file.read_text(errors="replace"), file
        assert code not in json.dumps(json.loads(site.home.state.read_text()))
        shown = subprocess.run(
            ["ps", "axww", "-o", "args"], capture_output=True, text=True, check=False
        ).stdout
        assert code not in shown
