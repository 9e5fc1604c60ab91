"""How a pod's ticket is written: who it is, signed with a key that control and node derive alike. Pure.

`node/tracking` writes them, `objects/tickets` reads them.
"""

from __future__ import annotations

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


def written(key: bytes, uid: str) -> str:
    """The ticket of the pod with this uid."""
    return f"{PREFIX}{uid}.{_signature(key, uid)}"


def opened(key: bytes, text: str) -> str:
    """The pod's uid; '': it is not one that this key signed."""
    uid, _, signature = text.removeprefix(PREFIX).rpartition(".")
    good = hmac.compare_digest(signature.encode(), _signature(key, uid).encode())
    return uid if good and text.startswith(PREFIX) else ""


def _signature(key: bytes, uid: str) -> str:
    return hmac.digest(key, uid.encode(), "sha256").hex()
