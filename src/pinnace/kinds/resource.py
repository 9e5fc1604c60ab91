"""What the platform knows of a kind before it has seen one object of it.

A `Resource` is one *served version* of a kind. Every floor above passes it around instead of strings, so
that a path, a Table, an owner reference and a storage key are spelled in one place.
"""

from __future__ import annotations

from typing import Any

import msgspec

Obj = dict[str, Any]
"""A Kubernetes object as plain JSON data. One that the store handed out is never mutated: copy, then edit."""


class Column(msgspec.Struct, frozen=True):
    """A printer column: `path` is JSONPath as in `additionalPrinterColumns` (`.status.phase`)."""

    name: str
    type: str
    path: str
    format: str = ""
    priority: int = 0


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = (
        "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch",
    )
    subresources: frozenset[str] = frozenset()
    """`status`, `scale`, and for Pods `log`. With `status`, a write to the object never changes its
    status and a write to `/status` changes nothing else (CRDs without the subresource: one document)."""
    columns: tuple[Column, ...] = ()
    custom: bool = False
    """Behaves like a custom resource: structural schema, 415 for strategic merge patches, generation
    counted on every change outside metadata and status."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    stored: str = ""
    """The storage key, where it is another group's kind's: the same objects, seen through two groups."""

    @property
    def key(self) -> str:
        """The storage key, the same for every version: `workflows.argoproj.io`, `pods`."""
        if self.stored:
            return self.stored
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def list_kind(self) -> str:
        return f"{self.kind}List"
