"""A step's place held open: a Pod like the step's, with its inputs, that waits instead of working.

Control's half of `pinnace debug`, `POST /pinnace/v1/debug/<namespace>/<pod>`: the platform alone says what is
staged into a Pod. Whoever asks must be allowed to read the Pod, to enter it, and to create one like it; the
copy is judged as theirs. It declares no outputs and belongs to no workflow, so nothing of it is recorded.
"""

from __future__ import annotations

import json
import shlex
from typing import Any

import msgspec

from pinnace.api.http import Request
from pinnace.authoring.kfp import layers
from pinnace.cli.given import Platform
from pinnace.controllers.built_in import POD
from pinnace.kinds import reserved
from pinnace.kinds.annotations import ISOLATION, STAGING, TRANSFERS
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Options
from pinnace.objects.errors import StatusError

OF = "pinnace.dev/debug-of"
LABEL = "pinnace.dev/debug"
WAITING = ["sh", "-c", "while :; do sleep 3600; done"]
"""A script's path that the node adds is its $0."""
PROGRAM, ORDER = "PINNACE_STEP", "PINNACE_DEBUG"
SCRIPT = "/argo/staging/script"
_ENGINE = "workflows.argoproj.io/"
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle")
_LONGEST = 40
LONGEST = 24 * 3600
"""Seconds: whoever holds it may be killed."""


class Place(msgspec.Struct, frozen=True):
    """What is asked for beside the step's own: packages on top of its environment, files by their path."""

    requirements: list[str] = []
    files: dict[str, str] = {}
    command: list[str] = []
    """It names the files; whoever enters finds it in the variable ORDER."""
    container: str = "main"


async def answer(platform: Platform, request: Request) -> None:
    *_, namespace, name = request.segments()
    client, authoriser = platform.client.as_(request.identity), platform.client.house.authoriser
    pod = await client.get(POD, name, namespace)
    if not authoriser.allow(request.identity, "create", POD, namespace, name, "exec"):
        raise StatusError(403, "Forbidden", f"pods {name!r} may not be entered by {request.identity.user}")
    try:
        place = msgspec.json.decode(await request.body() or b"{}", type=Place)
    except msgspec.MsgspecError as error:
        raise StatusError(400, "BadRequest", f"the order cannot be read: {error}") from None
    wanted = copy(pod, place)
    meta = wanted["metadata"]
    plain = {**wanted, "metadata": {**meta, "annotations": reserved.without(meta["annotations"])}}
    await client.create(POD, plain, namespace, Options(dry_run=True))
    await request.json(201, await platform.client.create(POD, wanted, namespace))


def copy(pod: Obj, place: Place) -> Obj:
    """StatusError 422: the Pod has no such container."""
    meta, spec = pod["metadata"], pod["spec"]
    annotations = dict(meta.get("annotations") or {})
    staging = json.loads(annotations.get(STAGING) or "{}")
    containers = [_held(each, place, staging) for each in spec["containers"] if _stays(each, place, staging)]
    if not any(each["name"] == place.container for each in containers):
        names = ", ".join(each["name"] for each in spec["containers"])
        why = f"{meta['name']} has no container {place.container!r}: it has {names}"
        raise StatusError(422, "Invalid", why)
    main = next(each for each in spec["containers"] if each["name"] == place.container)
    kept = {
        key: value for key, value in reserved.without(annotations).items() if not key.startswith(_ENGINE)
    }
    if ISOLATION in annotations:
        kept[ISOLATION] = annotations[ISOLATION]
    if TRANSFERS in annotations:
        kept[TRANSFERS] = json.dumps(_brought(json.loads(annotations[TRANSFERS])))
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": f"{meta['name'][:_LONGEST].rstrip('-.')}-debug-",
            "namespace": meta["namespace"],
            "labels": {LABEL: "true"},
            "annotations": {**kept, OF: meta["name"], STAGING: json.dumps(_staged(staging, main, place))},
        },
        "spec": {
            **{key: value for key, value in spec.items() if key not in _DROPPED},
            "containers": containers,
            "restartPolicy": "Never",
            "activeDeadlineSeconds": LONGEST,
            "terminationGracePeriodSeconds": 1,
        },
    }


_DROPPED = ("nodeName", "activeDeadlineSeconds", "ephemeralContainers", "priority")


def _stays(container: Obj, place: Place, staging: Obj) -> bool:
    """Sidecars work beside the step; the other members of a container set would do their work again."""
    return container["name"] == place.container or not staging.get("set")


def _held(container: Obj, place: Place, staging: Obj) -> Obj:
    """What it would run, and what is to be run, stand in variables: where a plain process has other paths
    than the manifest, those in variables are its own."""
    if container["name"] != place.container:
        return container
    kept = {key: value for key, value in container.items() if key not in (*_PROBES, "args")}
    told = {PROGRAM: shlex.join(program(container, staging)), ORDER: shlex.join(place.command)}
    env = [*(container.get("env") or []), *({"name": key, "value": text} for key, text in told.items())]
    return {**kept, "command": WAITING, "env": env}


def program(container: Obj, staging: Obj) -> list[str]:
    """A step's words without the `pip install` before them, which its environment has done."""
    words = [str(word) for word in [*(container.get("command") or []), *(container.get("args") or [])]]
    return [*layers.split(words)[1], *([SCRIPT] if staging.get("script") else [])]


def _staged(staging: Obj, main: Obj, place: Place) -> Obj:
    words = [*(main.get("command") or []), *(main.get("args") or [])]
    groups = staging.get("requirements") or layers.split(words)[0]
    files = [{"name": path, "path": path, "raw": text} for path, text in place.files.items()]
    made = {key: value for key, value in staging.items() if key not in ("set", "outputs", "requirements")}
    made["inputs"] = [*(staging.get("inputs") or []), *files]
    made["outputs"] = {"result": False, "parameters": [], "artifacts": []}
    made["main"] = place.container
    if groups or place.requirements:
        made["requirements"] = [*groups, *([place.requirements] if place.requirements else [])]
    return made


def _brought(transfers: Any) -> Any:
    """What lies elsewhere is brought; nothing is sent there."""
    return {"inputs": transfers.get("inputs") or []}
