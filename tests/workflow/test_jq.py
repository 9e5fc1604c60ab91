"""jq filters give what jq gives (facts from the jq manual)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.authoring.argo.expression.jq import run

DOCUMENT = {
    "metadata": {"name": "pod-1", "labels": {"app": "x", "a-b": "dash"}},
    "items": [{"n": 2, "s": "b"}, {"n": 1, "s": "a"}, {"n": 3, "s": "b"}],
    "none": None,
    "text": "a,b,c",
}


@pytest.mark.parametrize(
    ("source", "values"),
    [
        (".", [DOCUMENT]),
        (".metadata.name", ["pod-1"]),
        ('.metadata.labels["a-b"], .metadata.labels."a-b"', ["dash", "dash"]),
        (".items[0].n", [2]),
        (".items[-1].n", [3]),
        (".items[].s", ["b", "a", "b"]),
        (".items[1:] | length", [2]),
        (".missing.deeper", [None]),
        (".items | map(.n) | add", [6]),
        ('[.items[] | select(.s == "b") | .n]', [[2, 3]]),
        (".items | map(select(.n > 1)) | length", [2]),
        ("{name: .metadata.name, count: (.items|length)}", [{"name": "pod-1", "count": 3}]),
        ('"\\(.metadata.name) has \\(.items|length)"', ["pod-1 has 3"]),
        ('.metadata.labels | to_entries[] | select(.value == "x") | .key', ["app"]),
        ('.metadata.labels | keys | join(",")', ["a-b,app"]),
        ('.none // "default"', ["default"]),
        ('if .items|length > 2 then "many" elif true then "x" else "few" end', ["many"]),
        ("[.items[].n] | sort", [[1, 2, 3]]),
        (".items | sort_by(.n) | map(.n)", [[1, 2, 3]]),
        (".items | group_by(.s) | map(length)", [[1, 2]]),
        (".items | max_by(.n) | .n", [3]),
        ("reduce .items[] as $i (0; . + $i.n)", [6]),
        (".items[0] as $x | $x.n + 1", [3]),
        ('with_entries(select(.key == "text"))', [{"text": "a,b,c"}]),
        ('.text | split(",") | .[1]', ["b"]),
        ('.text | test("B"; "i")', [True]),
        ('.text | gsub(","; "-")', ["a-b-c"]),
        ("[..|numbers?]", None),
        ("[.. | .n? // empty]", [[2, 1, 3]]),
        ('.metadata | has("name")', [True]),
        ("(.items[0].n * 2 + 1) / 2", [2.5]),
        ("1 as $a | 2 as $b | [$a, $b]", [[1, 2]]),
        ('try error("x") catch .', ["x"]),
        (".metadata.name | @base64", ["cG9kLTE="]),
        ('@json "v: \\(.items[0])"', ['v: {"n":2,"s":"b"}']),
        ("[1,[2,[3]]] | flatten", [[1, 2, 3]]),
        ("[3,1,1] | unique", [[1, 3]]),
        ("{} | .a == null", [True]),
        ("[true, false] | any, all", [True, False]),
        ('"5" | tonumber + 1', [6]),
        ("not", [False]),
        (".items[0] | .n = 1", None),
    ],
)
def test_gives(source: str, values: list[Any] | None) -> None:
    if values is None:
        with pytest.raises(ExpressionError):
            run(source, DOCUMENT)
    else:
        assert run(source, DOCUMENT) == values


@pytest.mark.parametrize(
    "source", [".a.b.c | error", ".items.x", "1 +", "nope(1)", "$x", '"open', ".[", "1 / 0", "{(1): 2}"]
)
def test_mistakes_have_words(source: str) -> None:
    with pytest.raises(ExpressionError):
        run(source, {"items": [], "a": {"b": {"c": "x"}}})


@pytest.mark.parametrize(
    "source",
    ["[.[] | .[]?]" * 1000, "(" * 5000 + "." + ")" * 5000, "[" * 150 + "1" + "]" * 150, '"a" * 100000000'],
)
def test_bombs_end(source: str) -> None:
    before = time.process_time()
    try:
        run(source, [[1] * 1000] * 1000)
    except ExpressionError:
        pass
    assert time.process_time() - before < 1
