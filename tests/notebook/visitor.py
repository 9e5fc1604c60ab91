"""A browser as far as the gateway and Jupyter can tell: cookies of one host, its own Origin, WebSockets."""

from __future__ import annotations

import http.client
import json
import socket
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from websockets.sync.client import ClientConnection, connect

FORM = "application/x-www-form-urlencoded"


class Visitor:
    """Enters by a link; every later request carries what its host has set."""

    def __init__(self, link: str) -> None:
        parts = urlsplit(link)
        self.host, self.port = parts.netloc, parts.port or 80
        self.origin = f"http://{parts.netloc}"
        self.jar: dict[str, str] = {}
        code = parse_qs(parts.query)["code"][0]
        self.first = self.ask("POST", parts.path, urlencode({"code": code}).encode(), {"content-type": FORM})
        self.location = self.headers.get("location", "")

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            client.request(method, path, body, {**self.own(), **(headers or {})})
            answer = client.getresponse()
            self.headers = dict(answer.getheaders())
            for line in answer.headers.get_all("set-cookie") or ():
                self.jar |= {name: one.value for name, one in SimpleCookie(line).items()}
            return answer.status, answer.read()
        finally:
            client.close()

    def own(self) -> dict[str, str]:
        found = {"host": self.host, "origin": self.origin}
        if self.jar:
            found["cookie"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        if "_xsrf" in self.jar:
            found["x-xsrftoken"] = self.jar["_xsrf"]
        return found

    def json(self, method: str, path: str, body: Any = None) -> Any:
        code, content = self.ask(
            method, path, json.dumps(body).encode() if body is not None else None,
            {"content-type": "application/json"} if body is not None else None,
        )
        assert code < 300, f"{method} {path}: {code} {content.decode(errors='replace')[:300]}"
        return json.loads(content or b"null")

    def socket(self, path: str, **other: str | None) -> ClientConnection:
        """`other` takes the place of this visitor's own headers (None: none)."""
        headers = {"cookie": self.own().get("cookie", ""), "origin": self.origin, **other}
        origin = headers.pop("origin")
        sent = {name: value for name, value in headers.items() if value}
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=120)
        return connect(
            f"ws://{self.host}{path}", sock=plain, additional_headers=sent,
            origin=origin,  # type: ignore[arg-type]
            open_timeout=120, max_size=None, compression=None,
        )
