"""A model server as a program: the arguments of KServe's servers, readiness, the end.

The modules of this folder that each know how to load one format call `main` with a `Format`. Listens on a
unix socket (`--unix-socket`, or the variable PINNACE_HTTP_SOCKET that a pod of the platform gets) or on TCP,
at once, and is ready when the model is loaded; gRPC begins then, on a port of its own. Started over a folder
of models, it serves each by its name.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from .model import CannotLoad, Missing
from .predictor import Format, Predictor
from .repository import Repository
from .server import Server

FOLDERS = (
    "--model_dir", "--model-dir", "--model_base_path", "--model-repository", "--model-store",
)
PORTS = ("--http_port", "--http-port", "--rest_api_port")
GRPC_PORTS = ("--grpc_port", "--grpc-port", "--port")
"""Under the names that KServe's, TensorFlow's and Triton's servers have for them."""
GRPC_VARIABLE, GRPC_PORT = "PINNACE_GRPC_PORT", 8081
"""A pod whose container names a port for gRPC is told it by the variable; else it is KServe's."""


def arguments(name: str, argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m pinnace.runtimes.{name}", allow_abbrev=False)
    parser.add_argument("--model_name", "--model-name", default="model")
    parser.add_argument(*FOLDERS, dest="model_dir", default="/mnt/models", type=Path)
    parser.add_argument(*PORTS, dest="http_port", default=8080, type=int)
    parser.add_argument(*GRPC_PORTS, dest="grpc_port", default=None, type=int)
    parser.add_argument("--enable_grpc", default="true")
    parser.add_argument("--host", default=everywhere())
    parser.add_argument("--unix-socket", default=os.environ.get("PINNACE_HTTP_SOCKET", ""))
    parser.add_argument("--grace", default=20.0, type=float, help="seconds for answers under way at the end")
    known, unknown = parser.parse_known_args(argv)
    if unknown:
        print(f"ignored, this server has no such arguments: {' '.join(unknown)}", file=sys.stderr)
    return known


def everywhere() -> str:
    """A pod with a network of its own is asked from outside of it; else only this machine may ask."""
    shared = os.environ.get("KUBERNETES_SERVICE_HOST", "127.0.0.1") == "127.0.0.1"
    return "127.0.0.1" if shared else "0.0.0.0"  # noqa: S104


async def serve(format_: Format, options: argparse.Namespace) -> int:
    predictor = Predictor(options.model_name, format_.name)
    repository = Repository(format_, options.model_dir, predictor)
    server = Server(repository.handle)
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
    except Missing as problem:
        if not repository.open():
            print(f"model {options.model_name} was not loaded: {problem}", file=sys.stderr, flush=True)
            return 1
    except CannotLoad as problem:
        print(f"model {options.model_name} was not loaded: {problem}", file=sys.stderr, flush=True)
        return 1
    if predictor.model is None:
        print(f"no model yet: each is loaded by its name ({format_.name}) at {where}", flush=True)
    else:
        print(f"model {options.model_name} is ready ({format_.name}) at {where}", flush=True)
    calls = await speak(repository, options)
    await stop.wait()
    if calls is not None:
        calls.close()
    await server.stop(options.grace)
    return 0


def grpc_port(options: argparse.Namespace) -> tuple[int, bool]:
    """(where gRPC is spoken, whether it must be), port 0 for nowhere: on a unix socket alone nobody would
    find it."""
    told = os.environ.get(GRPC_VARIABLE, "")
    if told.isdigit():
        return int(told), True
    if options.unix_socket or options.enable_grpc.lower() == "false":
        return 0, False
    return options.grpc_port or (GRPC_PORT if options.host == "0.0.0.0" else 0), False  # noqa: S104


async def speak(repository: Repository, options: argparse.Namespace) -> Any:
    """gRPC's server, None where there is none. ImportError, OSError: there must be one, and cannot."""
    port, must = grpc_port(options)
    if not port:
        return None
    try:
        from . import rpc

        return await rpc.listen(repository, options.host, port)
    except (ImportError, OSError) as problem:
        if must:
            raise
        print(f"no gRPC at port {port}: {problem}", file=sys.stderr, flush=True)
        return None


def main(format_: Format) -> None:
    # On small batches BLAS threads cost more than they bring, and replicas share the cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(asyncio.run(serve(format_, arguments(format_.name, sys.argv[1:]))))
