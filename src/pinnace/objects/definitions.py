"""CustomResourceDefinitions as objects: accepted at once (unless another one has their names), served as
soon as they are stored, emptied before they go.

Called by `house` (what a stored definition changes) and `admission` (its rules). Invariant: the catalogue
serves exactly the definitions in the store; after a restart it is filled from there before anyone asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from pinnace.kinds import crd
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import deletion
from pinnace.objects.metadata import now
from pinnace.store.interface import Store

KEY = deletion.DEFINITIONS


class Installer(Protocol):
    def resources(self) -> list[Resource]: ...

    def install(self, definition: Obj) -> list[Resource]: ...

    def remove(self, definition: Obj) -> None: ...


def accepted(definition: Obj, others: Iterable[Resource] = ()) -> Obj:
    """With the status that says whether it is served beside the others. The same object when that says
    nothing new."""
    status: dict[str, Any] = definition.get("status") or {}
    before = {one.get("type"): one for one in status.get("conditions") or []}
    conditions, names, versions = crd.accept(definition, now(), others)
    for condition in conditions:
        old = before.get(condition["type"])
        if old and old.get("status") == condition["status"] and old.get("lastTransitionTime"):
            condition["lastTransitionTime"] = old["lastTransitionTime"]
    others = [one for type_, one in before.items() if type_ not in {c["type"] for c in conditions}]
    wanted = {**status, "conditions": conditions + others, "acceptedNames": names, "storedVersions": versions}
    return definition if wanted == status else {**definition, "status": wanted}


class Served:
    """Which definitions the catalogue follows, so that nothing is installed twice for the same document."""

    def __init__(self, store: Store, catalogue: Installer) -> None:
        self.catalogue = catalogue
        self._known: dict[str, tuple[str, int]] = {}
        for definition in store.list(KEY).items:
            self.stored(definition)

    def stored(self, definition: Obj) -> None:
        meta = definition["metadata"]
        mark = (meta.get("uid", ""), int(meta.get("generation") or 0))
        if crd.established(definition) and self._known.get(meta["name"]) != mark:
            self._known[meta["name"]] = mark
            self.catalogue.install(definition)

    def gone(self, definition: Obj) -> None:
        known = self._known.get(definition["metadata"]["name"])
        if known and known[0] == definition["metadata"].get("uid", ""):
            del self._known[definition["metadata"]["name"]]
            self.catalogue.remove(definition)
