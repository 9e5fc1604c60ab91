"""Control's lower half for tests: a real store, the real `Local`, a manager, a fake or real node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from pinnace.controllers.built_in import NAMESPACE, POD
from pinnace.controllers.controller import Reconciler
from pinnace.controllers.manager import Manager
from pinnace.controllers.pods.controller import Pods
from pinnace.home import Home
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.sqlite import SqliteStore

from .nodes import FakeNode


class House:
    def __init__(self, root: Path) -> None:
        self.home = Home.at(root)
        for folder in (self.home.root, self.home.pods, self.home.volumes):
            folder.mkdir(parents=True, exist_ok=True)
        self.store = SqliteStore.open(self.home.database)
        self.client = Local(self.store, Catalogue.builtin())
        self.manager: Manager
        self.task: asyncio.Task[None]

    async def start(self, *reconcilers: Reconciler) -> None:
        self.manager = Manager(self.client, reconcilers)
        self.task = asyncio.create_task(self.manager.run())
        await self.manager.synced.wait()

    async def stop(self) -> None:
        self.manager.stop()
        with suppress(asyncio.CancelledError):
            await self.task
        await self.store.close()

    async def namespace(self, name: str = "default") -> None:
        with suppress(StatusError):
            await self.client.create(NAMESPACE, {"metadata": {"name": name}})

    async def create(self, resource: Resource, obj: Obj, namespace: str = "default") -> Obj:
        return await self.client.create(resource, obj, namespace)

    async def get(self, resource: Resource, name: str, namespace: str = "default") -> Obj:
        return await self.client.get(resource, name, namespace)

    async def pod(self, name: str = "one", **spec: Any) -> Obj:
        return await self.create(POD, pod(name, **spec))

    async def phase(self, name: str, *phases: str, within: float = 5) -> Obj:
        """Wait until the pod has one of these phases."""
        return await self.until(
            POD, name, lambda obj: (obj.get("status") or {}).get("phase") in phases, within
        )

    async def until(
        self, resource: Resource, name: str, true: Callable[[Obj], bool], within: float = 5,
        namespace: str = "default",
    ) -> Obj:
        async def look() -> Obj:
            while True:
                obj = self.store.get(resource.key, namespace, name)
                if obj is not None and true(obj):
                    return obj
                await self.change()

        try:
            return await asyncio.wait_for(look(), within)
        except TimeoutError:
            found = self.store.get(resource.key, namespace, name)
            raise AssertionError(f"{resource.key} {name}: {found}") from None

    async def gone(
        self, resource: Resource, name: str, namespace: str = "default", within: float = 5
    ) -> None:
        async def look() -> None:
            while self.store.get(resource.key, namespace, name) is not None:
                await self.change()

        try:
            await asyncio.wait_for(look(), within)
        except TimeoutError:
            raise AssertionError(f"still there: {self.store.get(resource.key, namespace, name)}") from None

    async def change(self) -> None:
        """Wait for the next commit."""
        happened = asyncio.Event()
        stop = self.store.listen(lambda events: happened.set())
        try:
            await happened.wait()
        finally:
            stop()


def pod(
    name: str, *, annotations: dict[str, str] | None = None, owner: Obj | None = None, **spec: Any
) -> Obj:
    container = {"name": "main", "image": "alpine", "command": ["true"]}
    container |= spec.pop("container", {})
    meta: Obj = {"name": name, "namespace": "default", "annotations": annotations or {}}
    if owner is not None:
        meta["ownerReferences"] = [owner]
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": meta,
        "spec": {"restartPolicy": "Never", "containers": [container], **spec},
    }


@asynccontextmanager
async def house(
    root: Path, node: FakeNode | None = None, *others: Callable[[House], Sequence[Reconciler]]
) -> AsyncIterator[House]:
    made = House(root)
    await made.namespace()
    reconcilers: list[Reconciler] = []
    if node is not None:
        reconcilers.append(Pods(made.client, made.store, made.home, connect=node.connect))
    for other in others:
        reconcilers += other(made)
    await made.start(*reconcilers)
    try:
        yield made
    finally:
        await made.stop()


async def eventually(true: Callable[[], bool], within: float = 5) -> None:
    """For what is not in the store: the fake node's own memory."""
    end = asyncio.get_running_loop().time() + within
    while not true():
        assert asyncio.get_running_loop().time() < end, "it did not become true"
        await asyncio.sleep(0.002)
