"""What two Services may not both have: their ClusterIPs, and the ports by which this machine reaches them.

Called by `house` for each Service that is about to be written. Admission proposes a number for what the
client left out, worked out from the object's uid; where somebody has it already the next free one is taken,
and what the client asked for itself is refused. Source of the words: kubernetes
pkg/registry/core/service/{ipallocator,portallocator}.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator, Sequence
from typing import Any

from pinnace.kinds import cause
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import refusals
from pinnace.objects.admission import core
from pinnace.objects.document import name_of, uid_of
from pinnace.store.interface import Event, Store

KEY = "services"
RANGE = ipaddress.ip_network("10.96.0.0/12")
PORTS = range(30000, 32768)
PATIENCE = 30.0
"""Seconds that a number is kept for a Service that is not stored yet: its commit may be on the way."""
Number = str | int


class Allocation:
    def __init__(self, store: Store) -> None:
        self.store = store
        self._holders: dict[Number, tuple[str, float]] = {}
        """Address or port → uid of the Service that has it, and until when it does though it is not there."""
        self._present: dict[str, frozenset[Number]] | None = None
        store.listen(self._notice)

    def given(self, resource: Resource, service: Obj) -> Obj:
        """The Service with numbers of its own. StatusError 422: it asks for another one's, or for none of
        this cluster's."""
        spec: Obj = dict(service.get("spec") or {})
        uid = uid_of(service)
        causes = self._addressed(spec, uid)
        if spec.get("type") in core.OPENED:
            causes += self._opened(spec, uid)
        if causes:
            raise refusals.invalid(resource, name_of(service), causes)
        for number in numbers(spec):
            self._holders[number] = (uid, time.monotonic() + PATIENCE)
        return {**service, "spec": spec}

    def _addressed(self, spec: Obj, uid: str) -> list[Cause]:
        address = spec.get("clusterIP")
        if address in (None, "", "None") or self._has(address, uid):
            return []
        if address == core.address(uid):
            spec["clusterIP"] = next(each for each in _addresses(address) if not self._taken(each, uid))
            spec["clusterIPs"] = [spec["clusterIP"]]
            return []
        if ipaddress.ip_address(address) not in RANGE:
            why = f"the provided IP ({address}) is not in the valid range. The range of valid IPs is {RANGE}"
        elif self._taken(address, uid):
            why = "provided IP is already allocated"
        else:
            return []
        return [cause.invalid("spec.clusterIPs", [address], f"failed to allocate IP {address}: {why}")]

    def _opened(self, spec: Obj, uid: str) -> list[Cause]:
        found: list[Cause] = []
        ports: list[Any] = [dict(port) for port in spec.get("ports") or ()]
        chosen: set[tuple[Any, int]] = set()
        for index, port in enumerate(ports):
            number = port.get("nodePort")
            if not number or self._has(number, uid):
                continue
            here = f"spec.ports[{index}].nodePort"
            if number not in PORTS:
                why = "provided port is not in the valid range. The range of valid ports is 30000-32767"
                found.append(cause.invalid(here, number, why))
            elif number == core.node_port(uid, port.get("port")):
                how = port.get("protocol")
                free = (each for each in _ports(number) if (how, each) not in chosen)
                port["nodePort"] = next(each for each in free if not self._taken(each, uid))
            elif self._taken(number, uid):
                found.append(cause.invalid(here, number, "provided port is already allocated"))
            chosen.add((port.get("protocol"), port["nodePort"]))
        spec["ports"] = ports
        return found

    def _has(self, number: Number, uid: str) -> bool:
        """Whether it is this very Service's."""
        return number in self._known().get(uid, ())

    def _taken(self, number: Number, uid: str) -> bool:
        known = self._known()
        holder, until = self._holders.get(number, (uid, 0.0))
        if holder == uid:
            return False
        return number in known.get(holder, ()) or (holder not in known and time.monotonic() < until)

    def _known(self) -> dict[str, frozenset[Number]]:
        if self._present is None:
            self._present = {}
            for service in self.store.list(KEY).items:
                self._see(service)
        return self._present

    def _see(self, service: Obj) -> None:
        assert self._present is not None
        uid = uid_of(service)
        self._present[uid] = frozenset(numbers(service.get("spec") or {}))
        for number in self._present[uid]:
            self._holders[number] = (uid, 0.0)

    def _notice(self, events: Sequence[Event]) -> None:
        if self._present is None:
            return
        for event in events:
            if event.resource != KEY:
                continue
            if event.type == "DELETED":
                self._present.pop(uid_of(event.obj), None)
            else:
                self._see(event.obj)


def numbers(spec: Obj) -> Iterator[Number]:
    if spec.get("clusterIP") not in (None, "", "None"):
        yield spec["clusterIP"]
    if spec.get("type") in core.OPENED:
        yield from (port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort"))


def _addresses(first: str) -> Iterator[str]:
    """From this one on, round the range; the first and last 256 are nobody's by chance."""
    low, size = int(RANGE[256]), RANGE.num_addresses - 512
    start = int(ipaddress.ip_address(first)) - low
    return (str(ipaddress.ip_address(low + (start + step) % size)) for step in range(size))


def _ports(first: int) -> Iterator[int]:
    size = len(PORTS)
    return (PORTS[(first - PORTS.start + step) % size] for step in range(size))
