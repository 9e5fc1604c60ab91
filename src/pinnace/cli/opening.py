"""Opening a notebook or a TensorBoard: control's half gives the link, and the command asks for it.

`POST /pinnace/v1/namespaces/<namespace>/<notebooks|tensorboards>/<name>/link`. A notebook runs whatever its
visitor types, as its own account and with its secrets: whoever opens it must be allowed to enter its Pod.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import msgspec

from pinnace.api.http import Request, method_not_allowed, not_found
from pinnace.cli.connection import Connection
from pinnace.cli.given import Platform
from pinnace.controllers.built_in import POD
from pinnace.controllers.moment import stamp
from pinnace.controllers.notebook import gate, workload
from pinnace.gateway.doorkeeper import CODE_SECONDS
from pinnace.gateway.interface import Refused, Unreachable
from pinnace.home import Home
from pinnace.kinds import notebook as kind
from pinnace.kinds.notebook import NOTEBOOK, TENSORBOARD
from pinnace.kinds.resource import Obj
from pinnace.objects.errors import StatusError

RESOURCES = {each.plural: each for each in (NOTEBOOK, TENSORBOARD)}


class Order(msgspec.Struct, frozen=True):
    """`path`: which page comes first, below the notebook's own prefix."""

    path: str = ""


async def answer(platform: Platform, request: Request) -> None:
    _, _, _, namespace, plural, name, *rest = [*request.segments(), "", ""]
    resource = RESOURCES.get(plural)
    if resource is None or rest[:1] != ["link"]:
        raise not_found()
    if request.method != "POST":
        raise method_not_allowed()
    found = await platform.client.as_(request.identity).get(resource, name, namespace)
    if resource is NOTEBOOK:
        _may_enter(platform, request, found)
    if kind.stopped(found):
        raise StatusError(
            409, "Conflict", f"{plural} {name!r} is stopped: remove its annotation {kind.STOPPED} to start it"
        )
    try:
        order = msgspec.json.decode(await request.body(65536) or b"{}", type=Order)
    except msgspec.MsgspecError as error:
        raise StatusError(400, "BadRequest", f"the body cannot be read: {error}") from None
    location = f"{_start(found)}{order.path.lstrip('/')}"
    url = await _link(platform, gate.key(resource, namespace, name), location)
    await request.json(201, {"url": url, "expires": stamp(time.time() + CODE_SECONDS)})


def _may_enter(platform: Platform, request: Request, notebook: Obj) -> None:
    meta, allow = notebook["metadata"], platform.client.house.authoriser.allow
    pod = f"{workload.name_of(notebook)}-0"
    if not allow(request.identity, "create", POD, meta["namespace"], pod, "exec"):
        words = f"notebooks {meta['name']!r} may not be opened by {request.identity.user}: it may not create "
        raise StatusError(403, "Forbidden", f"{words}pods/exec of {pod} in namespace {meta['namespace']}")


def _start(found: Obj) -> str:
    return f"{kind.prefix(found)}/" if found["kind"] == NOTEBOOK.kind else "/"


async def _link(platform: Platform, key: str, location: str) -> str:
    try:
        return await platform.gateway.invite(key, location)
    except Refused as problem:
        raise StatusError(503, "ServiceUnavailable", f"not reachable yet: {problem}; ask again") from None
    except Unreachable:
        words = "the gateway is not running: `pinnace status` tells more"
        raise StatusError(503, "ServiceUnavailable", words) from None


def command(home: Home, plural: str, name: str, namespace: str, *, print_only: bool) -> int:
    """Asks for a link and opens it in a browser where there is one; prints it in any case."""
    path = f"/pinnace/v1/namespaces/{namespace or 'default'}/{plural}/{name}/link"
    made: Any = msgspec.json.decode(Connection.to(home).request("POST", path, {}))
    print(made["url"])
    if not print_only and sys.stdout.isatty():
        import webbrowser

        webbrowser.open(made["url"])
    return 0
