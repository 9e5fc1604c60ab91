"""apps/v1 StatefulSets: what `statefulset` decides, done: claims before Pods, one status after."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from pinnace.controllers.built_in import CLAIM, POD, STATEFUL_SET
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.recorder import Recorder
from pinnace.controllers.succession import Succession
from pinnace.controllers.workloads import pods, revisions
from pinnace.controllers.workloads.ownership import Household
from pinnace.controllers.workloads.revisions import Pair, Revisions
from pinnace.controllers.workloads.statefulset import (
    Decision,
    claims,
    decide,
    described,
    ordinal,
    parent_and_ordinal,
    pod_of,
    retained,
    revision_of,
)
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, DeleteOptions
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event

AGAIN = 10.0
"""Seconds after which a refused creation is tried again."""


class StatefulSets:
    name = "statefulsets"
    watches: tuple[Resource, ...] = (STATEFUL_SET, POD)

    def __init__(self, client: Local, *, clock: Callable[[], float] = time.time) -> None:
        self.client = client
        self.clock = clock
        self.recorder = Recorder(client, "statefulset-controller")
        self.household = Household(client, STATEFUL_SET, POD)
        self.revisions = Revisions(client)
        self.succession = Succession()

    def keys(self, event: Event) -> tuple[Key, ...]:
        if keys := self.household.keys(event):
            self.succession.note(event)
        return keys

    async def reconcile(self, key: Key) -> Result:
        stateful = self.client.peek(STATEFUL_SET, key.name, key.namespace)
        if stateful is None:
            return Result()
        found = [
            pod for pod in self.household.of(stateful)
            if parent_and_ordinal(pod["metadata"]["name"])[0] == key.name
        ]
        owned = await self.household.settle(stateful, found)
        current = (stateful.get("status") or {}).get("currentRevision") or ""
        pair = await self.revisions.pair(stateful, current)
        names = [one["metadata"]["name"] for one in (pair.current, pair.update)]
        decision = decide(stateful, owned, names[1], self.clock())
        self._let_rest(stateful, decision)
        await self._keep_claims(stateful, owned, decision)
        refused = await self._create(stateful, decision, pair)
        await self._end(stateful, decision)
        await self._say(stateful, owned, names[0], names[1])
        await self.revisions.forget(stateful, [*names, *(revision_of(pod) for pod in owned)])
        return Result(after=AGAIN if refused else decision.wait)

    def _let_rest(self, stateful: Obj, decision: Decision) -> None:
        """What was there a moment ago is made in a moment."""
        meta = stateful["metadata"]
        waits = [
            self.succession.wait(meta["namespace"], f"{meta['name']}-{place}") for place, _ in decision.create
        ]
        decision.create = [made for made, wait in zip(decision.create, waits, strict=True) if not wait]
        if resting := [wait for wait in (*waits, decision.wait) if wait]:
            decision.wait = min(resting)

    async def _say(self, stateful: Obj, owned: Sequence[Obj], current: str, update: str) -> None:
        status = described(stateful, owned, current, update, self.clock())
        if status != stateful.get("status"):
            change = Change(verb="status", resource=STATEFUL_SET, obj={**stateful, "status": status})
            await self.client.transact([change])

    async def _create(self, stateful: Obj, decision: Decision, pair: Pair) -> bool:
        """True if one was refused."""
        for place, current in decision.create:
            revision = pair.current if current else pair.update
            name = revision["metadata"]["name"]
            pod = pod_of(stateful, revisions.template(revision), name, place)
            try:
                if not await self._claim(stateful, pod, place):
                    return True
                await self.client.transact([Change(verb="create", resource=POD, obj=pod)])
            except StatusError as error:
                if error.code == 409:
                    raise
                self._tell(stateful, "create", f"{_words(stateful, pod, 'create')} failed error: "
                           f"{error.message}", warning=True)
                return True
            self._tell(stateful, "create", f"{_words(stateful, pod, 'create')} successful")
        return False

    async def _claim(self, stateful: Obj, pod: Obj, place: int) -> bool:
        """False while a claim of before is still on its way out."""
        for claim in claims(stateful, place):
            meta = claim["metadata"]
            if (there := self.client.peek(CLAIM, meta["name"], meta["namespace"])) is not None:
                if pods.leaving(there):
                    return False
                continue
            if owners := retained(stateful, None, claim, condemned=False):
                meta["ownerReferences"] = owners
            await self.client.transact([Change(verb="create", resource=CLAIM, obj=claim)])
            whose = f"Pod {pod['metadata']['name']} in StatefulSet {stateful['metadata']['name']}"
            self._tell(stateful, "create", f"create Claim {meta['name']} {whose} success")
        return True

    async def _keep_claims(self, stateful: Obj, owned: Sequence[Obj], decision: Decision) -> None:
        """Who goes with whom, before a Pod is ended."""
        condemned = {pod["metadata"]["uid"] for pod in decision.condemned}
        changes = []
        for pod in owned:
            for wanted in claims(stateful, ordinal(pod)):
                meta = wanted["metadata"]
                claim = self.client.peek(CLAIM, meta["name"], meta["namespace"])
                if claim is None or pods.leaving(claim):
                    continue
                owners = retained(stateful, pod, claim, condemned=pod["metadata"]["uid"] in condemned)
                if owners is not None:
                    changed = {**claim, "metadata": {**claim["metadata"], "ownerReferences": owners}}
                    changes.append(Change(verb="update", resource=CLAIM, obj=changed, trusted=True))
        if changes:
            await self.client.transact(changes)

    async def _end(self, stateful: Obj, decision: Decision) -> None:
        for pod in decision.again:
            failed = pods.phase(pod) == "Failed"
            reason, word = ("RecreatingFailedPod", "failed") if failed else (
                "RecreatingTerminatedPod", "terminated"
            )
            meta = stateful["metadata"]
            text = f"StatefulSet {meta['namespace']}/{meta['name']} is recreating {word} Pod "
            text += pod["metadata"]["name"]
            self.recorder.record(stateful, reason, text, warning=failed)
        for pod in (*decision.again, *decision.end):
            meta = pod["metadata"]
            with suppress(StatusError):
                await self.client.delete(POD, meta["name"], meta["namespace"], DeleteOptions(uid=meta["uid"]))
                self._tell(stateful, "delete", f"{_words(stateful, pod, 'delete')} successful")

    def _tell(self, stateful: Obj, verb: str, text: str, *, warning: bool = False) -> None:
        reason = f"{'Failed' if warning else 'Successful'}{verb.capitalize()}"
        self.recorder.record(stateful, reason, text, warning=warning)


def _words(stateful: Obj, pod: Obj, verb: str) -> str:
    return f"{verb} Pod {pod['metadata']['name']} in StatefulSet {stateful['metadata']['name']}"
