"""The IR's data flow and conditions as expressions of Argo's language.

An expression gives JSON text (see `values`). Literals are written so that no `{{` or `}}` stands in the
manifest, whatever users wrote. Caller: `lowering`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from pinnace.authoring.kfp.values import encoded

PLACEHOLDER = re.compile(r"\{\{\$\.inputs\.parameters\[(?:'([^']*)'|\"([^\"]*)\")\]\}\}")
_TOKEN = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<input>inputs\.(?:parameter_values|parameters)\[(?:'(?P<one>[^']*)'|"(?P<two>[^"]*)")\]
        (?:\.(?:string_value|int_value|double_value))?)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)""",
    re.VERBOSE,
)
_WORDS = {"parseJson": "fromJSON", "double": "float", "null": "nil"}
_SELECTED = re.compile(r"""parseJson\(string_value\)\[(?:'([^']*)'|"([^"]*)")\]""")


class ExpressionProblem(ValueError):
    """A condition or selector that is not of the IR's language."""


def literal(text: str) -> str:
    return json.dumps(text).replace("{", "\\u007b").replace("}", "\\u007d")


def sealed(text: str) -> str:
    """JSON text that no template engine takes for a tag."""
    return text.replace("{{", "{\\u007b")


def formula(expression: str) -> str:
    """As a tag. Braces of maps are set apart, for two would end it; literals have none."""
    while "}}" in expression:
        expression = expression.replace("}}", "} }")
    return f"{{{{={expression}}}}}" if not expression.endswith("}") else f"{{{{={expression} }}}}"


def parsed(expression: str) -> str:
    return f"fromJSON({expression})"


def plain(expression: str) -> str:
    """A value in the middle of a text."""
    return (
        f"(({expression}) == '' ? '' : type(fromJSON({expression})) == 'string' ? "
        f"fromJSON({expression}) : toJson(fromJSON({expression})))"
    )


def constant(value: Any, inputs: Mapping[str, str]) -> str | None:
    """The expression of a constant that holds placeholders of the task's own inputs; None: it holds none."""
    if not PLACEHOLDER.search(encoded(value).replace('\\"', '"')):
        return None
    return f"toJson({_value(value, inputs)})"


def _value(value: Any, inputs: Mapping[str, str]) -> str:
    if isinstance(value, dict):
        items = (f"{_text(key, inputs)}: {_value(item, inputs)}" for key, item in value.items())
        return "{" + ", ".join(items) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_value(item, inputs) for item in value) + "]"
    if isinstance(value, str):
        return _text(value, inputs)
    return "nil" if value is None else encoded(value)


def _text(text: str, inputs: Mapping[str, str]) -> str:
    parts: list[str] = []
    at = 0
    for found in PLACEHOLDER.finditer(text):
        source = inputs.get(found[1] or found[2])
        if source is None:
            continue
        parts += [literal(text[at : found.start()]), plain(source)]
        at = found.end()
    return " + ".join([*parts, literal(text[at:])])


def selected(expression: str, selector: str) -> str:
    """`parseJson(string_value)["key"]`, of a value that may be a struct or its JSON text."""
    found = _SELECTED.fullmatch(selector.strip())
    if found is None:
        raise ExpressionProblem(
            f"parameterExpressionSelector {selector!r}: expected parseJson(string_value)[key]"
        )
    key = literal(found[1] or found[2] or "")
    value = parsed(expression)
    return f"toJson((type({value}) == 'string' ? fromJSON({value}) : {value})[{key}])"


def condition(source: str, inputs: Callable[[str], str]) -> str:
    """A trigger policy's CEL. What an operand is missing makes the task fail, not the branch false."""

    def put(found: re.Match[str]) -> str:
        if found["input"]:
            return f"fromJSON({inputs(found['one'] if found['one'] is not None else found['two'])})"
        if found["word"]:
            return _WORDS.get(found["word"], found["word"])
        return literal(_unquoted(found["text"]))

    return _TOKEN.sub(put, " ".join(source.split("\n")))


def _unquoted(text: str) -> str:
    inner = text[1:-1]
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t", "r": "\r"}.get(m[1], m[1]), inner)
