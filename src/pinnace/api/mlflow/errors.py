"""Refusals in MLflow's words: `{"error_code", "message"}`. Source: mlflow/exceptions.py."""

from __future__ import annotations

STATUS = {
    "INVALID_PARAMETER_VALUE": 400, "RESOURCE_ALREADY_EXISTS": 400, "BAD_REQUEST": 400,
    "RESOURCE_DOES_NOT_EXIST": 404, "ENDPOINT_NOT_FOUND": 404, "PERMISSION_DENIED": 403,
    "INVALID_STATE": 500, "INTERNAL_ERROR": 500, "TEMPORARILY_UNAVAILABLE": 503,
}
CODES = {400: "BAD_REQUEST", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "ENDPOINT_NOT_FOUND",
         413: "BAD_REQUEST", 507: "TEMPORARILY_UNAVAILABLE"}


class Refusal(Exception):
    """`code` is MLflow's."""

    def __init__(self, code: str, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.status = status or STATUS.get(code, 500)

    def body(self) -> dict[str, str]:
        return {"error_code": self.code, "message": str(self)}


def invalid(message: str) -> Refusal:
    return Refusal("INVALID_PARAMETER_VALUE", message)


def absent(message: str) -> Refusal:
    return Refusal("RESOURCE_DOES_NOT_EXIST", message)
