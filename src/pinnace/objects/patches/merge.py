"""JSON merge patch (RFC 7386): maps merge, null removes, the rest replaces. Called by `Local.patch`."""

from __future__ import annotations

from typing import Any

from pinnace.objects import refusals
from pinnace.objects.document import clone


def apply(document: dict[str, Any], patch: Any) -> dict[str, Any]:
    """A new document; untouched branches are shared with the old one."""
    if not isinstance(patch, dict):
        raise refusals.bad_request("Invalid JSON Patch: a merge patch of an object is a JSON object")
    return _merged(document, clone(patch))


def _merged(target: Any, patch: dict[str, Any]) -> dict[str, Any]:
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = _merged(result.get(key), value)
        else:
            result[key] = value
    return result
