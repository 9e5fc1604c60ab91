"""Searches: what holds for which record, and what cannot be read says where."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies

from pinnace.api.registry.listing import page, value
from pinnace.objects.registry.filtering import FilterError, parse
from pinnace.objects.registry.records import Unfit, string_value

RECORDS: list[dict[str, Any]] = [
    {
        "id": number, "name": name, "state": "LIVE" if number < 3 else "ARCHIVED",
        "createTimeSinceEpoch": 1000 - number, "lastUpdateTimeSinceEpoch": number,
        "customProperties": {
            "accuracy": {"metadataType": "MetadataDoubleValue", "double_value": number / 4},
            "framework": string_value("pytorch" if number % 2 else "sklearn"),
            "early stop": {"metadataType": "MetadataBoolValue", "bool_value": number == 2},
            "layers": {"metadataType": "MetadataIntValue", "int_value": str(number)},
        },
    }
    for number, name in ((1, "digits"), (2, "Digits 2"), (3, "mnist's"))
]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["digits", "Digits 2", "mnist's"]),
        ("name = 'digits'", ["digits"]),
        ('name="mnist\'s" OR name = "digits"', ["digits", "mnist's"]),
        ("name = 'mnist''s'", ["mnist's"]),
        ("name LIKE 'd%'", ["digits"]),
        ("name ILIKE 'd%'", ["digits", "Digits 2"]),
        ("name NOT LIKE 'd%'", ["Digits 2", "mnist's"]),
        ("name LIKE '_igits'", ["digits"]),
        ("accuracy > 0.4", ["Digits 2", "mnist's"]),
        ("accuracy.double_value >= 5e-1 AND state = 'LIVE'", ["Digits 2"]),
        ("accuracy.string_value = '0.5'", []),
        ("framework.string_value = 'pytorch' AND (layers = 1 OR layers > 5)", ["digits"]),
        ("`early stop` = TRUE", ["Digits 2"]),
        ("id IN (1, 3)", ["digits", "mnist's"]),
        ("id = 1", ["digits"]),
        ("nowhere = 1", []),
        ("nowhere IS NULL AND layers IS NOT NULL AND layers < 2", ["digits"]),
    ],
)
def test_a_condition_chooses(text: str, names: list[str]) -> None:
    passes = parse(text, value)
    assert [one["name"] for one in RECORDS if passes(one)] == names


@pytest.mark.parametrize(
    "text", ["name =", "= 1", "name ~ 1", "(name = 1", "name = 1 extra", "name IN ()", "'x"]
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(FilterError):
        parse(text, value)


@given(strategies.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    try:
        passes = parse(text, value)
    except FilterError:
        return
    assert all(passes(record) in (True, False) for record in RECORDS)


def test_pages_go_on_behind_the_last_even_if_it_is_gone() -> None:
    query = {"pageSize": "1", "orderBy": "CREATE_TIME"}
    records = [{**one, "registeredModelId": 1} for one in RECORDS]
    first = page("ModelVersion", records, query, strict=True)
    assert [one["name"] for one in first["items"]] == ["mnist's"]
    assert (first["size"], first["pageSize"]) == (1, 1)
    left = [one for one in records if one["name"] != "mnist's"]
    second = page("ModelVersion", left, {**query, "nextPageToken": first["nextPageToken"]}, strict=True)
    assert [one["name"] for one in second["items"]] == ["Digits 2"]
    last = page("ModelVersion", left, {**query, "nextPageToken": second["nextPageToken"]}, strict=True)
    assert ([one["name"] for one in last["items"]], last["nextPageToken"]) == (["digits"], "")


def test_only_v1_is_strict_about_orders() -> None:
    assert page("ModelVersion", [], {"orderBy": "NONE"}, strict=False)["items"] == []
    for query in ({"orderBy": "NONE"}, {"sortOrder": "UP"}, {"pageSize": "0"}, {"nextPageToken": "?"}):
        with pytest.raises(Unfit):
            page("ModelVersion", [RECORDS[0] | {"registeredModelId": 1}], query, strict=True)
