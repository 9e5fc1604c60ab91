"""How the command line talks to a running control: plain HTTP on loopback, with the home's token.

Standard library only, so that `up` and `status` start fast. Commands that watch use `objects.Remote`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from pinnace.home import Home


class Unreachable(Exception):
    """Nobody answers for this home; the message says what to do."""


class Refused(Exception):
    """The platform answered with a Status that is a failure."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Connection(msgspec.Struct, frozen=True):
    port: int
    token: str

    @classmethod
    def to(cls, home: Home) -> Connection:
        """Raises Unreachable if no control of this home has written where it listens."""
        try:
            where = json.loads((home.root / "control.json").read_text())
            return cls(int(where["port"]), home.token.read_text().strip())
        except (OSError, ValueError, KeyError) as error:
            raise Unreachable(f"no platform runs in {home.root}: start one with `pinnace up`") from error

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def plain_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def request(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json",
        timeout: float = 30,
    ) -> bytes:
        """The body of a 2xx answer. Raises Refused for another, Unreachable when nobody listens."""
        import http.client

        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers["Content-Type"] = content_type
        try:
            client.request(method, path, data, headers)
            answer = client.getresponse()
            content = answer.read()
        except OSError as error:
            raise Unreachable(
                f"nothing answers on port {self.port}: `pinnace status` tells more, `pinnace up` starts it"
            ) from error
        finally:
            client.close()
        if answer.status >= 300:
            raise Refused(answer.status, failure(content) or f"HTTP {answer.status} for {path}")
        return content

    def stream(self, path: str) -> Iterator[Any]:
        """The JSON documents of a watch, one a line, until the server ends it."""
        for line in self.lines(path):
            if line.strip():
                yield json.loads(line)

    def lines(self, path: str) -> Iterator[str]:
        """Lines of text (a log that is followed) as they come, without their ends."""
        import http.client

        client = http.client.HTTPConnection("127.0.0.1", self.port)
        try:
            client.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
            answer = client.getresponse()
            if answer.status >= 300:
                raise Refused(answer.status, failure(answer.read()))
            for line in answer:
                yield line.decode(errors="replace").rstrip("\r\n")
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"the connection to port {self.port} broke: {error}") from error
        finally:
            client.close()

    def text(self, path: str) -> str:
        try:
            return self.request("GET", path, timeout=5).decode().strip()
        except Refused as refusal:
            return str(refusal)

    def json(self, path: str) -> Any:
        return json.loads(self.request("GET", path))


def failure(content: bytes) -> str:
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace").strip()[:500]
