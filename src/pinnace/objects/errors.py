"""Every refusal is a Kubernetes `Status`: code, reason, message and all causes at once.

Raised by `objects/` and below it, rendered by `api/`. Source of reasons and codes:
kubernetes/apimachinery pkg/apis/meta/v1/types.go and pkg/api/errors/errors.go.
"""

from __future__ import annotations

from typing import Any

from pinnace.kinds.cause import Cause

__all__ = ["Cause", "StatusError"]


class StatusError(Exception):
    """A refused request; `status()` is the body that a client receives; `details={}` shows though empty."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        causes: tuple[Cause, ...] = (),
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.causes = causes
        self.details = details or {}
        self._shows_details = details is not None

    def status(self) -> dict[str, Any]:
        details = dict(self.details)
        if self.causes:
            details["causes"] = [
                {"reason": c.reason, "message": c.message, **({"field": c.field} if c.field else {})}
                for c in self.causes
            ]
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if details or self._shows_details:
            body["details"] = details
        return body
