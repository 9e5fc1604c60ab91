"""Graphs: which step a request takes, what comes of failures, and the conditions they are written in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pinnace.gateway.graph.conditions import Unreadable, exists, find
from pinnace.gateway.graph.measures import Measures
from pinnace.gateway.graph.outward import place_of
from pinnace.gateway.graph.router import passed_on
from pinnace.gateway.graph.walk import Answer, Visit, chosen, walk
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
        self.seen: list[Visit] = []

    async def ask(self, url: str, body: bytes) -> Answer:
        self.given.append((url, json.loads(body)))
        answer = self.answers[url]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Answer):
            return answer
        status, document = answer if isinstance(answer, tuple) else (200, answer)
        return Answer(status, json.dumps(document).encode())

    async def answer(self, url: str, body: bytes) -> Answer:
        found = self.answers[url]
        assert isinstance(found, Answer)
        return found

    async def walk(self, body: Any, **nodes: Node) -> tuple[int, Any]:
        answer = await walk(Graph(nodes=nodes), json.dumps(body).encode(), self.ask, self.seen.append)
        return answer.status, json.loads(answer.body)

    def way(self) -> list[tuple[str, int]]:
        """The steps that were taken, in the order in which they began."""
        return [(visit.node, visit.index) for visit in sorted(self.seen, key=lambda visit: visit.began)]


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
    taken = [root.steps[chosen(root, lot)].url for lot in range(100)]
    assert (taken.count("a"), taken.count("b"), taken.count("c")) == (20, 0, 80)


# ---- kserve's own tests of its router, restated (cmd/router/main_test.go) ----------------------------

ANIMALS = {"cat": (0.1, 0.9), "dog": (0.8, 0.2), "beagle": (0.1, 0.9), "poodle": (0.8, 0.2)}


def animal(label: str) -> dict[str, Any]:
    return {"predictions": [{"label": label, "score": list(ANIMALS[label])}]}


def breeds() -> dict[str, Node]:
    return {
        "root": node(
            "Sequence", Step(name="step1", node="animal-categorize"),
            Step(name="step2", node="breed-categorize", condition='predictions.#(label=="dog")'),
        ),
        "animal-categorize": node(
            "Switch", Step(url="model1", condition='instances.#(modelId=="1")'),
            Step(url="model2", condition='instances.#(modelId=="2")'),
        ),
        "breed-categorize": node(
            "Ensemble", Step(name="model3", url="model3"), Step(name="model4", url="model4")
        ),
    }


async def test_a_graph_of_three_routers_takes_its_way_by_request_and_answer() -> None:
    world = World(
        model1=animal("cat"), model2=animal("dog"), model3=animal("beagle"), model4=animal("poodle")
    )
    found = await world.walk({"instances": [{"modelId": "2"}]}, **breeds())
    assert found == (200, {"model3": animal("beagle"), "model4": animal("poodle")})
    assert world.way() == [
        ("root", 0), ("animal-categorize", 1), ("root", 1), ("breed-categorize", 0), ("breed-categorize", 1)
    ]
    assert await world.walk({"instances": [{"modelId": "1"}]}, **breeds()) == (200, animal("cat"))


async def test_a_way_that_no_condition_opens_is_404_at_the_root_and_500_within() -> None:
    status, body = await World().walk({"instances": [{"modelId": "3"}]}, **breeds())
    assert (status, body["cause"]) == (500, "None of the routes matched with the switch condition")
    alone = node("Switch", Step(url="a", condition="x"), Step(url="a", condition=""))
    answer = await walk(Graph(nodes={"root": alone}), b"no JSON", World().ask)
    assert (answer.status, json.loads(answer.body)["error"]) == (404, "Failed to process request")


async def test_the_first_step_of_a_sequence_has_no_answer_for_a_condition() -> None:
    world = World(a={"a": 1})
    status, body = await world.walk({"x": 1}, root=node("Sequence", Step(url="a", condition="x")))
    assert (status, body["cause"].partition(":")[0], world.given) == (500, "invalid response", [])


async def test_an_ensemble_needs_objects_and_hands_on_null() -> None:
    text = Answer(503, b"no healthy upstream", "text/plain")
    hard = node("Ensemble", Step(url="a", hard=True), Step(url="b"))
    assert (await World(a=text, b={}).walk({}, root=hard))[0] == 500
    assert await World(a=Answer(200, b"null"), b={}).walk({}, root=hard) == (200, {"0": None, "1": {}})


async def test_json_is_called_json_and_other_bytes_keep_their_type() -> None:
    root = Graph(nodes={"root": node("Sequence", Step(url="a"))})
    said = Answer(200, b"37", "text/plain")
    assert (await walk(root, b"", World(a=said).answer)).content_type == "application/json"
    said = Answer(200, b"\x08\x02", "application/vnd.google.protobuf")
    assert await walk(root, b"", World(a=said).answer) == said


@pytest.mark.parametrize(("patterns", "passed"), [
    ((), ["authorization"]), (("Test-Header-Key",), ["authorization", "test-header-key"]),
    (("Test-Header-*", "Auth*"), ["authorization", "test-header-1", "test-header-key"]),
    (("Test-Header-[0-9", "Auth*"), ["authorization"]),
    ((".*",), ["authorization", "other", "test-header-1", "test-header-key"]),
])
def test_headers_reach_the_steps_by_pattern(patterns: tuple[str, ...], passed: list[str]) -> None:
    given = {"authorization": "Bearer Token", "test-header-key": "v", "test-header-1": "1", "other": "o",
             "host": "x", "content-length": "2"}
    assert sorted(passed_on(Graph(nodes={}, headers=patterns), given)) == passed


@pytest.mark.parametrize("url", ["http://[single-1.default/switch", "ftp://a", "http://a:b/", "nothing"])
async def test_a_malformed_address_is_a_500(url: str) -> None:
    async def ask(url: str, body: bytes) -> Answer:
        place_of(url)
        return Answer(200, b"{}")

    answer = await walk(Graph(nodes={"root": node("Sequence", Step(url=url))}), b"{}", ask)
    assert answer.status == 500


# ---- what is told of a walk --------------------------------------------------------------------------


async def test_a_visit_tells_time_and_answer_or_why_there_is_none() -> None:
    world = World(a=(418, {"no": 1}), b=OSError("refused"))
    await world.walk({"x": 1}, root=node("Sequence", Step(name="one", url="a"), Step(url="b")))
    first, second = world.seen
    assert (first.node, first.index, first.request, first.answer, first.failure) == (
        "root", 0, b'{"x": 1}', Answer(418, b'{"no": 1}'), ""
    )
    assert (second.index, second.answer, second.failure) == (1, None, "refused")
    assert first.took >= 0 and second.began >= first.began


def test_steps_are_counted_with_their_last_failure_and_over_restarts(tmp_path: Any) -> None:
    graph = Graph(nodes={"root": node("Sequence", Step(url="a"), Step(name="b", url="b"))})
    measures = Measures(tmp_path / "graphs.json", now=lambda: 5.0)
    answers = [Answer(200, b"{}"), Answer(404, b"no model m"), Answer(503, b""), None]
    for number, answer in enumerate(answers):
        step = graph.nodes["root"].steps[1]
        measures.count("n/g", Visit("root", 1, step, 0.0, 0.01 * (number + 1), b"", answer, "refused"))
    measures.save()
    again = Measures(tmp_path / "graphs.json")
    first, second = again.statistics({"n/g": graph})["n/g"]
    assert (first.requests, first.p50, first.failure) == (0, None, "")
    assert (second.requests, second.rejected, second.errors) == (4, 1, 2)
    assert (second.failure, second.failed_at) == ("refused", 5.0)
    assert second.p50 is not None and 10 <= second.p50 <= 30
    moved = Graph(nodes={"root": node("Sequence", Step(name="b", url="b"), Step(name="b2", url="c"))})
    assert [one.requests for one in again.statistics({"n/g": moved})["n/g"]] == [4, 0]
    again.keep(set())
    assert again.statistics({"n/g": graph})["n/g"][1].requests == 0
