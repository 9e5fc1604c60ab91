"""What a StatefulSet wants next: a pure function from it and its Pods to Pods to make and to end.

Called by `statefulsets`. Source: kubernetes pkg/controller/statefulset/stateful_set_control.go. Invariants:
an ordinal has one Pod at a time; with OrderedReady nothing is made before all predecessors are available, and
nothing is ended while another is not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pinnace.controllers.workloads import pods
from pinnace.controllers.workloads.pods import NEVER
from pinnace.controllers.workloads.replicaset import minimum, wanted
from pinnace.controllers.workloads.revisions import POD_HASH
from pinnace.controllers.workloads.rollout import share
from pinnace.kinds.resource import Obj

NAME_LABEL = "statefulset.kubernetes.io/pod-name"
INDEX_LABEL = "apps.kubernetes.io/pod-index"
_ORDINAL = re.compile(r"(.*)-([0-9]+)")


class Decision(msgspec.Struct):
    """`create`: ordinal and whether it is made from the current revision (else from the update's)."""

    create: list[tuple[int, bool]] = []
    end: list[Obj] = []
    again: list[Obj] = []
    """Those to end that are over already, and come again."""
    condemned: list[Obj] = []
    wait: float | None = None


def parent_and_ordinal(name: str) -> tuple[str, int]:
    found = _ORDINAL.fullmatch(name)
    return (found[1], int(found[2])) if found else ("", -1)


def ordinal(pod: Obj) -> int:
    return parent_and_ordinal(pod["metadata"]["name"])[1]


def first(spec: Obj) -> int:
    return int((spec.get("ordinals") or {}).get("start") or 0)


def revision_of(pod: Obj) -> str:
    return str((pod["metadata"].get("labels") or {}).get(POD_HASH, ""))


def partition(spec: Obj) -> int:
    rolling = (spec.get("updateStrategy") or {}).get("rollingUpdate") or {}
    return int(rolling.get("partition") or 0)


def rolls(spec: Obj) -> bool:
    return bool((spec.get("updateStrategy") or {}).get("type", "RollingUpdate") == "RollingUpdate")


def decide(stateful: Obj, owned: Sequence[Obj], update: str, now: float) -> Decision:
    """`owned`: all its Pods; `update`: the name of the revision that is rolled out."""
    spec, result = stateful["spec"], Decision()
    if pods.leaving(stateful):
        return result
    walk = _Walk(spec, owned, now, result)
    result.condemned = walk.condemned
    if not walk.fill() or not walk.shrink():
        return result
    if rolls(spec):
        walk.update(update)
    return result


class _Walk:
    """One look along the ordinals. Each part says whether the next may begin."""

    def __init__(self, spec: Obj, owned: Sequence[Obj], now: float, result: Decision) -> None:
        self.spec, self.now, self.result = spec, now, result
        self.ordered = spec.get("podManagementPolicy") != "Parallel"
        start = first(spec)
        self.range = range(start, start + wanted(spec))
        known = {ordinal(pod): pod for pod in owned}
        self.replicas: dict[int, Obj | None] = {place: known.get(place) for place in self.range}
        self.condemned = [known[place] for place in sorted(known) if place not in self.range]
        unhealthy = [pod for pod in (*self.replicas.values(), *self.condemned) if pod and not healthy(pod)]
        self.first_unhealthy = min(unhealthy, key=ordinal, default=None)

    def available(self, pod: Obj) -> bool:
        wait = pods.available_in(pod, minimum(self.spec), self.now)
        if pods.phase(pod) != "Running" or wait == NEVER:
            return False
        if wait:
            self.result.wait = min(wait, self.result.wait or wait)
        return not wait

    def fill(self) -> bool:
        """Every ordinal of the range has a Pod, in order."""
        for place, pod in self.replicas.items():
            if pod is None:
                self.result.create.append((place, rolls(self.spec) and place < self.least))
            elif pods.over(pod) and not pods.leaving(pod):
                self.result.again.append(pod)
            elif self.available(pod) and not pods.leaving(pod):
                continue
            if self.ordered:
                return False
        return True

    @property
    def least(self) -> int:
        """The first ordinal that is updated."""
        return self.range.start + partition(self.spec)

    def shrink(self) -> bool:
        """What is out of range goes, from the end."""
        for pod in reversed(self.condemned):
            blocked = not self.available(pod) and pod is not self.first_unhealthy
            if self.ordered and (pods.leaving(pod) or blocked):
                return False
            if pods.leaving(pod):
                continue
            self.result.end.append(pod)
            if self.ordered:
                return False
        return True

    def update(self, revision: str) -> None:
        """Pods of older revisions are ended from the end, `maxUnavailable` (one) at a time."""
        rolling = (self.spec.get("updateStrategy") or {}).get("rollingUpdate") or {}
        allowed = max(1, share(rolling.get("maxUnavailable") or 1, len(self.range), up=True))
        for place in reversed(self.range):
            if place < self.least or allowed <= 0:
                return
            pod = self.replicas[place]
            if pod is None:
                allowed -= 1
            elif revision_of(pod) != revision and not pods.leaving(pod):
                self.result.end.append(pod)
                allowed -= 1
            elif not healthy(pod) or not self.available(pod):
                allowed -= 1


def healthy(pod: Obj) -> bool:
    return pods.phase(pod) == "Running" and pods.ready(pod) and not pods.leaving(pod)


def described(stateful: Obj, owned: Sequence[Obj], current: str, update: str, now: float) -> Obj:
    """The status; a finished update becomes the current revision."""
    spec, least = stateful["spec"], minimum(stateful["spec"])
    going = [pod for pod in owned if not pods.over(pod)]
    stay = [pod for pod in going if not pods.leaving(pod)]
    status: Obj = {
        "observedGeneration": stateful["metadata"].get("generation", 0),
        "replicas": len(going),
        "readyReplicas": sum(pods.phase(pod) == "Running" and pods.ready(pod) for pod in going),
        "availableReplicas": sum(pods.available_in(pod, least, now) == 0 for pod in going),
        "currentReplicas": sum(revision_of(pod) == current for pod in stay),
        "updatedReplicas": sum(revision_of(pod) == update for pod in stay),
        "currentRevision": current,
        "updateRevision": update,
        "collisionCount": int((stateful.get("status") or {}).get("collisionCount") or 0),
    }
    size = wanted(spec)
    if rolls(spec) and status["updatedReplicas"] == status["readyReplicas"] == status["replicas"] == size:
        status["currentReplicas"], status["currentRevision"] = status["updatedReplicas"], update
    always = ("replicas", "availableReplicas", "collisionCount")
    return {key: value for key, value in status.items() if value or key in always}


# Pods and their claims --------------------------------------------------------------------------------


def claim_name(template: Obj, stateful: str, place: int) -> str:
    return f"{template['metadata']['name']}-{stateful}-{place}"


def claims(stateful: Obj, place: int) -> list[Obj]:
    """The PersistentVolumeClaims of one ordinal, without owners."""
    meta, made = stateful["metadata"], []
    labels = (stateful["spec"].get("selector") or {}).get("matchLabels") or {}
    for template in stateful["spec"].get("volumeClaimTemplates") or ():
        own: Mapping[str, Any] = template["metadata"]
        kept = {key: own[key] for key in ("annotations",) if own.get(key)}
        made.append({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {
                **kept, "name": claim_name(template, meta["name"], place), "namespace": meta["namespace"],
                "labels": {**(own.get("labels") or {}), **labels},
            },
            "spec": template["spec"],
        })
    return made


def pod_of(stateful: Obj, template: Obj, revision: str, place: int) -> Obj:
    """The Pod of one ordinal: a name, a host and volumes of its own."""
    meta = stateful["metadata"]
    name = f"{meta['name']}-{place}"
    pod = pods.made(stateful, template, name)
    pod["metadata"]["generateName"] = f"{meta['name']}-"
    pod["metadata"]["labels"] |= {NAME_LABEL: name, INDEX_LABEL: str(place), POD_HASH: revision}
    spec = pod["spec"]
    spec["hostname"] = name
    if stateful["spec"].get("serviceName"):
        spec["subdomain"] = stateful["spec"]["serviceName"]
    templates = stateful["spec"].get("volumeClaimTemplates") or ()
    own = {
        each["metadata"]["name"]: {"claimName": claim_name(each, meta["name"], place)} for each in templates
    }
    if own:
        others = [each for each in spec.get("volumes") or () if each["name"] not in own]
        spec["volumes"] = [
            *({"name": name, "persistentVolumeClaim": claim} for name, claim in own.items()), *others
        ]
    return pod


def retained(stateful: Obj, pod: Obj | None, claim: Obj, *, condemned: bool) -> list[Obj] | None:
    """The claim's ownerReferences as the retention policy wants them; None if they are so already."""
    policy = stateful["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    scaled, deleted = (policy.get(name) == "Delete" for name in ("whenScaled", "whenDeleted"))
    by_pod = scaled and condemned
    owners = [stateful] if deleted and not by_pod else []
    if by_pod and pod is not None:
        owners.append(pod)
    mine = {each["metadata"]["uid"] for each in (stateful, pod) if each is not None}
    before = claim["metadata"].get("ownerReferences") or []
    has = {each["uid"] for each in before} & mine
    if has == {each["metadata"]["uid"] for each in owners}:
        return None
    kept = [each for each in before if each["uid"] not in mine]
    return kept + [_owning(each) for each in owners]


def _owning(owner: Obj) -> Obj:
    """No controller of the claim, only what it goes with."""
    meta = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": meta["name"], "uid": meta["uid"]
    }
