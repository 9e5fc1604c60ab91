"""Which waiting pods start now: a pure function from the queue and the machine to bindings.

Called by `controller` once a turn. CPU is compressible: what asks for more than the machine is scaled down
to all of it and runs alone. Memory is not: what can never fit is named, what does not fit now waits. Pods
are tried in the order given; a small one may pass a large one, but not for ever (PATIENCE).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pinnace.controllers.pods.pace import AHEAD
from pinnace.kinds import placement
from pinnace.kinds.resource import Obj

NODE_NAME = "pinnace"

LOOK_AHEAD = 64
"""Pods that did not fit and were passed before the turn ends: the cost of a turn stays flat."""
PATIENCE = 10.0
"""Seconds after which nothing may pass a waiting pod any more."""


class Waiting(msgspec.Struct):
    """`since` is when it came; `gang` names pods that start together or not at all, `gang_size` of them.
    `short`: pods like this one end at once, so it may be bound beyond the CPU."""

    uid: str
    milli_cpu: int
    memory: int
    since: float
    others: tuple[str, ...] = ()
    gang: str = ""
    gang_size: int = 1
    short: bool = False
    silent: bool = False
    """It asks nothing of the CPU by itself, so it may borrow what others hold and do not use."""
    selector: tuple[tuple[str, str], ...] = ()
    """Labels that its node must have (`spec.nodeSelector`)."""
    spec: Obj = {}
    """Its affinity and tolerations are looked at where the Node has something to say about them."""
    floor: int = 0
    """Memory that the machine must have at all, though the pod holds none of it (servers)."""


class Load(msgspec.Struct, frozen=True):
    """What bound pods hold, and how many of them hold anything."""

    milli_cpu: int = 0
    memory: int = 0
    pods: int = 0


class Machine(msgspec.Struct, frozen=True):
    """`labels` and `taints` (those that keep pods away) are the Node object's."""

    milli_cpu: int
    memory: int
    labels: dict[str, str] = {}
    taints: tuple[Obj, ...] = ()


class Start(msgspec.Struct, frozen=True):
    """Bind this pod; it holds `milli_cpu`, which is less than it `asked` for if it was scaled."""

    uid: str
    milli_cpu: int
    memory: int
    asked: int

    @property
    def scaled(self) -> bool:
        return self.milli_cpu < self.asked


class Plan(msgspec.Struct):
    start: list[Start]
    never: dict[str, str]
    """Pods that this machine can never run → what is missing, as upstream's scheduler words it."""


def plan(
    waiting: Iterable[Waiting],
    machine: Machine,
    load: Load,
    *,
    now: float,
    ahead: int = AHEAD,
    idle: int = 0,
    starved: bool = False,
) -> Plan:
    """`ahead`: how many short pods may be bound although the CPU is given away.
    `idle`: how many silent ones, because what is given away is not used.
    `starved`: nothing ended for a while; one more is admitted whatever it asks of the CPU."""
    room = _Room(machine, load, max(0, ahead - beyond(machine, load)), idle, 1 if starved else 0)
    result = Plan([], {})
    gangs: dict[str, list[Waiting]] = {}
    passed = 0
    for pod in waiting:
        if missing := lacking(pod, machine):
            result.never[pod.uid] = missing
            continue
        group = [pod]
        if pod.gang:
            group = gangs.setdefault(pod.gang, [])
            group.append(pod)
            if len(group) < pod.gang_size:
                continue
        if room.take(group, result.start):
            gangs.pop(pod.gang, None)
            continue
        passed += 1
        if passed >= LOOK_AHEAD or room.full or now - pod.since > PATIENCE:
            break
    return result


def beyond(machine: Machine, load: Load) -> int:
    """How many of the bound pods are already more than the CPU."""
    over = load.milli_cpu - machine.milli_cpu
    return -(-over * load.pods // load.milli_cpu) if over > 0 else 0


def lacking(pod: Waiting, machine: Machine) -> str:
    """What this machine will never have for the pod; '' if nothing."""
    missing = [f"1 Insufficient {name}" for name in pod.others]
    if max(pod.memory, pod.floor) > machine.memory:
        missing.append("1 Insufficient memory")
    unmet = [f"{key}={value}" for key, value in pod.selector if machine.labels.get(key) != value]
    apart = pod.spec.get("affinity") and not placement.fits(NODE_NAME, machine.labels, pod.spec)
    if unmet or apart:
        missing.append("1 node(s) didn't match Pod's node affinity/selector")
    missing += _untolerated(pod, machine)
    remedy = f" To let it run here: kubectl label node pinnace {' '.join(unmet)}" if unmet else ""
    return f"0/1 nodes are available: {', '.join(missing)}.{remedy}" if missing else ""


def _untolerated(pod: Waiting, machine: Machine) -> list[str]:
    tolerations = pod.spec.get("tolerations") or ()
    bad = next((one for one in machine.taints if not placement.tolerates(tolerations, one)), None)
    if bad is None:
        return []
    if bad["key"] == placement.UNSCHEDULABLE["key"]:
        return ["1 node(s) were unschedulable"]
    return [f"1 node(s) had untolerated taint {{{bad['key']}: {bad.get('value') or ''}}}"]


class _Room:
    """What is left of the machine while a plan is made."""

    def __init__(self, machine: Machine, load: Load, ahead: int, idle: int, admitted: int) -> None:
        self.machine = machine
        self.milli = machine.milli_cpu - load.milli_cpu
        self.memory = machine.memory - load.memory
        self.pods = load.pods
        self.ahead = ahead
        self.idle = idle
        self.admitted = admitted

    @property
    def full(self) -> bool:
        return self.memory <= 0 or (
            self.milli <= 0 and not self.ahead and not self.idle and not self.admitted
        )

    def take(self, group: list[Waiting], start: list[Start]) -> bool:
        milli = sum(pod.milli_cpu for pod in group)
        memory = sum(pod.memory for pod in group)
        held = min(milli, self.machine.milli_cpu)
        if memory > self.memory or not self._admits(held, group):
            return False
        self.milli -= held
        self.memory -= memory
        self.pods += len(group)
        scale = held / milli if milli else 1.0
        start += [
            Start(pod.uid, int(pod.milli_cpu * scale), pod.memory, pod.milli_cpu) for pod in group
        ]
        return True

    def _admits(self, held: int, group: list[Waiting]) -> bool:
        if held <= self.milli or held == 0:
            return True
        if self.ahead >= len(group) and all(pod.short for pod in group):
            self.ahead -= len(group)
            return True
        if self.idle >= len(group) and all(pod.silent for pod in group):
            self.idle -= len(group)
            return True
        if self.admitted:
            self.admitted = 0
            return True
        return False
