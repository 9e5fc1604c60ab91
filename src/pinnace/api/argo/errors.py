"""Refusals in the shape of upstream's gateway: an HTTP status and `{"code": <gRPC's>, "message": …}`."""

from __future__ import annotations

from pinnace.objects.errors import StatusError

CODES = {400: 3, 401: 16, 403: 7, 404: 5, 408: 4, 409: 6, 413: 8, 422: 3, 429: 8, 501: 12, 503: 14, 507: 8}
UNAUTHENTICATED = (
    "token not valid: send `Authorization: Bearer <token>`; the owner's token is in the file `token` of the "
    "home (`pinnace status` names the home)"
)


def status(error: StatusError) -> int:
    return 400 if error.code == 422 else error.code


def body(error: StatusError) -> dict[str, object]:
    code = CODES.get(error.code, 13 if error.code >= 500 else 3)
    return {"code": code, "message": UNAUTHENTICATED if error.code == 401 else error.message}


def invalid(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def absent(message: str) -> StatusError:
    return StatusError(404, "NotFound", message)
