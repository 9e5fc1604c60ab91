"""Protocol Buffers on the wire, as far as small messages of text need it, without a compiler.

Used by the runtimes that speak gRPC. A message is the list of its fields in their order; fields that a
reader does not know are there too, and may be passed over. Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class Damaged(ValueError):
    """The bytes are not a message."""


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of every field: an int of a varint, else the bytes. Raises Damaged."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == BYTES:
            size, at = _varint(data, at)
        elif wire in (FIXED64, FIXED32):
            size = 8 if wire == FIXED64 else 4
        else:
            raise Damaged(f"wire type {wire} of field {number}")
        if at + size > len(data):
            raise Damaged(f"field {number} is cut off")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise Damaged("a number is cut off")


def texts(data: bytes) -> dict[int, str]:
    """The fields of a message of texts; of one that stands twice the last, as readers do. Raises Damaged."""
    try:
        return {number: value.decode() for number, value in fields(data) if isinstance(value, bytes)}
    except UnicodeDecodeError as error:
        raise Damaged(f"a text is not UTF-8: {error.reason}") from None


def inner(data: bytes, number: int) -> Iterator[bytes]:
    """The messages (or texts) that stand in the fields of this number. Raises Damaged."""
    return (value for found, value in fields(data) if found == number and isinstance(value, bytes))


def numbers(data: bytes, number: int) -> list[int]:
    """A repeated field of varints, packed or not. Raises Damaged."""
    found: list[int] = []
    for known, value in fields(data):
        if known == number and isinstance(value, int):
            found.append(value)
        elif known == number and isinstance(value, bytes):
            at = 0
            while at < len(value):
                one, at = _varint(value, at)
                found.append(one)
    return found


def signed(value: int) -> int:
    """An int32 or int64, which stands as 64 bits."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def packed(values: Iterable[int]) -> bytes:
    """What a packed field of varints holds."""
    return b"".join(_number(each & (1 << 64) - 1) for each in values)


def number(number: int, value: int) -> bytes:
    """A field of a number or of a truth; 0 is left out, as writers do."""
    return _number(number << 3 | VARINT) + packed((value,)) if value else b""


def field(number: int, content: bytes | str) -> bytes:
    """A field of text, bytes or another message; '' is left out, as writers do."""
    body = content.encode() if isinstance(content, str) else content
    if not body and isinstance(content, str):
        return b""
    return _number(number << 3 | BYTES) + _number(len(body)) + body


def _number(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
