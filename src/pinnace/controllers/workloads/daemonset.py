"""What a DaemonSet wants on the one Node there is: pure decision and status.

Called by `daemonsets`. Source: kubernetes pkg/controller/daemon/{daemon_controller,update}.go.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pinnace.controllers.workloads import pods
from pinnace.controllers.workloads.replicaset import minimum
from pinnace.controllers.workloads.revisions import POD_HASH
from pinnace.controllers.workloads.rollout import share
from pinnace.kinds.placement import DAEMON_TOLERATIONS, runs_daemon
from pinnace.kinds.resource import Obj

GENERATION = "deprecated.daemonset.template.generation"


class Decision(msgspec.Struct):
    create: int = 0
    end: list[Obj] = []
    failed: list[Obj] = []
    """Of those to end: they failed, and come again."""
    wanted: int = 0
    misplaced: int = 0
    wait: float | None = None


def decide(daemons: Obj, node: Obj | None, owned: Sequence[Obj], short: str, now: float) -> Decision:
    """`owned`: its Pods; `short`: the hash of the present template."""
    result = Decision()
    if pods.leaving(daemons) or node is None:
        return result
    may_come, may_stay = runs_daemon(node, daemons["spec"]["template"]["spec"])
    here = [pod for pod in owned if not pods.leaving(pod)]
    result.wanted = int(may_come)
    if not may_stay or (not may_come and not here):
        result.end, result.misplaced = here, len(here)
        return result
    result.failed = [pod for pod in here if pods.over(pod)]
    result.end += result.failed
    living = sorted((pod for pod in here if not pods.over(pod)), key=pods.created)
    going = [pod for pod in owned if pods.leaving(pod) and not pods.over(pod)]
    if not living:
        result.create = int(may_come and not result.failed and not going)
        return result
    _roll(daemons, living, short, now, result)
    return result


def _roll(daemons: Obj, living: list[Obj], short: str, now: float, result: Decision) -> None:
    """Old and new side by side only with maxSurge; a second Pod of one template is one too many."""
    strategy = daemons["spec"].get("updateStrategy") or {}
    fresh = [pod for pod in living if hash_of(pod) == short]
    stale = [pod for pod in living if hash_of(pod) != short]
    least = minimum(daemons["spec"])
    waits = [pods.available_in(pod, least, now) for pod in fresh]
    result.wait = min((wait for wait in waits if 0 < wait < pods.NEVER), default=None)
    result.end += fresh[1:] + stale[:-1]
    if not stale:
        return
    if fresh:
        result.end += stale[-1:] if 0 in waits or strategy.get("type") == "OnDelete" else []
    elif strategy.get("type", "RollingUpdate") == "RollingUpdate":
        surge = share((strategy.get("rollingUpdate") or {}).get("maxSurge") or 0, 1, up=True)
        if surge and pods.available_in(stale[-1], least, now) == 0:
            result.create = 1
        else:
            result.end += stale[-1:]


def hash_of(pod: Obj) -> str:
    return str((pod["metadata"].get("labels") or {}).get(POD_HASH, ""))


def pod_of(daemons: Obj, name: str, short: str, node: str) -> Obj:
    """Bound to its node by affinity, as upstream's, so that the scheduler places it."""
    pod = pods.made(daemons, daemons["spec"]["template"], name)
    generation = (daemons["metadata"].get("annotations") or {}).get(GENERATION)
    pod["metadata"]["labels"][POD_HASH] = short
    pod["metadata"]["generateName"] = f"{daemons['metadata']['name']}-"
    if generation:
        pod["metadata"]["labels"]["pod-template-generation"] = generation
    spec = pod["spec"]
    affinity = dict(spec.get("affinity") or {})
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    affinity["nodeAffinity"] = {
        **(affinity.get("nodeAffinity") or {}),
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": [field]}]},
    }
    spec["affinity"] = affinity
    spec["tolerations"] = [*(spec.get("tolerations") or ()), *DAEMON_TOLERATIONS]
    return pod


def described(daemons: Obj, decision: Decision, owned: Sequence[Obj], short: str, now: float) -> Obj:
    least = minimum(daemons["spec"])
    living = sorted(
        (pod for pod in owned if pods.active(pod)), key=lambda pod: (not pods.ready(pod), pods.created(pod))
    )
    best = living[:1] if decision.wanted else []
    available = sum(pods.available_in(pod, least, now) == 0 for pod in best)
    status: Obj = {
        "observedGeneration": daemons["metadata"].get("generation", 0),
        "desiredNumberScheduled": decision.wanted,
        "currentNumberScheduled": len(best),
        "numberMisscheduled": decision.misplaced,
        "numberReady": sum(pods.ready(pod) for pod in best),
        "updatedNumberScheduled": sum(hash_of(pod) == short for pod in best),
        "numberAvailable": available,
        "numberUnavailable": decision.wanted - available,
    }
    always = ("desiredNumberScheduled", "currentNumberScheduled", "numberMisscheduled", "numberReady")
    return {key: value for key, value in status.items() if value or key in always}
