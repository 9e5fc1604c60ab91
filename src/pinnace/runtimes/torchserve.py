"""TorchServe itself (from PyPI; it needs Java) behind the port that KServe's image has.

Takes the arguments of KServe's runtime: `torchserve --start --model-store=… --ts-config=…`. TorchServe
listens where its own config.properties says, but on the loopback; what comes to us is asked there. It is
ready when its models are, and so is its gRPC at the port that the pod names for it.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from . import program
from .component import Component
from .door import open_door
from .program import everywhere
from .server import Request, Response, Server, error

ADDRESSES = ("inference_address", "management_address", "metrics_address")
PORTS = ("grpc_inference_port", "grpc_management_port")
LOOK = 0.2


def settings(path: Path) -> dict[str, str]:
    lines = path.read_text().splitlines() if path.is_file() else []
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): text.strip() for name, _, text in pairs}


def alone(given: dict[str, str]) -> dict[str, str]:
    """The same settings with every address on the loopback, at ports that nobody has: pods may share it."""
    with ExitStack() as held:
        places = [held.enter_context(socket.socket()) for _ in (*ADDRESSES, *PORTS)]
        for place in places:
            place.bind(("127.0.0.1", 0))
        numbers = [int(place.getsockname()[1]) for place in places]
    own = [f"http://127.0.0.1:{number}" for number in numbers[: len(ADDRESSES)]]
    return {**given, **dict(zip(ADDRESSES, own, strict=True)), **dict(zip(PORTS, map(str, numbers[len(own):]),
                                                                           strict=True))}


def option(words: list[str], name: str) -> str:
    for index, word in enumerate(words):
        if word == name and index + 1 < len(words):
            return words[index + 1]
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return ""


def without(words: list[str], *names: str) -> list[str]:
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word.partition("=")[0] in names:
            skip = "=" not in word
        else:
            kept.append(word)
    return kept


class Front:
    """Hands on to TorchServe, and answers KServe's questions of readiness."""

    def __init__(self, inference: int, management: int) -> None:
        self.inference = Component("127.0.0.1", inference)
        self.management = Component("127.0.0.1", management)

    async def handle(self, request: Request) -> Response:
        try:
            if request.path == "/":
                return Response(b'{"status":"alive"}')
            if request.path in ("/v2/health/live", "/v2/health/ready"):
                ready = await self.ready()
                return Response(json.dumps({"ready": ready}).encode(), 200 if ready else 503)
            return await self.inference.ask(request)
        except (OSError, EOFError) as problem:
            return error(503, f"TorchServe does not answer: {problem}")

    async def ready(self) -> bool:
        listed = await self.management.ask(Request("GET", "/models", {"host": "localhost"}, b""))
        names = [each["modelName"] for each in json.loads(listed.body).get("models") or ()]
        return bool(names) and all([await self._worked(name) for name in names])

    async def _worked(self, name: str) -> bool:
        path = f"/models/{name}"
        said = await self.management.ask(Request("GET", path, {"host": "localhost"}, b""))
        workers = [worker for each in json.loads(said.body) for worker in each.get("workers") or ()]
        return any(worker.get("status") == "READY" for worker in workers)


async def until_ready(front: Front, running: asyncio.Future[int]) -> bool:
    while not running.done():
        try:
            if await front.ready():
                return True
        except (OSError, EOFError, ValueError, KeyError):
            pass
        await asyncio.sleep(LOOK)
    return False


def without_archives(words: list[str]) -> Path | None:
    """Where the model lies, if it is one TorchScript file instead of TorchServe's folders."""
    store = Path(option(words, "--model-store") or "model-store")
    folder = store.parent
    if store.exists() or not folder.is_dir():
        return None
    return folder if any(each.suffix in (".pt", ".pth") for each in folder.iterdir()) else None


async def serve(words: list[str]) -> int:
    plain = without_archives(words)
    if plain is not None:
        from . import pytorch
        from .predictor import Format

        name = os.environ.get("INFERENCE_SERVICE_NAME", "model")
        options = program.arguments("pytorch", ["--model_name", name, "--model_dir", str(plain)])
        return await program.serve(Format("pytorch", pytorch.load), options)
    if shutil.which("java") is None:
        print("TorchServe runs in Java, and this machine has no `java`: install a JRE", file=sys.stderr)
        return 1
    given = settings(Path(option(words, "--ts-config")))
    found = alone(given)
    folder = Path(tempfile.mkdtemp(prefix="torchserve-"))
    config = folder / "config.properties"
    config.write_text("".join(f"{name}={text}\n" for name, text in found.items()))
    kept = without(words, "--ts-config", "--foreground", "--start", "torchserve")
    argv = ["torchserve", "--start", "--foreground", "--ncs", "--ts-config", str(config), *kept]
    if "--disable-token-auth" not in argv:
        argv.append("--disable-token-auth")  # nobody but us reaches it
    env = {"LOG_LOCATION": str(folder), "METRICS_LOCATION": str(folder), **os.environ}
    env["TS_SERVICE_ENVELOPE"] = os.environ.get("TS_SERVICE_ENVELOPE") or "kserve"
    process = await asyncio.create_subprocess_exec(*argv, env=env, cwd=folder, start_new_session=True)
    running = asyncio.ensure_future(process.wait())
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    ports = [urlsplit(found[name]).port or 0 for name in ADDRESSES]
    front = Front(ports[0], ports[1])
    server = Server(front.handle)
    if await until_ready(front, running):
        where = os.environ.get("PINNACE_HTTP_SOCKET", "")
        if where:
            await server.listen_unix(where)
        else:
            await server.listen_tcp(everywhere(), int(os.environ.get("PORT") or 8080))
        calls = os.environ.get(program.GRPC_VARIABLE, "")
        if calls.isdigit():
            await open_door(everywhere(), int(calls), int(found[PORTS[0]]))
        print("TorchServe is ready", flush=True)
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
        await server.stop(20.0)
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGTERM)
        await asyncio.wait((running,), timeout=10)
    return process.returncode or 0


if __name__ == "__main__":
    sys.exit(asyncio.run(serve(sys.argv[1:])))
