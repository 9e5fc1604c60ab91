"""Lets browsers in at endpoints with a gate (notebooks, TensorBoards): codes, sessions, and who may pass.

Envoy asks here about every request of such an endpoint (`picture.SESSIONS`) and sends what is below
`picture.ENTRANCE` here. Control gives invitations through `process`. Invariants: a code works once and for a
short while, at one endpoint; a session is a signed cookie of one host that names the endpoint's present gate,
so none opens another door and a stopped notebook's never works again; a page of any other origin is refused,
also one of a neighbour's, which browsers count as the same site.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec

from pinnace.gateway.interface import Endpoint, Refused
from pinnace.gateway.page import HTML
from pinnace.gateway.pages import form, how, page
from pinnace.gateway.picture import COOKIE, ENTRANCE
from pinnace.home import Home, write_private
from pinnace.runtimes.server import Request, Response, Server

CHECK = "/check"
"""What Envoy puts before the path that it asks about."""
SESSION = f"{ENTRANCE}session"
CODE_SECONDS = 300.0
CODES_AT_ONCE = 256
SESSION_SECONDS = 7 * 86400.0
ASKED = ("cookie", "origin", "accept", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest",
         "sec-websocket-version")
"""Headers that Envoy shows beside method, host and path."""


class Invitation(msgspec.Struct, frozen=True):
    key: str
    gate: str
    location: str
    end: float


class Doorkeeper:
    """`find` gives the endpoint that a host leads to. `clock`: unix seconds."""

    def __init__(
        self, home: Home, find: Callable[[str], Endpoint | None], clock: Callable[[], float] = time.time
    ) -> None:
        self._find = find
        self._clock = clock
        self._key = signing_key(home.gateway / "sessions.key")
        fingerprint = hashlib.blake2s(str(home.root).encode(), digest_size=4).hexdigest()
        self.cookie = f"{COOKIE}_gate_{fingerprint}"
        self._codes: dict[str, Invitation] = {}
        self.server = Server(self.handle)

    async def listen(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        await self.server.listen_unix(path)

    def invite(self, endpoint: Endpoint, location: str) -> str:
        """Raises Refused. The code is known by its digest alone."""
        if not endpoint.gate:
            raise Refused(f"{endpoint.key} is open: it needs no invitation")
        parts = urlsplit(location)
        if not location.startswith("/") or parts.netloc or not location.isprintable() or "\\" in location:
            raise Refused(f"{location!r} is no path of {endpoint.key}")
        now = self._clock()
        living = [(code, one) for code, one in self._codes.items() if one.end > now]
        self._codes = dict(living[-(CODES_AT_ONCE - 1) :])
        code = secrets.token_urlsafe(24)
        self._codes[digest(code)] = Invitation(endpoint.key, endpoint.gate, location, now + CODE_SECONDS)
        return code

    def handle(self, request: Request) -> Response:
        endpoint = self._find(request.headers.get("host", ""))
        if endpoint is None or not endpoint.gate:
            return page(404, "<p>Nothing is served at this address.</p>")
        target = request.target
        if target.startswith(f"{CHECK}/"):
            return self._check(request, endpoint)
        if request.path != SESSION:
            return page(404, "<p>There is no such page.</p>")
        if request.method == "POST":
            return self._redeem(request, endpoint)
        code = parse_qs(urlsplit(target).query, max_num_fields=4).get("code", [""])[0]
        return page(200, form(SESSION, code) if code else how(endpoint))

    def _check(self, request: Request, endpoint: Endpoint) -> Response:
        if not self.known(endpoint, request.headers.get("cookie", "")):
            return unknown(request, endpoint)
        if why := foreign(request.method, request.headers):
            return Response(f"{why}\n".encode(), 403, "text/plain; charset=utf-8")
        return Response(b"")

    def known(self, endpoint: Endpoint, cookies: str) -> bool:
        """Any valid one will do: a neighbour's page may have laid others under the same name before it."""
        return any(self._valid(endpoint, value) for value in values(cookies, self.cookie))

    def _redeem(self, request: Request, endpoint: Endpoint) -> Response:
        if foreign(request.method, request.headers):
            return page(403, "<p>Only this page itself may send its form.</p>")
        form_type = request.headers.get("content-type", "")
        if not form_type.startswith("application/x-www-form-urlencoded") or len(request.body) > 4096:
            return page(415, "<p>Send the form of this page.</p>")
        given = parse_qs(request.body.decode("latin-1"), max_num_fields=4).get("code", [""])[0]
        invitation = self._codes.pop(digest(given), None)
        if (
            invitation is None or invitation.end <= self._clock()
            or (invitation.key, invitation.gate) != (endpoint.key, endpoint.gate)
        ):
            words = "<p>This link was used already, or is too old.</p>"
            return page(403, words + how(endpoint))
        cookie = f"{self.cookie}={self._session(endpoint)}; Path=/; Max-Age={int(SESSION_SECONDS)}; "
        headers = (("Location", invitation.location), ("Set-Cookie", f"{cookie}HttpOnly; SameSite=Lax"))
        return Response(b"", 303, HTML, (*headers, ("Cache-Control", "no-store")))

    def _session(self, endpoint: Endpoint) -> str:
        body = f"{int(self._clock() + SESSION_SECONDS)}.{secrets.token_urlsafe(9)}"
        return f"{body}.{self._signature(endpoint, body)}"

    def _signature(self, endpoint: Endpoint, body: str) -> str:
        signed = "\n".join((endpoint.key, endpoint.gate, body)).encode()
        return base64.urlsafe_b64encode(hmac.digest(self._key, signed, "sha256")).decode().rstrip("=")

    def _valid(self, endpoint: Endpoint, value: str) -> bool:
        body, _, signature = value.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(endpoint, body).encode()):
            return False
        return int(body.partition(".")[0]) > self._clock()


def foreign(method: str, headers: dict[str, str]) -> str:
    """Why a request is not this host's own page's doing; '' if it is, or if a person opens a page."""
    host = headers.get("host", "").lower()
    origin = headers.get("origin", "").lower()
    if origin and origin.partition("://")[2] != host:
        return "requests from pages of another origin are not answered"
    if "sec-websocket-version" in headers and not origin:
        return "a WebSocket by session needs an Origin header"
    if headers.get("sec-fetch-site", "") in ("", "same-origin", "none"):
        return ""
    opened = method in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"
    if opened and headers.get("sec-fetch-dest", "document") == "document":
        return ""
    return "pages of another origin may not show what is here"


def values(cookies: str, name: str) -> Iterator[str]:
    for part in cookies.split(";"):
        found, _, value = part.strip().partition("=")
        if found == name:
            yield value


def unknown(request: Request, endpoint: Endpoint) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return page(401, how(endpoint))
    return Response(b"this address needs a session: open it from the console\n", 401,
                    "text/plain; charset=utf-8", (("Cache-Control", "no-store"),))


def digest(code: str) -> str:
    """Codes are looked up by digest, so that the look-up's time says nothing of a code."""
    return hashlib.sha256(code.encode()).hexdigest()


def signing_key(file: Path) -> bytes:
    """Made once a home, so that sessions outlive a restart of the gateway."""
    with contextlib.suppress(OSError):
        found = file.read_bytes()
        if len(found) == 32:
            return found
    made = secrets.token_bytes(32)
    write_private(file, made)
    return made
