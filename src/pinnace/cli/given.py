"""What control gives to the families of kinds: the shared rooms, made once."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from pinnace.cli.usage import Measuring
from pinnace.controllers.core.claims import bootstrap as create_classes
from pinnace.controllers.core.machine import Facts
from pinnace.controllers.core.namespaces import bootstrap as create_namespaces
from pinnace.controllers.core.roles import bootstrap as create_roles
from pinnace.controllers.pods.controller import Pods
from pinnace.controllers.serving import bootstrap
from pinnace.controllers.serving.storage import Artifact
from pinnace.data import tree
from pinnace.data.tree import Leaf
from pinnace.gateway.client import Connection
from pinnace.home import Home
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.serving import CLUSTER_SERVING_RUNTIME
from pinnace.node.network import door
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.objects.tokens import Tokens
from pinnace.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pinnace.objects.registry.records import Registry

LOG_TAIL = 2000


class Platform:
    """What the families share. Made once by control."""

    def __init__(
        self, home: Home, store: SqliteStore, catalogue: Catalogue, client: Local, *, strict: bool = False
    ) -> None:
        """`strict`: no account may anything before somebody grants it."""
        self.strict = strict
        self.home = home
        self.store = store
        self.catalogue = catalogue
        self.client = client
        self.tokens = Tokens(home, store)
        self.gateway = Connection(home)
        self.pods = Pods(client, store, home, tokens=self.tokens)
        client.house.keeper.leaves = self.leaves
        self.pods.reports.recorded = client.house.keeper.ended
        self.measuring = Measuring(self.pods, client)
        client.runs_in(lambda: self.machine().isolation)

    async def bootstrap(self, port: int) -> None:
        """The objects that every platform has, before anybody may ask for them."""
        await create_namespaces(self.client, port)
        await create_classes(self.client)
        await create_roles(self.client, strict=self.strict)
        for runtime in bootstrap.runtimes():
            if self.client.peek(CLUSTER_SERVING_RUNTIME, runtime["metadata"]["name"]) is None:
                with suppress(StatusError):
                    await self.client.create(CLUSTER_SERVING_RUNTIME, runtime)

    def doors(self) -> str:
        """The folder of sockets that lead to pods with a network of their own; '' where they have none."""
        hello = self.pods.hello
        return str(self.home.run / door.FOLDER) if hello is not None and hello.network == "own" else ""

    def machine(self) -> Facts:
        hello = self.pods.hello
        if hello is None:
            return Facts()
        return Facts(
            self.pods.connected, hello.capacity_milli_cpu, hello.capacity_memory, hello.isolation
        )

    def artifact(self, namespace: str, key: str) -> Artifact | None:
        """What the local artifact repository has under a key."""
        body = self.store.row("artifact", namespace, key)
        return msgspec.json.decode(body, type=Artifact) if body is not None else None

    def leaves(self, digest: str) -> list[Leaf]:
        """What is in a stored folder; nothing where it is none."""
        try:
            return tree.decode(digest, (self.home.data / "trees" / digest[:2] / digest).read_bytes())
        except (OSError, ValueError):
            return []

    def log_tail(self, uid: str, container: str, restart: int) -> str:
        """The last words of a container."""
        with suppress(OSError), self.home.log(uid, container, restart).open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - LOG_TAIL))
            return log.read().decode(errors="replace")
        return ""

    @cached_property
    def _records(self) -> Registry:
        from pinnace.objects.registry.records import Registry

        return Registry(self.store)

    def registry(self) -> Registry:
        """The one registry of models, made when it is first asked for."""
        return self._records

    def node_problem(self) -> str:
        """For `/readyz`: '' when steps can be started."""
        return "" if self.pods.connected else "the node is not connected yet"

    async def close(self) -> None:
        await self.gateway.close()
