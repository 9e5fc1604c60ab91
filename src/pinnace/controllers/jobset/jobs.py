"""The Jobs, the headless Service and the claims of a JobSet, made from its spec.

Pure. Source: kubernetes-sigs/jobset pkg/controllers/jobset_controller.go (constructJob,
labelAndAnnotateObject), pkg/util/placement.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from pinnace.kinds.annotations import GANG, GANG_SIZE
from pinnace.kinds.jobset import (
    ATTEMPT,
    COORDINATOR,
    JOB_INDEX,
    JOB_SET,
    NAME,
    PREFIX,
    REPLICATED,
    UID,
    job_name,
    subdomain,
)
from pinnace.kinds.resource import Obj


def reference(jobset: Obj) -> Obj:
    return {
        "apiVersion": JOB_SET.api_version, "kind": JOB_SET.kind, "name": jobset["metadata"]["name"],
        "uid": jobset["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True,
    }


def made(jobset: Obj, replicated: Obj, index: int, attempt: int) -> Obj:
    name = jobset["metadata"]["name"]
    template = replicated.get("template") or {}
    own: dict[str, Any] = template.get("metadata") or {}
    marks = _marks(jobset, replicated, index, attempt)
    spec = {**(template.get("spec") or {})}
    inner = spec.get("template") or {}
    meta: dict[str, Any] = inner.get("metadata") or {}
    pod = dict(inner.get("spec") or {})
    if domain := subdomain(jobset):
        pod["subdomain"] = domain
    _claimed(jobset, pod)
    spec["template"] = {
        "metadata": {
            **meta, "labels": {**(meta.get("labels") or {}), **marks},
            "annotations": {
                **(meta.get("annotations") or {}), **marks, **_gang(jobset, replicated, index, attempt),
            },
        },
        "spec": pod,
    }
    if jobset["spec"].get("suspend"):
        spec["suspend"] = True
    return {
        "apiVersion": "batch/v1", "kind": "Job", "spec": spec,
        "metadata": {
            "name": job_name(name, replicated["name"], index),
            "namespace": jobset["metadata"]["namespace"],
            "labels": {**(own.get("labels") or {}), **marks},
            "annotations": {**(own.get("annotations") or {}), **marks},
            "ownerReferences": [reference(jobset)],
        },
    }


def _marks(jobset: Obj, replicated: Obj, index: int, attempt: int) -> dict[str, str]:
    """Labels and annotations alike, of the Job and of its pods."""
    meta, spec = jobset["metadata"], jobset["spec"]
    everyone = spec["replicatedJobs"]
    group = [one for one in everyone if _group(one) == _group(replicated)]
    key = f"{meta['namespace']}/{job_name(meta['name'], replicated['name'], index)}"
    found = {
        NAME: meta["name"], UID: meta["uid"], REPLICATED: replicated["name"],
        f"{PREFIX}/replicatedjob-replicas": str(replicated.get("replicas") or 0),
        f"{PREFIX}/global-replicas": str(_replicas(everyone)), JOB_INDEX: str(index),
        f"{PREFIX}/job-global-index": str(_before(everyone, replicated) + index),
        f"{PREFIX}/job-key": hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest(),
        ATTEMPT: str(attempt), f"{PREFIX}/group-name": _group(replicated),
        f"{PREFIX}/group-replicas": str(_replicas(group)),
        f"{PREFIX}/job-group-index": str(_before(group, replicated) + index),
    }
    if (coordinator := spec.get("coordinator")) is not None:
        job = job_name(meta["name"], coordinator["replicatedJob"], int(coordinator.get("jobIndex") or 0))
        domain = subdomain(jobset)
        found[COORDINATOR] = f"{job}-{int(coordinator.get('podIndex') or 0)}.{domain}"
    return found


def _group(replicated: Obj) -> str:
    return replicated.get("groupName") or "default"


def _replicas(jobs: Sequence[Obj]) -> int:
    return sum(int(one.get("replicas") or 0) for one in jobs)


def _before(jobs: Sequence[Obj], replicated: Obj) -> int:
    """How many Jobs those have that stand before this one."""
    names = [one["name"] for one in jobs]
    return _replicas(jobs[: names.index(replicated["name"])])


def _gang(jobset: Obj, replicated: Obj, index: int, attempt: int) -> dict[str, str]:
    """The pods of one replicated job start together: its processes wait for each other."""
    job = (replicated.get("template") or {}).get("spec") or {}
    wanted = int(job.get("parallelism") or 1)
    if job.get("completions") is not None:
        wanted = min(wanted, int(job["completions"]))
    size = wanted * int(replicated.get("replicas") or 1)
    if size <= 1:
        return {}
    return {GANG: f"{jobset['metadata']['uid']}.{replicated['name']}.{attempt}", GANG_SIZE: str(size)}


def service(jobset: Obj) -> Obj | None:
    domain, meta = subdomain(jobset), jobset["metadata"]
    if not domain:
        return None
    publish = (jobset["spec"].get("network") or {}).get("publishNotReadyAddresses", True)
    return {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": domain, "namespace": meta["namespace"], "ownerReferences": [reference(jobset)]
        },
        "spec": {
            "clusterIP": "None", "selector": {NAME: meta["name"]}, "publishNotReadyAddresses": publish
        },
    }


def claims(jobset: Obj) -> list[Obj]:
    """`volumeClaimPolicies`: one claim for each template, shared by all pods that mount its name."""
    meta, found = jobset["metadata"], []
    for policy in jobset["spec"].get("volumeClaimPolicies") or ():
        kept = (policy.get("retentionPolicy") or {}).get("whenDeleted") == "Retain"
        for template in policy.get("templates") or ():
            own = template.get("metadata") or {}
            labels = {**(own.get("labels") or {}), NAME: meta["name"]}
            new = {"name": f"{own['name']}-{meta['name']}", "namespace": meta["namespace"], "labels": labels}
            owners = [] if kept else [reference(jobset)]
            found.append({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": template.get("spec") or {},
                "metadata": {**new, "ownerReferences": owners} if owners else new,
            })
    return found


def _claimed(jobset: Obj, pod: Obj) -> None:
    name = jobset["metadata"]["name"]
    mounted = {
        mount["name"]
        for container in (*(pod.get("initContainers") or ()), *(pod.get("containers") or ()))
        for mount in container.get("volumeMounts") or ()
    }
    known = {volume["name"] for volume in pod.get("volumes") or ()}
    for policy in jobset["spec"].get("volumeClaimPolicies") or ():
        for template in policy.get("templates") or ():
            volume = (template.get("metadata") or {}).get("name")
            if volume in mounted and volume not in known:
                claim = {"claimName": f"{volume}-{name}"}
                pod["volumes"] = [
                    *(pod.get("volumes") or ()), {"name": volume, "persistentVolumeClaim": claim}
                ]
