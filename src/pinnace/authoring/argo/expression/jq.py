"""jq filters, as resource templates use them to read outputs off an object. Source: the jq manual.

The language without definitions, `foreach`, `limit` and streams: paths, pipes, operators, conditionals,
constructors, `as`, `reduce`, string interpolation, formats and the built-ins that read and reshape JSON. A
filter is compiled into closures from a value to the values it makes; each evaluation has a budget of steps.
Caller: `controllers/workflow/resources`.
"""

from __future__ import annotations

import re
from typing import Any

from pinnace.authoring.argo.expression import jq_filters as filters
from pinnace.authoring.argo.expression.errors import BudgetExceeded, ExpressionError
from pinnace.authoring.argo.expression.jq_builtins import FORMATS, JqError, text_of
from pinnace.authoring.argo.expression.jq_filters import Budget, Filter

LONGEST = 20_000
MAX_DEPTH = 200
_TOKEN = re.compile(
    r"""
      (?P<space>\s+|\#[^\n]*)
    | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
    | (?P<field>\.[A-Za-z_]\w*)
    | (?P<name>[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*)
    | (?P<variable>\$[A-Za-z_]\w*)
    | (?P<format>@[a-z0-9]+)
    | (?P<string>")
    | (?P<operator>\.\.|//|==|!=|<=|>=|[-.|,+*/%<>()\[\]{}:;?])
    """,
    re.VERBOSE,
)


def run(source: str, document: Any) -> list[Any]:
    """Every value that the filter makes. Raises ExpressionError."""
    if len(source) > LONGEST:
        raise BudgetExceeded(f"jqFilter has {len(source)} characters; at most {LONGEST} are read")
    try:
        return list(_Parser(source).whole()(document, {}, Budget()))
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise ExpressionError(f"failed to process jq filter: {error}") from None
    except JqError as error:
        raise ExpressionError(f"failed to process jq filter: {text_of(error.value)}") from None
    except RecursionError:
        raise BudgetExceeded("jqFilter is nested too deeply") from None


class Token:
    __slots__ = ("at", "kind", "value")

    def __init__(self, kind: str, value: Any, at: int) -> None:
        self.kind, self.value, self.at = kind, value, at


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.depth = 0
        self.token = self.next()

    # ---- tokens ------------------------------------------------------------------------------------------

    def next(self) -> Token:
        while self.at < len(self.source):
            match = _TOKEN.match(self.source, self.at)
            if match is None:
                raise ExpressionError(f"jqFilter: unexpected {self.source[self.at]!r} at {self.at}")
            start, self.at = self.at, match.end()
            kind = match.lastgroup or ""
            if kind == "string":
                return Token("string", self.string(), start)
            if kind != "space":
                return Token(kind, match.group(), start)
        return Token("end", "", self.at)

    def string(self) -> list[str | Filter]:
        """The parts of a string: its text, and the filters of `\\(…)`."""
        parts: list[str | Filter] = []
        text = ""
        while True:
            if self.at >= len(self.source):
                raise ExpressionError("jqFilter: a string is not closed")
            char = self.source[self.at]
            self.at += 1
            if char == '"':
                return [*parts, text]
            if char != "\\":
                text += char
                continue
            code = self.source[self.at : self.at + 1]
            self.at += 1
            if code == "(":
                self.token = self.next()
                inner = self.pipe()
                if not self.token.value == ")":
                    raise self.unexpected()
                parts += [text, inner]
                text = ""
            elif code == "u":
                text += chr(int(self.source[self.at : self.at + 4] or "0", 16))
                self.at += 4
            else:
                text += {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}.get(code, code)

    def unexpected(self) -> ExpressionError:
        what = "the end" if self.token.kind == "end" else repr(self.token.value)
        return ExpressionError(f"jqFilter: unexpected {what} at {self.token.at} in {self.source[:80]!r}")

    def is_(self, *values: str) -> bool:
        return self.token.kind in ("operator", "name") and self.token.value in values

    def take(self, *values: str) -> bool:
        if self.is_(*values):
            self.token = self.next()
            return True
        return False

    def expect(self, value: str) -> None:
        if not self.take(value):
            raise self.unexpected()

    def advance(self) -> Any:
        value = self.token.value
        self.token = self.next()
        return value

    # ---- grammar -----------------------------------------------------------------------------------------

    def whole(self) -> Filter:
        made = self.pipe()
        if self.token.kind != "end":
            raise self.unexpected()
        return made

    def pipe(self) -> Filter:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise BudgetExceeded("jqFilter is nested too deeply")
        left = self.comma()
        if self.take("|"):
            left = filters.piped(left, self.pipe())
        self.depth -= 1
        return left

    def comma(self) -> Filter:
        left = self.binary(0)
        while self.take(","):
            left = filters.both(left, self.binary(0))
        return left

    def binary(self, level: int) -> Filter:
        if level == len(_LEVELS):
            return self.postfix()
        left = self.binary(level + 1)
        while self.is_(*_LEVELS[level]):
            op = self.advance()
            right = self.binary(level if op == "//" else level + 1)
            left = (
                filters.OPERATORS[op](left, right)
                if op in filters.OPERATORS
                else filters.calculated(op, left, right)
            )
        return left

    def postfix(self) -> Filter:
        made = self.term()
        while True:
            if self.token.kind == "field":
                made = filters.member(made, filters.constant(self.advance()[1:]))
            elif self.is_(".") and self.source[self.at : self.at + 1] == '"':
                self.advance()
                made = filters.member(made, self.text(self.advance()))
            elif self.is_(".") and self.source[self.at : self.at + 1] == "[":
                self.advance()
            elif self.take("["):
                made = self.index(made)
            elif self.take("?"):
                made = filters.tried(made, None)
            elif self.take("as"):
                return self.bound(made)
            else:
                return made

    def bound(self, source: Filter) -> Filter:
        if self.token.kind != "variable":
            raise self.unexpected()
        name = self.advance()
        self.expect("|")
        return filters.bound(source, name, self.pipe())

    def index(self, of: Filter) -> Filter:
        if self.take("]"):
            return filters.iterated(of)
        start = filters.constant(None) if self.is_(":") else self.pipe()
        if self.take(":"):
            stop = filters.constant(None) if self.is_("]") else self.pipe()
            self.expect("]")
            return filters.sliced(of, start, stop)
        self.expect("]")
        return filters.member(of, start)

    def term(self) -> Filter:
        token = self.token
        match token.kind:
            case "number":
                value = float(self.advance())
                return filters.constant(int(value) if value.is_integer() else value)
            case "string":
                return self.text(self.advance())
            case "field":
                self.advance()
                return filters.member(filters.identity, filters.constant(token.value[1:]))
            case "variable":
                self.advance()
                return filters.variable(token.value)
            case "format":
                self.advance()
                return self.formatted(token.value)
            case "name":
                return self.named()
        return self.bracketed()

    def text(self, parts: list[str | Filter], form: str = "@text") -> Filter:
        if len(parts) == 1:
            return filters.constant(parts[0])
        return filters.interpolated(parts, FORMATS[form])

    def formatted(self, form: str) -> Filter:
        if form not in FORMATS:
            raise ExpressionError(f"jqFilter: {form} is not a valid format")
        if self.token.kind == "string":
            return self.text(self.advance(), form)
        return filters.applied(FORMATS[form])

    def bracketed(self) -> Filter:
        if self.take("("):
            made = self.pipe()
            self.expect(")")
            return made
        if self.take("["):
            if self.take("]"):
                return filters.constant([])
            made = self.pipe()
            self.expect("]")
            return filters.collected(made)
        if self.take("{"):
            return self.constructed()
        if self.take("-"):
            return filters.calculated("-", filters.constant(0), self.postfix())
        if self.take(".."):
            return filters.recursive
        if self.take("."):
            if self.token.kind == "string":
                return filters.member(filters.identity, self.text(self.advance()))
            return filters.identity
        raise self.unexpected()

    def constructed(self) -> Filter:
        pairs: list[tuple[Filter, Filter]] = []
        while not self.take("}"):
            pairs.append(self.pair())
            if not self.is_("}"):
                self.expect(",")
        return filters.built(pairs)

    def pair(self) -> tuple[Filter, Filter]:
        token = self.token
        if token.kind == "variable":
            self.advance()
            return filters.constant(token.value[1:]), filters.variable(token.value)
        if self.take("("):
            key = self.pipe()
            self.expect(")")
        elif token.kind == "name":
            self.advance()
            key = filters.constant(token.value)
        elif token.kind == "string":
            key = self.text(self.advance())
        else:
            raise self.unexpected()
        if self.take(":"):
            return key, self.binary(0)
        return key, filters.member(filters.identity, key)

    def named(self) -> Filter:
        name = self.advance()
        match name:
            case "if":
                return self.conditional()
            case "try":
                body = self.postfix()
                return filters.tried(body, self.postfix() if self.take("catch") else None)
            case "reduce":
                return self.reduced()
            case "null" | "true" | "false":
                return filters.constant({"null": None, "true": True, "false": False}[name])
        args: list[Filter] = []
        if self.take("("):
            args.append(self.pipe())
            while self.take(";"):
                args.append(self.pipe())
            self.expect(")")
        return filters.called(name, args)

    def conditional(self) -> Filter:
        test = self.pipe()
        self.expect("then")
        yes = self.pipe()
        if self.take("elif"):
            return filters.chosen(test, yes, self.conditional())
        no = self.pipe() if self.take("else") else filters.identity
        self.expect("end")
        return filters.chosen(test, yes, no)

    def reduced(self) -> Filter:
        source = self.term_with_path()
        self.expect("as")
        name = self.advance()
        self.expect("(")
        start = self.pipe()
        self.expect(";")
        update = self.pipe()
        self.expect(")")
        return filters.folded(source, name, start, update)

    def term_with_path(self) -> Filter:
        made = self.term()
        while self.token.kind == "field" or self.is_("["):
            if self.token.kind == "field":
                made = filters.member(made, filters.constant(self.advance()[1:]))
            else:
                self.advance()
                made = self.index(made)
        return made


_LEVELS = (("//",), ("or",), ("and",), ("==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/", "%"))
