"""Model servers of a composition, in one thread with a loop of its own, and the orchestrator as a process."""

from __future__ import annotations

import asyncio
import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pinnace.runtimes.server import Request, Response, Server

Answer = Callable[[Request], Any]


class Models:
    """Each server has a name and what it answers; `addresses` says where they listen."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.servers: list[Server] = []
        self.ports: dict[str, int] = {}

    def serve(self, name: str, answer: Answer) -> None:
        server = Server(answer)
        listening = server.listen_tcp("127.0.0.1", 0)
        self.ports[name] = asyncio.run_coroutine_threadsafe(listening, self.loop).result(30)
        self.servers.append(server)

    def dockerinfo(self) -> dict[str, Any]:
        listed = [
            {"container_name": name, "ip_address": "127.0.0.1", "port": str(port)}
            for name, port in self.ports.items()
        ]
        return {"docker_info_list": listed}

    def stop(self) -> None:
        for server in self.servers:
            asyncio.run_coroutine_threadsafe(server.stop(1.0), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


@contextmanager
def orchestrator(*words: str) -> Iterator[int]:
    """Its port; it listens."""
    program = [sys.executable, "-m", "pinnace.runtimes.orchestrator", "--host", "127.0.0.1", "--port", "0"]
    process = subprocess.Popen([*program, *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        said = process.stdout.readline()  # '' if it ended instead
        assert "at port" in said, said
        yield int(said.rpartition(" ")[2])
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def ask(
    port: int, method: str, path: str, body: bytes | dict[str, Any] = b"", kind: str = ""
) -> tuple[int, bytes, str]:
    """Status, body and content type."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    sent = json.dumps(body).encode() if isinstance(body, dict) else body
    try:
        client.request(method, path, sent, {"Content-Type": kind} if kind else {})
        answer = client.getresponse()
        return answer.status, answer.read(), answer.getheader("content-type", "")
    finally:
        client.close()


def status(port: int) -> Any:
    return json.loads(ask(port, "GET", "/status")[1])


__all__ = ["Models", "Request", "Response", "ask", "orchestrator", "status"]
