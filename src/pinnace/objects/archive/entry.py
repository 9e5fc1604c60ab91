"""What is written of a finished workflow, and under which terms it is found. Pure.

Called by `House` for the commit of a final state. Invariant: a run that ended twice (somebody retried it) has
the rows of its last end only.
"""

from __future__ import annotations

from typing import Any

import msgspec
from blake3 import blake3

from pinnace.kinds.argo import COMPLETED, DOMAIN, text
from pinnace.kinds.resource import Obj
from pinnace.store.interface import Row

KIND = "archive"
EVERY = "all"
STRATEGY, STATUS = f"{DOMAIN}archive-strategy", f"{DOMAIN}workflow-archiving-status"
LONG = 200
"""Letters of a value from which on its digest stands for it."""
_METADATA = ("name", "namespace", "uid", "creationTimestamp", "labels", "annotations", "generateName")
_STATUS = (
    "phase", "startedAt", "finishedAt", "progress", "message", "estimatedDuration", "resourcesDuration",
)
_encode = msgspec.json.Encoder().encode


def wanted(obj: Obj) -> bool:
    """Whether it has ended and may be archived."""
    status = obj.get("status") or {}
    return bool(status.get("finishedAt")) and status.get("phase") in COMPLETED and allowed(obj)


def allowed(obj: Obj) -> bool:
    return (obj["metadata"].get("labels") or {}).get(STRATEGY) != "false"


def marked(obj: Obj) -> Obj:
    """With the label that says so, as upstream's controller leaves it."""
    meta = obj["metadata"]
    return {**obj, "metadata": {**meta, "labels": {**(meta.get("labels") or {}), STATUS: "Archived"}}}


def document(obj: Obj) -> str:
    meta, status = obj["metadata"], obj.get("status") or {}
    began = status.get("startedAt") or meta.get("creationTimestamp") or ""
    return f"{began}/~{meta['uid'][:8]}/{meta.get('namespace') or ''}/{meta['name']}"


def terms(obj: Obj) -> list[str]:
    meta = obj["metadata"]
    labels = meta.get("labels") or {}
    return [
        EVERY,
        f"uid {meta['uid']}",
        f"name {meta['name']}",
        *(f"label {key}={value}" for key, value in labels.items()),
        *(parameter(name, value) for name, value in parameters(obj).items()),
    ]


def parameter(name: str, value: str) -> str:
    said = value if len(value) <= LONG else f"#{blake3(value.encode()).hexdigest()}"
    return f"parameter {name}={said}"


def parameters(obj: Obj) -> dict[str, str]:
    """The arguments that it ran with."""
    status = obj.get("status") or {}
    given = (obj.get("spec") or {}).get("arguments") or {}
    merged = ((status.get("storedWorkflowTemplateSpec") or {}).get("arguments") or {}).get("parameters")
    listed = [*(merged or ()), *(given.get("parameters") or ())]
    return {str(one["name"]): text(one["value"]) for one in listed if "name" in one and "value" in one}


def summary(obj: Obj) -> Obj:
    """What a list shows: no templates, no nodes."""
    meta, status, spec = obj["metadata"], obj.get("status") or {}, obj.get("spec") or {}
    arguments: list[Obj] = [
        {"name": name, "value": value if len(value) <= LONG else value[:LONG] + "…"}
        for name, value in parameters(obj).items()
    ]
    own: Obj = {"suspend": True} if spec.get("suspend") else {}
    if arguments:
        own["arguments"] = {"parameters": arguments}
    if spec.get("workflowTemplateRef"):
        own["workflowTemplateRef"] = spec["workflowTemplateRef"]
    return {
        "apiVersion": obj.get("apiVersion", "argoproj.io/v1alpha1"),
        "kind": obj.get("kind", "Workflow"),
        "metadata": _kept(meta, _METADATA),
        "spec": own,
        "status": _kept(status, _STATUS),
    }


def _kept(holder: Obj, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: holder[name] for name in names if holder.get(name)}


def rows(obj: Obj, before: bytes | None) -> list[Row]:
    """`before`: what `uid …` had, if it was archived already."""
    key, found = document(obj), terms(obj)
    written = [Row(KIND, term, key, b"") for term in found[2:]]
    written.append(Row(KIND, found[0], key, _encode(summary(obj))))
    written.append(Row(KIND, found[1], found[1], _encode([key, found])))
    return [*removed(before, keep=(key, frozenset(found))), *written]


def removed(before: bytes | None, keep: tuple[str, frozenset[str]] = ("", frozenset())) -> list[Row]:
    """The rows that go, all but those that are written again."""
    if before is None:
        return []
    key, found = known(before)
    again = keep[1] if key == keep[0] else frozenset[str]()
    gone = [Row(KIND, term, key, None) for term in found if not term.startswith("uid ") and term not in again]
    uid = next(term for term in found if term.startswith("uid "))
    return gone if keep[0] else [*gone, Row(KIND, uid, uid, None)]


def known(before: bytes) -> tuple[str, list[str]]:
    key, found = msgspec.json.decode(before, type=tuple[str, list[str]])
    return key, found
