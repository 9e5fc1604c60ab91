"""The quick answer to "is anything wrong with this object?", compiled from a schema on first use.

`review.py`, `validation.py`, `pruning.py` and `decoding.py` ask here first and walk the schema only for what
is refused. The invariant that a property test holds: what is `sound` has no cause of complaint, and what is
`clean` has neither unknown fields nor anything to prune besides. A refusal of something good costs time,
nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import formats
from .schema import Node

Test = Callable[[Any], bool]
NAMES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
PLAIN = {"string": str, "boolean": bool, "integer": int}


def type_name(value: Any) -> str:
    return NAMES.get(type(value), "null")


def sound(node: Node) -> Test:
    """A test that is true only where every value that the schema knows is as it says."""
    test: Test = node.tool("sound", lambda one: _test(one, sound, False))
    return test


def clean(node: Node) -> Test:
    """A test that is true only for sound values without unknown fields and without nulls."""
    test: Test = node.tool("clean", lambda one: _test(one, clean, True))
    return test


Compiler = Callable[[Node], Test]


def _test(node: Node, compiler: Compiler, strict: bool) -> Test:
    test = _base(node, compiler, strict)
    for extra in _extras(node):
        test = _both(test, extra)
    if node.nullable and not strict:
        return lambda value: value is None or test(value)
    return test


def _both(first: Test, second: Test) -> Test:
    return lambda value: first(value) and second(value)


def _plain_type(node: Node) -> type | None:
    """The Python type that alone decides here; None where more must be asked."""
    if node.nullable or node.int_or_string or _extras(node) or node.format == "quantity":
        return None
    return PLAIN.get(node.type)


def _base(node: Node, compiler: Compiler, strict: bool) -> Test:
    if node.int_or_string:
        return lambda value: type(value) is str or type(value) is int
    if node.type == "object":
        return _map(node, compiler) or _object(node, compiler, strict)
    if node.type == "array":
        return _array(node, compiler)
    if node.format == "quantity":
        return lambda value: type(value) is str or type(value) in (int, float)
    if node.type == "number":
        return lambda value: type(value) is float or type(value) is int
    if node.type in PLAIN:
        wanted = PLAIN[node.type]
        return lambda value: type(value) is wanted
    return _untyped(node, compiler, strict)


def _untyped(node: Node, compiler: Compiler, strict: bool) -> Test:
    """Anything may stand here; what is said of objects and lists holds for those alone."""
    if node.properties is not None or node.required or node.additional is not None:
        as_object = _object(node, compiler, strict)
        return lambda value: type(value) is not dict or as_object(value)
    if node.items is not None:
        as_list = _array(node, compiler)
        return lambda value: type(value) is not list or as_list(value)
    return lambda value: value is not None or not strict


def _object(node: Node, compiler: Compiler, strict: bool) -> Test:
    known = dict(node.properties or {})
    if node.go and not strict:
        known.pop("status", None)  # upstream decodes the status of built-in kinds, it does not judge it
    plain = {key: wanted for key, child in known.items() if (wanted := _plain_type(child))}
    tests = {key: compiler(child) for key, child in known.items() if key not in plain}
    rest = compiler(node.additional) if node.additional is not None else None
    closed = strict and rest is None and node.type != "" and not node.preserve_unknown
    required, decoded = node.wanted(), bool(node.go)
    if strict and node.embedded:
        implied = ("apiVersion", "kind", "metadata")  # slower to judge, and rare
        tests.update({key: lambda value: False for key in implied if key not in known})

    def test(value: Any) -> bool:
        if type(value) is not dict:
            return False
        for key in required:
            if key not in value or (decoded and value[key] == ""):
                return False
        for key, one in value.items():
            wanted = plain.get(key)
            if wanted is not None:
                if type(one) is not wanted:
                    return False
                continue
            inner = tests.get(key, rest)
            if inner is None:
                if closed:
                    return False
            elif not inner(one):
                return False
        return True

    return test


def _map(node: Node, compiler: Compiler) -> Test | None:
    if node.properties or node.additional is None or node.required:
        return None
    wanted, inner = _plain_type(node.additional), compiler(node.additional)

    def test(value: Any) -> bool:
        if type(value) is not dict:
            return False
        for one in value.values():  # noqa: SIM110 - a generator would cost twice as much
            if not (type(one) is wanted or inner(one)):
                return False
        return True

    return test


def _array(node: Node, compiler: Compiler) -> Test:
    if node.items is None:
        return lambda value: type(value) is list
    wanted, inner, distinct = _plain_type(node.items), compiler(node.items), _distinct(node)

    def test(value: Any) -> bool:
        if type(value) is not list:
            return False
        for one in value:
            if not (type(one) is wanted or inner(one)):
                return False
        return distinct is None or len(value) < 2 or distinct(value)

    return test


def _distinct(node: Node) -> Test | None:
    if node.list_type == "set" or (node.limits or {}).get("uniqueItems"):
        return lambda value: all(type(one) is str for one in value) and len(set(value)) == len(value)
    if node.list_type != "map" or not node.map_keys or (node.items and node.items.go):
        return None  # built-in kinds have rules of their own for each list
    keys = node.map_keys

    def distinct(value: list[Any]) -> bool:
        try:
            return len({tuple([one[key] for key in keys]) for one in value}) == len(value)
        except (TypeError, KeyError):
            return False

    return distinct


def _extras(node: Node) -> list[Test]:
    """Tests besides type and structure; each takes a value whose type already fits."""
    extras: list[Test] = []
    if node.enum:
        members = node.enum
        extras.append(lambda value: value in members)
    if node.pattern:
        pattern = node.pattern
        extras.append(lambda value: type(value) is not str or formats.matches(pattern, value))
    known = formats.FORMATS.get(node.format)
    if known is not None:
        extras.append(lambda value: type(value) is not str or known(value))
    if node.format in formats.BITS:
        high = 1 << formats.BITS[node.format]
        extras.append(lambda value: type(value) is not int or -high <= value < high)
    if node.limits:
        extras.append(_within(node.limits))
    if node.combos:
        extras.append(_combined(node.combos))
    return extras


def _within(limits: dict[str, Any]) -> Test:
    low, high = limits.get("minimum", float("-inf")), limits.get("maximum", float("inf"))
    lower = max(limits.get(f"min{what}", 0) for what in ("Length", "Items", "Properties"))
    upper = min(limits.get(f"max{what}", 1 << 62) for what in ("Length", "Items", "Properties"))
    rare = "exclusiveMinimum" in limits or "exclusiveMaximum" in limits or "multipleOf" in limits

    def within(value: Any) -> bool:
        if type(value) is int or type(value) is float:
            return not rare and bool(low <= value <= high)
        return type(value) is bool or bool(lower <= len(value) <= upper)

    return within


def _combined(combos: dict[str, Any]) -> Test:
    """`not` and `oneOf` need exact answers, which only the explanation gives."""
    every = [sound(one) for one in combos.get("allOf", ())]
    some = [sound(one) for one in combos.get("anyOf", ())]
    if "oneOf" in combos or "not" in combos:
        return lambda value: False
    return lambda value: all(test(value) for test in every) and (
        not some or any(test(value) for test in some)
    )
