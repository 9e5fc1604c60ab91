"""Pods: scheduler and the kubelet's head. The only controller that talks to the node.

Run by `manager`. `keys` keeps the table in step with the watch; three kinds of calls do the work: BIND
(`binder`), REPORTS (`reports`) and one pod's key for deletions. `run` keeps the connection: while the node
is away nothing is bound and everything else goes on. Why no pod runs twice is told in `binder`, `reports`
and `_greet`.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from functools import partial

from pinnace.controllers.built_in import CLAIM, CONFIG_MAP, NODE, POD, SECRET, SERVICE, SERVICE_ACCOUNT
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.pods import binding
from pinnace.controllers.pods.accounts import Accounts
from pinnace.controllers.pods.binder import READ, Binder, send
from pinnace.controllers.pods.joining import FIELD, Joining
from pinnace.controllers.pods.pace import COMPANY, Pace
from pinnace.controllers.pods.reports import SETTLE, Reports
from pinnace.controllers.pods.resolve import Surroundings
from pinnace.controllers.pods.schedule import Machine, Start
from pinnace.controllers.pods.status import DELETED, NODE_LOST, NODE_NAME
from pinnace.controllers.pods.story import WORTH_TELLING, Story, controlled
from pinnace.controllers.pods.table import Entry, State, Table
from pinnace.home import Home
from pinnace.kinds import placement
from pinnace.kinds.resource import Obj, Resource
from pinnace.node.network.messages import NoService, Service
from pinnace.node.protocol import Ack, Forget, Hello, Kill, Refresh
from pinnace.node.wire import NodeClient, NodeLink
from pinnace.objects.client import DeleteOptions, Transactional
from pinnace.objects.errors import StatusError
from pinnace.objects.tokens import Tokens
from pinnace.store.interface import Event, Store

log = logging.getLogger("pinnace.pods")

BIND = Key("", "bind")
ENDED = Key("", "ended")
ALIVE = Key("", "alive")
TOKENS = Key("", "tokens")
GUESTS = Key("", "guests")
AWAITED = frozenset({*READ, SERVICE_ACCOUNT.key})
"""Pods may wait for one of these to appear."""
FIRST_PAUSE = 0.02
LAST_PAUSE = 2.0
LOST_TEXT = "the node was restarted while it ran the pod; what became of it is not known, it is not run again"


class Pods:
    """`Pods(client, store, home)`; `connect` is replaced in tests."""

    name = "pods"
    watches: tuple[Resource, ...] = (SERVICE, POD, SECRET, CONFIG_MAP, CLAIM, NODE, SERVICE_ACCOUNT)

    def __init__(
        self,
        client: Transactional,
        store: Store,
        home: Home,
        *,
        connect: Callable[[], Awaitable[NodeLink]] | None = None,
        host_paths: tuple[str, ...] = (),
        tokens: Tokens | None = None,
    ) -> None:
        self.client = client
        self.accounts = Accounts(client, home, tokens)
        self.store = store
        self.home = home
        self.host_paths = host_paths
        self.wake: Callable[[Key], None] = _nobody
        self.table = Table(Pace())
        self.story = Story(client)
        self.binder = Binder(client, self.table, self.story, self.accounts)
        self.reports = Reports(client, self.table, self.story, self.binder)
        self.joining = Joining(store, self.table, self.binder)
        self.table.dropped = self.binder.networks.addresses.give
        self.published: dict[tuple[str, str], Service] = {}
        self.hello: Hello | None = None
        self.labels: dict[str, str] = {}
        self.taints: tuple[Obj, ...] = ()
        self._connect = connect or self._connect_socket
        self._present: set[str] | None = set()
        self._settling: asyncio.TimerHandle | None = None
        self._company: asyncio.TimerHandle | None = None
        self._adopt()

    @property
    def connected(self) -> bool:
        return self.binder.link is not None

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == "nodes":
            return self._labelled(event.obj)
        if event.resource == "services":
            self.binder.networks.services.see(event.obj, gone=event.type == "DELETED")
            return ()
        if event.resource != "pods":
            if event.resource == SERVICE_ACCOUNT.key:
                self.accounts.changed(event)
            if event.resource in AWAITED and event.type != "DELETED":
                appeared = self.table.appeared((event.resource, event.namespace, event.name))
                return (BIND,) if appeared else ()
            return ()
        if event.type == "DELETED":
            return self._deleted(event.obj)
        return self._seen(event.obj)

    def publish(self, service: Service | NoService) -> None:
        """Tell the node of a Service, now and whenever it starts anew."""
        key = (service.namespace, service.name)
        if isinstance(service, NoService):
            known = self.published.pop(key, None)
        else:
            known, self.published[key] = self.published.get(key), service
        link = self.binder.link
        if link is not None and (known or None) != service:
            send(link, service)

    def refresh(self, message: Refresh) -> None:
        """What a volume of a running pod holds now."""
        if self.binder.link is not None:
            send(self.binder.link, message)

    async def reconcile(self, key: Key) -> Result:
        if key == BIND:
            return await self._bind()
        if key == ENDED:
            more = await self.reports.commit_ended()
            removable, self.reports.removable = self.reports.removable, []
            for pod in removable:
                self.wake(Key(pod["metadata"]["namespace"], pod["metadata"]["name"]))
            return Result(after=0) if more else Result()
        if key == ALIVE:
            return Result(after=await self.reports.commit_alive())
        if key == TOKENS:
            return Result(after=await self.accounts.renew(self._running()))
        if key == GUESTS:
            return Result(after=await self.joining.turn())
        return await self._tend(key)

    async def _bind(self) -> Result:
        result = await self.binder.turn()
        late, self.binder.late = self.binder.late, []
        for entry in late:
            self.reports.lost(entry, NODE_LOST, LOST_TEXT)
        if late:
            self.wake(ENDED)
        return result

    async def run(self) -> None:
        """Hold the connection to the node, for ever. Called after every present pod was seen."""
        for entry in [each for each in self.table.entries.values() if each.pod is None]:
            log.info("pod %s is gone while the node may run it", entry.uid)
        pause = FIRST_PAUSE
        while True:
            try:
                link = await self._connect()
            except (OSError, TimeoutError) as error:
                log.debug("no node yet: %s", error)
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, LAST_PAUSE)
                continue
            pause = FIRST_PAUSE
            try:
                await self._converse(link)
            finally:
                self.binder.link = None
                link.close()
            log.warning("the node is away; what runs there goes on, nothing new is started until it is back")

    async def _connect_socket(self) -> NodeLink:
        return await NodeClient.connect(self.home.node_socket)

    async def _converse(self, link: NodeLink) -> None:
        self._greet(link)
        async for report in link.reports():
            ended, alive = self.reports.receive(report.pods, link)
            if ended:
                self._over()
            if alive and self._settling is None:
                loop = asyncio.get_running_loop()
                self._settling = loop.call_later(SETTLE, self._settled)

    def _over(self) -> None:
        """Pods have ended. While many do and the node has enough to do, their books wait for company."""
        if not self.binder.sated or self.reports.full:
            self._together()
        elif self._company is None:
            self._company = asyncio.get_running_loop().call_later(COMPANY, self._together)

    def _together(self) -> None:
        if self._company is not None:
            self._company.cancel()
            self._company = None
        self.binder.due = True
        self.wake(ENDED)
        self.wake(BIND)

    def _settled(self) -> None:
        self._settling = None
        self.wake(ALIVE)

    def _greet(self, link: NodeLink) -> None:
        """Compare what was promised with what the node knows.

        Bound to this life of the node: said again (the node answers with the latest report, or starts what
        never reached it). Bound to an older life: lost, and never sent again."""
        hello = self.hello = link.hello
        self._measure()
        self.binder.link = link
        send(link, *self.published.values())
        known = set(hello.pods)
        for entry in list(self.table.entries.values()):
            if entry.state is State.BOUND:
                self._remind(entry, link, known)
        strangers = [uid for uid in hello.pods if uid not in self.table.entries]
        send(link, *(Kill(uid, 0, DELETED, "the Pod object is gone") for uid in strangers))
        if strangers:
            send(link, Ack(strangers))
        self._sweep(link)
        self.joining.again()
        self.wake(GUESTS)
        self.wake(TOKENS)
        self.table.reconsider()
        self.wake(ENDED)
        self.wake(BIND)

    def _remind(self, entry: Entry, link: NodeLink, known: set[str]) -> None:
        if entry.epoch != link.hello.epoch:
            self.reports.lost(entry, NODE_LOST, LOST_TEXT)
        elif entry.uid not in known and entry.deleting:
            self.reports.lost(entry, DELETED, "deleted before it was started")
        else:
            body = self.store.row(binding.KIND, entry.uid)
            if body is not None and not (entry.deleting and entry.pod is None):
                send(link, binding.read(body).run)
            if entry.deleting:
                entry.killed = None
                self.binder.kill(entry)

    def _sweep(self, link: NodeLink) -> None:
        """Once after a start: folders of pods that were deleted while nobody told the node."""
        present, self._present = self._present, None
        if present is None or not self.home.pods.is_dir():
            return
        gone = [
            uid for uid in os.listdir(self.home.pods) if uid not in present and uid not in self.table.entries
        ]
        if gone:
            send(link, Forget(gone))

    def _labelled(self, node: Obj) -> tuple[Key, ...]:
        """The Node's labels or taints changed: who could never run here may now."""
        labels, taints = node["metadata"].get("labels") or {}, tuple(placement.taints_of(node))
        if node["metadata"]["name"] != NODE_NAME or (labels, taints) == (self.labels, self.taints):
            return ()
        self.labels, self.taints = labels, taints
        self._measure()
        self.table.reconsider()
        return (BIND,)

    def reached_at(self, host: str, port: int) -> None:
        """Where pods find the API server."""
        self.accounts.api = (host, port)
        self._measure()

    def _running(self) -> list[Obj]:
        return [
            entry.pod for entry in list(self.table.entries.values())
            if entry.state is State.BOUND and entry.pod is not None
        ]

    def _measure(self) -> None:
        if (hello := self.hello) is not None:
            machine = Machine(hello.capacity_milli_cpu, hello.capacity_memory, self.labels, self.taints)
            self.binder.around = Surroundings(
                self.home, machine, self.host_paths, hello, self.accounts.env, self.accounts.inside,
                partial(self.store.row, "artifact"),
            )

    def _adopt(self) -> None:
        """Take over the bindings of an earlier life of control."""
        for uid, _, _, body in self.store.rows(binding.KIND):
            bound = binding.read(body)
            entry = Entry(uid, None)
            self.table.entries[uid] = entry
            self.table.hold(entry, Start(uid, bound.milli_cpu, bound.memory, bound.milli_cpu))
            self.table.bound(entry, bound.epoch)
            if bound.run.network in ("own", "loopback"):
                self.binder.networks.addresses.adopt(uid, bound.run.address)

    def _seen(self, pod: Obj) -> tuple[Key, ...]:
        meta = pod["metadata"]
        if self._present is not None:
            self._present.add(meta["uid"])
        entry = self.table.see(pod)
        if meta.get("deletionTimestamp"):
            return (Key(meta["namespace"], meta["name"]),)
        if entry is None:
            return ()
        if entry.state is State.WAITING:
            return (BIND,) if self._company is None else ()
        untold = not (entry.told or entry.telling)
        if entry.state is State.BOUND and entry.report is not None and untold and controlled(pod):
            self._tell_later(entry)
        return (GUESTS,) if pod["spec"].get(FIELD) and self.joining.untold(entry) else ()

    def _tell_later(self, entry: Entry) -> None:
        """A controller's pod that is still there in a second has a story."""
        entry.telling = True

        def tell() -> None:
            entry.telling = False
            if entry.state is State.BOUND and entry.pod is not None and entry.report and not entry.told:
                entry.told = True
                self.story.began(entry.pod, entry.report)

        asyncio.get_running_loop().call_later(WORTH_TELLING, tell)

    def _deleted(self, pod: Obj) -> tuple[Key, ...]:
        """The object is gone: at once if it never ran or is over, else what runs is ended."""
        uid = pod["metadata"]["uid"]
        entry = self.table.entries.get(uid)
        link = self.binder.link
        if entry is None:
            if link is not None:
                send(link, Forget([uid]))
            return ()
        entry.pod = None
        if entry.state is State.BOUND:
            self.binder.kill(entry)
        elif entry.state not in (State.BINDING, State.ENDING):
            self.table.drop(entry)
        return (BIND,)

    async def _tend(self, key: Key) -> Result:
        """A pod that is being deleted: ended by the node if it is there, removed if it is not."""
        try:
            pod = await self.client.get(POD, key.name, key.namespace)
        except StatusError as error:
            if error.code == 404:
                return Result()
            raise
        meta = pod["metadata"]
        if not meta.get("deletionTimestamp"):
            return Result()
        entry = self.table.entries.get(meta["uid"])
        if entry is not None and entry.state in (State.BOUND, State.BINDING, State.ENDING):
            if entry.state is State.BOUND:
                entry.pod = pod
                self.binder.kill(entry)
            return Result()
        if meta.get("deletionGracePeriodSeconds") or not meta.get("finalizers"):
            await self._remove(pod)
        return Result()

    async def _remove(self, pod: Obj) -> None:
        meta = pod["metadata"]
        options = DeleteOptions(grace_seconds=0, uid=meta["uid"])
        try:
            await self.client.delete(POD, meta["name"], meta["namespace"], options)
        except StatusError as error:
            if error.code != 404:
                raise


def _nobody(key: Key) -> None:
    """Before the manager has taken the controller over, nothing waits for a call."""


def capacity(hello: Hello | None) -> dict[str, str]:
    """For the Node object: what the node has, `{}` while it was never seen."""
    if hello is None:
        return {}
    return {"cpu": f"{hello.capacity_milli_cpu}m", "memory": str(hello.capacity_memory), "pods": "110"}


__all__ = ["Pods", "capacity"]
