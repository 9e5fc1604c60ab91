"""The pods of one revision: made under names that a repeated call finds again, removed gracefully."""

from __future__ import annotations

import socket

from pinnace.controllers.built_in import POD
from pinnace.controllers.serving.observed import REVISION, Observed, over
from pinnace.controllers.serving.revisions import MANAGER, Revision, owner
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Client, DeleteOptions
from pinnace.objects.errors import StatusError


class PortTaken(Exception):
    """A server that listens on TCP shares the machine's loopback, and its port is in use."""


async def fill(client: Client, isvc: Obj, revision: Revision, seen: Observed, wanted: int) -> None:
    """Make what is missing, remove what is too many or over. Raises PortTaken, StatusError of a refused
    pod.
    """
    ended = [pod for pod in seen.pods if over(pod)]
    living = sorted((p for p in seen.pods if not over(p)), key=lambda p: str(p["metadata"]["name"]))
    for pod in (*ended, *living[wanted:]):
        await remove(client, pod)
    taken = {pod["metadata"]["name"] for pod in (*seen.pods, *seen.leaving)}
    free = (name for name in names(revision, wanted + len(taken)) if name not in taken)
    for name in list(free)[: max(0, wanted - len(living))]:
        await create(client, isvc, revision, name)


def names(revision: Revision, count: int) -> list[str]:
    return [f"{revision.name}-deployment-{index}" for index in range(count)]


async def create(client: Client, isvc: Obj, revision: Revision, name: str) -> None:
    if not revision.plan.socket:
        check_port(revision.plan.port)
    try:
        await client.create(POD, pod(isvc, revision, name), isvc["metadata"]["namespace"], MANAGER)
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise


def pod(isvc: Obj, revision: Revision, name: str) -> Obj:
    template = revision.plan.template
    meta = template["metadata"]
    labels = {**meta["labels"], "app": revision.name}
    if serving.mode(isvc) == serving.KNATIVE:
        service = serving.service(isvc)
        labels |= {"serving.knative.dev/service": service, "serving.knative.dev/configuration": service}
    else:
        labels["app"] = f"isvc.{serving.service(isvc)}"
    return {
        "apiVersion": POD.api_version,
        "kind": POD.kind,
        "metadata": {
            "name": name,
            "namespace": isvc["metadata"]["namespace"],
            "labels": {**labels, REVISION: revision.name},
            "annotations": meta["annotations"],
            "ownerReferences": [owner(isvc)],
        },
        "spec": template["spec"],
    }


def check_port(port: int) -> None:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortTaken(
                f"port {port} of this machine is in use ({error.strerror}), and a container that listens on "
                f"TCP needs it: end what listens there, or give the container another containerPort"
            ) from None


async def remove(client: Client, pod: Obj) -> None:
    meta = pod["metadata"]
    try:
        await client.delete(POD, meta["name"], meta["namespace"], DeleteOptions(uid=meta.get("uid", "")))
    except StatusError as error:
        if error.code not in (404, 409):
            raise
