"""Refusals in the words and the shape of upstream's gateway: `{"error", "code", "message", "details"}`."""

from __future__ import annotations

from pinnace.objects.errors import StatusError

CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 6, 422: 3, 429: 8, 501: 12, 503: 14, 507: 8}


PRECONDITION = 9


class Refusal(Exception):
    """`status` is HTTP's, `code` gRPC's."""

    def __init__(self, status: int, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code or CODES.get(status, 13)

    def body(self) -> dict[str, object]:
        message = str(self)
        return {"error": message, "code": self.code, "message": message, "details": []}


def of_status(error: StatusError) -> Refusal:
    return Refusal(400 if error.code == 422 else error.code, str(error))


def invalid(message: str) -> Refusal:
    return Refusal(400, f"Invalid input error: {message}")


def absent(kind: str, name: str) -> Refusal:
    return Refusal(404, f"ResourceNotFoundError: {kind} {name} not found")


def exists(kind: str, name: str) -> Refusal:
    return Refusal(409, f"Already exist error: a {kind} named {name} exists already; choose another name")
