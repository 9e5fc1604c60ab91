"""Pods: the one word under STATUS is a small story of its own (kubernetes pkg/printers, printPod)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ..resource import Obj
from .age import human, moment
from .printer import NONE, Printer, age, columns, condition, containers, labels, section

ENDED = ("Succeeded", "Failed")
NODE_LOST = "NodeLost"


class Tally:
    """Counted over a pod's container statuses."""

    def __init__(self) -> None:
        self.restarts = 0
        self.ready = 0
        self.last: datetime | None = None

    def add(self, status: dict[str, Any]) -> None:
        self.restarts += status.get("restartCount") or 0
        ended = moment(section(section(status, "lastState"), "terminated").get("finishedAt"))
        if ended and (self.last is None or ended > self.last):
            self.last = ended

    def text(self, now: datetime) -> str:
        if not self.restarts or self.last is None:
            return str(self.restarts)
        return f"{self.restarts} ({human((now - self.last).total_seconds())} ago)"


def cells(pod: Obj, now: datetime) -> list[Any]:
    spec, status = section(pod, "spec"), section(pod, "status")
    restartable = _restartable(spec)
    word, tally = _story(pod, spec, status, restartable)
    total = len(spec.get("containers") or ()) + len(restartable)
    gates = spec.get("readinessGates") or ()
    passed = sum(condition(pod, gate["conditionType"]) for gate in gates)
    return [
        f"{tally.ready}/{total}", _ending(pod, status, word), tally.text(now), age(pod, now),
        _address(status), spec.get("nodeName") or NONE, status.get("nominatedNodeName") or NONE,
        f"{passed}/{len(gates)}" if gates else NONE,
    ]


def _restartable(spec: dict[str, Any]) -> set[str]:
    """Init containers that go on running beside the others."""
    found = spec.get("initContainers") or ()
    return {one["name"] for one in found if one.get("restartPolicy") == "Always"}


def _story(
    pod: Obj, spec: dict[str, Any], status: dict[str, Any], restartable: set[str]
) -> tuple[str, Tally]:
    word = status.get("reason") or status.get("phase") or ""
    if any(one.get("reason") == "SchedulingGated" for one in status.get("conditions") or ()):
        word = "SchedulingGated"
    starting, sidecars = Tally(), Tally()
    init = ""
    for place, one in enumerate(status.get("initContainerStatuses") or ()):
        starting.add(one)
        beside = one.get("name") in restartable
        if beside:
            sidecars.add(one)
        if beside and one.get("started") and not _succeeded(one):
            sidecars.ready += bool(one.get("ready"))
            continue
        init = _init_word(one, place, len(spec.get("initContainers") or ()))
        if init:
            break
    if init and not condition(pod, "Initialized"):
        starting.ready = sidecars.ready
        return init, starting
    return _running_word(pod, status, init or word, sidecars), sidecars


def _succeeded(status: dict[str, Any]) -> bool:
    terminated = section(status, "state").get("terminated")
    return terminated is not None and not terminated.get("exitCode")


def _init_word(status: dict[str, Any], place: int, total: int) -> str:
    """Empty if this one is done."""
    state = section(status, "state")
    if _succeeded(status):
        return ""
    if state.get("terminated") is not None:
        return "Init:" + _end_word(state["terminated"])
    waiting = section(state, "waiting").get("reason") or ""
    return f"Init:{waiting}" if waiting not in ("", "PodInitializing") else f"Init:{place}/{total}"


def _end_word(terminated: dict[str, Any]) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _running_word(pod: Obj, status: dict[str, Any], word: str, tally: Tally) -> str:
    running = False
    for one in reversed(status.get("containerStatuses") or ()):
        tally.add(one)
        state = section(one, "state")
        if section(state, "waiting").get("reason"):
            word = state["waiting"]["reason"]
        elif state.get("terminated") is not None:
            word = _end_word(state["terminated"])
        elif one.get("ready") and state.get("running") is not None:
            running = True
            tally.ready += 1
    if word == "Completed" and running:
        return "Running" if condition(pod, "Ready") else "NotReady"
    return word


def _ending(pod: Obj, status: dict[str, Any], word: str) -> str:
    if not section(pod, "metadata").get("deletionTimestamp"):
        return word
    if status.get("reason") == NODE_LOST:
        return "Unknown"
    return word if status.get("phase") in ENDED else "Terminating"


def _address(status: dict[str, Any]) -> str:
    return next(_addresses(status), NONE)


def _addresses(status: dict[str, Any]) -> Iterator[str]:
    yield from (one["ip"] for one in status.get("podIPs") or () if one.get("ip"))
    if status.get("podIP"):
        yield status["podIP"]


def _template(obj: Obj, now: datetime) -> list[Any]:
    template = section(obj, "template")
    return [*containers(section(template, "spec")), labels(section(template, "metadata").get("labels"))]


PRINTERS = {
    "pods": Printer(
        columns("Ready", "Status", "Restarts", "Age",
                wide=("IP", "Node", "Nominated Node", "Readiness Gates")),
        cells,
    ),
    "podtemplates": Printer(columns("Containers", "Images", "Pod Labels"), _template),
}
