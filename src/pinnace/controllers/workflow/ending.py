"""After a workflow's end: claims, its disruption budget, pods (podGC), artifacts (artifactGC), itself (TTL).

Level-triggered: everything is looked at again after a crash, and what is gone already is no mistake. Caller:
`controller`, for Workflows that have ended or are being deleted. Source: upstream workflow/controller
(operator.go deletePVCs, pod_cleanup.go, artifact_gc.go), workflow/gccontroller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.controllers.built_in import DISRUPTION_BUDGET, POD
from pinnace.controllers.controller import Result
from pinnace.controllers.workflow import birth, clock, gathering
from pinnace.controllers.workflow.artifact_gc import ArtifactGC
from pinnace.controllers.workflow.retry import span
from pinnace.controllers.workflow.template import spec_of
from pinnace.kinds import selecting
from pinnace.kinds.argo import WORKFLOW, text
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, DeleteOptions, Selection
from pinnace.objects.errors import StatusError

if TYPE_CHECKING:
    from pinnace.controllers.workflow.controller import Workflows

ENDED = ("Succeeded", "Failed")


class PodGC(msgspec.Struct, frozen=True):
    """`delay`: seconds between the end and the deletion."""

    strategy: str = ""
    selector: Obj | None = None
    delay: float = 0

    def takes(self, labels: Obj | None) -> bool:
        return self.selector is None or selecting.matches(self.selector, labels)

    @property
    def at_pods_end(self) -> bool:
        return self.strategy in ("OnPodCompletion", "OnPodSuccess")

    def phases(self, good: bool) -> tuple[str, ...]:
        """Which pods go once the workflow has ended (`good`: in success)."""
        if self.strategy == "OnWorkflowCompletion" or (self.strategy == "OnWorkflowSuccess" and good):
            return (*ENDED, "Pending", "Running")
        if self.strategy == "OnPodCompletion":
            return ENDED
        return ("Succeeded",) if self.strategy == "OnPodSuccess" else ()


def pod_gc(declared: Obj | None) -> PodGC:
    found = declared or {}
    delay = text(found.get("deleteDelayDuration") or "")
    try:
        seconds = span(delay) if delay else 0
    except ExpressionError:  # refused by `birth`: there is nothing to collect
        seconds = 0
    return PodGC(str(found.get("strategy") or ""), found.get("labelSelector"), seconds)


class Ending:
    def __init__(self, house: Workflows) -> None:
        self.house = house
        self.artifacts = ArtifactGC(house)
        self.done: set[str] = set()
        """Uids of workflows whose pods and claims are seen to."""

    # ---- after the end -----------------------------------------------------------------------------------

    async def retire(self, obj: Obj) -> Result:
        """Whatever is due of an ended workflow; asks to be called again for what is not yet."""
        spec = (obj.get("status") or {}).get("storedWorkflowTemplateSpec") or obj.get("spec") or {}
        left = None
        if obj["metadata"]["uid"] not in self.done:
            left = await self._collect(obj, spec)
        ttl = await self._expire(obj, spec)
        waits = [wait for wait in (left, ttl) if wait is not None]
        return Result(after=min(waits)) if waits else Result()

    async def _collect(self, obj: Obj, spec: Obj) -> float | None:
        """Seconds until pods go; None: all is done."""
        status, meta = obj.get("status") or {}, obj["metadata"]
        namespace, phase = meta.get("namespace") or "", status.get("phase", "")
        if spec.get("volumeClaimTemplates"):
            await gathering.delete_claims(self.house.client, obj, spec_of(spec), phase)
        if spec.get("podDisruptionBudget"):
            await self._delete(DISRUPTION_BUDGET, meta["name"], namespace)
        if any(strategy == "OnWorkflowCompletion" for strategy in birth.strategies(spec)):
            await self.artifacts.collect(obj, spec, ("OnWorkflowCompletion",))
        gc = pod_gc(spec.get("podGC"))
        phases = gc.phases(phase == "Succeeded")
        if phases:
            left = clock.seconds(status["finishedAt"]) + gc.delay - self.house.now()
            if gc.delay and left > 0:
                return left
            await self.collect_pods(namespace, meta["uid"], phases, gc)
        self.done.add(meta["uid"])
        return None

    async def collect_pods(
        self, namespace: str, uid: str, phases: tuple[str, ...], gc: PodGC | None = None
    ) -> None:
        page = await self.house.client.list(POD, namespace, Selection(owner=uid))
        for pod in page.items:
            fits = (pod.get("status") or {}).get("phase") in phases
            if fits and (gc is None or gc.takes(pod["metadata"].get("labels"))):
                await self._delete(POD, pod["metadata"]["name"], namespace)

    async def _expire(self, obj: Obj, spec: Obj) -> float | None:
        """ttlStrategy: the workflow goes so many seconds after its end."""
        status = obj.get("status") or {}
        seconds = _ttl(spec.get("ttlStrategy") or {}, status.get("phase", ""))
        if seconds is None or not status.get("finishedAt"):
            return None
        left = clock.seconds(status["finishedAt"]) + seconds - self.house.now()
        if left > 0:
            return left
        meta = obj["metadata"]
        await self._delete(WORKFLOW, meta["name"], meta.get("namespace") or "")
        return None

    async def _delete(self, resource: Resource, name: str, namespace: str) -> None:
        try:
            await self.house.client.delete(resource, name, namespace, DeleteOptions())
        except StatusError as error:
            if error.code != 404:
                raise

    # ---- artifacts ---------------------------------------------------------------------------------------

    async def leave(self, obj: Obj) -> None:
        """Somebody deletes it: artifacts first, then the finalizer lets it go."""
        meta = obj["metadata"]
        self.done.discard(meta["uid"])
        if birth.FINALIZER not in (meta.get("finalizers") or ()):
            return
        spec = (obj.get("status") or {}).get("storedWorkflowTemplateSpec") or obj.get("spec") or {}
        obj = await self.artifacts.collect(obj, spec, birth.COLLECTING)
        if self.artifacts.held(obj, spec):
            return
        kept = [each for each in obj["metadata"]["finalizers"] if each != birth.FINALIZER]
        freed = {**obj, "metadata": {**obj["metadata"], "finalizers": kept}}
        await self.house.client.transact([Change(verb="system", resource=WORKFLOW, obj=freed)])


def _ttl(strategy: Obj, phase: str) -> int | None:
    specific = "secondsAfterSuccess" if phase == "Succeeded" else "secondsAfterFailure"
    found: Any = strategy.get(specific, strategy.get("secondsAfterCompletion"))
    return None if found is None else int(found)
