"""One measured figure beside what it must reach."""

from __future__ import annotations

from typing import NamedTuple


class Figure(NamedTuple):
    """`reached` is judged by the benchmark itself: it knows which way is better."""

    what: str
    target: str
    value: str
    reached: bool


def table(figures: list[Figure]) -> str:
    rows = ["| what | must reach | measured | |", "| --- | --- | --- | --- |"]
    rows += [f"| {f.what} | {f.target} | {f.value} | {'✔' if f.reached else '✘'} |" for f in figures]
    return "\n".join(rows)
