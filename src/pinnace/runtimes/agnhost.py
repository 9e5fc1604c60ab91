"""Stands for Kubernetes' test image agnhost: the subcommands that its pages and manifests use.

Paths, ports, flags and answers are agnhost's (test/images/agnhost of Kubernetes); a subcommand that is not
here is refused by name.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import parse_qs

from .server import Request, Response
from .serving import serve

PLAIN = "text/plain; charset=utf-8"
GOOD_FOR = 10.0
"""`liveness` is well for so many seconds, then no longer."""


def text(words: str, status: int = 200) -> Response:
    return Response(words.encode(), status, PLAIN)


def queries(request: Request) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(request.target.partition("?")[2]).items()}


class Netexec:
    """`agnhost netexec`: a server that does what it is asked by its path."""

    def __init__(self) -> None:
        self.ready = True
        self.paths: dict[str, Callable[[Request], Response | Awaitable[Response]]] = {
            "/": lambda _: text(f"NOW: {time.strftime('%Y-%m-%d %H:%M:%S')} +0000 UTC"),
            "/clientip": lambda request: text(request.peer),
            "/echo": self.echo,
            "/exit": self.exit,
            "/header": lambda request: text(request.headers.get(queries(request).get("key", "").lower(), "")),
            "/healthz": lambda _: text("") if self.ready else text("", 412),
            "/hostname": lambda _: text(socket.gethostname()),
            "/hostName": lambda _: text(socket.gethostname()),
            "/redirect": self.redirect,
            "/shell": lambda request: asyncio.to_thread(self.shell, request),
            "/shutdown": self.exit,
            "/dial": lambda request: asyncio.to_thread(self.dial, request),
        }

    def handle(self, request: Request) -> Response | Awaitable[Response]:
        print(f"{time.strftime('%Y/%m/%d %H:%M:%S')} {request.method} {request.target}", flush=True)
        return self.paths.get(request.path, self.paths["/"])(request)

    def echo(self, request: Request) -> Response:
        asked = queries(request)
        return text(asked.get("msg", ""), int(asked.get("code", "200")))

    def redirect(self, request: Request) -> Response:
        asked = queries(request)
        where = ("Location", asked.get("location", "/"))
        return Response(b"", int(asked.get("code", "302")), PLAIN, (where,))

    def exit(self, request: Request) -> Response:
        asked = queries(request)
        wait = float(asked.get("wait", "0").rstrip("s") or 0)
        threading.Timer(wait + 0.1, os._exit, (int(asked.get("code", "0")),)).start()
        return text("")

    def shell(self, request: Request) -> Response:
        command = queries(request).get("shellCommand") or queries(request).get("cmd", "")
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True)
        answer = {"output": done.stdout + done.stderr}
        if done.returncode:
            answer["error"] = f"exit status {done.returncode}"
        return text(json.dumps(answer))

    def dial(self, request: Request) -> Response:
        """Asks others by HTTP or UDP and tells what they said."""
        asked = queries(request)
        words, errors = [], []
        for _ in range(int(asked.get("tries", "1"))):
            try:
                words.append(ask(asked))
            except OSError as error:
                errors.append(str(error))
        return text(json.dumps({"responses": words} | ({"errors": errors} if errors else {})))


def ask(asked: dict[str, str]) -> str:
    host, port, words = asked.get("host", ""), int(asked.get("port", "80")), asked.get("request", "hostname")
    if asked.get("protocol") == "udp":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(5)
            udp.sendto(words.encode(), (host, port))
            return udp.recv(2048).decode(errors="replace").strip()
    from urllib.request import urlopen

    with urlopen(f"http://{host}:{port}/{words}", timeout=5) as answer:
        return str(answer.read().decode(errors="replace")).strip()


class Datagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        first, _, rest = data.decode(errors="replace").strip().partition(" ")
        known = {
            "hostname": socket.gethostname(), "clientip": f"{addr[0]}:{addr[1]}", "echo": rest,
        }
        answer = known.get(first.lower(), f"unknown UDP command {first}")
        self.transport.sendto(answer.encode(), addr)  # type: ignore[attr-defined]


def datagrams(port: int) -> None:
    """UDP in a thread of its own, beside the HTTP server's loop."""
    async def listen() -> None:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(Datagrams, local_addr=("0.0.0.0", port))  # noqa: S104 - the pod's
        await asyncio.Event().wait()

    threading.Thread(target=lambda: asyncio.run(listen()), daemon=True).start()


def netexec(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="agnhost netexec")
    parser.add_argument("--http-port", type=int, default=8080)
    parser.add_argument("--udp-port", type=int, default=8081)
    parser.add_argument("--delay-shutdown", type=int, default=0)
    options, _ = parser.parse_known_args(words)
    print(f"Started HTTP server on port {options.http_port}", flush=True)
    if options.udp_port > 0:
        datagrams(options.udp_port)
        print(f"Started UDP server on port  {options.udp_port}", flush=True)
    return serve({options.http_port: Netexec().handle})


def serve_hostname(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="agnhost serve-hostname")
    parser.add_argument("--port", type=int, default=9376)
    options, _ = parser.parse_known_args(words)
    print(f"Serving on port {options.port}.", flush=True)
    return serve({options.port: lambda _: text(socket.gethostname())})


def liveness(_: Sequence[str]) -> int:
    started = time.monotonic()

    def handle(request: Request) -> Response:
        passed = time.monotonic() - started
        if request.path == "/healthz" and passed > GOOD_FOR:
            return text(f"error: {passed}", 500)
        return text("ok")

    return serve({8080: handle})


def webserver(words: Sequence[str]) -> int:
    """`test-webserver`: the files below the root folder."""
    parser = argparse.ArgumentParser(prog="agnhost test-webserver")
    parser.add_argument("--port", type=int, default=80)
    options, _ = parser.parse_known_args(words)

    def handle(request: Request) -> Response:
        try:
            return Response(Path(os.path.normpath("/" + request.path)).read_bytes(), 200, PLAIN)
        except OSError as error:
            return text(str(error), 404)

    return serve({options.port: handle})


def pause(_: Sequence[str]) -> int:
    print("Paused", flush=True)
    return serve({})


def connect(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="agnhost connect")
    parser.add_argument("place")
    parser.add_argument("--timeout", type=lambda given: float(given.rstrip("s")), default=None)
    parser.add_argument("--protocol", default="tcp")
    options = parser.parse_args(words)
    host, _, port = options.place.rpartition(":")
    try:
        socket.create_connection((host, int(port)), options.timeout).close()
    except TimeoutError:
        return said("TIMEOUT")
    except socket.gaierror:
        return said("DNS: no such host")
    except ConnectionRefusedError:
        return said("REFUSED")
    except OSError as error:
        return said(f"OTHER: {error}")
    return 0


def said(words: str) -> int:
    print(words, file=sys.stderr)
    return 1


def entrypoint_tester(words: Sequence[str]) -> int:
    print(f"[{' '.join(('/agnhost', 'entrypoint-tester', *words))}]")
    return 0


def logs(words: Sequence[str]) -> int:
    """`logs-generator`: so many lines in such a time."""
    parser = argparse.ArgumentParser(prog="agnhost logs-generator")
    parser.add_argument("-t", "--log-lines-total", type=int, default=0)
    parser.add_argument("-d", "--run-duration", type=lambda given: float(given.rstrip("s")), default=0.0)
    options = parser.parse_args(words)
    for number in range(options.log_lines_total):
        stamp = time.strftime("%m%d %H:%M:%S")
        print(f"I{stamp}.000000 {os.getpid()} logs_generator.go:76] {number} GET /api/v1/pods", flush=True)
        time.sleep(options.run_duration / options.log_lines_total)
    return 0


def resolver(word: str) -> Callable[[Sequence[str]], int]:
    def tell(_: Sequence[str]) -> int:
        lines = [line.split() for line in Path("/etc/resolv.conf").read_text().splitlines()]
        print(",".join(name for line in lines if line and line[0] == word for name in line[1:]))
        return 0

    return tell


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "netexec": netexec, "serve-hostname": serve_hostname, "liveness": liveness, "test-webserver": webserver,
    "pause": pause, "connect": connect, "entrypoint-tester": entrypoint_tester, "logs-generator": logs,
    "dns-suffix": resolver("search"), "dns-server-list": resolver("nameserver"),
}


def main() -> int:
    name, *words = sys.argv[1:] or ["pause"]
    command = COMMANDS.get(name)
    if command is None:
        known = ", ".join(COMMANDS)
        print(f'Error: unknown command "{name}" for "agnhost": this stand-in has {known}', file=sys.stderr)
        return 1
    return command(words)


if __name__ == "__main__":
    sys.exit(main())
