"""The agent before a component: batches, events, and the limit of requests at once, over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pinnace.runtimes import agent
from pinnace.runtimes.component import Component
from pinnace.runtimes.server import Request, Response, Server

pytestmark = pytest.mark.anyio


class Model:
    """Doubles; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.status = 200
        self.hold: asyncio.Event | None = None
        self.both = asyncio.Event()
        self.busy = self.most = 0

    async def handle(self, request: Request) -> Response:
        self.asked.append(request)
        self.busy += 1
        self.most = max(self.most, self.busy)
        if self.busy == 2:
            self.both.set()
        if self.hold is not None:
            await self.hold.wait()
        self.busy -= 1
        if self.status != 200:
            return Response(b"it is broken", self.status)
        if not request.path.endswith(":predict"):
            return Response(b"{}", 200, "application/json", (("x-kept", "yes"),))
        instances = json.loads(request.body)["instances"]
        return Response(json.dumps({"predictions": [2 * each for each in instances]}).encode())


@asynccontextmanager
async def standing(handler: Any) -> AsyncIterator[int]:
    server = Server(handler)
    port = await server.listen_tcp("127.0.0.1", 0)
    try:
        yield port
    finally:
        await server.stop(1.0)


@asynccontextmanager
async def before(model: Model, *words: str) -> AsyncIterator[Component]:
    async with standing(model.handle) as port:
        options = agent.arguments([*words, "--component-port", str(port)])
        async with standing(agent.build(options).handle) as front:
            yield Component("127.0.0.1", front)


def predict(*instances: int, path: str = "/v1/models/m:predict", **headers: str) -> Request:
    named = {"host": "x", "content-type": "application/json"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", path, named, json.dumps({"instances": instances}).encode(), path)


async def test_what_comes_close_together_is_asked_at_once_and_each_gets_its_own() -> None:
    model = Model()
    async with before(model, "--enable-batcher", "--max-batchsize", "4", "--max-latency", "5000") as front:
        answers = await asyncio.gather(*(front.ask(predict(n, n + 1)) for n in (1, 5)))
    documents = [json.loads(each.body) for each in answers]
    assert sorted(each["predictions"] for each in documents) == [[2, 4], [10, 12]]
    assert len(model.asked) == 1
    assert documents[0]["batchId"] == documents[1]["batchId"]
    assert documents[0]["message"] == ""


async def test_a_batch_that_stays_small_goes_after_its_latency() -> None:
    model = Model()
    async with before(model, "--enable-batcher", "--max-batchsize", "99", "--max-latency", "30") as front:
        assert json.loads((await front.ask(predict(3))).body)["predictions"] == [6]


async def test_models_do_not_mix_and_v2_passes() -> None:
    model = Model()
    async with before(model, "--enable-batcher", "--max-batchsize", "2", "--max-latency", "30") as front:
        await asyncio.gather(front.ask(predict(1)), front.ask(predict(2, path="/v1/models/n:predict")))
        passed = await front.ask(predict(1, path="/v2/models/m/infer"))
    assert sorted(each.path for each in model.asked) == [
        "/v1/models/m:predict", "/v1/models/n:predict", "/v2/models/m/infer",
    ]
    assert ("x-kept", "yes") in passed.headers


async def test_an_error_of_the_component_is_the_message_of_a_200() -> None:
    model = Model()
    model.status = 500
    async with before(model, "--enable-batcher", "--max-batchsize", "1") as front:
        answer = await front.ask(predict(1))
        nothing = await front.ask(predict())
    assert answer.status == 200
    assert json.loads(answer.body) == {"message": "it is broken", "batchId": "", "predictions": None}
    assert (nothing.status, nothing.body) == (400, b"no instances in the request\n")


class Sink:
    def __init__(self) -> None:
        self.events: list[Request] = []
        self.more = asyncio.Condition()

    async def handle(self, request: Request) -> Response:
        async with self.more:
            self.events.append(request)
            self.more.notify_all()
        return Response(b"")

    async def of(self, count: int) -> dict[str, Request]:
        async with self.more, asyncio.timeout(10):
            await self.more.wait_for(lambda: len(self.events) >= count)
        return {each.headers["ce-type"].rpartition(".")[2]: each for each in self.events}


async def test_requests_and_answers_are_events_of_one_identity() -> None:
    model, sink = Model(), Sink()
    async with standing(sink.handle) as port:
        words = ["--log-url", f"http://127.0.0.1:{port}/in", "--log-mode", "all", "--source-uri", "pod-1",
                 "--inference-service", "iris", "--namespace", "demo", "--component", "predictor",
                 "--metadata-headers", "x-trace", "--metadata-annotations", "team=a"]
        async with before(model, *words) as front:
            plain = await front.ask(predict(1, x_trace="t1"))
            events = await sink.of(2)
    assert json.loads(plain.body) == {"predictions": [2]}
    request, response = events["request"], events["response"]
    assert request.path == "/in"
    assert request.headers["ce-id"] == response.headers["ce-id"]
    assert json.loads(request.body) == {"instances": [1]}
    assert json.loads(response.body) == {"predictions": [2]}
    named = {name: request.headers[f"ce-{name}"] for name in ("source", "inferenceservicename", "namespace")}
    assert named == {"source": "pod-1", "inferenceservicename": "iris", "namespace": "demo"}
    assert json.loads(request.headers["ce-metadata"]) == {"X-Trace": ["t1"]}
    assert json.loads(request.headers["ce-annotations"]) == {"team": "a"}


async def test_only_what_the_mode_names_is_logged_and_only_good_answers() -> None:
    model, sink = Model(), Sink()
    async with standing(sink.handle) as port:
        words = ["--log-url", f"http://127.0.0.1:{port}", "--log-mode", "response"]
        async with before(model, *words) as front:
            model.status = 500
            assert (await front.ask(predict(1))).status == 500
            model.status = 200
            await front.ask(predict(1, ce_id="mine"))
            events = await sink.of(1)
    assert list(events) == ["response"]
    assert events["response"].headers["ce-id"] == "mine"


async def test_a_sink_that_is_not_there_changes_no_answer() -> None:
    async with before(Model(), "--log-url", "http://127.0.0.1:9/none") as front:
        assert json.loads((await front.ask(predict(1))).body) == {"predictions": [2]}


async def test_no_more_requests_at_once_than_the_limit_and_none_beyond_the_queue() -> None:
    model = Model()
    model.hold = asyncio.Event()
    async with before(model, "--container-concurrency", "2") as front:
        asking = [asyncio.create_task(front.ask(predict(n))) for n in range(24)]
        async with asyncio.timeout(10):
            await model.both.wait()
        model.hold.set()
        statuses = [each.status for each in await asyncio.gather(*asking)]
    assert model.most == 2
    assert statuses.count(503) == 2
