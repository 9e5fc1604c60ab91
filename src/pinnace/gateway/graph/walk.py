"""How a request walks a graph: pure but for `ask`, which puts one request to one service.

Source of the rules: kserve cmd/router/main.go. A service that answers is an answer, whatever its status:
only a step marked Hard makes of it the end. A service that says nothing, a body that is no JSON where JSON is
needed and a Switch without a way end the whole request.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from pinnace.gateway.graph import conditions
from pinnace.gateway.interface import Graph, Node, Step

RESPONSE = "$response"
NO_ROUTE = "None of the routes matched with the switch condition"
JSON = "application/json"


class Answer(NamedTuple):
    status: int
    body: bytes
    content_type: str = JSON

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300


Ask = Callable[[str, bytes], Awaitable[Answer]]
"""(url, body) → what the service said. Raises OSError or TimeoutError when it said nothing."""


class Visit(msgspec.Struct, frozen=True):
    """One step that was taken; a step to another node spans those inside it. Times by `time.monotonic`."""

    node: str
    index: int
    step: Step
    began: float
    took: float
    request: bytes
    answer: Answer | None
    """None: it gave none, for this reason."""
    failure: str = ""


Seen = Callable[[Visit], None]


class Failed(Exception):
    """The whole graph fails: nothing sensible can be answered."""

    def __init__(self, text: str, status: int = 500) -> None:
        super().__init__(text)
        self.status = status


def failure(cause: str, status: int = 500) -> Answer:
    body = {"error": "Failed to process request", "cause": cause}
    return Answer(status, msgspec.json.encode(body))


def unseen(visit: Visit) -> None:
    """Nobody looks."""


async def walk(graph: Graph, body: bytes, ask: Ask, seen: Seen = unseen) -> Answer:
    try:
        return told(await Walk(graph, ask, seen).node("root", body))
    except (Failed, OSError, TimeoutError) as problem:
        return failure(reason(problem), problem.status if isinstance(problem, Failed) else 500)


def reason(problem: BaseException) -> str:
    return str(problem) or "the service did not answer in time"


def told(answer: Answer) -> Answer:
    """JSON is called so, whatever the service called it."""
    if answer.content_type.startswith(JSON) or not is_json(answer.body):
        return answer
    return answer._replace(content_type=JSON)


class Walk:
    def __init__(self, graph: Graph, ask: Ask, seen: Seen) -> None:
        self.graph = graph
        self.ask = ask
        self.seen = seen

    async def node(self, name: str, body: bytes) -> Answer:
        node = self.graph.nodes[name]
        match node.kind:
            case "Switch":
                return await self.step(name, way(node, body), body)
            case "Splitter":
                return await self.step(name, chosen(node, random.randrange(100)), body)  # noqa: S311 - shares
            case "Ensemble":
                return await self.ensemble(name, node, body)
        return await self.sequence(name, node, body)

    async def step(self, name: str, index: int, body: bytes) -> Answer:
        step, began = self.graph.nodes[name].steps[index], time.monotonic()
        answer, why = None, ""
        try:
            answer = await self.target(step, body)
            return answer
        except (Failed, OSError, TimeoutError) as problem:
            why = reason(problem)
            raise
        finally:
            self.seen(Visit(name, index, step, began, time.monotonic() - began, body, answer, why))

    async def target(self, step: Step, body: bytes) -> Answer:
        if not step.node:
            return await self.ask(step.url, body)
        try:
            return await self.node(step.node, body)
        except Failed as problem:
            raise Failed(str(problem)) from None  # the status is the root's own alone

    async def sequence(self, name: str, node: Node, body: bytes) -> Answer:
        """Each step gets the request, or where it says so what the step before answered."""
        answer = Answer(200, b"")
        for index, step in enumerate(node.steps):
            given = body
            if index and step.data == RESPONSE:
                given = renamed(answer.body) if step.renames else answer.body
            if step.condition and not met(decoded(answer.body), step.condition):
                return answer._replace(status=200)
            answer = await self.step(name, index, given)
            if step.hard and not answer.good:
                return answer
        return answer

    async def ensemble(self, name: str, node: Node, body: bytes) -> Answer:
        answers = await asyncio.gather(*(self.step(name, index, body) for index in range(len(node.steps))))
        said = [decoded_object(answer.body) for answer in answers]
        for step, answer in zip(node.steps, answers, strict=True):
            if step.hard and not answer.good:
                return answer
        named = zip(node.steps, said, strict=True)
        merged = {step.name or str(index): document for index, (step, document) in enumerate(named)}
        return Answer(200, msgspec.json.encode(merged))


def way(node: Node, body: bytes) -> int:
    """The first step of a Switch whose condition the request meets."""
    if is_json(body):
        document = decoded(body)
        for index, step in enumerate(node.steps):
            if step.condition and met(document, step.condition):
                return index
    raise Failed(NO_ROUTE, 404)


def chosen(node: Node, lot: int) -> int:
    """By weight; `lot` is 0 to 99."""
    reached = 0
    for index, step in enumerate(node.steps):
        reached += step.weight
        if lot < reached:
            return index
    return len(node.steps) - 1


def is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    return True


def decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as problem:
        raise Failed(f"invalid response: it is no JSON ({problem})") from None


def decoded_object(body: bytes) -> dict[str, Any] | None:
    found = decoded(body)
    if found is not None and not isinstance(found, dict):
        raise Failed("a step of an Ensemble answered with something other than a JSON object")
    return found


def renamed(body: bytes) -> bytes:
    """`predictions` as the next model's `instances`."""
    document = decoded_object(body) or {}
    if "predictions" in document:
        document["instances"] = document.pop("predictions")
    return msgspec.json.encode(document)


def met(document: Any, condition: str) -> bool:
    try:
        return conditions.exists(document, condition)
    except conditions.Unreadable as problem:
        raise Failed(f"condition {condition}: {problem}") from None
