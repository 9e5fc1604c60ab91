"""What a Deployment wants next: a pure function from it and its ReplicaSets to the ReplicaSets as they shall
be.

Called by `deployments`, which does one step and is called again by what comes of it. Source: kubernetes
pkg/controller/deployment. Invariant: revisions only grow, and the ReplicaSet whose template is the
Deployment's has the greatest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pinnace.controllers.workloads import pods, rollout
from pinnace.controllers.workloads.hashing import HASH, short_hash
from pinnace.controllers.workloads.rollout import Bounds, Size
from pinnace.kinds.resource import Obj

DOMAIN = "deployment.kubernetes.io/"
REVISION, HISTORY = f"{DOMAIN}revision", f"{DOMAIN}revision-history"
DESIRED, LARGEST = f"{DOMAIN}desired-replicas", f"{DOMAIN}max-replicas"
_NOT_COPIED = frozenset({
    "kubectl.kubernetes.io/last-applied-configuration", REVISION, HISTORY, DESIRED, LARGEST,
    "deprecated.deployment.rollback.to",
})


class Scaling(msgspec.Struct, frozen=True):
    """For the event that tells of it."""

    name: str
    before: int
    after: int


class Step(msgspec.Struct):
    """`create` is a new ReplicaSet, `update` whole changed ones, `delete` those of old revisions.

    `sets` is the picture after the step, the new one (or None) apart as `new`."""

    new: Obj | None = None
    old: list[Obj] = []
    create: Obj | None = None
    update: dict[str, Obj] = {}
    delete: list[Obj] = []
    scaled: list[Scaling] = []
    found: bool = False
    """The new ReplicaSet stood there already, and nobody has said so yet."""

    @property
    def sets(self) -> list[Obj]:
        return [*self.old, *([self.new] if self.new is not None else ())]


def decide(deployment: Obj, sets: Sequence[Obj], running: frozenset[str], complete: bool) -> Step:
    """`running`: uids of ReplicaSets of which a Pod is not over yet. `complete`: by the last status."""
    spec = deployment["spec"]
    ordered = sorted(sets, key=lambda one: (pods.created(one), one["metadata"]["name"]))
    new = next((one for one in ordered if same_template(one, spec["template"])), None)
    step = Step(new, [one for one in ordered if one is not new])
    if pods.leaving(deployment):
        return step
    if new is not None:
        _annotate(deployment, step, new)
    if spec.get("paused") or _resized(deployment, step):
        _scale(deployment, step)
        if spec.get("paused"):
            _clean(deployment, step)
        return step
    if (spec.get("strategy") or {}).get("type") == "Recreate":
        _recreate(deployment, step, running)
    else:
        _roll(deployment, step)
    if complete:
        _clean(deployment, step)
    return step


def same_template(replica_set: Obj, template: Obj) -> bool:
    return _bare(replica_set["spec"]["template"]) == _bare(template)


def _bare(template: Obj) -> Obj:
    """Without the hash that tells ReplicaSets apart, and without what is empty."""
    meta = dict(template.get("metadata") or {})
    meta["labels"] = {k: v for k, v in (meta.get("labels") or {}).items() if k != HASH}
    meta = {k: v for k, v in meta.items() if v and k != "creationTimestamp"}
    return {"metadata": meta, "spec": template.get("spec") or {}}


# Revisions ------------------------------------------------------------------------------------------------


def revision(obj: Obj) -> int:
    text = (obj["metadata"].get("annotations") or {}).get(REVISION, "")
    return int(text) if text.isdigit() else 0


def _copied(deployment: Obj) -> dict[str, str]:
    annotations = deployment["metadata"].get("annotations") or {}
    return {key: value for key, value in annotations.items() if key not in _NOT_COPIED}


def _annotate(deployment: Obj, step: Step, new: Obj) -> None:
    """The new ReplicaSet has the Deployment's annotations and the greatest revision."""
    before = new["metadata"].get("annotations") or {}
    after = {**before, **_copied(deployment)}
    next_revision = max((revision(one) for one in step.old), default=0) + 1
    if revision(new) < next_revision:
        after[REVISION] = str(next_revision)
        if REVISION in before:
            after[HISTORY] = ",".join(filter(None, (before.get(HISTORY), before[REVISION])))
    least = deployment["spec"].get("minReadySeconds") or 0
    changed: Obj = {}
    if (new["spec"].get("minReadySeconds") or 0) != least:
        changed = {"minReadySeconds": least}
    if after != before or changed:
        _change(step, new, after, changed)
    step.found = pods.condition(deployment, "Progressing") is None


def _change(step: Step, one: Obj, annotations: dict[str, str], spec: Obj) -> Obj:
    """Replace a ReplicaSet in the step's picture."""
    meta = {**one["metadata"], "annotations": annotations}
    changed = {**one, "metadata": meta}
    if spec:
        meta["generation"] = int(meta.get("generation") or 0) + (meta["name"] not in step.update)
        changed["spec"] = {**one["spec"], **spec}
    step.update[meta["name"]] = changed
    if step.new is not None and step.new["metadata"]["name"] == meta["name"]:
        step.new = changed
    step.old = [changed if each["metadata"]["name"] == meta["name"] else each for each in step.old]
    return changed


def fresh(deployment: Obj, old: Sequence[Obj], replicas: int) -> Obj:
    """The ReplicaSet of the Deployment's present template."""
    meta, spec = deployment["metadata"], deployment["spec"]
    template = spec["template"]
    collisions = (deployment.get("status") or {}).get("collisionCount")
    short = short_hash(_bare(template), collisions)
    inner = dict(template.get("metadata") or {})
    inner["labels"] = {**(inner.get("labels") or {}), HASH: short}
    selector: dict[str, Any] = dict(spec.get("selector") or {})
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH: short}
    latest = max((revision(one) for one in old), default=0) + 1
    limits = rollout.bounds(spec)
    made: Obj = {
        "replicas": replicas, "selector": selector,
        "template": {**template, "metadata": inner},
    }
    if spec.get("minReadySeconds"):
        made["minReadySeconds"] = spec["minReadySeconds"]
    return {
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": f"{meta['name']}-{short}", "namespace": meta["namespace"], "labels": inner["labels"],
            "annotations": {
                **_copied(deployment), REVISION: str(latest), **_sizes(limits),
            },
            "ownerReferences": [pods.reference(deployment)],
        },
        "spec": made,
    }


def _sizes(limits: Bounds) -> dict[str, str]:
    return {DESIRED: str(limits.desired), LARGEST: str(limits.most)}


# Sizes ------------------------------------------------------------------------------------------------------


def asked(one: Obj | None) -> int:
    return 0 if one is None else int(one["spec"].get("replicas") or 0)


def serving(one: Obj | None) -> int:
    return 0 if one is None else int((one.get("status") or {}).get("availableReplicas") or 0)


def _size(one: Obj) -> Size:
    largest = (one["metadata"].get("annotations") or {}).get(LARGEST, "")
    return Size(asked(one), serving(one), pods.created(one), int(largest) if largest.isdigit() else None)


def _resized(deployment: Obj, step: Step) -> bool:
    """Is this a change of the Deployment's size, not of its template?"""
    desired = rollout.bounds(deployment["spec"]).desired
    for one in step.sets:
        said = (one["metadata"].get("annotations") or {}).get(DESIRED, "")
        if asked(one) and said.isdigit() and int(said) != desired:
            return True
    return False


def _resize(deployment: Obj, step: Step, one: Obj, replicas: int) -> None:
    """Give one ReplicaSet a size, and the memory of what all were meant to be then."""
    limits = rollout.bounds(deployment["spec"])
    before = one["metadata"].get("annotations") or {}
    annotations = {**before, **_sizes(limits)}
    resized = replicas != asked(one)
    if annotations == before and not resized:
        return
    _change(step, one, annotations, {"replicas": replicas} if resized else {})
    if resized:
        step.scaled.append(Scaling(one["metadata"]["name"], asked(one), replicas))


def _scale(deployment: Obj, step: Step) -> None:
    limits = rollout.bounds(deployment["spec"])
    active = [one for one in step.sets if asked(one)]
    if len(active) <= 1:
        latest = active[0] if active else step.new or (step.old[-1] if step.old else None)
        if latest is not None and asked(latest) != limits.desired:
            _resize(deployment, step, latest, limits.desired)
        return
    if step.new is not None and _saturated(step.new, limits):
        for one in [one for one in step.old if asked(one)]:
            _resize(deployment, step, one, 0)
        return
    if (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
        return
    total = int((deployment.get("status") or {}).get("replicas") or 0)
    for one, size in zip(active, rollout.spread(limits, [_size(one) for one in active], total), strict=True):
        _resize(deployment, step, one, size)


def _saturated(new: Obj, limits: Bounds) -> bool:
    said = (new["metadata"].get("annotations") or {}).get(DESIRED, "")
    return asked(new) == serving(new) == limits.desired and said == str(limits.desired)


def _roll(deployment: Obj, step: Step) -> None:
    """One step of a rolling update: the new one up if there is room, else the old ones down."""
    limits = rollout.bounds(deployment["spec"])
    total = sum(asked(one) for one in step.sets)
    if step.new is None:
        replicas = rollout.grown(limits, Size(0), total)
        step.new = step.create = fresh(deployment, step.old, replicas)
        step.scaled.append(Scaling(step.new["metadata"]["name"], 0, replicas))
        return
    if asked(step.new) != limits.desired:
        replicas = min(limits.desired, rollout.grown(limits, _size(step.new), total))
        if replicas != asked(step.new):
            _resize(deployment, step, step.new, replicas)
            return
    active = [one for one in step.old if asked(one)]
    sizes = rollout.shrunk(limits, [_size(one) for one in active], _size(step.new))
    for one, size in zip(active, sizes, strict=True):
        if size != asked(one):
            _resize(deployment, step, one, size)


def _recreate(deployment: Obj, step: Step, running: frozenset[str]) -> None:
    """The old ones go, all their Pods with them, before the new one comes."""
    active = [one for one in step.old if asked(one)]
    for one in active:
        _resize(deployment, step, one, 0)
    if active or any(one["metadata"]["uid"] in running for one in step.old):
        return
    desired = rollout.bounds(deployment["spec"]).desired
    if step.new is None:
        step.new = step.create = fresh(deployment, step.old, desired)
        step.scaled.append(Scaling(step.new["metadata"]["name"], 0, desired))
    elif asked(step.new) != desired:
        _resize(deployment, step, step.new, desired)


def _clean(deployment: Obj, step: Step) -> None:
    """Old revisions beyond the limit go, the oldest first, unless they still have Pods."""
    limit = deployment["spec"].get("revisionHistoryLimit")
    if limit is None:
        return
    alive = [one for one in step.old if not pods.leaving(one)]
    for one in sorted(alive, key=revision)[: max(0, len(alive) - int(limit))]:
        status = one.get("status") or {}
        observed = int(status.get("observedGeneration") or 0)
        idle = not asked(one) and not status.get("replicas")
        if idle and observed >= int(one["metadata"].get("generation") or 0):
            step.delete.append(one)
