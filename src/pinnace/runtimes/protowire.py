"""Protobuf messages without their classes: top-level fields by tag, taken apart, moved, converted, joined.

What a composition's splitters, collators and mappers do to messages (`composition`). A message's bytes that
nobody asked to change go on as they are. Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
PACKED = {
    "double": "<d", "float": "<f", "fixed32": "<I", "fixed64": "<Q", "sfixed32": "<i", "sfixed64": "<q",
}
ZIGZAG = frozenset({"sint32", "sint64"})
WHOLE = frozenset({"int32", "int64", "uint32", "uint64", "bool", "enum"}) | ZIGZAG
TEXT = frozenset({"string", "bytes"})


class NoMessage(ValueError):
    """The bytes are no protobuf message."""


class Piece(NamedTuple):
    """One field as it stands: its content, without key and length."""

    tag: int
    wire: int
    content: bytes


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise NoMessage("a number does not end")
        value |= (data[at] & 0x7F) << shift
        at += 1
        if not data[at - 1] & 0x80:
            return value, at
        shift += 7


def pieces(data: bytes) -> Iterator[Piece]:
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        tag, wire = key >> 3, key & 7
        if wire == VARINT:
            _, end = read_varint(data, at)
        elif wire == LENGTH:
            size, at = read_varint(data, at)
            end = at + size
        elif wire in (FIXED32, FIXED64):
            end = at + (4 if wire == FIXED32 else 8)
        else:
            raise NoMessage(f"field {tag} has the unknown wire type {wire}")
        if end > len(data) or not tag:
            raise NoMessage(f"field {tag} does not end")
        yield Piece(tag, wire, data[at:end])
        at = end


def joined(found: list[Piece]) -> bytes:
    return b"".join(
        varint(one.tag << 3 | one.wire)
        + (varint(len(one.content)) if one.wire == LENGTH else b"") + one.content
        for one in found
    )


def nested(tag: int, message: bytes) -> Piece:
    return Piece(tag, LENGTH, message)


def moved(data: bytes, tags: dict[int, list[int]]) -> list[Piece]:
    """The fields of these tags under the tags that they get."""
    return [one._replace(tag=tag) for one in pieces(data) for tag in tags.get(one.tag, ())]


def values(piece: Piece, kind: str) -> list[Any]:
    """A scalar field's values; several where they are packed. NoMessage: the bytes are of another type."""
    if kind in TEXT:
        if piece.wire != LENGTH:
            raise NoMessage(f"field {piece.tag} is no {kind}")
        return [piece.content.decode(errors="replace") if kind == "string" else piece.content]
    if kind in PACKED:
        size = struct.calcsize(PACKED[kind])
        if len(piece.content) % size:
            raise NoMessage(f"field {piece.tag} is no {kind}")
        return [found for (found,) in struct.iter_unpack(PACKED[kind], piece.content)]
    if kind not in WHOLE:
        raise NoMessage(f"the type {kind} of field {piece.tag} is not a basic one")
    return [_signed(found, kind) for found in _numbers(piece)]


def _numbers(piece: Piece) -> Iterator[int]:
    at = 0
    while at < len(piece.content):
        found, at = read_varint(piece.content, at)
        yield found


def _signed(value: int, kind: str) -> int | bool:
    if kind in ZIGZAG:
        return (value >> 1) ^ -(value & 1)
    if kind == "bool":
        return bool(value)
    return value - (1 << 64) if not kind.startswith("u") and value >> 63 else value


def written(tag: int, kind: str, value: Any) -> Piece:
    """A value of any basic type as a field of this one. NoMessage: it cannot be one."""
    try:
        if kind == "string":
            return Piece(tag, LENGTH, _text(value).encode())
        if kind == "bytes":
            return Piece(tag, LENGTH, value if isinstance(value, bytes) else _text(value).encode())
        if kind in PACKED:
            number: Any = float(value) if kind in ("double", "float") else _whole(value)
            wire = FIXED32 if struct.calcsize(PACKED[kind]) == 4 else FIXED64
            return Piece(tag, wire, struct.pack(PACKED[kind], number))
        if kind == "bool":
            return Piece(tag, VARINT, varint(_truth(value)))
        if kind in WHOLE:
            found = _whole(value)
            return Piece(tag, VARINT, varint((found << 1) ^ (found >> 63) if kind in ZIGZAG else found))
    except (ValueError, struct.error, OverflowError):
        raise NoMessage(f"{value!r} cannot be a {kind}") from None
    raise NoMessage(f"the type {kind} of field {tag} is not a basic one")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _whole(value: Any) -> int:
    return int(float(value)) if isinstance(value, str) and "." in value else int(value)


def _truth(value: Any) -> int:
    if isinstance(value, str):
        if value.lower() not in ("true", "false", "1", "0"):
            raise ValueError(value)
        return int(value.lower() in ("true", "1"))
    return int(bool(value))
