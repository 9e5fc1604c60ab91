"""Requests and answers as CloudEvents: each is sent to a URL, and never changes what the caller gets.

CloudEvents 1.0 in binary form, with the types and extensions of KServe's logger (pkg/logger). Five senders
behind a queue of a hundred; what does not fit is dropped and counted, where upstream would hold up requests.
"""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.error
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import NamedTuple

from .server import Request, Response

TYPE = "org.kubeflow.serving.inference"
SENDERS, QUEUE = 5, 100
PATIENCE = 10.0


class Logged(NamedTuple):
    """What a request and its answer have in common."""

    identity: str
    metadata: str


class Logger:
    """`about`: headers of every event; `names`: headers of requests that go along; `annotations`: what the
    service's own say."""

    def __init__(
        self, url: str, mode: str, about: dict[str, str], names: list[str], annotations: dict[str, str]
    ) -> None:
        self.url = url
        self.mode = mode
        self.about = {name: value for name, value in about.items() if value or name == "ce-endpoint"}
        self.names = {name.lower(): canonical(name) for name in names}
        self.annotations = annotations
        self.dropped = 0
        self._pool = ThreadPoolExecutor(SENDERS, "logger")
        self._under_way = 0

    def begin(self, request: Request) -> Logged:
        given = {self.names[name]: [value] for name, value in request.headers.items() if name in self.names}
        logged = Logged(request.headers.get("ce-id") or str(uuid.uuid4()), json.dumps(given))
        if self.mode in ("all", "request"):
            self._send(logged, "request", request.headers.get("content-type", ""), request.body)
        return logged

    def end(self, logged: Logged, request: Request, response: Response) -> None:
        if self.mode in ("all", "response") and response.status == 200:
            self._send(logged, "response", request.headers.get("content-type", ""), response.body)

    def _send(self, logged: Logged, kind: str, content_type: str, body: bytes) -> None:
        if self._under_way >= QUEUE:
            self.dropped += 1
            if self.dropped & (self.dropped - 1) == 0:
                complain(f"{self.dropped} events dropped: {self.url} is too slow")
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        headers = {
            "ce-specversion": "1.0", "ce-id": logged.identity, "ce-type": f"{TYPE}.{kind}", "ce-time": now,
            "ce-recordedtime": now, "ce-metadata": logged.metadata,
            "ce-annotations": json.dumps(self.annotations),
            "Content-Type": content_type or "application/json", **self.about,
        }
        self._under_way += 1
        loop = asyncio.get_running_loop()
        sending = loop.run_in_executor(self._pool, post, self.url, headers, body)
        sending.add_done_callback(self._sent)

    def _sent(self, sending: asyncio.Future[str]) -> None:
        self._under_way -= 1
        if not sending.cancelled() and (problem := sending.result()):
            complain(f"an event was not taken: {problem}")


def complain(text: str) -> None:
    print(f"logger: {text}", file=sys.stderr, flush=True)


def post(url: str, headers: dict[str, str], body: bytes) -> str:
    """'' or what went wrong."""
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - as the manifest says
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE):  # noqa: S310
            return ""
    except (urllib.error.URLError, OSError, ValueError) as problem:
        return f"{url}: {problem}"


def canonical(name: str) -> str:
    """`x-request-id` → `X-Request-Id`, as Go writes headers."""
    return "-".join(part.capitalize() for part in name.split("-"))
