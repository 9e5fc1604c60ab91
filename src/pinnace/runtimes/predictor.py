"""What our model servers share: both protocols, the arguments of KServe's servers, readiness, the end.

Used by the modules of this folder that each know how to load one format (`sklearn`, `xgboost`, …): they call
`main` with a `Format`. Speaks V1 and the Open Inference Protocol on a unix socket (`--unix-socket`, or the
variable PINNACE_HTTP_SOCKET that a pod of the platform gets) or on TCP. It listens at once and is ready when
the model is loaded.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from .metrics import Metrics
from .model import CannotLoad
from .server import Request, Response, Server, error

SLOW = 0.005
"""A prediction expected to take longer (seconds) leaves the loop to a thread, so that probes are answered."""

_MODEL = re.compile(r"/v1/models/([^/:]+)(?::(predict|explain))?")
_MODEL_V2 = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?(?:/(ready|infer))?")


class Model(NamedTuple):
    """`predict` takes an array (or what else V1 gives) and answers with one. The rest is metadata."""

    predict: Callable[[Any], Any]
    features: int = -1
    """Columns of its input, -1: any."""
    output: str = "FP64"
    """Datatype of what it answers with."""


class Format(NamedTuple):
    """`load` raises CannotLoad; it gets the folder of the model (or its one file)."""

    name: str
    load: Callable[[Path], Model]


class Predictor:
    """One model and both protocols; `model` is None until it is loaded."""

    def __init__(self, name: str, platform: str = "sklearn") -> None:
        self.name = name
        self.platform = platform
        self.metrics = Metrics(name)
        self.model: Model | None = None
        self._expected = 0.0

    def handle(self, request: Request) -> Response | Awaitable[Response]:
        path = request.path
        if path.startswith("/v1/models/"):
            return self._v1(request)
        if path.startswith("/v2/models/"):
            return self._v2(request)
        if request.method not in ("GET", "HEAD"):
            known = path in PAGES or path == "/metrics"
            return error(405 if known else 404, f"there is no {request.method} {path}")
        if path == "/metrics":
            return Response(self.metrics.text().encode(), 200, "text/plain; version=0.0.4; charset=utf-8")
        page = PAGES.get(path)
        return page(self) if page else error(404, f"there is nothing at {path}")

    def _v1(self, request: Request) -> Response | Awaitable[Response]:
        match = _MODEL.fullmatch(request.path)
        if match is None:
            return error(404, f"there is nothing at {request.path}")
        refused = self._refused(match[1])
        if refused is not None:
            return refused
        if match[2] is None:
            if request.method not in ("GET", "HEAD"):
                return error(405, f"to predict, POST to {request.path}:predict")
            return answer({"name": self.name, "ready": True})
        if request.method != "POST":
            return error(405, f"{request.path} is asked with POST")
        if match[2] == "explain":
            return error(501, "this model has no explainer")
        return self._infer("v1", request.body)

    def _v2(self, request: Request) -> Response | Awaitable[Response]:
        match = _MODEL_V2.fullmatch(request.path)
        if match is None:
            return error(404, f"there is nothing at {request.path}")
        if match[1] == self.name and match[2] is not None:
            return error(404, f"Model {self.name} has no version {match[2]}: ask it without one")
        refused = self._refused(match[1])
        if refused is not None:
            return refused
        if match[3] == "infer":
            if request.method != "POST":
                return error(405, f"{request.path} is asked with POST")
            if "inference-header-content-length" in request.headers:
                return error(400, "tensors as raw bytes are not supported by this server: send them as JSON")
            return self._infer("v2", request.body)
        if request.method not in ("GET", "HEAD"):
            return error(405, f"{request.path} is read with GET")
        return answer({"name": self.name, "ready": True} if match[3] else self._metadata())

    def _refused(self, name: str) -> Response | None:
        if name != self.name:
            return error(404, f"Model with name {name} does not exist.")
        if self.model is None:
            return error(503, f"Model with name {name} is not ready.")
        return None

    def _metadata(self) -> dict[str, Any]:
        assert self.model is not None
        return {
            "name": self.name,
            "versions": [],
            "platform": self.platform,
            "inputs": [{"name": "input-0", "datatype": "FP64", "shape": [-1, self.model.features]}],
            "outputs": [{"name": "output-0", "datatype": self.model.output, "shape": [-1]}],
        }

    def _infer(self, protocol: str, body: bytes) -> Response | Awaitable[Response]:
        if self._expected > SLOW or len(body) > 1_000_000:
            return self._in_thread(protocol, body)
        return self._counted(protocol, self._answer(protocol, body))

    async def _in_thread(self, protocol: str, body: bytes) -> Response:
        return self._counted(protocol, await asyncio.to_thread(self._answer, protocol, body))

    def _counted(self, protocol: str, response: Response) -> Response:
        self.metrics.count(protocol, response.status)
        return response

    def _answer(self, protocol: str, body: bytes) -> Response:
        from . import tensors

        started = perf_counter()
        try:
            document = tensors.decode(body) if protocol == "v2" else {}
            given = tensors.read_v2(document) if protocol == "v2" else tensors.read_v1(body)
            read = perf_counter()
            result = self._run(given)
            predicted = perf_counter()
            if protocol == "v2":
                response = answer(tensors.write_v2(self.name, document, result))
            else:
                response = answer(tensors.write_v1(result))
        except tensors.Invalid as problem:
            return error(400, str(problem))
        except (ValueError, TypeError) as problem:
            return error(400, f"{type(problem).__name__} : {problem}")
        except Exception as problem:
            return error(500, f"{type(problem).__name__} : {problem}")
        self.metrics.observe(read - started, predicted - read, perf_counter() - predicted)
        return response

    def _run(self, given: Any) -> Any:
        assert self.model is not None
        started = perf_counter()
        try:
            return self.model.predict(given)
        finally:
            self._expected = 0.8 * self._expected + 0.2 * (perf_counter() - started)


def answer(document: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(document, separators=(",", ":")).encode(), status)


def _ready(predictor: Predictor) -> Response:
    ready = predictor.model is not None
    return answer({"ready": ready}, 200 if ready else 503)


PAGES: dict[str, Callable[[Predictor], Response]] = {
    "/": lambda p: answer({"status": "alive"}),
    "/v1/models": lambda p: answer({"models": [p.name]}),
    "/v2": lambda p: answer({"name": f"pinnace-{p.platform}server", "version": "1", "extensions": []}),
    "/v2/health/live": lambda p: answer({"live": True}),
    "/v2/health/ready": _ready,
    "/v2/models": lambda p: answer({"models": [p.name]}),
}


def arguments(name: str, argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m pinnace.runtimes.{name}", allow_abbrev=False)
    parser.add_argument("--model_name", "--model-name", default="model")
    parser.add_argument("--model_dir", "--model-dir", default="/mnt/models", type=Path)
    parser.add_argument("--http_port", "--http-port", default=8080, type=int)
    parser.add_argument("--host", default=everywhere())
    parser.add_argument("--unix-socket", default=os.environ.get("PINNACE_HTTP_SOCKET", ""))
    parser.add_argument("--grace", default=20.0, type=float, help="seconds for answers under way at the end")
    known, unknown = parser.parse_known_args(argv)
    if unknown:
        print(f"ignored, this server has no such arguments: {' '.join(unknown)}", file=sys.stderr)
    return known


def everywhere() -> str:
    """A pod with a network of its own is asked from outside of it; else only this machine may ask."""
    return "127.0.0.1" if os.environ.get("KUBERNETES_SERVICE_HOST", "127.0.0.1") == "127.0.0.1" else "0.0.0.0"  # noqa: S104


async def serve(format_: Format, options: argparse.Namespace) -> int:
    predictor = Predictor(options.model_name, format_.name)
    server = Server(predictor.handle)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.unix_socket:
        await server.listen_unix(options.unix_socket)
        where = options.unix_socket
    else:
        where = f"http://{options.host}:{await server.listen_tcp(options.host, options.http_port)}"
    try:
        predictor.model = await asyncio.to_thread(format_.load, options.model_dir)
    except CannotLoad as problem:
        print(f"model {options.model_name} was not loaded: {problem}", file=sys.stderr, flush=True)
        return 1
    print(f"model {options.model_name} is ready ({format_.name}) at {where}", flush=True)
    await stop.wait()
    await server.stop(options.grace)
    return 0


def main(format_: Format) -> None:
    # On small batches BLAS threads cost more than they bring, and replicas share the cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(asyncio.run(serve(format_, arguments(format_.name, sys.argv[1:]))))
