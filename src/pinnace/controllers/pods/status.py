"""A node's report as the status of a Pod, in the kubelet's shape and words.

Pure; called by `controller` for every status it commits. A condition keeps its `lastTransitionTime` while its
status stays. Source: upstream's kubelet (convertToAPIContainerStatuses, GeneratePodReadyCondition …).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pinnace.controllers.moment import stamp
from pinnace.controllers.pods import request
from pinnace.kinds.resource import Obj
from pinnace.node.protocol import ContainerState, PodReport

FINAL = ("Succeeded", "Failed")
MAIN, INIT, GUESTS = "containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"
NODE_NAME = "pinnace"
HOST = "127.0.0.1"
DELETED = "Deleted"
"""The reason of an end that somebody asked for by deleting the pod."""
NODE_LOST = "NodeLost"
Condition = tuple[str, bool, str, str]
"""type, status, reason, message"""


def bound(pod: Obj, now: float, address: str = "") -> Obj:
    """The status of a pod that was just given to the node."""
    status = dict(pod.get("status") or {})
    moment = stamp(now)
    status["phase"] = "Pending"
    status["conditions"] = _conditions(status, [("PodScheduled", True, "", "")], moment, keep=False)
    status.setdefault("startTime", moment)
    status["hostIP"] = HOST
    if address:
        status["podIP"], status["podIPs"] = address, [{"ip": address}]
    if "qosClass" not in status:
        status["qosClass"] = request.quality(pod["spec"])
    status.pop("containerStatuses", None)
    return status


def unscheduled(pod: Obj, reason: str, message: str, now: float) -> Obj:
    status = dict(pod.get("status") or {})
    status["phase"] = "Pending"
    status["conditions"] = _conditions(status, [("PodScheduled", False, reason, message)], stamp(now))
    status.setdefault("qosClass", request.quality(pod["spec"]))
    return status


def blocked(pod: Obj, reason: str, message: str, now: float) -> Obj:
    """Scheduled, but no container can be made: something that the pod names is missing."""
    status = bound(pod, now)
    waiting = [
        _waiting(each, reason, message) for each in pod["spec"].get("containers") or ()
    ]
    names = ", ".join(each["name"] for each in pod["spec"].get("containers") or ())
    unready = f"containers with unready status: [{names}]"
    more: list[Condition] = [
        (kind, False, "ContainersNotReady", unready) for kind in ("Ready", "ContainersReady")
    ]
    status["containerStatuses"] = waiting
    status["conditions"] = _conditions(status, more, stamp(now))
    return status


def reported(pod: Obj, report: PodReport, now: float) -> Obj:
    """The whole status that the report means for this pod."""
    spec, before = pod["spec"], pod.get("status") or {}
    final = report.phase in FINAL
    moment = stamp(now)
    states = {state.name: state for state in report.containers}
    containers = spec.get("containers") or []
    status: dict[str, Any] = {
        "phase": report.phase,
        "conditions": [],
        "hostIP": HOST,
        "startTime": before.get("startTime") or _begun(report) or moment,
        "qosClass": before.get("qosClass") or request.quality(spec),
        "containerStatuses": [
            _container(report, each, states.get(each["name"]), before, final) for each in containers
        ],
    }
    if init := spec.get("initContainers"):
        status["initContainerStatuses"] = [
            _container(report, each, states.get(each["name"]), before, final, INIT) for each in init
        ]
    if guests := spec.get("ephemeralContainers"):
        joined = {state.name: state for state in report.guests}
        status[GUESTS] = [
            _container(report, each, joined.get(each["name"]), before, final, GUESTS) for each in guests
        ]
    if report.reason:
        status["reason"] = report.reason
    if report.message:
        status["message"] = report.message
    if address := report.address or before.get("podIP"):
        status["podIP"], status["podIPs"] = address, [{"ip": address}]
    status["conditions"] = _conditions(before, _of(report, spec, states), moment)
    return status


def _begun(report: PodReport) -> str:
    """When its first container started; '' if none did."""
    known = [state.started for state in report.containers if state.started]
    return stamp(min(known)) if known else ""


def _of(report: PodReport, spec: Obj, states: dict[str, ContainerState]) -> Iterable[Condition]:
    done = report.phase == "Succeeded"
    started = report.phase != "Pending"
    unready = [
        each["name"]
        for each in spec.get("containers") or ()
        if not (each["name"] in states and states[each["name"]].ready)
    ]
    ready = report.phase == "Running" and not unready
    why = "PodCompleted" if done else "PodFailed" if report.phase == "Failed" else "ContainersNotReady"
    text = "" if done else f"containers with unready status: [{' '.join(unready)}]"
    initialized = started or all(
        states[each["name"]].exit_code == 0 if each["name"] in states else False
        for each in spec.get("initContainers") or ()
    )
    since = "PodCompleted" if done else "" if initialized else "ContainersNotInitialized"
    return (
        ("PodReadyToStartContainers", report.phase == "Running", "", ""),
        ("Initialized", initialized, since, ""),
        ("Ready", ready, "" if ready else why, "" if ready else text),
        ("ContainersReady", ready, "" if ready else why, "" if ready else text),
        ("PodScheduled", True, "", ""),
    )


def _conditions(before: Obj, wanted: Iterable[Condition], moment: str, *, keep: bool = True) -> list[Obj]:
    """The wanted ones, with the times of those that stay; others' conditions (readiness gates) are kept."""
    known = {each["type"]: each for each in before.get("conditions") or ()}
    made: list[Obj] = []
    for kind, status, reason, message in wanted:
        text = "True" if status else "False"
        old = known.pop(kind, None)
        since = moment if old is None or old["status"] != text else old["lastTransitionTime"]
        condition: Obj = {"type": kind, "status": text, "lastProbeTime": None, "lastTransitionTime": since}
        if reason:
            condition["reason"] = reason
        if message:
            condition["message"] = message
        made.append(condition)
    if keep and known:
        made += known.values()
    return made


def _waiting(container: Obj, reason: str, message: str = "") -> Obj:
    state: Obj = {"reason": reason}
    if message:
        state["message"] = message
    return {
        "name": container["name"], "state": {"waiting": state}, "lastState": {}, "ready": False,
        "restartCount": 0, "image": container.get("image") or "", "imageID": "", "started": False,
    }


def _container(
    report: PodReport, container: Obj, state: ContainerState | None, before: Obj, final: bool,
    field: str = MAIN,
) -> Obj:
    if state is None and report.reason == NODE_LOST:
        state = _lost(container["name"], before, field)
    if state is None or (state.started == 0 and state.exit_code is None and not state.finished):
        reason = state.waiting if state and state.waiting else "ContainerCreating" if not final else "Error"
        return _waiting(container, reason, state.message if state else "")
    running = state.exit_code is None and not state.finished
    identity = f"pinnace://{report.uid}/{state.name}/{state.restarts}"
    return {
        "name": state.name,
        "state": _state(state, identity, running),
        "lastState": _last_state(state, report.uid, _known(before, container["name"], field)),
        "ready": _ready(state, running, field),
        "restartCount": state.restarts,
        "image": container.get("image") or "",
        "imageID": state.image_id or container.get("image") or "",
        "containerID": identity,
        "started": running and not state.waiting,
    }


def _ready(state: ContainerState, running: bool, field: str) -> bool:
    """A guest serves nobody, so it never is."""
    if field == INIT and state.exit_code == 0:
        return True
    return state.ready and running and field != GUESTS


def _lost(name: str, before: Obj, field: str) -> ContainerState | None:
    """What is said of a container whose end nobody saw; one that was already over keeps its end."""
    known = _known(before, name, field)
    ended = (known.get("state") or {}).get("terminated")
    state = ContainerState(name=name, init=field == INIT, restarts=known.get("restartCount", 0))
    if ended:
        state.exit_code, state.reason = ended["exitCode"], ended.get("reason", "")
        return state
    state.exit_code, state.reason = 137, "ContainerStatusUnknown"
    state.message = "The container could not be located when the pod was terminated"
    return state


def _known(before: Obj, name: str, field: str) -> Obj:
    """What was told of the container before; {} if nothing was."""
    found: Obj = next((each for each in before.get(field) or () if each["name"] == name), {})
    return found


def _state(state: ContainerState, identity: str, running: bool) -> Obj:
    if state.waiting:
        waiting: Obj = {"reason": state.waiting}
        if state.message:
            waiting["message"] = state.message
        return {"waiting": waiting}
    if running:
        return {"running": {"startedAt": stamp(state.started)}}
    return {"terminated": _terminated(state, identity)}


def _terminated(state: ContainerState, identity: str) -> Obj:
    code = state.exit_code if state.exit_code is not None else 128 + state.signal
    ended: Obj = {
        "exitCode": code,
        "reason": state.reason or ("Completed" if code == 0 else "Error"),
        "startedAt": stamp(state.started) if state.started else None,
        "finishedAt": stamp(state.finished) if state.finished else None,
        "containerID": identity,
    }
    if state.signal:
        ended["signal"] = state.signal
    if state.message:
        ended["message"] = state.message
    return ended


def _last_state(state: ContainerState, uid: str, known: Obj) -> Obj:
    """How the life before this one ended; its times are those that were told while it was this one."""
    if state.last_exit is None:
        return {}
    told = known.get("lastState" if known.get("restartCount") == state.restarts else "state") or {}
    life = told.get("terminated") or told.get("running") or {}
    finished = life.get("finishedAt") or (stamp(state.started) if state.started else None)
    reason = state.last_reason or ("Completed" if state.last_exit == 0 else "Error")
    identity = f"pinnace://{uid}/{state.name}/{max(0, state.restarts - 1)}"
    ended: Obj = {
        "exitCode": state.last_exit, "reason": reason, "startedAt": life.get("startedAt"),
        "finishedAt": finished or life.get("startedAt"), "containerID": identity,
    }
    if state.last_message:
        ended["message"] = state.last_message
    return {"terminated": ended}
