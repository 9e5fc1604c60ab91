"""Stand-ins for small programs that Kubernetes' pages run: `python -m pinnace.runtimes.samples NAME …`.

Each says what its image's program says, on its port. The rules of `environments_shipped` name them.
"""

from __future__ import annotations

import argparse
import math
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .server import Handler, Request, Response
from .serving import serve

PLAIN = "text/plain; charset=utf-8"


def text(words: str, status: int = 200) -> Response:
    return Response(words.encode(), status, PLAIN)


def bootcamp(version: str) -> Handler:
    started = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    host = socket.gethostname()
    print(f"Kubernetes Bootcamp App Started At: {started} | Running On:  {host}", flush=True)
    since, total = time.monotonic(), 0

    def handle(_: Request) -> Response:
        nonlocal total
        total += 1
        print(
            f"Running On: {host} | Total Requests: {total} | App Uptime: {time.monotonic() - since} seconds "
            f"| Log Time: {time.strftime('%Y-%m-%dT%H:%M:%S.000Z', time.gmtime())}", flush=True,
        )
        return text(f"Hello Kubernetes bootcamp! | Running on: {host} | v={version}\n")

    return handle


def hello(version: str) -> Handler:
    def handle(request: Request) -> Response:
        print(f"{time.strftime('%Y/%m/%d %H:%M:%S')} Serving request: {request.path}", flush=True)
        return text(f"Hello, world!\nVersion: {version}\nHostname: {socket.gethostname()}\n")

    return handle


def node_hello(_: Request) -> Response:
    return text("Hello Kubernetes!")


def busy(_: Request) -> Response:
    """Work for the autoscaler's pages: a million square roots an answer."""
    number = 0.0001
    for _step in range(1_000_000):
        number += math.sqrt(number)
    return text("OK!")


def echo(request: Request) -> Response:
    """What was asked, and of whom."""
    headers = "".join(f"\t{name}={value}\n" for name, value in sorted(request.headers.items()))
    host = request.headers.get("host", "")
    return text(
        f"\n\nHostname: {socket.gethostname()}\n\nPod Information:\n"
        f"{''.join(pod()) or chr(9) + '-no pod information available-' + chr(10)}\n"
        f"Server values:\n\tserver_version=a stand-in of Pinnace's\n\nRequest Information:\n"
        f"\tclient_address={request.peer.rpartition(':')[0]}\n\tmethod={request.method}\n"
        f"\treal path={request.target}\n\tquery={request.target.partition('?')[2]}\n\trequest_version=1.1\n"
        f"\trequest_scheme=http\n\trequest_uri=http://{host}{request.target}\n\nRequest Headers:\n{headers}\n"
        f"Request Body:\n{request.body.decode(errors='replace') or chr(9) + '-no body in request-'}\n\n"
    )


def pod() -> list[str]:
    names = {
        "NODE_NAME": "node name", "POD_NAME": "pod name", "POD_NAMESPACE": "pod namespace",
        "POD_IP": "pod IP",
    }
    return [f"\t{shown}:\t{os.environ[name]}\n" for name, shown in names.items() if os.environ.get(name)]


def who(request: Request) -> Response:
    others = [one for one in request.headers.items() if one[0] != "host"]
    headers = "".join(f"{name.title()}: {value}\n" for name, value in others)
    return text(
        f"Hostname: {socket.gethostname()}\nRemoteAddr: {request.peer}\n"
        f"{request.method} {request.target} HTTP/1.1\nHost: {request.headers.get('host', '')}\n{headers}\n"
    )


def said(words: Sequence[str]) -> int:
    """hashicorp/http-echo: one text for every path."""
    parser = argparse.ArgumentParser(prog="http-echo", allow_abbrev=False)
    parser.add_argument("-text", "--text", default=os.environ.get("ECHO_TEXT", "hello-world"))
    parser.add_argument("-listen", "--listen", default=":5678")
    parser.add_argument("-status-code", "--status-code", type=int, default=200)
    options = parser.parse_args(words)
    port = int(options.listen.rpartition(":")[2])
    return serve({port: lambda _: text(f"{options.text}\n", options.status_code)})


def stress(words: Sequence[str]) -> int:
    """`stress --vm N --vm-bytes 150M --cpu N --timeout S`: memory that is held and cores that are busy."""
    parser = argparse.ArgumentParser(prog="stress", allow_abbrev=False)
    parser.add_argument("-c", "--cpu", "-cpus", type=int, default=0)
    parser.add_argument("-m", "--vm", type=int, default=0)
    parser.add_argument("--vm-bytes", "-mem-total", type=amount, default=amount("256M"))
    parser.add_argument("--vm-hang", type=float, default=0)
    parser.add_argument("-t", "--timeout", type=lambda given: float(given.rstrip("s")), default=math.inf)
    options, _ = parser.parse_known_args(words)
    told = f"{options.cpu} cpu, 0 io, {options.vm} vm, 0 hdd"
    print(f"stress: info: [{os.getpid()}] dispatching hogs: {told}", flush=True)
    held = [b"\1" * options.vm_bytes for _ in range(options.vm)]
    children = [pid for _ in range(options.cpu) if (pid := os.fork()) or spin(options.timeout)]
    time.sleep(min(options.timeout, 3.0e7))
    for child in children:
        os.waitpid(child, 0)
    held.clear()
    print(f"stress: info: [{os.getpid()}] successful run completed in {options.timeout:.0f}s")
    return 0


def spin(seconds: float) -> int:
    """A child of `stress`: it does not come back."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        math.sqrt(until)
    os._exit(0)


def amount(given: str) -> int:
    scale = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}.get(given.rstrip("iB")[-1:].lower(), 1)
    return int(given.rstrip("iB").rstrip("kKmMgG")) * scale


def version(words: Sequence[str]) -> str:
    """The image's tag says which it is; a stand-in is told by the rule."""
    return words[0] if words else "1"


PROGRAMS: dict[str, Callable[[Sequence[str]], int]] = {
    "bootcamp": lambda words: serve({8080: bootcamp(version(words))}),
    "hello-app": lambda words: serve({int(os.environ.get("PORT", "8080")): hello(f"{version(words)}.0.0")}),
    "node-hello": lambda _: serve({8080: node_hello}),
    "hpa-example": lambda _: serve({80: busy}),
    "echoserver": lambda _: serve({8080: echo}),
    "whoami": lambda words: serve({int(os.environ.get("WHOAMI_PORT_NUMBER", "80")): who}),
    "http-echo": said,
    "stress": stress,
}


def main() -> int:
    name, *words = sys.argv[1:] or [""]
    program = PROGRAMS.get(Path(name).name)
    if program is None:
        print(f"no program {name!r}; there are {', '.join(PROGRAMS)}", file=sys.stderr)
        return 2
    return program(words)


if __name__ == "__main__":
    sys.exit(main())
