"""batch/v1 Jobs. Source of the rules: kubernetes pkg/apis/batch/v1/defaults.go,
pkg/registry/batch/job/strategy.go and pkg/apis/batch/validation/validation.go."""

from __future__ import annotations

from typing import Any

from pinnace.kinds import cause
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj
from pinnace.objects.admission import pod
from pinnace.objects.admission.rules import Rules

_COUNTS = (
    "parallelism",
    "completions",
    "backoffLimit",
    "activeDeadlineSeconds",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)
_FROZEN = (
    "selector",
    "template",
    "completionMode",
    "podFailurePolicy",
    "successPolicy",
    "backoffLimitPerIndex",
    "managedBy",
)
_UID, _NAME = "controller-uid", "job-name"


def prepare(job: Obj) -> None:
    """The selector and the labels by which a Job finds its pods, unless the user does this by hand."""
    job["status"] = {}
    spec, meta = job.get("spec"), job["metadata"]
    if not isinstance(spec, dict) or spec.get("manualSelector"):
        return
    template = spec.setdefault("template", {})
    labels: dict[str, Any] = template.setdefault("metadata", {}).setdefault("labels", {})
    for prefix in ("", "batch.kubernetes.io/"):
        labels[prefix + _UID] = meta["uid"]
        labels[prefix + _NAME] = meta.get("name") or ""
    spec["selector"] = {"matchLabels": {f"batch.kubernetes.io/{_UID}": meta["uid"]}}


def default(job: Obj) -> None:
    spec = job.get("spec")
    if not isinstance(spec, dict):
        return
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = spec["parallelism"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 2147483647 if "backoffLimitPerIndex" in spec else 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("podReplacementPolicy", "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed")
    if isinstance((spec.get("template") or {}).get("spec"), dict):
        pod.default_spec(spec["template"]["spec"])


def check(job: Obj) -> list[Cause]:
    spec = job.get("spec") or {}
    found = [
        cause.invalid(f"spec.{key}", spec[key], "must be greater than or equal to 0")
        for key in _COUNTS
        if spec.get(key) is not None and spec[key] < 0
    ]
    mode = spec.get("completionMode")
    if mode not in ("NonIndexed", "Indexed"):
        found.append(cause.unsupported("spec.completionMode", mode, ("Indexed", "NonIndexed")))
    if mode == "Indexed" and spec.get("completions") is None:
        found.append(cause.required("spec.completions", "when completion mode is Indexed"))
    inner = (spec.get("template") or {}).get("spec") or {}
    found += pod.check_spec(inner, "spec.template.spec")
    if inner.get("restartPolicy") == "Always":
        found.append(cause.required("spec.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"'))
    return found


def change(old: Obj, new: Obj) -> list[Cause]:
    before, after = old.get("spec") or {}, new.get("spec") or {}
    frozen = list(_FROZEN)
    if before.get("completionMode") != "Indexed":
        frozen.append("completions")
    if before.get("suspend") and not (old.get("status") or {}).get("startTime"):
        frozen.remove("template")  # a suspended Job that never started may still be rescheduled
    return [
        cause.invalid(f"spec.{key}", after.get(key), "field is immutable")
        for key in frozen
        if before.get(key) != after.get(key)
    ]


def carry(old: Obj, new: Obj) -> None:
    """A manifest that is applied again names neither the selector nor the labels that were generated."""
    before, spec = old.get("spec") or {}, new.get("spec")
    if not isinstance(spec, dict):
        return
    if "selector" not in spec and "selector" in before:
        spec["selector"] = before["selector"]


JOB = Rules(prepare=prepare, default=default, check=check, change=change, carry=carry)
