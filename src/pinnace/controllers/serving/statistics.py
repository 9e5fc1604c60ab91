"""What the console shows of endpoints: status of the service and the gateway's counters, one JSON document.

`cli` hands `document` to api, which serves it at `/pinnace/v1/endpoints`. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pinnace.gateway.interface import Statistics
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj

NOTHING = Statistics()


def document(services: Iterable[Obj], stats: dict[str, Statistics]) -> dict[str, Any]:
    """`{"items": [{namespace, name, url, ready, message, mode, revisions: [{component, name, weight, tags,
    ready, requests, errors, rejected, active, held, p50, p95, p99}]}]}`; times in milliseconds, null before
    any request.
    """
    return {"items": [endpoint(isvc, stats) for isvc in services]}


def endpoint(isvc: Obj, stats: dict[str, Statistics]) -> dict[str, Any]:
    status = isvc.get("status") or {}
    conditions: list[Obj] = status.get("conditions") or []
    condition: Obj = next((c for c in conditions if c.get("type") == "Ready"), {})
    return {
        "namespace": isvc["metadata"]["namespace"],
        "name": isvc["metadata"]["name"],
        "url": status.get("url") or "",
        "ready": condition.get("status") == "True",
        "message": condition.get("message") or "",
        "mode": serving.mode(isvc),
        "revisions": [
            {**revision(isvc, part, name, stats), "component": part}
            for part in serving.COMPONENTS
            for name in names(isvc, part, stats)
        ],
    }


def names(isvc: Obj, part: str, stats: dict[str, Statistics]) -> list[str]:
    """Revisions that have or had requests, newest first."""
    prefix = f"{isvc['metadata']['namespace']}/{serving.service(isvc, part)}-"
    counted = {key.partition("/")[2] for key in stats if key.startswith(prefix)}
    component = reported(isvc, part)
    current = {target["revisionName"] for target in component.get("traffic") or ()}
    current |= {component[field] for field in ("latestCreatedRevision",) if component.get(field)}
    return sorted(counted | current, reverse=True)


def revision(isvc: Obj, part: str, name: str, stats: dict[str, Statistics]) -> dict[str, Any]:
    seen = stats.get(f"{isvc['metadata']['namespace']}/{name}", NOTHING)
    component = reported(isvc, part)
    entries = [t for t in component.get("traffic") or () if t["revisionName"] == name]
    standard = serving.mode(isvc) == serving.STANDARD
    alone = 100 if standard and component.get("latestReadyRevision") == name else 0
    return {
        "name": name,
        "weight": sum(int(t.get("percent") or 0) for t in entries) or alone,
        "tags": [t["tag"] for t in entries if t.get("tag")],
        "ready": seen.healthy > 0,
        "requests": seen.requests,
        "errors": seen.errors,
        "rejected": seen.rejected,
        "active": seen.active,
        "held": seen.held,
        "p50": seen.p50,
        "p95": seen.p95,
        "p99": seen.p99,
    }


def reported(isvc: Obj, part: str) -> Obj:
    """What the status says of a component."""
    found: Obj = ((isvc.get("status") or {}).get("components") or {}).get(part) or {}
    return found
