"""Words of a container's command line as its author wrote them: placeholders by names of inputs and outputs.

Pure. Caller: `leaves`. What is not written just so by the SDK stays the text that it is.
"""

from __future__ import annotations

import json
import re
from typing import Any

from pinnace.authoring.kfp.ir import Component
from pinnace.authoring.kfp.palette.module import PLACEHOLDERS
from pinnace.authoring.program import Call, Raw, formatted

NAMED = {text: path.removeprefix("kfp.") for path, text in PLACEHOLDERS.items()}
"""Placeholders that have a name in the SDK."""
_PLACEHOLDER = re.compile(
    r"(\{\{\$\.(?:inputs|outputs)\.(?:parameters|artifacts)\['[^'\]]+'\]"
    r"(?:\.output_file|\.path|\.uri|\.metadata(?:\['[^'\]]+'\])?)?\}\})"
)
_PARTS = re.compile(r"\{\{\$\.(inputs|outputs)\.(parameters|artifacts)\['([^'\]]+)'\](.*)\}\}")


def word(text: str, component: Component) -> Any:
    """What `source` writes of it."""
    if text in NAMED:
        return Raw(NAMED[text])
    if text.startswith(('{"Concat": ', '{"IfPresent": ')):
        return _structure(text, component)
    pieces = _PLACEHOLDER.split(text)
    if len(pieces) == 1:
        return text
    names = [_name(one, component) for one in pieces[1::2]]
    if not all(names):
        return text
    if len(pieces) == 3 and not pieces[0] and not pieces[2]:
        return Raw(names[0])
    return Raw(formatted(pieces[::2], names))


def _name(placeholder: str, component: Component) -> str:
    """`{{$.inputs.artifacts['data'].path}}` → `data.path`; '' of what the SDK has no name for."""
    found = _PARTS.fullmatch(placeholder)
    if found is None:
        return ""
    side, part, name, rest = found.groups()
    defined = component.input_definitions if side == "inputs" else component.output_definitions
    if part == "parameters":
        usual = "" if side == "inputs" else ".output_file"
        return name if name in defined.parameters and rest == usual else ""
    artifact = defined.artifacts.get(name)
    if artifact is None or artifact.is_artifact_list == bool(rest):
        return ""
    return f"{name}{rest}"


def _structure(text: str, component: Component) -> Any:
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return _element(found, component) if json.dumps(found) == text else text


def _element(one: Any, component: Component) -> Any:
    if isinstance(one, str):
        return word(one, component)
    if isinstance(one, list):
        return [_element(each, component) for each in one]
    if set(one) == {"Concat"}:
        return Call("dsl.ConcatPlaceholder", (("items", _element(one["Concat"], component)),))
    about = one["IfPresent"]
    given = [("input_name", about["InputName"]), ("then", _element(about["Then"], component))]
    given += [("else_", _element(about["Else"], component))] if "Else" in about else []
    return Call("dsl.IfPresentPlaceholder", tuple(given))
