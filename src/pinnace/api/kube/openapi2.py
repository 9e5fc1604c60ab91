"""The OpenAPI v2 document, which describes nothing: all that is served is in v3.

kubectl and Helm ask for it when v3 does not know a kind, and would report a missing document instead of the
missing kind. Binary form: gnostic's openapiv2 `Document` (1 swagger, 2 info {1 title, 2 version}, 8 paths).
"""

from __future__ import annotations

from pinnace import __version__
from pinnace.api.http import Request

TITLE = "Kubernetes"
PROTOBUF = "application/com.github.proto-openapi.spec.v2"
ANSWERED = f"{PROTOBUF}.v1.0+protobuf"
"""Clients ask with an @ before the version, which no media type may have."""


async def answer(request: Request) -> None:
    for part in request.header(b"accept").split(","):
        media = part.partition(";")[0].strip()
        if media.startswith(PROTOBUF):
            await request.reply(200, binary(), ANSWERED)
            return
        if media in ("application/json", "*/*", ""):
            break
    info = {"title": TITLE, "version": __version__}
    await request.json(200, {"swagger": "2.0", "info": info, "paths": {}, "definitions": {}})


def binary() -> bytes:
    info = _text(1, TITLE.encode()) + _text(2, __version__.encode())
    return _text(1, b"2.0") + _text(2, info) + _text(8, b"")


def _text(number: int, value: bytes) -> bytes:
    """A length-delimited field of less than 128 bytes."""
    return bytes((number << 3 | 2, len(value))) + value
