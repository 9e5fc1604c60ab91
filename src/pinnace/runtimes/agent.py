"""The agent before a component: `python -m pinnace.runtimes.agent [--enable-batcher …] [--log-url …]`.

A container of the same pod, with the arguments of KServe's own (cmd/agent). A request passes the logger, then
the limit of requests at once, then the batcher, then the component on its port. Source of the rules: kserve
pkg/batcher/handler.go, pkg/logger; knative pkg/queue for the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from .batching import Batcher
from .component import Component
from .payloads import Logger
from .server import Request, Response, Server, error

DEEP = 10
"""So many times the limit may wait for their turn."""


class Agent:
    def __init__(
        self, component: Component, batcher: Batcher | None, logger: Logger | None, limit: int
    ) -> None:
        self.component = component
        self.batcher = batcher
        self.logger = logger
        self.limit = limit
        self.waiting = 0
        self.turns = asyncio.Semaphore(limit) if limit else None

    async def handle(self, request: Request) -> Response:
        if "k-network-probe" in request.headers or request.method != "POST":
            return await self.ask(request)
        if self.logger is None:
            return await self.limited(request)
        logged = self.logger.begin(request)
        response = await self.limited(request)
        self.logger.end(logged, request, response)
        return response

    async def limited(self, request: Request) -> Response:
        if self.turns is None:
            return await self.batched(request)
        if self.waiting >= self.limit * DEEP:
            return error(503, "pending request queue full")
        self.waiting += 1
        async with self.turns:
            self.waiting -= 1
            return await self.batched(request)

    async def batched(self, request: Request) -> Response:
        if self.batcher is not None and request.path.endswith(":predict"):
            return await self.batcher.predict(request)
        return await self.ask(request)

    async def ask(self, request: Request) -> Response:
        try:
            return await self.component.ask(request)
        except (OSError, EOFError) as problem:
            return error(502, f"the component does not answer at port {self.component.port}: {problem}")


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pinnace.runtimes.agent", allow_abbrev=False)
    parser.add_argument("--port", default=9081, type=int)
    parser.add_argument("--component-port", default=8080, type=int)
    parser.add_argument("--container-concurrency", default=0, type=int)
    parser.add_argument("--enable-batcher", action="store_true")
    parser.add_argument("--max-batchsize", default=32, type=int)
    parser.add_argument("--max-latency", default=5000.0, type=float, help="milliseconds")
    parser.add_argument("--log-url", default="")
    parser.add_argument("--source-uri", default="")
    parser.add_argument("--log-mode", default="all", choices=("all", "request", "response"))
    for name in ("inference-service", "namespace", "endpoint", "component"):
        parser.add_argument(f"--{name}", default="")
    for name in ("metadata-headers", "metadata-annotations"):
        parser.add_argument(f"--{name}", action="append", default=[])
    known, unknown = parser.parse_known_args(argv)
    if unknown:
        print(f"ignored, the agent has no such arguments: {' '.join(unknown)}", file=sys.stderr)
    return known


def build(options: argparse.Namespace) -> Agent:
    component = Component("127.0.0.1", options.component_port)
    batcher = None
    if options.enable_batcher:
        batcher = Batcher(component, options.max_batchsize, options.max_latency / 1000)
    logger = None
    if options.log_url:
        named = dict(each.partition("=")[::2] for each in options.metadata_annotations)
        about = {
            "ce-source": options.source_uri, "ce-inferenceservicename": options.inference_service,
            "ce-namespace": options.namespace, "ce-endpoint": options.endpoint,
            "ce-component": options.component,
        }
        logger = Logger(options.log_url, options.log_mode, about, options.metadata_headers, named)
    return Agent(component, batcher, logger, options.container_concurrency)


async def serve(options: argparse.Namespace) -> None:
    agent = build(options)
    server = Server(agent.handle)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await server.listen_tcp("0.0.0.0", options.port)  # noqa: S104 - of a pod's own network
    print(f"agent before port {options.component_port}, at port {options.port}", flush=True)
    await stop.wait()
    await server.stop(20.0)


if __name__ == "__main__":
    asyncio.run(serve(arguments(sys.argv[1:])))
