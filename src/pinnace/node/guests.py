"""The ephemeral containers of one pod: they join it while it runs, and go when it ends.

Made by `server.py` for the first that joins; most pods never have one. A guest is an ordinary container in
the pod's network, among its volumes and, if it names a target, among that container's processes. Invariant:
it changes nothing for the pod; the pod's final report is made when its last guest is gone.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from pinnace.node.container import Inside, Member
from pinnace.node.environments import Absent
from pinnace.node.launchers import Built, Launch, Launcher, StartError
from pinnace.node.outfit import Outfitter
from pinnace.node.protocol import ContainerState, Join, Run
from pinnace.node.services import Services

LOOK = 0.5
"""Seconds between two looks for a target that does not run."""
NO_TARGET = "unable to find target container {!r}"


class Guests:
    def __init__(
        self, services: Services, run: Run, launcher: Launcher, find: Callable[[str], Inside | None],
        changed: Callable[[], None],
    ) -> None:
        """`launcher`: the pod's own. `find` gives a living container of the pod by its name."""
        self.services = services
        self.run = msgspec.structs.replace(run, main="", account="", inputs=[], outputs=None, folders=[])
        self.launcher = launcher
        self.find = find
        self.changed = changed
        self.members: dict[str, Member] = {}
        self.targets: dict[str, str] = {}
        self.built: dict[str, Built] = {}
        self.launches: dict[str, Launch] = {}
        self.outfitter = Outfitter(services, self.run, self.launcher)
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.leaving = asyncio.Event()
        self.removed = False

    def join(self, join: Join) -> None:
        name = join.container.name
        if name in self.members or self.leaving.is_set():
            return
        member = self.members[name] = Member(
            self.services, self.run.uid, join.container, self.outfit, self.changed
        )
        member.address = self.run.address if self.run.network != "none" else ""
        self.targets[name] = join.target
        task = self.tasks[name] = self.services.loop.create_task(self.live(member))
        task.add_done_callback(lambda _: self.gone(name))

    @property
    def living(self) -> bool:
        return bool(self.tasks)

    def gone(self, name: str) -> None:
        self.tasks.pop(name, None)
        self.changed()

    def states(self) -> list[ContainerState]:
        return [member.state for member in self.members.values()]

    def inside(self, container: str) -> Inside | None:
        member = self.members.get(container)
        return member.inside() if member is not None else None

    def stop(self, grace: float) -> None:
        self.leaving.set()
        for member in self.members.values():
            member.stop(grace)

    def remove(self) -> None:
        """When none lives."""
        if not self.removed:
            self.removed = True
            self.outfitter.remove()

    async def live(self, member: Member) -> None:
        state = member.state
        try:
            if await self.prepared(member) and await self.connected() and await self.target(member):
                await member.live()
                return
            state.exit_code, state.reason = 137, "ContainerStatusUnknown"
            state.message = "its pod ended before it could start"
            state.waiting = ""
        except StartError as error:
            state.waiting, state.exit_code, state.reason = "", 128, "StartError"
            state.message = str(error)
        except Exception as error:
            traceback.print_exception(error)
            state.waiting, state.exit_code, state.reason = "", 128, "NodeError"
            state.message = f"the node could not run this container: {type(error).__name__}: {error}"

    async def prepared(self, member: Member) -> bool:
        """Have its image's environment; False if the pod ended meanwhile."""
        image, environments = member.spec.image, self.services.environments
        while not self.leaving.is_set():
            ready = self.built.get(image) or environments.ready(image, self.launcher.name)
            if ready is not None:
                self.built[image] = ready
                return True
            try:
                self.say(member, "PreparingEnvironment", f"preparing the environment for {image}")
                await self.unless_leaving(environments.build(image, self.launcher.name))
            except Absent as error:
                self.say(member, error.reason, str(error))
                await self.unless_leaving(environments.changed())
        return False

    async def unless_leaving(self, work: Coroutine[Any, Any, Any]) -> None:
        waiting, working = asyncio.ensure_future(self.leaving.wait()), asyncio.ensure_future(work)
        try:
            await asyncio.wait({waiting, working}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            waiting.cancel()
            working.cancel()

    async def connected(self) -> bool:
        """Wait for the pod's own network, if it is to have one; False if the pod ended meanwhile."""
        attached = self.services.cluster.attached
        while self.run.network == "own" and self.run.address not in attached and not self.leaving.is_set():
            await self.unless_leaving(asyncio.sleep(LOOK))
        return not self.leaving.is_set()

    async def target(self, member: Member) -> bool:
        """Wait until the container that it looks at runs; False if the pod ended meanwhile."""
        wanted = self.targets[member.spec.name]
        while wanted and self.find(wanted) is None and not self.leaving.is_set():
            self.say(member, "CreateContainerConfigError", NO_TARGET.format(wanted))
            await self.unless_leaving(asyncio.sleep(LOOK))
        return not self.leaving.is_set()

    def say(self, member: Member, reason: str, message: str) -> None:
        if (member.state.waiting, member.state.message) != (reason, message):
            member.state.waiting, member.state.message = reason, message
            self.changed()

    def outfit(self, member: Member) -> Launch:
        name = member.spec.name
        if self.run.network == "own":
            self.outfitter.entrance = self.services.cluster.entered(self.run.address)
        if name not in self.launches:
            built = self.built[member.spec.image]
            self.launches[name] = self.outfitter.outfit(member.spec, built, main=False)
        launch = self.launches[name]
        wanted = self.targets[name]
        inside = self.find(wanted) if wanted else None
        if inside is not None:
            launch.beside = inside.handle
            launch.executor = inside.launch.executor
        elif wanted:
            raise StartError(NO_TARGET.format(wanted))
        return launch
