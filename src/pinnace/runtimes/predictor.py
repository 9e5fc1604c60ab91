"""One model and the two protocols by which it is asked: V1 and the Open Inference Protocol (V2, REST).

Used by `program` and `repository`. A model of one array (scikit-learn …) takes what comes as that array; one
with named tensors (TensorFlow, Triton's) takes and gives them by name.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from .metrics import Metrics
from .server import Request, Response, error

SLOW = 0.005
"""A prediction expected to take longer (seconds) leaves the loop to a thread, so that probes are answered."""

LARGE = 1_000_000
"""So is a request of more bytes."""

_MODEL = re.compile(r"/v1/models/([^/:]+)(?:/versions/\d+)?(?::(predict|explain))?")
_MODEL_V2 = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?(?:/(ready|infer))?")


class Tensor(NamedTuple):
    """An input or output that has a name. `shape`: -1 for any length."""

    name: str
    datatype: str
    shape: tuple[int, ...] = (-1,)


class Model(NamedTuple):
    """`predict` takes an array (or what else V1 gives) and answers with one; with `inputs`, it takes and
    answers with a dictionary of arrays. The rest is metadata."""

    predict: Callable[[Any], Any]
    features: int = -1
    """Columns of its input, -1: any."""
    output: str = "FP64"
    """Datatype of what it answers with."""
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    about: dict[str, Any] | None = None
    """What V1 says of it, where that is more than that it is ready."""
    further: Callable[[str, dict[str, Any]], dict[str, Any] | None] | None = None
    """Answers a POST of another protocol (path, document); None: it knows no such path."""
    calls: Mapping[str, Callable[[bytes, str], bytes]] | None = None
    """gRPC methods of its own by their paths: (message, the model's name) → message."""


class Format(NamedTuple):
    """`load` raises CannotLoad; it gets the folder of the model (or its one file)."""

    name: str
    load: Callable[[Path], Model]


class Form(NamedTuple):
    read: Callable[[dict[str, Any]], Any]
    write: Callable[[dict[str, Any], Any], dict[str, Any]]


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
            assert self.model is not None
            return answer(self.model.about or {"name": self.name, "ready": True})
        if request.method != "POST":
            return error(405, f"{request.path} is asked with POST")
        if match[2] == "explain":
            return error(501, "this model has no explainer")
        return self._infer("v1", request)

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
            return self._infer("v2", request)
        if request.method not in ("GET", "HEAD"):
            return error(405, f"{request.path} is read with GET")
        return answer({"name": self.name, "ready": True} if match[3] else self.metadata())

    def _refused(self, name: str) -> Response | None:
        if name != self.name:
            return error(404, f"Model with name {name} does not exist.")
        if self.model is None:
            return error(503, f"Model with name {name} is not ready.")
        return None

    def metadata(self) -> dict[str, Any]:
        model = self.model
        assert model is not None
        inputs = model.inputs or (Tensor("input-0", "FP64", (-1, model.features)),)
        outputs = model.outputs or (Tensor("output-0", model.output),)
        return {
            "name": self.name, "versions": [], "platform": self.platform,
            "inputs": [described(each) for each in inputs],
            "outputs": [described(each) for each in outputs],
        }

    def _infer(self, protocol: str, request: Request) -> Response | Awaitable[Response]:
        if self.slow or len(request.body) > LARGE:
            return self._in_thread(protocol, request)
        return self._counted(protocol, self._answer(protocol, request))

    async def _in_thread(self, protocol: str, request: Request) -> Response:
        return self._counted(protocol, await asyncio.to_thread(self._answer, protocol, request))

    def _counted(self, protocol: str, response: Response) -> Response:
        self.metrics.count(protocol, response.status)
        return response

    def _answer(self, protocol: str, request: Request) -> Response:
        from . import raw, tensors

        started = perf_counter()
        try:
            document = raw.read(request) if protocol == "v2" else tensors.decode(request.body)
            found = self.infer(protocol, document, started)
            return raw.written(document, found) if protocol == "v2" else Response(raw.encoded(found))
        except tensors.Invalid as problem:
            return error(400, str(problem))
        except (ValueError, TypeError) as problem:
            return error(400, f"{type(problem).__name__} : {problem}")
        except Exception as problem:
            return error(500, f"{type(problem).__name__} : {problem}")

    def infer(self, protocol: str, document: dict[str, Any], started: float) -> dict[str, Any]:
        """The answer to a request of this protocol, with arrays as its data. Raises what the model raises,
        and Invalid."""
        form = self._form(protocol)
        given = form.read(document)
        read = perf_counter()
        result = self._run(given)
        predicted = perf_counter()
        found = form.write(document, result)
        self.metrics.observe(read - started, predicted - read, perf_counter() - predicted)
        return found

    @property
    def slow(self) -> bool:
        return self._expected > SLOW

    def _form(self, protocol: str) -> Form:
        """How this protocol's documents become what the model takes, and back."""
        from . import named, tensors

        model = self.model
        assert model is not None
        if model.inputs:
            return Form(
                (named.read_v2 if protocol == "v2" else named.read_v1)(model.inputs),
                named.write_v2(self.name) if protocol == "v2" else named.write_v1,
            )
        if protocol == "v2":
            return Form(tensors.read_v2, lambda document, found: tensors.write_v2(self.name, document, found))
        return Form(tensors.read_v1, lambda document, found: tensors.write_v1(found))

    def _run(self, given: Any) -> Any:
        assert self.model is not None
        started = perf_counter()
        try:
            return self.model.predict(given)
        finally:
            self._expected = 0.8 * self._expected + 0.2 * (perf_counter() - started)


def answer(document: dict[str, Any] | list[Any], status: int = 200) -> Response:
    return Response(json.dumps(document, separators=(",", ":")).encode(), status)


def described(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}


def _ready(predictor: Predictor) -> Response:
    ready = predictor.model is not None
    return answer({"ready": ready}, 200 if ready else 503)


EXTENSIONS = ["binary_tensor_data", "model_repository"]
PAGES: dict[str, Callable[[Predictor], Response]] = {
    "/": lambda p: answer({"status": "alive"}),
    "/v1/models": lambda p: answer({"models": [p.name]}),
    "/v2": lambda p: answer({
        "name": f"pinnace-{p.platform}server", "version": "1", "extensions": EXTENSIONS,
    }),
    "/v2/health/live": lambda p: answer({"live": True}),
    "/v2/health/ready": _ready,
    "/v2/models": lambda p: answer({"models": [p.name]}),
}
