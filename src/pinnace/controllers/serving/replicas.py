"""The pods of one revision: made under names that a repeated call finds again, removed gracefully."""

from __future__ import annotations

import socket

import msgspec

from pinnace.controllers.built_in import POD
from pinnace.controllers.serving.observed import PORT, REVISION, Observed, over
from pinnace.controllers.serving.revisions import MANAGER, Revision, owner
from pinnace.controllers.serving.template import HTTP_PORT, PREDICTOR_HOST
from pinnace.kinds import serving
from pinnace.kinds.annotations import NETWORK
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Client, DeleteOptions
from pinnace.objects.errors import StatusError


class Place(msgspec.Struct, frozen=True):
    """Where pods live. `shared`: they share the host's network, so that two cannot listen on one port, and
    find each other through the gateway's `gateway` port instead of by a Service's name."""

    shared: bool
    gateway: int


class PortTaken(Exception):
    """A server that listens on TCP shares the machine's loopback, and its port is in use."""


async def fill(
    client: Client, isvc: Obj, revision: Revision, seen: Observed, wanted: int, place: Place
) -> None:
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
        await create(client, isvc, revision, name, place)


def names(revision: Revision, count: int) -> list[str]:
    return [f"{revision.name}-deployment-{index}" for index in range(count)]


async def create(client: Client, isvc: Obj, revision: Revision, name: str, place: Place) -> None:
    made = pod(isvc, revision, name)
    if place.shared:
        made = shared(made)
    if place.shared and not revision.plan.socket:
        made = on_the_host(made, revision.plan.port, serving.service(isvc), place.gateway)
    try:
        await client.create(POD, made, isvc["metadata"]["namespace"], MANAGER)
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise


def shared(pod: Obj) -> Obj:
    """The pod, told to share the host's network: its neighbours are found through the gateway there."""
    notes = {**(pod["metadata"].get("annotations") or {}), NETWORK: "none"}
    return {**pod, "metadata": {**pod["metadata"], "annotations": notes}}


def on_the_host(pod: Obj, port: int, predictor: str, gateway: int) -> Obj:
    """The pod as it runs in the host's network: on a free port if its arguments say the port, and with the
    predictor behind the gateway. Raises PortTaken."""
    container = next(c for c in pod["spec"]["containers"] if c["name"] == serving.CONTAINER)
    args = list(container.get("args") or ())
    namespace = pod["metadata"]["namespace"]
    for index, word in enumerate(args[1:], 1):
        if args[index - 1] == PREDICTOR_HOST and word == f"{predictor}.{namespace}":
            args[index] = f"127.0.0.1:{gateway}/serving/{namespace}/{predictor}"
    if HTTP_PORT not in args[:-1]:
        check_port(port)
        return with_container(pod, {**container, "args": args} if args else container)
    free = free_port()
    args[args.index(HTTP_PORT) + 1] = str(free)
    moved = {**container, "args": args, "ports": [{"containerPort": free, "protocol": "TCP"}]}
    moved["readinessProbe"] = with_port(container["readinessProbe"], port, free)
    notes = {**(pod["metadata"].get("annotations") or {}), PORT: str(free)}
    return with_container({**pod, "metadata": {**pod["metadata"], "annotations": notes}}, moved)


def with_container(pod: Obj, container: Obj) -> Obj:
    others = [container if c["name"] == serving.CONTAINER else c for c in pod["spec"]["containers"]]
    return {**pod, "spec": {**pod["spec"], "containers": others}}


def with_port(probe: Obj, port: int, other: int) -> Obj:
    """The same probe at another port."""
    return {
        kind: {**action, "port": other} if isinstance(action, dict) and action.get("port") == port else action
        for kind, action in probe.items()
    }


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def pod(isvc: Obj, revision: Revision, name: str) -> Obj:
    template, service = revision.plan.template, serving.service(isvc, revision.component)
    meta = template["metadata"]
    labels = {**meta["labels"], "app": revision.name}
    if serving.mode(isvc) == serving.KNATIVE:
        labels |= {"serving.knative.dev/service": service, "serving.knative.dev/configuration": service}
    else:
        labels["app"] = f"isvc.{service}"
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
