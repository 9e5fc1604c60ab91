"""LimitRanges: defaults that a pod's containers get, and the bounds of pods, containers and claims.

Called by `Local` and the fast path of transactions at creation. Namespaces without LimitRanges cost one look.
Source: kubernetes plugin/pkg/admission/limitranger/admission.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from pinnace.kinds import quantity
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import refusals
from pinnace.objects.budgets.usage import total
from pinnace.objects.document import clone, name_of, namespace_of
from pinnace.store.interface import Event, Store

RANGES = "limitranges"
Map = dict[str, Any]


class Limits:
    def __init__(self, store: Store) -> None:
        self._places: dict[str, dict[str, list[Map]]] = {}
        for obj in store.list(RANGES, None).items:
            self._take(obj)
        store.listen(self._told)

    def applied(self, resource: Resource, obj: Obj) -> Obj:
        """With the namespace's defaults; StatusError 403 names every bound that is broken."""
        if not self._places or resource.key not in ("pods", "persistentvolumeclaims"):
            return obj
        ranges = self._places.get(namespace_of(obj))
        if not ranges:
            return obj
        limits = [limit for name in sorted(ranges) for limit in ranges[name]]
        if resource.key == "pods":
            obj = {**obj, "spec": clone(obj["spec"])}
            _default(obj["spec"], limits)
        if problems := list(_problems(resource, obj, limits)):
            told = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
            raise refusals.forbidden(resource, name_of(obj), told)
        return obj

    def _told(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.resource == RANGES:
                self._places.get(event.namespace, {}).pop(event.name, None)
                if event.type != "DELETED":
                    self._take(event.obj)

    def _take(self, obj: Obj) -> None:
        limits = (obj.get("spec") or {}).get("limits") or []
        self._places.setdefault(namespace_of(obj), {})[name_of(obj)] = limits


def _default(spec: Obj, limits: list[Map]) -> None:
    for limit in limits:
        if limit.get("type") != "Container":
            continue
        for container in (*spec.get("containers", ()), *(spec.get("initContainers") or ())):
            _fill(container, "limits", limit.get("default") or {})
            _fill(container, "requests", limit.get("defaultRequest") or {})


def _fill(container: Obj, kind: str, amounts: Map) -> None:
    if amounts:
        resources = container["resources"] = container.get("resources") or {}
        given = resources[kind] = resources.get(kind) or {}
        for name, amount in amounts.items():
            given.setdefault(name, amount)


def _problems(resource: Resource, obj: Obj, limits: list[Map]) -> Iterator[str]:
    spec = obj.get("spec") or {}
    for limit in limits:
        kind = limit.get("type")
        if resource.key == "persistentvolumeclaims" and kind == "PersistentVolumeClaim":
            yield from _bounds(limit, _parsed((spec.get("resources") or {}).get("requests")), {})
        elif resource.key == "pods" and kind == "Container":
            for container in (*spec.get("containers", ()), *(spec.get("initContainers") or ())):
                own = container.get("resources") or {}
                yield from _bounds(limit, _parsed(own.get("requests")), _parsed(own.get("limits")))
        elif resource.key == "pods" and kind == "Pod":
            yield from _bounds(limit, total(spec, "requests"), total(spec, "limits"))


def _bounds(limit: Map, requests: dict[str, Decimal], limits: dict[str, Decimal]) -> Iterator[str]:
    kind, claim = limit["type"], limit["type"] == "PersistentVolumeClaim"
    for name, least in (limit.get("min") or {}).items():
        yield from _least(name, kind, least, requests.get(name), None if claim else limits.get(name))
    for name, most in (limit.get("max") or {}).items():
        yield from _most(name, kind, most, requests.get(name), limits.get(name), claim=claim)
    for name, most in (limit.get("maxLimitRequestRatio") or {}).items():
        yield from _ratio(name, kind, most, requests.get(name), limits.get(name))


def _least(name: str, kind: str, bound: str, request: Decimal | None, limit: Decimal | None) -> Iterator[str]:
    least, words = quantity.parse(bound), f"minimum {name} usage per {kind} is {bound}"
    if request is None:
        yield f"{words}.  No request is specified"
    elif request < least:
        yield f"{words}, but request is {_shown(request)}"
    if limit is not None and limit < least:
        yield f"{words}, but limit is {_shown(limit)}"


def _most(
    name: str, kind: str, bound: str, request: Decimal | None, limit: Decimal | None, *, claim: bool
) -> Iterator[str]:
    most, words = quantity.parse(bound), f"maximum {name} usage per {kind} is {bound}"
    if limit is None and not claim:
        yield f"{words}.  No limit is specified"
    elif limit is not None and limit > most:
        yield f"{words}, but limit is {_shown(limit)}"
    if request is not None and request > most:
        yield f"{words}, but request is {_shown(request)}"


def _ratio(name: str, kind: str, bound: str, request: Decimal | None, limit: Decimal | None) -> Iterator[str]:
    words = f"{name} max limit to request ratio per {kind} is {bound}"
    if not request:
        yield f"{words}, but no request is specified or request is 0"
    elif not limit:
        yield f"{words}, but no limit is specified or limit is 0"
    elif limit / request > quantity.parse(bound):
        yield f"{words}, but provided ratio is {float(limit / request):.6f}"


def _parsed(amounts: Map | None) -> dict[str, Decimal]:
    return {name: quantity.parse(amount) for name, amount in (amounts or {}).items()}


def _shown(amount: Decimal) -> str:
    whole = amount == amount.to_integral_value()
    if whole and amount >= 1024 and int(amount) % 1024 == 0:
        return quantity.canonical(f"{int(amount) // 1024}Ki")
    return quantity.canonical(f"{amount:f}")
