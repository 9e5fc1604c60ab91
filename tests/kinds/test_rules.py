"""CEL rules of users' definitions: the language, Kubernetes' functions, changes, reasons, and the budget."""

from __future__ import annotations

from typing import Any

import pytest

from pinnace.kinds.cel import Budget, CelError, compiled
from pinnace.kinds.crd import schema_causes
from pinnace.kinds.schema import Node
from pinnace.kinds.validation import validate


def evaluate(text: str, **variables: Any) -> Any:
    return compiled(text).value(variables, Budget(10_000))


@pytest.mark.parametrize(
    ("text", "self", "value"),
    [
        ("self.min <= self.max && self.max < 10", {"min": 1, "max": 3}, True),
        ("has(self.a) ? self.a : 'none'", {}, "none"),
        ("!has(self.a) || self.a.startsWith('x')", {"a": "xy"}, True),
        ("self.all(one, one > 0)", [1, 2, 3], True),
        ("self.exists(key, key == 'b')", {"a": 1, "b": 2}, True),
        ("self.exists_one(one, one == 1)", [1, 1], False),
        ("self.filter(one, one % 2 == 1).map(one, one * one).sum()", [1, 2, 3], 10),
        ("self.map(one, one > 1, one + 1)", [1, 2], [3]),
        ("size(self) - 1 == 1 && self[0] == 'a'", ["a", "b"], True),
        ("-7 / 2 == -3 && -7 % 2 == -1", None, True),
        ("1 == 1.0 && !(true == 1)", None, True),
        ("self.x == 1 || true", {}, True),
        ("'a,b'.split(',').join('-')", None, "a-b"),
        ("'Hello'.lowerAscii().substring(1, 3)", None, "el"),
        ("'abc'.charAt(1) + 'abc'.indexOf('c').string()", None, "b2"),
        ("'a1b22'.findAll('[0-9]+')", None, ["1", "22"]),
        ("self.matches('^[a-z]+$')", "abc1", False),
        ("quantity('1Gi').isGreaterThan(quantity('1000Mi')) && !isQuantity('1x')", None, True),
        ("quantity('1').add(quantity('500m')).compareTo(quantity('1500m'))", None, 0),
        ("isURL('https://a.b:8/c?d=e') && url('https://a.b:8/c?d=e').getHost() == 'a.b:8'", None, True),
        ("cidr('10.0.0.0/8').containsIP('10.1.2.3') && ip('::1').family() == 6", None, True),
        ("duration('90m') == duration('1h30m')", None, True),
        ("timestamp('2024-01-02T03:04:05Z').getFullYear()", None, 2024),
        ("sets.contains([1, 2], [2]) && [1, 2].isSorted() && [3, 1].max() == 3", None, True),
        ("self.__namespace__ + self.a__dash__b", {"namespace": "n", "a-b": "x"}, "nx"),
        ("type(self) == string", "x", True),
    ],
)
def test_expressions(text: str, self: Any, value: Any) -> None:
    assert evaluate(text, self=self) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("self.missing", "no such key: missing"),
        ("1 + 'a'", "no such overload"),
        ("1 / 0", "division by zero"),
        ("9223372036854775807 + 1", "integer overflow"),
        ("unknown(1)", "undeclared reference to 'unknown'"),
        ("1 +", "syntax error"),
        ("(" * 4000 + "1" + ")" * 4000, "nested too deeply"),
        ("'a'.matches('(')", "RE2"),
    ],
)
def test_expressions_without_a_value_say_why(text: str, why: str) -> None:
    with pytest.raises(CelError, match=why.replace("(", r"\(")):
        evaluate(text, self={})


def judged(schema: dict[str, Any], obj: Any, old: Any = None) -> list[str]:
    return [str(one) for one in validate(Node.from_openapi(schema), obj, old)]


def ruled(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    spec = {"type": "object", "x-kubernetes-validations": list(rules), **more}
    return {"type": "object", "properties": {"spec": spec}}


NUMBERS = {"properties": {"low": {"type": "integer"}, "high": {"type": "integer"}}}


def test_a_broken_rule_is_told_with_its_message() -> None:
    schema = ruled({"rule": "self.low <= self.high", "message": "low exceeds high"}, **NUMBERS)
    assert judged(schema, {"spec": {"low": 1, "high": 2}}) == []
    found = judged(schema, {"spec": {"low": 3, "high": 2}})
    assert found == ['spec: Invalid value: "object": low exceeds high']


def test_message_expression_reason_and_field_path() -> None:
    rule = {
        "rule": "self.low <= self.high", "messageExpression": "'at most ' + string(self.high)",
        "reason": "FieldValueForbidden", "fieldPath": ".low",
    }
    found = judged(ruled(rule, **NUMBERS), {"spec": {"low": 3, "high": 2}})
    assert found == ["spec.low: Forbidden: at most 2"]


def test_a_rule_about_a_change_needs_something_before() -> None:
    schema = ruled({"rule": "self == oldSelf", "message": "spec is immutable"}, **NUMBERS)
    assert judged(schema, {"spec": {"low": 1}}) == []
    assert judged(schema, {"spec": {"low": 2}}, {"spec": {"low": 1}}) == [
        'spec: Invalid value: "object": spec is immutable'
    ]


def test_optional_old_self_is_asked_at_creation_too() -> None:
    rule = {"rule": "oldSelf.hasValue() || self.low == 0", "optionalOldSelf": True, "message": "begin with 0"}
    schema = ruled(rule, **NUMBERS)
    assert judged(schema, {"spec": {"low": 1}}) == ['spec: Invalid value: "object": begin with 0']
    assert judged(schema, {"spec": {"low": 1}}, {"spec": {"low": 1}}) == []


def test_items_of_a_list_map_are_compared_with_their_earlier_selves() -> None:
    item = {
        "type": "object", "properties": {"name": {"type": "string"}, "size": {"type": "integer"}},
        "x-kubernetes-validations": [{"rule": "self.size >= oldSelf.size", "message": "cannot shrink"}],
    }
    disks = {
        "type": "array", "items": item,
        "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
    }
    schema = {"type": "object", "properties": {"disks": disks}}
    old = {"disks": [{"name": "a", "size": 5}, {"name": "b", "size": 5}]}
    assert judged(schema, {"disks": [{"name": "b", "size": 4}, {"name": "c", "size": 1}]}, old) == [
        'disks[0]: Invalid value: "object": cannot shrink'
    ]


def test_rules_wait_until_the_values_are_right() -> None:
    schema = ruled({"rule": "self.low <= self.high"}, **NUMBERS)
    found = judged(schema, {"spec": {"low": "x", "high": 2}})
    assert found[0] == 'spec.low: Invalid value: "string": spec.low in body must be of type integer: "string"'
    assert found[1].startswith("<nil>: Invalid value: null: some validation rules were not checked")


def test_a_hostile_rule_runs_out_of_budget() -> None:
    schema = ruled(
        {"rule": "self.n.all(a, self.n.all(b, self.n.all(c, a + b + c >= 0)))"},
        properties={"n": {"type": "array", "items": {"type": "integer"}}},
    )
    found = judged(schema, {"spec": {"n": list(range(500))}})
    assert len(found) == 1
    assert "cost budget" in found[0]


def test_a_rule_that_is_no_expression_is_refused_with_its_definition() -> None:
    found = schema_causes(
        {"type": "object", "x-kubernetes-validations": [{"rule": "self.a >"}]}, "spec.versions[0].schema"
    )
    assert "compilation failed: syntax error" in str(found[0])
