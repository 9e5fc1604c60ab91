"""Secrets' values where documents name them: read as late as can be, and given to the agent only.

Callers: `errands`, `artifact_gc`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from pinnace.controllers.built_in import SECRET
from pinnace.kinds.resource import Obj, Resource

Peek = Callable[[Resource, str, str], Obj | None]


class CredentialError(Exception):
    """What a document refers to is not there; the message is the node's."""


class Credentials:
    """Those of one namespace."""

    def __init__(self, peek: Peek, namespace: str) -> None:
        self.peek = peek
        self.namespace = namespace

    def secret(self, reference: Obj) -> str:
        """Raises CredentialError."""
        name, key = str(reference.get("name") or ""), str(reference.get("key") or "")
        found = self.peek(SECRET, name, self.namespace)
        if found is None:
            raise CredentialError(f'secrets "{name}" not found')
        value = (found.get("data") or {}).get(key)
        if value is None:
            raise CredentialError(f"secret '{name}' does not have the key '{key}'")
        return base64.b64decode(value).decode(errors="replace").removesuffix("\n")

    def filled(self, where: Any) -> Any:
        """A location with the values of its secrets. Raises CredentialError."""
        if isinstance(where, list):
            return [self.filled(each) for each in where]
        if not isinstance(where, dict):
            return where
        return {
            field: self.secret(value)
            if field.endswith("Secret") and isinstance(value, dict)
            else self.filled(value)
            for field, value in where.items()
        }
