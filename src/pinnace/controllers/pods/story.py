"""What `kubectl describe pod` tells: events in the words of scheduler and kubelet.

A step that succeeds within a second leaves no events: four a step would cost more than the step, and nobody
reads them (its times are in the status). Pods without a controller, failures, and whatever lives longer
tell everything, with the times at which it happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pinnace.controllers.moment import unix
from pinnace.controllers.pods.status import DELETED, FINAL, NODE_LOST, NODE_NAME
from pinnace.controllers.recorder import Recorder, Writer
from pinnace.kinds.resource import Obj
from pinnace.node.protocol import ContainerState, PodReport

WORTH_TELLING = 1.0
"""Seconds of life after which a controller's pod has a story."""
GUESTS = "ephemeralContainers"
PLACES = ("initContainers", "containers", GUESTS)
REMEMBERED = 4096
"""Containers of which is known what was already told."""
PREPARING = "PreparingEnvironment"
CANNOT_START = ("ContainerCannotRun", "StartError")
IMAGE_TROUBLE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")


class Trouble(NamedTuple):
    """`time` tells one occurrence from the next: the number of a life, or of a failure."""

    reason: str
    text: str
    time: int = 0
    warning: bool = True


class Story:
    def __init__(self, client: Writer) -> None:
        self._troubled: dict[tuple[str, str], frozenset[Trouble]] = {}
        self._joined: dict[tuple[str, str], None] = {}
        self._scheduler = Recorder(client, "default-scheduler")
        self._kubelet = Recorder(client, "kubelet", NODE_NAME)

    async def settled(self) -> None:
        await self._scheduler.settled()
        await self._kubelet.settled()

    def impossible(self, pod: Obj, message: str) -> None:
        self._scheduler.record(pod, "FailedScheduling", message, warning=True)

    def scaled(self, pod: Obj, asked: int, given: int) -> None:
        text = f"The pod asks for {asked}m CPU and runs with the {given}m that this machine has for it, alone"
        self._scheduler.record(pod, "ScaledToFit", text)

    def networked(self, pod: Obj, text: str, *, fallback: bool) -> None:
        if fallback:
            self._kubelet.record(pod, "NetworkFallback", text, warning=True)
        else:
            self._kubelet.record(pod, "AddedInterface", text)

    def blocked(self, pod: Obj, message: str, volume: str) -> None:
        self._assigned(pod)
        if volume:
            self._kubelet.record(pod, "FailedMount", message, warning=True)
            return
        for container in pod["spec"].get("containers") or ():
            field = f"spec.containers{{{container['name']}}}"
            self._kubelet.record(pod, "Failed", f"Error: {message}", warning=True, field=field)

    def unjoined(self, pod: Obj, name: str, message: str) -> None:
        """An ephemeral container that cannot be made."""
        field = f"spec.{GUESTS}{{{name}}}"
        self._kubelet.record(pod, "Failed", f"Error: {message}", warning=True, field=field)

    def killing(self, pod: Obj) -> None:
        for container in pod["spec"].get("containers") or ():
            name = container["name"]
            field = f"spec.containers{{{name}}}"
            self._kubelet.record(pod, "Killing", f"Stopping container {name}", field=field)

    def began(self, pod: Obj, report: PodReport) -> None:
        """Scheduled, and what is known of the start of each container."""
        self._assigned(pod)
        images = {
            each["name"]: each.get("image") or ""
            for field in PLACES[:2]
            for each in pod["spec"].get(field) or ()
        }
        for state in report.containers:
            if state.started:
                self._started(pod, state, images.get(state.name, ""))

    def _assigned(self, pod: Obj) -> None:
        meta = pod["metadata"]
        started = unix((pod.get("status") or {}).get("startTime"))
        text = f"Successfully assigned {meta['namespace']}/{meta['name']} to {NODE_NAME}"
        self._scheduler.record(pod, "Scheduled", text, when=started)

    def joined(self, pod: Obj, report: PodReport) -> None:
        """The start of each ephemeral container, once."""
        images = {each["name"]: each.get("image") or "" for each in pod["spec"].get(GUESTS) or ()}
        for state in report.guests:
            if state.started and (report.uid, state.name) not in self._joined:
                self._joined[report.uid, state.name] = None
                self._started(pod, state, images.get(state.name, ""))
        while len(self._joined) > REMEMBERED:
            del self._joined[next(iter(self._joined))]

    def _started(self, pod: Obj, state: ContainerState, image: str) -> None:
        field = _field(pod, state.name)
        steps = (
            ("Pulled", f'Container image "{image}" already present on machine'),
            ("Created", f"Created container: {state.name}"),
            ("Started", f"Started container {state.name}"),
        )
        ran = state.reason not in CANNOT_START and state.last_reason not in CANNOT_START
        for reason, text in steps if ran else steps[:2]:
            self._kubelet.record(pod, reason, text, field=field, when=state.started)

    def trouble(self, pod: Obj, report: PodReport) -> None:
        """What goes wrong while the pod lives or as it ends, each time it happens: a report repeats what is
        still so, and that is no news."""
        for state in (*report.containers, *report.guests):
            key = (report.uid, state.name)
            found = list(_troubles(pod, state))
            known = self._troubled.pop(key, frozenset())
            if found:
                self._troubled[key] = frozenset(found)
            field = _field(pod, state.name)
            for trouble in found:
                if trouble not in known:
                    self._kubelet.record(
                        pod, trouble.reason, trouble.text, warning=trouble.warning, field=field
                    )
        while len(self._troubled) > REMEMBERED:
            self._troubled.pop(next(iter(self._troubled)))
        if report.phase in FINAL and report.reason not in ("", DELETED):  # `Killing` has told of a deletion
            self._kubelet.record(pod, report.reason, report.message or report.reason, warning=True)

    def ended(self, pod: Obj, report: PodReport, lived: float, told: bool) -> None:
        plain = report.phase == "Succeeded" and lived < WORTH_TELLING and controlled(pod)
        if plain:
            return
        if not told and report.reason != NODE_LOST:
            self.began(pod, report)
        if report.phase == "Failed":
            self.trouble(pod, report)
        for state in report.containers:
            self._troubled.pop((report.uid, state.name), None)


def _field(pod: Obj, name: str) -> str:
    """Where a container stands, as events name it."""
    spec = pod["spec"]
    named = (place for place in PLACES if any(one["name"] == name for one in spec.get(place) or ()))
    return f"spec.{next(named, PLACES[1])}{{{name}}}"


def _troubles(pod: Obj, state: ContainerState) -> Iterator[Trouble]:
    meta = pod["metadata"]
    if state.last_reason in CANNOT_START and state.waiting:
        yield Trouble("Failed", f"Error: {state.last_message or state.last_reason}", state.restarts)
    if state.waiting == "CrashLoopBackOff":
        where = f"{state.name} in pod {meta['name']}_{meta['namespace']}({meta['uid']})"
        yield Trouble("BackOff", f"Back-off restarting failed container {where}", state.restarts)
    elif state.waiting == PREPARING:
        yield Trouble(PREPARING, state.message or "preparing the environment", warning=False)
    elif state.waiting in IMAGE_TROUBLE or (state.waiting and state.message):
        yield Trouble("Failed", state.message or f"Error: {state.waiting}")
    elif state.reason in CANNOT_START:
        yield Trouble("Failed", f"Error: {state.message or state.reason}", state.restarts)
    elif state.message and not state.ready and not state.unhealthy:
        yield Trouble("Failed", state.message or f"Error: {state.reason}", state.restarts)
    if (life := _out_of_memory(state)) is not None:
        text = f"Container {state.name} used more memory than its limit and was killed"
        yield Trouble("OOMKilled", text, life)
    if state.unhealthy:
        yield Trouble("Unhealthy", state.unhealthy, state.failures)


def _out_of_memory(state: ContainerState) -> int | None:
    """The number of the life that ended so."""
    if state.reason == "OOMKilled" and not state.waiting:
        return state.restarts
    return state.restarts - 1 if state.last_reason == "OOMKilled" else None


def controlled(pod: Obj) -> bool:
    return any(owner.get("controller") for owner in pod["metadata"].get("ownerReferences") or ())
