"""Nobody's manifest takes the sandbox away from whoever runs it: asking for a plain process is the user's.

Called by `writing` with what the node runs with ('' while nobody knows). It looks where users write the
annotation: at an object, and at the pod templates of Jobs and Workflows. The node refuses such a pod all the
same, however it came to be (`node/assembly.py`); here its writer is told at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pinnace.kinds import cause
from pinnace.kinds.annotations import ISOLATION as ANNOTATION
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj

UNPROTECTED = "process"
NEXT = "restart the platform with `pinnace up --isolation process`"
LESS = (
    "this platform keeps its steps in isolation {}, and a plain process would see this machine's files; "
    f"leave the annotation out, or {NEXT}"
)
NOTHING = (
    f"no isolation works on this machine, and it is not left out unasked; see `pinnace doctor`, or {NEXT}"
)


def dropped(obj: Obj, old: Obj | None, platform: str) -> list[Cause]:
    """Causes for each place that newly asks for less than the platform gives."""
    if platform in ("", UNPROTECTED):
        return []
    before = set(_asking(old)) if old is not None else set()
    why = NOTHING if platform == "none" else LESS.format(platform)
    return [cause.forbidden(place, why) for place in _asking(obj) if place not in before]


def _asking(obj: Obj) -> Iterator[str]:
    for place, meta in _metadata(obj):
        notes = meta.get("annotations") if isinstance(meta, dict) else None
        if isinstance(notes, dict) and notes.get(ANNOTATION) == UNPROTECTED:
            yield f"{place}.annotations[{ANNOTATION}]"


def _metadata(obj: Obj) -> Iterator[tuple[str, Any]]:
    yield "metadata", obj["metadata"]
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return
    for name in ("podMetadata", "workflowMetadata"):
        yield f"spec.{name}", spec.get(name)
    yield "spec.template.metadata", _own(spec.get("template"))
    templates = spec.get("templates")
    for number, each in enumerate(templates if isinstance(templates, list) else ()):
        yield f"spec.templates[{number}].metadata", _own(each)


def _own(template: Any) -> Any:
    return template.get("metadata") if isinstance(template, dict) else None
