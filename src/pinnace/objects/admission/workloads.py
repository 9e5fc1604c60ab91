"""Workloads that hold a pod template and that nothing here runs yet: Deployments and CronJobs, completed and
judged as a cluster does, so that a manifest's mistakes show before it goes to one.

Source of the rules: kubernetes pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation/validation.go and their
counterparts of batch.
"""

from __future__ import annotations

from typing import Any

from pinnace.kinds import cause
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj
from pinnace.objects.admission import pod
from pinnace.objects.admission.rules import Rules

Map = dict[str, Any]
_QUARTERS = {"maxSurge": "25%", "maxUnavailable": "25%"}
_FIELDS = 5
_POLICIES = ("Allow", "Forbid", "Replace")


def _templated(holder: Map) -> None:
    """Defaults of the pod spec inside a holder of `template`."""
    template = holder["template"] = holder.get("template") or {}
    spec = template["spec"] = template.get("spec") or {}
    pod.default_spec(spec)


def default_deployment(deployment: Obj) -> None:
    spec = deployment["spec"] = deployment.get("spec") or {}
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    if not spec.get("strategy"):
        spec["strategy"] = {"type": "RollingUpdate", "rollingUpdate": dict(_QUARTERS)}
    _templated(spec)


def check_deployment(deployment: Obj) -> list[Cause]:
    spec = deployment.get("spec") or {}
    found: list[Cause] = []
    if (spec.get("replicas") or 0) < 0:
        words = "must be greater than or equal to 0"
        found.append(cause.invalid("spec.replicas", spec["replicas"], words))
    selector, template = spec.get("selector"), spec.get("template") or {}
    if selector is None:
        found.append(cause.required("spec.selector"))
    elif not (selector.get("matchLabels") or selector.get("matchExpressions")):
        found.append(cause.invalid("spec.selector", selector, "empty selector is invalid for deployment"))
    labels = (template.get("metadata") or {}).get("labels") or {}
    wanted = (selector or {}).get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        words = "`selector` does not match template `labels`"
        found.append(cause.invalid("spec.template.metadata.labels", labels or None, words))
    inner = template.get("spec") or {}
    found += pod.check_spec(inner, "spec.template.spec")
    if inner.get("restartPolicy") in ("OnFailure", "Never"):
        policy = inner["restartPolicy"]
        found.append(cause.unsupported("spec.template.spec.restartPolicy", policy, ("Always",)))
    if inner.get("activeDeadlineSeconds") is not None:
        words = "activeDeadlineSeconds in ReplicaSet is not Supported"
        found.append(cause.forbidden("spec.template.spec.activeDeadlineSeconds", words))
    return found


def change_deployment(old: Obj, new: Obj) -> list[Cause]:
    before, after = ((obj.get("spec") or {}).get("selector") for obj in (old, new))
    return [] if before == after else [cause.invalid("spec.selector", after, "field is immutable")]


def default_cron(cron: Obj) -> None:
    spec = cron["spec"] = cron.get("spec") or {}
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    job = spec["jobTemplate"] = spec.get("jobTemplate") or {}
    job["spec"] = job.get("spec") or {}
    _templated(job["spec"])


def check_cron(cron: Obj) -> list[Cause]:
    spec = cron.get("spec") or {}
    found = _schedule(spec.get("schedule") or "")
    if spec.get("concurrencyPolicy") not in _POLICIES:
        policy = spec.get("concurrencyPolicy")
        found.append(cause.unsupported("spec.concurrencyPolicy", policy, _POLICIES))
    inner = (((spec.get("jobTemplate") or {}).get("spec") or {}).get("template") or {}).get("spec") or {}
    place = "spec.jobTemplate.spec.template.spec"
    found += pod.check_spec(inner, place)
    if inner.get("restartPolicy") not in ("OnFailure", "Never"):
        found.append(cause.required(f"{place}.restartPolicy", 'valid values: "OnFailure", "Never"'))
    return found


def _schedule(text: str) -> list[Cause]:
    if not text:
        return [cause.required("spec.schedule")]
    parts = text.split()
    if text.startswith("@") or len(parts) == _FIELDS:
        return []
    words = f"expected exactly {_FIELDS} fields, found {len(parts)}: [{' '.join(parts)}]"
    return [cause.invalid("spec.schedule", text, words)]


DEPLOYMENT = Rules(default=default_deployment, check=check_deployment, change=change_deployment)
CRON_JOB = Rules(default=default_cron, check=check_cron)
