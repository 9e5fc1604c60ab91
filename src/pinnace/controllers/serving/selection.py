"""Which serving runtime runs a model: the named one, or the best that chooses itself. Pure.

Source of the rules: kserve pkg/apis/serving/v1beta1/predictor_model.go and
pkg/controller/v1beta1/inferenceservice/utils/utils.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pinnace.kinds.resource import Obj

_ORDER = ("v1", "v2", "grpc-v1", "grpc-v2")


class Problem(Exception):
    """The predictor cannot be built from its spec; becomes `modelStatus`.

    `reason` is KServe's FailureReason; `waiting`: something else may still come (a runtime, an artifact)."""

    def __init__(self, reason: str, message: str, *, waiting: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.waiting = waiting


def choose(model: Obj, namespaced: Sequence[Obj], cluster: Sequence[Obj]) -> Obj:
    """The runtime of a `model` predictor. Raises Problem."""
    if model.get("runtime"):
        return named(model, namespaced, cluster)
    for runtimes in (namespaced, cluster):
        found = [runtime for runtime in runtimes if chooses_itself(runtime, model)]
        if found:
            return sorted(sorted(found, key=_by_protocol), key=lambda r: -_priority(r, model))[0]
    raise Problem("NoSupportingRuntime", _nothing(model, [*namespaced, *cluster]))


def named(model: Obj, namespaced: Sequence[Obj], cluster: Sequence[Obj]) -> Obj:
    name = model["runtime"]
    found = next((r for r in (*namespaced, *cluster) if r["metadata"]["name"] == name), None)
    if found is None:
        text = f"Waiting for runtime to become available: no serving runtime named {name!r}"
        raise Problem("RuntimeNotRecognized", text, waiting=True)
    if found.get("spec", {}).get("disabled"):
        raise Problem("RuntimeDisabled", f"serving runtime {name!r} is disabled")
    protocol = model.get("protocolVersion")
    if protocol and not speaks(found, protocol):
        text = f"Specified runtime does not support specified protocol version ({name}: {protocol})"
        raise Problem("NoSupportingRuntime", text)
    if not any(matches(entry, model) for entry in formats(found)):
        text = f"Specified runtime does not support specified framework/version ({name}: {wanted(model)})"
        raise Problem("NoSupportingRuntime", text)
    return found


def chooses_itself(runtime: Obj, model: Obj) -> bool:
    spec = runtime.get("spec") or {}
    if spec.get("disabled") or spec.get("multiModel"):
        return False
    if not speaks(runtime, model.get("protocolVersion") or "v1"):
        return False
    return any(entry.get("autoSelect") and matches(entry, model) for entry in formats(runtime))


def formats(runtime: Obj) -> list[Obj]:
    return list((runtime.get("spec") or {}).get("supportedModelFormats") or ())


def speaks(runtime: Obj, protocol: str) -> bool:
    """A runtime that names no protocol speaks all."""
    known = (runtime.get("spec") or {}).get("protocolVersions") or ()
    return not known or protocol in known


def matches(entry: Obj, model: Obj) -> bool:
    """By name; by exact version too if the model states one."""
    format_ = model.get("modelFormat") or {}
    if entry.get("name") != format_.get("name"):
        return False
    return not format_.get("version") or entry.get("version") == format_.get("version")


def wanted(model: Obj) -> str:
    format_ = model.get("modelFormat") or {}
    return ":".join(str(part) for part in (format_.get("name"), format_.get("version")) if part)


def _by_protocol(runtime: Obj) -> tuple[Any, ...]:
    """Lowest protocol first, then the newest, then by name."""
    known = (runtime.get("spec") or {}).get("protocolVersions") or ()
    ranks = [_ORDER.index(p) for p in known if p in _ORDER]
    meta = runtime["metadata"]
    newest = tuple(-ord(letter) for letter in meta.get("creationTimestamp") or "")
    return (min(ranks, default=len(_ORDER)), newest, meta["name"])


def _priority(runtime: Obj, model: Obj) -> int:
    name = (model.get("modelFormat") or {}).get("name")
    first = next((entry for entry in formats(runtime) if entry.get("name") == name), {})
    return int(first.get("priority") or 0)


def _nothing(model: Obj, runtimes: Sequence[Obj]) -> str:
    protocol = model.get("protocolVersion") or "v1"
    known = sorted({entry["name"] for runtime in runtimes for entry in formats(runtime)})
    hint = f"this platform's runtimes serve: {', '.join(known)}" if known else "there is no serving runtime"
    return (
        f"No runtime found to support specified framework/version ({wanted(model)}, protocol {protocol}); "
        f"{hint}. Add a ServingRuntime, or serve it as a container named kserve-container"
    )
