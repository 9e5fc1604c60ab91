"""One pod's life: prepare, init containers, sidecars, containers, stop, collect, final report.

The server makes one for each `Run` that it does not know. It decides nothing that control could: no retry of
a pod, no scheduling. `changed(pod)` is called whenever its report is news. Most pods are one container and
wait for nothing but its end: they live by callbacks, the others in a task.
"""

from __future__ import annotations

import asyncio
import re
import time
import traceback
from collections.abc import Callable, Mapping

from pinnace.node import transfers
from pinnace.node.collection import Place, collect, parameter
from pinnace.node.container import Inside, Member
from pinnace.node.environments import Absent
from pinnace.node.launchers import Built, Exit, Launch, Launcher, StartError
from pinnace.node.outfit import Outfitter
from pinnace.node.protocol import (
    ARTIFACT_ERROR,
    PROGRESS_FILE,
    Collected,
    Container,
    ContainerState,
    Kill,
    Output,
    PodReport,
    Run,
)
from pinnace.node.services import Services
from pinnace.node.storage import EVICTED, Storage, of_container, of_pod, of_volume

GLANCE = 10.0
"""Seconds after which the wall's clock is looked at again for a deadline."""
DEADLINE = "the pod was active for longer than its deadline (activeDeadlineSeconds)"
STOPPED_BY_US = (0, 137, 143)
PROGRESS_TICK = 1.0
PROGRESS = re.compile(r"\d{1,18}/\d{1,18}")
NOT_RUN = 64
"""The exit code of a container that was not run, as upstream's executor has it."""
EVICTION_GRACE = 1.0


class Pod:
    def __init__(self, services: Services, run: Run, changed: Callable[[Pod], None]) -> None:
        self.services = services
        self.run = run
        self.changed = changed
        self.phase = "Pending"
        self.reason = ""
        self.message = ""
        self.isolation = ""
        self.collected: Collected | None = None
        self.progress = ""
        self.stop_asked = asyncio.Event()
        self.stopping = False
        self.grace = run.grace
        self.outfitter: Outfitter | None = None
        self.built: dict[str, Built] = {}
        self.launches: dict[str, Launch] = {}
        self.init = [self.member(c, init=True) for c in run.init]
        self.mains = [self.member(c) for c in run.containers]
        self.deadline: asyncio.TimerHandle | None = None
        self.storage: Storage | None = None
        self.task: asyncio.Task[None] | None = None
        self.ended: asyncio.Future[None] | None = None

    def member(self, spec: Container, *, init: bool = False) -> Member:
        member = Member(self.services, self.run.uid, spec, self.outfit, self.news, init=init)
        member.address = self.run.address if self.run.network != "none" else ""
        member.door = self.run.network == "own"
        outputs = self.run.outputs
        wanted = outputs is not None and outputs.result
        member.wants_result = wanted and not init and spec.name == self.main_name
        return member

    @property
    def main_name(self) -> str:
        return self.run.main or self.run.giver or self.run.containers[0].name

    @property
    def final(self) -> bool:
        return self.phase in ("Succeeded", "Failed")

    def news(self) -> None:
        """Not when only the verdict is missing: it follows at once."""
        if self.final or self.run.outputs is not None or any(m.state.exit_code is None for m in self.mains):
            self.changed(self)

    def begin(self) -> None:
        if self.run.deadline is not None:
            self.await_deadline(self.run.deadline)
        launcher = self.straight()
        if launcher is not None:
            self.go_straight(launcher)
        else:
            self.task = self.services.loop.create_task(self.live())

    def straight(self) -> Launcher | None:
        """The launcher of a pod that needs no task; None where something has to be waited for."""
        run = self.run
        if run.init or len(self.mains) != 1 or run.network == "own" or run.progress:
            return None
        if run.inputs and any(given.remote for given in run.inputs):
            return None
        member = self.mains[0]
        launcher = self.services.launchers.get(self.services.named(run.isolation))
        if launcher is None or member.spec.restart != "Never" or member.probed or member.spec.retries:
            return None
        ready = self.services.environments.ready(member.spec.image, launcher.name)
        if ready is None:
            return None
        self.built[member.spec.image] = ready
        return launcher

    def go_straight(self, launcher: Launcher) -> None:
        self.isolation = launcher.name
        self.outfitter = Outfitter(self.services, self.run, launcher)
        self.phase = "Running"
        try:
            self.mains[0].begin(self.over)
        except Exception as error:
            self.broken(error)
            self.finish()

    def over(self, _exit: Exit) -> None:
        """The only container of a straight pod is gone."""
        if self.run.outputs is not None and self.main_name in self.launches:
            self.task = self.services.loop.create_task(self.close())
            return
        self.judge()
        self.finish()

    async def close(self) -> None:
        try:
            await self.conclude()
        except Exception as error:
            self.broken(error)
        finally:
            self.finish()

    def report(self) -> PodReport:
        states: list[ContainerState] = [m.told() for m in (*self.init, *self.mains)]
        return PodReport(
            uid=self.run.uid,
            phase=self.phase,
            containers=states,
            reason=self.reason,
            message=self.message,
            outputs=self.collected,
            progress=self.progress,
            isolation=self.isolation,
            address=self.run.address,
        )

    async def live(self) -> None:
        """From the Run to the final report; whatever goes wrong ends in one."""
        try:
            await self.work()
        except transfers.NotFetched as error:
            self.fail(ARTIFACT_ERROR, str(error))
        except StartError as error:
            self.fail("StartError", str(error))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.broken(error)
        finally:
            self.finish()

    def broken(self, error: Exception) -> None:
        traceback.print_exception(error)
        self.fail("NodeError", f"the node could not run this pod: {type(error).__name__}: {error}")

    async def work(self) -> None:
        launcher = self.services.choose(self.run.isolation)
        self.isolation = launcher.name
        if not await self.prepare(launcher):
            return
        if any(given.remote for given in self.run.inputs):
            self.run = await self.fetch()
            if self.stopping:
                self.phase = "Failed"
                return
        self.outfitter = Outfitter(self.services, self.run, launcher)
        if self.run.network == "own":
            await self.attach(launcher, self.outfitter)
        sidecars: list[tuple[Member, asyncio.Future[Exit]]] = []
        try:
            if await self.run_init(sidecars):
                watching = asyncio.ensure_future(self.watch_progress()) if self.run.progress else None
                try:
                    await self.run_mains()
                finally:
                    if watching is not None:
                        watching.cancel()
        finally:
            await self.end_sidecars(sidecars)
        await self.conclude()

    async def fetch(self) -> Run:
        """The run with its inputs from elsewhere in `data/`. NotFetched: one cannot be had."""
        fetching = asyncio.ensure_future(transfers.fetched(self.services, self.run))
        stopping = asyncio.ensure_future(self.stop_asked.wait())
        await asyncio.wait({fetching, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not fetching.done():
            fetching.cancel()
            return self.run
        return fetching.result()

    async def attach(self, launcher: Launcher, outfitter: Outfitter) -> None:
        """StartError: it can have no network of its own."""
        if launcher.name != "sandbox":
            raise StartError(f"isolation {launcher.name} has no networks of its own for pods")
        outfitter.entrance = await self.services.cluster.attach(self.run.address, self.run.ports)

    async def prepare(self, launcher: Launcher) -> bool:
        """Have every image's environment; False if the pod was stopped while waiting for one."""
        for member in (*self.init, *self.mains):
            image = member.spec.image
            while image not in self.built:
                ready = self.services.environments.ready(image, launcher.name)
                if ready is None:
                    ready = await self.wait_for(member, image, launcher.name)
                if ready is not None:
                    self.built[image] = ready
                elif self.stopping:
                    self.phase = "Failed"
                    return False
        return True

    async def wait_for(self, member: Member, image: str, isolation: str) -> Built | None:
        """Build, or say why not and wait until the rules change. None: look again, or stop."""
        waiting = asyncio.ensure_future(self.stop_asked.wait())
        environments = self.services.environments
        try:
            self.say_waiting(member, "PreparingEnvironment", f"preparing the environment for {image}")
            building = asyncio.ensure_future(environments.build(image, isolation))
            await asyncio.wait({building, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if building.done():
                return building.result()
            building.cancel()
        except Absent as error:
            self.say_waiting(member, error.reason, str(error))
            changed = asyncio.ensure_future(environments.changed())
            await asyncio.wait({changed, waiting}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
        finally:
            waiting.cancel()
        return None

    def say_waiting(self, member: Member, reason: str, message: str) -> None:
        for other in (*self.init, *self.mains):
            if other is member or other.spec.image == member.spec.image:
                other.state.waiting, other.state.message = reason, message
        self.news()

    def outfit(self, member: Member) -> Launch:
        """The launch of one life; worked out once a container."""
        name = member.spec.name
        if name not in self.launches:
            assert self.outfitter is not None
            main = not member.state.init and name == self.main_name
            built = self.built[member.spec.image]
            member.state.image_id = built.identity
            launch = self.outfitter.outfit(member.spec, built, main=main)
            member.sockets = self.outfitter.socket_paths(member.spec) if member.spec.unix_sockets else {}
            self.launches[name] = launch
            self.limit_storage(member.spec, launch)
        return self.launches[name]

    def limit_storage(self, spec: Container, launch: Launch) -> None:
        """What is limited is looked at from now on; where nothing is, nobody looks."""
        limited = [mount for mount in spec.mounts if mount.size_limit]
        if not limited and not spec.storage_limit:
            return
        assert self.outfitter is not None
        storage = self.storage = self.storage or Storage(self.services, self.evict)
        for mount in limited:
            storage.add(of_volume(mount.volume, str(self.outfitter.volumes.own(mount)), mount.size_limit))
        if spec.storage_limit:
            most = max((c.storage_limit for c in self.run.init), default=0)
            total = max(sum(c.storage_limit for c in self.run.containers), most)
            storage.add(of_container(launch, spec.storage_limit))
            storage.add(of_pod(self.services.folder(self.run.uid), self.launches.values(), total))

    def evict(self, message: str) -> None:
        self.stop(EVICTED, message, min(self.run.grace, EVICTION_GRACE))

    async def run_init(self, sidecars: list[tuple[Member, asyncio.Future[Exit]]]) -> bool:
        """Init containers in order; those with restart Always stay. False: the pod has failed or stops."""
        for member in self.init:
            if self.stopping:
                return False
            life = asyncio.ensure_future(member.live())
            if member.spec.restart == "Always":
                sidecars.append((member, life))
                await member.started.wait()
                continue
            exit = await life
            if exit.code != 0:
                self.fail("", f"init container {member.spec.name!r}: {exit.reason} (exit code {exit.code})")
                return False
        return not self.stopping

    async def run_mains(self) -> None:
        self.phase = "Running"
        if len(self.mains) == 1:
            await self.mains[0].live()
            return
        lives = {}
        turns: dict[str, asyncio.Future[Exit]] = {}
        for member in self.mains:
            life = turns[member.spec.name] = asyncio.ensure_future(in_turn(member, turns))
            lives[life] = member
        pending = set(lives)
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            if self.run.main and any(lives[d].spec.name == self.run.main for d in done):
                for life in pending:
                    lives[life].stop(self.grace)
        for life in lives:
            life.result()

    async def end_sidecars(self, sidecars: list[tuple[Member, asyncio.Future[Exit]]]) -> None:
        for member, life in reversed(sidecars):
            member.stop(self.grace)
            await life

    async def conclude(self) -> None:
        """Outputs, then the phase: only now is the pod's last process gone."""
        if self.run.progress:
            self.read_progress()
        if self.run.outputs is not None and self.main_name in self.launches:
            await self.take_outputs()
        self.judge()

    async def watch_progress(self) -> None:
        """Whatever the step says while it runs is news."""
        while True:
            await asyncio.sleep(PROGRESS_TICK)
            before = self.progress
            self.read_progress()
            if self.progress != before:
                self.changed(self)

    def read_progress(self) -> None:
        launch = self.launches.get(self.main_name)
        if launch is None:
            return
        wanted = Output("progress", PROGRESS_FILE, optional=True)
        text = parameter(wanted, Place(launch.root, launch.binds, launch.built.root), [])
        if text is not None and PROGRESS.fullmatch(text.strip()):
            self.progress = text.strip()

    def judge(self) -> None:
        if self.phase != "Failed":
            self.phase = "Succeeded" if self.succeeded() else "Failed"

    async def take_outputs(self) -> None:
        outputs = self.run.outputs
        assert outputs is not None
        main = next(m for m in self.mains if m.spec.name == self.main_name)
        launch = self.launches[self.main_name]
        if not outputs.parameters and not outputs.artifacts and not outputs.logs:
            self.collected = Collected(result=main.result)
            return
        place = Place(launch.root, launch.binds, launch.built.root)
        if not outputs.artifacts and not outputs.logs:
            self.collected = collect(self.services.blobs, outputs, place, main.result)
            return
        log = self.services.log(main) if outputs.logs else ""
        self.collected = await self.services.loop.run_in_executor(
            self.services.worker, collect, self.services.blobs, outputs, place, main.result, log
        )
        if outputs.logs_to is not None or any(output.remote for output in outputs.artifacts):
            await transfers.sent(self.services, self.run, self.collected)

    def succeeded(self) -> bool:
        if self.reason:
            return False
        if not self.run.main:
            return all(m.state.exit_code == 0 for m in self.mains)
        others = all(m.state.exit_code in STOPPED_BY_US for m in self.mains if m.spec.name != self.run.main)
        return others and any(m.state.exit_code == 0 for m in self.mains if m.spec.name == self.run.main)

    def inside(self, container: str) -> Inside | None:
        """For who wants to enter it."""
        member = next((each for each in (*self.mains, *self.init) if each.spec.name == container), None)
        return member.inside() if member is not None else None

    def kill(self, kill: Kill) -> None:
        if not self.final:
            self.stop(kill.reason, kill.message, kill.grace)

    def await_deadline(self, at: float) -> None:
        """By the clock on the wall, which goes on while a machine sleeps."""
        wait = min(max(at - time.time(), 0), GLANCE)
        self.deadline = self.services.loop.call_later(wait, self.at_deadline, at)

    def at_deadline(self, at: float) -> None:
        if time.time() < at:
            self.await_deadline(at)
        else:
            self.expire()

    def expire(self) -> None:
        self.stop("DeadlineExceeded", DEADLINE, self.run.grace)

    def stop(self, reason: str, message: str, grace: float) -> None:
        """End all containers; the first reason stands, a shorter grace replaces a longer one."""
        if not self.stopping:
            self.reason, self.message = reason, message
        self.stopping = True
        self.grace = min(grace, self.grace) if self.stop_asked.is_set() else grace
        self.stop_asked.set()
        for member in (*self.init, *self.mains):
            member.stop(self.grace)

    def fail(self, reason: str, message: str) -> None:
        self.phase = "Failed"
        self.reason = self.reason or reason
        self.message = self.message or message

    def finish(self) -> None:
        if self.deadline:
            self.deadline.cancel()
        if self.storage:
            self.storage.stop()
        if self.outfitter:
            self.outfitter.remove()
            self.outfitter = None
        if self.run.network == "own":
            self.services.cluster.detach(self.run.address)
        if not self.final:
            self.fail("NodeError", "the pod ended without a verdict")
        self.news()
        if self.ended is not None and not self.ended.done():
            self.ended.set_result(None)

    def end(self) -> asyncio.Future[None]:
        """Done once the final report is made."""
        self.ended = self.ended or self.services.loop.create_future()
        return self.ended


async def in_turn(member: Member, turns: Mapping[str, asyncio.Future[Exit]]) -> Exit:
    """Its life, once those that it comes after have succeeded."""
    for name in member.spec.after:
        before = await asyncio.shield(turns[name])
        if before.code != 0:
            return member.refused(NOT_RUN, f"dependency {name!r} exited with non-zero code: {before.code}")
    if member.spec.after and member.stopped.is_set():
        return member.refused(STOPPED_BY_US[-1], "")
    return await member.live()
