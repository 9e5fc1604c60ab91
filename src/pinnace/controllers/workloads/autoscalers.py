"""autoscaling HorizontalPodAutoscalers: measure, propose, limit, scale; every SYNC seconds.

What to do is decided in `scaling`; here are the measures, the `scale` subresource of whatever is named, the
conditions and the events. What is remembered of past sizes lives in this process, as upstream's does.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from pinnace.controllers.built_in import AUTOSCALER, POD
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.moment import stamp
from pinnace.controllers.recorder import Recorder
from pinnace.controllers.workloads.scaling import History, Proposal, Unmeasured, Usage, limit, propose
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, Options, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event

SYNC = 5.0
"""Seconds between two looks. Upstream's 15 wait for a scraper; here who looks measures."""
DEFAULT: list[Obj] = [{
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
}]
Measure = Callable[[str, Sequence[Obj]], Awaitable[Mapping[str, Usage]]]


class Kinds(Protocol):
    def kind(self, api_version: str, kind: str) -> Resource | None: ...


class Autoscalers:
    """`measure(namespace, pods)`: what those Pods use now, by name."""

    name = "autoscalers"
    watches: tuple[Resource, ...] = (AUTOSCALER,)

    def __init__(
        self, client: Local, kinds: Kinds, measure: Measure, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.client = client
        self.kinds = kinds
        self.measure = measure
        self.clock = clock
        self.recorder = Recorder(client, "horizontal-pod-autoscaler")
        self._histories: dict[str, History] = {}
        self._specs: dict[Key, Any] = {}

    def keys(self, event: Event) -> tuple[Key, ...]:
        """Its own status is no news."""
        key, spec = Key(event.namespace, event.name), event.obj.get("spec")
        if event.type == "DELETED":
            self._specs.pop(key, None)
            self._histories.pop(event.obj["metadata"]["uid"], None)
            return ()
        if self._specs.get(key) == spec:
            return ()
        self._specs[key] = spec
        return (key,)

    async def reconcile(self, key: Key) -> Result:
        autoscaler = self.client.peek(AUTOSCALER, key.name, key.namespace)
        if autoscaler is None or autoscaler["metadata"].get("deletionTimestamp"):
            return Result()
        status = await self._look(autoscaler, _Story(autoscaler, self.recorder, self.clock()))
        if status != (autoscaler.get("status") or {}):
            change = Change(verb="status", resource=AUTOSCALER, obj={**autoscaler, "status": status})
            await self.client.transact([change])
        return Result(after=SYNC)

    async def _look(self, autoscaler: Obj, story: _Story) -> Obj:
        target, namespace = autoscaler["spec"]["scaleTargetRef"], autoscaler["metadata"]["namespace"]
        try:
            resource = self.kinds.kind(target.get("apiVersion") or "v1", target["kind"])
            if resource is None:
                raise StatusError(404, "NotFound", f'no matches for kind "{target["kind"]}"')
            scale = await self.client.get(resource, target["name"], namespace, "scale")
        except StatusError as error:
            words = f"the HPA controller was unable to get the target's current scale: {error.message}"
            story.say("AbleToScale", "False", "FailedGetScale", words)
            story.tell("FailedGetScale", error.message)
            return story.status(None, None)
        words = "the HPA controller was able to get the target's current scale"
        story.say("AbleToScale", "True", "SucceededGetScale", words)
        current = int(scale["spec"].get("replicas") or 0)
        desired, why = await self._desired(autoscaler, scale, current, story)
        if desired is not None and desired != current:
            await self._scale(resource, scale, desired, why, story)
        return story.status(current, current if desired is None else desired)

    async def _desired(
        self, autoscaler: Obj, scale: Obj, current: int, story: _Story
    ) -> tuple[int | None, str]:
        """The size to take and why; None: it cannot be said."""
        spec = autoscaler["spec"]
        least = 1 if spec.get("minReplicas") is None else int(spec["minReplicas"])
        if current == 0 and least:
            words = "scaling is disabled since the replica count of the target is zero"
            story.say("ScalingActive", "False", "ScalingDisabled", words)
            return 0, ""
        if current > spec["maxReplicas"]:
            return int(spec["maxReplicas"]), "Current number of replicas above Spec.MaxReplicas"
        if current < least:
            return least, "Current number of replicas below Spec.MinReplicas"
        best = await self._best(autoscaler, scale, current, story)
        if best is None:
            return None, ""
        history = self._histories.setdefault(autoscaler["metadata"]["uid"], History())
        verdict = limit(spec, current, best.replicas, history, story.now)
        history.happened(story.now, current, verdict.replicas)
        story.say("AbleToScale", *verdict.able)
        story.say("ScalingLimited", *verdict.limited)
        rising = verdict.replicas > current
        return verdict.replicas, f"{best.name} above target" if rising else "All metrics below target"

    async def _best(
        self, autoscaler: Obj, scale: Obj, current: int, story: _Story
    ) -> Proposal | None:
        """The greatest of what the metrics propose. One that fails forbids to scale down."""
        metrics = autoscaler["spec"].get("metrics") or DEFAULT
        selector = (scale.get("status") or {}).get("selector") or ""
        if not selector:
            words = "the HPA target's scale is missing a selector"
            story.say("ScalingActive", "False", "InvalidSelector", words)
            story.tell("SelectorRequired", "selector is required")
            return None
        namespace = autoscaler["metadata"]["namespace"]
        owned = self.client.peek_list(POD, namespace, Selection(labels=selector)).items
        usage = await self.measure(namespace, owned)
        found: list[Proposal] = []
        failures: list[Unmeasured] = []
        for metric in metrics:
            try:
                found.append(propose(metric, current, owned, usage, story.now))
            except Unmeasured as failure:
                failures.append(failure)
                story.tell(failure.reason, str(failure))
        best = max(found, key=lambda one: one.replicas, default=None)
        if failures and (best is None or best.replicas < current):
            story.failed(failures, len(metrics))
            return None
        assert best is not None
        story.measured = [one.current for one in found]
        words = f"the HPA was able to successfully calculate a replica count from {best.name}"
        story.say("ScalingActive", "True", "ValidMetricFound", words)
        return best

    async def _scale(self, resource: Resource, scale: Obj, desired: int, why: str, story: _Story) -> None:
        wanted = {**scale, "spec": {**scale["spec"], "replicas": desired}}
        meta = scale["metadata"]
        try:
            await self.client.update(resource, wanted, meta["namespace"], Options(subresource="scale"))
        except StatusError as error:
            words = f"the HPA controller was unable to update the target scale: {error.message}"
            story.say("AbleToScale", "False", "FailedUpdateScale", words)
            story.tell("FailedRescale", f"New size: {desired}; reason: {why}; error: {error.message}")
            return
        words = f"the HPA controller was able to update the target scale to {desired}"
        story.say("AbleToScale", "True", "SucceededRescale", words)
        story.tell("SuccessfulRescale", f"New size: {desired}; reason: {why}", warning=False)
        story.scaled = True


class _Story:
    """The conditions and events of one look."""

    def __init__(self, autoscaler: Obj, recorder: Recorder, now: float) -> None:
        self.autoscaler = autoscaler
        self.recorder = recorder
        self.now = now
        self.before: Obj = autoscaler.get("status") or {}
        self.conditions: list[Obj] = list(self.before.get("conditions") or ())
        self.measured: list[Obj] | None = None
        self.scaled = False

    def say(self, kind: str, status: str, reason: str, message: str) -> None:
        old = next((each for each in self.conditions if each["type"] == kind), None)
        since = old["lastTransitionTime"] if old and old["status"] == status else stamp(self.now)
        new = {"type": kind, "status": status, "lastTransitionTime": since, "reason": reason,
               "message": message}
        if old is None:
            self.conditions.append(new)
        else:
            self.conditions[self.conditions.index(old)] = new

    def tell(self, reason: str, message: str, *, warning: bool = True) -> None:
        self.recorder.record(self.autoscaler, reason, message, warning=warning)

    def failed(self, failures: Sequence[Unmeasured], total: int) -> None:
        first = failures[0]
        words = f"the HPA was unable to compute the replica count: {first}"
        self.say("ScalingActive", "False", first.reason, words)
        text = f"invalid metrics ({len(failures)} invalid out of {total}), first error is: {first}"
        self.tell("FailedComputeMetricsReplicas", text)

    def status(self, current: int | None, desired: int | None) -> Obj:
        meta = self.autoscaler["metadata"]
        status: Obj = {
            "currentReplicas": self.before.get("currentReplicas", 0) if current is None else current,
            "desiredReplicas": self.before.get("desiredReplicas", 0) if desired is None else desired,
            "conditions": self.conditions,
        }
        if meta.get("generation"):
            status["observedGeneration"] = meta["generation"]
        if self.scaled:
            status["lastScaleTime"] = stamp(self.now)
        elif self.before.get("lastScaleTime"):
            status["lastScaleTime"] = self.before["lastScaleTime"]
        measured = self.before.get("currentMetrics") if self.measured is None else self.measured
        if measured:
            status["currentMetrics"] = measured
        return status
