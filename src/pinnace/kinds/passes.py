"""How a pod's ticket is written: who it is, signed with a key that control and node derive alike. Pure.

`node/tracking` writes them, `objects/tickets` reads them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

import msgspec

PREFIX = "pinnace-pod."


class Claims(msgspec.Struct, frozen=True, array_like=True):
    uid: str
    namespace: str
    account: str


def key_of(token: str) -> bytes:
    """From the home's token, which only the machine's owner can read."""
    return hashlib.blake2b(b"tickets of pods", key=token.encode()[:64]).digest()


def written(key: bytes, claims: Claims) -> str:
    body = base64.urlsafe_b64encode(msgspec.json.encode(claims)).decode().rstrip("=")
    return f"{PREFIX}{body}.{_signature(key, body)}"


def opened(key: bytes, text: str) -> Claims | None:
    """None: it is not one that this key signed."""
    body, _, signature = text.removeprefix(PREFIX).rpartition(".")
    if not text.startswith(PREFIX) or not hmac.compare_digest(
        signature.encode(), _signature(key, body).encode()
    ):
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=Claims)
    except (msgspec.DecodeError, binascii.Error, ValueError):
        return None


def _signature(key: bytes, body: str) -> str:
    return base64.urlsafe_b64encode(hmac.digest(key, body.encode(), "sha256")).decode().rstrip("=")
