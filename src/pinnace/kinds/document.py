"""What a document's text may be: not too deep for a parser, not larger than it looks, no key twice in one
object (parsers keep the last silently, strict clients must hear of it).

`api/` asks for bodies, the command line for files, controllers for texts inside manifests. Words of the
last: the strict decoders of kubernetes (sigs.k8s.io/json and sigs.k8s.io/yaml).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import msgspec

DEPTH_LIMIT = 200
EXPANSION_LIMIT = 200_000


def duplicate_fields(raw: bytes, value: Any) -> list[str]:
    """Paths of the keys that stand twice in a JSON body; `value` is what it was decoded to.

    Keys that were dropped leave the document shorter, so nearly all good bodies cost one encoding."""
    if len(msgspec.json.encode(value)) >= len(raw.strip()):
        return []
    found: list[tuple[dict[str, Any], str]] = []

    def gathered(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        kept = dict(pairs)
        if len(kept) < len(pairs):
            seen: set[str] = set()
            found.extend((kept, key) for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        return kept

    tree = json.loads(raw, object_pairs_hook=gathered)
    return [f"{path}.{key}" if path else key for holder, key in found for path in _paths(tree, holder, "")]


def _paths(tree: Any, wanted: dict[str, Any], path: str) -> Iterator[str]:
    """Where this very object is; nowhere if a later duplicate replaced it."""
    if tree is wanted:
        yield path
    elif isinstance(tree, dict):
        for key, one in tree.items():
            yield from _paths(one, wanted, f"{path}.{key}" if path else key)
    elif isinstance(tree, list):
        for index, one in enumerate(tree):
            yield from _paths(one, wanted, f"{path}[{index}]")


def refuse_depth(text: str | bytes) -> None:
    """YAMLError for a stream that is nested deeper than any manifest. To be called before it is composed:
    that recurses in C, and ends the process where Python would only raise."""
    import yaml

    opening = (yaml.SequenceStartEvent, yaml.MappingStartEvent)
    closing = (yaml.SequenceEndEvent, yaml.MappingEndEvent)
    depth = 0
    for event in yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        depth += isinstance(event, opening) - isinstance(event, closing)
        if depth > DEPTH_LIMIT:
            raise yaml.YAMLError(f"nested deeper than {DEPTH_LIMIT} levels")


def from_yaml(text: str) -> Any:
    """A YAML or JSON text inside a manifest, as plain data. YAMLError: it is neither, or its aliases would
    write out more than any manifest has."""
    import yaml

    refuse_depth(text)
    value = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    if _size(value, {}) > EXPANSION_LIMIT:
        raise yaml.YAMLError("its aliases expand to too large a document")
    return value


def all_from_yaml(text: str) -> list[Any]:
    """As `from_yaml`, of a stream of documents; empty ones are left out."""
    import yaml

    refuse_depth(text)
    values = list(yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    if _size(values, {}) > EXPANSION_LIMIT:
        raise yaml.YAMLError("its aliases expand to too large a document")
    return [value for value in values if value is not None]


def _size(value: Any, known: dict[int, float]) -> float:
    """Nodes after all aliases are written out; a node inside itself is endless."""
    if not isinstance(value, (dict, list)):
        return 1
    if id(value) not in known:
        known[id(value)] = math.inf
        parts = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_size(part, known) for part in parts)
    return known[id(value)]


def duplicate_yaml_keys(text: str | bytes) -> list[str]:
    """`line 5: key "a" already set in map`, for every document of a YAML stream; YAMLError: not YAML."""
    import yaml

    refuse_depth(text)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    seen: set[int] = set()
    return [words for root in yaml.compose_all(text, loader) for words in _twice(root, seen)]


def _twice(node: Any, seen: set[int]) -> Iterator[str]:
    import yaml

    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for one in node.value:
            yield from _twice(one, seen)
    elif isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, one in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in keys:
                    yield f'line {key.start_mark.line + 1}: key "{key.value}" already set in map'
                keys.add(key.value)
            yield from _twice(one, seen)
