"""One container of a pod over all its lives: start, probes, limits, back-off, stop.

`pod.py` owns these; what a container sees (argv, mounts, environment) is worked out by `outfit.py`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec

from pinnace.node import hooks
from pinnace.node.console import Console
from pinnace.node.health import Health, ask
from pinnace.node.launchers import Exit, Handle, Launch, StartError, unstarted
from pinnace.node.limits import Watchdog
from pinnace.node.logs import Log, Tail
from pinnace.node.network import door
from pinnace.node.protocol import Container, ContainerState, Probe
from pinnace.node.services import Services

BACKOFF, BACKOFF_MOST, BACKOFF_RESET = 10.0, 300.0, 600.0
SIGNAL_CODES = range(129, 129 + 64)


class Inside(msgspec.Struct, frozen=True):
    """A container that lives, for who wants to enter it."""

    handle: Handle
    launch: Launch
    console: Console | None = None
    restart: int = 0


class Member:
    """`outfit` gives the Launch of one life; `changed` is called whenever `state` is news."""

    def __init__(
        self,
        services: Services,
        uid: str,
        spec: Container,
        outfit: Callable[[Member], Launch],
        changed: Callable[[], None],
        *,
        init: bool = False,
    ) -> None:
        self.services = services
        self.uid = uid
        self.spec = spec
        self.outfit = outfit
        self.changed = changed
        self.state = ContainerState(
            spec.name, waiting="PodInitializing" if init else "ContainerCreating", init=init
        )
        self.handle: Handle | None = None
        self.launch: Launch | None = None
        self.out_of_memory = False
        self.wants_result = False
        self.result: str | None = None
        self.started = asyncio.Event()
        self.stopped = asyncio.Event()
        self.killer: asyncio.TimerHandle | None = None
        self.parting: asyncio.Task[None] | None = None
        """preStop, while it runs."""
        self.guards: list[Callable[[], None]] = []
        self.sockets: dict[str, str] = {}
        self.left = 0
        """How often it is run again if this life fails."""
        self.console: Console | None = None
        self.address = ""
        """The pod's own; '' for the host's."""
        self.door = False
        """Whether it is reached through the cluster network's door."""

    async def live(self) -> Exit:
        """All lives, to the last exit."""
        wait = 0.0
        while True:
            begun = time.monotonic()
            exit = await self.attempts() if self.spec.retries else await self.once()
            if self.stopped.is_set() or not restarts(self.spec.restart, exit.code):
                return exit
            wait = 0.0 if time.monotonic() - begun > BACKOFF_RESET else wait
            await self.back_off(wait, exit)
            wait = min(max(wait * 2, BACKOFF), BACKOFF_MOST)
            if self.stopped.is_set():
                return exit

    async def attempts(self) -> Exit:
        """Lives until one succeeds, and no more than may be."""
        for left in range(self.spec.retries, 0, -1):
            self.left = left
            exit = await self.once()
            if exit.code == 0 or self.stopped.is_set():
                return exit
            if self.spec.pause:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.stopped.wait(), self.spec.pause)
            if self.stopped.is_set():
                over(self.state, exit)
                return exit
        self.left = 0
        return await self.once()

    def refused(self, code: int, message: str) -> Exit:
        """It is not run at all."""
        exit = Exit(code, "Error", message)
        over(self.state, exit)
        self.started.set()
        self.changed()
        return exit

    async def back_off(self, wait: float, exit: Exit) -> None:
        state = self.state
        state.last_exit, state.last_reason, state.last_message = exit.code, exit.reason, exit.message
        state.restarts += 1
        if not wait:
            return
        state.waiting = "CrashLoopBackOff"
        state.message = f"starts again {wait:.0f} s after its last end (exit code {exit.code})"
        state.exit_code, state.ready = None, False
        self.changed()
        try:
            await asyncio.wait_for(self.stopped.wait(), wait)
        except TimeoutError:
            pass
        if self.stopped.is_set():
            state.exit_code, state.waiting = exit.code, ""

    async def once(self) -> Exit:
        """One life: from start to end."""
        ended: asyncio.Future[Exit] = self.services.loop.create_future()
        self.begin(ended.set_result)
        return await ended

    def begin(self, ended: Callable[[Exit], None]) -> None:
        """Start one life; `ended` is called at its end, at once where there is nothing to start."""

        def gone(exit: Exit) -> None:
            self.end(exit, log, tail)
            ended(exit)

        again = 0 <= self.left < self.spec.retries
        log = Log(self.services.log(self), self.services.sampler.spares, on=again)
        tail = Tail(log) if self.wants_result else None
        try:
            self.start(log, tail, gone)
            self.guard()
        except StartError as error:
            gone(Exit(128, "StartError", str(error)))

    def start(self, log: Log, tail: Tail | None, gone: Callable[[Exit], None]) -> None:
        launch = self.launch = self.outfit(self)
        if launch.isolation != "container":  # whose engine makes groups of its own
            launch.cgroups = self.services.groups.make(self.spec.memory_limit, self.spec.milli_cpu)
        if launch.isolation == "container":  # whose launcher looks into it
            log.settle()
        launch.log = log.path
        launch.stderr = log.descriptor
        launch.stdout = tail.write if tail else log.descriptor
        self.console = Console(self.spec, log) if self.spec.stdin or self.spec.tty else None
        if self.console:
            self.console.dress(launch)
        try:
            self.handle = self.services.launcher(launch).start(launch, gone)
        finally:
            if tail:
                tail.started()
            if self.console:
                self.console.started()
        begun(self.state, self.handle.pid)
        self.state.sockets = self.sockets
        if not self.probed and not self.spec.post_start:
            self.state.ready = True
            self.started.set()
        self.services.sampler.add(log)
        self.changed()
        if self.stopped.is_set():
            self.handle.signal(signal.SIGTERM)

    def told(self) -> ContainerState:
        """Its state, for a report: a warm start learns of its process a moment after it has begun."""
        if self.handle is not None:
            self.state.pid = self.handle.pid
        return self.state

    @property
    def probed(self) -> bool:
        return bool(self.spec.startup or self.spec.readiness or self.spec.liveness)

    def guard(self) -> None:
        """Start what watches over this life."""
        assert self.handle is not None
        assert self.launch is not None
        if self.spec.memory_limit and not self.launch.cgroups:
            self.guards.append(Watchdog(self.handle, self.spec.memory_limit, self.memory_over).stop)
        if self.probed or self.spec.post_start:
            watching = asyncio.ensure_future(self.watch())
            self.guards.append(lambda: void(watching.cancel()))

    async def watch(self) -> None:
        """The start's hook, then the probes."""
        if self.spec.post_start and (why := await hooks.perform(self.spec.post_start, self.check)):
            self.state.message = f"PostStartHookError: {why}"
            self.probe_says(f"PostStartHook failed: {why}")
            self.interrupt(hooks.LEAST)
        elif self.probed:
            tell = (self.started.set, self.set_ready, self.unhealthy, self.probe_says)
            await Health(self.spec, self.check, *tell).watch()
        else:
            self.started.set()
            self.set_ready(True)

    def end(self, exit: Exit, log: Log, tail: Tail | None) -> None:
        for stop in self.guards:
            stop()
        self.guards.clear()
        if tail:
            self.result = tail.finish()
        if self.console:
            self.console.end()
            self.console = None
        if exit.reason == "StartError" and not exit.message:
            exit.message = start_message(log.undo())
        self.services.sampler.end(log, alone=exit.alone)
        if self.launch is not None:
            self.out_of_memory |= exit.code == 137 and self.services.groups.killed(self.launch.cgroups)
            self.services.groups.drop(self.launch.cgroups)
        if self.killer:
            self.killer.cancel()
        if self.parting is not None:
            self.parting.cancel()
            self.parting = None
        self.handle = None
        self.services.visitors.leave(self.uid, self.spec.name)
        exit.reason = exit.reason or self.reason(exit.code)
        over(self.state, exit)
        if self.left and exit.code != 0 and not self.stopped.is_set():
            self.state.exit_code, self.state.waiting = None, "Retrying"
        self.started.set()
        self.changed()

    def reason(self, code: int) -> str:
        if self.out_of_memory:
            return "OOMKilled"
        return "Completed" if code == 0 else "Error"

    def stop(self, grace: float) -> None:
        """TERM now, KILL after `grace` seconds; it is not started again."""
        self.stopped.set()
        self.leave(grace)

    def leave(self, grace: float) -> None:
        """preStop first, if there is one; asked again, it is cut short."""
        hook = self.spec.pre_stop
        if self.parting is not None:
            self.parting.cancel()
        elif hook is not None and self.handle is not None and grace > 0:
            self.parting = asyncio.ensure_future(self.part(hook, grace))
            return
        self.interrupt(grace)

    async def part(self, hook: Probe, grace: float) -> None:
        self.interrupt(await hooks.part(hook, self.check, grace))

    def interrupt(self, grace: float) -> None:
        if self.handle is None:
            return
        if grace <= 0:
            self.handle.kill()
            return
        self.handle.signal(signal.SIGTERM)
        if self.killer:
            self.killer.cancel()
        self.killer = self.services.loop.call_later(grace, self.kill)

    def kill(self) -> None:
        if self.handle is not None:
            self.handle.kill()

    def memory_over(self) -> None:
        self.out_of_memory = True

    def set_ready(self, ready: bool) -> None:
        if self.state.ready != ready:
            self.state.ready = ready
            self.changed()

    def probe_says(self, why: str) -> None:
        """What a probe that fails says; '' when all is well again."""
        if why or self.state.unhealthy:
            self.state.unhealthy = why
            self.state.failures += bool(why)
            self.changed()

    def unhealthy(self, reason: str) -> None:
        self.state.message = reason
        self.set_ready(False)
        self.changed()
        self.leave(30)

    def inside(self) -> Inside | None:
        if self.handle is None or self.launch is None:
            return None
        return Inside(self.handle, self.launch, self.console, self.state.restarts)

    async def check(self, probe: Probe) -> str:
        return await ask(probe, self.run_inside, self.connect)

    async def connect(self, probe: Probe) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """To what a probe asks: a unix socket or a port of the pod."""
        if probe.unix:
            return await asyncio.open_unix_connection(self.sockets.get(probe.unix, probe.unix))
        if self.door:
            return await door.connect(self.services.home.run, self.address, probe.port)
        return await asyncio.open_connection(self.address or "127.0.0.1", probe.port)

    async def run_inside(self, argv: list[str], timeout: float) -> bool:  # noqa: ASYNC109 - the probe's own
        if self.handle is None or self.launch is None:
            return False
        order = -1
        try:
            command = self.handle.command(argv, self.launch)
            if command.order:
                order = os.memfd_create("order")
                os.pwrite(order, command.order, 0)
            run = self.services.reaper.run(command.argv, command.env, cwd=command.cwd, third=order)
            return await asyncio.wait_for(run, timeout) == 0
        except (StartError, OSError, TimeoutError):
            return False
        finally:
            if order >= 0:
                os.close(order)


def void(_: object) -> None:
    """For a callback whose answer nobody needs."""


def begun(state: ContainerState, pid: int) -> None:
    """What a state says of a life that begins now."""
    state.started, state.finished, state.exit_code = time.time(), 0, None
    state.waiting = state.message = state.reason = ""
    state.pid = pid


def over(state: ContainerState, exit: Exit) -> None:
    """What it says of one that has ended now."""
    state.waiting = ""
    state.finished = time.time()
    state.started = state.started or state.finished
    state.exit_code, state.reason, state.message = exit.code, exit.reason, exit.message
    state.ready, state.pid = False, 0
    state.signal = exit.code - 128 if exit.code in SIGNAL_CODES else 0


def restarts(policy: str, code: int) -> bool:
    return policy == "Always" or (policy == "OnFailure" and code != 0)


def start_message(text: str) -> str:
    """What a launcher has said instead of starting the program."""
    line = next((x for x in reversed(text.splitlines()) if x.strip()), "it did not start")
    line = line.removeprefix("bwrap: ")
    if not line.startswith("execvp "):
        return line
    name, _, why = line.removeprefix("execvp ").rpartition(": ")
    return unstarted(name, "" if why == "No such file or directory" else why.lower())
