"""A node in memory that keeps the protocol's promises, and may be cut off, deaf, repeating, dead, reborn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from pinnace.node.protocol import (
    VERSION,
    Ack,
    Collected,
    ContainerState,
    Forget,
    Hello,
    Kill,
    PodReport,
    Report,
    Run,
)
from pinnace.node.wire import WireError

Message = Run | Kill | Ack | Forget


class FakeLink:
    def __init__(self, node: FakeNode, hello: Hello) -> None:
        self.hello = hello
        self.node = node
        self.inbox: asyncio.Queue[Report | None] = asyncio.Queue()
        self.cut = False

    def send(self, *messages: Message) -> None:
        if self.cut:
            raise WireError("cut")
        for message in messages:
            self.node.receive(message)

    async def reports(self) -> AsyncIterator[Report]:
        while (report := await self.inbox.get()) is not None:
            yield report

    def close(self) -> None:
        self.cut = True


class FakeNode:
    """`started` counts the processes of every life: more than one a uid is the bug we hunt.

    `hold`: pods run until `finish`; else they succeed at once."""

    def __init__(self, *, hold: bool = False, milli: int = 2000, memory: int = 8 << 30) -> None:
        self.hold = hold
        self.milli = milli
        self.memory = memory
        self.life = 1
        self.up = True
        self.deaf = False
        self.link: FakeLink | None = None
        self.started: list[str] = []
        self.killed: list[Kill] = []
        self.acked: list[str] = []
        self.forgotten: list[str] = []
        self.runs: dict[str, Run] = {}
        self.latest: dict[str, PodReport] = {}
        self.outcome: Callable[[Run], PodReport] = lambda run: succeeded(run)

    async def connect(self) -> FakeLink:
        if not self.up:
            raise ConnectionRefusedError("the node is away")
        hello = Hello(
            VERSION, f"epoch-{self.life}", list(self.latest), "process", self.milli, self.memory
        )
        self.link = FakeLink(self, hello)
        finals = [each for each in self.latest.values() if each.phase in ("Succeeded", "Failed")]
        if finals:
            self.link.inbox.put_nowait(Report(finals))
        return self.link

    def receive(self, message: Message) -> None:
        if self.deaf:
            return
        if isinstance(message, Run):
            self._run(message)
        elif isinstance(message, Kill):
            self._kill(message)
        elif isinstance(message, Ack):
            self.acked += message.uids
            for uid in message.uids:
                self.latest.pop(uid, None)
        else:
            self.forgotten += message.uids

    def _run(self, run: Run) -> None:
        if run.uid not in self.latest:
            self.started.append(run.uid)
            self.runs[run.uid] = run
            self.latest[run.uid] = running(run) if self.hold else self.outcome(run)
        self.say(run.uid)

    def _kill(self, kill: Kill) -> None:
        self.killed.append(kill)
        known = self.latest.get(kill.uid)
        if known is not None and known.phase not in ("Succeeded", "Failed"):
            self.report(ended(self.runs[kill.uid], 143))

    def say(self, uid: str) -> None:
        if self.link is not None and not self.link.cut:
            self.link.inbox.put_nowait(Report([self.latest[uid]]))

    def report(self, report: PodReport) -> None:
        self.latest[report.uid] = report
        self.say(report.uid)

    def finish(self, uid: str, code: int = 0) -> None:
        self.report(ended(self.runs[uid], code))

    def cut(self) -> None:
        """The connection breaks; the pods live on."""
        if self.link is not None:
            self.link.cut = True
            self.link.inbox.put_nowait(None)

    def die(self) -> None:
        """The process ends, all pods with it; it comes back with a new epoch."""
        self.life += 1
        self.latest.clear()
        self.cut()


def state(run: Run, code: int | None) -> list[ContainerState]:
    now = time.time()
    return [
        ContainerState(
            each.name, started=now, finished=now if code is not None else 0, exit_code=code,
            ready=code is None,
        )
        for each in run.containers
    ]


def running(run: Run) -> PodReport:
    return PodReport(run.uid, "Running", state(run, None))


def succeeded(run: Run) -> PodReport:
    outputs = Collected("done", {"p": "1"}) if run.outputs is not None else None
    return PodReport(run.uid, "Succeeded", state(run, 0), outputs=outputs)


def ended(run: Run, code: int) -> PodReport:
    return PodReport(run.uid, "Succeeded" if code == 0 else "Failed", state(run, code))
