"""Judge an object's values by its schema: every cause at once, in Kubernetes' words.

`validate` is for `objects/`, after pruning and defaulting. A compiled test answers for good objects (nearly
all) in microseconds; only what it refuses is explained by walking the schema. The words are those of
kube-openapi's pkg/validation (custom resources) and of field errors (built-in kinds).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import cause, formats
from .cause import Cause
from .resource import Obj
from .schema import Node, ruled
from .soundness import sound, type_name

BLOCKING = frozenset(
    ("FieldValueRequired", "FieldValueTypeInvalid", "FieldValueNotSupported", "FieldValueTooLong",
     "FieldValueTooMany")
)
UNCHECKED = Cause(
    cause.NOWHERE,
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)


def validate(node: Node, obj: Obj, old: Obj | None = None) -> list[Cause]:
    """What is wrong with `obj`; `old` is what stands in the store, for rules about changes."""
    found = [] if sound(node)(obj) else list(_causes(node, obj, ""))
    if not node.go and any(one.reason in BLOCKING for one in found):
        return [*found, UNCHECKED] if node.checks or ruled(node) else found
    return found + rules_broken(node, obj, old)


def value_causes(node: Node, value: Any, path: str) -> list[Cause]:
    """What a schema alone says against a value that stands at this path."""
    return [] if sound(node)(value) else list(_causes(node, value, path))


def rules_broken(node: Node, obj: Obj, old: Obj | None = None) -> list[Cause]:
    """The cross-field rules alone, for an object whose values are known to be sound."""
    found = [one for check in node.checks for one in check(obj, old)]
    if not ruled(node):
        return found
    from . import rules  # CEL costs its import only where there are rules

    return found + rules.judge(node, obj, old)


def _causes(node: Node, value: Any, path: str) -> Iterator[Cause]:
    if value is None:
        if not (node.nullable or node.go or not _typed(node)):
            yield _of_type(path, _wanted(node), "null")
        return
    if not _fits(node, value):
        yield _of_type(path, _wanted(node), type_name(value))
        return
    yield from _value(node, value, path)
    if type(value) is dict:
        yield from _object(node, value, path)
    elif type(value) is list:
        yield from _array(node, value, path)


def _typed(node: Node) -> bool:
    return bool(node.type or node.int_or_string)


def _wanted(node: Node) -> str:
    return "integer,string" if node.int_or_string else node.type


def _fits(node: Node, value: Any) -> bool:
    actual = type_name(value)
    if node.int_or_string:
        return actual in ("integer", "string")
    if not node.type or node.type == actual:
        return True
    if node.type == "number":
        return actual == "integer"
    if node.type == "integer":
        return actual == "number" and value == int(value)
    return node.format == "quantity" and actual in ("integer", "number")


def _of_type(path: str, wanted: str, actual: str) -> Cause:
    return cause.wrong_type(path, actual, f'{path} in body must be of type {wanted}: "{actual}"')


def _value(node: Node, value: Any, path: str) -> Iterator[Cause]:
    if node.enum and value not in node.enum:
        yield cause.unsupported(path, value, sorted(node.enum) if node.go else node.enum)
    if type(value) is str:
        yield from _string(node, value, path)
    elif type(value) in (int, float):
        yield from _number(node, value, path)
    yield from _combined(node, value, path)


def _string(node: Node, value: str, path: str) -> Iterator[Cause]:
    limits = node.limits or {}
    if "maxLength" in limits and len(value) > limits["maxLength"]:
        yield cause.too_long(path, limits["maxLength"])
    if "minLength" in limits and len(value) < limits["minLength"]:
        least = limits["minLength"]
        yield cause.invalid(path, value, f"{path} in body should be at least {least} chars long")
    if node.pattern and not formats.matches(node.pattern, value):
        yield cause.invalid(path, value, f"{path} in body should match '{node.pattern}'")
    known = formats.FORMATS.get(node.format)
    if known is not None and not known(value):
        detail = f"{path} in body must be of type {node.format}: {cause.quoted(value)}"
        yield cause.wrong_type(path, value, detail)


def _number(node: Node, value: float, path: str) -> Iterator[Cause]:
    bits = formats.BITS.get(node.format)
    if bits is not None and not -(1 << bits) <= value < 1 << bits:
        yield cause.invalid(path, value, f"Checked value must be of type integer with format {node.format}")
    limits = node.limits or {}
    if "maximum" in limits:
        above = value >= limits["maximum"] if limits.get("exclusiveMaximum") else value > limits["maximum"]
        words = "less than" if limits.get("exclusiveMaximum") else "less than or equal to"
        if above:
            yield cause.invalid(path, value, f"{path} in body should be {words} {limits['maximum']}")
    if "minimum" in limits:
        below = value <= limits["minimum"] if limits.get("exclusiveMinimum") else value < limits["minimum"]
        words = "greater than" if limits.get("exclusiveMinimum") else "greater than or equal to"
        if below:
            yield cause.invalid(path, value, f"{path} in body should be {words} {limits['minimum']}")
    if "multipleOf" in limits and value % limits["multipleOf"]:
        yield cause.invalid(path, value, f"{path} in body should be a multiple of {limits['multipleOf']}")


def _object(node: Node, value: dict[str, Any], path: str) -> Iterator[Cause]:
    prefix = f"{path}." if path else ""
    for key in node.wanted():
        if key not in value or (node.go and value[key] in (None, "")):
            yield cause.required(prefix + key)
    limits = node.limits or {}
    if "maxProperties" in limits and len(value) > limits["maxProperties"]:
        yield cause.too_many(path, len(value), limits["maxProperties"])
    if "minProperties" in limits and len(value) < limits["minProperties"]:
        least = limits["minProperties"]
        yield cause.invalid(path, len(value), f"{path} in body should have at least {least} properties")
    for key, one in value.items():
        child = node.at(key)
        if child is not None and not (node.go and (one is None or key == "status")):
            yield from _causes(child, one, prefix + key)


def _array(node: Node, value: list[Any], path: str) -> Iterator[Cause]:
    limits = node.limits or {}
    if "maxItems" in limits and len(value) > limits["maxItems"]:
        yield cause.too_many(path, len(value), limits["maxItems"])
    if "minItems" in limits and len(value) < limits["minItems"]:
        least = limits["minItems"]
        yield cause.invalid(path, len(value), f"{path} in body should have at least {least} items")
    if node.items is not None:
        for index, one in enumerate(value):
            yield from _causes(node.items, one, f"{path}[{index}]")
    if node.list_type == "set" or limits.get("uniqueItems"):
        yield from _duplicates(value, value, path)
    elif node.list_type == "map" and node.map_keys and not (node.items and node.items.go):
        yield from _duplicates(value, [_entry(node.map_keys, one) for one in value], path)


def _entry(keys: tuple[str, ...], item: Any) -> Any:
    return {key: item[key] for key in keys if key in item} if isinstance(item, dict) else item


def _duplicates(items: list[Any], identities: list[Any], path: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, identity in enumerate(identities):
        text = cause.shown(identity)
        if text in seen:
            yield cause.duplicate(f"{path}[{index}]", identity)
        seen.add(text)


def _combined(node: Node, value: Any, path: str) -> Iterator[Cause]:
    combos = node.combos or {}
    for one in combos.get("allOf", ()):
        yield from _causes(one, value, path)
    if "anyOf" in combos and not any(_valid(one, value) for one in combos["anyOf"]):
        yield from _causes(combos["anyOf"][0], value, path)
        yield _nowhere(path, "must validate at least one schema (anyOf)")
    if "oneOf" in combos:
        count = sum(_valid(one, value) for one in combos["oneOf"])
        if count != 1:
            which = f"Found {count} valid alternatives" if count else "Found none valid"
            yield _nowhere(path, f"must validate one and only one schema (oneOf). {which}")
    if "not" in combos and _valid(combos["not"], value):
        yield _nowhere(path, "must not validate the schema (not)")


def _valid(node: Node, value: Any) -> bool:
    return sound(node)(value) or next(_causes(node, value, ""), None) is None


def _nowhere(path: str, words: str) -> Cause:
    return cause.invalid(cause.NOWHERE, "", f"{cause.quoted(path)} {words}")
