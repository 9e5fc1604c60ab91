"""What one does to a Workflow: retry, resubmit, resume, suspend, stop, terminate, set."""

from __future__ import annotations

import json
from typing import Any

from pinnace.api.argo.call import Call, Entry
from pinnace.api.argo.errors import invalid
from pinnace.api.argo.workflows import found
from pinnace.authoring.argo.retrying import Wish
from pinnace.kinds.argo import COMPLETED, FULFILLED
from pinnace.kinds.resource import Obj
from pinnace.objects import steering

PHASES = sorted({*COMPLETED, *FULFILLED, "Pending", "Running"})


def parameters(given: Obj) -> tuple[str, ...]:
    wanted: Any = given.get("parameters") or ()
    if not isinstance(wanted, list | tuple):
        raise invalid('parameters: expected a list of "NAME=VALUE"')
    return tuple(str(one) for one in wanted)


def wish(given: Obj) -> Wish:
    return Wish(
        restart_successful=bool(given.get("restartSuccessful")),
        selector=str(given.get("nodeFieldSelector") or ""), parameters=parameters(given),
    )


async def retry(call: Call) -> Obj:
    return await steering.retry(call.client, call.name, call.namespace, wish(await call.document()))


async def resubmit(call: Call) -> Obj:
    given = await call.document()
    return await steering.resubmit(
        call.client, await found(call), memoized=bool(given.get("memoized")), parameters=parameters(given)
    )


async def resume(call: Call) -> Obj:
    given = await call.document()
    selector = str(given.get("nodeFieldSelector") or "")
    return await steering.resume(call.client, call.name, call.namespace, selector)


async def suspend(call: Call) -> Obj:
    await call.document()
    return await steering.suspend(call.client, call.name, call.namespace)


async def stop(call: Call) -> Obj:
    given = await call.document()
    return await steering.stop(
        call.client, call.name, call.namespace, str(given.get("nodeFieldSelector") or ""),
        str(given.get("message") or ""),
    )


async def terminate(call: Call) -> Obj:
    await call.document()
    return await steering.terminate(call.client, call.name, call.namespace)


async def set_nodes(call: Call) -> Obj:
    given = await call.document()
    return await steering.set_nodes(
        call.client, call.name, call.namespace, str(given.get("nodeFieldSelector") or ""),
        phase=phase(given), message=str(given.get("message") or ""), outputs=outputs(given),
    )


def phase(given: Obj) -> str:
    wanted = str(given.get("phase") or "")
    if wanted and wanted not in PHASES:
        raise invalid(f"{wanted} is an invalid phase to set to: expected one of {', '.join(PHASES)}")
    return wanted


def outputs(given: Obj) -> dict[str, str]:
    """A map, as JSON text (upstream) or as it is."""
    wanted: Any = given.get("outputParameters") or {}
    if isinstance(wanted, str):
        try:
            wanted = json.loads(wanted)
        except ValueError as error:
            raise invalid(f"unable to parse output parameter set request: {error}") from None
    if not isinstance(wanted, dict):
        raise invalid("unable to parse output parameter set request: expected a map of names to values")
    return {str(name): str(value) for name, value in wanted.items()}


PATH = "/api/v1/workflows/{namespace}/{name}/"
ROUTES: list[Entry] = [
    ("PUT", PATH + "retry", retry),
    ("PUT", PATH + "resubmit", resubmit),
    ("PUT", PATH + "resume", resume),
    ("PUT", PATH + "suspend", suspend),
    ("PUT", PATH + "stop", stop),
    ("PUT", PATH + "terminate", terminate),
    ("PUT", PATH + "set", set_nodes),
]
