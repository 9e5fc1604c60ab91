"""Documents over documents: `templateDefaults` under a template, a workflow over its WorkflowTemplate."""

from __future__ import annotations

from typing import Any

from pinnace.kinds.resource import Obj

KINDS = frozenset({
    "container", "containerSet", "script", "steps", "dag", "resource", "suspend", "data", "http", "plugin",
})


def overlay(under: Any, over: Any) -> Any:
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    made = dict(under)
    for key, value in over.items():
        made[key] = overlay(under[key], value) if key in under else value
    return made


def merged(defaults: Obj | None, raw: Obj) -> Obj:
    """A default of another template type does not apply."""
    if not defaults:
        return raw
    kept = {key: value for key, value in defaults.items() if key not in KINDS or raw.get(key) is not None}
    return dict(overlay(kept, raw))


def named(base: Obj, own: Obj, key: str) -> list[Obj]:
    """Arguments by their name: what the workflow says of one goes before what its template says."""
    found = {item.get("name"): item for item in (base.get("arguments") or {}).get(key) or []}
    for item in (own.get("arguments") or {}).get(key) or []:
        under = found.get(item.get("name")) or {}
        if "value" in item or "valueFrom" in item:
            under = {name: value for name, value in under.items() if name not in ("value", "valueFrom")}
        found[item.get("name")] = {**under, **item}
    return list(found.values())
