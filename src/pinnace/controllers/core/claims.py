"""PersistentVolumeClaims and PersistentVolumes: bound to each other, made for each other, released.

`storage` decides. Claims without a class, and those of any class that this platform need not know, get a
folder of this machine at once, with a PersistentVolume that shows it. `bootstrap` makes the default class.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from pinnace.controllers.built_in import CLAIM, STORAGE_CLASS, VOLUME
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.core import storage
from pinnace.controllers.recorder import Recorder
from pinnace.kinds import quantity
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, DeleteOptions
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event

WAITING = 15.0
"""Seconds after which a claim that found nothing looks again, as upstream's resync does."""


async def bootstrap(client: Local) -> None:
    """The default StorageClass. Idempotent."""
    if client.peek(STORAGE_CLASS, storage.STANDARD) is None:
        with suppress(StatusError):
            await client.create(STORAGE_CLASS, {
                "metadata": {"name": storage.STANDARD, "annotations": {storage.DEFAULT: "true"}},
                "provisioner": storage.PROVISIONER, "reclaimPolicy": "Delete",
                "volumeBindingMode": "Immediate", "allowVolumeExpansion": True,
            })


class Claims:
    """`folder`: where the volumes' data lies (`home.volumes`)."""

    name = "claims"
    watches: tuple[Resource, ...] = (CLAIM, VOLUME)

    def __init__(self, client: Local, folder: Path = Path("volumes")) -> None:
        self.client = client
        self.folder = folder
        self.recorder = Recorder(client, "persistentvolume-controller")

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == VOLUME.key:
            return self._of_volume(event)
        if event.type == "DELETED":
            name = (event.obj.get("spec") or {}).get("volumeName")
            return (Key("", name),) if name else ()
        return () if _settled(event.obj) else (Key(event.namespace, event.name),)

    def _of_volume(self, event: Event) -> tuple[Key, ...]:
        """The volume itself, and those who wait for one."""
        status = event.obj.get("status") or {}
        if event.type == "DELETED" or status.get("phase") == "Bound":
            return ()
        waiting = [
            Key(each["metadata"]["namespace"], each["metadata"]["name"])
            for each in self.client.peek_list(CLAIM).items if not _settled(each)
        ]
        return (Key("", event.name), *waiting)

    async def reconcile(self, key: Key) -> Result:
        if not key.namespace:
            return await self._tend(key.name)
        claim = self.client.peek(CLAIM, key.name, key.namespace)
        if claim is None or claim["metadata"].get("deletionTimestamp"):
            return Result()
        if _is_bound(claim):
            await self._grow(claim)
            return Result()
        volumes = self.client.peek_list(VOLUME).items
        answer = storage.decide(claim, volumes, self.client.peek_list(STORAGE_CLASS).items)
        if answer.volume is not None:
            return await self._bind(claim, answer.volume)
        if answer.class_name is not None:
            return await self._provision(claim, answer)
        self.recorder.record(claim, answer.reason, answer.message, warning=answer.reason != "FailedBinding")
        return Result(after=WAITING)

    async def _bind(self, claim: Obj, volume: Obj) -> Result:
        taken = {**volume, "spec": {**volume["spec"], "claimRef": storage.reference(claim)},
                 "status": {"phase": "Bound"}}
        self._place(volume)
        await self.client.transact([
            Change(verb="update", resource=VOLUME, obj=taken, trusted=True),
            Change(verb="status", resource=CLAIM, obj=storage.bound(claim, volume)),
        ])
        return Result()

    def _place(self, volume: Obj) -> None:
        """Pods find the data of a volume that was made by hand under its name."""
        spec = volume["spec"]
        if (volume["metadata"].get("annotations") or {}).get(storage.BY) == storage.PROVISIONER:
            return
        path = (spec.get("hostPath") or spec.get("local") or {}).get("path") or volume["metadata"]["name"]
        data = self.folder / ".host" / quote(os.path.normpath(f"/{path}"), safe="")  # no folder in another
        link = self.folder / ".persistent" / volume["metadata"]["name"]
        data.mkdir(parents=True, exist_ok=True)
        link.parent.mkdir(parents=True, exist_ok=True)
        if link.is_symlink():
            link.unlink()
        link.symlink_to(data)

    async def _provision(self, claim: Obj, answer: storage.Answer) -> Result:
        meta = claim["metadata"]
        path = str(self.folder / meta["namespace"] / meta["name"])
        volume = storage.provisioned(claim, answer, path)
        volume["status"] = {"phase": "Bound"}
        changes = [Change(verb="status", resource=CLAIM, obj=storage.bound(claim, volume))]
        if self.client.peek(VOLUME, volume["metadata"]["name"]) is None:
            changes.insert(0, Change(verb="create", resource=VOLUME, obj=volume, trusted=True))
        await self.client.transact(changes)
        words = f"Successfully provisioned volume {volume['metadata']['name']}"
        self.recorder.record(claim, "ProvisioningSucceeded", words)
        return Result()

    async def _grow(self, claim: Obj) -> None:
        """A bound claim asks for more: disk is disk."""
        wanted = ((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage")
        changed = {**claim, "status": {**claim["status"], "capacity": {"storage": wanted}}}
        changes = [Change(verb="status", resource=CLAIM, obj=changed)]
        volume = self.client.peek(VOLUME, claim["spec"].get("volumeName") or "")
        if volume is not None:
            larger = {**volume, "spec": {**volume["spec"], "capacity": {"storage": wanted}}}
            changes.append(Change(verb="update", resource=VOLUME, obj=larger, trusted=True))
        await self.client.transact(changes)

    async def _tend(self, name: str) -> Result:
        """A volume whose claim is gone is released, or goes too; a new one is there to be taken."""
        volume = self.client.peek(VOLUME, name)
        if volume is None or volume["metadata"].get("deletionTimestamp"):
            return Result()
        taken = volume["spec"].get("claimRef") or {}
        claim = self.client.peek(CLAIM, taken.get("name") or "", taken.get("namespace") or "")
        if claim is not None and claim["metadata"]["uid"] != taken.get("uid"):
            claim = None
        phase = storage.phase_of(volume, claim)
        own = (volume["metadata"].get("annotations") or {}).get(storage.BY) == storage.PROVISIONER
        if phase == "Released" and own and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
            options = DeleteOptions(uid=volume["metadata"]["uid"])
            with suppress(StatusError):
                await self.client.delete(VOLUME, name, "", options)
        elif (volume.get("status") or {}).get("phase") != phase:
            changed = {**volume, "status": {"phase": phase}}
            await self.client.transact([Change(verb="status", resource=VOLUME, obj=changed)])
        return Result()


def _is_bound(claim: Obj) -> bool:
    return (claim.get("status") or {}).get("phase") == "Bound"


def _settled(claim: Obj) -> bool:
    """Bound, and as large as it asks to be."""
    if not _is_bound(claim):
        return False
    capacity = ((claim["status"].get("capacity") or {}).get("storage")) or "0"
    return bool(storage.requested(claim) <= quantity.parse(capacity))
