"""What a revision's pods are doing, read from Pod objects. Pure.

Readiness is the Pod's own condition plus a known address; a failed load is a container that ended or
cannot start.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import msgspec

from pinnace.kinds import serving
from pinnace.kinds.annotations import SOCKET_PATHS
from pinnace.kinds.resource import Obj

PORT = "pinnace.dev/port"
"""The port that one pod was given, where pods share the host's network."""
REVISION = "serving.knative.dev/revision"
STUCK = frozenset((
    "CrashLoopBackOff", "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull",
    "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "ContainerCannotRun",
    "StartError",
))
"""Why a container waits that will not start by itself; other reasons say what is being prepared."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a copy of the model does not run; what KServe calls lastFailureInfo."""

    message: str
    exit_code: int = 0
    time: str = ""
    pod_uid: str = ""
    restarts: int = 0
    container: str = serving.CONTAINER


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """One revision. `addresses` are those of its ready pods; `pods` all that are not being deleted."""

    revision: str
    pods: tuple[Obj, ...] = ()
    leaving: tuple[Obj, ...] = ()
    addresses: tuple[str, ...] = ()
    failure: Failure | None = None
    grpc: tuple[str, ...] = ()
    """The same pods' second port."""


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """How pods are found and reached. `doors`: the folder of sockets that lead to pods with a network of
    their own, '' if there is none."""

    socket: str
    port: int
    grpc: int = 0
    doors: str = ""
    label: tuple[str, str] | None = None
    """By which they say whose they are; by default, the revision's."""


def observe(revision: str, pods: Sequence[Obj], way: Way) -> Observed:
    label, value = way.label or (REVISION, revision)
    own = [pod for pod in pods if (pod["metadata"].get("labels") or {}).get(label) == value]
    leaving = tuple(pod for pod in own if pod["metadata"].get("deletionTimestamp"))
    living = tuple(pod for pod in own if not pod["metadata"].get("deletionTimestamp"))
    if way.label is not None:
        living = tuple(pod for pod in living if not over(pod))  # their ReplicaSet has replaced them
    up = [pod for pod in living if ready(pod)]
    failures = [found for pod in living if not ready(pod) and (found := failure(pod))]
    return Observed(
        revision=revision, pods=living, leaving=leaving,
        addresses=sorted_out(address(pod, way.socket, way.port, way.doors) for pod in up),
        failure=failures[0] if failures else None,
        grpc=sorted_out(of_network(pod, way.grpc, way.doors) for pod in up if way.grpc),
    )


def sorted_out(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(filter(None, found)))


def ready(pod: Obj) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def over(pod: Obj) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def address(pod: Obj, socket: str, port: int, doors: str = "") -> str:
    """Where Envoy reaches it: its socket on the host, or TCP. '' while the node has not said."""
    notes = pod["metadata"].get("annotations") or {}
    if not socket:
        return of_network(pod, int(notes.get(PORT) or port), doors)
    text = notes.get(SOCKET_PATHS)
    if not text:
        return ""
    paths = json.loads(text)
    of_container = paths.get(serving.CONTAINER, paths)
    found = of_container.get(socket, "") if isinstance(of_container, dict) else ""
    return f"unix:{found}" if found else ""


def of_network(pod: Obj, port: int, doors: str) -> str:
    """A pod that shares the host's network listens on its loopback; another one has a door."""
    ip = (pod.get("status") or {}).get("podIP") or ""
    if not doors or not ip:
        return f"127.0.0.1:{port}"
    return f"{ip}:{port}" if ip.startswith("127.") else f"unix:{doors}/{ip}-{port}"


def failure(pod: Obj) -> Failure | None:
    status = pod.get("status") or {}
    uid = pod["metadata"].get("uid", "")
    for container in status.get("containerStatuses") or ():
        if container.get("name") != serving.CONTAINER:
            continue
        found = of_container(container, uid)
        if found:
            return found
    for container in status.get("initContainerStatuses") or ():
        found = of_container(container, uid)
        if found and found.exit_code:
            name = str(container["name"])
            return msgspec.structs.replace(found, container=name)
    if status.get("phase") == "Failed":
        message = status.get("message") or status.get("reason") or "the pod failed"
        return Failure(message=message, pod_uid=uid)
    return None


def of_container(container: Obj, uid: str) -> Failure | None:
    state, last = container.get("state") or {}, container.get("lastState") or {}
    restarts = int(container.get("restartCount") or 0)
    ended = state.get("terminated") or last.get("terminated")
    if ended and not state.get("running"):
        message = ended.get("message") or f"{ended.get('reason') or 'Error'}: {container.get('name')} ended"
        return Failure(
            message=message, exit_code=int(ended.get("exitCode") or 0), time=ended.get("finishedAt") or "",
            pod_uid=uid, restarts=restarts if state.get("terminated") else max(0, restarts - 1),
        )
    waiting = state.get("waiting") or {}
    if waiting.get("reason") in STUCK:
        text = f"{waiting.get('reason')}: {waiting.get('message') or 'the container cannot start'}"
        return Failure(message=text, pod_uid=uid)
    return None
