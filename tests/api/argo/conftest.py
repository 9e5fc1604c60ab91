"""Argo's API on a served platform: the real app, store and content store; no controller changes anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest

from pinnace.api.argo.door import Door
from pinnace.cli.argo import face
from pinnace.data.blobs import Blobs
from pinnace.store.interface import Row
from tests.api.conftest import Stack

encode = msgspec.json.Encoder().encode
GROUP = "/apis/argoproj.io/v1alpha1/namespaces/default"
SPEC: dict[str, Any] = {
    "entrypoint": "main",
    "arguments": {"parameters": [{"name": "m", "value": "hi"}]},
    "templates": [
        {"name": "main", "steps": [[{"name": "a", "template": "say"}], [{"name": "b", "template": "say"}]]},
        {"name": "say", "container": {"image": "busybox", "args": ["{{workflow.parameters.m}}"]}},
    ],
}


class Argo:
    """One platform as Argo's clients see it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.blobs = Blobs(stack.home.data)
        platform: Any = SimpleNamespace(
            home=stack.home, store=stack.store, catalogue=stack.catalogue, client=stack.local
        )
        stack.context.routes.extend(Door(lambda: face(platform)).routes())
        self.http = stack.http(headers={"user-agent": "argo"})

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> httpx.Response:
        content = None if body is None else json.dumps(body)
        return self.http.request(method, path, content=content, params=query)

    def ok(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        answer = self.ask(method, path, body, **query)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.json()

    def refused(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, int, str]:
        """(HTTP status, code, message)"""
        answer = self.ask(method, path, body, **query)
        assert answer.status_code >= 400, answer.text
        found = answer.json()
        return answer.status_code, found["code"], found["message"]

    def create(self, name: str, spec: Any = None, **meta: Any) -> Any:
        workflow = {"metadata": {"name": name, **meta}, "spec": spec or SPEC}
        return self.ok("POST", "/api/v1/workflows/default", {"workflow": workflow})

    def ended(self, name: str, phase: str, nodes: dict[str, Any], **status: Any) -> Any:
        """As the engine leaves it: the status in the object, a row for each node."""
        self.create(name)
        found = self.http.get(f"{GROUP}/workflows/{name}").json()
        found["status"] = {
            "phase": phase, "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:01:00Z",
            **status,
        }
        answer = self.http.put(f"{GROUP}/workflows/{name}", json=found)
        assert answer.status_code == 200, answer.text
        rows = [Row("node", found["metadata"]["uid"], key, encode(body)) for key, body in linked(nodes)]
        self.stack.run(self.stack.local.transact([], rows))
        return answer.json()

    def pod(self, workflow: Any, name: str, text: str, started: str = "2026-01-01T00:00:00Z") -> None:
        """A finished pod of a workflow with what it said."""
        meta = workflow["metadata"]
        pod = {
            "metadata": {"name": name, "labels": {"workflows.argoproj.io/workflow": meta["name"]}},
            "spec": {"containers": [{"name": "main", "image": "busybox"}]},
        }
        made = self.http.post("/api/v1/namespaces/default/pods", json=pod).json()
        path = self.stack.home.log(made["metadata"]["uid"], "main", 0)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        made["status"] = {"phase": "Succeeded", "startTime": started, "containerStatuses": []}
        self.http.put(f"/api/v1/namespaces/default/pods/{name}/status", json=made)


def linked(nodes: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows name the nodes above, where readers see the children."""
    for order, (key, one) in enumerate(nodes.items()):
        parents = [above for above, other in nodes.items() if key in other.get("children", ())]
        body = {field: value for field, value in one.items() if field != "children"}
        yield key, {**body, "pinnace": {"order": order, "parents": parents}}


def node(workflow: str, name: str, kind: str, phase: str, **more: Any) -> dict[str, Any]:
    """One entry of `.status.nodes`, under its own name as id."""
    full = f"{workflow}{name}"
    return {"id": full, "name": full, "displayName": name.lstrip("."), "type": kind, "phase": phase,
            "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:30Z", **more}


def picture(*nodes: dict[str, Any]) -> dict[str, Any]:
    return {one["id"]: one for one in nodes}


@pytest.fixture(scope="module")
def argo(stack: Stack) -> Iterator[Argo]:
    made = Argo(stack)
    yield made
    made.http.close()
