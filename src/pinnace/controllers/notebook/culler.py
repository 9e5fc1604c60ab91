"""Looks at each running notebook now and then, writes when it was last used, and stops it where that is
wanted.

`culling` decides; time and the way to ask are given, so that tests need neither.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from pinnace.controllers.built_in import CONFIG_MAP, POD
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.notebook import activity, culling, gate, workload
from pinnace.controllers.notebook.culling import Seen
from pinnace.controllers.recorder import Recorder
from pinnace.gateway.interface import Gateway, Unreachable
from pinnace.kinds import notebook as kind
from pinnace.kinds.notebook import NOTEBOOK
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.local import Local
from pinnace.store.interface import Event

CONFIGURED = Key("kubeflow", "notebook-controller-config")
"""Upstream's ConfigMap: ENABLE_CULLING, CULL_IDLE_TIME and IDLENESS_CHECK_PERIOD, both in minutes."""
STARTING = 10.0
"""Seconds after which one that did not answer is looked at again."""
Ask = Callable[[str, str], Awaitable[tuple[dict[str, Any], ...] | None]]


class Culler:
    name = "culling-controller"
    watches: tuple[Resource, ...] = (NOTEBOOK, CONFIG_MAP)

    def __init__(
        self, client: Local, gateway: Gateway, doors: Callable[[], str | None], *,
        clock: Callable[[], float] = time.time, ask: Ask = activity.asked,
    ) -> None:
        self.client = client
        self.gateway = gateway
        self.doors = doors
        self.clock = clock
        self.ask = ask
        self.recorder = Recorder(client, "notebook-controller")
        self._due: dict[Key, float] = {}

    def keys(self, event: Event) -> tuple[Key, ...]:
        """Its own writes wake it, too: `reconcile` looks no sooner than it wanted to."""
        if event.resource == NOTEBOOK.key:
            return (Key(event.namespace, event.name),)
        if (event.namespace, event.name) != CONFIGURED:
            return ()
        self._due.clear()
        every = self.client.peek_list(NOTEBOOK).items
        return tuple(Key(one["metadata"]["namespace"], one["metadata"]["name"]) for one in every)

    async def reconcile(self, key: Key) -> Result:
        notebook = self.client.peek(NOTEBOOK, key.name, key.namespace)
        if notebook is None or notebook["metadata"].get("deletionTimestamp"):
            self._due.pop(key, None)
            return Result()
        notes, now = kind.notes(notebook), self.clock()
        configured = self.client.peek(CONFIG_MAP, CONFIGURED.name, CONFIGURED.namespace) or {}
        wanted = culling.settings(configured.get("data") or {}, notes)
        if not kind.stopped(notebook) and (left := self._due.get(key, 0.0) - now) > 0:
            return Result(after=min(left, wanted.period))
        seen = None if kind.stopped(notebook) else await self._look(notebook)
        verdict = culling.decide(notes, seen, wanted, now)
        if verdict.annotations:
            patch = {"metadata": {"annotations": verdict.annotations}}
            await self.client.patch(NOTEBOOK, key.name, key.namespace, patch, "merge")
        if verdict.stop:
            words = f"idle for {(wanted.idle or 0) / 60:g} minutes; start it by removing {kind.STOPPED}"
            self.recorder.record(notebook, "Culled", words)
        if kind.stopped(notebook) or verdict.stop:
            self._due.pop(key, None)
            return Result()
        wait = wanted.period if seen is not None else min(wanted.period, STARTING)
        self._due[key] = now + wait
        return Result(after=wait)

    async def _look(self, notebook: Obj) -> Seen | None:
        """None: it is not there, or does not answer."""
        meta, doors = notebook["metadata"], self.doors()
        pod = self.client.peek(POD, f"{workload.name_of(notebook)}-0", meta["namespace"])
        if pod is None or doors is None:
            return None
        for address in gate.address(pod, workload.port_of(pod), doors):
            with suppress(OSError, TimeoutError):
                kernels = await self.ask(address, f"{kind.prefix(notebook)}/api/kernels")
                terminals = await self.ask(address, f"{kind.prefix(notebook)}/api/terminals")
                connected = await self._connections(meta)
                return Seen(kernels is not None, kernels or (), terminals or (), connected)
        return None

    async def _connections(self, meta: Obj) -> int:
        """Requests and WebSockets that are open through the gateway; one that is away has none."""
        with suppress(Unreachable):
            stats = await self.gateway.stats()
            found = stats.get(gate.key(NOTEBOOK, meta["namespace"], meta["name"]))
            return found.active if found else 0
        return 0
