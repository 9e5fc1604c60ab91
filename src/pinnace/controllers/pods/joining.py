"""Ephemeral containers: those that were added to a pod that runs, resolved and told to the node.

Called by `controller` when a bound pod names one that was not told, and for all when the node is greeted. The
node knows them by name and starts none twice, so telling is repeated without fear; a node that has forgotten
them has forgotten their pod too, which is then lost. Nothing of them is kept beside the Pod itself.
"""

from __future__ import annotations

from pinnace.controllers.pods import binding
from pinnace.controllers.pods.accounts import Laid
from pinnace.controllers.pods.binder import Binder, addressed, send
from pinnace.controllers.pods.found import Blocked
from pinnace.controllers.pods.network import Assigned
from pinnace.controllers.pods.resolve import Surroundings, joining
from pinnace.controllers.pods.table import Entry, State, Table
from pinnace.kinds.resource import Obj
from pinnace.node.protocol import Join, Run
from pinnace.node.wire import NodeLink
from pinnace.store.interface import Store

FIELD = "ephemeralContainers"
PAUSE = 5.0
"""Seconds until what one of them names is looked for again."""


class Joining:
    def __init__(self, store: Store, table: Table, binder: Binder) -> None:
        self.store = store
        self.table = table
        self.binder = binder
        self._told: dict[str, set[str]] = {}
        self._said: dict[tuple[str, str], str] = {}
        """What is missing, as it was told by an event."""

    def again(self) -> None:
        """The node is another, or has been away."""
        self._told.clear()

    def untold(self, entry: Entry) -> list[Obj]:
        if entry.state is not State.BOUND or entry.pod is None or entry.deleting:
            return []
        known = self._told.get(entry.uid, ())
        return [one for one in entry.pod["spec"].get(FIELD) or () if one["name"] not in known]

    async def turn(self) -> float | None:
        """Tell the node what it was not told; seconds until those whose time has not come are tried again."""
        link, around = self.binder.link, self.binder.around
        if link is None or around is None:
            return None
        waiting = False
        for entry in list(self.table.entries.values()):
            for one in self.untold(entry):
                waiting |= not await self._join(entry, one, link, around)
        for uid in [uid for uid in self._told if uid not in self.table.entries]:
            del self._told[uid]
        self._said = {key: text for key, text in self._said.items() if key[0] in self.table.entries}
        return PAUSE if waiting else None

    async def _join(self, entry: Entry, one: Obj, link: NodeLink, around: Surroundings) -> bool:
        pod, body = entry.pod, self.store.row(binding.KIND, entry.uid)
        if pod is None or body is None:
            return True
        run = binding.read(body).run
        laid: list[Laid] = []
        try:
            found = await self.binder.found(pod)
            placed = addressed(pod, Assigned(run.network, run.address))
            made = joining(placed, one, found, around, laid=laid, own=run.network == "own")
            if laid:
                await self.binder.accounts.lay(pod, laid)
        except Blocked as blocked:
            self._tell(entry, pod, one["name"], blocked.message)
            return False
        made.env = {**self._links(run, pod), **made.env}
        self._told.setdefault(entry.uid, set()).add(one["name"])
        self._said.pop((entry.uid, one["name"]), None)
        send(link, Join(entry.uid, made, one.get("targetContainerName") or ""))
        return True

    def _links(self, run: Run, pod: Obj) -> dict[str, str]:
        if run.network == "none" or not pod["spec"].get("enableServiceLinks", True):
            return {}
        return dict(self.binder.networks.services.variables(run.namespace))

    def _tell(self, entry: Entry, pod: Obj, name: str, message: str) -> None:
        if self._said.get((entry.uid, name)) != message:
            self._said[entry.uid, name] = message
            self.binder.story.unjoined(pod, name, message)
