"""Who asks: the owner's token, the cookie of a browser that signed in by a one-time link, or the token of a
service account.

Called by the gate in `app.py` for every request. Invariants: secrets are compared in constant time and never
logged; a code works once and for a short while; sessions are signed with a key derived from the token, so
they outlive a restart of control and end when the token is replaced.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable, Iterable

from pinnace.home import Home, write_private
from pinnace.objects.client import Identity
from pinnace.objects.tokens import AUDIENCES, InvalidToken, Tokens, Verified, looks_like_one

OWNER = Identity("pinnace-admin", ("system:masters", "system:authenticated"))
"""The owner of the machine: whoever can read the token file may do everything."""
CODE_SECONDS = 600.0
CODES_AT_ONCE = 64
SESSION_SECONDS = 7 * 86400.0
COOKIE_PREFIX = "pinnace_session"
"""The gateway strips cookies of this prefix."""


class Authenticator:
    """Reads (or makes, 0600) the token of a home. `clock` gives unix seconds."""

    def __init__(
        self, home: Home, clock: Callable[[], float] = time.time, tokens: Tokens | None = None
    ) -> None:
        """`tokens` knows the service accounts; without it there is only the owner."""
        self.token = _token(home)
        self.tokens = tokens
        self._clock = clock
        self._key = hashlib.blake2b(b"console sessions", key=self.token.encode()[:64]).digest()
        fingerprint = hashlib.blake2s(str(home.root).encode(), digest_size=4).hexdigest()
        self.cookie = f"{COOKIE_PREFIX}_{fingerprint}"
        self._codes: dict[str, float] = {}

    async def by_token(self, authorization: str) -> Identity | None:
        """`authorization` is the header's value."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            return (await self.verified(token.strip())).identity
        except InvalidToken:
            return None

    async def verified(self, token: str, audiences: Iterable[str] = ()) -> Verified:
        """Whose token it is, and for whom of `audiences` (nobody named: for this server). InvalidToken."""
        if hmac.compare_digest(token.encode(), self.token.encode()):
            wanted = tuple(audiences) or AUDIENCES
            found = tuple(one for one in wanted if one in AUDIENCES)
            if not found:
                raise InvalidToken("the owner's token is for this server alone")
            return Verified(OWNER, found)
        if self.tokens is None or not looks_like_one(token):
            raise InvalidToken("this token is not one of this platform's")
        return (await self.tokens.ready()).check(token, audiences)

    def by_cookies(self, header: str) -> Identity | None:
        """`header` is the value of `Cookie`."""
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            if name == self.cookie:
                return OWNER if self._valid(value) else None
        return None

    def issue_code(self) -> str:
        """A code for one sign-in within ten minutes; kept in memory only."""
        now = self._clock()
        live = [(code, end) for code, end in self._codes.items() if end > now]
        self._codes = dict(live[-(CODES_AT_ONCE - 1) :])
        code = secrets.token_urlsafe(24)
        self._codes[_digest(code)] = now + CODE_SECONDS
        return code

    def redeem(self, code: str) -> str | None:
        """Spend a code: the value of a `Set-Cookie` header, or None if it is unknown, used or old."""
        end = self._codes.pop(_digest(code), 0.0)
        if end <= self._clock():
            return None
        return f"{self.cookie}={self._session()}; {self._attributes(SESSION_SECONDS)}"

    def farewell(self) -> str:
        """The `Set-Cookie` value that ends a session in the browser."""
        return f"{self.cookie}=; {self._attributes(0)}"

    @staticmethod
    def _attributes(seconds: float) -> str:
        return f"Path=/; Max-Age={int(seconds)}; HttpOnly; SameSite=Strict"

    def _session(self) -> str:
        end = int(self._clock() + SESSION_SECONDS)
        body = f"{end}.{secrets.token_urlsafe(9)}"
        return f"{body}.{self._signature(body)}"

    def _signature(self, body: str) -> str:
        return base64.urlsafe_b64encode(hmac.digest(self._key, body.encode(), "sha256")).decode().rstrip("=")

    def _valid(self, value: str) -> bool:
        body, _, signature = value.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(body).encode()):
            return False
        return int(body.partition(".")[0]) > self._clock()


def _digest(code: str) -> str:
    """Codes are looked up by digest, so that the look-up's time says nothing of a code."""
    return hashlib.sha256(code.encode()).hexdigest()


def _token(home: Home) -> str:
    try:
        found = home.token.read_text().strip()
    except FileNotFoundError:
        found = ""
    if len(found) >= 32:
        os.chmod(home.token, 0o600)
        return found
    made = secrets.token_urlsafe(32)
    write_private(home.token, made.encode() + b"\n")
    return made
