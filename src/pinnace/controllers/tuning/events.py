"""The scalars of TensorFlow's event files, read without TensorFlow.

A file is a run of records (length, checksum, data, checksum); each datum is an `Event` protobuf, of which
wall_time (1), and summary (5) with its values' tag (1), simple_value (2) and tensor (8) are read. A record
that is not whole yet ends the reading: the file grows. Called by `collectors`. Source: tensorflow
core/lib/io/record_writer.cc, core/util/event.proto, core/framework/{summary,tensor,types}.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

Field = tuple[int, int, int, bytes]
"""Number, wire type, the number it holds, the bytes it holds."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FORMATS = {1: "<f", 2: "<d", 3: "<i", 9: "<q"}
"""DataType → how one element lies in tensor_content."""


def scalars(path: Path) -> Iterator[tuple[float, str, float]]:
    """(wall time, tag, value) in the file's order. A damaged file ends where it is damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return
    try:
        for record in _records(data):
            yield from _of_event(record)
    except (struct.error, IndexError, ValueError):
        return


def _records(data: bytes) -> Iterator[bytes]:
    at = 0
    while at + 12 <= len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        end = at + 12 + length
        if end + 4 > len(data):
            return
        yield data[at + 12 : end]
        at = end + 4


def _of_event(data: bytes) -> Iterator[tuple[float, str, float]]:
    moment, summaries = 0.0, []
    for number, wire, _, content in _fields(data):
        if number == 1 and wire == _FIXED64:
            (moment,) = struct.unpack("<d", content)
        elif number == 5 and wire == _BYTES:
            summaries.append(content)
    for summary in summaries:
        for number, _, _, content in _fields(summary):
            if number == 1 and (found := _of_value(content)) is not None:
                yield moment, *found


def _of_value(data: bytes) -> tuple[str, float] | None:
    tag, value = "", None
    for number, wire, _, content in _fields(data):
        if number == 1:
            tag = content.decode(errors="replace")
        elif number == 2 and wire == _FIXED32:
            (value,) = struct.unpack("<f", content)
        elif number == 8:
            value = _of_tensor(content)
    return None if value is None else (tag, float(value))


def _of_tensor(data: bytes) -> float | None:
    """The element of a scalar tensor: in tensor_content (4) or in its type's own field."""
    kind, found = 0, None
    for number, wire, whole, content in _fields(data):
        if number == 1:
            kind = whole
        elif number == 4 and content and kind in _FORMATS:
            (found,) = struct.unpack_from(_FORMATS[kind], content)
        elif number in (5, 6):
            (found,) = struct.unpack_from("<f" if number == 5 else "<d", content)
        elif number in (7, 10) and wire == _VARINT:
            found = whole
    return None if found is None else float(found)


def _fields(data: bytes) -> Iterator[Field]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        whole, content = 0, b""
        if wire == _VARINT:
            whole, at = _varint(data, at)
        elif wire == _BYTES:
            length, at = _varint(data, at)
            content, at = data[at : at + length], at + length
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
            content, at = data[at : at + size], at + size
        else:
            raise ValueError(f"wire type {wire}")
        yield number, wire, whole, content


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
