"""ControllerRevisions: the history of templates that StatefulSets and DaemonSets roll out and back to.

`kubectl rollout history` and `undo` read them. `Revisions` is the reconcilers' hand; the decisions are pure.
Source: kubernetes pkg/controller/history. Invariant: a revision's data never changes; going back to one only
makes it the newest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from pinnace.controllers.built_in import CONTROLLER_REVISION
from pinnace.controllers.workloads import pods
from pinnace.controllers.workloads.hashing import short_hash
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Change, DeleteOptions, Selection
from pinnace.objects.local import Local

HASH = "controller.kubernetes.io/hash"
POD_HASH = "controller-revision-hash"
_OWN = "kubectl.kubernetes.io/last-applied-configuration"


class Pair(msgspec.Struct, frozen=True):
    """The revision that runs, and the one that is rolled out; the same when nothing is."""

    current: Obj
    update: Obj


def data(owner: Obj) -> Obj:
    """As a strategic merge patch that brings the template back."""
    return {"spec": {"template": {**owner["spec"]["template"], "$patch": "replace"}}}


def template(revision: Obj) -> Obj:
    found = revision["data"]["spec"]["template"]
    return {key: value for key, value in found.items() if key != "$patch"}


def number(revision: Obj) -> int:
    return int(revision.get("revision") or 0)


def fresh(owner: Obj, latest: int, collisions: int | None) -> Obj:
    meta, content = owner["metadata"], data(owner)
    short = short_hash(content, collisions)
    labels = (owner["spec"]["template"].get("metadata") or {}).get("labels") or {}
    annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if k != _OWN}
    return {
        "apiVersion": "apps/v1", "kind": "ControllerRevision",
        "metadata": {
            "name": f"{meta['name']}-{short}", "namespace": meta["namespace"],
            "labels": {**labels, HASH: short}, "annotations": annotations,
            "ownerReferences": [pods.reference(owner)],
        },
        "data": content, "revision": latest + 1,
    }


def surplus(history: Sequence[Obj], live: Iterable[str], limit: int) -> list[Obj]:
    """Revisions that nothing runs, beyond the limit, the oldest first."""
    used = set(live)
    idle = [one for one in sorted(history, key=number) if one["metadata"]["name"] not in used]
    return idle[: max(0, len(idle) - limit)]


class Revisions:
    def __init__(self, client: Local) -> None:
        self.client = client

    def of(self, owner: Obj) -> list[Obj]:
        """Oldest first."""
        meta = owner["metadata"]
        selection = Selection(owner=meta["uid"])
        found = self.client.peek_list(CONTROLLER_REVISION, meta["namespace"], selection).items
        return sorted(found, key=number)

    async def pair(self, owner: Obj, current: str = "") -> Pair:
        """The revision of the owner's present template, made if there is none, and the one named."""
        history = self.of(owner)
        update = await self._update(owner, history)
        running = next((one for one in history if one["metadata"]["name"] == current), update)
        return Pair(running, update)

    async def _update(self, owner: Obj, history: Sequence[Obj]) -> Obj:
        latest = number(history[-1]) if history else 0
        wanted = data(owner)
        same = next((one for one in reversed(history) if one["data"] == wanted), None)
        if same is not None and number(same) == latest:
            return same
        if same is not None:
            change = Change(
                verb="update", resource=CONTROLLER_REVISION, obj={**same, "revision": latest + 1},
                trusted=True,
            )
        else:
            change = Change(
                verb="create", resource=CONTROLLER_REVISION, obj=self._named(owner, latest), trusted=True
            )
        (made,) = await self.client.transact([change])
        return made

    def _named(self, owner: Obj, latest: int) -> Obj:
        """With a name that nobody has."""
        collisions: int | None = None
        while True:
            made = fresh(owner, latest, collisions)
            meta = made["metadata"]
            if self.client.peek(CONTROLLER_REVISION, meta["name"], meta["namespace"]) is None:
                return made
            collisions = (collisions or 0) + 1

    async def forget(self, owner: Obj, live: Iterable[str]) -> None:
        limit = owner["spec"].get("revisionHistoryLimit")
        for one in surplus(self.of(owner), live, 10 if limit is None else int(limit)):
            meta = one["metadata"]
            options = DeleteOptions(uid=meta["uid"])
            await self.client.delete(CONTROLLER_REVISION, meta["name"], meta["namespace"], options)
