"""jq filters as closures: from a value, the variables and what is left of the budget to the values they make.

Made by `jq`'s parser; what plain functions and operators do with values is in `jq_builtins`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pinnace.authoring.argo.expression.errors import BudgetExceeded, ExpressionError
from pinnace.authoring.argo.expression.jq_builtins import (
    FUNCTIONS,
    JqError,
    compared,
    kind,
    rank,
    text_of,
    truth,
)

STEPS = 100_000
Env = dict[str, Any]
Filter = Callable[[Any, Env, "Budget"], Iterator[Any]]


class Budget:
    def __init__(self) -> None:
        self.left = STEPS

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise BudgetExceeded("jqFilter needs too many steps")


def identity(value: Any, _env: Env, budget: Budget) -> Iterator[Any]:
    budget.spend()
    yield value


def recursive(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
    budget.spend()
    yield value
    inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    for each in inner:
        yield from recursive(each, env, budget)


def constant(given: Any) -> Filter:
    def made(_value: Any, _env: Env, budget: Budget) -> Iterator[Any]:
        budget.spend()
        yield given

    return made


def variable(name: str) -> Filter:
    def made(_value: Any, env: Env, budget: Budget) -> Iterator[Any]:
        if name not in env:
            raise ExpressionError(f"jqFilter: {name} is not defined")
        yield env[name]

    return made


def piped(left: Filter, right: Filter) -> Filter:
    def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
        for each in left(value, env, budget):
            yield from right(each, env, budget)

    return made


def both(left: Filter, right: Filter) -> Filter:
    def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
        yield from left(value, env, budget)
        yield from right(value, env, budget)

    return made


def member(of: Filter, key: Filter) -> Filter:
    def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
        for base in of(value, env, budget):
            for name in key(value, env, budget):
                budget.spend()
                yield fetched(base, name)

    return made


def fetched(base: Any, key: Any) -> Any:
    if base is None:
        return None
    if isinstance(base, dict) and isinstance(key, str):
        return base.get(key)
    if isinstance(base, list) and isinstance(key, int | float) and not isinstance(key, bool):
        at = int(key)
        return base[at] if -len(base) <= at < len(base) else None
    raise JqError(f"Cannot index {kind(base)} with {text_of(key, quoted=True)}")


def iterated(of: Filter) -> Filter:
    def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
        for base in of(value, env, budget):
            if not isinstance(base, list | dict):
                raise JqError(f"Cannot iterate over {kind(base)}")
            for each in base if isinstance(base, list) else base.values():
                budget.spend()
                yield each

    return made


def sliced(of: Filter, start: Filter, stop: Filter) -> Filter:
    def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
        for base in of(value, env, budget):
            for low in start(value, env, budget):
                for high in stop(value, env, budget):
                    if base is not None and not isinstance(base, list | str):
                        raise JqError(f"Cannot index {kind(base)} with object")
                    yield None if base is None else base[_whole(low) : _whole(high)]

    return made


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def tried(body: Filter, caught: Filter | None) -> Filter:
    def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
        try:
            yield from body(value, env, budget)
        except JqError as error:
            if caught is not None:
                yield from caught(error.value, env, budget)

    return made


def bound(source: Filter, name: str, body: Filter) -> Filter:
    def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
        for each in source(value, env, budget):
            yield from body(value, {**env, name: each}, budget)

    return made


def folded(source: Filter, name: str, start: Filter, update: Filter) -> Filter:
    def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
        for initial in start(value, env, budget):
            state = initial
            for each in source(value, env, budget):
                news = list(update(state, {**env, name: each}, budget))
                state = news[-1] if news else None
            yield state

    return made


def interpolated(parts: list[str | Filter], form: Callable[[Any], str]) -> Filter:
    def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
        text = ""
        for part in parts:
            text += part if isinstance(part, str) else form(next(part(value, env, budget), None))
        yield text

    return made


def applied(function: Callable[[Any], Any]) -> Filter:
    def made(value: Any, _env: Env, budget: Budget) -> Iterator[Any]:
        budget.spend()
        yield function(value)

    return made


def collected(inner: Filter) -> Filter:
    def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
        yield list(inner(value, env, budget))

    return made


def built(pairs: list[tuple[Filter, Filter]]) -> Filter:
    def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
        yield from grown({}, 0, value, env, budget)

    def grown(so_far: dict[str, Any], at: int, value: Any, env: Env, budget: Budget) -> Iterator[Any]:
        if at == len(pairs):
            yield so_far
            return
        for key in pairs[at][0](value, env, budget):
            if not isinstance(key, str):
                raise JqError(f"Object keys must be strings, not {text_of(key, quoted=True)}")
            for each in pairs[at][1](value, env, budget):
                budget.spend()
                yield from grown({**so_far, key: each}, at + 1, value, env, budget)

    return made


def chosen(test: Filter, yes: Filter, no: Filter) -> Filter:
    def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
        for verdict in test(value, env, budget):
            yield from (yes if truth(verdict) else no)(value, env, budget)

    return made


def _alternative(left: Filter, right: Filter) -> Filter:
    def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
        good = False
        try:
            for each in left(value, env, budget):
                if truth(each):
                    good = True
                    yield each
        except JqError:
            pass
        if not good:
            yield from right(value, env, budget)

    return made


def _logical(stop: bool) -> Callable[[Filter, Filter], Filter]:
    def combined(left: Filter, right: Filter) -> Filter:
        def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
            for first in left(value, env, budget):
                if truth(first) is stop:
                    yield stop
                    continue
                for second in right(value, env, budget):
                    yield truth(second)

        return made

    return combined


OPERATORS: dict[str, Callable[[Filter, Filter], Filter]] = {
    "//": _alternative,
    "and": _logical(False),
    "or": _logical(True),
}


def calculated(op: str, left: Filter, right: Filter) -> Filter:
    def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
        for second in right(value, env, budget):
            for first in left(value, env, budget):
                budget.spend()
                yield compared(op, first, second)

    return made


def called(name: str, args: list[Filter]) -> Filter:
    """A built-in: those that take filters are here, those that take values in `jq_builtins`."""
    special = _SPECIAL.get((name, len(args)))
    if special is not None:
        return special(*args)
    function = FUNCTIONS.get((name, len(args)))
    if function is None:
        raise ExpressionError(f"jqFilter: function not defined: {name}/{len(args)}")

    def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
        budget.spend()
        given = [next(arg(value, env, budget), None) for arg in args]
        yield function(value, *given)

    return made


def _select(test: Filter) -> Filter:
    def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
        for verdict in test(value, env, budget):
            if truth(verdict):
                yield value

    return made


def _empty() -> Filter:
    def made(_value: Any, _env: Env, _budget: Budget) -> Iterator[Any]:
        return iter(())

    return made


def _by(function: Callable[[list[Any], list[Any]], Any]) -> Callable[[Filter], Filter]:
    """Of a list and the keys that a filter gives for its elements."""

    def special(key: Filter) -> Filter:
        def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
            if not isinstance(value, list):
                raise JqError(f"Cannot index {kind(value)} with number")
            yield function(value, [list(key(each, env, budget)) for each in value])

        return made

    return special


def _ordered(items: list[Any], keys: list[Any]) -> list[int]:
    return sorted(range(len(items)), key=lambda at: rank(keys[at]))


def _grouped(items: list[Any], keys: list[Any]) -> list[list[Any]]:
    groups: list[list[Any]] = []
    last: Any = None
    for at in _ordered(items, keys):
        if not groups or keys[at] != last:
            groups.append([])
            last = keys[at]
        groups[-1].append(items[at])
    return groups


def _with_entries(inner: Filter) -> Filter:
    to, back = called("to_entries", []), called("from_entries", [])
    return piped(to, piped(_mapped(inner), back))


def _mapped(inner: Filter) -> Filter:
    return collected(piped(iterated(identity), inner))


def _map_values(inner: Filter) -> Filter:
    def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
        if isinstance(value, list):
            yield [each for item in value for each in list(inner(item, env, budget))[:1]]
            return
        found = {key: list(inner(item, env, budget))[:1] for key, item in value.items()}
        yield {key: values[0] for key, values in found.items() if values}

    return made


def _first(inner: Filter) -> Filter:
    def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
        for each in inner(value, env, budget):
            yield each
            return

    return made


def _verdict(every: bool) -> Callable[..., Filter]:
    def special(*args: Filter) -> Filter:
        source = args[0] if len(args) == 2 else iterated(identity)

        def made(value: Any, env: Env, budget: Budget) -> Iterator[Any]:
            items = source(value, env, budget)
            found = (truth(each) for item in items for each in args[-1](item, env, budget))
            yield all(found) if every else any(found)

        return made

    return special


_SPECIAL: dict[tuple[str, int], Callable[..., Filter]] = {
    ("select", 1): _select,
    ("empty", 0): _empty,
    ("map", 1): _mapped,
    ("map_values", 1): _map_values,
    ("with_entries", 1): _with_entries,
    ("recurse", 0): lambda: recursive,
    ("first", 1): _first,
    ("any", 1): _verdict(False),
    ("all", 1): _verdict(True),
    ("any", 2): _verdict(False),
    ("all", 2): _verdict(True),
    ("sort_by", 1): _by(lambda items, keys: [items[at] for at in _ordered(items, keys)]),
    ("group_by", 1): _by(_grouped),
    ("unique_by", 1): _by(lambda items, keys: [group[0] for group in _grouped(items, keys)]),
    ("min_by", 1): _by(lambda items, keys: items[_ordered(items, keys)[0]] if items else None),
    ("max_by", 1): _by(lambda items, keys: items[_ordered(items, keys)[-1]] if items else None),
}
