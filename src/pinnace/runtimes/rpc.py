"""gRPC V2 (`inference.GRPCInferenceService`) of our model servers, beside HTTP on a port of its own.

Used by `program` where a port for it is told. The messages are read into the documents of V2's REST face and
written from them, so that both faces ask a model in one way; a model's own methods (TensorFlow Serving's) are
passed through. Source: kserve python/kserve/kserve/protocol/grpc/grpc_predict_v2.proto.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

from grpclib.const import Cardinality, Handler, Status  # type: ignore[import-not-found,unused-ignore]
from grpclib.encoding.base import CodecBase  # type: ignore[import-not-found,unused-ignore]
from grpclib.exceptions import GRPCError  # type: ignore[import-not-found,unused-ignore]
from grpclib.server import Server  # type: ignore[import-not-found,unused-ignore]

from . import messages, wire
from .predictor import EXTENSIONS, LARGE, Predictor
from .repository import Repository
from .tensors import Invalid

SERVICE = "/inference.GRPCInferenceService/"
Call = Callable[[bytes], Awaitable[bytes]]


class Raw(CodecBase):  # type: ignore[misc,unused-ignore]
    """Messages are read and written by `messages` and `wire`."""

    __content_subtype__ = "proto"

    def encode(self, message: bytes, message_type: Any) -> bytes:
        return message

    def decode(self, data: bytes, message_type: Any) -> bytes:
        return data


class Inference:
    def __init__(self, repository: Repository) -> None:
        self.repository = repository

    def __mapping__(self) -> dict[str, Handler]:
        calls: dict[str, Call] = {
            f"{SERVICE}ServerLive": self.live, f"{SERVICE}ServerReady": self.ready,
            f"{SERVICE}ModelReady": self.model_ready, f"{SERVICE}ServerMetadata": self.about,
            f"{SERVICE}ModelMetadata": self.about_model, f"{SERVICE}ModelInfer": self.infer,
            f"{SERVICE}RepositoryModelLoad": self.load, f"{SERVICE}RepositoryModelUnload": self.unload,
            "/grpc.health.v1.Health/Check": self.health,
        }
        first = self.repository.first.model
        for path, call in ((first.calls if first else None) or {}).items():
            calls[path] = self.own(call)
        return {path: Handler(answering(call), Cardinality.UNARY_UNARY, bytes, bytes)
                for path, call in calls.items()}

    def own(self, call: Callable[[bytes, str], bytes]) -> Call:
        async def answer(message: bytes) -> bytes:
            return await asyncio.to_thread(call, message, self.repository.first.name)

        return answer

    def model(self, name: str) -> Predictor:
        found = self.repository.models.get(name)
        if found is None:
            raise GRPCError(Status.NOT_FOUND, f"Model with name {name} does not exist.")
        return found

    def loaded(self, name: str) -> Predictor:
        found = self.model(name)
        if found.model is None:
            raise GRPCError(Status.UNAVAILABLE, f"Model with name {name} is not ready.")
        return found

    async def live(self, _: bytes) -> bytes:
        return wire.number(1, 1)

    async def ready(self, _: bytes) -> bytes:
        models = self.repository.models.values()
        return wire.number(1, int(all(each.model is not None for each in models)))

    async def health(self, _: bytes) -> bytes:
        """A HealthCheckResponse: SERVING."""
        return wire.number(1, 1)

    async def model_ready(self, message: bytes) -> bytes:
        return wire.number(1, int(self.model(messages.name(message)).model is not None))

    async def about(self, _: bytes) -> bytes:
        known = self.repository.first
        return messages.server(f"pinnace-{known.platform}server", "1", EXTENSIONS)

    async def about_model(self, message: bytes) -> bytes:
        return messages.metadata(self.loaded(messages.name(message)).metadata())

    async def load(self, message: bytes) -> bytes:
        return await self.changed(message, "load")

    async def unload(self, message: bytes) -> bytes:
        return await self.changed(message, "unload")

    async def changed(self, message: bytes, verb: str) -> bytes:
        """RepositoryModelLoadRequest: model_name 1; its answer: model_name 1, isLoaded 2."""
        from .server import Request, Response

        name = messages.name(message)
        said = self.repository.handle(Request("POST", f"/v2/repository/models/{name}/{verb}", {}, b""))
        response = said if isinstance(said, Response) else await said
        if response.status != 200:
            status = Status.NOT_FOUND if response.status == 404 else Status.FAILED_PRECONDITION
            raise GRPCError(status, response.body.decode(errors="replace"))
        return wire.field(1, name) + wire.number(2, 1)

    async def infer(self, message: bytes) -> bytes:
        name, document, raw = messages.request(message)
        predictor = self.loaded(name)

        def answer() -> bytes:
            return messages.response(predictor.infer("v2", document, perf_counter()), raw)

        try:
            slow = predictor.slow or len(message) > LARGE
            found = await asyncio.to_thread(answer) if slow else answer()
        except Exception:
            predictor.metrics.count("grpc-v2", 500)
            raise
        predictor.metrics.count("grpc-v2", 200)
        return found


def answering(call: Call) -> Callable[[Any], Any]:
    async def answer(stream: Any) -> None:
        message = await stream.recv_message()
        try:
            said = await call(message or b"")
        except (GRPCError, asyncio.CancelledError):
            raise
        except (Invalid, ValueError, TypeError) as problem:
            plain = isinstance(problem, Invalid | wire.Damaged)
            text = str(problem) if plain else f"{type(problem).__name__} : {problem}"
            raise GRPCError(Status.INVALID_ARGUMENT, text) from None
        except KeyError as problem:
            raise GRPCError(Status.NOT_FOUND, str(problem.args[0])) from None
        except Exception as problem:
            raise GRPCError(Status.INTERNAL, f"{type(problem).__name__} : {problem}") from None
        await stream.send_message(said)

    return answer


async def listen(repository: Repository, host: str, port: int) -> Server:
    server = Server([Inference(repository)], codec=Raw())
    await server.start(host, port)
    print(f"gRPC at {host}:{port}", file=sys.stderr, flush=True)
    return server
