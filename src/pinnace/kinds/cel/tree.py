"""From an expression's text to a function: the library's parse tree, compiled to closures.

Every closure takes the scope: variables by name, and the budget under `BUDGET`. Only comprehensions and
functions over lists and texts spend; everything else is bounded by the length of the expression.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from .functions import FUNCTIONS, SETS
from .values import Budget, CelError, Exhausted, bounded, is_number, no_overload, ordered, same

Scope = dict[str, Any]
Code = Callable[[Scope], Any]
BUDGET = "%budget"
LONGEST = 20_000
ESCAPES = re.compile(r"__(underscores|dot|dash|slash)__")
ESCAPED = {"underscores": "__", "dot": ".", "dash": "-", "slash": "/"}
RESERVED = re.compile(
    r"__(true|false|null|in|as|break|const|continue|else|for|function|if|import|let|loop|package|namespace"
    r"|return|var|void|while)__\Z"
)
WRONG = (TypeError, ValueError, AttributeError, IndexError, KeyError, ArithmeticError)


class Expression:
    """A compiled expression. `names` are all identifiers in it."""

    def __init__(self, text: str, code: Code, names: frozenset[str]) -> None:
        self.text = text
        self.code = code
        self.names = names

    def value(self, variables: Scope, budget: Budget) -> Any:
        """CelError: it has none."""
        try:
            return self.code({**variables, BUDGET: budget})
        except CelError:
            raise
        except (*WRONG, RecursionError) as problem:
            raise CelError(str(problem) or type(problem).__name__) from None


@lru_cache(maxsize=2048)
def compiled(text: str) -> Expression:
    """CelError: not an expression; the message says where."""
    from celpy.celparser import CELParseError, CELParser

    if len(text) > LONGEST:
        raise CelError(f"an expression has at most {LONGEST} characters")
    try:
        tree = CELParser().parse(text)
        names = tree.scan_values(lambda one: getattr(one, "type", "") == "IDENT")
        return Expression(text, _code(tree), frozenset(map(str, names)))
    except CELParseError as problem:
        raise CelError(f"syntax error in line {problem.line}, column {problem.column}") from None
    except RecursionError:
        raise CelError("the expression is nested too deeply") from None


def _code(tree: Any) -> Code:
    children = tree.children
    if len(children) == 1 and tree.data in PASSING:
        return _code(children[0])
    return BUILDERS[tree.data](children)


def _conditional(children: list[Any]) -> Code:
    test, then, other = map(_code, children)
    return lambda scope: then(scope) if _truth(test(scope)) else other(scope)


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise no_overload("_?_:_", value)
    return value


def _logical(decisive: bool) -> Callable[[list[Any]], Code]:
    """`||` and `&&`: the decisive value wins even over an error on the other side."""

    def build(children: list[Any]) -> Code:
        left, right = map(_code, children)

        def code(scope: Scope) -> bool:
            problem: Exception | None = None
            try:
                if _truth(left(scope)) is decisive:
                    return decisive
            except Exhausted:
                raise
            except (CelError, *WRONG) as found:
                problem = found
            if _truth(right(scope)) is decisive:
                return decisive
            if problem is not None:
                raise problem
            return not decisive

        return code

    return build


def _binary(children: list[Any]) -> Code:
    """Relations and arithmetic: the operator's node holds the left side."""
    operator = OPERATORS[children[0].data]
    left, right = _code(children[0].children[0]), _code(children[1])
    return lambda scope: operator(scope, left(scope), right(scope))


def _unary(children: list[Any]) -> Code:
    inner = _code(children[1])
    if children[0].data == "unary_not":
        return lambda scope: not _truth(inner(scope))
    return lambda scope: _negative(inner(scope))


def _negative(value: Any) -> Any:
    if not is_number(value):
        raise no_overload("-_", value)
    return -value


def _add(scope: Scope, left: Any, right: Any) -> Any:
    if type(left) is int and type(right) is int:
        return bounded(left + right)
    if isinstance(left, (str, bytes, list)) and type(left) is type(right):
        scope[BUDGET].spend((len(left) + len(right)) // 100)
        return left + right  # type: ignore[operator]
    return _numeric("_+_", left, right, lambda: left + right)


def _numeric(name: str, left: Any, right: Any, compute: Callable[[], Any]) -> Any:
    if isinstance(left, (bool, str, list, dict)) or isinstance(right, (bool, str, list, dict)):
        raise no_overload(name, left, right)
    value = compute()
    return bounded(value) if type(value) is int else value


def _divide(scope: Scope, left: Any, right: Any) -> Any:
    if type(left) is int and type(right) is int:
        if right == 0:
            raise CelError("division by zero")
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    return _numeric("_/_", left, right, lambda: left / right)


def _modulo(scope: Scope, left: Any, right: Any) -> Any:
    if type(left) is not int or type(right) is not int:
        raise no_overload("_%_", left, right)
    if right == 0:
        raise CelError("modulus by zero")
    return abs(left) % abs(right) * (-1 if left < 0 else 1)


def _among(scope: Scope, one: Any, many: Any) -> bool:
    if isinstance(many, dict):
        return one in many
    if not isinstance(many, list):
        raise no_overload("@in", one, many)
    scope[BUDGET].spend(len(many))
    return any(same(one, other) for other in many)


def _ordering(compare: Callable[[Any, Any], bool]) -> Callable[[Scope, Any, Any], bool]:
    def operator(scope: Scope, left: Any, right: Any) -> bool:
        ordered(left, right)
        return compare(left, right)

    return operator


OPERATORS: dict[str, Callable[[Scope, Any, Any], Any]] = {
    "relation_eq": lambda _, left, right: same(left, right),
    "relation_ne": lambda _, left, right: not same(left, right),
    "relation_lt": _ordering(lambda left, right: left < right),
    "relation_le": _ordering(lambda left, right: left <= right),
    "relation_gt": _ordering(lambda left, right: left > right),
    "relation_ge": _ordering(lambda left, right: left >= right),
    "relation_in": _among,
    "addition_add": _add,
    "addition_sub": lambda _, left, right: _numeric("_-_", left, right, lambda: left - right),
    "multiplication_mul": lambda _, left, right: _numeric("_*_", left, right, lambda: left * right),
    "multiplication_div": _divide,
    "multiplication_mod": _modulo,
}


def _field(name: str) -> str:
    """A property's real name: Kubernetes escapes what is no identifier."""
    if reserved := RESERVED.match(name):
        return reserved[1]
    return ESCAPES.sub(lambda found: ESCAPED[found[1]], name)


def _select(children: list[Any]) -> Code:
    holder, name = _code(children[0]), _field(str(children[1]))

    def code(scope: Scope) -> Any:
        value = holder(scope)
        if not isinstance(value, dict):
            raise no_overload(f"_.{name}", value)
        if name not in value:
            raise CelError(f"no such key: {name}")
        return value[name]

    return code


def _index(children: list[Any]) -> Code:
    holder, place = map(_code, children)

    def code(scope: Scope) -> Any:
        value, key = holder(scope), place(scope)
        if isinstance(value, dict):
            if key not in value:
                raise CelError(f"no such key: {key}")
            return value[key]
        if not isinstance(value, list) or not is_number(key):
            raise no_overload("_[_]", value, key)
        if not 0 <= key < len(value):
            raise CelError(f"index out of bounds: {key}")
        return value[int(key)]

    return code


def _arguments(children: list[Any]) -> list[Any]:
    return list(children[0].children) if children else []


def _call(children: list[Any]) -> Code:
    name, arguments = str(children[0]), _arguments(children[1:])
    if name == "has":
        return _has(arguments)
    return _function(FUNCTIONS, name, [_code(one) for one in arguments])


def _method(children: list[Any]) -> Code:
    name, arguments = str(children[1]), _arguments(children[2:])
    if name in MACROS and len(arguments) in (2, 3):
        return _macro(name, _code(children[0]), arguments)
    if name in SETS and _plain_name(children[0]) == "sets":
        return _function(SETS, name, [_code(one) for one in arguments])
    return _function(FUNCTIONS, name, [_code(children[0]), *(_code(one) for one in arguments)])


def _function(known: dict[str, Callable[..., Any]], name: str, arguments: list[Code]) -> Code:
    function = known.get(name)
    if function is None:
        raise CelError(f"undeclared reference to '{name}'")
    return lambda scope: function(scope[BUDGET], *[one(scope) for one in arguments])


def _plain_name(tree: Any) -> str:
    """The identifier that this whole sub-tree is; '' if it is more."""
    while hasattr(tree, "children"):
        if len(tree.children) != 1:
            return ""
        tree = tree.children[0]
    return str(tree) if tree.type == "IDENT" else ""


def _has(arguments: list[Any]) -> Code:
    tree = arguments[0] if arguments else None
    while tree is not None and tree.data != "member_dot":
        tree = tree.children[0] if len(tree.children) == 1 and hasattr(tree.children[0], "data") else None
    if tree is None:
        raise CelError("has() takes a field: has(self.field)")
    holder, name = _code(tree.children[0]), _field(str(tree.children[1]))
    return lambda scope: name in holder(scope)


def _macro(name: str, holder: Code, arguments: list[Any]) -> Code:
    variable = _plain_name(arguments[0])
    if not variable:
        raise CelError(f"{name}() takes the name of a variable first")
    run = MACROS[name]
    bodies = [_code(one) for one in arguments[1:]]
    if name == "filter":
        bodies.append(lambda scope: scope[variable])

    def code(scope: Scope) -> Any:
        value = holder(scope)
        if not isinstance(value, (list, dict)):
            raise no_overload(name, value)
        return run(_rounds(scope, variable, value), bodies)

    return code


def _rounds(scope: Scope, variable: str, values: Iterable[Any]) -> Iterable[Scope]:
    inner = dict(scope)
    budget: Budget = scope[BUDGET]
    for one in values:
        budget.spend()
        inner[variable] = one
        yield inner


def _decided(rounds: Iterable[Scope], body: Code, decisive: bool) -> bool:
    problem: Exception | None = None
    for scope in rounds:
        try:
            if _truth(body(scope)) is decisive:
                return decisive
        except Exhausted:
            raise
        except (CelError, *WRONG) as found:
            problem = found
    if problem is not None:
        raise problem
    return not decisive


def _mapped(rounds: Iterable[Scope], bodies: list[Code]) -> list[Any]:
    if len(bodies) == 2:
        return [bodies[1](scope) for scope in rounds if _truth(bodies[0](scope))]
    return [bodies[0](scope) for scope in rounds]


MACROS: dict[str, Callable[[Iterable[Scope], list[Code]], Any]] = {
    "all": lambda rounds, bodies: _decided(rounds, bodies[0], False),
    "exists": lambda rounds, bodies: _decided(rounds, bodies[0], True),
    "exists_one": lambda rounds, bodies: sum(_truth(bodies[0](scope)) for scope in rounds) == 1,
    "map": _mapped,
    "filter": lambda rounds, bodies: [bodies[1](scope) for scope in rounds if _truth(bodies[0](scope))],
}


def _name(children: list[Any]) -> Code:
    name = str(children[0])

    def code(scope: Scope) -> Any:
        if name not in scope:
            raise CelError(f"undeclared reference to '{name}'")
        return scope[name]

    return (lambda scope: name) if name in TYPE_NAMES else code


TYPE_NAMES = frozenset(("string", "int", "uint", "double", "bool", "bytes", "list", "map", "null_type"))


def _list(children: list[Any]) -> Code:
    items = [_code(one) for one in _arguments(children)]
    return lambda scope: [one(scope) for one in items]


def _map(children: list[Any]) -> Code:
    parts = [_code(one) for one in _arguments(children)]
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    return lambda scope: {key(scope): value(scope) for key, value in pairs}


def _literal(children: list[Any]) -> Code:
    value = _constant(children[0].type, str(children[0]))
    return lambda scope: value


def _constant(kind: str, text: str) -> Any:
    if kind in ("INT_LIT", "UINT_LIT"):
        return bounded(int(text.rstrip("uU"), 0 if "0x" in text.lower() else 10))
    if kind == "FLOAT_LIT":
        return float(text)
    if kind == "BOOL_LIT":
        return text == "true"
    return None if kind == "NULL_LIT" else ast.literal_eval(text)


def _refused(children: list[Any]) -> Code:
    raise CelError("messages cannot be made here")


PASSING = frozenset((
    "expr", "conditionalor", "conditionaland", "relation", "addition", "multiplication", "unary", "member",
    "primary", "paren_expr",
))
BUILDERS: dict[str, Callable[[list[Any]], Code]] = {
    "expr": _conditional, "conditionalor": _logical(True), "conditionaland": _logical(False),
    "relation": _binary, "addition": _binary, "multiplication": _binary, "unary": _unary,
    "member_dot": _select, "member_dot_arg": _method, "member_index": _index, "member_object": _refused,
    "literal": _literal, "ident": _name, "dot_ident": _name, "ident_arg": _call, "dot_ident_arg": _call,
    "list_lit": _list, "map_lit": _map,
}
