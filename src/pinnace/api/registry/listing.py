"""Lists: filter, order and pages, as the Model Registry's OpenAPI describes them. Pure."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any

from pinnace.api.registry.entities import shown
from pinnace.objects.registry import filtering
from pinnace.objects.registry.records import Record, Unfit, plain

ORDERS = {"ID": "id", "CREATE_TIME": "createTimeSinceEpoch", "LAST_UPDATE_TIME": "lastUpdateTimeSinceEpoch"}
NAMED = {**ORDERS, "NAME": "name"}
MOST = 1000
USUAL = 100
TYPES: dict[str, Any] = {
    "string_value": str, "int_value": int, "double_value": (int, float), "bool_value": bool,
}
IDS = frozenset({
    "id", "registeredModelId", "modelVersionId", "servingEnvironmentId", "experimentId", "experimentRunId",
})


def page(kind: str, found: list[Record], query: Mapping[str, str], *, strict: bool) -> Record:
    """`{items, nextPageToken, pageSize, size}`. Raises Unfit. `strict`: an unknown order is an error (v1)."""
    try:
        passes = filtering.parse(query.get("filterQuery", ""), value)
    except filtering.FilterError as error:
        raise Unfit(f"filterQuery: {error}") from None
    for name in ("name", "externalId", "artifactType"):
        if query.get(name):
            found = [one for one in found if one.get(name) == query[name]]
    field, descending = _order(query, strict)
    key = _key(field)
    items = sorted((one for one in found if passes(one)), key=key, reverse=descending)
    size = _size(query.get("pageSize", ""))
    items = items[_start(items, key, query.get("nextPageToken", ""), descending) :]
    more = len(items) > size
    items = items[:size]
    return {
        "items": [shown(kind, one) for one in items], "pageSize": size, "size": len(items),
        "nextPageToken": _token(key(items[-1])) if more else "",
    }


def value(record: Record, name: tuple[str, ...]) -> Any:
    """A field, or a custom property; `property.double_value` asks for one of that type."""
    whole = ".".join(name)
    found = record.get(whole)
    if found is not None and not isinstance(found, dict | list):
        return str(found) if whole in IDS else found
    properties = record.get("customProperties") or {}
    if whole in properties:
        return plain(properties[whole])
    inner, kind = ".".join(name[:-1]), TYPES.get(name[-1])
    if kind is not None and inner in properties:
        own = plain(properties[inner])
        fits = isinstance(own, kind) and (kind is bool or not isinstance(own, bool))
        return own if fits else None
    return None


def _order(query: Mapping[str, str], strict: bool) -> tuple[str, bool]:
    wanted = query.get("orderBy") or "ID"
    if wanted not in NAMED and strict:
        raise Unfit(f"orderBy: {wanted!r} is none of {', '.join(ORDERS)}")
    direction = query.get("sortOrder") or "ASC"
    if direction not in ("ASC", "DESC"):
        raise Unfit(f"sortOrder: {direction!r} is none of ASC, DESC")
    return NAMED.get(wanted, "id"), direction == "DESC"


Key = Callable[[Record], tuple[Any, int]]


def _key(field: str) -> Key:
    empty: Any = "" if field == "name" else 0
    return lambda record: (record.get(field) or empty, int(record["id"]))


def _size(text: str) -> int:
    if not text:
        return USUAL
    if not text.isdecimal() or not int(text):
        raise Unfit(f"pageSize: {text!r} is no number above 0")
    return min(int(text), MOST)


def _start(items: list[Record], key: Key, token: str, descending: bool) -> int:
    """Behind the last item of the page before, even if that one is gone meanwhile."""
    if not token:
        return 0
    try:
        last = tuple(json.loads(base64.urlsafe_b64decode(token)))
        passed = [one for one in items if (key(one) >= last if descending else key(one) <= last)]
    except (ValueError, binascii.Error, TypeError):
        raise Unfit("nextPageToken: not one that this registry gave") from None
    return len(passed)


def _token(last: tuple[Any, int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(last).encode()).decode()
