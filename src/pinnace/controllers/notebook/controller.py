"""Notebooks: their StatefulSet, Service, status, and their place behind the gateway.

Level-triggered. Source: components/notebook-controller/controllers/notebook_controller.go. `culling` stops
those that nobody uses, `retelling` says what happens to their Pods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pinnace.controllers.built_in import POD, STATEFUL_SET
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.notebook import gate, report, workload
from pinnace.controllers.notebook.gate import Gates, Place
from pinnace.controllers.recorder import Recorder
from pinnace.gateway.interface import Gateway, Refused, Unreachable
from pinnace.kinds import notebook as kind
from pinnace.kinds.notebook import NOTEBOOK
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, DeleteOptions
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event

SOON, LATER = 0.5, 30.0


class Notebooks:
    name = "notebook-controller"
    watches: tuple[Resource, ...] = (NOTEBOOK, STATEFUL_SET, POD)
    owners: Mapping[str, frozenset[str]] = {POD.key: frozenset({"StatefulSet"})}

    def __init__(self, client: Local, gateway: Gateway, doors: Callable[[], str | None]) -> None:
        self.client = client
        self.gates = Gates(gateway, doors, NOTEBOOK)
        self.recorder = Recorder(client, "notebook-controller")

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == NOTEBOOK.key:
            return (Key(event.namespace, event.name),)
        meta = event.obj["metadata"]
        if event.resource == POD.key:
            name = (meta.get("labels") or {}).get(kind.NAME_LABEL)
            return (Key(event.namespace, name),) if name else ()
        for owner in meta.get("ownerReferences") or ():
            if owner.get("kind") == NOTEBOOK.kind and owner.get("controller"):
                return (Key(event.namespace, owner["name"]),)
        return ()

    async def reconcile(self, key: Key) -> Result:
        notebook = self.client.peek(NOTEBOOK, key.name, key.namespace)
        if notebook is None or notebook["metadata"].get("deletionTimestamp"):
            return Result() if await self.gates.close(*key) else Result(after=SOON)
        doors = self.gates.doors()
        if doors is None:
            return Result(after=SOON)
        if not notebook["spec"].get("template", {}).get("spec", {}).get("containers"):
            words = "spec.template.spec.containers: a notebook needs one, of its own name"
            self.recorder.record(notebook, "InvalidSpec", words, warning=True)
            return Result()
        held = self.client.peek(STATEFUL_SET, workload.name_of(notebook), key.namespace)
        if held is not None and not owned(held, notebook):
            words = f"StatefulSet {held['metadata']['name']} belongs to something else; rename the notebook"
            self.recorder.record(notebook, "NameTaken", words, warning=True)
            return Result(after=LATER)
        mark = gate.marked(held, stopped=kind.stopped(notebook))
        wanted = workload.stateful_set(notebook, mark, shared=not doors)
        try:
            held = await self._keep(notebook, held, wanted)
        except StatusError as error:
            if error.code in (404, 409):
                raise
            self.recorder.record(notebook, "FailedCreate", f"Error creating: {error.message}", warning=True)
            return Result(after=LATER)
        pod = self.client.peek(POD, f"{wanted['metadata']['name']}-0", key.namespace)
        if kind.notes(notebook).get(kind.RESTART) == "true":
            await self._restart(notebook, pod)
            return Result()  # what it has written calls again
        await self._report(notebook, held, pod)
        port = workload.port_of(wanted["spec"]["template"])
        place = Place(gate.address(pod, port, doors), f"{kind.prefix(notebook)}/api", gate.reason(pod))
        return await self._show(notebook, mark, place)

    async def _keep(self, notebook: Obj, held: Obj | None, wanted: Obj) -> Obj:
        """The StatefulSet and the Service as they should be."""
        changes = []
        if held is None:
            changes.append(Change(verb="create", resource=STATEFUL_SET, obj=wanted))
        elif kind.notes(held) != wanted["metadata"]["annotations"]:
            meta = {**held["metadata"], "labels": wanted["metadata"]["labels"],
                    "annotations": wanted["metadata"]["annotations"]}
            spec = {**held["spec"], **wanted["spec"]}
            changes.append(Change(verb="update", resource=STATEFUL_SET, obj={
                **held, "metadata": meta, "spec": spec,
            }))
        selector = {workload.SELECTED_BY: notebook["metadata"]["name"]}
        service = workload.service(notebook, selector, workload.port_of(wanted["spec"]["template"]))
        changes += gate.kept(self.client, service)
        written = await self.client.transact(changes) if changes else []
        return next((each for each in written if each["kind"] == "StatefulSet"), held or wanted)

    async def _restart(self, notebook: Obj, pod: Obj | None) -> None:
        """A new Pod, where it is asked for. The annotation goes last: at worst it is done twice."""
        meta = notebook["metadata"]
        if pod is not None and not pod["metadata"].get("deletionTimestamp"):
            options = DeleteOptions(uid=pod["metadata"]["uid"])
            await self.client.delete(POD, pod["metadata"]["name"], meta["namespace"], options)
        patch = {"metadata": {"annotations": {kind.RESTART: None}}}
        await self.client.patch(NOTEBOOK, meta["name"], meta["namespace"], patch, "merge")

    async def _report(self, notebook: Obj, stateful: Obj, pod: Obj | None) -> None:
        status = report.status(notebook, stateful, pod)
        if status != notebook.get("status"):
            change = Change(verb="status", resource=NOTEBOOK, obj={**notebook, "status": status})
            await self.client.transact([change])

    async def _show(self, notebook: Obj, mark: str, place: Place) -> Result:
        meta = notebook["metadata"]
        try:
            if mark:
                await self.gates.open(notebook, mark, place)
                return Result()
            return Result() if await self.gates.close(meta["namespace"], meta["name"]) else Result(after=SOON)
        except Unreachable:
            return Result(after=SOON)
        except Refused as problem:
            self.recorder.record(notebook, "NotServed", str(problem), warning=True)
            return Result(after=LATER)


def owned(obj: Obj, owner: Obj) -> bool:
    uid = owner["metadata"]["uid"]
    return any(one.get("uid") == uid for one in obj["metadata"].get("ownerReferences") or ())
