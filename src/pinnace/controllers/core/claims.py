"""PersistentVolumeClaims: bound at once, since every claim is a folder of this machine's disk."""

from __future__ import annotations

from pinnace.controllers.built_in import CLAIM
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.recorder import Recorder
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change
from pinnace.objects.local import Local
from pinnace.store.interface import Event

STORAGE_CLASS = "standard"


class Claims:
    name = "claims"
    watches: tuple[Resource, ...] = (CLAIM,)

    def __init__(self, client: Local) -> None:
        self.client = client
        self.recorder = Recorder(client, "persistentvolume-controller")

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.type == "DELETED" or _is_bound(event.obj):
            return ()
        return (Key(event.namespace, event.name),)

    async def reconcile(self, key: Key) -> Result:
        claim = self.client.peek(CLAIM, key.name, key.namespace)
        if claim is None or _is_bound(claim):
            return Result()
        await self.client.transact([Change(verb="status", resource=CLAIM, obj=bound(claim))])
        self.recorder.record(
            claim, "ProvisioningSucceeded", f"Successfully provisioned volume {volume_name(claim)}"
        )
        return Result()


def _is_bound(claim: Obj) -> bool:
    return (claim.get("status") or {}).get("phase") == "Bound"


def volume_name(claim: Obj) -> str:
    return f"pvc-{claim['metadata']['uid']}"


def bound(claim: Obj) -> Obj:
    """The claim with its volume; the class is named so that `kubectl get pvc` shows one."""
    spec = claim.get("spec") or {}
    requests = (spec.get("resources") or {}).get("requests") or {}
    status = {
        "phase": "Bound",
        "accessModes": spec.get("accessModes") or ["ReadWriteOnce"],
        "capacity": {"storage": requests.get("storage", "1Gi")},
    }
    given = {**spec, "volumeName": spec.get("volumeName") or volume_name(claim)}
    given.setdefault("storageClassName", STORAGE_CLASS)
    return {**claim, "spec": given, "status": status}
