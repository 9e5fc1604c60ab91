"""The Kubernetes API as a client has it: kubectl for what people type, plain HTTP for reading often."""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import yaml

Document = dict[str, Any]
ARGO = "/apis/argoproj.io/v1alpha1"


class Refused(Exception):
    """The API said no; the text is what it said."""


class Cluster:
    def __init__(self, kubeconfig: Path, kubectl: str = "kubectl") -> None:
        self.kubeconfig, self.program = kubeconfig, kubectl
        config = yaml.safe_load(kubeconfig.read_text())
        context = next(c for c in config["contexts"] if c["name"] == config["current-context"])["context"]
        cluster = next(c for c in config["clusters"] if c["name"] == context["cluster"])["cluster"]
        user = next(u for u in config["users"] if u["name"] == context["user"])["user"]
        self.address = urlsplit(cluster["server"])
        self.headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        self.tls = ssl.create_default_context(cadata=decoded(cluster["certificate-authority-data"]))
        self.local = threading.local()

    def kubectl(self, *words: str, text: str = "") -> str:
        """What kubectl prints. Raises Refused with its complaint."""
        done = subprocess.run(
            [self.program, *words], input=text, capture_output=True, text=True, timeout=60,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
        )
        if done.returncode != 0:
            raise Refused(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def request(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> bytes:
        """One request over this thread's connection; a connection that the server closed is opened anew."""
        for attempt in (0, 1):
            link = self.connection(fresh=bool(attempt))
            try:
                link.request(method, path, None if body is None else json.dumps(body),
                             {**self.headers, "Content-Type": kind})
                answer = link.getresponse()
                data = answer.read()
                break
            except (http.client.HTTPException, OSError):
                if attempt:
                    raise
        if answer.status >= 400:
            raise Refused(f"{answer.status} {message(data)}")
        return data

    def connection(self, *, fresh: bool) -> http.client.HTTPSConnection:
        if fresh or not hasattr(self.local, "link"):
            host, port = str(self.address.hostname), self.address.port
            self.local.link = http.client.HTTPSConnection(host, port, context=self.tls, timeout=30)
        link: http.client.HTTPSConnection = self.local.link
        return link

    def get(self, path: str) -> Document:
        found: Document = json.loads(self.request("GET", path))
        return found

    def workflow(self, namespace: str, name: str) -> Document:
        return self.get(f"{ARGO}/namespaces/{namespace}/workflows/{name}")

    def update(self, workflow: Document) -> Document:
        meta = workflow["metadata"]
        path = f"{ARGO}/namespaces/{meta['namespace']}/workflows/{meta['name']}"
        answer: Document = json.loads(self.request("PUT", path, workflow))
        return answer

    def pods(self, namespace: str, workflow: str) -> list[Document]:
        selector = quote(f"workflows.argoproj.io/workflow={workflow}")
        found = self.get(f"/api/v1/namespaces/{namespace}/pods?labelSelector={selector}")
        items: list[Document] = found["items"]
        return items

    def log(self, namespace: str, pod: str, container: str = "main") -> str:
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log?container={container}"
        return self.request("GET", path).decode(errors="replace")


def decoded(data: str) -> str:
    return base64.b64decode(data).decode()


def message(data: bytes) -> str:
    try:
        return str(json.loads(data)["message"])
    except (ValueError, KeyError, TypeError):
        return data.decode(errors="replace")[:300]
