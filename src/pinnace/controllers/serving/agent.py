"""The agent beside a component: batches and logs what comes, as a container of its pod. Pure.

Its arguments are upstream's (kserve pkg/webhook/admission/pod/agent_injector.go); the program is
`runtimes/agent`. It listens on PORT and asks the component on the component's own port.
"""

from __future__ import annotations

from pinnace.controllers.serving.selection import Problem
from pinnace.kinds.resource import Obj

NAME = "agent"
IMAGE = "kserve/agent:v0.15.2"
PORT = 9081
BATCH, LATENCY = 32, 5000
FIELDS = ("batcher", "logger", "containerConcurrency")
"""Of a component: what the agent does."""


ELSEWHERE = ("storage", "marshallerUrl")
NOT_HERE = (
    "not served by this platform's agent, which sends each event as a CloudEvent: name in logger.url the "
    "http:// address of a Service that takes them (and puts them where you want them)"
)


def wanted(component: Obj) -> bool:
    return any(component.get(field) is not None for field in ("batcher", "logger")) or limit(component) > 0


def limit(component: Obj) -> int:
    """How many requests a pod gets at once, 0: as many as come."""
    return int(component.get("containerConcurrency") or 0)


def container(isvc: Obj, component: Obj, kind: str, port: int) -> Obj | None:
    """None: nothing of it is asked for. Raises Problem."""
    if not wanted(component):
        return None
    args = [*batcher(component.get("batcher")), *logger(isvc, component.get("logger"), kind)]
    if limit(component):
        args += ["--container-concurrency", str(limit(component))]
    return {
        "name": NAME, "image": IMAGE, "args": [*args, "--component-port", str(port)],
        "ports": [{"name": "agent-port", "containerPort": PORT, "protocol": "TCP"}],
        "env": [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "resources": {"requests": {"cpu": "100m", "memory": "32Mi"}, "limits": {"memory": "1Gi"}},
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1, "timeoutSeconds": 2},
    }


def batcher(given: Obj | None) -> list[str]:
    if given is None:
        return []
    return ["--enable-batcher", "--max-batchsize", str(given.get("maxBatchSize") or BATCH),
            "--max-latency", str(given.get("maxLatency") or LATENCY)]


def logger(isvc: Obj, given: Obj | None, kind: str) -> list[str]:
    if given is None:
        return []
    url = str(given.get("url") or "")
    if not url:
        raise Problem("InvalidPredictorSpec", "logger.url is not set: where shall the events go?")
    field = next((one for one in ELSEWHERE if given.get(one)), "")
    if field or not url.startswith(("http://", "https://")):
        what = f"logger.{field} is" if field else f"logger.url {url}: buckets are"
        raise Problem("InvalidPredictorSpec", f"{what} {NOT_HERE}")
    meta = isvc["metadata"]
    words = ["--log-url", str(given["url"]), "--source-uri", "$(POD_NAME)",
             "--log-mode", str(given.get("mode") or "all"), "--inference-service", str(meta["name"]),
             "--namespace", str(meta["namespace"]), "--endpoint", "", "--component", kind]
    for header in given.get("metadataHeaders") or ():
        words += ["--metadata-headers", str(header)]
    notes = meta.get("annotations") or {}
    for name in given.get("metadataAnnotations") or ():
        if name in notes:
            words += ["--metadata-annotations", f"{name}={notes[name]}"]
    return words
