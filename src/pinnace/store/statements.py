"""Statements of many rows each, so that few are run and all of them stay prepared.

A statement of one row would give up the interpreter lock per row, and wait for the event loop to hand
it back each time. Values are bound as str, int or bytearray where there is a choice: `sqlite3` looks for an
adapter for everything else, `bytes` and `None` included.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

LARGEST = 64


def insert(connection: sqlite3.Connection, head: str, width: int, flat: list[Any], tail: str = "") -> None:
    """`flat` holds the values of all rows one after the other, `width` a row."""
    for start, count in chunks(len(flat) // width):
        values = flat[start * width : (start + count) * width]
        connection.execute(sentence(head, width, count, tail), values)


@lru_cache(maxsize=256)
def sentence(head: str, width: int, count: int, tail: str) -> str:
    """`width` 0: plain values, as `IN (…)` takes them."""
    row = "(" + ",".join("?" * width) + ")" if width else "?"
    return f"{head} {','.join([row] * count)} {tail}"


def delete(connection: sqlite3.Connection, head: str, first: Sequence[Any], ids: Sequence[Any]) -> None:
    """`head` ends in `IN`; `first` are the values of what stands before it. `executemany` would let go of the
    interpreter lock twice a row."""
    for start, count in chunks(len(ids)):
        values = [*first, *ids[start : start + count]]
        connection.execute(sentence(f"{head} (", 0, count, ")"), values)


def chunks(rows: int) -> Iterator[tuple[int, int]]:
    """(start, count), the counts powers of two and one and a half times these."""
    start = 0
    while left := rows - start:
        if left >= LARGEST:
            count = LARGEST
        else:
            power = 1 << (left.bit_length() - 1)
            count = power + power // 2 if left >= power + power // 2 else power
        yield start, count
        start += count
