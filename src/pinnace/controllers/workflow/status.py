"""What a Pod's status says of its node. Source: upstream assessNodeStatus, inferFailedReason.

Pure: a Pod document in, a `Report` out. Callers: `run`, tests' fake executors make such documents.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any

import msgspec

from pinnace.kinds.annotations import OUTPUTS, PROGRESS
from pinnace.kinds.argo import COMPLETED
from pinnace.kinds.resource import Obj

NODE_ID = "workflows.argoproj.io/node-id"
_PROGRESS = re.compile(r"(\d{1,18})/(\d{1,18})")
KILLED = frozenset({137, 143})
EXECUTOR = 64
"""The exit code of a container that was not run at all."""
BROKEN = frozenset({"NodeLost", "ArtifactError"})
"""Reasons of pods that no container of the user's has failed: upstream's init container has."""


class Report(msgspec.Struct, frozen=True, gc=False):
    """`phase` is a node phase: Pending, Running, Succeeded, Failed or Error."""

    phase: str
    message: str = ""
    exit_code: str | None = None
    outputs: Obj | None = None
    """The content of the annotation `pinnace.dev/outputs`."""
    ready: bool = False
    ip: str = ""
    host: str = ""
    progress: str = ""
    """`n/m` as the step itself says it."""


def report(pod: Obj) -> Report:
    found = _report(pod)
    annotations = (pod.get("metadata") or {}).get("annotations")
    if annotations and PROGRESS in annotations and sound(annotations[PROGRESS]):
        return msgspec.structs.replace(found, progress=annotations[PROGRESS])
    return found


def sound(progress: str) -> bool:
    """Whether it is `n/m` with 0 <= n <= m and 0 < m."""
    match = _PROGRESS.fullmatch(progress)
    return match is not None and int(match[1]) <= int(match[2]) and int(match[2]) > 0


def _report(pod: Obj) -> Report:
    status = pod.get("status") or {}
    phase = status.get("phase") or "Pending"
    host = (pod.get("spec") or {}).get("nodeName") or ""
    if phase == "Pending":
        return Report("Pending", message=_waiting(status), host=host)
    if phase == "Running":
        return Report("Running", ready=_ready(status), ip=status.get("podIP") or "", host=host)
    outputs = _outputs(pod)
    codes = _codes(status)
    code = codes.get("main")
    verdict, message = _verdict(phase, status, codes, outputs)
    exit_code = None if code is None else str(code)
    return Report(verdict, message, exit_code, outputs, ip=status.get("podIP") or "", host=host)


def _outputs(pod: Obj) -> Obj | None:
    raw = ((pod.get("metadata") or {}).get("annotations") or {}).get(OUTPUTS)
    if not raw:
        return None
    try:
        found = msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        return {"error": f"annotation {OUTPUTS} is not JSON: {error}"}
    return found if isinstance(found, dict) else None


def _codes(status: Obj) -> dict[str, int]:
    found: dict[str, int] = {}
    for item in status.get("containerStatuses") or []:
        state = item.get("state")
        ended = state.get("terminated") if state else None
        if ended is not None:
            found[item.get("name", "")] = int(ended.get("exitCode", 0))
    return found


def _verdict(phase: str, status: Obj, codes: dict[str, int], outputs: Obj | None) -> tuple[str, str]:
    """The node's phase and message. A pod's own message wins, then init containers, main, the sidecars."""
    if phase == "Failed" and status.get("reason") in BROKEN:
        return "Error", status.get("message") or "pod deleted"
    if phase == "Failed" and status.get("message"):
        return "Failed", str(status["message"])
    failed = _failed_init(status) if "initContainerStatuses" in status else ""
    if failed:
        return "Error", failed
    if codes.get("main"):
        return "Failed", _container_message(status, "main")
    error = (outputs or {}).get("error")
    if error:
        return "Error", str(error)
    if any(codes.values()):
        for name, code in codes.items():
            if name != "main" and code and code not in KILLED:
                return "Failed", _container_message(status, name)
    if phase == "Failed" and "main" not in codes:
        return "Failed", status.get("reason") or "pod failed"
    return "Succeeded", ""


def of_set(pod: Obj, members: Container[str]) -> Report:
    """Of a containerSet's pod: every member is a main container."""
    found = report(pod)
    status = pod.get("status") or {}
    if found.phase not in COMPLETED or status.get("message") or status.get("reason") == "NodeLost":
        return found
    for item in status.get("containerStatuses") or []:
        ended = (item.get("state") or {}).get("terminated") or {}
        if item.get("name") in members and ended.get("exitCode"):
            message = _message(item["name"], ended)
            return msgspec.structs.replace(found, phase="Failed", message=message)
    return found


def told(ended: Obj) -> str:
    """What a Container node says of its end."""
    detail = ended.get("message") or ""
    return f"{ended.get('reason') or 'Error'} (exit code {ended.get('exitCode')}): {detail}"


def _failed_init(status: Obj) -> str:
    for item in status.get("initContainerStatuses") or []:
        ended = (item.get("state") or {}).get("terminated") or {}
        if ended.get("exitCode"):
            return _message(item.get("name", ""), ended)
    return ""


def _container_message(status: Obj, name: str) -> str:
    for item in status.get("containerStatuses") or []:
        if item.get("name") == name:
            return _message(name, (item.get("state") or {}).get("terminated") or {})
    return name


def _message(name: str, ended: dict[str, Any]) -> str:
    message = f"{name}: {ended.get('reason') or 'Error'} (exit code {ended.get('exitCode')})"
    detail = ended.get("message")
    return f"{message}: {detail}" if detail else message


def _waiting(status: Obj) -> str:
    if status.get("message"):
        return str(status["message"])
    for item in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        waiting = (item.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") and waiting["reason"] not in ("ContainerCreating", "PodInitializing"):
            detail = waiting.get("message")
            return f"{waiting['reason']}: {detail}" if detail else str(waiting["reason"])
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"{condition.get('reason', 'Unschedulable')}: {condition.get('message', '')}"
    return ""


def _ready(status: Obj) -> bool:
    found = status.get("containerStatuses") or []
    return bool(found) and all(item.get("ready") for item in found)
