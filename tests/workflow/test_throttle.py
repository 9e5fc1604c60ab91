"""Who runs while not all may: in order, and never more than the limits say."""

from __future__ import annotations

from pinnace.controllers.controller import Key
from pinnace.controllers.workflow.throttle import Throttle


def throttle(total: int = 0, each: int = 0, **own: int) -> Throttle:
    return Throttle(lambda: (total, each), own.get)


def key(name: str, namespace: str = "a") -> Key:
    return Key(namespace, name)


def admitted(found: Throttle, *keys: Key, priority: int = 0) -> list[bool]:
    return [found.admit(each, priority, f"2027-01-01T00:00:0{n}Z") for n, each in enumerate(keys)]


def test_without_a_limit_everybody_runs() -> None:
    assert all(admitted(throttle(), *(key(str(n)) for n in range(50))))


def test_one_that_runs_is_admitted_as_often_as_it_asks() -> None:
    found = throttle(1)
    assert admitted(found, key("x"), key("x"), key("y")) == [True, True, False]


def test_an_end_lets_the_urgent_in_and_then_the_oldest() -> None:
    found = throttle(1)
    admitted(found, key("first"), key("old"), key("young"))
    admitted(found, key("urgent"), priority=5)
    order = [found.leave(key(name)) for name in ("first", "urgent", "old", "young")]
    assert order == [[key("urgent")], [key("old")], [key("young")], []]


def test_a_full_namespace_keeps_nobody_elsewhere_waiting() -> None:
    found = throttle(each=1)
    admitted(found, key("x"), key("y"))
    assert admitted(found, key("z", "b")) == [True]
    assert found.leave(key("z", "b")) == []
    assert found.leave(key("x")) == [key("y")]


def test_a_namespaces_own_limit_comes_before_the_common_one() -> None:
    found = throttle(total=3, each=1, a=2, b=0)
    assert admitted(found, key("1"), key("2"), key("3")) == [True, True, False]
    assert admitted(found, key("1", "b"), key("2", "b")) == [True, False]


def test_one_that_goes_while_it_waits_holds_no_place() -> None:
    found = throttle(1)
    admitted(found, key("x"), key("y"))
    found.leave(key("y"))
    assert found.leave(key("x")) == []


def test_more_room_is_given_out_at_once_and_less_takes_nobody_out() -> None:
    limits = [1]
    found = Throttle(lambda: (limits[0], 0), {}.get)
    admitted(found, key("x"), key("y"), key("z"))
    limits[0] = 3
    assert found.serve() == [key("y"), key("z")]
    limits[0] = 1
    assert found.admit(key("y"), 0, "")
    assert found.leave(key("x")) == []


def test_who_ran_before_counts() -> None:
    found = throttle(1)
    found.force(key("x"))
    assert admitted(found, key("y")) == [False]
