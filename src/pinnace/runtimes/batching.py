"""Requests that come close together are sent as one: `instances` in a row, to each caller its own slice.

As KServe's batcher (pkg/batcher/handler.go): V1 only; the answer is always 200 with `message`, `batchId` and
`predictions`. Unlike it, batches of different models do not mix, and one under way does not hold up the next.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any, NamedTuple

from .component import Component
from .server import Request, Response

TEXT = "text/plain; charset=utf-8"


class Waiting(NamedTuple):
    instances: list[Any]
    answer: asyncio.Future[Response]


class Batch:
    """What waits for one path."""

    def __init__(self) -> None:
        self.waiting: list[Waiting] = []
        self.size = 0
        self.timer: asyncio.TimerHandle | None = None


class Batcher:
    def __init__(self, component: Component, most: int, latency: float) -> None:
        """`most` instances go together; the first of them waits at most `latency` seconds."""
        self.component = component
        self.most = most
        self.latency = latency
        self.batches: dict[str, Batch] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def predict(self, request: Request) -> Response:
        try:
            document = json.loads(request.body)
        except ValueError:
            return Response(b"can't Unmarshal body\n", 400, TEXT)
        instances = document.get("instances") if isinstance(document, dict) else None
        if not isinstance(instances, list) or not instances:
            return Response(b"no instances in the request\n", 400, TEXT)
        return await self._join(request.path, instances)

    def _join(self, path: str, instances: list[Any]) -> asyncio.Future[Response]:
        loop = asyncio.get_running_loop()
        batch = self.batches.setdefault(path, Batch())
        answer: asyncio.Future[Response] = loop.create_future()
        batch.waiting.append(Waiting(instances, answer))
        batch.size += len(instances)
        if batch.size >= self.most:
            self._flush(path)
        elif batch.timer is None:
            batch.timer = loop.call_later(self.latency, self._flush, path)
        return answer

    def _flush(self, path: str) -> None:
        batch = self.batches.pop(path, None)
        if batch is None:
            return
        if batch.timer is not None:
            batch.timer.cancel()
        task = asyncio.get_running_loop().create_task(self._send(path, batch.waiting))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _send(self, path: str, waiting: list[Waiting]) -> None:
        together = [instance for each in waiting for instance in each.instances]
        body = json.dumps({"instances": together}).encode()
        headers = {"host": "localhost", "content-type": "application/json"}
        try:
            response = await self.component.ask(Request("POST", path, headers, body, path))
        except (OSError, EOFError) as problem:
            response = Response(str(problem).encode(), 502)
        predictions, message = read(response, len(together))
        identity = "" if message else str(uuid.uuid4())
        at = 0
        for each in waiting:
            own = None if predictions is None else predictions[at : at + len(each.instances)]
            at += len(each.instances)
            if not each.answer.done():
                each.answer.set_result(told(message, identity, own))


def read(response: Response, expected: int) -> tuple[list[Any] | None, str]:
    """The predictions of the whole batch, or why there are none."""
    text = response.body.decode(errors="replace")
    if response.status != 200:
        return None, text or f"status {response.status}"
    try:
        predictions = json.loads(text)["predictions"]
    except (ValueError, KeyError, TypeError):
        return None, text
    if not isinstance(predictions, list) or len(predictions) != expected:
        return None, "size of prediction is not equal to the size of instances"
    return predictions, ""


def told(message: str, identity: str, predictions: list[Any] | None) -> Response:
    document = {"message": message, "batchId": identity, "predictions": predictions}
    return Response(json.dumps(document, separators=(",", ":")).encode())
