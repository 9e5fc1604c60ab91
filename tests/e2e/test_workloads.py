"""Deployments, StatefulSets, CronJobs, autoscalers: plain Kubernetes, by kubectl on a real platform."""

from __future__ import annotations

import http.server
import json
import os
import signal
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.platform import Platform, eventually

SERVER = """
import http.server, os, socket
class Shared(http.server.ThreadingHTTPServer):
    request_queue_size = 64
    def server_bind(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().server_bind()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(os.environ["ANSWER"].encode())
    def log_message(self, *words): pass
server = Shared(("127.0.0.1", int(os.environ["PORT"])), Handler)
open("/state/listening", "w").close()
server.serve_forever()
"""
ASKING = """
import os, time, urllib.request
while True:
    with urllib.request.urlopen(os.environ["ASK"]) as answer:
        busy = answer.read() == b"burn"
    until = time.monotonic() + 0.3
    while time.monotonic() < until:
        if not busy: time.sleep(0.05)
"""
INDEXED = "import os; print(os.environ['JOB_COMPLETION_INDEX'], os.environ['HOSTNAME'])"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    instance = Platform(tmp_path_factory.mktemp("home"), "--isolation", "process")
    try:
        yield instance.up()
    finally:
        instance.down()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def workload(kind: str, name: str, code: str, env: dict[str, str], **spec: Any) -> str:
    container: dict[str, Any] = {
        "name": "main", "image": "python:3.11", "command": ["python3", "-c", code],
        "env": [{"name": key, "value": value} for key, value in env.items()],
    }
    container |= spec.pop("container", {})
    template = {
        "terminationGracePeriodSeconds": 1, "containers": [container], "volumes": spec.pop("volumes", [])
    }
    return json.dumps({
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": template}, **spec,
        },
    })


class Requests:
    """A client that never rests. `worst`: how many failed in a row."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: list[str] = []
        self.worst = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        row = 0
        while not self._over.is_set():
            try:
                with urllib.request.urlopen(self.url, timeout=5) as answer:
                    self.answers.append(answer.read().decode())
                row = 0
            except OSError:
                row += 1
                self.worst = max(self.worst, row)

    def __enter__(self) -> Requests:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()


def test_a_deployment_rolls_while_requests_go_on(platform: Platform) -> None:
    port = free_port()
    probe = {"exec": {"command": ["test", "-e", "/state/listening"]}, "periodSeconds": 1}
    mount = {"name": "state", "mountPath": "/state"}
    platform.kubectl("apply", "-f", "-", text=workload(
        "Deployment", "web", SERVER, {"PORT": str(port), "ANSWER": "one"}, replicas=2,
        container={"readinessProbe": probe, "volumeMounts": [mount]},
        volumes=[{"name": "state", "emptyDir": {}}],
    ))
    platform.kubectl("rollout", "status", "deploy/web", "--timeout=60s")
    with Requests(f"http://127.0.0.1:{port}/") as requests:
        eventually(lambda: requests.answers, "a first answer")
        platform.kubectl("set", "env", "deploy/web", "ANSWER=two")
        platform.kubectl("rollout", "status", "deploy/web", "--timeout=60s")
        eventually(lambda: requests.answers[-1] == "two", "the new answer")
        platform.kubectl("rollout", "undo", "deploy/web")
        platform.kubectl("rollout", "status", "deploy/web", "--timeout=60s")
        eventually(lambda: requests.answers[-1] == "one", "the old answer again")
    assert requests.worst <= 2
    history = platform.kubectl("rollout", "history", "deploy/web").splitlines()
    assert [line.split()[0] for line in history[2:] if line] == ["2", "3"]
    told = platform.kubectl("describe", "deploy", "web")
    assert "2 desired | 2 updated | 2 total | 2 available | 0 unavailable" in told
    assert "Available      True    MinimumReplicasAvailable" in told
    assert "Scaled up replica set web-" in told
    platform.kubectl("scale", "deploy/web", "--replicas=0")
    eventually(lambda: not platform.get("pods", "-l", "app=web")["items"], "no pods")
    platform.kubectl("delete", "deploy", "web")
    eventually(lambda: not platform.get("rs", "-l", "app=web")["items"], "its ReplicaSets to go with it")


def test_a_rollout_outlives_the_death_of_control(platform: Platform) -> None:
    code = "import time; time.sleep(600)"
    platform.kubectl("apply", "-f", "-", text=workload("Deployment", "tough", code, {"N": "1"}, replicas=3))
    platform.kubectl("rollout", "status", "deploy/tough", "--timeout=60s")
    platform.kubectl("set", "env", "deploy/tough", "N=2")
    os.kill(platform.pids()["control"], signal.SIGKILL)

    def rolled() -> bool:
        words = ("rollout", "status", "deploy/tough", "--timeout=5s")
        return "successfully rolled out" in platform.kubectl(*words, check=False)

    eventually(rolled, "the rollout to end under the next control")
    pods = platform.get("pods", "-l", "app=tough")["items"]
    living = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    assert [pod["spec"]["containers"][0]["env"][0]["value"] for pod in living] == ["2"] * 3
    assert [each["spec"]["replicas"] for each in platform.get("rs", "-l", "app=tough")["items"]].count(3) == 1
    platform.kubectl("delete", "deploy", "tough")


def test_a_stateful_set_starts_in_order_with_claims_that_stay(platform: Platform) -> None:
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    code = (
        "import os,time,socket\n"
        "open('/data/lives','a').write(os.environ['HOSTNAME']+'\\n')\n"
        "print(open('/data/lives').read(),flush=True)\ntime.sleep(600)"
    )
    mount = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    platform.kubectl("apply", "-f", "-", text=workload(
        "StatefulSet", "db", code, {}, replicas=2, serviceName="db", volumeClaimTemplates=[claim],
        container=mount,
    ))
    platform.kubectl("rollout", "status", "sts/db", "--timeout=60s")
    items = platform.get("pods", "-l", "app=db")["items"]
    first, second = sorted(items, key=lambda each: str(each["metadata"]["name"]))
    assert [each["metadata"]["name"] for each in (first, second)] == ["db-0", "db-1"]
    ready = next(c for c in first["status"]["conditions"] if c["type"] == "Ready")
    assert second["metadata"]["creationTimestamp"] >= ready["lastTransitionTime"]
    platform.kubectl("delete", "pod", "db-0")
    platform.kubectl("rollout", "status", "sts/db", "--timeout=60s")
    eventually(lambda: platform.kubectl("logs", "db-0").split() == ["db-0", "db-0"], "its data of before")
    platform.kubectl("delete", "sts", "db")
    claims = platform.get("pvc", "-l", "app=db")["items"]
    assert [(each["metadata"]["name"], each["status"]["phase"]) for each in claims] == [
        ("data-db-0", "Bound"), ("data-db-1", "Bound")
    ]


@contextmanager
def order(answer: list[str]) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer[0].encode())

        def log_message(self, *words: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.slow
def test_an_autoscaler_follows_the_load(platform: Platform) -> None:
    answer = ["burn"]
    with order(answer) as url:
        resources = {"resources": {"requests": {"cpu": "50m", "memory": "32Mi"}}}
        platform.kubectl("apply", "-f", "-", text=workload(
            "Deployment", "burn", ASKING, {"ASK": url}, replicas=1, container=resources
        ))
        platform.kubectl("apply", "-f", "-", text=json.dumps({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "burn"},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "burn"},
                "maxReplicas": 3, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
            },
        }))
        size = lambda: platform.get("deploy", "burn")["spec"]["replicas"]  # noqa: E731
        eventually(lambda: size() > 1, "more replicas under load")
        top = platform.kubectl("top", "pods", "-l", "app=burn")
        assert top.split()[:2] == ["NAME", "CPU(cores)"]
        assert "burn-" in top
        answer[0] = "rest"
        eventually(lambda: size() == 1, "one replica without load", within=120)
    told = platform.kubectl("describe", "hpa", "burn")
    assert "New size: 1; reason: All metrics below target" in told
    assert "cpu resource utilization (percentage of request) above target" in told
    platform.kubectl("delete", "deploy,hpa", "burn")


def test_a_job_from_a_cron_job(platform: Platform) -> None:
    platform.kubectl(
        "create", "cronjob", "tick", "--image=python:3.11", "--schedule=0 0 1 1 *", "--", "python3", "-c",
        "print('tock')",
    )
    platform.kubectl("create", "job", "now", "--from=cronjob/tick")
    platform.kubectl("wait", "--for=condition=complete", "job/now", "--timeout=60s")
    assert platform.kubectl("logs", "job/now") == "tock\n"
    assert platform.kubectl("get", "cronjob", "tick").splitlines()[0].split() == [
        "NAME", "SCHEDULE", "TIMEZONE", "SUSPEND", "ACTIVE", "LAST", "SCHEDULE", "AGE"
    ]
    platform.kubectl("delete", "cronjob", "tick")
    eventually(lambda: not platform.get("jobs")["items"], "the Job to go with its CronJob")


def test_an_indexed_job_tells_each_pod_its_index(platform: Platform) -> None:
    pod = {"restartPolicy": "Never", "containers": [{
        "name": "main", "image": "python:3.11",
        "command": ["python3", "-c", INDEXED],
    }]}
    platform.kubectl("apply", "-f", "-", text=json.dumps({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "parts"},
        "spec": {"completions": 3, "parallelism": 2, "completionMode": "Indexed", "template": {"spec": pod}},
    }))
    platform.kubectl("wait", "--for=condition=complete", "job/parts", "--timeout=60s")
    said = platform.kubectl("logs", "-l", "job-name=parts", "--tail=-1").splitlines()
    assert sorted(said) == [f"{n} parts-{n}" for n in range(3)]
    assert "Completed Indexes:  0-2" in platform.kubectl("describe", "job", "parts")
    platform.kubectl("delete", "job", "parts")


def test_a_node_is_drained_and_comes_back(platform: Platform) -> None:
    idle = "import time; time.sleep(600)"
    platform.kubectl("apply", "-f", "-", text=workload("Deployment", "idle", idle, {}, replicas=2))
    platform.kubectl("apply", "-f", "-", text=workload("DaemonSet", "agent", idle, {}))
    for name in ("deploy/idle", "ds/agent"):
        platform.kubectl("rollout", "status", name, "--timeout=60s")
    platform.kubectl("drain", "pinnace", "--ignore-daemonsets", "--timeout=60s", "--force")
    assert "SchedulingDisabled" in platform.kubectl("get", "node", "pinnace")
    told = platform.kubectl("describe", "node", "pinnace")
    assert "Taints:             node.kubernetes.io/unschedulable:NoSchedule" in told
    pods = platform.get("pods", "-l", "app=idle")["items"]
    assert {pod["status"]["phase"] for pod in pods} == {"Pending"}
    assert platform.get("ds", "agent")["status"]["numberReady"] == 1
    platform.kubectl("uncordon", "pinnace")
    platform.kubectl("rollout", "status", "deploy/idle", "--timeout=60s")
    platform.kubectl("delete", "deploy/idle", "ds/agent")


def test_volumes_are_listed_as_on_a_cluster(platform: Platform) -> None:
    assert platform.kubectl("get", "sc").splitlines()[1].split()[:2] == ["standard", "(default)"]
    platform.kubectl("apply", "-f", "-", text=json.dumps({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "mine"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }))
    platform.kubectl("wait", "--for=jsonpath={.status.phase}=Bound", "pvc/mine", "--timeout=30s")
    name = platform.get("pvc", "mine")["spec"]["volumeName"]
    row = platform.kubectl("get", "pv", name).splitlines()[1].split()
    assert row[:7] == [name, "1Gi", "RWO", "Delete", "Bound", "default/mine", "standard"]
    platform.kubectl("delete", "pvc", "mine")
    eventually(lambda: name not in platform.kubectl("get", "pv"), "the volume to go with its claim")


def test_a_crash_loop_is_shown(platform: Platform) -> None:
    platform.kubectl("apply", "-f", "-", text=workload("Deployment", "crash", "raise SystemExit(3)", {}))
    shown = lambda: platform.kubectl("get", "pods", "-l", "app=crash")  # noqa: E731
    eventually(lambda: "CrashLoopBackOff" in shown(), "CrashLoopBackOff")
    assert "0/1" in shown()
    told = platform.kubectl("get", "deploy", "crash").splitlines()[1].split()
    assert told[:4] == ["crash", "0/1", "1", "0"]
    platform.kubectl("delete", "deploy", "crash")


def test_what_is_measured(platform: Platform, tmp_path: Path) -> None:
    node = platform.kubectl("top", "node").splitlines()[1].split()
    assert node[0] == "pinnace"
    assert node[1].endswith("m")
    assert node[3].endswith("Mi")
