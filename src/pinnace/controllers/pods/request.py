"""What a pod asks of the machine: CPU, memory, and things that this machine does not have.

Read by `schedule` (through `table`) and by `status` for the quality of service. Source of the sums:
upstream's resource helpers (init containers run one after the other, sidecars with restartPolicy Always
beside the rest).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import ROUND_CEILING
from functools import lru_cache
from typing import Any

import msgspec

from pinnace.kinds import quantity
from pinnace.kinds.resource import Obj

IGNORED = ("ephemeral-storage", "hugepages-")
DEFAULT_SHARE = 500
"""Thousandths of a core that a run-to-completion pod holds if it says nothing."""


class Request(msgspec.Struct, frozen=True):
    """`others`: extended resources (`nvidia.com/gpu`); no machine of ours offers any."""

    milli_cpu: int = 0
    memory: int = 0
    others: tuple[str, ...] = ()


@lru_cache(1024)
def milli(text: str | int | float) -> int:
    """Thousandths, rounded up as upstream does. ValueError: not a quantity."""
    return int((quantity.parse(text) * 1000).to_integral_value(ROUND_CEILING))


@lru_cache(1024)
def whole(text: str | int | float) -> int:
    return int(quantity.parse(text).to_integral_value(ROUND_CEILING))


def asked(container: Obj) -> dict[str, Any]:
    """Requests; a limit without a request is one (upstream's defaulting)."""
    resources = container.get("resources")
    if not resources:
        return {}
    return {**(resources.get("limits") or {}), **(resources.get("requests") or {})}


ONCE = ("Never", "OnFailure")
SHARE = Request(DEFAULT_SHARE)
NOTHING = Request()


def of_pod(pod: Obj) -> Request:
    spec = pod["spec"]
    containers = spec["containers"]
    init = spec.get("initContainers") or []
    if not init and not any("resources" in container and container["resources"] for container in containers):
        return SHARE if spec.get("restartPolicy") in ONCE else NOTHING
    sidecars = [each for each in init if each.get("restartPolicy") == "Always"]
    once = [each for each in init if each.get("restartPolicy") != "Always"]
    request = Request(
        _peak(containers, sidecars, once, "cpu", milli),
        _peak(containers, sidecars, once, "memory", whole),
        tuple(sorted(_others([*containers, *init]))),
    )
    return _shared(spec, request)


def _peak(
    containers: list[Obj], sidecars: list[Obj], once: list[Obj], name: str, read: Callable[[Any], int]
) -> int:
    """The most that is asked for at one time."""
    beside = _sum(sidecars, name, read)
    first = max((read(asked(each).get(name, 0)) for each in once), default=0)
    return max(_sum(containers, name, read), first) + beside


def _sum(containers: Iterable[Obj], name: str, read: Callable[[Any], int]) -> int:
    return sum(read(asked(each).get(name, 0)) for each in containers)


def _others(containers: Iterable[Obj]) -> set[str]:
    return {
        name
        for each in containers
        for name, amount in asked(each).items()
        if name not in ("cpu", "memory") and not name.startswith(IGNORED) and milli(amount) > 0
    }


def _shared(spec: Obj, request: Request) -> Request:
    """Servers hold no share: they mostly wait, and would keep the machine from every run."""
    if spec.get("restartPolicy", "Always") == "Always":
        return Request(0, 0, request.others)
    if request.milli_cpu == 0:
        return Request(DEFAULT_SHARE, request.memory, request.others)
    return request


def silent(pod: Obj) -> bool:
    """Whether it leaves its CPU to us: no container says what it wants of it."""
    spec = pod["spec"]
    containers = [*spec["containers"], *(spec.get("initContainers") or [])]
    return not any("cpu" in asked(each) for each in containers)


def memory_asked(pod: Obj) -> int:
    """Of any pod, servers included: more than the machine has can never run."""
    return sum(whole(asked(each).get("memory", 0)) for each in pod["spec"].get("containers") or [])


def quality(spec: Obj) -> str:
    """`Guaranteed`, `Burstable` or `BestEffort` (`status.qosClass`)."""
    containers = [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]
    if not any(each.get("resources") for each in containers):
        return "BestEffort"
    guaranteed = all(_guaranteed(each.get("resources") or {}) for each in containers)
    named = any(milli(asked(each).get(name, 0)) for each in containers for name in ("cpu", "memory"))
    return "Guaranteed" if guaranteed else "Burstable" if named else "BestEffort"


def _guaranteed(resources: Obj) -> bool:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    return all(
        name in limits and milli(requests.get(name, limits[name])) == milli(limits[name]) != 0
        for name in ("cpu", "memory")
    )
