"""The node's socket: messages in, pods started and stopped, reports out in batches.

Made by `process.py`. Any number of connections may be open (control, a test); each gets Hello, then every
report, first of all what is known. Final reports stay until one of them says Ack.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pinnace.node.container import Inside
from pinnace.node.network.messages import Service
from pinnace.node.paths import made_plain
from pinnace.node.plain import Plain, Plans
from pinnace.node.pod import Pod
from pinnace.node.protocol import (
    VERSION,
    Ack,
    Forget,
    Hello,
    Join,
    Kill,
    PodReport,
    Refresh,
    Report,
    Run,
    ToNode,
)
from pinnace.node.services import Services
from pinnace.node.wire import Frames, WireError, frame

if TYPE_CHECKING:
    from pinnace.node.guests import Guests

BATCH = 0.004
SETTLE = 0.02
"""Seconds that news of a living pod wait for more."""
AT_ONCE = 2
"""Pods started in one turn of the loop: what ended meanwhile is collected and told between two turns, so that
control binds the next ones while these are still being started."""


class Server:
    def __init__(self, services: Services, epoch: str) -> None:
        self.services = services
        self.plans = Plans(services)
        self.epoch = epoch
        self.pods: dict[str, Pod | Plain] = {}
        self.guests: dict[str, Guests] = {}
        """Of the few pods that have some."""
        self.connections: set[Connection] = set()
        self.outbox = Outbox(services.loop, self.flush, self.report)
        self.line: dict[str, Pod | Plain] = {}
        """To be started, in order."""

    async def listen(self, path: Path) -> asyncio.Server:
        path.unlink(missing_ok=True)  # noqa: ASYNC240 - once, at the start
        mask = os.umask(0o177)
        try:
            return await self.services.loop.create_unix_server(lambda: Connection(self), str(path))
        finally:
            os.umask(mask)

    def inside(self, uid: str, container: str) -> Inside | None:
        """A container that lives."""
        pod = self.pods.get(uid)
        if pod is None or pod.final:
            return None
        return pod.inside(container) or (self.guests[uid].inside(container) if uid in self.guests else None)

    def hello(self) -> Hello:
        return Hello(
            version=VERSION,
            epoch=self.epoch,
            pods=list(self.pods),
            isolation=self.services.default,
            capacity_milli_cpu=(os.cpu_count() or 1) * 1000,
            capacity_memory=memory(),
            pid=os.getpid(),
            network=self.services.cluster.ways.mode,
            network_why=self.services.cluster.ways.why,
            network_prefix=self.services.cluster.ways.range.prefix,
            network_outside=bool(self.services.cluster.ways.outside),
        )

    def take(self, message: ToNode) -> None:
        if isinstance(message, Run):
            self.run(message)
        elif isinstance(message, Join):
            self.join(message)
        elif isinstance(message, Kill):
            self.kill(message)
        elif isinstance(message, Ack):
            self.ack(message)
        elif isinstance(message, Forget):
            self.forget(message)
        elif isinstance(message, Refresh):
            self.refresh(message)
        elif isinstance(message, Service):
            self.services.cluster.put(message)
        else:
            self.services.cluster.drop(message)

    def run(self, run: Run) -> None:
        known = self.pods.get(run.uid)
        if known is not None:
            self.changed(known)
            return
        names = [run.uid, *(c.name for c in (*run.init, *run.containers))]
        if not run.containers or not all(map(safe_name, names)):
            message = "no containers, or a uid or name that cannot be a file's"
            self.flush([PodReport(run.uid, "Failed", reason="NodeError", message=message)])
            return
        self.pods[run.uid] = self.made(run)
        if not self.line:
            self.services.loop.call_soon(self.start)
        self.line[run.uid] = self.pods[run.uid]

    def start(self) -> None:
        for uid in list(islice(self.line, AT_ONCE)):
            self.line.pop(uid).begin()
        if self.line:
            self.services.loop.call_soon(self.start)

    def made(self, run: Run) -> Pod | Plain:
        plan = self.plans.find(run)
        if plan is not None:
            return Plain(self.services, run, plan, self.changed)
        return Pod(self.services, made_plain(run), self.changed)

    def changed(self, pod: Pod | Plain) -> None:
        """A pod has news. The end of one that has guests is told when they are gone."""
        if pod.final and self.guests and (guests := self.guests.get(pod.run.uid)) is not None:
            guests.stop(0)
            if guests.living:
                return
            guests.remove()
        self.outbox.put(pod)

    def report(self, pod: Pod | Plain) -> PodReport:
        made = pod.report()
        if self.guests and (guests := self.guests.get(made.uid)) is not None:
            made.guests = guests.states()
        return made

    def join(self, join: Join) -> None:
        """One more container for a pod that runs; of one that does not, control knows the end."""
        pod = self.pods.get(join.uid)
        if pod is None or pod.final or not safe_name(join.container.name):
            return
        guests = self.guests.get(join.uid)
        if guests is None:
            from pinnace.node.guests import Guests

            launcher = self.services.launchers.get(self.services.named(pod.run.isolation))
            if launcher is None:
                return  # the pod itself is about to say so
            guests = Guests(self.services, pod.run, launcher, pod.inside, partial(self.changed, pod))
            self.guests[join.uid] = guests
        guests.join(join)

    def kill(self, kill: Kill) -> None:
        """A pod that this node does not know has ended as far as it can tell."""
        pod = self.pods.get(kill.uid)
        if pod is not None and not pod.final:
            pod.kill(kill)
            if kill.uid in self.guests:
                self.guests[kill.uid].stop(kill.grace)
            self.spare(pod)
        elif pod is not None:
            self.changed(pod)
        else:
            reason = kill.reason or "Killed"
            self.flush([PodReport(kill.uid, "Failed", reason=reason, message="not on this node")])

    def spare(self, pod: Pod | Plain) -> None:
        """One that was stopped before it was started never is."""
        if self.line.pop(pod.run.uid, None) is not None:
            pod.finish()

    def ack(self, ack: Ack) -> None:
        for uid in ack.uids:
            pod = self.pods.get(uid)
            if pod is not None and pod.final:
                del self.pods[uid]
                self.guests.pop(uid, None)

    def forget(self, forget: Forget) -> None:
        from pinnace.node.roots import remove

        for uid in forget.uids:
            pod = self.pods.get(uid)
            if safe_name(uid) and (pod is None or pod.final):
                self.pods.pop(uid, None)
                self.services.worker.submit(remove, str(self.services.home.pod(uid)))

    def refresh(self, message: Refresh) -> None:
        from pinnace.node.volumes import rewrite

        pod = self.pods.get(message.uid)
        if pod is not None and not pod.final and safe_name(message.volume):
            folder = self.services.home.pod(message.uid) / "volumes" / message.volume
            self.services.worker.submit(rewrite, folder, message.files, message.modes)

    def flush(self, reports: list[PodReport]) -> None:
        data = frame(Report(reports))
        for connection in self.connections:
            connection.transport.write(data)

    def greet(self, connection: Connection) -> None:
        self.connections.add(connection)
        connection.transport.write(frame(self.hello()))
        if self.pods:
            connection.transport.write(frame(Report([self.report(pod) for pod in self.pods.values()])))

    async def stop(self, grace: float) -> None:
        """End every pod, and wait for that."""
        ends = []
        for pod in [pod for pod in self.pods.values() if not pod.final]:
            ends.append(pod.end())
            pod.stop("NodeShutdown", "the node is shutting down", min(grace, pod.run.grace))
            self.spare(pod)
        if ends:
            await asyncio.wait(ends, timeout=grace + 5)
        self.outbox.send()


class Outbox:
    """Reports to send: the newest of each pod. An end is told at once when idle, else every 4 ms; other news
    settle first, and of a pod that is over by then only the end is told."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, flush: Callable[[list[PodReport]], None],
        report: Callable[[Pod | Plain], PodReport],
    ) -> None:
        self.loop = loop
        self.flush = flush
        self.report = report
        self.waiting: dict[str, Pod | Plain] = {}
        self.settling: dict[str, tuple[Pod | Plain, float]] = {}
        """With the time from which on each is told, in that order."""
        self.last = 0.0
        self.armed = False
        self.alarmed = False

    def put(self, pod: Pod | Plain) -> None:
        uid = pod.run.uid
        if not pod.final and uid not in self.waiting:
            if not self.alarmed:
                self.alarmed = True
                self.loop.call_later(SETTLE, self.settle)
            self.settling.setdefault(uid, (pod, self.loop.time() + SETTLE))
            return
        self.settling.pop(uid, None)
        self.tell(pod)

    def tell(self, pod: Pod | Plain) -> None:
        self.waiting[pod.run.uid] = pod
        if self.armed:
            return
        self.armed = True
        wait = self.last + BATCH - self.loop.time()
        if wait <= 0:
            self.loop.call_soon(self.send)
        else:
            self.loop.call_later(wait, self.send)

    def settle(self) -> None:
        self.alarmed = False
        now = self.loop.time()
        for uid, (pod, due) in list(self.settling.items()):
            if due > now + BATCH:
                self.alarmed = True
                self.loop.call_later(due - now, self.settle)
                return
            del self.settling[uid]
            self.tell(pod)

    def send(self) -> None:
        self.armed = False
        self.last = self.loop.time()
        if self.waiting:
            pods, self.waiting = self.waiting, {}
            self.flush([self.report(pod) for pod in pods.values()])


class Connection(asyncio.Protocol):
    def __init__(self, server: Server) -> None:
        self.server = server
        self.frames = Frames()
        self.decoder: msgspec.msgpack.Decoder[ToNode] = msgspec.msgpack.Decoder(ToNode)
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.greet(self)

    def data_received(self, data: bytes) -> None:
        try:
            for body in self.frames.feed(data):
                self.server.take(self.decoder.decode(body))
        except (WireError, msgspec.DecodeError):
            self.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self.server.connections.discard(self)


def safe_name(name: str) -> bool:
    """Fit to be one component of a path."""
    return 0 < len(name) <= 253 and not name.startswith(".") and "/" not in name and "\0" not in name


def memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
