"""Tensorboards: their Deployment, Service, status, and their place behind the gateway. Level-triggered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from pinnace.controllers.built_in import CLAIM, DEPLOYMENT, POD, REPLICA_SET
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.moment import stamp
from pinnace.controllers.notebook import gate, tensorboard, workload
from pinnace.controllers.notebook.gate import Gates, Place
from pinnace.controllers.notebook.tensorboard import Logs
from pinnace.controllers.recorder import Recorder
from pinnace.data import claims
from pinnace.data.blobs import Blobs
from pinnace.gateway.interface import Gateway, Refused, Unreachable
from pinnace.kinds import notebook as kind
from pinnace.kinds.notebook import TENSORBOARD
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event

SOON, LATER = 0.5, 30.0
LAID = "pinnace.dev/laid-out"
"""Annotation of a claim: the artifact's digest that lies in it, whole."""


class Stored(Protocol):
    """An artifact of the local repository."""

    @property
    def digest(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def directory(self) -> bool: ...


class Tensorboards:
    name = "tensorboard-controller"
    watches: tuple[Resource, ...] = (TENSORBOARD, DEPLOYMENT, POD)
    owners: Mapping[str, frozenset[str]] = {POD.key: frozenset({"ReplicaSet"})}

    def __init__(
        self, client: Local, gateway: Gateway, doors: Callable[[], str | None], *,
        artifact: Callable[[str, str], Stored | None], blobs: Blobs, volumes: Path,
    ) -> None:
        self.client = client
        self.gates = Gates(gateway, doors, TENSORBOARD)
        self.artifact = artifact
        self.blobs = blobs
        self.volumes = volumes
        self.recorder = Recorder(client, "tensorboard-controller")

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == TENSORBOARD.key:
            return (Key(event.namespace, event.name),)
        meta = event.obj["metadata"]
        if event.resource == POD.key:
            name = (meta.get("labels") or {}).get("app", "")
            return (Key(event.namespace, name),) if name and self._find(name, event.namespace) else ()
        for owner in meta.get("ownerReferences") or ():
            if owner.get("kind") == TENSORBOARD.kind and owner.get("controller"):
                return (Key(event.namespace, owner["name"]),)
        return ()

    def _find(self, name: str, namespace: str) -> Obj | None:
        return self.client.peek(TENSORBOARD, name, namespace)

    async def reconcile(self, key: Key) -> Result:
        found = self._find(key.name, key.namespace)
        if found is None or found["metadata"].get("deletionTimestamp"):
            return Result() if await self.gates.close(*key) else Result(after=SOON)
        doors = self.gates.doors()
        if doors is None:
            return Result(after=SOON)
        held = self.client.peek(DEPLOYMENT, key.name, key.namespace)
        if held is not None and not owned(held, found):
            words = f"Deployment {key.name} belongs to something else; rename the tensorboard"
            self.recorder.record(found, "NameTaken", words, warning=True)
            return Result(after=LATER)
        mark = gate.marked(held, stopped=kind.stopped(found))
        try:
            where = await self._logs(found)
            wanted = tensorboard.deployment(found, where, mark, shared=not doors)
            held = await self._keep(found, held, wanted)
        except StatusError as error:
            if error.code in (404, 409):
                raise
            self.recorder.record(found, "FailedCreate", f"Error creating: {error.message}", warning=True)
            return Result(after=LATER)
        await self._report(found, held)
        pod = self._pod(found, held)
        port = workload.port_of(wanted["spec"]["template"])
        place = Place(gate.address(pod, port, doors), "/", gate.reason(pod))
        return await self._show(found, mark, place)

    async def _logs(self, found: Obj) -> Logs:
        """Where they are; an artifact's are laid into a claim first, once."""
        meta, path = found["metadata"], str((found.get("spec") or {}).get("logspath") or "")
        stored = self.artifact(meta["namespace"], path)
        where = tensorboard.logs(path, stored is not None, meta["name"])
        if stored is not None and where.claim == tensorboard.claim_name(meta["name"]):
            await self._lay_out(found, stored)
        return where

    async def _lay_out(self, found: Obj, stored: Stored) -> None:
        meta = found["metadata"]
        name = tensorboard.claim_name(meta["name"])
        claim = self.client.peek(CLAIM, name, meta["namespace"])
        if claim is None:
            change = Change(verb="create", resource=CLAIM, obj=tensorboard.claim(found, stored.size))
            (claim,) = await self.client.transact([change])
        if not owned(claim, found) or kind.notes(claim).get(LAID) == stored.digest:
            return
        folder = await asyncio.to_thread(claims.folder, self.volumes, claim)
        name_of_file = str(found["spec"]["logspath"]).rpartition("/")[2]
        place = folder / (stored.digest[:16] if stored.directory else name_of_file)
        await asyncio.to_thread(self._copy, stored, place)
        patch = {"metadata": {"annotations": {LAID: stored.digest}}}
        await self.client.patch(CLAIM, name, meta["namespace"], patch, "merge")

    def _copy(self, stored: Stored, place: Path) -> None:
        if not place.exists():
            self.blobs.materialise(stored.digest, place)

    async def _keep(self, found: Obj, held: Obj | None, wanted: Obj) -> Obj:
        """The Deployment and the Service as they should be."""
        changes = []
        if held is None:
            changes.append(Change(verb="create", resource=DEPLOYMENT, obj=wanted))
        elif (notes := annotated(held, wanted)) != kind.notes(held):
            meta = {**held["metadata"], "annotations": notes}
            changed = {**held, "metadata": meta, "spec": {**held["spec"], **wanted["spec"]}}
            changes.append(Change(verb="update", resource=DEPLOYMENT, obj=changed))
        port = workload.port_of(wanted["spec"]["template"])
        changes += gate.kept(self.client, workload.service(found, {"app": found["metadata"]["name"]}, port))
        written = await self.client.transact(changes) if changes else []
        return next((each for each in written if each["kind"] == "Deployment"), held or wanted)

    def _pod(self, found: Obj, held: Obj) -> Obj | None:
        """The newest of its Deployment's, a ready one first; anybody may use the label."""
        meta = found["metadata"]
        pods = [
            pod
            for each in self.client.peek_list(REPLICA_SET, meta["namespace"]).items if owned(each, held)
            for pod in self.client.peek_list(
                POD, meta["namespace"], Selection(owner=each["metadata"]["uid"])
            ).items
            if not pod["metadata"].get("deletionTimestamp")
        ]
        return max(
            pods, key=lambda pod: (gate.ready(pod), pod["metadata"]["creationTimestamp"]), default=None
        )

    async def _report(self, found: Obj, held: Obj) -> None:
        status = tensorboard.status(found, held, stamp())
        if status != found.get("status"):
            change = Change(verb="status", resource=TENSORBOARD, obj={**found, "status": status})
            await self.client.transact([change])

    async def _show(self, found: Obj, mark: str, place: Place) -> Result:
        meta = found["metadata"]
        try:
            if mark:
                await self.gates.open(found, mark, place)
                return Result()
            return Result() if await self.gates.close(meta["namespace"], meta["name"]) else Result(after=SOON)
        except Unreachable:
            return Result(after=SOON)
        except Refused as problem:
            self.recorder.record(found, "NotServed", str(problem), warning=True)
            return Result(after=LATER)


def annotated(held: Obj, wanted: Obj) -> dict[str, str]:
    """What others wrote stays; the mark of its sessions goes when it is stopped."""
    kept = {name: text for name, text in kind.notes(held).items() if name != kind.SESSIONS}
    return {**kept, **kind.notes(wanted)}


def owned(obj: Obj, owner: Obj) -> bool:
    uid = owner["metadata"].get("uid")
    return any(one.get("uid") == uid for one in obj["metadata"].get("ownerReferences") or ())
