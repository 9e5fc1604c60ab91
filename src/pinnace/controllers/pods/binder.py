"""One turn of binding: plan, resolve, commit, and only then send.

Called by `controller`, never twice at a time. Invariant: a `run` leaves this process only after (pod uid,
resolved Run, node epoch) is on disk; whatever happens later, the pod is not given to another life of the
node.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from pinnace.controllers.built_in import CLAIM, CONFIG_MAP, POD, SECRET
from pinnace.controllers.controller import Result
from pinnace.controllers.pods import binding, schedule, shortfall
from pinnace.controllers.pods import status as statuses
from pinnace.controllers.pods.accounts import Accounts, Laid
from pinnace.controllers.pods.found import Blocked, Found, Reference, needed
from pinnace.controllers.pods.meter import INTERVAL, Meter
from pinnace.controllers.pods.network import NONE, Assigned, Networks
from pinnace.controllers.pods.pace import BUSY
from pinnace.controllers.pods.resolve import Surroundings, resolve
from pinnace.controllers.pods.story import Story
from pinnace.controllers.pods.table import Entry, State, Table
from pinnace.failpoint import passing
from pinnace.kinds.annotations import SOURCES
from pinnace.kinds.resource import Obj
from pinnace.node.protocol import Kill, Run
from pinnace.node.wire import NodeLink, WireError
from pinnace.objects.client import Change, Transactional
from pinnace.objects.errors import StatusError
from pinnace.objects.lineage.keeping import sourced

AT_ONCE = 64
"""Pods of one commit."""
STARVED = 3.0
"""Seconds without a bind or an end after which one more pod is admitted."""
READ = {resource.key: resource for resource in (SECRET, CONFIG_MAP, CLAIM)}


class Given(msgspec.Struct):
    """A pod that is about to be bound."""

    entry: Entry
    pod: Obj
    run: Run
    network: Assigned
    configs: list[Obj] = []
    sources: str = ""
    """Digests of the configs that are code, for the lineage."""


class Binder:
    def __init__(self, client: Transactional, table: Table, story: Story, accounts: Accounts) -> None:
        self.client = client
        self.accounts = accounts
        self.table = table
        self.story = story
        self.link: NodeLink | None = None
        self.around: Surroundings | None = None
        self.networks = Networks()
        self.meter = Meter()
        self.lent = 0
        """Default shares that bound pods do not use, for the next turn."""
        self.due = False
        """Whether the next turn binds although the node has enough to do."""
        self.moved = time.monotonic()
        """When a pod was last bound or ended."""
        self.late: list[Entry] = []
        """Bound to a life of the node that ended while they were committed."""

    async def turn(self) -> Result:
        link, around = self.link, self.around
        if link is None or around is None:
            return Result()
        if self.sated and not self.due:
            return Result(after=INTERVAL)  # the ends of what is bound come first
        self.due = False
        now = time.monotonic()
        starved = now - self.moved >= STARVED
        lent, self.lent = self.lent, 0
        plan = schedule.plan(
            self.table.waiting(), around.machine, self.table.load, now=now, ahead=self.table.pace.ahead,
            idle=lent, starved=starved,
        )
        for uid, message in plan.never.items():
            await self._never(self.table.entries[uid], message)
        chosen = plan.start[:AT_ONCE]
        if chosen:
            await self._bind(chosen, link, around)
            if len(plan.start) > AT_ONCE:
                return Result(after=0)
            return Result(after=INTERVAL) if self.table.anyone_waits else Result()
        if self.table.anyone_waits:
            await self._look(link, around)
            return Result(after=0 if self.lent else INTERVAL)
        return Result()

    @property
    def sated(self) -> bool:
        """The node has enough to do for a while, of what ends quickly."""
        pace = self.table.pace
        if self.around is None or pace.rate < BUSY:
            return False
        return schedule.beyond(self.around.machine, self.table.load) >= pace.ahead // 2

    async def _look(self, link: NodeLink, around: Surroundings) -> None:
        """Nothing fits: may something be lent? An engine's containers are not below the node, so not then;
        and while pods come and go quickly nobody sleeps on a share, so the look would only cost."""
        now, pods, hello = time.monotonic(), self.table.load.pods, link.hello
        if now - self.moved < INTERVAL:
            return
        if hello.pid and hello.isolation != "container" and self.meter.due(now):
            self.lent = await asyncio.to_thread(
                self.meter.idle, hello.pid, around.machine.milli_cpu, pods, now
            )

    async def _bind(
        self, chosen: Sequence[schedule.Start], link: NodeLink, around: Surroundings
    ) -> None:
        given: list[Given] = []
        entries = [self.table.entries[start.uid] for start in chosen]
        for entry, start in zip(entries, chosen, strict=True):
            self.table.hold(entry, start)
        for entry in entries:
            if (ready := await self._resolved(entry, around)) is not None:
                given.append(ready)
        if not given:
            return
        try:
            await self._commit(given, link)
        except BaseException:
            for each in given:
                if each.entry.state is State.BINDING:
                    self.table.unbound(each.entry)
            raise
        self.moved = time.monotonic()
        self._send(given, link)

    async def _resolved(self, entry: Entry, around: Surroundings) -> Given | None:
        pod = entry.pod
        if pod is None or entry.deleting:
            self.table.unbound(entry)
            return None
        try:
            found = await self.found(pod)
            if entry.pod is not pod and entry.pod is not None:
                pod = entry.pod
            laid: list[Laid] = []
            run, network = self._placed(pod, found, around, laid)
            run.account = await self.accounts.folder(pod)
            if laid:
                await self.accounts.lay(pod, laid)
        except Blocked as blocked:
            await self._block(entry, pod, blocked)
            return None
        held = entry.held
        if held is not None and held.scaled:
            self.story.scaled(pod, held.asked, held.milli_cpu)
        return Given(entry, pod, run, network, found.configs())

    def _placed(
        self, pod: Obj, found: Found, around: Surroundings, laid: list[Laid]
    ) -> tuple[Run, Assigned]:
        """The pod resolved, in the network that it gets."""
        if around.hello is None:
            return resolve(pod, found, around, laid=laid), NONE
        network = self.networks.decide(pod, around.hello)
        own = network.mode == "own"
        run = resolve(addressed(pod, network), found, around, laid=laid, own=own)
        later = self.networks.reconsider(pod, run, network, around.hello)
        if later is not network:
            network = later
            laid.clear()
            own = network.mode == "own"
            run = resolve(addressed(pod, network), found, around, laid=laid, own=own)
        self.networks.dress(pod, run, network)
        return run, network

    async def found(self, pod: Obj) -> Found:
        namespace = pod["metadata"]["namespace"]
        references = needed(pod)
        if not references:
            return Found(namespace, {})
        return Found(namespace, {each: await self._read(each, namespace) for each in references})

    async def _read(self, reference: Reference, namespace: str) -> Obj | None:
        try:
            return await self.client.get(READ[reference.resource], reference.name, namespace)
        except StatusError as error:
            if error.code == 404:
                return None
            raise

    async def _commit(self, given: Sequence[Given], link: NodeLink) -> None:
        now = time.time()
        epoch = link.hello.epoch
        rows: list[Any] = []
        for each in given:
            held = each.entry.held
            assert held is not None
            if each.configs:
                digests, contents = sourced(each.configs)
                each.sources = encoded(digests)
                rows += contents
            rows.append(
                binding.made(each.entry.uid, binding.Binding(epoch, held.milli_cpu, held.memory, each.run))
            )
        shown = [each for each in given if self._worth_showing(each)]
        changes = [Change(verb="system", resource=POD, obj=bound(each, now)) for each in shown]
        passing("pods.before-bind-commit")
        try:
            written = await self.client.transact(changes, rows)
        except StatusError as error:
            if error.code in (404, 409):
                await self.refresh([each.entry for each in given])
            raise
        passing("pods.after-bind-commit")
        for each, pod in zip(shown, written, strict=True):
            self.table.written(each.entry, pod)
        for each in given:
            self.table.bound(each.entry, epoch)
            if each.network.story:
                fallback = each.network.mode != "own"
                self.story.networked(each.pod, each.network.story, fallback=fallback)

    def _worth_showing(self, given: Given) -> bool:
        """What is likely over before its news would be written (`reports`) says with these that it was bound:
        the promise is the row, and one picture of such a pod less is a fifth of what it costs to write."""
        if given.network is not NONE or given.sources:
            return True
        return not self.table.pace.short(given.entry.sort)

    def _send(self, given: Sequence[Given], link: NodeLink) -> None:
        """A link that broke meanwhile is no error: the next one is greeted with every bound pod. If it was
        greeted while we committed, these pods are told to it now."""
        now = self.link
        if now is None:
            return
        if now.hello.epoch != link.hello.epoch:
            self.late = [each.entry for each in given]
            return
        send(now, *(each.run for each in given))
        for each in given:
            if each.entry.deleting:
                self.kill(each.entry)
        passing("pods.after-send")

    def kill(self, entry: Entry) -> None:
        """Once for each shorter grace; an unreachable node is told when it is greeted."""
        meta: dict[str, Any] = entry.pod["metadata"] if entry.pod else {}
        grace = int(meta.get("deletionGracePeriodSeconds") or 0)
        if self.link is None or (entry.killed is not None and entry.killed <= grace):
            return
        if entry.killed is None and entry.pod is not None:
            self.story.killing(entry.pod)
        entry.killed = grace
        send(self.link, Kill(entry.uid, grace, statuses.DELETED))

    async def refresh(self, entries: Sequence[Entry]) -> None:
        """Read what somebody else changed meanwhile."""
        for entry in entries:
            if entry.pod is None:
                continue
            meta = entry.pod["metadata"]
            try:
                pod: Obj | None = await self.client.get(POD, meta["name"], meta["namespace"])
            except StatusError as error:
                if error.code != 404:
                    raise
                pod = None
            if pod is not None and pod["metadata"]["uid"] == entry.uid:
                entry.pod = pod
            else:
                entry.pod = None
            if entry.pod is None and entry.state not in (State.BOUND, State.ENDING):
                self.table.drop(entry)

    async def _never(self, entry: Entry, message: str) -> None:
        self.table.never(entry)
        if entry.pod is not None and self.around is not None:
            message = shortfall.told(entry.pod, self.around.machine, self.table.load, message)
            self.story.impossible(entry.pod, message)
            status = statuses.unscheduled(entry.pod, "Unschedulable", message, time.time())
            await self._say(entry, entry.pod, status)

    async def _block(self, entry: Entry, pod: Obj, blocked: Blocked) -> None:
        self.table.release(entry)
        self.table.block(entry, blocked.awaits)
        if entry.message == blocked.message:
            return
        entry.message = blocked.message
        self.story.blocked(pod, blocked.message, blocked.volume)
        status = statuses.blocked(pod, "CreateContainerConfigError", blocked.message, time.time())
        given = {**pod, "spec": {**pod["spec"], "nodeName": statuses.NODE_NAME}}
        await self._say(entry, given, status)

    async def _say(self, entry: Entry, pod: Obj, status: Obj) -> None:
        """Write what a pod waits for; one that changed meanwhile is looked at again anyway."""
        change = Change(verb="system", resource=POD, obj={**pod, "status": status})
        try:
            (entry.pod,) = await self.client.transact([change])
        except StatusError as error:
            if error.code not in (404, 409):
                raise
            entry.message = ""
            await asyncio.sleep(0)
            await self.refresh([entry])
            if entry.uid in self.table.entries:
                self.table.consider(entry)


def encoded(digests: dict[str, str]) -> str:
    return msgspec.json.encode(digests).decode()


def bound(given: Given, now: float) -> Obj:
    """The Pod as it is once it belongs to the node."""
    pod = given.pod
    spec = {**pod["spec"], "nodeName": statuses.NODE_NAME}
    new = {**pod, "spec": spec, "status": statuses.bound(pod, now, given.run.address)}
    if given.sources:
        annotations = {**(pod["metadata"].get("annotations") or {}), SOURCES: given.sources}
        new["metadata"] = {**pod["metadata"], "annotations": annotations}
    return new


def addressed(pod: Obj, network: Assigned) -> Obj:
    """With the address that its own variables may name."""
    if not network.address:
        return pod
    ips = {"podIP": network.address, "podIPs": [{"ip": network.address}]}
    return {**pod, "status": {**(pod.get("status") or {}), **ips}}


def send(link: NodeLink, *messages: Any) -> None:
    """A broken link is no error: what matters is said again when the next one is greeted."""
    try:
        link.send(*messages)
    except WireError:
        return
