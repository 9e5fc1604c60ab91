"""Lists: filter, order, pages. Source: kubeflow/pipelines backend/api/v2beta1/filter.proto."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from pinnace.api.kfp.errors import invalid

Item = dict[str, Any]
OPERATIONS = {
    "EQUALS": 1,
    "NOT_EQUALS": 2,
    "GREATER_THAN": 3,
    "GREATER_THAN_EQUALS": 5,
    "LESS_THAN": 6,
    "LESS_THAN_EQUALS": 7,
    "IN": 8,
    "IS_SUBSTRING": 9,
}
VALUES = ("string_value", "int_value", "long_value", "timestamp_value", "bool_value")
LISTS = ("string_values", "int_values", "long_values")
NAMES = {"name": "display_name", "id": "", "status": "state", "run_id": "", "default": "created_at"}
COMMON = frozenset({"display_name", "created_at", "description", "namespace"})
FIELDS = {
    "runs": COMMON
    | {
        "run_id", "finished_at", "scheduled_at", "storage_state", "state", "experiment_id",
        "recurring_run_id", "pipeline_version_id", "pipeline_id", "service_account",
    },
    "experiments": COMMON | {"experiment_id", "last_run_created_at", "storage_state"},
    "pipelines": COMMON | {"pipeline_id", "name", "state"},
    "pipeline_versions": COMMON | {"pipeline_version_id", "pipeline_id", "name", "state"},
    "recurringRuns": COMMON
    | {"recurring_run_id", "updated_at", "experiment_id", "state", "mode", "max_concurrency", "no_catchup"},
    "artifacts": COMMON | {"artifact_id", "type", "uri", "name"},
    "tasks": COMMON | {"task_id", "run_id", "state", "create_time", "start_time", "end_time"},
    "artifact_tasks": frozenset({"id", "artifact_id", "task_id", "run_id", "type", "key", "created_at"}),
}
"""What each list is ordered and filtered by; upstream refuses every other name."""
PAGE, MOST = 10, 200
_TESTS: dict[int, Callable[[Any, Any], bool]] = {
    1: lambda own, wanted: bool(own == wanted),
    2: lambda own, wanted: bool(own != wanted),
    3: lambda own, wanted: bool(own > wanted),
    5: lambda own, wanted: bool(own >= wanted),
    6: lambda own, wanted: bool(own < wanted),
    7: lambda own, wanted: bool(own <= wanted),
    8: lambda own, wanted: own in wanted,
    9: lambda own, wanted: str(wanted).lower() in str(own).lower(),
}


def page(items: list[Item], query: dict[str, str], key: str, identity: str) -> Item:
    """The answer to a list: `{key: [...], total_size, next_page_token}`. `identity`: the field of the id."""
    field = _Fields(key, identity)
    found = [item for item in items if _passes(item, query.get("filter") or "", field)]
    found = _ordered(found, query.get("sort_by") or "", field)
    start = _start(query.get("page_token") or "")
    size = _size(query.get("page_size") or "")
    answer: Item = {key: found[start : start + size], "total_size": len(found)}
    if start + size < len(found):
        answer["next_page_token"] = base64.urlsafe_b64encode(json.dumps(start + size).encode()).decode()
    return answer


def _size(text: str) -> int:
    try:
        size = int(text or 0)
    except ValueError:
        size = -1
    if size < 0:
        raise invalid(f"page_size {text!r}: expected a number that is not negative")
    return min(size, MOST) or PAGE


def _start(token: str) -> int:
    if not token:
        return 0
    try:
        return max(0, int(json.loads(base64.urlsafe_b64decode(token))))
    except (ValueError, TypeError):
        raise invalid(f"page_token {token[:40]!r} is none of ours") from None


class _Fields:
    """The fields of one list by the names that clients use for them."""

    def __init__(self, key: str, identity: str) -> None:
        self.key = key
        self.identity = identity
        self.known = FIELDS[key]

    def name(self, asked: str) -> str:
        name = asked.rpartition(".")[2]
        if name not in self.known:
            name = NAMES.get(name, name) or self.identity
        if name not in self.known:
            known = ", ".join(sorted(self.known))
            raise invalid(f"{asked!r} is no field of {self.key}: expected one of {known}")
        return name

    def value(self, item: Item, name: str) -> Any:
        found = item.get(name)
        if found is None and name in ("pipeline_id", "pipeline_version_id"):
            found = (item.get("pipeline_version_reference") or {}).get(name)
        if found is None and name == "state":
            found = item.get("status")
        return "" if found is None else found


def _ordered(items: list[Item], order: str, fields: _Fields) -> list[Item]:
    field, _, direction = (order or "created_at").strip().partition(" ")
    if direction.strip().lower() not in ("", "asc", "desc"):
        raise invalid(f"sort_by {order!r}: expected a field, then asc or desc")
    name = fields.name(field)
    made = sorted(items, key=lambda item: str(fields.value(item, name)))
    return made[::-1] if direction.strip().lower() == "desc" else made


def _passes(item: Item, text: str, fields: _Fields) -> bool:
    if not text:
        return True
    try:
        predicates = json.loads(text).get("predicates") or []
    except (ValueError, AttributeError):
        raise invalid("filter: expected JSON with the list `predicates`") from None
    return all(_holds(item, predicate, fields) for predicate in predicates)


def _holds(item: Item, predicate: Item, fields: _Fields) -> bool:
    snake = {_snake(key): value for key, value in predicate.items()}
    operation = snake.get("operation", snake.get("op"))
    number = OPERATIONS.get(operation, 0) if isinstance(operation, str) else operation
    test = _TESTS.get(number or 0)
    if test is None:
        raise invalid(f"filter: operation {operation!r} is none of {', '.join(OPERATIONS)}")
    own: Any = fields.value(item, fields.name(str(snake.get("key", ""))))
    wanted = next((snake[name] for name in VALUES if name in snake), None)
    if wanted is None:
        lists: Item = next((snake[name] for name in LISTS if name in snake), {})
        wanted = lists.get("values") or []
    if isinstance(own, int) and isinstance(wanted, str):
        own = str(own)
    return test(own, wanted)


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
