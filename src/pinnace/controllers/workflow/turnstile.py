"""Which workflows may run now: the throttle, beside what the store knows.

Caller: `controller`. After a crash, who ran goes on before anybody new is let in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinnace.controllers.built_in import NAMESPACE
from pinnace.controllers.controller import Key
from pinnace.controllers.workflow.configuration import Settings
from pinnace.controllers.workflow.throttle import LABEL, POSTPONED, Throttle
from pinnace.kinds.argo import DOMAIN, WORKFLOW
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Change

if TYPE_CHECKING:
    from pinnace.controllers.workflow.controller import Door


class Turnstile:
    def __init__(self, client: Door, settings: Settings) -> None:
        self.client = client
        self.throttle = Throttle(settings.limits, self._own)

    def _own(self, namespace: str) -> int | None:
        found = self.client.peek(NAMESPACE, namespace) or {}
        said = str((found.get("metadata", {}).get("labels") or {}).get(LABEL, ""))
        return int(said) if said.isdigit() else None

    def known(self, obj: Obj) -> None:
        """A workflow that an earlier life of control left."""
        if (obj.get("status") or {}).get("phase") == "Running":
            meta = obj["metadata"]
            self.throttle.force(Key(meta.get("namespace") or "", meta["name"]))

    async def passed(self, key: Key, obj: Obj) -> bool:
        """False: too many run. The workflow says so, and is looked at again when one of them has ended."""
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        if spec.get("shutdown") or status.get("phase") == "Running":
            self.throttle.force(key)
        if self.throttle.admit(key, int(spec.get("priority") or 0), obj["metadata"]["creationTimestamp"]):
            return True
        if not status.get("phase"):
            await self.client.transact([Change(verb="system", resource=WORKFLOW, obj=_postponed(obj))])
        return False


def new(obj: Obj) -> bool:
    """Nothing of it has begun; it may have had to wait for that."""
    status = obj.get("status") or {}
    return not status.get("phase") or (status["phase"] == "Pending" and status.get("message") == POSTPONED)


def _postponed(obj: Obj) -> Obj:
    meta = obj["metadata"]
    labels = {**(meta.get("labels") or {}), f"{DOMAIN}phase": "Pending"}
    status = {**(obj.get("status") or {}), "phase": "Pending", "message": POSTPONED}
    return {**obj, "metadata": {**meta, "labels": labels}, "status": status}
