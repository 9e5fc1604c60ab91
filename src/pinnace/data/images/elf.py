"""What an ELF file asks the loader for: its interpreter, its libraries, where it looks for them first.

Used by `host`, which gathers the libraries that a program needs into an image. Only 64-bit little-endian
files are read (x86-64, arm64, riscv64); anything else is no program of this machine.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

LOAD, DYNAMIC, INTERPRETER = 1, 2, 3
NEEDED, STRINGS, RPATH, RUNPATH = 1, 5, 15, 29
HEADER_LIMIT = 1 << 20


class Elf(NamedTuple):
    interpreter: str = ""
    needed: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    """RUNPATH and RPATH, `$ORIGIN` as it stands."""


class _Segment(NamedTuple):
    kind: int
    offset: int
    address: int
    size: int


def read(path: Path) -> Elf | None:
    """None: it is no ELF file, or a damaged one."""
    with path.open("rb") as file:
        if file.read(6) != b"\x7fELF\x02\x01":
            return None
        try:
            return _read(file)
        except (struct.error, ValueError, IndexError):
            return None


def _read(file: BinaryIO) -> Elf:
    segments = list(_segments(file))
    interpreter = ""
    entries: list[tuple[int, int]] = []
    for segment in segments:
        if segment.kind == INTERPRETER:
            interpreter = _at(file, segment.offset, min(segment.size, 4096)).rstrip(b"\0").decode()
        elif segment.kind == DYNAMIC:
            body = _at(file, segment.offset, min(segment.size, HEADER_LIMIT))
            entries = [entry for entry in struct.iter_unpack("<qQ", body[: len(body) // 16 * 16]) if entry[0]]
    strings = _strings(file, segments, entries)
    needed = tuple(strings(value) for tag, value in entries if tag == NEEDED)
    lists = [strings(value) for tag, value in entries if tag in (RUNPATH, RPATH)]
    return Elf(interpreter, needed, tuple(place for text in lists for place in text.split(":") if place))


def _segments(file: BinaryIO) -> list[_Segment]:
    header = _at(file, 0, 64)
    offset, = struct.unpack_from("<Q", header, 32)
    size, count = struct.unpack_from("<HH", header, 54)
    found = []
    for number in range(count):
        entry = _at(file, offset + number * size, 56)
        kind, _flags, start, address, _physical, length = struct.unpack_from("<IIQQQQ", entry)
        found.append(_Segment(kind, start, address, length))
    return found


def _strings(
    file: BinaryIO, segments: list[_Segment], entries: list[tuple[int, int]]
) -> Callable[[int], str]:
    address = next((value for tag, value in entries if tag == STRINGS), 0)
    base = next(
        (s.offset + address - s.address for s in segments
         if s.kind == LOAD and s.address <= address < s.address + s.size),
        0,
    )

    def string(index: int) -> str:
        return _at(file, base + index, 4096).split(b"\0", 1)[0].decode()

    return string


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)
