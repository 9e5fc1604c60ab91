"""The form of the maps of Acumos' tools: `splitter_map`, `collator_map`, `data_map`, `data_broker_map`; pure.

They travel as they are written. Checked is only what a reader relies on, so that a mistake is told by its
field and not by what fails later. Callers: `cdump`, `plan`.
"""

from __future__ import annotations

import json
from typing import Any

from pinnace.authoring.blueprint.solution import Unreadable

FIELDS = {"map_inputs": ("input_field", "input_fields"), "map_outputs": ("output_field", "output_fields")}
SIGNATURES = ("input_message_signature", "output_message_signature")


def check(rule: Any, place: str) -> None:
    """Unreadable names the field."""
    if not isinstance(rule, dict):
        raise Unreadable(f"{place}: expected an object")
    for part, inner in FIELDS.items():
        for at, one in enumerate(_objects(rule.get(part), f"{place}.{part}")):
            for name in inner:
                _inner(one.get(name), f"{place}.{part}[{at}].{name}", several=name.endswith("s"))
    for name in SIGNATURES:
        _signature(rule.get(name), f"{place}.{name}")


def _inner(found: Any, place: str, *, several: bool) -> None:
    if several:
        _objects(found, place)
    elif found is not None and not isinstance(found, dict):
        raise Unreadable(f"{place}: expected an object")


def _objects(found: Any, place: str) -> list[dict[str, Any]]:
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Unreadable(f"{place}: expected a list of objects")
    return found


def _signature(found: Any, place: str) -> None:
    """JSON in a text, or the object itself."""
    if isinstance(found, str) and found.strip():
        try:
            found = json.loads(found)
        except (ValueError, RecursionError) as problem:
            raise Unreadable(f"{place}: the text is no JSON: {problem}") from None
    if found in (None, ""):
        return
    if not isinstance(found, dict):
        raise Unreadable(f"{place}: expected a message with messageName and messageargumentList")
    _objects(found.get("messageargumentList"), f"{place}.messageargumentList")
