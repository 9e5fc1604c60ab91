"""`--node-field-selector`: which nodes of a Workflow are meant.

Fields: displayName, templateName, templateRef.name, templateRef.template, phase, name, id,
`inputs.parameters.<name>.value`. Source of the rules: upstream workflow/util (SelectorMatchesNode) and
apimachinery's field selectors (`=`, `==`, `!=`, commas, backslash escapes). Callers: the edits beside this.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pinnace.authoring.argo.mistake import Mistake
from pinnace.kinds.argo import text

Node = Mapping[str, Any]


class Term(msgspec.Struct, frozen=True):
    field: str
    value: str
    equal: bool = True


def parse(selector: str) -> tuple[Term, ...]:
    """Raises Mistake."""
    return tuple(_term(part, selector) for part in _split(selector) if part.strip())


def matches(terms: tuple[Term, ...], node: Node) -> bool:
    has = fields(node)
    return all((has.get(term.field, "") == term.value) is term.equal for term in terms)


def fields(node: Node) -> dict[str, str]:
    reference = node.get("templateRef") or {}
    found = {name: str(node.get(name) or "") for name in ("displayName", "phase", "name", "id")}
    found["templateName"] = str(reference.get("template") or node.get("templateName") or "")
    if reference:
        found["templateRef.name"] = str(reference.get("name") or "")
        found["templateRef.template"] = str(reference.get("template") or "")
    for one in (node.get("inputs") or {}).get("parameters") or ():
        found[f"inputs.parameters.{one.get('name')}.value"] = text(one.get("value"))
    return found


def _split(selector: str) -> list[str]:
    """At commas that no backslash protects."""
    parts, current, escaped = [], "", False
    for letter in selector:
        if letter == "," and not escaped:
            parts.append(current)
            current = ""
            continue
        current += letter
        escaped = letter == "\\" and not escaped
    return [*parts, current]


def _term(part: str, selector: str) -> Term:
    for sign, equal in (("!=", False), ("==", True), ("=", True)):
        field, found, value = part.partition(sign)
        if found:
            return Term(field.strip(), _plain(value.strip()), equal)
    raise Mistake(f"invalid selector: '{selector}'; can't understand '{part}' (expected field=value)")


def _plain(value: str) -> str:
    made, escaped = "", False
    for letter in value:
        if letter == "\\" and not escaped:
            escaped = True
            continue
        made += letter
        escaped = False
    return made
