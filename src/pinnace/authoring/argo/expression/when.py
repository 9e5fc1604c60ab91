"""`when`: govaluate's rules, not expr-lang's. Barewords are strings, numbers are floats.

Source: Knetic/govaluate MANUAL.md; argoproj/argo-workflows workflow/controller/operator.go shouldExecute.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.authoring.argo.expression.patterns import compiled
from pinnace.authoring.argo.expression.times import float_text

HINT = ' (hint: try wrapping the affected expression in quotes ("))'

_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<number>0x[0-9a-fA-F]+|\d+(?:\.\d+)*(?:[eE][+-]?\d+)?)
    | (?P<word>[^\W\d]\w*(?:\.\w+)*)
    | (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    | (?P<bracket>\[[^\]]*\])
    | (?P<op>==|!=|<=|>=|=~|!~|&&|\|\||\*\*|<<|>>|\?\?|[-+*/%<>!?:,()&|^~])
    """,
    re.VERBOSE | re.DOTALL,
)

Value = Any
Eval = Callable[[], Value]


class _Token(NamedTuple):
    kind: str
    value: Any


class WhenError(Exception):
    """The condition cannot be read or does not give a bool; the message is upstream's."""


def passes(condition: str) -> bool:
    """An empty condition passes. Raises WhenError."""
    if not condition:
        return True
    verdict = _judge(condition)
    if isinstance(verdict, WhenError):
        raise verdict
    return verdict


@lru_cache(maxsize=4096)
def _judge(condition: str) -> bool | WhenError:
    try:
        parser = _Parser(_tokens(condition))
        evaluate = parser.whole()
    except ExpressionError as error:
        hint = HINT if "Invalid token" in str(error) or "transition" in str(error) else ""
        return WhenError(f"Invalid 'when' expression '{condition}': {error}{hint}")
    except RecursionError:
        return WhenError(f"Invalid 'when' expression '{condition[:200]}…': nested too deeply")
    try:
        value = evaluate()
    except ExpressionError as error:
        return WhenError(f"Failed to evaluate 'when' expresion '{condition}': {error}")
    except RecursionError:
        return WhenError(f"Failed to evaluate 'when' expresion '{condition[:200]}…': nested too deeply")
    if not isinstance(value, bool):
        return WhenError(f"Expected boolean evaluation for '{condition}'. Got {_shown(value)}")
    return value


def _shown(value: Value) -> str:
    return float_text(value) if isinstance(value, float) else str(value)


def _tokens(source: str) -> list[_Token]:
    if len(source) > 262_144:
        raise ExpressionError("condition is too long")
    tokens: list[_Token] = []
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            quote = source[at] in "'\""
            raise ExpressionError("Unclosed string literal" if quote else f"Invalid token: '{source[at]}'")
        kind, value = match.lastgroup or "", match.group()
        if kind != "space":
            tokens.append(_token(kind, value))
        at = match.end()
    return tokens


def _token(kind: str, value: str) -> _Token:
    if kind == "number":
        try:
            return _Token("value", float(int(value, 16)) if value.startswith("0x") else float(value))
        except ValueError:
            raise ExpressionError(f"Unable to parse numeric value '{value}' to float64") from None
    if kind == "string":
        return _Token("value", re.sub(r"\\(.)", r"\1", value[1:-1]))
    if kind == "bracket":
        return _Token("value", value[1:-1])
    if kind == "word" and value in ("true", "false"):
        return _Token("value", value == "true")
    if kind == "word" and value in ("in", "IN"):
        return _Token("op", "in")
    return _Token("value" if kind == "word" else "op", value)


_LEVELS: tuple[frozenset[str], ...] = (
    frozenset({"||"}),
    frozenset({"&&"}),
    frozenset({"==", "!=", "<", "<=", ">", ">=", "=~", "!~", "in"}),
    frozenset({"&", "|", "^"}),
    frozenset({"<<", ">>"}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "%"}),
    frozenset({"**"}),
)


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.at = 0

    def peek(self) -> str:
        token = self.tokens[self.at] if self.at < len(self.tokens) else _Token("op", "")
        return token.value if token.kind == "op" else ""

    def whole(self) -> Eval:
        if not self.tokens:
            raise ExpressionError("Unexpected end of expression")
        found = self.ternary()
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            raise ExpressionError(f"Cannot transition token types from value to {token.kind} [{token.value}]")
        return found

    def ternary(self) -> Eval:
        test = self.level(0)
        while self.peek() in ("?", "??"):
            op = self.tokens[self.at].value
            self.at += 1
            yes = self.level(0)
            if op == "??":
                continue
            no: Eval | None = None
            if self.peek() == ":":
                self.at += 1
                no = self.ternary()
            test = _ternary(test, yes, no)
        return test

    def level(self, level: int) -> Eval:
        if level == len(_LEVELS):
            return self.prefix()
        left = self.level(level + 1)
        while self.peek() in _LEVELS[level]:
            op = self.tokens[self.at].value
            self.at += 1
            left = _infix(op, left, self.level(level + 1))
        return left

    def prefix(self) -> Eval:
        if self.peek() in ("!", "-", "~"):
            op = self.tokens[self.at].value
            self.at += 1
            return _prefix(op, self.prefix())
        return self.value()

    def value(self) -> Eval:
        if self.at >= len(self.tokens):
            raise ExpressionError("Unexpected end of expression")
        token = self.tokens[self.at]
        self.at += 1
        if token.kind == "value":
            return lambda: token.value
        if token.value != "(":
            raise ExpressionError(f"Cannot transition token types from {token.value} to a value")
        return self.clause()

    def clause(self) -> Eval:
        items: list[Eval] = []
        while self.peek() != ")":
            items.append(self.ternary())
            if self.peek() == ",":
                self.at += 1
            elif self.peek() != ")":
                raise ExpressionError("Unbalanced parenthesis")
        self.at += 1
        if len(items) == 1:
            return items[0]
        return lambda: [item() for item in items]


def _ternary(test: Eval, yes: Eval, no: Eval | None) -> Eval:
    return lambda: yes() if _bool(test(), "?") else (no() if no else None)


def _prefix(op: str, operand: Eval) -> Eval:
    if op == "!":
        return lambda: not _bool(operand(), "!")
    if op == "-":
        return lambda: -_number(operand(), "-")
    return lambda: float(~int(_number(operand(), "~")))


def _infix(op: str, left: Eval, right: Eval) -> Eval:
    if op == "&&":
        return lambda: _bool(left(), op) and _bool(right(), op)
    if op == "||":
        return lambda: _bool(left(), op) or _bool(right(), op)
    return lambda: _OPERATORS[op](left(), right())


def _bool(value: Value, op: str) -> bool:
    if not isinstance(value, bool):
        raise ExpressionError(
            f"Value '{_shown(value)}' cannot be used with the logical operator '{op}', it is not a bool"
        )
    return value


def _number(value: Value, op: str) -> float:
    if not isinstance(value, float):
        raise ExpressionError(
            f"Value '{_shown(value)}' cannot be used with the modifier '{op}', it is not a number"
        )
    return value


def _same(left: Value, right: Value) -> bool:
    return type(left) is type(right) and bool(left == right)


def _compare(op: str, test: Callable[[Any, Any], bool]) -> Callable[[Value, Value], bool]:
    def compare(left: Value, right: Value) -> bool:
        if type(left) is not type(right) or not isinstance(left, float | str):
            raise ExpressionError(
                f"Value '{_shown(left)}' cannot be used with the comparator '{op}', it is not a number"
            )
        return test(left, right)

    return compare


def _arithmetic(op: str, calculate: Callable[[float, float], float]) -> Callable[[Value, Value], float]:
    return lambda left, right: calculate(_number(left, op), _number(right, op))


def _divide(left: float, right: float) -> float:
    if right == 0:
        raise ExpressionError("division by zero")
    return left / right


def _add(left: Value, right: Value) -> Value:
    if isinstance(left, str) or isinstance(right, str):
        return f"{_shown(left)}{_shown(right)}"
    return _number(left, "+") + _number(right, "+")


def _member(left: Value, right: Value) -> bool:
    return any(_same(left, item) for item in (right if isinstance(right, list) else [right]))


def _matches(left: Value, right: Value) -> bool:
    if not isinstance(left, str) or not isinstance(right, str):
        raise ExpressionError(
            f"Value '{_shown(left)}' cannot be used with the comparator '=~', it is not a string"
        )
    return compiled(right).search(left) is not None


_OPERATORS: dict[str, Callable[[Value, Value], Value]] = {
    "==": _same,
    "!=": lambda left, right: not _same(left, right),
    "<": _compare("<", lambda a, b: a < b),
    "<=": _compare("<=", lambda a, b: a <= b),
    ">": _compare(">", lambda a, b: a > b),
    ">=": _compare(">=", lambda a, b: a >= b),
    "=~": _matches,
    "!~": lambda left, right: not _matches(left, right),
    "in": _member,
    "+": _add,
    "-": _arithmetic("-", lambda a, b: a - b),
    "*": _arithmetic("*", lambda a, b: a * b),
    "/": _arithmetic("/", _divide),
    "%": _arithmetic("%", lambda a, b: math.fmod(a, b) if b else _divide(a, b)),
    "**": _arithmetic("**", lambda a, b: float(a**b)),
    "&": _arithmetic("&", lambda a, b: float(int(a) & int(b))),
    "|": _arithmetic("|", lambda a, b: float(int(a) | int(b))),
    "^": _arithmetic("^", lambda a, b: float(int(a) ^ int(b))),
    "<<": _arithmetic("<<", lambda a, b: float(int(a) << min(int(b), 64))),
    ">>": _arithmetic(">>", lambda a, b: float(int(a) >> int(b))),
}
