"""Who belongs to whom: adoption of orphans that a selector matches, release of what it no longer matches.

`claim` is pure; `Household` does what it says for the reconcilers of this family. Source: kubernetes
pkg/controller/controller_ref_manager.go. Invariant: one controller for each object; nothing is adopted by an
owner that is going away, nor taken from another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from pinnace.controllers.controller import Key
from pinnace.controllers.workloads.pods import controller_of, leaving, reference
from pinnace.kinds.resource import Obj, Resource
from pinnace.kinds.selecting import Selector, matches, spoken
from pinnace.objects.client import Change, Selection
from pinnace.objects.local import Local
from pinnace.store.interface import Event


class Claim(msgspec.Struct):
    owned: list[Obj] = []
    adopt: list[Obj] = []
    release: list[Obj] = []


def claim(owner: Obj, candidates: Iterable[Obj], selector: Selector) -> Claim:
    result = Claim()
    going = leaving(owner)
    for one in candidates:
        fits = matches(selector, one["metadata"].get("labels"))
        holder = controller_of(one)
        if holder is not None:
            if holder.get("uid") != owner["metadata"]["uid"]:
                continue
            if fits:
                result.owned.append(one)
            elif not going:
                result.release.append(one)
        elif fits and not going and not leaving(one):
            result.adopt.append(one)
    return result


def adopted(owner: Obj, obj: Obj) -> Obj:
    meta = dict(obj["metadata"])
    meta["ownerReferences"] = [*(meta.get("ownerReferences") or ()), reference(owner)]
    return {**obj, "metadata": meta}


def released(owner: Obj, obj: Obj) -> Obj:
    meta = dict(obj["metadata"])
    uid = owner["metadata"]["uid"]
    meta["ownerReferences"] = [each for each in meta["ownerReferences"] if each.get("uid") != uid]
    if not meta["ownerReferences"]:
        del meta["ownerReferences"]
    return {**obj, "metadata": meta}


class Household:
    """The dependents of one kind of owner: found, adopted, released; and whose an event concerns."""

    def __init__(self, client: Local, owners: Resource, dependents: Resource) -> None:
        self.client = client
        self.owners = owners
        self.dependents = dependents
        self._key, self._kind = owners.key, owners.kind
        self._selectors: dict[str, dict[str, Selector]] = {}

    def of(self, owner: Obj) -> list[Obj]:
        """What may belong to it: its own, and what its selector matches."""
        namespace, uid = owner["metadata"]["namespace"], owner["metadata"]["uid"]
        own = self.client.peek_list(self.dependents, namespace, Selection(owner=uid)).items
        found = {each["metadata"]["uid"]: each for each in own}
        if text := spoken((owner.get("spec") or {}).get("selector")):
            for each in self.client.peek_list(self.dependents, namespace, Selection(labels=text)).items:
                found.setdefault(each["metadata"]["uid"], each)
        return list(found.values())

    async def settle(self, owner: Obj, candidates: Sequence[Obj]) -> list[Obj]:
        """Adopt and release what has to be; returns what the owner now has."""
        result = claim(owner, candidates, owner["spec"].get("selector"))
        changed = [adopted(owner, each) for each in result.adopt]
        gone = [released(owner, each) for each in result.release]
        if not changed and not gone:
            return result.owned
        written = await self.client.transact([
            Change(verb="update", resource=self.dependents, obj=each, trusted=True)
            for each in (*changed, *gone)
        ])
        return result.owned + written[: len(changed)]

    def keys(self, event: Event) -> tuple[Key, ...]:
        """Of events of the owners and of the dependents. Every Pod's every event comes here: most belong to
        somebody else and are told apart first."""
        if event.resource == self._key:
            self._remember(event)
            return (Key(event.namespace, event.name),)
        for one in event.obj["metadata"].get("ownerReferences") or ():
            if one.get("controller"):
                return (Key(event.namespace, one["name"]),) if one.get("kind") == self._kind else ()
        return self._suitors(event)

    def _remember(self, event: Event) -> None:
        known = self._selectors.setdefault(event.namespace, {})
        if event.type == "DELETED":
            known.pop(event.name, None)
        else:
            known[event.name] = (event.obj.get("spec") or {}).get("selector")

    def _suitors(self, event: Event) -> tuple[Key, ...]:
        """Those who would adopt an orphan, and those who have just lost it."""
        known = self._selectors.get(event.namespace)
        if not known or event.type == "DELETED":
            return ()
        labels = event.obj["metadata"].get("labels")
        before = event.labels or labels
        return tuple(
            Key(event.namespace, name)
            for name, selector in known.items()
            if matches(selector, labels) or matches(selector, before)
        )
