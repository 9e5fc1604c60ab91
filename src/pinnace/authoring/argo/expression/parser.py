"""expr-lang text to a tree. Source of the grammar: expr-lang/expr docs/language-definition.md.

Precedence climbing; every node is immutable, so a compiled expression is shared by all its evaluations.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from pinnace.authoring.argo.expression.errors import BudgetExceeded, ExpressionError
from pinnace.authoring.argo.expression.tokens import Token, excerpt, tokenize

MAX_DEPTH = 150
LONGEST = 16_384
"""Characters: what can be parsed in a fraction of a second."""

PREDICATES = frozenset(
    {
        "all",
        "none",
        "any",
        "one",
        "filter",
        "map",
        "count",
        "find",
        "findIndex",
        "findLast",
        "findLastIndex",
        "groupBy",
        "sortBy",
        "reduce",
        "sum",
    }
)
BINARY = {
    "|": 0,
    "||": 10,
    "or": 10,
    "&&": 15,
    "and": 15,
    "==": 20,
    "!=": 20,
    "<": 20,
    ">": 20,
    "<=": 20,
    ">=": 20,
    "in": 20,
    "matches": 20,
    "contains": 20,
    "startsWith": 20,
    "endsWith": 20,
    "..": 25,
    "+": 30,
    "-": 30,
    "*": 60,
    "/": 60,
    "%": 60,
    "**": 100,
    "^": 100,
    "??": 500,
}
UNARY = {"not": 50, "!": 50, "-": 90, "+": 90}
NEGATABLE = frozenset({"in", "matches", "contains", "startsWith", "endsWith"})
CONSTANTS = {"true": True, "false": False, "nil": None}


class Tree(msgspec.Struct, frozen=True):
    """A node of a parsed expression."""


class Literal(Tree, frozen=True):
    value: Any


class Name(Tree, frozen=True):
    name: str


class Pointer(Tree, frozen=True):
    """`#` (the element of the running predicate), `#acc` or `#index`."""

    name: str = ""


class Member(Tree, frozen=True):
    of: Tree
    key: Tree
    optional: bool = False


class Slice(Tree, frozen=True):
    of: Tree
    start: Tree | None
    stop: Tree | None


class Call(Tree, frozen=True):
    function: Tree
    args: tuple[Tree, ...]


class Unary(Tree, frozen=True):
    op: str
    operand: Tree


class Binary(Tree, frozen=True):
    op: str
    left: Tree
    right: Tree


class Conditional(Tree, frozen=True):
    test: Tree
    yes: Tree
    no: Tree


class ListOf(Tree, frozen=True):
    items: tuple[Tree, ...]


class MapOf(Tree, frozen=True):
    pairs: tuple[tuple[Tree, Tree], ...]


class Let(Tree, frozen=True):
    name: str
    value: Tree
    body: Tree


class Sequence(Tree, frozen=True):
    """`first; then`: both are evaluated, the second is the value."""

    first: Tree
    then: Tree


class Closure(Tree, frozen=True):
    """The predicate of a built-in: evaluated once an element with `#` bound."""

    body: Tree


@lru_cache(maxsize=2048)
def parse(source: str) -> Tree:
    """Raises ExpressionError with the place."""
    if len(source) > LONGEST:
        raise BudgetExceeded(f"expression has {len(source)} characters; at most {LONGEST} are read")
    return _Parser(source).whole()


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = tokenize(source)
        self.at = 0
        self.depth = 0
        self.closures = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def whole(self) -> Tree:
        tree = self.sequence()
        if self.token.kind != "end":
            raise self.unexpected()
        return tree

    def unexpected(self) -> ExpressionError:
        token = self.token
        what = "end of expression" if token.kind == "end" else f"token {token.value!r}"
        return ExpressionError(f"unexpected {what} at {token.at} in {excerpt(self.source, token.at)}")

    def is_op(self, *values: str) -> bool:
        return self.token.kind == "operator" and self.token.value in values

    def take(self, value: str) -> bool:
        if self.is_op(value):
            self.at += 1
            return True
        return False

    def expect(self, value: str) -> None:
        if not self.take(value):
            raise self.unexpected()

    def sequence(self) -> Tree:
        if self.token.kind == "name" and self.token.value == "let":
            return self.let()
        first = self.expression(0)
        if self.take(";") and self.token.kind != "end" and not self.is_op(")", "}"):
            return Sequence(first, self.sequence())
        return first

    def let(self) -> Tree:
        self.at += 1
        name = self.token
        if name.kind != "name":
            raise self.unexpected()
        self.at += 1
        self.expect("=")
        value = self.expression(0)
        self.expect(";")
        return Let(name.value, value, self.sequence())

    def expression(self, precedence: int) -> Tree:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(f"expression is nested deeper than {MAX_DEPTH}")
        left = self.unary()
        while self.token.kind == "operator":
            extended = self.binary(left, precedence)
            if extended is None:
                break
            left = extended
        if precedence == 0 and self.take("?"):
            left = self.conditional(left)
        self.depth -= 1
        return left

    def branches(self) -> Tree:
        """`if test { … } else { … }`, or `else if …`."""
        self.at += 1
        test = self.expression(0)
        yes = self.block()
        if not (self.token.kind == "name" and self.token.value == "else"):
            raise self.unexpected()
        self.at += 1
        again = self.token.kind == "name" and self.token.value == "if"
        return Conditional(test, yes, self.branches() if again else self.block())

    def block(self) -> Tree:
        self.expect("{")
        body = self.sequence()
        self.expect("}")
        return body

    def conditional(self, test: Tree) -> Tree:
        if self.take(":"):
            return Conditional(test, test, self.expression(0))
        yes = self.expression(0)
        self.expect(":")
        return Conditional(test, yes, self.expression(0))

    def binary(self, left: Tree, precedence: int) -> Tree | None:
        start = self.at
        negated = self.take("not")
        op = self.token.value if self.token.kind == "operator" else ""
        level = BINARY.get(op)
        if level is None or level < precedence or (negated and op not in NEGATABLE):
            self.at = start
            return None
        self.at += 1
        if op == "|":
            return self.pipe(left)
        right = self.expression(level if op in ("**", "^") else level + 1)
        tree: Tree = Binary(op, left, right)
        return Unary("not", tree) if negated else tree

    def pipe(self, left: Tree) -> Tree:
        name = self.token
        if name.kind != "name":
            raise self.unexpected()
        self.at += 1
        self.expect("(")
        return self.postfix(self.call(Name(name.value), (left,)))

    def unary(self) -> Tree:
        if self.token.kind == "operator" and self.token.value in UNARY:
            op = self.token.value
            self.at += 1
            return Unary("not" if op == "!" else op, self.expression(UNARY[op]))
        return self.postfix(self.primary())

    def primary(self) -> Tree:
        token = self.token
        if token.kind == "number":
            self.at += 1
            return Literal(number(token.value))
        if token.kind == "string":
            self.at += 1
            return Literal(token.value)
        if token.kind == "name" and token.value == "if":
            return self.branches()
        if token.kind == "name":
            self.at += 1
            return Literal(CONSTANTS[token.value]) if token.value in CONSTANTS else Name(token.value)
        return self.bracketed(token.value)

    def bracketed(self, value: str) -> Tree:
        if self.take("("):
            tree = self.sequence()
            self.expect(")")
            return tree
        if self.take("["):
            return ListOf(self.items("]"))
        if self.take("{"):
            return self.mapping()
        if self.take("::"):
            name = self.token
            if name.kind != "name":
                raise self.unexpected()
            self.at += 1
            return Name(f"::{name.value}")
        if self.closures and self.take("#"):
            return self.pointer()
        if self.closures and value == ".":
            return Pointer()
        raise self.unexpected()

    def pointer(self) -> Tree:
        if self.token.kind == "name" and self.token.at == self.tokens[self.at - 1].at + 1:
            self.at += 1
            return Pointer(self.tokens[self.at - 1].value)
        return Pointer()

    def mapping(self) -> Tree:
        pairs: list[tuple[Tree, Tree]] = []
        while not self.take("}"):
            pairs.append(self.pair())
            if not self.is_op("}"):
                self.expect(",")
        return MapOf(tuple(pairs))

    def pair(self) -> tuple[Tree, Tree]:
        token = self.token
        if token.kind in ("name", "string", "number"):
            self.at += 1
            key: Tree = Literal(token.value)
        else:
            self.expect("(")
            key = self.expression(0)
            self.expect(")")
        self.expect(":")
        return key, self.expression(0)

    def items(self, close: str) -> tuple[Tree, ...]:
        items: list[Tree] = []
        while not self.take(close):
            items.append(self.expression(0))
            if not self.is_op(close):
                self.expect(",")
        return tuple(items)

    def postfix(self, tree: Tree) -> Tree:
        while self.token.kind == "operator":
            if self.is_op(".", "?."):
                tree = self.member(tree)
            elif self.take("["):
                tree = self.index(tree, optional=False)
            elif self.take("("):
                tree = self.call(tree, ())
            else:
                break
        return tree

    def member(self, tree: Tree) -> Tree:
        optional = self.token.value == "?."
        self.at += 1
        if optional and self.take("["):
            return self.index(tree, optional=True)
        token = self.token
        if token.kind != "name" and not (token.kind == "operator" and token.value.isalpha()):
            raise self.unexpected()
        self.at += 1
        return Member(tree, Literal(token.value), optional)

    def index(self, tree: Tree, *, optional: bool) -> Tree:
        start = None if self.is_op(":") else self.expression(0)
        if self.take(":"):
            stop = None if self.is_op("]") else self.expression(0)
            self.expect("]")
            return Slice(tree, start, stop)
        self.expect("]")
        if start is None:
            raise self.unexpected()
        return Member(tree, start, optional)

    def call(self, function: Tree, first: tuple[Tree, ...]) -> Tree:
        args = list(first)
        while not self.take(")"):
            named = function.name.removeprefix("::") if isinstance(function, Name) else ""
            predicate = named in PREDICATES and len(args) == 1
            args.append(self.closure() if predicate else self.expression(0))
            if not self.is_op(")"):
                self.expect(",")
        return Call(function, tuple(args))

    def closure(self) -> Tree:
        self.closures += 1
        braces = self.take("{")
        body = self.sequence()
        if braces:
            self.expect("}")
        self.closures -= 1
        return Closure(body)


def number(literal: str) -> int | float:
    clean = literal.replace("_", "")
    if clean[:2].lower() in ("0x", "0o", "0b"):
        return int(clean, 0)
    if "." in clean or "e" in clean or "E" in clean:
        return float(clean)
    return int(clean)
