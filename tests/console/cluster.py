"""A cluster's API server, as far as the console meets one: a platform in front of which stands what refuses
every path that only Pinnace has (Argo's server and Pipelines stand elsewhere on a cluster, too)."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.e2e.platform import Platform

OURS = re.compile(
    r"/pinnace/|/apis/pinnace\.dev|/apis/v2beta1|/apis/v1beta1/|"
    r"/api/v1/(workflows|archived-workflows|workflow-templates|cluster-workflow-templates|cron-workflows)\b"
)
PARAMETER = re.compile(r"(?<=[?&])nodes=\w+&?")
ABSENT: dict[str, Any] = {
    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "NotFound",
    "message": "the server could not find the requested resource", "details": {}, "code": 404,
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    host = token = ""

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""

    def _answer(self) -> None:
        if OURS.match(self.path):
            self._say(404, json.dumps(ABSENT).encode())
            return
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        upstream = http.client.HTTPConnection(self.host, timeout=120)
        headers = {"Authorization": f"Bearer {self.token}", "Accept": self.headers.get("accept") or "*/*"}
        if media := self.headers.get("content-type"):
            headers["Content-Type"] = media
        try:
            path = PARAMETER.sub("", self.path)  # a cluster passes over it
            upstream.request(self.command, path, body or None, headers)
            self._pass(upstream.getresponse())
        finally:
            upstream.close()

    def _pass(self, answer: http.client.HTTPResponse) -> None:
        if self.path == "/apis":
            found = json.loads(answer.read())
            found["groups"] = [one for one in found["groups"] if one["name"] != "pinnace.dev"]
            self._say(200, json.dumps(found).encode())
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.getheader("content-type") or "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        while piece := answer.read1(65536):
            self.wfile.write(piece)

    def _say(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A reader that has gone is none."""


@contextmanager
def cluster(platform: Platform) -> Iterator[str]:
    """Its address."""
    given = {
        "host": platform.api.plain_url.partition("//")[2], "token": platform.home.token.read_text().strip(),
    }
    server = Server(("127.0.0.1", 0), type("At", (Handler,), given))
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        serving.join()
