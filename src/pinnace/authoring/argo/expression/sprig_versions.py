"""Semantic versions, as sprig compares them. Caller: `sprig`. Source: Masterminds/semver."""

from __future__ import annotations

import re
from typing import Any


def semver(version: str) -> dict[str, Any]:
    core, _, metadata = version.removeprefix("v").partition("+")
    numbers, _, prerelease = core.partition("-")
    parts = [int(part) for part in numbers.split(".")] + [0, 0]
    return {
        "Major": parts[0],
        "Minor": parts[1],
        "Patch": parts[2],
        "Prerelease": prerelease,
        "Metadata": metadata,
        "Original": version,
    }


_CONSTRAINT = re.compile(r"(=|!=|>=?|<=?|~|\^)?\s*v?(\d+)(?:\.(\d+|[x*]))?(?:\.(\d+|[x*]))?(-[\w.]+)?")


def semver_compare(constraint: str, version: str) -> bool:
    """Alternatives by `||`, all of a comma's or space's parts."""
    found = semver(version)
    mine = (found["Major"], found["Minor"], found["Patch"])
    return any(
        all(_meets(match, mine) for match in _CONSTRAINT.finditer(part)) for part in constraint.split("||")
    )


def _meets(match: re.Match[str], mine: tuple[int, int, int]) -> bool:
    given = [part for part in match.group(2, 3, 4) if part is not None and part.isdigit()]
    wanted = tuple([*map(int, given), 0, 0][:3])
    match match.group(1) or "=":
        case "=":
            return mine[: len(given)] == wanted[: len(given)]
        case "!=":
            return mine[: len(given)] != wanted[: len(given)]
        case ">":
            return mine > wanted
        case ">=":
            return mine >= wanted
        case "<":
            return mine < wanted
        case "<=":
            return mine <= wanted
        case "~":
            return mine >= wanted and mine[: min(2, len(given))] == wanted[: min(2, len(given))]
    fixed = next((at for at, number in enumerate(wanted) if number), 2) + 1  # ^: the first that is not zero
    return mine >= wanted and mine[:fixed] == wanted[:fixed]
