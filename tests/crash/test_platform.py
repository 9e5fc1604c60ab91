"""The whole platform as a user has it: all of it killed at once, control in the middle of a canary change."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.platform import Platform, eventually

pytestmark = [pytest.mark.slow, pytest.mark.serial]

SOCKET = "/var/run/model/http.sock"
SERVER = """
import http.server, os, socketserver, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = os.environ["WORD"].encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def address_string(self): return "gateway"
    def log_message(self, *args): pass
class Server(socketserver.ThreadingUnixStreamServer): daemon_threads = True
Server(sys.argv[1], Handler).serve_forever()
"""


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Platform]:
    platform = Platform(tmp_path / "home")
    yield platform
    platform.down()


def ledger_flow(ledger: Path, count: int) -> str:
    script = 'echo "start $POD" >> "/$LEDGER"; sleep 0.3; echo "end $POD" >> "/$LEDGER"'
    env = [
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
        {"name": "LEDGER", "value": str(ledger).lstrip("/")},
    ]
    step = {"image": "alpine:3", "command": ["/bin/sh", "-c", script], "env": env}
    calls = [[{"name": "s", "template": "step", "withSequence": {"count": str(count)}}]]
    again = {"retryStrategy": {"limit": 5, "retryPolicy": "OnError"}}
    templates = [{"name": "main", "steps": calls}, {"name": "step", "container": step, **again}]
    return json.dumps({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "flow"},
        "spec": {"entrypoint": "main", "templates": templates},
    })  # fmt: skip


def test_everything_dies_at_once(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "home", "--isolation", "process")
    ledger = tmp_path / "ledger"
    try:
        platform.up()
        platform.kubectl("create", "-f", "-", text=ledger_flow(ledger, 40))
        for least in (10, 40):
            eventually(partial(reached, ledger, least), f"{least} lines")
            pids = platform.pids()
            for name in ("supervisor", "control", "node", "gateway"):
                os.kill(pids[name], signal.SIGKILL)
            platform.command("up", "-d", *platform.options)
        platform.kubectl("wait", "--for=condition=Completed", "workflow/flow", "--timeout=60s")
        assert platform.get("workflow", "flow")["status"]["phase"] == "Succeeded"
        pods = {pod["metadata"]["uid"]: pod["status"] for pod in platform.get("pods")["items"]}
    finally:
        platform.down()
    lines = Counter((word, uid) for word, uid in read(ledger))
    assert set(lines.values()) == {1}, "no step begins or ends twice"
    for uid, status in pods.items():
        if status["phase"] == "Succeeded":
            assert lines["start", uid] == lines["end", uid] == 1
        else:
            assert status["reason"] == "NodeLost"
    assert sum(status["phase"] == "Succeeded" for status in pods.values()) == 40
    assert {status["phase"] for status in pods.values()} == {"Succeeded", "Failed"}


def reached(ledger: Path, least: int) -> bool:
    return len(read(ledger)) >= least


def read(ledger: Path) -> list[list[str]]:
    return [line.split() for line in ledger.read_text().splitlines()] if ledger.exists() else []


def service(word: str, percent: int | None = None) -> str:
    container = {
        "name": "kserve-container", "image": "python:3", "command": ["python3", "-c", SERVER, SOCKET],
        "env": [{"name": "WORD", "value": word}],
    }  # fmt: skip
    predictor: dict[str, Any] = {"containers": [container]}
    if percent is not None:
        predictor["canaryTrafficPercent"] = percent
    notes = {"pinnace.dev/sockets": json.dumps({"kserve-container": [SOCKET]})}
    return json.dumps({
        "apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
        "metadata": {"name": "words", "annotations": notes}, "spec": {"predictor": predictor},
    })  # fmt: skip


@pytest.mark.parametrize("failpoint", ["serving.before-canary", "serving.after-canary"])
def test_control_dies_in_the_middle_of_a_canary_change(
    fresh: Platform, failpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PINNACE_FAILPOINT", failpoint)
    fresh.up()
    monkeypatch.delenv("PINNACE_FAILPOINT")
    fresh.kubectl("apply", "-f", "-", text=service("one"))
    fresh.kubectl("wait", "--for=condition=Ready", "isvc/words", "--timeout=60s")
    before = fresh.pids()["control"]
    fresh.kubectl("apply", "-f", "-", text=service("two", 50))
    deadline = time.monotonic() + 40
    while fresh.pids()["control"] == before:
        assert ask(fresh) in ("one", "two"), "whoever asks is answered, whatever becomes of control"
        assert time.monotonic() < deadline, fresh.last_words()
    eventually(lambda: split(fresh) == [50, 50], "the canary's share")
    eventually(lambda: min(answers(fresh)["one"], answers(fresh)["two"]) > 25, "answers by that share", 10)
    revisions = {pod["metadata"]["labels"].get("serving.knative.dev/revision") for pod in pods(fresh)}
    assert len(revisions) == 2, "the change was made once"


def answers(platform: Platform) -> Counter[str]:
    return Counter(ask(platform) for _ in range(100))


def pods(platform: Platform) -> list[Any]:
    return list(platform.get("pods", "-l", "serving.kserve.io/inferenceservice=words")["items"])


def split(platform: Platform) -> list[int]:
    shown = platform.kubectl("get", "isvc", "words", "-o", "json", check=False)
    status = json.loads(shown).get("status", {}) if shown.startswith("{") else {}
    traffic = status.get("components", {}).get("predictor", {}).get("traffic", [])
    return sorted(each["percent"] for each in traffic if each.get("percent"))


def ask(platform: Platform) -> str:
    client = http.client.HTTPConnection("127.0.0.1", int((platform.home.gateway / "port").read_text()), 20)
    try:
        client.request("GET", "/", headers={"Host": "words.default.example.com"})
        answer = client.getresponse()
        said = answer.read().decode()
        assert answer.status == 200, said
        return said
    finally:
        client.close()
