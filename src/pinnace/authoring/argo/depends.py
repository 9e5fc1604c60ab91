"""`depends`: a boolean expression over finished tasks. Source: upstream docs/enhanced-depends-logic.md.

Compiled once a template; evaluated when every task that it names is settled. `dependencies: [A, B]` is `A
&& B`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pinnace.kinds.argo import ContinueOn, Task

RESULTS = frozenset(
    {
        "Succeeded",
        "Failed",
        "Errored",
        "Skipped",
        "Omitted",
        "Daemoned",
        "AnySucceeded",
        "AllFailed",
    }
)
_TOKEN = re.compile(r"\s*(?:(&&|\|\||!|\(|\))|([A-Za-z0-9_][A-Za-z0-9_-]*)(?:\.([A-Za-z]+))?)")

Results = Mapping[str, frozenset[str]]
"""Of each settled task, which of RESULTS hold."""
Test = Callable[[Results], bool]


class DependsError(Exception):
    """The expression cannot be read; the message names the place."""


class Depends:
    """`tasks` in order of first mention."""

    __slots__ = ("tasks", "test", "uses")

    def __init__(self, test: Test, tasks: tuple[str, ...], uses: tuple[tuple[str, str], ...]) -> None:
        self.test = test
        self.tasks = tasks
        self.uses = uses


def of_task(task: Task, siblings: Mapping[str, Task]) -> Depends:
    source = task.depends or " && ".join(task.dependencies or [])
    return parse(source, {name: other.continue_on for name, other in siblings.items()})


def parse(source: str, continues: Mapping[str, ContinueOn | None]) -> Depends:
    """Raises DependsError. An empty source depends on nothing and holds."""
    if not source.strip():
        return Depends(lambda _results: True, (), ())
    parser = _Parser(source, continues)
    test = parser.whole()
    return Depends(test, tuple(dict.fromkeys(name for name, _ in parser.uses)), tuple(parser.uses))


class _Parser:
    def __init__(self, source: str, continues: Mapping[str, ContinueOn | None]) -> None:
        self.source = source
        self.continues = continues
        self.tokens: list[tuple[str, str, str]] = []
        self.uses: list[tuple[str, str]] = []
        self.at = 0
        position = 0
        while source[position:].strip():
            match = _TOKEN.match(source, position)
            if match is None:
                raise DependsError(f"unexpected {source[position:].strip()[0]!r} in {source!r}")
            self.tokens.append((match[1] or "", match[2] or "", match[3] or ""))
            position = match.end()

    def op(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def whole(self) -> Test:
        test = self.either()
        if self.at < len(self.tokens):
            raise DependsError(f"unexpected {''.join(self.tokens[self.at])!r} in {self.source!r}")
        return test

    def either(self) -> Test:
        tests = [self.both()]
        while self.op() == "||":
            self.at += 1
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda results: any(test(results) for test in tests)

    def both(self) -> Test:
        tests = [self.single()]
        while self.op() == "&&":
            self.at += 1
            tests.append(self.single())
        return tests[0] if len(tests) == 1 else lambda results: all(test(results) for test in tests)

    def single(self) -> Test:
        if self.at >= len(self.tokens):
            raise DependsError(f"a task name is missing at the end of {self.source!r}")
        op, name, result = self.tokens[self.at]
        self.at += 1
        if op == "!":
            inner = self.single()
            return lambda results: not inner(results)
        if op == "(":
            inner = self.either()
            if self.op() != ")":
                raise DependsError(f"a closing parenthesis is missing in {self.source!r}")
            self.at += 1
            return inner
        if op:
            raise DependsError(f"unexpected {op!r} in {self.source!r}")
        return self.task(name, result)

    def task(self, name: str, result: str) -> Test:
        if result and result not in RESULTS:
            raise DependsError(f"task result '{result}' for task '{name}' is invalid")
        self.uses.append((name, result))
        if result:
            return lambda results: result in results[name]
        wanted = _satisfying(self.continues.get(name))
        return lambda results: not wanted.isdisjoint(results[name])


def _satisfying(continue_on: ContinueOn | None) -> frozenset[str]:
    wanted = {"Succeeded", "Skipped", "Daemoned"}
    if continue_on is not None and continue_on.failed:
        wanted.add("Failed")
    if continue_on is not None and continue_on.error:
        wanted.add("Errored")
    return frozenset(wanted)


_FLAGS = {"Error": "Errored"}


def results(phase: str, *, daemoned: bool = False, members: list[str] | None = None) -> frozenset[str]:
    """What holds of a settled task. `members`: the phases of its expanded children, if it is a loop."""
    found: set[Any] = {_FLAGS.get(phase, phase)}
    if daemoned:
        found = {"Daemoned"} | (found - {"Running", "Pending"})
    if members is not None:
        if "Succeeded" in members:
            found.add("AnySucceeded")
        if members and all(member in ("Failed", "Error") for member in members):
            found.add("AllFailed")
    return frozenset(found)
