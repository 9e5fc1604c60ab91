"""An inverted index made of rows: of one kind, whose owner is a term and whose key is a document.

Keys sort as their documents are to be listed, so a page of a hundred thousand documents is a walk along the
index that all rows have, the greatest key first; nothing is kept in memory. The term of all documents holds
their bodies. Callers: the stores, for `objects/archive`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec

COMMON = 20_000
"""Documents from which on a term is no rare one."""
LAST = "\U0010ffff"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Documents of a kind. `limit` 0 is everything."""

    kind: str
    every: str
    """The term of all documents, whose rows have the bodies."""
    terms: tuple[tuple[str, ...], ...] = ()
    """Of each group a document has one term at least."""
    without: tuple[str, ...] = ()
    first: str = ""
    last: str = LAST
    """Keys from `first` to before `last`."""
    like: str = ""
    """A pattern of the key, as GLOB has it."""
    newer: tuple[tuple[str, str], ...] = ()
    """(JSON path of the body, value): what stands there is greater,"""
    older: tuple[tuple[str, str], ...] = ()
    """or less."""
    limit: int = 0
    offset: int = 0


def select(connection: sqlite3.Connection, wanted: Wanted) -> list[tuple[str, bytes]]:
    """(key, body), the greatest key first."""
    groups = [*wanted.terms]
    driver: tuple[str, ...] = (wanted.every,)
    rare = sorted((_count(connection, wanted.kind, group), group) for group in groups)
    if rare and (rare[0][0] < COMMON or len(rare[0][1]) == 1):
        driver = rare[0][1]
        groups.remove(driver)
    sql, values = _sentence(wanted, driver, groups)
    return connection.execute(sql, values).fetchall()


def _count(connection: sqlite3.Connection, kind: str, group: Sequence[str]) -> int:
    sql = f"SELECT count(*) FROM (SELECT 1 FROM rows WHERE kind=? AND owner IN ({_marks(group)}) LIMIT {COMMON})"  # noqa: S608, E501
    return int(connection.execute(sql, (kind, *group)).fetchone()[0])


def _marks(values: Sequence[str]) -> str:
    return ",".join("?" * len(values))


def _sentence(
    wanted: Wanted, driver: Sequence[str], groups: Sequence[Sequence[str]]
) -> tuple[str, list[Any]]:
    distinct = "DISTINCT" if len(driver) > 1 else ""
    where = f"d.kind=? AND d.owner IN ({_marks(driver)}) AND d.key>=? AND d.key<?"
    values: list[Any] = [wanted.kind, *driver, wanted.first, wanted.last]
    if wanted.like:
        where += " AND d.key GLOB ?"
        values.append(wanted.like)
    tests = [("EXISTS", group) for group in groups] + [("NOT EXISTS", (term,)) for term in wanted.without]
    for test, group in tests:
        where += f" AND {test} (SELECT 1 FROM rows e WHERE e.kind=? AND e.owner IN ({_marks(group)}) AND e.key=d.key)"  # noqa: S608, E501
        values += [wanted.kind, *group]
    body = "(SELECT body FROM rows b WHERE b.kind=? AND b.owner=? AND b.key={}.key)"
    for sign, bounds in ((">", wanted.newer), ("<", wanted.older)):
        for path, value in bounds:
            where += f" AND json_extract({body.format('d')}, ?){sign}?"
            values += [wanted.kind, wanted.every, path, value]
    page = f"SELECT {distinct} d.key FROM rows d WHERE {where} ORDER BY d.key DESC LIMIT ? OFFSET ?"  # noqa: S608
    values += [wanted.limit or -1, wanted.offset]
    sql = f"SELECT p.key, {body.format('p')} FROM ({page}) p ORDER BY p.key DESC"  # noqa: S608
    return sql, [wanted.kind, wanted.every, *values]


def starting(connection: sqlite3.Connection, kind: str, start: str, until: str) -> list[str]:
    """The terms that begin so, cut after `until` (one ASCII sign) if there is one; each once."""
    sql = "SELECT owner FROM rows WHERE kind=? AND owner>? ORDER BY owner LIMIT 1"
    found: list[str] = []
    after = start
    while (row := connection.execute(sql, (kind, after)).fetchone()) and row[0].startswith(start):
        term = row[0]
        place = term.find(until, len(start)) if until else -1
        found.append(term if place < 0 else term[: place + 1])
        after = term if place < 0 else term[:place] + chr(ord(until) + 1)
    return found


# ---- the same of rows in memory ---------------------------------------------------------------------------

Rows = Mapping[str, tuple[int, bytes]]


def pick(rows: Callable[[str], Rows], wanted: Wanted) -> list[tuple[str, bytes]]:
    """`rows(term)`: key → (revision, body)."""
    bodies = rows(wanted.every)
    found = [key for key in sorted(bodies, reverse=True) if _fits(rows, wanted, key, bodies[key][1])]
    end = wanted.offset + wanted.limit if wanted.limit else len(found)
    return [(key, bodies[key][1]) for key in found[wanted.offset : end]]


def _fits(rows: Callable[[str], Rows], wanted: Wanted, key: str, body: bytes) -> bool:
    if not wanted.first <= key < wanted.last or (wanted.like and not fnmatchcase(key, wanted.like)):
        return False
    if not all(any(key in rows(term) for term in group) for group in wanted.terms):
        return False
    if any(key in rows(term) for term in wanted.without):
        return False
    bounds = [*((path, value, 1) for path, value in wanted.newer),
              *((path, value, -1) for path, value in wanted.older)]
    document = msgspec.json.decode(body) if bounds else None
    return all(_beyond(_at(document, path), value, way) for path, value, way in bounds)


def _at(document: Any, path: str) -> Any:
    for name in path.removeprefix("$.").split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _beyond(found: Any, value: str, way: int) -> bool:
    return isinstance(found, str) and (found > value if way > 0 else found < value)


def cut(terms: Sequence[str], start: str, until: str) -> list[str]:
    """`starting`, of terms in memory."""
    found = {}
    for term in sorted(terms):
        if term.startswith(start) and term != start:
            place = term.find(until, len(start)) if until else -1
            found[term if place < 0 else term[: place + 1]] = True
    return [*found]
