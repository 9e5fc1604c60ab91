"""JobSet (jobset.x-k8s.io): the resource, its labels, and what its webhooks do.

Pure. Callers: `objects/admission`, `controllers/jobset`, `controllers/trainer`. Source:
kubernetes-sigs/jobset v0.10 api/jobset/v1alpha2, pkg/webhooks/jobset_webhook.go.
"""

from __future__ import annotations

from pinnace.kinds import cause
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj, Resource

GROUP = "jobset.x-k8s.io"
PREFIX = "jobset.sigs.k8s.io"
NAME, UID = f"{PREFIX}/jobset-name", f"{PREFIX}/jobset-uid"
REPLICATED, JOB_INDEX = f"{PREFIX}/replicatedjob-name", f"{PREFIX}/job-index"
ATTEMPT, COORDINATOR = f"{PREFIX}/restart-attempt", f"{PREFIX}/coordinator"
MANAGER = f"{PREFIX}/jobset-controller"
JOB_SET = Resource(
    group=GROUP, version="v1alpha2", kind="JobSet", plural="jobsets", singular="jobset", custom=True,
    subresources=frozenset({"status"}),
)


def job_name(jobset: str, replicated: str, index: int) -> str:
    return f"{jobset}-{replicated}-{index}"


def subdomain(jobset: Obj) -> str:
    """The headless Service under which its pods have names; '' if it wants none."""
    network = jobset["spec"].get("network") or {}
    if network.get("enableDNSHostnames") is False:
        return ""
    return str(network.get("subdomain") or jobset["metadata"]["name"])


def default(jobset: Obj) -> None:
    """As the mutating webhook does, stored."""
    spec = jobset.get("spec")
    if not isinstance(spec, dict):
        return
    spec.setdefault("successPolicy", {"operator": "All"})
    spec.setdefault("startupPolicy", {"startupPolicyOrder": "AnyOrder"})
    network = spec.setdefault("network", {})
    if isinstance(network, dict):
        network.setdefault("enableDNSHostnames", True)
        network.setdefault("publishNotReadyAddresses", True)
    if isinstance(spec.get("failurePolicy"), dict):
        spec["failurePolicy"].setdefault("restartStrategy", "Recreate")
        for number, rule in enumerate(spec["failurePolicy"].get("rules") or ()):
            rule.setdefault("name", f"failurePolicyRule{number}")
    for one in spec.get("replicatedJobs") or ():
        if isinstance(one, dict):
            _default_job(one)


def _default_job(replicated: Obj) -> None:
    replicated.setdefault("replicas", 1)
    template = replicated.get("template")
    job = template.get("spec") if isinstance(template, dict) else None
    if not isinstance(job, dict):
        return
    job.setdefault("completionMode", "Indexed")
    job.setdefault("parallelism", 1)
    job.setdefault("completions", job["parallelism"])
    inner = job.get("template")
    if isinstance(inner, dict) and isinstance(inner.get("spec"), dict):
        inner["spec"].setdefault("restartPolicy", "OnFailure")


def change(old: Obj, new: Obj) -> list[Cause]:
    """What may not change while it runs; a suspended one may get other pod templates."""
    before, after = old.get("spec") or {}, new.get("spec") or {}
    found = [
        cause.invalid(f"spec.{field}", after.get(field), "field is immutable")
        for field in ("managedBy", "successPolicy", "failurePolicy", "network", "startupPolicy")
        if before.get(field) != after.get(field)
    ]
    frozen = before.get("replicatedJobs") != after.get("replicatedJobs")
    if frozen and not (before.get("suspend") or after.get("suspend")):
        found.append(cause.invalid("spec.replicatedJobs", "array", "field is immutable"))
    return found
