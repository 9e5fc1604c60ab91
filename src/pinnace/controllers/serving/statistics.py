"""What the console shows of endpoints: status of the service and the gateway's counters, one JSON document.

`cli` hands `document` to api, which serves it at `/pinnace/v1/endpoints`. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pinnace.gateway.interface import Statistics, StepStatistics
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj

NOTHING = Statistics()


def document(
    services: Iterable[Obj], stats: dict[str, Statistics], graphs: Iterable[Obj] = (),
    steps: Mapping[str, Sequence[StepStatistics]] | None = None,
) -> dict[str, Any]:
    """`{"items": [{namespace, name, url, ready, message, mode, revisions: [{component, name, weight, tags,
    ready, requests, errors, rejected, active, held, p50, p95, p99}]}], "graphs": [{namespace, name, url,
    ready, message, whole: {…}, steps: [{node, index, requests, errors, rejected, p50, p95, p99, failure,
    failedAt}]}]}`; times in milliseconds, null before any request; `failedAt` in seconds since 1970.
    """
    return {
        "items": [endpoint(isvc, stats) for isvc in services],
        "graphs": [graph(each, stats, steps or {}) for each in graphs],
    }


def head(found: Obj) -> dict[str, Any]:
    status = found.get("status") or {}
    conditions: list[Obj] = status.get("conditions") or []
    condition: Obj = next((c for c in conditions if c.get("type") == "Ready"), {})
    return {
        "namespace": found["metadata"]["namespace"], "name": found["metadata"]["name"],
        "url": status.get("url") or "", "ready": condition.get("status") == "True",
        "message": condition.get("message") or "",
    }


def graph(
    found: Obj, stats: dict[str, Statistics], steps: Mapping[str, Sequence[StepStatistics]]
) -> dict[str, Any]:
    said = head(found)
    key = f"{said['namespace']}/{said['name']}"
    told = [one(each) for each in steps.get(key, ())]
    return {**said, "whole": counted(stats.get(key, NOTHING)), "steps": told}


def one(step: StepStatistics) -> dict[str, Any]:
    return {
        "node": step.node, "index": step.index, "requests": step.requests, "errors": step.errors,
        "rejected": step.rejected, "p50": step.p50, "p95": step.p95, "p99": step.p99,
        "failure": step.failure, "failedAt": step.failed_at or None,
    }


def counted(seen: Statistics) -> dict[str, Any]:
    return {
        "requests": seen.requests, "errors": seen.errors, "rejected": seen.rejected, "active": seen.active,
        "held": seen.held, "p50": seen.p50, "p95": seen.p95, "p99": seen.p99,
    }


def endpoint(isvc: Obj, stats: dict[str, Statistics]) -> dict[str, Any]:
    return {
        **head(isvc),
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
        **counted(seen),
    }


def reported(isvc: Obj, part: str) -> Obj:
    """What the status says of a component."""
    found: Obj = ((isvc.get("status") or {}).get("components") or {}).get(part) or {}
    return found
