"""Which families there are, and what each is given. `control` builds the platform from this list alone.

A new family is one entry here, a module in `kinds/` and a package in `controllers/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pinnace.api.context import Route
from pinnace.api.http import Request
from pinnace.controllers.controller import Reconciler
from pinnace.controllers.pods.controller import Pods
from pinnace.gateway.client import Connection
from pinnace.home import Home
from pinnace.kinds.catalogue import Catalogue
from pinnace.objects.local import Local
from pinnace.store.sqlite import SqliteStore


class UnknownFamily(Exception):
    """`--without` names a family that there is not."""


class Platform:
    """What the families share. Made once by control."""

    def __init__(self, home: Home, store: SqliteStore, catalogue: Catalogue, client: Local) -> None:
        self.home = home
        self.store = store
        self.catalogue = catalogue
        self.client = client
        self.gateway = Connection(home)
        self.pods = Pods(client, store, home)

    async def bootstrap(self) -> None:
        """The objects that every platform has, before anybody may ask for them."""

    def node_problem(self) -> str:
        """For `/readyz`: '' when steps can be started."""
        return "" if self.pods.connected else "the node is not connected yet"

    async def close(self) -> None:
        await self.gateway.close()


def pods(platform: Platform) -> list[Reconciler]:
    return [platform.pods]


FAMILIES: Mapping[str, Callable[[Platform], list[Reconciler]]] = {
    "pods": pods,
}
"""`--without NAME` leaves a family's objects to a controller of the user's own."""


def built(platform: Platform, without: frozenset[str]) -> list[Reconciler]:
    """Raises UnknownFamily."""
    if unknown := without - FAMILIES.keys():
        raise UnknownFamily(f"--without {min(unknown)}: there is {', '.join(FAMILIES)}")
    return [one for name, make in FAMILIES.items() if name not in without for one in make(platform)]


def routes(platform: Platform) -> list[Route]:
    async def status(request: Request) -> None:
        await request.json(200, describe(platform))

    return [Route("/pinnace/v1/status", status)]


def describe(platform: Platform) -> dict[str, Any]:
    """What `pinnace status` shows beside the processes."""
    hello = platform.pods.hello
    return {
        "isolation": hello.isolation if hello else "unknown: the node is not connected",
        "network": hello.network if hello else "unknown",
    }
