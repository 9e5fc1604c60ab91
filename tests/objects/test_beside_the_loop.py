"""What may take long is judged in a thread: the loop, and everybody else's request, goes on."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pinnace.kinds import crd, rules
from pinnace.kinds.resource import Obj
from pinnace.objects import writing
from pinnace.objects.client import Options
from tests.objects.conftest import Door
from tests.objects.test_writing import refused

pytestmark = pytest.mark.anyio
LOOP = threading.main_thread()


def toys(rule: str) -> Obj:
    numbers = {"type": "array", "items": {"type": "integer"}}
    spec = {
        "type": "object",
        "properties": {"numbers": numbers},
        "x-kubernetes-validations": [{"rule": rule}],
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
    }
    return {
        "metadata": {"name": "toys.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "toys", "kind": "Toy"},
            "versions": [version],
        },
    }


def seen(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> list[threading.Thread]:
    """The threads in which a function is called from now on."""
    threads: list[threading.Thread] = []
    real = getattr(module, name)

    def spying(*arguments: Any, **named: Any) -> Any:
        threads.append(threading.current_thread())
        return real(*arguments, **named)

    monkeypatch.setattr(module, name, spying)
    return threads


async def test_definitions_and_their_rules(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    compiling = seen(monkeypatch, rules, "rule_problem")
    judging = seen(monkeypatch, rules, "judge")
    greedy = "self.numbers.all(a, self.numbers.all(b, self.numbers.all(c, a + b + c >= 0)))"
    definitions = door.kind("customresourcedefinitions.apiextensions.k8s.io")
    await door.local.create(definitions, toys(greedy))
    kind = door.kind("toys.example.com")
    made = await door.local.create(kind, {"metadata": {"name": "a"}, "spec": {"numbers": [1, 2]}}, "default")
    many = {**made, "spec": {"numbers": list(range(200))}}
    error = await refused(door.local.update(kind, many, "default"))
    assert "cost budget" in error.message
    applied = {"apiVersion": "example.com/v1", "kind": "Toy", "metadata": {"name": "a"}, "spec": many["spec"]}
    forced = Options(field_manager="m", force=True)
    error = await refused(door.local.apply(kind, "a", "default", applied, forced))
    assert "cost budget" in error.message
    assert compiling and len(judging) >= 3
    assert LOOP not in (*compiling, *judging)


async def test_long_documents(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    judging = seen(monkeypatch, writing, "review")
    maps = door.kind("configmaps")
    await door.local.create(maps, {"metadata": {"name": "long"}}, "default", Options(big=True))
    await door.local.create(maps, {"metadata": {"name": "short"}}, "default")
    assert [thread is LOOP for thread in judging] == [False, True]


def test_the_functions_that_are_spied_on_are_the_ones_that_work() -> None:
    assert crd.definition_causes(toys("self.nothing("))[0].field.endswith(".rule")
