"""The pods that are not over, in memory: who waits, who is bound, what they hold, what they miss.

Filled by watch events in revision order and by the binding rows at start; `binder` and `reports` move
entries from state to state. It is a cache: every write carries the resourceVersion of what it was decided
on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from enum import Enum

from pinnace.controllers.pods import request
from pinnace.controllers.pods.found import Reference, needed
from pinnace.controllers.pods.pace import Pace, sort_of
from pinnace.controllers.pods.schedule import Load, Start, Waiting
from pinnace.controllers.pods.status import FINAL, NODE_NAME
from pinnace.kinds.annotations import GANG, GANG_SIZE, PRIORITY
from pinnace.kinds.resource import Obj
from pinnace.node.protocol import PodReport

REMEMBERED = 4096
"""Gangs that have started: one that stands in for a member that failed waits for nobody."""
Place = tuple[str, str, str]
"""resource key, namespace, name"""


class State(Enum):
    WAITING = "waiting"
    GATED = "gated"
    """Not to be scheduled as it stands: gates, another node's name, being deleted."""
    NEVER = "never"
    """More than this machine has."""
    BLOCKED = "blocked"
    """Something it names is missing."""
    BINDING = "binding"
    BOUND = "bound"
    ENDING = "ending"
    """Its end is known and not yet committed."""


class Entry:
    """One pod. `pod` is None once the object is gone while the node may still run it."""

    __slots__ = (
        "asked", "bound_at", "epoch", "held", "killed", "message", "pod", "priority", "report", "settled",
        "sort", "state", "telling", "told", "uid",
    )

    def __init__(self, uid: str, pod: Obj | None) -> None:
        self.uid = uid
        self.pod = pod
        self.state = State.GATED
        self.priority = (0, 0)
        """Of its class, and of its Workflow."""
        self.asked: Waiting | None = None
        self.held: Start | None = None
        self.epoch = ""
        self.bound_at = 0.0
        self.report: PodReport | None = None
        self.settled = 0.0
        """When its news are written, unless it is over by then."""
        self.killed: int | None = None
        self.told = False
        self.telling = False
        """Its story is due in a moment; if it ends before, the end tells it."""
        self.message = ""
        self.sort = 0

    @property
    def deleting(self) -> bool:
        return self.pod is None or bool(self.pod["metadata"].get("deletionTimestamp"))


def _nobody(uid: str) -> None:
    """Nobody needs to know."""


def revision(pod: Obj) -> int:
    return int(pod["metadata"].get("resourceVersion") or 0)


def is_final(pod: Obj) -> bool:
    return (pod.get("status") or {}).get("phase") in FINAL


def gang_of(pod: Obj) -> str:
    """`<namespace>/<name>`, or '' for a pod that starts alone."""
    meta = pod["metadata"]
    name = (meta.get("annotations") or {}).get(GANG)
    return f"{meta.get('namespace')}/{name}" if name else ""


class Table:
    def __init__(self, pace: Pace) -> None:
        self.entries: dict[str, Entry] = {}
        self.pace = pace
        self.dropped: Callable[[str], None] = _nobody
        """Told of each pod that is over."""
        self._lines: dict[tuple[int, int], dict[str, Entry]] = {}
        self._misses: dict[Place, set[str]] = {}
        self._milli = 0
        self._memory = 0
        self._holders = 0
        self._started: dict[str, None] = {}

    @property
    def load(self) -> Load:
        return Load(self._milli, self._memory, self._holders)

    def see(self, pod: Obj) -> Entry | None:
        """Take a newer picture of a pod; None for one that is over and was never ours."""
        uid = pod["metadata"]["uid"]
        entry = self.entries.get(uid)
        if entry is None:
            if is_final(pod):
                self._began(gang_of(pod))
                return None
            entry = self.entries[uid] = Entry(uid, pod)
            self.consider(entry)
            return entry
        if entry.pod is pod or (entry.pod is not None and revision(pod) <= revision(entry.pod)):
            return entry
        entry.pod = pod
        if entry.state not in (State.BINDING, State.BOUND, State.ENDING):
            self.consider(entry)
        return entry

    def consider(self, entry: Entry) -> None:
        """Put an unbound pod where it belongs: into the line, or aside."""
        pod = entry.pod
        if pod is None or is_final(pod):
            self.drop(entry)
            return
        if entry.state is State.NEVER and not entry.deleting:
            return
        if _gated(pod):
            self._leave(entry)
            entry.state = State.GATED
            return
        if entry.asked is None:
            self._size(entry, pod)
        entry.state = State.WAITING
        self._lines.setdefault(entry.priority, {})[entry.uid] = entry

    def _size(self, entry: Entry, pod: Obj) -> None:
        wanted = request.of_pod(pod)
        meta = pod["metadata"]
        server = pod["spec"].get("restartPolicy", "Always") == "Always"
        entry.priority = priority_of(pod)
        entry.sort = sort_of(pod)
        gang = gang_of(pod)
        size = int(meta["annotations"].get(GANG_SIZE) or 1) if gang else 1
        entry.asked = Waiting(
            entry.uid, wanted.milli_cpu, wanted.memory, time.monotonic(), wanted.others,
            gang, size,
        )
        entry.asked.spec = pod["spec"]
        entry.asked.selector = tuple((pod["spec"].get("nodeSelector") or {}).items())
        entry.asked.silent = request.silent(pod)
        if server and (memory := request.memory_asked(pod)):
            entry.asked.floor = memory

    def written(self, entry: Entry, pod: Obj) -> None:
        """Our own write, whose event may have come before this; a pod that is gone by now stays gone."""
        known = entry.pod
        if known is not None and known is not pod and revision(pod) > revision(known):
            entry.pod = pod

    def waiting(self) -> Iterator[Waiting]:
        """In the order in which they may start: priority, then time of arrival."""
        for priority in sorted(self._lines, reverse=True):
            for entry in self._lines[priority].values():
                if entry.state is State.WAITING and entry.asked is not None:
                    entry.asked.short = self.pace.short(entry.sort)
                    if entry.asked.gang in self._started:
                        entry.asked.gang = ""
                    yield entry.asked

    @property
    def anyone_waits(self) -> bool:
        return any(entry.state is State.WAITING for line in self._lines.values() for entry in line.values())

    def hold(self, entry: Entry, start: Start) -> None:
        entry.held = start
        entry.state = State.BINDING
        if start.milli_cpu or start.memory:
            self._milli += start.milli_cpu
            self._memory += start.memory
            self._holders += 1

    def release(self, entry: Entry) -> None:
        held, entry.held = entry.held, None
        if held is not None and (held.milli_cpu or held.memory):
            self._milli -= held.milli_cpu
            self._memory -= held.memory
            self._holders -= 1

    def bound(self, entry: Entry, epoch: str) -> None:
        self._leave(entry)
        entry.state = State.BOUND
        entry.epoch = epoch
        entry.bound_at = time.monotonic()
        if entry.asked is not None:
            self._began(entry.asked.gang)

    def _began(self, gang: str) -> None:
        if gang:
            self._started[gang] = None
            if len(self._started) > REMEMBERED:
                del self._started[next(iter(self._started))]

    def unbound(self, entry: Entry) -> None:
        """The bind did not happen: back to where it stood."""
        self.release(entry)
        entry.state = State.WAITING
        self.consider(entry)

    def never(self, entry: Entry) -> None:
        self._leave(entry)
        entry.state = State.NEVER

    def block(self, entry: Entry, awaits: Reference | None = None) -> None:
        """Aside until something that the pod names changes."""
        self._leave(entry)
        entry.state = State.BLOCKED
        if entry.pod is not None:
            namespace = entry.pod["metadata"]["namespace"]
            for reference in (*needed(entry.pod), *((awaits,) if awaits else ())):
                place = (reference.resource, namespace, reference.name)
                self._misses.setdefault(place, set()).add(entry.uid)

    def appeared(self, place: Place) -> bool:
        """An object of this name was written: who missed it stands in the line again."""
        uids = self._misses.pop(place, None)
        for uid in uids or ():
            entry = self.entries.get(uid)
            if entry is not None and entry.state is State.BLOCKED:
                self.consider(entry)
        return bool(uids)

    def reconsider(self) -> None:
        """The machine changed: what could never run is looked at again."""
        for entry in self.entries.values():
            if entry.state is State.NEVER:
                entry.state = State.GATED
                self.consider(entry)

    def drop(self, entry: Entry) -> None:
        self._leave(entry)
        self.release(entry)
        self.entries.pop(entry.uid, None)
        self.dropped(entry.uid)

    def _leave(self, entry: Entry) -> None:
        line = self._lines.get(entry.priority)
        if line is not None and line.pop(entry.uid, None) is not None and not line:
            del self._lines[entry.priority]


def priority_of(pod: Obj) -> tuple[int, int]:
    own = (pod["metadata"].get("annotations") or {}).get(PRIORITY)
    return int(pod["spec"].get("priority") or 0), int(own or 0)


def _gated(pod: Obj) -> bool:
    spec = pod["spec"]
    return bool(
        pod["metadata"].get("deletionTimestamp")
        or spec.get("schedulingGates")
        or spec.get("nodeName", NODE_NAME) not in ("", NODE_NAME)
    )
