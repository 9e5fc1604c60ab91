"""Acumos' Model Connector: `python -m pinnace.runtimes.orchestrator [--port 8555] [--blueprint FILE]`.

`PUT /putBlueprint` and `PUT /putDockerInfo` say what runs and where its containers are; `POST /{operation}`
takes a message, asks the containers in order, and answers what the last one gave: in JSON where the caller
speaks it, else in protobuf. With a DataBroker, messages are pulled from it as soon as both are known. Every
call is a walk of its own: as many callers as there are connections, each with its own answer. Source:
acumos/runtime-orchestrator, acumos/python-model-runner.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

from .component import Component
from .composition import BROKER, REST, Blueprint, NoBlueprint, Node, Walk, read
from .protowire import NoMessage
from .server import Request, Response, Server, error

PROTOBUF = "application/vnd.google.protobuf"
JSON = "application/json"
RUNNER = "/model/methods"
"""Where acumos_model_runner has a model's operations; older runners have them at the root."""
SECONDS = 60.0
PROBES = 256
"""Messages that wait for the probe; more are not shown."""


class Broken(Exception):
    """A node did not answer; the text names it."""

    def __init__(self, text: str, status: int = 502, said: int = 0) -> None:
        super().__init__(text)
        self.status = status
        self.said = said
        """The status that the node answered."""


class Orchestrator:
    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self.blueprint: Blueprint | None = None
        self.places: dict[str, Component] = {}
        self.folders: dict[str, str] = {}
        """Containers that have their operations elsewhere than at the root."""
        self.flow: asyncio.Task[None] | None = None
        self.passed = self.failed = 0
        self.state = "idle"
        self._showing: set[asyncio.Task[None]] = set()

    # ---- what is to run --------------------------------------------------------------------------

    def put_blueprint(self, document: Any) -> None:
        """Raises NoBlueprint. A flow of the one before ends."""
        self.blueprint = read(document)
        self._stop_flow()

    def put_dockerinfo(self, document: Any) -> None:
        """Raises NoBlueprint. With a DataBroker its flow begins."""
        listed = document.get("docker_info_list") if isinstance(document, dict) else None
        if not isinstance(listed, list):
            raise NoBlueprint("docker_info_list: expected a list of container_name, ip_address, port")
        found = {}
        for at, one in enumerate(listed):
            try:
                found[str(one["container_name"])] = Component(str(one["ip_address"]), int(one["port"]))
            except (KeyError, TypeError, ValueError):
                place = f"docker_info_list[{at}]"
                raise NoBlueprint(f"{place}: expected container_name, ip_address, port") from None
        self.places, self.folders = found, {}
        broker = self.broker()
        if broker is not None and broker.name in found:
            self._stop_flow()
            self.flow = asyncio.create_task(self._pull(broker))

    def broker(self) -> Node | None:
        nodes = self.blueprint.nodes.values() if self.blueprint else ()
        return next((node for node in nodes if node.kind == BROKER), None)

    def _stop_flow(self) -> None:
        if self.flow is not None:
            self.flow.cancel()
            self.flow = None

    # ---- requests --------------------------------------------------------------------------------

    async def handle(self, request: Request) -> Response:
        word = request.path.strip("/")
        try:
            if request.method == "PUT" and word in ("putBlueprint", "putDockerInfo"):
                document = json.loads(request.body)
                (self.put_blueprint if word == "putBlueprint" else self.put_dockerinfo)(document)
                return Response(b'{"status": "ok"}')
            if request.method == "POST":
                return await self._call(word, request)
        except (NoBlueprint, NoMessage) as problem:
            return error(400, str(problem))
        except ValueError as problem:
            return error(400, f"the body is no JSON: {problem}")
        except Broken as problem:
            return error(problem.status, str(problem))
        if request.method in ("GET", "HEAD") and word in ("", "status", "readyz", "healthz"):
            return Response(json.dumps(self.about()).encode())
        return error(405, "expected POST /{operation}, PUT /putBlueprint, PUT /putDockerInfo or GET /status")

    def about(self) -> dict[str, Any]:
        named = self.blueprint
        return {
            "name": named.name if named else "",
            "operations": [one.operation for one in named.inputs] if named else [],
            "nodes": list(named.nodes) if named else [], "addresses": sorted(self.places),
            "flow": {"state": self.state, "messages": self.passed, "failed": self.failed},
        }

    async def _call(self, operation: str, request: Request) -> Response:
        if self.blueprint is None:
            raise Broken("no blueprint is known: PUT /putBlueprint", 503)
        entry = self.blueprint.entry(operation)
        if entry is None:
            known = ", ".join(one.operation for one in self.blueprint.inputs)
            raise Broken(f"the blueprint has no input port {operation!r}: it has {known}", 404)
        nodes = self.blueprint.nodes
        as_json = request.headers.get("content-type", "").partition(";")[0].strip().lower() == JSON
        as_json = as_json or all(node.kind == REST for node in nodes.values())
        walk = self._walk(self.blueprint, as_json=as_json)
        if nodes[entry.node].kind == BROKER:
            node = nodes[entry.node]
            made = await walk.from_broker(node, operation, await self._pulled(node))
        else:
            made = await walk.through(entry, request.body)
        last = list(nodes.values())[-1]
        return Response(made, content_type=JSON if as_json or last.kind == REST else PROTOBUF)

    def _walk(self, blueprint: Blueprint, *, as_json: bool = False) -> Walk:
        async def ask(node: Node, operation: str, message: bytes) -> bytes:
            kind = JSON if as_json or node.kind == REST else PROTOBUF
            return await self._asked(node, operation, kind, message)

        served = self.places.__contains__
        return Walk(blueprint, ask, self._seen, lambda node: served(node.name), as_json=as_json)

    async def _asked(self, node: Node, operation: str, kind: str, message: bytes) -> bytes:
        """At the root, and where it is not known there, where acumos_model_runner has it."""
        headers = {"content-type": kind, "accept": kind}
        folder = self.folders.get(node.name, "")
        try:
            return await self._sent(node, "POST", f"{folder}/{operation}", headers, message)
        except Broken as problem:
            if folder or problem.said != 404:
                raise
            first = problem
        try:
            made = await self._sent(node, "POST", f"{RUNNER}/{operation}", headers, message)
        except Broken as problem:
            raise first if problem.said == 404 else problem from None
        self.folders[node.name] = RUNNER
        return made

    async def _sent(
        self, node: Node, method: str, path: str, headers: dict[str, str], body: bytes = b""
    ) -> bytes:
        place = self.places.get(node.name)
        if place is None:
            raise Broken(f"the container {node.name} has no address: PUT /putDockerInfo", 503)
        where = f"{place.host}:{place.port}"
        asked = Request(method, path, {"host": where, **headers}, body)
        try:
            async with asyncio.timeout(self.seconds):
                answer = await place.ask(asked)
        except TimeoutError:
            raise Broken(f"{node.name}{path} did not answer within {self.seconds:.0f} s", 504) from None
        except (OSError, EOFError) as problem:
            raise Broken(f"{node.name} at {where} does not answer: {problem}") from None
        if not 200 <= answer.status < 300:
            said = answer.body[:200].decode(errors="replace").strip()
            raise Broken(f"{node.name}{path} answered {answer.status}: {said}", said=answer.status)
        return answer.body

    # ---- a DataBroker ----------------------------------------------------------------------------

    async def _pull(self, broker: Node) -> None:
        """Until the broker has no more, or fails: then the state says why."""
        self.passed = self.failed = 0
        self.state = "running"
        operation = next(iter(broker.after), "")
        try:
            if rule := broker.maps.get("data_broker_map"):
                settings = json.dumps(rule).encode()
                await self._sent(broker, "POST", "/configDB", {"content-type": "application/json"}, settings)
            while message := await self._pulled(broker):
                await self._one(broker, operation, message)
            self.state = "ended"
        except Broken as problem:
            self.state = f"failed: {problem}"

    async def _pulled(self, broker: Node) -> bytes:
        return await self._sent(broker, "GET", "/pullData", {"accept": PROTOBUF})

    async def _one(self, broker: Node, operation: str, message: bytes) -> None:
        """A message that fails is counted, and the next one is pulled."""
        assert self.blueprint is not None
        try:
            await self._walk(self.blueprint).from_broker(broker, operation, message)
            self.passed += 1
        except (Broken, NoMessage) as problem:
            self.failed += 1
            print(f"message {self.passed + self.failed}: {problem}", flush=True)

    # ---- a probe ---------------------------------------------------------------------------------

    def _seen(self, node: Node, name: str, message: bytes) -> None:
        if self.blueprint is None or not self.blueprint.probe or not node.proto_uri:
            return
        probe = next((place for key, place in self.places.items() if key.lower() == "probe"), None)
        if probe is None or len(self._showing) >= PROBES:
            return
        headers = {
            "host": f"{probe.host}:{probe.port}", "content-type": PROTOBUF, "PROTO-URL": node.proto_uri,
            "Message-Name": name,
        }
        task = asyncio.create_task(_shown(probe, Request("POST", "/data", headers, message)))
        self._showing.add(task)
        task.add_done_callback(self._showing.discard)


async def _shown(probe: Component, request: Request) -> None:
    """A probe only looks on: whether it does so changes nothing."""
    with suppress(OSError, EOFError, TimeoutError):
        async with asyncio.timeout(10):
            await probe.ask(request)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pinnace.runtimes.orchestrator", allow_abbrev=False)
    parser.add_argument("--port", default=8555, type=int)
    parser.add_argument("--host", default="0.0.0.0")  # noqa: S104 - of a pod's own network
    parser.add_argument("--blueprint", type=Path)
    parser.add_argument("--dockerinfo", type=Path)
    parser.add_argument("--timeout", default=SECONDS, type=float, help="seconds that a container may take")
    return parser.parse_args(argv)


async def serve(options: argparse.Namespace) -> None:
    orchestrator = Orchestrator(options.timeout)
    if options.blueprint:
        orchestrator.put_blueprint(json.loads(options.blueprint.read_text()))
    if options.dockerinfo:
        orchestrator.put_dockerinfo(json.loads(options.dockerinfo.read_text()))
    server = Server(orchestrator.handle)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    port = await server.listen_tcp(options.host, options.port)
    print(f"orchestrator at port {port}", flush=True)
    await stop.wait()
    await server.stop(20.0)


if __name__ == "__main__":
    asyncio.run(serve(arguments()))
