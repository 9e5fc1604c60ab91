"""How a request walks a graph: pure but for `ask`, which puts one request to one service.

Source of the rules: kserve cmd/router/main.go.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from pinnace.gateway.graph import conditions
from pinnace.gateway.interface import Graph, Node, Step

RESPONSE = "$response"
NO_ROUTE = "None of the routes matched with the switch condition"


class Answer(NamedTuple):
    status: int
    body: bytes
    content_type: str = "application/json"

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300


Ask = Callable[[str, bytes], Awaitable[Answer]]
"""(url, body) → what the service said. Raises OSError or TimeoutError when it said nothing."""


class Failed(Exception):
    """The whole graph fails: nothing sensible can be answered."""


def failure(cause: str, status: int = 500) -> Answer:
    body = {"error": "Failed to process request", "cause": cause}
    return Answer(status, msgspec.json.encode(body))


async def walk(graph: Graph, body: bytes, ask: Ask) -> Answer:
    try:
        return await Walk(graph, ask).node("root", body)
    except Failed as problem:
        return failure(str(problem))
    except (OSError, TimeoutError) as problem:
        return failure(str(problem) or "the service did not answer in time")


class Walk:
    def __init__(self, graph: Graph, ask: Ask) -> None:
        self.graph = graph
        self.ask = ask

    async def node(self, name: str, body: bytes) -> Answer:
        node = self.graph.nodes[name]
        match node.kind:
            case "Switch":
                return await self.switch(node, body)
            case "Splitter":
                return await self.step(chosen(node, random.randrange(100)), body)  # noqa: S311 - shares
            case "Ensemble":
                return await self.ensemble(node, body)
        return await self.sequence(node, body)

    async def step(self, step: Step, body: bytes) -> Answer:
        if step.node:
            return await self.node(step.node, body)
        return await self.ask(step.url, body)

    async def switch(self, node: Node, body: bytes) -> Answer:
        document = decoded(body)
        for step in node.steps:
            if met(document, step.condition):
                return await self.step(step, body)
        return failure(NO_ROUTE, 404)

    async def sequence(self, node: Node, body: bytes) -> Answer:
        """Each step gets the request, or where it says so what the step before answered."""
        answer = Answer(200, body)
        for index, step in enumerate(node.steps):
            given = body
            if index and step.data == RESPONSE:
                given = renamed(answer.body) if step.renames else answer.body
            if step.condition and index and not met(decoded(answer.body), step.condition):
                return Answer(200, answer.body, answer.content_type)
            answer = await self.step(step, given)
            if step.hard and not answer.good:
                return answer
        return answer

    async def ensemble(self, node: Node, body: bytes) -> Answer:
        answers = await asyncio.gather(*(self.step(step, body) for step in node.steps))
        for step, answer in zip(node.steps, answers, strict=True):
            if step.hard and not answer.good:
                return answer
        merged = {
            step.name or str(index): decoded_object(answer.body)
            for index, (step, answer) in enumerate(zip(node.steps, answers, strict=True))
        }
        return Answer(200, msgspec.json.encode(merged))


def chosen(node: Node, lot: int) -> Step:
    """By weight; `lot` is 0 to 99."""
    reached = 0
    for step in node.steps:
        reached += step.weight
        if lot < reached:
            return step
    return node.steps[-1]


def decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as problem:
        raise Failed(f"invalid response: it is no JSON ({problem})") from None


def decoded_object(body: bytes) -> dict[str, Any]:
    found = decoded(body)
    if not isinstance(found, dict):
        raise Failed("a step of an Ensemble answered with something other than a JSON object")
    return found


def renamed(body: bytes) -> bytes:
    """`predictions` as the next model's `instances`."""
    document = decoded_object(body)
    if "predictions" in document:
        document["instances"] = document.pop("predictions")
    return msgspec.json.encode(document)


def met(document: Any, condition: str) -> bool:
    try:
        return conditions.exists(document, condition)
    except conditions.Unreadable as problem:
        raise Failed(f"condition {condition}: {problem}") from None
