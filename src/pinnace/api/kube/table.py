"""Tables (`kubectl get`): the columns of a kind and one row an object, in the shape of meta.k8s.io.

What stands in the cells is decided by `kinds.tables`; here it only gets its envelope.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pinnace.kinds import tables
from pinnace.kinds.resource import Obj, Resource


def head(resource: Resource, version: str, metadata: dict[str, Any]) -> dict[str, Any]:
    """Everything but the rows."""
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": metadata,
        "columnDefinitions": tables.definitions(resource),
    }


def row(resource: Resource, obj: Obj, version: str, include: str) -> dict[str, Any]:
    """`include`: None, Metadata or Object, what a row carries of its object."""
    shown: dict[str, Any] = {"cells": tables.cells(resource, obj, datetime.now(UTC))}
    if ended := tables.conditions(resource, obj):
        shown["conditions"] = ended
    if include == "Object":
        shown["object"] = obj
    elif include == "None":
        shown["object"] = None
    else:
        shown["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": f"meta.k8s.io/{version}",
            "metadata": obj.get("metadata") or {},
        }
    return shown
