"""The searches of both APIs: an SQL-like condition, read once, asked of many records.

`name = 'a' AND (accuracy > 0.9 OR tags.`x y` LIKE '%z')`. What a name means is the caller's: it gets the
name's parts and answers with a value or None. Nothing is ever put into SQL. Source: the description of
`filterQuery` in the Model Registry's OpenAPI, mlflow/utils/search_utils.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from pinnace.objects.registry.records import Record

Value = Callable[[Record, tuple[str, ...]], Any]
Test = Callable[[Record], bool]

LONGEST = 6000
DEEPEST = 40
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^'\\]|\\.|'')*')
    | (?P<quoted>"(?:[^"\\]|\\.)*"|`[^`]*`)
    | (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w]))
    | (?P<op><=|>=|!=|<>|=|<|>)
    | (?P<punct>[(),.])
    | (?P<word>[^\s'"`(),.=<>!]+)
    )""",
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b, "!=": lambda a, b: a != b, "<>": lambda a, b: a != b, "<": lambda a, b: a < b,
    ">": lambda a, b: a > b, "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b,
}


class FilterError(ValueError):
    """The condition cannot be read; the text shows where."""


class Token(tuple[str, str]):
    """(kind, text)"""


def parse(text: str, value: Value) -> Test:
    """Raises FilterError. No condition holds for everything."""
    if len(text) > LONGEST:
        raise FilterError(f"the filter has more than {LONGEST} characters")
    if not text.strip():
        return lambda record: True
    reader = _Reader(text, value)
    test = reader.disjunction(0)
    if reader.peek() is not None:
        raise reader.wrong("AND, OR or the end")
    return test


def _tokens(text: str) -> Iterator[Token]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            raise FilterError(f"filter {text!r}: cannot be read from character {at + 1}")
        at = found.end()
        yield Token((str(found.lastgroup), found[str(found.lastgroup)]))


class _Reader:
    def __init__(self, text: str, value: Value) -> None:
        self.text = text
        self.value = value
        self.tokens = list(_tokens(text))
        self.at = 0

    def peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def wrong(self, wanted: str) -> FilterError:
        token = self.peek()
        found = repr(token[1]) if token else "the end"
        return FilterError(f"filter {self.text!r}: expected {wanted}, found {found}")

    def word(self, *wanted: str) -> bool:
        """Takes the next token if it is one of these words."""
        token = self.peek()
        if token is not None and token[0] == "word" and token[1].upper() in wanted:
            self.at += 1
            return True
        return False

    def punct(self, sign: str) -> bool:
        if self.peek() == ("punct", sign):
            self.at += 1
            return True
        return False

    def disjunction(self, depth: int) -> Test:
        tests = [self.conjunction(depth)]
        while self.word("OR"):
            tests.append(self.conjunction(depth))
        return tests[0] if len(tests) == 1 else lambda record: any(test(record) for test in tests)

    def conjunction(self, depth: int) -> Test:
        tests = [self.term(depth)]
        while self.word("AND"):
            tests.append(self.term(depth))
        return tests[0] if len(tests) == 1 else lambda record: all(test(record) for test in tests)

    def term(self, depth: int) -> Test:
        if depth > DEEPEST:
            raise FilterError(f"the filter has more than {DEEPEST} parentheses inside each other")
        if self.punct("("):
            inner = self.disjunction(depth + 1)
            if not self.punct(")"):
                raise self.wrong("`)`")
            return inner
        return self.comparison(self.name())

    def name(self) -> tuple[str, ...]:
        parts = []
        while True:
            token = self.peek()
            if token is None or token[0] not in ("word", "quoted", "number"):
                raise self.wrong("a name")
            self.at += 1
            parts.append(token[1][1:-1] if token[0] == "quoted" else token[1])
            if not self.punct("."):
                return tuple(parts)

    def comparison(self, name: tuple[str, ...]) -> Test:
        value = self.value
        if self.word("IS"):
            wanted = not self.word("NOT")
            if not self.word("NULL"):
                raise self.wrong("NULL")
            return lambda record: (value(record, name) is None) is wanted
        negative = self.word("NOT")
        if self.word("IN"):
            members = self.members()
            return lambda record: _among(value(record, name), members) is not negative
        if self.word("LIKE"):
            return _like(value, name, self.literal(), "(?s)", negative)
        if self.word("ILIKE"):
            return _like(value, name, self.literal(), "(?si)", negative)
        token = self.peek()
        if negative or token is None or token[0] != "op":
            raise self.wrong("one of = != < > <= >= LIKE ILIKE IN IS")
        self.at += 1
        compare, literal = _COMPARE[token[1]], self.literal()
        return lambda record: _compared(compare, value(record, name), literal)

    def members(self) -> list[Any]:
        if not self.punct("("):
            raise self.wrong("`(`")
        found = [self.literal()]
        while self.punct(","):
            found.append(self.literal())
        if not self.punct(")"):
            raise self.wrong("`)`")
        return found

    def literal(self) -> Any:
        token = self.peek()
        if token is None:
            raise self.wrong("a value")
        kind, text = token
        self.at += 1
        if kind in ("string", "quoted"):
            return re.sub(r"\\(.)", r"\1", text[1:-1]).replace("''", "'")
        if kind == "number":
            return float(text) if re.search(r"[.eE]", text) else int(text)
        if kind == "word" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        self.at -= 1
        raise self.wrong("a value")


def _compared(compare: Callable[[Any, Any], bool], own: Any, literal: Any) -> bool:
    """What is not there is unlike everything and equal to nothing."""
    if own is None:
        return False
    if isinstance(own, bool) != isinstance(literal, bool) or isinstance(own, str) != isinstance(literal, str):
        own, literal = _alike(own), _alike(literal)
    try:
        return compare(own, literal)
    except TypeError:
        return False


def _alike(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _among(own: Any, members: list[Any]) -> bool:
    return own is not None and any(_compared(_COMPARE["="], own, member) for member in members)


def _like(value: Value, name: tuple[str, ...], literal: Any, flags: str, negative: bool) -> Test:
    """`%` is any text, `_` any character; everything else is itself."""
    import re2  # in linear time, whatever the pattern

    pattern = "".join(".*" if c == "%" else "." if c == "_" else re2.escape(c) for c in str(literal))
    compiled = re2.compile(flags + pattern)

    def test(record: Record) -> bool:
        own = value(record, name)
        return own is not None and (compiled.fullmatch(str(own)) is not None) is not negative

    return test
