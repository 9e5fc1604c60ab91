"""Workloads that hold a pod template: completed and judged as a cluster does.

Source of the rules: kubernetes pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation/validation.go and their
counterparts of batch.
"""

from __future__ import annotations

from typing import Any

from pinnace.kinds import cause, cron
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj
from pinnace.kinds.selecting import matches
from pinnace.objects.admission import pod
from pinnace.objects.admission.rules import Rules

Map = dict[str, Any]
_QUARTERS = {"maxSurge": "25%", "maxUnavailable": "25%"}
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
    strategy = spec["strategy"] = spec.get("strategy") or {}
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy["rollingUpdate"] = {**_QUARTERS, **(strategy.get("rollingUpdate") or {})}
    _templated(spec)


def check_deployment(deployment: Obj) -> list[Cause]:
    spec = deployment.get("spec") or {}
    found = _check_replicas(spec) + _check_selected(spec, "deployment") + _check_always(spec)
    return [*found, *_check_strategy(spec.get("strategy") or {})]


def _check_strategy(strategy: Map) -> list[Cause]:
    """A roll-out must be able to go a step."""
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    where = "spec.strategy.rollingUpdate"
    if kind == "Recreate":
        words = "may not be specified when strategy `type` is 'Recreate'"
        return [cause.forbidden(where, words)] if rolling is not None else []
    if not isinstance(rolling, dict) or {str(rolling.get(name)) for name in _QUARTERS} - {"0", "0%"}:
        return []
    words = "may not be 0 when `maxSurge` is 0"
    return [cause.invalid(f"{where}.maxUnavailable", rolling["maxUnavailable"], words)]


def _check_replicas(spec: Map) -> list[Cause]:
    if (spec.get("replicas") or 0) >= 0:
        return []
    return [cause.invalid("spec.replicas", spec["replicas"], "must be greater than or equal to 0")]


def _check_selected(spec: Map, kind: str) -> list[Cause]:
    """A workload selects the Pods that its template makes."""
    found: list[Cause] = []
    selector, template = spec.get("selector"), spec.get("template") or {}
    if selector is None:
        found.append(cause.required("spec.selector"))
    elif not (selector.get("matchLabels") or selector.get("matchExpressions")):
        found.append(cause.invalid("spec.selector", selector, f"empty selector is invalid for {kind}"))
    labels = (template.get("metadata") or {}).get("labels") or {}
    if selector is not None and not matches(selector, labels):
        words = "`selector` does not match template `labels`"
        found.append(cause.invalid("spec.template.metadata.labels", labels or None, words))
    return found


def _check_always(spec: Map) -> list[Cause]:
    """The template's Pods run for ever."""
    inner = (spec.get("template") or {}).get("spec") or {}
    found = pod.check_spec(inner, "spec.template.spec")
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


def default_replica_set(replica_set: Obj) -> None:
    spec = replica_set["spec"] = replica_set.get("spec") or {}
    if spec.get("replicas") is None:
        spec["replicas"] = 1
    _templated(spec)
    labels = (spec["template"].get("metadata") or {}).get("labels")
    if labels and not replica_set["metadata"].get("labels"):
        replica_set["metadata"]["labels"] = dict(labels)


def check_replica_set(replica_set: Obj) -> list[Cause]:
    spec = replica_set.get("spec") or {}
    return _check_replicas(spec) + _check_selected(spec, "deployment") + _check_always(spec)


# Stateful and daemon sets -----------------------------------------------------------------------------------


def default_stateful(stateful: Obj) -> None:
    spec = stateful["spec"] = stateful.get("spec") or {}
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec["updateStrategy"] = spec.get("updateStrategy") or {}
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy["rollingUpdate"] = strategy.get("rollingUpdate") or {}
        rolling.setdefault("partition", 0)
    kept = spec["persistentVolumeClaimRetentionPolicy"] = (
        spec.get("persistentVolumeClaimRetentionPolicy") or {}
    )
    kept.setdefault("whenDeleted", "Retain")
    kept.setdefault("whenScaled", "Retain")
    if spec.get("replicas") is None:
        spec["replicas"] = 1
    spec.setdefault("revisionHistoryLimit", 10)
    _templated(spec)
    for claim in spec.get("volumeClaimTemplates") or ():
        claim.setdefault("apiVersion", "v1")
        claim.setdefault("kind", "PersistentVolumeClaim")
        claim["spec"] = claim.get("spec") or {}
        claim["spec"].setdefault("volumeMode", "Filesystem")
        claim.setdefault("status", {"phase": "Pending"})


def check_stateful(stateful: Obj) -> list[Cause]:
    spec = stateful.get("spec") or {}
    found: list[Cause] = []
    policies = ("OrderedReady", "Parallel")
    if spec.get("podManagementPolicy") not in policies:
        words = f"must be '{policies[0]}' or '{policies[1]}'"
        found.append(cause.invalid("spec.podManagementPolicy", spec.get("podManagementPolicy"), words))
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") not in ("RollingUpdate", "OnDelete"):
        words = "must be 'RollingUpdate' or 'OnDelete'"
        found.append(cause.invalid("spec.updateStrategy", strategy, words))
    if ((strategy.get("rollingUpdate") or {}).get("partition") or 0) < 0:
        value, words = strategy["rollingUpdate"]["partition"], "must be greater than or equal to 0"
        found.append(cause.invalid("spec.updateStrategy.rollingUpdate.partition", value, words))
    policy = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    for name in ("whenDeleted", "whenScaled"):
        if policy.get(name) not in ("Retain", "Delete"):
            path = f"spec.persistentVolumeClaimRetentionPolicy.{name}"
            found.append(cause.unsupported(path, policy.get(name), ("Delete", "Retain")))
    found += _check_replicas(spec) + _check_selected(spec, "statefulset")
    return found + _check_always(_mounting(spec))


def _mounting(spec: Map) -> Map:
    """With a volume for each claim template: containers may mount them."""
    template = spec.get("template") or {}
    inner = template.get("spec") or {}
    named = [(one.get("metadata") or {}).get("name") for one in spec.get("volumeClaimTemplates") or ()]
    own: list[Any] = [{"name": name, "emptyDir": {}} for name in named]
    others = [one for one in inner.get("volumes") or () if one.get("name") not in named]
    return {**spec, "template": {**template, "spec": {**inner, "volumes": [*others, *own]}}}


_STATEFUL_MAY_CHANGE = frozenset({
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
})


def change_stateful(old: Obj, new: Obj) -> list[Cause]:
    before, after = (
        {k: v for k, v in (obj.get("spec") or {}).items() if k not in _STATEFUL_MAY_CHANGE}
        for obj in (old, new)
    )
    if before == after:
        return []
    words = (
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
        "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
        "'minReadySeconds' are forbidden"
    )
    return [cause.forbidden("spec", words)]


def default_daemons(daemons: Obj) -> None:
    spec = daemons["spec"] = daemons.get("spec") or {}
    strategy = spec["updateStrategy"] = spec.get("updateStrategy") or {}
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy["rollingUpdate"] = strategy.get("rollingUpdate") or {}
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    _templated(spec)


def check_daemons(daemons: Obj) -> list[Cause]:
    spec = daemons.get("spec") or {}
    found = _check_selected(spec, "daemonset") + _check_always(spec)
    kind = (spec.get("updateStrategy") or {}).get("type")
    if kind not in ("RollingUpdate", "OnDelete"):
        found.append(cause.unsupported("spec.updateStrategy", kind, ("RollingUpdate", "OnDelete")))
    return found


# CronJobs ---------------------------------------------------------------------------------------------------


def default_cron(cron_job: Obj) -> None:
    spec = cron_job["spec"] = cron_job.get("spec") or {}
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    job = spec["jobTemplate"] = spec.get("jobTemplate") or {}
    job["spec"] = job.get("spec") or {}
    _templated(job["spec"])


def check_cron(cron_job: Obj) -> list[Cause]:
    spec = cron_job.get("spec") or {}
    found = _schedule(spec.get("schedule") or "") + _zone(spec.get("timeZone"))
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
    if "TZ" in text:
        words = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        return [cause.invalid("spec.schedule", text, words)]
    try:
        cron.parse(text)
    except cron.Malformed as error:
        return [cause.invalid("spec.schedule", text, str(error))]
    return []


def _zone(name: Any) -> list[Cause]:
    if name is None:
        return []
    if not name:
        words = "timeZone must be nil or non-empty string"
        return [cause.invalid("spec.timeZone", name, words)]
    if name.lower() == "local":
        return [cause.invalid("spec.timeZone", name, "timeZone must be an explicit time zone as defined in "
                              "https://www.iana.org/time-zones")]
    from zoneinfo import ZoneInfo  # rarely asked for

    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return [cause.invalid("spec.timeZone", name, f"unknown time zone {name}")]
    return []


REPLICA_SET = Rules(default=default_replica_set, check=check_replica_set, change=change_deployment)
STATEFUL_SET = Rules(default=default_stateful, check=check_stateful, change=change_stateful)
DAEMON_SET = Rules(default=default_daemons, check=check_daemons, change=change_deployment)
DEPLOYMENT = Rules(default=default_deployment, check=check_deployment, change=change_deployment)
CRON_JOB = Rules(default=default_cron, check=check_cron)
