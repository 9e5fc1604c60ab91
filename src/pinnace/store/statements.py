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


@lru_cache(maxsize=64)
def sentence(head: str, width: int, count: int, tail: str) -> str:
    row = "(" + ",".join("?" * width) + ")"
    return f"{head} {','.join([row] * count)} {tail}"


def many(connection: sqlite3.Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        connection.executemany(sql, rows)


def chunks(rows: int) -> Iterator[tuple[int, int]]:
    """(start, count), the counts powers of two."""
    start = 0
    while start < rows:
        count = min(LARGEST, 1 << ((rows - start).bit_length() - 1))
        yield start, count
        start += count
