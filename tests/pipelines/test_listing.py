"""Filter, order and pages of the API's lists."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pinnace.api.kfp.errors import Refusal
from pinnace.api.kfp.listing import page

RUNS = [
    {
        "run_id": f"r{number}", "display_name": name, "created_at": f"2026-01-0{number}T00:00:00Z",
        "state": state, "pipeline_version_reference": {"pipeline_version_id": f"v{number % 2}"},
    }
    for number, (name, state) in enumerate(
        [("tree", "FAILED"), ("forest", "SUCCEEDED"), ("Boost", "SUCCEEDED")], start=1
    )
]


def names(predicates: list[dict[str, Any]] | None = None, **query: str) -> list[str]:
    if predicates is not None:
        query["filter"] = json.dumps({"predicates": predicates})
    return [one["display_name"] for one in page(RUNS, query, "runs", "run_id")["runs"]]


@pytest.mark.parametrize(
    ("predicate", "found"),
    [
        ({"operation": 1, "key": "name", "stringValue": "tree"}, ["tree"]),
        ({"operation": "NOT_EQUALS", "key": "status", "string_value": "FAILED"}, ["forest", "Boost"]),
        ({"op": 9, "key": "display_name", "string_value": "OR"}, ["forest"]),
        ({"operation": "IN", "key": "id", "stringValues": {"values": ["r1", "r3"]}}, ["tree", "Boost"]),
        ({"operation": 5, "key": "created_at", "timestampValue": "2026-01-02"}, ["forest", "Boost"]),
        ({"operation": 1, "key": "pipeline_version_id", "stringValue": "v0"}, ["forest"]),
    ],
)
def test_predicates(predicate: dict[str, Any], found: list[str]) -> None:
    assert names([predicate]) == found


def test_order_and_pages_cover_everything_once() -> None:
    assert names(sort_by="created_at desc") == ["Boost", "forest", "tree"]
    seen, token = [], ""
    for _ in range(3):
        answer = page(RUNS, {"page_size": "1", "page_token": token}, "runs", "run_id")
        seen += [one["run_id"] for one in answer["runs"]]
        token = answer.get("next_page_token", "")
    assert seen == ["r1", "r2", "r3"] and not token


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"sort_by": "colour"}, "'colour' is no field of runs"),
        ({"sort_by": "created_at up"}, "asc or desc"),
        ({"filter": "{"}, "predicates"),
        ({"filter": json.dumps({"predicates": [{"operation": 1, "key": "x"}]})}, "'x' is no field"),
        ({"page_size": "-1"}, "page_size"),
        ({"page_token": "x"}, "page_token"),
    ],
)
def test_what_cannot_be_asked_is_refused(query: dict[str, str], told: str) -> None:
    with pytest.raises(Refusal, match=told) as refusal:
        page(RUNS, query, "runs", "run_id")
    assert refusal.value.status == 400 and refusal.value.body()["code"] == 3
