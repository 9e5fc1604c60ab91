# ruff: noqa: E501 - an attack reads best on one line
"""What the attacks are made through: a platform as a user has it, spoken to over HTTP, pods and workflows waited for."""

from __future__ import annotations

import http.client
import json
import uuid
from typing import Any

import psutil

from tests.e2e.platform import Platform, eventually

Obj = dict[str, Any]
CANARY = "canary-7c41e0"
WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/{}/workflows"
ENDED = ("Succeeded", "Failed", "Error")


class Site:
    """One platform in the sandbox, shared by a module; names are made up, so that tests do not meet."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.home = platform.home

    def http(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        *,
        token: bool = True,
    ) -> tuple[int, bytes]:
        """Status and body of one request to control, whatever they are."""
        connection = self.platform.api
        sent = {"Content-Type": "application/json", **(headers or {})}
        if token:
            sent.setdefault("Authorization", f"Bearer {connection.token}")
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        client = http.client.HTTPConnection("127.0.0.1", connection.port, timeout=60)
        try:
            client.request(method, path, data, sent)
            answer = client.getresponse()
            return answer.status, answer.read()
        finally:
            client.close()

    def ask(self, method: str, path: str, body: Any = None) -> Obj:
        """The document of an answer that must be a success."""
        status, content = self.http(method, path, body)
        assert status < 300, (method, path, status, content[:2000])
        return dict(json.loads(content))

    def namespace(self) -> str:
        name = f"n-{uuid.uuid4().hex[:8]}"
        self.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        return name

    # Pods ------------------------------------------------------------------------------------------------

    def try_pod(self, namespace: str, spec: Obj, **metadata: Any) -> tuple[int, Obj]:
        pod = {"metadata": {"generateName": "p-", **metadata}, "spec": {"restartPolicy": "Never", **spec}}
        status, content = self.http("POST", f"/api/v1/namespaces/{namespace}/pods", pod)
        return status, json.loads(content)

    def pod(self, namespace: str, spec: Obj, **metadata: Any) -> Obj:
        status, pod = self.try_pod(namespace, spec, **metadata)
        assert status == 201, pod
        return pod

    def read(self, pod: Obj) -> Obj:
        meta = pod["metadata"]
        return self.ask("GET", f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}")

    def ended(self, pod: Obj, within: float = 60) -> Obj:
        def look() -> Obj | None:
            now = self.read(pod)
            return now if now["status"]["phase"] in ("Succeeded", "Failed") else None

        return dict(eventually(look, f"the end of pod {pod['metadata']['name']}", within))

    def log(self, pod: Obj, container: str = "main") -> str:
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/log?container={container}"
        status, content = self.http("GET", path)
        return content.decode(errors="replace") if status == 200 else ""

    def shell(self, script: str, namespace: str = "default", within: float = 60, **spec: Any) -> str:
        """What a step printed, as a Pod of its own."""
        pod = self.ended(self.pod(namespace, {"containers": [shell(script)], **spec}), within)
        return self.log(pod)

    def blocked(self, pod: Obj) -> str:
        """Why the platform does not start it: an event's or a status' message."""
        meta = pod["metadata"]

        def look() -> str:
            now = self.read(pod)
            if now["status"]["phase"] in ("Failed", "Succeeded"):
                return f"{now['status']['phase']}: {json.dumps(now['status'])}"
            path = f"/api/v1/namespaces/{meta['namespace']}/events?fieldSelector=involvedObject.uid={meta['uid']}"
            warnings = [e for e in self.ask("GET", path)["items"] if e["type"] == "Warning"]
            return " ".join(e["message"] for e in warnings)

        return str(eventually(look, f"a reason why {meta['name']} does not run"))

    # Workflows -------------------------------------------------------------------------------------------

    def try_workflow(self, spec: Obj, namespace: str = "default", **metadata: Any) -> tuple[int, Obj]:
        document = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"generateName": "w-", **metadata},
            "spec": {"entrypoint": "main", **spec},
        }
        status, content = self.http("POST", WORKFLOWS.format(namespace), document)
        return status, json.loads(content)

    def workflow(self, spec: Obj, namespace: str = "default", within: float = 60, **metadata: Any) -> Obj:
        """The workflow at its end."""
        status, made = self.try_workflow(spec, namespace, **metadata)
        assert status == 201, made
        return self.finished(made, within)

    def finished(self, workflow: Obj, within: float = 60) -> Obj:
        meta = workflow["metadata"]
        path = f"{WORKFLOWS.format(meta['namespace'])}/{meta['name']}"

        def look() -> Obj | None:
            now = self.ask("GET", path)
            return now if (now.get("status") or {}).get("phase") in ENDED else None

        return dict(eventually(look, f"the end of workflow {meta['name']}", within))

    def logs_of(self, workflow: Obj) -> str:
        meta = workflow["metadata"]
        selector = f"labelSelector=workflows.argoproj.io/workflow={meta['name']}"
        pods = self.ask("GET", f"/api/v1/namespaces/{meta['namespace']}/pods?{selector}")["items"]
        return "\n".join(self.log(pod) for pod in pods)

    # The processes -----------------------------------------------------------------------------------------

    def memory(self, name: str = "control") -> int:
        """Resident bytes of one of the platform's processes."""
        return int(psutil.Process(self.platform.pids()[name]).memory_info().rss)

    def alive(self) -> bool:
        return self.http("GET", "/readyz")[0] == 200


def shell(script: str, **fields: Any) -> Obj:
    return {"name": "main", "image": "alpine:3", "command": ["sh", "-c", script], **fields}


def python(source: str, **fields: Any) -> Obj:
    return {"name": "main", "image": "python:3", "command": ["python3", "-c", source], **fields}


def step(script: str, **template: Any) -> Obj:
    """A template that runs a shell script."""
    return {"name": "main", "container": {"image": "alpine:3", "command": ["sh", "-c", script]}, **template}


def said(workflow: Obj) -> str:
    """Every message of a workflow and its nodes."""
    status = workflow["status"]
    nodes = (status.get("nodes") or {}).values()
    return " | ".join([status.get("message", ""), *(node.get("message") or "" for node in nodes)])


def outputs(workflow: Obj) -> str:
    """All that its nodes put out, as text."""
    return json.dumps([node.get("outputs") for node in (workflow["status"].get("nodes") or {}).values()])
