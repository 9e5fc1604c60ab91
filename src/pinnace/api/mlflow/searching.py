"""Searches of experiments, runs and models: MLflow's names for fields, orders and pages.

Source: mlflow/utils/search_utils.py.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

from pinnace.api.mlflow import messages
from pinnace.api.mlflow.call import Call
from pinnace.api.mlflow.errors import invalid
from pinnace.objects.registry import filtering, records, runs
from pinnace.objects.registry.records import Record, Registry

METRICS = frozenset({"metric", "metrics"})
PARAMS = frozenset({"param", "params", "parameter", "parameters"})
TAGS = frozenset({"tag", "tags"})
DATASETS = frozenset({"dataset", "datasets"})
ATTRIBUTES = frozenset({"attribute", "attributes", "attr", "run", "model", "logged_model"})
ALIASES = {
    "created": "start_time", "Created": "start_time", "run name": "run_name", "Run name": "run_name",
    "Run Name": "run_name", "user": "user_id", "timestamp": "last_updated_timestamp",
    "version_number": "version", "creation_time": "creation_time", "model_name": "name",
}
LONGEST = 50_000
Fields = Callable[[Record], Record]


def value(fields: Fields) -> filtering.Value:
    """What a name means: `fields` gives the attributes of a record."""

    def asked(record: Record, name: tuple[str, ...]) -> Any:
        first, rest = name[0], ".".join(name[1:])
        if rest and first.lower() in METRICS:
            one = _metric(record, rest)
            return None if one is None else runs.number(one["value"])
        if rest and first.lower() in PARAMS:
            one = (record.get("params") or {}).get(rest)
            return one.get("value") if isinstance(one, dict) else one
        if rest and first.lower() in TAGS:
            found = messages.run_tags(record) if "uuid" in record else records.tags(record)
            return found.get(rest, "false" if rest == messages.PROMPT else None)
        if rest and first.lower() in DATASETS:
            return _dataset(record, rest)
        wanted = rest if rest and first.lower() in ATTRIBUTES else ".".join(name)
        return fields(record).get(ALIASES.get(wanted, wanted))

    return asked


def _metric(record: Record, name: str) -> Record | None:
    known = record.get("metrics") or {}
    if isinstance(known, list):
        return next((one for one in reversed(known) if one["key"] == name), None)
    return known.get(name)


def _dataset(record: Record, field: str) -> Any:
    for one in record.get("datasets") or []:
        if field == "context":
            tags = one.get("tags") or ()
            return next((tag["value"] for tag in tags if tag["key"] == "mlflow.data.context"), None)
        return (one.get("dataset") or {}).get(field)
    return None


def chosen(call: Call, found: list[Record], fields: Fields, orders: list[str]) -> tuple[list[Record], str]:
    """The page that is asked for, and the token of the next. `orders` is what holds where nothing is asked.

    Raises Refusal."""
    asked = value(fields)
    try:
        passes = filtering.parse(call.text("filter", call.text("filter_string", "")), asked)
    except filtering.FilterError as error:
        raise invalid(f"Invalid filter: {error}") from None
    items = [one for one in found if passes(one)]
    for order in reversed([*call.several("order_by"), *orders]):
        _sort(items, order, asked)
    limit = call.number("max_results", 1000)
    if not 0 < limit <= LONGEST:
        raise invalid(f"Invalid value {limit} for parameter 'max_results': expected 1 to {LONGEST}")
    start = _offset(call.text("page_token", ""))
    token = _token(start + limit) if len(items) > start + limit else ""
    return items[start : start + limit], token


def _sort(items: list[Record], order: Any, asked: filtering.Value) -> None:
    """In place and stable; what has no value comes last either way."""
    text = str(order).strip()
    found = re.fullmatch(r"(.+?)(?:\s+(ASC|DESC))?", text, re.IGNORECASE | re.DOTALL)
    if found is None:
        raise invalid(f"Invalid order_by clause {text!r}")
    parts = re.findall(r"`[^`]*`|\"[^\"]*\"|[^.`\"]+", found[1])
    name = tuple(part.strip("`\"") for part in parts)
    down = (found[2] or "").upper() == "DESC"
    known = [(one, asked(one, name)) for one in items]
    there = [(one, own) for one, own in known if own is not None and own == own]
    empty = [one for one, own in known if own is None or own != own]
    try:
        there.sort(key=lambda pair: pair[1], reverse=down)
    except TypeError:
        there.sort(key=lambda pair: str(pair[1]), reverse=down)
    items[:] = [*(one for one, _ in there), *empty]


def _offset(token: str) -> int:
    if not token:
        return 0
    try:
        return max(0, int(base64.urlsafe_b64decode(token).decode()))
    except ValueError:
        raise invalid("Invalid page token, could not base64-decode") from None


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(str(offset).encode()).decode()


def viewed(found: list[Record], view: str) -> list[Record]:
    """ACTIVE_ONLY (the default), DELETED_ONLY or ALL; numbers 1, 2, 3 in old clients."""
    if view in ("ALL", "3"):
        return found
    deleted = view in ("DELETED_ONLY", "2")
    return [one for one in found if (one.get("state") == "ARCHIVED") is deleted]


def version_fields(registry: Registry) -> Fields:
    def fields(record: Record) -> Record:
        return {**messages.version(registry, record), "version": record["number"]}

    return fields
