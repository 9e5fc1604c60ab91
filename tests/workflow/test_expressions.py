"""The languages inside a manifest, as tables."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pinnace.authoring.argo.expression.errors import BudgetExceeded, ExpressionError
from pinnace.authoring.argo.expression.evaluate import evaluate
from pinnace.authoring.argo.expression.times import seconds
from pinnace.authoring.argo.expression.when import WhenError, passes
from pinnace.controllers.workflow.scope import Globals, Scope
from pinnace.controllers.workflow.tags import Text, compile_tree

ENV: dict[str, Any] = {
    "item": {"type": "a"},
    "steps": {"x-y": {"status": "Failed"}},
    "n": "3",
    "list": [3, 1, 2],
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 / 4", 2.5),
        ("7 % 4", 3),
        ("2 ** 10", 1024.0),
        ("'a' + \"b\"", "ab"),
        ("1 == 1.0", True),
        ("true == 1", False),
        ("'3' == 3", False),
        ("not true || true", True),
        ("1 in [1, 2] and 'k' in {k: 1}", True),
        ("'x' not in ['a']", True),
        ("nil ?? 'd'", "d"),
        ("missing.path.of.names ?? 'd'", "d"),
        ("item?.type", "a"),
        ("steps['x-y'].status == 'Failed' ? 'bad' : 'good'", "bad"),
        ("'abc' matches '^a.c$'", True),
        ("'abc' startsWith 'a' && 'abc' endsWith 'c' && 'abc' contains 'b'", True),
        ("1..3", [1, 2, 3]),
        ("list[-1]", 2),
        ("list[1:]", [1, 2]),
        ("filter(list, {# > 1})", [3, 2]),
        ("map(filter(1..4, # % 2 == 0), # * 10)", [20, 40]),
        ("map([{a: 1}], .a)", [1]),
        ("reduce(1..4, #acc + #, 0)", 10),
        ("sortBy([{a: 2}, {a: 1}], .a) | map(.a)", [1, 2]),
        ("groupBy(1..3, # % 2 == 0 ? 'even' : 'odd').odd", [1, 3]),
        ("any(list, # == 3) && all(list, # > 0) && none(list, # > 3) && one(list, # == 1)", True),
        ("count(list, # > 1) + len('abc')", 5),
        ("let x = 2; let y = x * 3; y + x", 8),
        ("asInt(n) * asFloat('0.5')", 1.5),
        ("toJson({b: 1.0, a: [true, nil]})", '{"a":[true,null],"b":1}'),
        ("jsonpath('{\"a\": {\"b\": 5}}', '$.a.b')", 5),
        ("jsonpath('[{\"n\": 1}, {\"n\": 2}]', '$[?(@.n>1)].n')", [2]),
        ("fromJSON('{\"a\": 1}').a", 1),
        ("join(split('a,b', ','), '-') | upper()", "A-B"),
        ("duration('1h30m').Minutes()", 90.0),
        ("date('2024-05-06T00:00:00Z').Format('02 Jan 2006')", "06 May 2024"),
    ],
)
def test_expressions_give(source: str, value: Any) -> None:
    assert evaluate(source, ENV) == value
    assert type(evaluate(source, ENV)) is type(value)


@pytest.mark.parametrize(
    "source", ["1 +", "foo(", "'open", "1 < 'a'", "nosuch(1)", "[1][5]", "1 / 0", "len(1)", "#"]
)
def test_mistakes_are_explained(source: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(source, ENV)


@pytest.mark.parametrize(
    "source",
    [
        "len(1..1000000000)",
        "repeat('x', 1000000000)",
        "map(1..1000, map(1..1000, map(1..1000, #)))",
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' matches '^(a+)+$' ? 1..100000000 : 1..100000000",
        "(" * 400 + "1" + ")" * 400,
        "[" * 5000,
        "reduce(1..60, #acc + #acc, 'xxxxxxxxxxxxxxxxxxxx')",
    ],
)
def test_bombs_end_within_a_second(source: str) -> None:
    began = time.perf_counter()
    with pytest.raises(ExpressionError):
        evaluate(source, ENV)
    assert time.perf_counter() - began < 3


def test_a_budget_is_named() -> None:
    with pytest.raises(BudgetExceeded, match="too large"):
        evaluate("1..99999999", {})


@pytest.mark.parametrize(
    ("condition", "verdict"),
    [
        ("", True),
        ("heads == heads", True),
        ("heads != tails && 1 < 2", True),
        ("'a b' == \"a b\"", True),
        ("5 >= 4.5", True),
        ("5 == '5'", False),
        ("true", True),
        ("!(true && false)", True),
        ("test in (always, test)", True),
        ('"test"\nin\n("always","test","")\n', True),
        ("foo =~ '^f'", True),
        ("foo !~ '^f'", False),
        ("1 + 2 * 3 == 7", True),
        ("a == b || c == c", True),
        ("2 > 1 ? true : false", True),
    ],
)
def test_when(condition: str, verdict: bool) -> None:
    assert passes(condition) is verdict


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (" == foo", "Invalid 'when' expression"),
        ("a#b == c", r"Invalid token.*hint: try wrapping"),
        ("1 + 1", "Expected boolean evaluation for '1 \\+ 1'. Got 2"),
        ("abc", "Expected boolean evaluation"),
        ("a b", "Invalid 'when' expression"),
        ("'open", "Unclosed"),
    ],
)
def test_when_says_what_is_wrong(condition: str, message: str) -> None:
    with pytest.raises(WhenError, match=message):
        passes(condition)


def scope() -> Scope:
    values = {"workflow.name": "wf", "workflow.parameters.p": "q"}
    return Scope(Globals(values), {"a": 'say "hi"', "which": "p"}, {})


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("plain", "plain"),
        ("{{workflow.name}}", "wf"),
        ("{{ workflow.name }}-{{inputs.parameters.a}}", 'wf-say "hi"'),
        ("{{custom.variable}}", "{{custom.variable}}"),
        ("{{workflow.parameters.{{inputs.parameters.which}}}}", "q"),
        ("{{=workflow.name + '!'}}", "wf!"),
        ("{{=toJson({a: {b: 1}})}}", '{"a":{"b":1}}'),
        ("{{=[1, 2.0]}}", "[1,2]"),
        ("{{=item}}", "{{=item}}"),
        ("{{open", "{{open"),
        ("{{=sprig.upper(workflow.name)}}", "WF"),
        ("{{inputs.parameters}}", '[{"name":"a","value":"say \\"hi\\""},{"name":"which","value":"p"}]'),
    ],
)
def test_tags(source: str, value: str) -> None:
    assert Text.of(source).render(scope()) == value


def test_what_has_no_tag_is_shared() -> None:
    document = {"static": {"deep": [1, 2]}, "dynamic": [{"a": "{{workflow.name}}"}], "{{workflow.name}}": 1}
    render = compile_tree(document)
    assert render is not None
    made = render(scope())
    assert made == {"static": {"deep": [1, 2]}, "dynamic": [{"a": "wf"}], "wf": 1}
    assert made["static"] is document["static"]
    assert compile_tree(document["static"]) is None


@pytest.mark.parametrize(("literal", "value"), [("1h30m", 5400), ("2.5s", 2.5), ("300ms", 0.3), ("-1m", -60)])
def test_go_durations(literal: str, value: float) -> None:
    assert seconds(literal) == pytest.approx(value)
