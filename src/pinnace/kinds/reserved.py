"""Annotations of Pods by which the platform's own rooms speak to each other. No manifest may set them.

They name what is stored by digest and sockets of this machine, so whoever could write them would read other
namespaces' artifacts and be connected to what is not theirs. `objects/admission` refuses them from clients;
controllers that make Pods from a user's template leave them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pinnace.kinds import cause
from pinnace.kinds.annotations import (
    OUTPUTS,
    PRIORITY,
    SOCKET_PATHS,
    SOURCES,
    STAGING,
    TRANSFERS,
)
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj

RESERVED = (STAGING, TRANSFERS, OUTPUTS, SOCKET_PATHS, SOURCES, PRIORITY)
_WHY = "is written by the platform alone; leave it out"


def without(annotations: Mapping[str, Any] | None) -> dict[str, Any]:
    """A user's annotations as a Pod may get them."""
    return {name: text for name, text in (annotations or {}).items() if name not in RESERVED}


def of(obj: Obj) -> dict[str, str]:
    found = obj["metadata"].get("annotations") or {}
    return {name: found[name] for name in RESERVED if name in found}


def forged(obj: Obj, allowed: Mapping[str, str]) -> list[Cause]:
    """Causes for those that are not what the platform wrote."""
    return [
        cause.forbidden(f"metadata.annotations[{name}]", _WHY)
        for name, text in of(obj).items()
        if allowed.get(name) != text
    ]


def carry(old: Obj, new: Obj) -> None:
    """A document that leaves them out does not remove them."""
    kept = of(old)
    if kept:
        meta = new["metadata"]
        meta["annotations"] = {**kept, **(meta.get("annotations") or {})}
