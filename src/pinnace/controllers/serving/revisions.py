"""The revisions of a service as objects: apps/v1 ControllerRevision, owned by the InferenceService.

Each keeps the pod template that it was born with, so that a rollback runs exactly what ran before, also
after the manifest, the runtime or the artifact under the same key changed. Names are Knative's:
`<service>-0000N`.
"""

from __future__ import annotations

import msgspec

from pinnace.controllers.serving.template import Plan
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Client, DeleteOptions, Options, Selection
from pinnace.objects.errors import StatusError

CONTROLLER_REVISION = Resource(
    group="apps", version="v1", kind="ControllerRevision", plural="controllerrevisions",
    singular="controllerrevision",
)
COMPONENT = "component"
KEPT = 10
"""Revisions without traffic that are kept for the record."""
MANAGER = Options(field_manager="kserve-controller-manager")


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    number: int
    plan: Plan
    component: str = "predictor"


def owner(isvc: Obj) -> Obj:
    return {
        "apiVersion": serving.INFERENCE_SERVICE.api_version, "kind": serving.INFERENCE_SERVICE.kind,
        "name": isvc["metadata"]["name"], "uid": isvc["metadata"]["uid"], "controller": True,
        "blockOwnerDeletion": True,
    }


async def of(client: Client, isvc: Obj) -> list[Revision]:
    """Oldest first."""
    page = await client.list(
        CONTROLLER_REVISION, isvc["metadata"]["namespace"], Selection(owner=isvc["metadata"]["uid"])
    )
    return sorted(map(read, page.items), key=lambda revision: revision.number)


def read(obj: Obj) -> Revision:
    meta = obj["metadata"]
    return Revision(
        name=meta["name"], number=int(obj["revision"]), plan=msgspec.convert(obj["data"], Plan),
        component=(meta.get("labels") or {}).get(COMPONENT, "predictor"),
    )


async def create(client: Client, isvc: Obj, component: str, plan: Plan, number: int) -> Revision:
    """The next revision; the same again if it was made by a call that did not live to see it."""
    name = f"{serving.service(isvc, component)}-{number:05d}"
    obj = {
        "apiVersion": CONTROLLER_REVISION.api_version,
        "kind": CONTROLLER_REVISION.kind,
        "metadata": {
            "name": name,
            "namespace": isvc["metadata"]["namespace"],
            "labels": {
                f"{serving.GROUP}/inferenceservice": isvc["metadata"]["name"], COMPONENT: component,
            },
            "ownerReferences": [owner(isvc)],
        },
        "data": msgspec.to_builtins(plan),
        "revision": number,
    }
    return read(await client.create(CONTROLLER_REVISION, obj, isvc["metadata"]["namespace"], MANAGER))


async def clean(client: Client, isvc: Obj, revisions: list[Revision], used: set[str]) -> None:
    """Forget the oldest unused ones beyond KEPT."""
    unused = [revision for revision in revisions if revision.name not in used]
    for revision in unused[: max(0, len(unused) - KEPT)]:
        try:
            await client.delete(
                CONTROLLER_REVISION, revision.name, isvc["metadata"]["namespace"], DeleteOptions()
            )
        except StatusError as error:
            if error.code != 404:
                raise
