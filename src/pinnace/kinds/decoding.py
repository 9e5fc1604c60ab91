"""Wrong JSON types where upstream decodes into Go structs: built-in kinds and everyone's metadata.

Such a document is not invalid but unreadable: the API server answers 400 with its decoder's first complaint.
`objects/` asks before anything else. Words: sigs.k8s.io/json (Go's encoding/json) and the types' own parsers.
"""

from __future__ import annotations

from typing import Any

from . import formats, quantity
from .resource import Obj
from .schema import Node
from .soundness import sound, type_name

GO_NAMES = {"object": "object", "array": "array", "string": "string", "boolean": "bool"}
GO_TYPES = {"string": "string", "boolean": "bool", "number": "float64"}


def misfit(node: Node, obj: Obj) -> str | None:
    """The decoder's complaint, or None: `json: cannot unmarshal string into Go struct field …`."""
    if node.go:
        return None if sound(node)(obj) and _status_fits(node, obj) else _object(node, obj, "", node.go)
    metadata = node.at("metadata")
    found = obj.get("metadata")
    if metadata is None or not metadata.go or found is None or sound(metadata)(found):
        return None
    return _value(metadata, found, "metadata", node.go or "v1.ObjectMeta")


def _status_fits(node: Node, obj: Obj) -> bool:
    status = node.at("status")
    return status is None or "status" not in obj or sound(status)(obj["status"])


def _value(node: Node, value: Any, path: str, struct: str) -> str | None:
    """`path` is the stack of field names, without indexes; `struct` the Go type that holds the field."""
    if value is None or (node.preserve_unknown and not node.properties):
        return None
    if node.int_or_string:
        return None if type(value) in (int, str) else _complaint(value, path, struct, "int32")
    if node.format == "quantity":
        return None if type(value) in (int, float, str) and quantity.valid(value) else (
            f"quantities must match the regular expression '{quantity.PATTERN}'"
        )
    if type_name(value) != node.type and not (node.type == "number" and type(value) is int):
        return _complaint(value, path, struct, go_type(node)) if node.type else None
    if node.type == "object":
        return _object(node, value, path, struct)
    if node.type == "array" and node.items is not None:
        return next((e for one in value if (e := _value(node.items, one, path, struct))), None)
    return _scalar(node, value, path, struct)


def _object(node: Node, value: dict[str, Any], path: str, struct: str) -> str | None:
    prefix = f"{path}." if path else ""
    for key, one in value.items():
        child = node.at(key)
        if child is None:
            continue
        below = prefix + key if node.properties else path
        if complaint := _value(child, one, below, node.go or struct):
            return complaint
    return None


def _scalar(node: Node, value: Any, path: str, struct: str) -> str | None:
    if node.format == "date-time" and not formats.FORMATS["date-time"](value):
        text = f'"{value}"'
        return f'parsing time {text} as "2006-01-02T15:04:05Z07:00": cannot parse {text} as "2006"'
    if node.format == "byte" and not formats.FORMATS["byte"](value):
        return f"illegal base64 data at input byte {_first_bad(value)}"
    bits = formats.BITS.get(node.format)
    if bits is not None and type(value) is int and not -(1 << bits) <= value < 1 << bits:
        return f"json: cannot unmarshal number {value} into {_place(path, struct)} of type {node.format}"
    return None


def _first_bad(text: str) -> int:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return next((place for place, one in enumerate(text) if one not in alphabet), len(text) - len(text) % 4)


def _complaint(value: Any, path: str, struct: str, wanted: str) -> str:
    actual = "number" if type(value) in (int, float) else GO_NAMES[type_name(value)]
    if type(value) is float:
        actual = f"number {value}"
    return f"json: cannot unmarshal {actual} into {_place(path, struct)} of type {wanted}"


def _place(path: str, struct: str) -> str:
    return f"Go struct field {struct.split('.')[-1]}.{path}"


def go_type(node: Node) -> str:
    """How Go names the type of this place."""
    if node.go:
        return node.go
    if node.type == "integer":
        return node.format or "int64"
    if node.type == "array":
        return f"[]{go_type(node.items)}" if node.items else "[]interface {}"
    if node.additional is not None:
        return f"map[string]{go_type(node.additional)}"
    if node.format == "date-time":
        return "v1.Time"
    if node.format == "quantity":
        return "resource.Quantity"
    return GO_TYPES.get(node.type, "map[string]interface {}")
