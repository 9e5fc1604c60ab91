"""`pinnace console --context`: the console over a kubeconfig, in a real browser."""

from __future__ import annotations

import http.client
import json
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, expect

from tests.console.cluster import cluster
from tests.e2e.platform import PINNACE, Platform, eventually

pytestmark = [pytest.mark.serial, pytest.mark.slow]

CONTEXT = "far-away"


@pytest.fixture(scope="module")
def kubeconfig(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of its own, whose user signs in by an exec plugin."""
    folder = tmp_path_factory.mktemp("context")
    given = yaml.safe_load(platform.home.kubeconfig.read_text())
    token = given["users"][0]["user"]["token"]
    plugin = folder / "sign-in"
    version = "client.authentication.k8s.io/v1"
    said = {"apiVersion": version, "kind": "ExecCredential", "status": {"token": token}}
    plugin.write_text(f"#!/bin/sh\necho '{json.dumps(said)}'\n")
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    given["users"][0]["user"] = {"exec": {"apiVersion": version, "command": str(plugin)}}
    given["contexts"][0]["name"] = CONTEXT
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(given))
    return file


@pytest.fixture(scope="module")
def link(kubeconfig: Path) -> Iterator[str]:
    """Of a running `pinnace console --context`."""
    words = [*PINNACE, "console", "--context", CONTEXT]
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    served = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)
    assert served.stdout is not None
    try:
        yield served.stdout.readline().strip()
    finally:
        served.send_signal(signal.SIGINT)
        assert served.wait(60) == 0
        served.stdout.close()


def test_a_list_is_watched_live_over_a_context(
    browser: Browser, platform: Platform, namespace: str, link: str
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    answers: list[dict[str, str]] = []
    page.on("response", lambda response: answers.append(response.headers))
    page.goto(link)
    page.wait_for_url("**/console/**")
    assert "code=" not in page.url
    base = link.partition("/signin")[0]
    page.goto(f"{base}/console/{namespace}/secrets?tab=configmaps")
    expect(page.get_by_role("button", name="New ConfigMap")).to_be_visible()
    platform.kubectl("create", "configmap", "-n", namespace, "arrived", "--from-literal=a=b")
    expect(page.get_by_role("button", name="arrived", exact=True)).to_be_visible()
    platform.kubectl("delete", "configmap", "-n", namespace, "arrived")
    expect(page.get_by_role("button", name="arrived", exact=True)).to_have_count(0)
    assert answers and not any("authorization" in each for each in answers)

    [cookie] = [each for each in context.cookies() if "pinnace" in each["name"]]
    refused_elsewhere(base, f"{cookie['name']}={cookie['value']}", platform)
    context.close()


def refused_elsewhere(base: str, cookie: str, platform: Platform) -> None:
    def ask(path: str, **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(base.partition("//")[2], timeout=60)
        try:
            connection.putrequest("GET", path, skip_host="Host" in headers)
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, answer.read().decode() + str(answer.getheaders())
        finally:
            connection.close()

    place = "/api/v1/namespaces"
    code, said = ask(place, Cookie=cookie)
    assert code == 200 and "sandbox" in said and token(platform) not in said
    assert ask(place)[0] == 401
    assert ask(place, Cookie=cookie, Host="evil.example")[0] == 403
    assert ask(place, Cookie=cookie, Origin="http://evil.example")[0] == 403
    assert ask(place, Cookie=cookie, Sec_Fetch_Site="same-site")[0] == 403
    assert ask(place, Authorization=f"Bearer {token(platform)}")[0] == 401
    assert ask("/api/%2e%2e/version", Cookie=cookie)[0] == 400
    assert ask("/elsewhere", Cookie=cookie)[0] == 404


def token(platform: Platform) -> str:
    return platform.home.token.read_text().strip()


def test_a_context_that_is_not_there_is_named(kubeconfig: Path) -> None:
    words = [*PINNACE, "console", "--context", "nowhere", "--kubeconfig", str(kubeconfig)]
    done: Any = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "no context 'nowhere'" in done.stderr and CONTEXT in done.stderr


def test_a_server_that_is_away_is_told_and_comes_back(kubeconfig: Path, tmp_path: Path) -> None:
    """Nothing listens there: the page is served, and each question is answered with what is wrong."""
    given = yaml.safe_load(kubeconfig.read_text())
    given["clusters"][0]["cluster"] = {"server": "http://127.0.0.1:1"}
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(given))
    words = [*PINNACE, "console", "--context", CONTEXT, "--kubeconfig", str(file)]
    served = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert served.stdout is not None
    try:
        link = served.stdout.readline().strip()
        base, code = link.split("/signin?code=")
        connection = http.client.HTTPConnection(base.partition("//")[2], timeout=60)
        form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": base}
        connection.request("POST", "/signin", f"code={code}", form)
        answer = connection.getresponse()
        answer.read()
        cookie = str(answer.getheader("set-cookie")).partition(";")[0]

        def away() -> bool:
            connection.request("GET", "/api/v1/pods", headers={"Cookie": cookie})
            answer = connection.getresponse()
            return answer.status == 503 and CONTEXT in answer.read().decode()

        eventually(away, "the refusal that names the context")
        connection.close()
    finally:
        served.terminate()
        assert served.wait(60) == 0
        served.stdout.close()


WAITS = {
    "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
    "spec": {"entrypoint": "main", "templates": [{"name": "main", "suspend": {}}]},
}


def test_a_cluster_without_anything_of_pinnace(
    browser: Browser, platform: Platform, namespace: str, tmp_path: Path
) -> None:
    """Steps are read from the object, Argo's verbs are done here, the page knows where it is."""
    for name in ("asked", "typed"):
        document = {**WAITS, "metadata": {"name": name, "namespace": namespace}}
        platform.kubectl("create", "-f", "-", text=json.dumps(document))
    with cluster(platform) as address:
        entry = {"cluster": CONTEXT, "user": CONTEXT, "namespace": namespace}
        file = tmp_path / "kubeconfig"
        file.write_text(yaml.safe_dump({
            "clusters": [{"name": CONTEXT, "cluster": {"server": address}}],
            "users": [{"name": CONTEXT, "user": {"token": "any"}}],
            "contexts": [{"name": CONTEXT, "context": entry}],
        }))
        words = [*PINNACE, "console", "--context", CONTEXT, "--kubeconfig", str(file)]
        served = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert served.stdout is not None
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        try:
            page = context.new_page()
            page.goto(served.stdout.readline().strip())
            page.wait_for_url(f"**/console/{namespace}")
            expect(page.get_by_text(CONTEXT, exact=True)).to_be_visible()
            base = page.url.partition("/console/")[0]
            page.goto(f"{base}/console/{namespace}/workflows/asked")
            page.get_by_role("button", name="Approve").first.click()
            eventually(lambda: phase(platform, namespace, "asked") == "Succeeded", "the approved run", 120)
            steered(base, context.cookies(), platform, namespace)
        finally:
            context.close()
            served.terminate()
            assert served.wait(60) == 0
            served.stdout.close()


def phase(platform: Platform, namespace: str, name: str) -> str:
    return str(platform.get("workflow", name, "-n", namespace).get("status", {}).get("phase"))


def steered(base: str, cookies: Any, platform: Platform, namespace: str) -> None:
    """By the paths of Argo's server, which a cluster's API server has not."""
    [cookie] = [f"{each['name']}={each['value']}" for each in cookies if "pinnace" in each["name"]]
    connection = http.client.HTTPConnection(base.partition("//")[2], timeout=60)

    def ask(method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Cookie": cookie, "Origin": base, "Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    runs = f"/api/v1/workflows/{namespace}"
    eventually(lambda: phase(platform, namespace, "typed") == "Running", "the second run", 120)
    assert ask("PUT", f"{runs}/typed/resume", {})[0] == 200
    eventually(lambda: phase(platform, namespace, "typed") == "Succeeded", "the resumed run", 120)
    code, again = ask("PUT", f"{runs}/typed/resubmit", {})
    assert code == 200 and again["metadata"]["name"].startswith("typed-")
    code, refused = ask("PUT", f"{runs}/typed/suspend", {})
    assert (code, refused["message"]) == (400, "cannot suspend completed workflows")
    assert ask("PUT", f"{runs}/nobody/retry", {})[0] == 404
    assert ask("GET", f"/pinnace/v1/endpoints?namespace={namespace}")[0] == 404
    judged = {"document": {**WAITS, "spec": {"entrypoint": "gone", "templates": []}}, "namespace": namespace}
    code, found = ask("POST", "/pinnace/v1/authoring/validate", judged)
    assert code == 200 and found["findings"]
    connection.close()
