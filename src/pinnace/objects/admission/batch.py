"""batch/v1 Jobs. Source of the rules: kubernetes pkg/apis/batch/v1/defaults.go,
pkg/registry/batch/job/strategy.go and pkg/apis/batch/validation/validation.go."""

from __future__ import annotations

from typing import Any

from pinnace.kinds import cause, names
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
_PREFIXES = ("", "batch.kubernetes.io/")


def prepare(job: Obj) -> None:
    """The selector and the labels by which a Job finds its pods, unless the user does this by hand."""
    job["status"] = {}
    spec, meta = job.get("spec"), job["metadata"]
    if not isinstance(spec, dict) or spec.get("manualSelector"):
        return
    template = spec["template"] = spec.get("template") or {}
    inner = template["metadata"] = template.get("metadata") or {}
    labels = inner["labels"] = inner.get("labels") or {}
    for prefix in _PREFIXES:
        labels[prefix + _UID] = meta["uid"]
        labels[prefix + _NAME] = meta.get("name") or ""
    selector = spec["selector"] = spec.get("selector") or {}
    selector["matchLabels"] = {
        **(selector.get("matchLabels") or {}), f"batch.kubernetes.io/{_UID}": meta["uid"]
    }


def default(job: Obj) -> None:
    spec = job["spec"] = job.get("spec") or {}
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = spec["parallelism"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 2147483647 if "backoffLimitPerIndex" in spec else 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("podReplacementPolicy", "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed")
    template = spec["template"] = spec.get("template") or {}
    template["spec"] = template.get("spec") or {}
    pod.default_spec(template["spec"])


def check(job: Obj) -> list[Cause]:
    spec = job.get("spec") or {}
    found = _generated(job, spec) + [
        cause.invalid(f"spec.{key}", spec[key], "must be greater than or equal to 0")
        for key in _COUNTS
        if spec.get(key) is not None and spec[key] < 0
    ]
    mode = spec.get("completionMode")
    if mode not in ("NonIndexed", "Indexed"):
        found.append(cause.unsupported("spec.completionMode", mode, ("NonIndexed", "Indexed")))
    if mode == "Indexed" and spec.get("completions") is None:
        found.append(cause.required("spec.completions", "when completion mode is Indexed"))
    template = spec.get("template") or {}
    inner, meta = template.get("spec") or {}, template.get("metadata") or {}
    found += names.label_causes(meta.get("labels") or {}, "spec.template.labels")
    found += names.annotation_causes(meta.get("annotations") or {}, "spec.template.annotations")
    found += pod.check_spec(inner, "spec.template.spec")
    if inner.get("restartPolicy") not in ("OnFailure", "Never"):
        found.append(cause.required("spec.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"'))
    return found + _selecting(spec, meta.get("labels") or {})


def _generated(job: Obj, spec: dict[str, Any]) -> list[Cause]:
    """Unless its writer selects by hand, a Job selects the labels that were made for it and nothing else."""
    if spec.get("manualSelector") or spec.get("selector") is None:
        return []
    uid, name = job["metadata"]["uid"], job["metadata"].get("name") or ""
    made = {prefix + _UID: uid for prefix in _PREFIXES} | {prefix + _NAME: name for prefix in _PREFIXES}
    if _selects(spec["selector"], made):
        return []
    return [cause.invalid("spec.selector", spec["selector"], "`selector` not auto-generated")]


def _selecting(spec: dict[str, Any], labels: dict[str, str]) -> list[Cause]:
    selector = spec.get("selector")
    if selector is None:
        return [cause.required("spec.selector")]
    if _selects(selector, labels):
        return []
    words = "`selector` does not match template `labels`"
    return [cause.invalid("spec.template.metadata.labels", labels, words)]


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items())


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
