"""Graphs: which step a request takes, what comes of failures, and the conditions they are written in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pinnace.gateway.graph.conditions import Unreadable, exists, find
from pinnace.gateway.graph.walk import Answer, chosen, walk
from pinnace.gateway.interface import Graph, Node, Step

pytestmark = pytest.mark.anyio
PEOPLE = {"people": [{"name": "Ada", "age": 36, "on": True}, {"name": "Bob", "age": 7}], "a.b": 1, "n": None}


@pytest.mark.parametrize(("path", "there"), [
    ("people", True), ("nobody", False), ("people.#", True), ("people.0.name", True), ("people.2", False),
    ("people.#(age>30)", True), ("people.#(age>40)", False), ("people.#(age>40)#", True),
    ('people.#(name=="Ada").age', True), ("people.#(name==Ada)", True), ("people.#(name!=Ada).age", True),
    ('people.#(name%"A*")', True), ('people.#(name!%"?*")', False), ("people.#(on==true)", True),
    ("people.#(on==false)", False), ("people.#.name", True), (r"a\.b", True), ("a.b", False), ("n", True),
    ("peo*.0", True), ("@this.people", True), ("[@this].#(n==1)", False), ('[@this].#(a\\.b==1)', True),
    ("people|#", True), ("people.#(age)", True), ("people.#(height)", False),
])
def test_a_condition_asks_whether_a_path_exists(path: str, there: bool) -> None:
    assert exists(PEOPLE, path) is there


def test_what_a_path_finds() -> None:
    assert find(PEOPLE, "people.#.name") == ["Ada", "Bob"]
    assert find(PEOPLE, "people.#") == 2
    assert find({"list": [1, 5, 9]}, "list.#(>4)#") == [5, 9]
    with pytest.raises(Unreadable, match="not closed"):
        exists(PEOPLE, "people.#(age>3")


class World:
    """Services by URL: what each answers, and what it was given."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.given: list[tuple[str, Any]] = []

    async def ask(self, url: str, body: bytes) -> Answer:
        self.given.append((url, json.loads(body)))
        answer = self.answers[url]
        if isinstance(answer, Exception):
            raise answer
        status, document = answer if isinstance(answer, tuple) else (200, answer)
        return Answer(status, json.dumps(document).encode())

    async def walk(self, body: Any, **nodes: Node) -> tuple[int, Any]:
        answer = await walk(Graph(nodes=nodes), json.dumps(body).encode(), self.ask)
        return answer.status, json.loads(answer.body)


def node(kind: str, *steps: Step) -> Node:
    return Node(kind, steps)


async def test_a_sequence_gives_each_step_the_request_or_the_answer_before() -> None:
    world = World(a={"predictions": [1]}, b={"b": 2}, c={"c": 3})
    last = Step(url="c", data="$response", renames=True)
    root = node("Sequence", Step(url="a"), last, Step(url="b"))
    assert await world.walk({"instances": [0]}, root=root) == (200, {"b": 2})
    given = [("a", {"instances": [0]}), ("c", {"instances": [1]}), ("b", {"instances": [0]})]
    assert world.given == given


async def test_a_condition_that_is_not_met_ends_a_sequence_with_what_there_is() -> None:
    world = World(a={"kind": "cat"}, b={"breed": "x"})
    root = node("Sequence", Step(url="a"), Step(url="b", condition='[@this].#(kind=="dog")'))
    assert await world.walk({}, root=root) == (200, {"kind": "cat"})


async def test_only_a_hard_step_that_fails_ends_a_sequence() -> None:
    world = World(a=(418, {"no": 1}), b={"fine": 1})
    assert await world.walk({}, root=node("Sequence", Step(url="a"), Step(url="b"))) == (200, {"fine": 1})
    hard = node("Sequence", Step(url="a", hard=True), Step(url="b"))
    assert await world.walk({}, root=hard) == (418, {"no": 1})


async def test_a_switch_takes_the_first_that_fits_the_request_and_says_so_if_none_does() -> None:
    world = World(a={"a": 1}, b={"b": 1})
    root = node("Switch", Step(url="a", condition="x.#(y==1)"), Step(url="b", condition="z"))
    assert await world.walk({"z": 0}, root=root) == (200, {"b": 1})
    status, body = await world.walk({}, root=root)
    assert (status, body["cause"]) == (404, "None of the routes matched with the switch condition")


async def test_an_ensemble_asks_all_and_names_the_answers() -> None:
    world = World(a={"a": 1}, b=(500, {"b": "ill"}))
    soft = node("Ensemble", Step(url="a", name="first"), Step(url="b"))
    assert await world.walk({}, root=soft) == (200, {"first": {"a": 1}, "1": {"b": "ill"}})
    hard = node("Ensemble", Step(url="a"), Step(url="b", hard=True))
    assert await world.walk({}, root=hard) == (500, {"b": "ill"})


async def test_nodes_lead_to_nodes_and_a_silent_service_fails_the_graph() -> None:
    world = World(a={"a": 1}, b=OSError("refused"))
    inner = node("Sequence", Step(url="a"))
    assert await world.walk({}, root=node("Sequence", Step(node="inner")), inner=inner) == (200, {"a": 1})
    status, body = await world.walk({}, root=node("Ensemble", Step(url="b")))
    assert (status, body["cause"]) == (500, "refused")


def test_a_splitter_shares_out_by_weight() -> None:
    root = node("Splitter", Step(url="a", weight=20), Step(url="b", weight=0), Step(url="c", weight=80))
    taken = [chosen(root, lot).url for lot in range(100)]
    assert (taken.count("a"), taken.count("b"), taken.count("c")) == (20, 0, 80)
