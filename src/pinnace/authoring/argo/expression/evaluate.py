"""Evaluate a parsed expr-lang expression within a budget of steps and made elements.

Values are JSON-like: None, bool, int, float, str, list, dict, any `Mapping` (the lazy scopes), functions, and
the times and durations of the built-ins. Never Python's own rules: True is not 1, and a type mismatch is
an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pinnace.authoring.argo.expression import functions, lists, operators, parser, times, values
from pinnace.authoring.argo.expression.errors import BudgetExceeded, ExpressionError

STEPS = 200_000
SIZE = 1_000_000
"""Elements and characters that one evaluation may make (expr-lang's memory budget)."""

ELEMENT = 4
"""What an element costs of it."""

Env = Mapping[str, Any]


def evaluate(source: str, env: Env, *, steps: int = STEPS, size: int = SIZE) -> Any:
    """Raises ExpressionError (BudgetExceeded among them)."""
    tree = parser.parse(source)
    try:
        return Evaluation(env, steps, size).run(tree)
    except RecursionError:
        raise BudgetExceeded("expression is nested too deeply") from None
    except (
        TypeError,
        ValueError,
        KeyError,
        IndexError,
        OverflowError,
        ZeroDivisionError,
        AttributeError,
    ) as error:
        raise ExpressionError(f"cannot evaluate {source!r}: {error}") from error


def references(source: str) -> frozenset[str]:
    """The root names that an expression may read; empty if it does not parse."""
    try:
        found: set[str] = set()
        _collect(parser.parse(source), found)
        return frozenset(found)
    except (ExpressionError, RecursionError):  # `evaluate` says what is wrong with it
        return frozenset()


def paths(source: str) -> Iterator[tuple[str, ...]]:
    """Every statically known path (`steps.a.outputs.result`), longest form only."""
    try:
        yield from [*_paths(parser.parse(source))]
    except RecursionError:
        raise BudgetExceeded("expression is nested too deeply") from None


def _paths(tree: Any) -> Iterator[tuple[str, ...]]:
    path = _path(tree)
    if path:
        yield path
        return
    for part in _parts(tree):
        yield from _paths(part)


def _path(tree: Any) -> tuple[str, ...]:
    if isinstance(tree, parser.Name):
        return (tree.name,)
    if isinstance(tree, parser.Member) and isinstance(tree.key, parser.Literal):
        above = _path(tree.of)
        return (*above, str(tree.key.value)) if above else ()
    return ()


def _collect(tree: Any, found: set[str]) -> None:
    if isinstance(tree, parser.Name):
        found.add(tree.name)
    for part in _parts(tree):
        _collect(part, found)


def _parts(tree: Any) -> Iterator[Any]:
    if isinstance(tree, parser.Tree):
        for field in tree.__struct_fields__:
            value = getattr(tree, field)
            if isinstance(value, parser.Tree):
                yield value
            elif isinstance(value, tuple):
                yield from _flat(value)


def _flat(items: tuple[Any, ...]) -> Iterator[Any]:
    for item in items:
        if isinstance(item, tuple):
            yield from _flat(item)
        elif isinstance(item, parser.Tree):
            yield item


class Evaluation:
    """One evaluation: its environment, `let` names, predicate elements and what is left of the budget."""

    __slots__ = ("env", "locals", "pointers", "size", "steps")

    def __init__(self, env: Env, steps: int, size: int) -> None:
        self.env = env
        self.steps = steps
        self.size = size
        self.locals: dict[str, Any] = {}
        self.pointers: list[dict[str, Any]] = []

    def run(self, tree: parser.Tree) -> Any:
        self.steps -= 1
        if self.steps < 0:
            raise BudgetExceeded("expression needs too many steps")
        return _RULES[type(tree)](self, tree)

    def spend(self, size: int) -> None:
        self.size -= size
        if self.size < 0:
            raise BudgetExceeded("expression makes too much data")

    def keep(self, value: Any) -> Any:
        """Charge for what an operation made."""
        if isinstance(value, str):
            self.spend(len(value))
        elif isinstance(value, list | dict):
            self.spend(ELEMENT * len(value))
        return value

    def each(self, closure: parser.Closure, items: Any, extra: dict[str, Any] | None = None) -> Iterator[Any]:
        """The predicate's value for each element, with `#` and `#index` bound."""
        if isinstance(items, Mapping):
            raise ExpressionError("cannot go over a map here; use keys(), values() or toPairs()")
        bound: dict[str, Any] = dict(extra or {})
        self.pointers.append(bound)
        try:
            for index, item in enumerate(values.listed(items)):
                bound[""] = item
                bound["index"] = index
                yield self.run(closure.body)
        finally:
            self.pointers.pop()


def _literal(_run: Evaluation, tree: parser.Literal) -> Any:
    return tree.value


def _name(run: Evaluation, tree: parser.Name) -> Any:
    if tree.name in run.locals:
        return run.locals[tree.name]
    if tree.name == "$env":
        return run.env
    return run.env.get(tree.name)


def _pointer(run: Evaluation, tree: parser.Pointer) -> Any:
    if not run.pointers or tree.name not in run.pointers[-1]:
        raise ExpressionError(f"#{tree.name} is not bound here")
    return run.pointers[-1][tree.name]


def _member(run: Evaluation, tree: parser.Member) -> Any:
    of = run.run(tree.of)
    if of is None:
        if tree.optional:
            return None
        return _absent_member(run, tree)
    return get_member(of, run.run(tree.key))


def _absent_member(run: Evaluation, tree: parser.Member) -> Any:
    """A path through an absent scope name is nil as a whole, so that `steps.x.outputs.result ?? ''` works."""
    if _rooted(tree.of):
        return None
    raise ExpressionError(f"cannot fetch {run.run(tree.key)!r} from nil")


def _rooted(tree: parser.Tree) -> bool:
    while isinstance(tree, parser.Member):
        if not isinstance(tree.key, parser.Literal):
            return False
        tree = tree.of
    return isinstance(tree, parser.Name)


def get_member(of: Any, key: Any) -> Any:
    if isinstance(of, Mapping):
        return of.get(key if isinstance(key, str) else values.string(key))
    if isinstance(of, list | str | tuple):
        if isinstance(key, bool) or not isinstance(key, int | float) or int(key) != key:
            raise ExpressionError(f"cannot use {values.string(key)!r} as an index")
        index = int(key)
        if not -len(of) <= index < len(of):
            raise ExpressionError(f"index out of range: {index} (length is {len(of)})")
        return of[index]
    if isinstance(of, datetime | timedelta | ZoneInfo):
        return times.method(of, str(key))
    raise ExpressionError(f"type {values.type_name(of)} has no member {values.string(key)!r}")


def _slice(run: Evaluation, tree: parser.Slice) -> Any:
    of = run.run(tree.of)
    if not isinstance(of, list | str):
        raise ExpressionError(f"cannot slice {values.type_name(of)}")
    start = run.run(tree.start) if tree.start is not None else None
    stop = run.run(tree.stop) if tree.stop is not None else None
    return run.keep(of[start:stop])


def _call(run: Evaluation, tree: parser.Call) -> Any:
    name = tree.function.name if isinstance(tree.function, parser.Name) else ""
    built_in = name.startswith("::")
    name = name.removeprefix("::")
    if name and (built_in or name not in run.locals):
        special = _SPECIAL.get(name)
        if special is not None:
            return run.keep(special(run, tree.args))
        given = None if built_in else run.env.get(name)
        function = given or functions.FUNCTIONS.get(name)
        if function is None:
            raise ExpressionError(f"unknown function {name}{functions.did_you_mean(name)}")
    else:
        function = run.run(tree.function)
    if not callable(function):
        raise ExpressionError(f"{name or 'value'} is not a function")
    args = [run.run(argument) for argument in tree.args]
    for argument in args:
        if isinstance(argument, str | list | dict):
            run.steps -= len(argument) >> 3
    functions.check(name, args, run.size)
    return run.keep(function(*args))


def _unary(run: Evaluation, tree: parser.Unary) -> Any:
    value = run.run(tree.operand)
    if tree.op == "not":
        return not boolean(value, "!")
    numeric = values.numeric(value)
    return -numeric if tree.op == "-" else numeric


def _binary(run: Evaluation, tree: parser.Binary) -> Any:
    op = tree.op
    left = run.run(tree.left)
    if op == "??":
        return run.run(tree.right) if left is None else left
    if op in ("&&", "and"):
        return boolean(left, op) and boolean(run.run(tree.right), op)
    if op in ("||", "or"):
        return boolean(left, op) or boolean(run.run(tree.right), op)
    right = run.run(tree.right)
    return run.keep(operators.operate(op, left, right, run.size))


def boolean(value: Any, op: str) -> bool:
    if not isinstance(value, bool):
        raise ExpressionError(f"invalid operation: {op} needs a bool, got {values.type_name(value)}")
    return value


def _conditional(run: Evaluation, tree: parser.Conditional) -> Any:
    return run.run(tree.yes if boolean(run.run(tree.test), "?:") else tree.no)


def _list(run: Evaluation, tree: parser.ListOf) -> Any:
    return run.keep([run.run(item) for item in tree.items])


def _map(run: Evaluation, tree: parser.MapOf) -> Any:
    return run.keep({values.string(run.run(key)): run.run(value) for key, value in tree.pairs})


def _let(run: Evaluation, tree: parser.Let) -> Any:
    before = run.locals
    run.locals = {**before, tree.name: run.run(tree.value)}
    try:
        return run.run(tree.body)
    finally:
        run.locals = before


def _sequence(run: Evaluation, tree: parser.Sequence) -> Any:
    run.run(tree.first)
    return run.run(tree.then)


def _closure(_run: Evaluation, _tree: parser.Closure) -> Any:
    raise ExpressionError("a predicate stands where a value is expected")


Special = Callable[[Evaluation, Sequence[parser.Tree]], Any]


def _over(run: Evaluation, args: Sequence[parser.Tree]) -> tuple[list[Any], list[Any]]:
    """The elements of the first argument and the predicate's value for each."""
    items = values.listed(run.run(args[0]))
    closure = args[1]
    if not isinstance(closure, parser.Closure):
        raise ExpressionError("a predicate is expected as the second argument")
    return items, list(run.each(closure, items))


def _tests(run: Evaluation, args: Sequence[parser.Tree]) -> Iterator[tuple[int, Any]]:
    """(index, element) of those that pass, lazily: `any` and `find` stop early."""
    items = values.listed(run.run(args[0]))
    if len(args) < 2 or not isinstance(args[1], parser.Closure):
        raise ExpressionError("a predicate is expected as the second argument")
    for index, passed in enumerate(run.each(args[1], items)):
        if boolean(passed, "predicate"):
            yield index, items[index]


def _count(run: Evaluation, args: Sequence[parser.Tree]) -> int:
    if len(args) == 1:
        return sum(boolean(item, "count") for item in values.listed(run.run(args[0])))
    return sum(1 for _ in _tests(run, args))


def _all(run: Evaluation, args: Sequence[parser.Tree]) -> bool:
    items, passed = _over(run, args)
    return all(boolean(value, "predicate") for value in passed) if items else True


def _last(found: Iterator[tuple[int, Any]]) -> tuple[int, Any]:
    newest: tuple[int, Any] = (-1, None)
    for entry in found:
        newest = entry
    return newest


def _find_index(run: Evaluation, args: Sequence[parser.Tree]) -> Any:
    return next((index for index, _ in _tests(run, args)), None)


def _find_last_index(run: Evaluation, args: Sequence[parser.Tree]) -> Any:
    index, _ = _last(_tests(run, args))
    return None if index < 0 else index


def _group_by(run: Evaluation, args: Sequence[parser.Tree]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for item, key in zip(*_over(run, args), strict=True):
        groups.setdefault(values.string(key), []).append(item)
    return groups


def _sort_by(run: Evaluation, args: Sequence[parser.Tree]) -> list[Any]:
    items, keys = _over(run, args)
    order = run.run(args[2]) if len(args) > 2 else "asc"
    return [item for _, item in lists.ordered(keys, items, descending=order == "desc")]


def _reduce(run: Evaluation, args: Sequence[parser.Tree]) -> Any:
    items = values.listed(run.run(args[0]))
    closure = args[1]
    if not isinstance(closure, parser.Closure):
        raise ExpressionError("reduce needs a predicate")
    if len(args) > 2:
        value, rest = run.run(args[2]), items
    elif items:
        value, rest = items[0], items[1:]
    else:
        raise ExpressionError("reduce of an empty list needs an initial value")
    bound: dict[str, Any] = {"acc": value}
    run.pointers.append(bound)
    for index, item in enumerate(rest):
        bound.update({"": item, "index": index})
        bound["acc"] = run.run(closure.body)
    run.pointers.pop()
    return bound["acc"]


def _sum(run: Evaluation, args: Sequence[parser.Tree]) -> Any:
    found = _over(run, args)[1] if len(args) > 1 else values.listed(run.run(args[0]))
    return sum(values.numeric(value) for value in found)


def _get(run: Evaluation, args: Sequence[parser.Tree]) -> Any:
    of, key = run.run(args[0]), run.run(args[1])
    try:
        return None if of is None else get_member(of, key)
    except ExpressionError:
        return None


_SPECIAL: dict[str, Special] = {
    "all": _all,
    "any": lambda run, args: next(_tests(run, args), None) is not None,
    "none": lambda run, args: next(_tests(run, args), None) is None,
    "one": lambda run, args: sum(1 for _ in _tests(run, args)) == 1,
    "filter": lambda run, args: [item for _, item in _tests(run, args)],
    "map": lambda run, args: _over(run, args)[1],
    "count": _count,
    "find": lambda run, args: next((item for _, item in _tests(run, args)), None),
    "findIndex": _find_index,
    "findLast": lambda run, args: _last(_tests(run, args))[1],
    "findLastIndex": _find_last_index,
    "groupBy": _group_by,
    "sortBy": _sort_by,
    "reduce": _reduce,
    "sum": _sum,
    "get": _get,
}

_RULES: dict[type[parser.Tree], Callable[[Evaluation, Any], Any]] = {
    parser.Literal: _literal,
    parser.Name: _name,
    parser.Pointer: _pointer,
    parser.Member: _member,
    parser.Slice: _slice,
    parser.Call: _call,
    parser.Unary: _unary,
    parser.Binary: _binary,
    parser.Conditional: _conditional,
    parser.ListOf: _list,
    parser.MapOf: _map,
    parser.Let: _let,
    parser.Sequence: _sequence,
    parser.Closure: _closure,
}
