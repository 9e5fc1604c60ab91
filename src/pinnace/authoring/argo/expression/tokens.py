"""The tokens of expr-lang. Source: expr-lang/expr parser/lexer. Caller: `parser`."""

from __future__ import annotations

import re
from typing import NamedTuple

from pinnace.authoring.argo.expression.errors import ExpressionError

MAX_SOURCE = 1 << 20
WORD_OPERATORS = frozenset({"and", "or", "not", "in", "contains", "matches", "startsWith", "endsWith"})

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\r\n]+|//[^\n]*|/\*.*?\*/)
    | (?P<number>0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*)?\.\d[\d_]*(?:[eE][+-]?\d+)?
        |\d[\d_]*(?:\.(?!\.)\d*)?(?:[eE][+-]?\d+)?)
    | (?P<name>\$?[^\W\d]\w*)
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
    | (?P<operator>::|\?\.|\?\?|\.\.|==|!=|<=|>=|&&|\|\||\*\*|[-+*/%^<>!?:,.()\[\]{}|;=]|\#)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|[0-7]{3}|.)", re.DOTALL)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class Token(NamedTuple):
    """`kind`: number, name, string, operator or end. `at` is the offset in the source."""

    kind: str
    value: str
    at: int


def tokenize(source: str) -> list[Token]:
    if len(source) > MAX_SOURCE:
        raise ExpressionError(f"expression is longer than {MAX_SOURCE} characters")
    tokens: list[Token] = []
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise ExpressionError(f"unexpected character {source[at]!r} at {at} in {excerpt(source, at)}")
        kind = match.lastgroup or ""
        value = match.group()
        if kind == "string":
            value = unquote(value)
        elif kind == "name" and value in WORD_OPERATORS:
            kind = "operator"
        if kind != "space":
            tokens.append(Token(kind, value, at))
        at = match.end()
    tokens.append(Token("end", "", at))
    return tokens


def unquote(literal: str) -> str:
    body = literal[1:-1]
    if literal[0] == "`" or "\\" not in body:
        return body
    return _ESCAPE.sub(_unescape, body)


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1)
    if code[0] in "uUx" and len(code) > 1:
        return chr(int(code[1:], 16))
    if len(code) == 3:
        return chr(int(code, 8))
    return _SIMPLE.get(code, code)


def excerpt(source: str, at: int) -> str:
    return repr(source[max(0, at - 20) : at + 20])
