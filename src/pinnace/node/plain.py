"""The plain pod: one container that runs once, and nothing of it to stage, mount, probe, limit or collect.

Most steps of a workflow are such pods, and what a general `Pod` spends on them (a member, an outfitter and a
rewriter each) is more than their process. So they are one flat record, and what pods of one shape have in
common is worked out once, as a `Plan`. The server asks `Plans.find` and makes a `Pod` where there is none;
both look the same to it. Invariant: whatever a plan has not foreseen is no plain pod.
"""

from __future__ import annotations

import asyncio
import re
import signal
import traceback
from collections.abc import Callable
from operator import attrgetter

import msgspec

from pinnace.node import tracking
from pinnace.node.container import Inside, begun, over, start_message
from pinnace.node.launchers import Bind, Built, Exit, Handle, Launch, Launcher, StartError
from pinnace.node.logs import Log
from pinnace.node.outfit import ALWAYS, PYTHON, arguments, environment, mentioned, moved_by, start_folder
from pinnace.node.paths import plain
from pinnace.node.protocol import ACCOUNT, Collected, Container, ContainerState, Kill, Outputs, PodReport, Run
from pinnace.node.roots import Root, Roots
from pinnace.node.services import Services

KEPT_PLANS = 500


class Plan(msgspec.Struct, frozen=True, eq=False):
    launcher: Launcher
    built: Built
    pool: Roots
    argv: list[str]
    cwd: str
    moved: re.Pattern[str] | None
    """Paths that this launcher would have to move in a text."""
    log: str


class Plans:
    """The plans of all shapes seen lately."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.known: dict[tuple[object, ...], Plan | None] = {}

    def find(self, run: Run) -> Plan | None:
        """None: this is no plain pod."""
        if not simple(run):
            return None
        spec = run.containers[0]
        launcher = self.services.launchers.get(self.services.named(run.isolation))
        if launcher is None:
            return None
        built = self.services.environments.ready(spec.image, launcher.name)
        if built is None:
            return None
        key = (launcher.name, id(built), *spec.command, "\0", *spec.args, "\0", spec.cwd, spec.name)
        plan = self.known.get(key)
        if plan is None or plan.built is not built:
            if len(self.known) >= KEPT_PLANS:
                self.known.clear()
            plan = self.known[key] = self.make(spec, launcher, built)
        if plan is None or (plan.moved and plan.moved.search("\n".join(spec.env.values()))):
            return None
        return plan

    def make(self, spec: Container, launcher: Launcher, built: Built) -> Plan | None:
        if built.root or launcher.name == "container":
            return None
        try:
            argv = arguments(spec, built)
        except StartError:
            return None
        cwd = plain(spec.cwd or built.workdir or "/")
        moved = None if launcher.private_root else mentioned(built)
        if moved and any(map(moved.search, (*argv, cwd))):
            return None
        pool = self.services.roots.holding(built.binds) if launcher.private_root else self.services.bare
        return Plan(launcher, built, pool, argv, cwd, moved, self.services.log_name(spec.name, 0))


SAID = {"name", "image", "command", "args", "env", "cwd", "uid"}
"""Fields of a container that a plain one may set: its plan or launch has them."""
SAID_OF_RUN = {
    *("uid", "namespace", "name", "containers", "main", "outputs", "grace", "isolation", "network"),
    *("address", "hostname", "account"),
}
unsaid = attrgetter(*(name for name in Container.__struct_fields__ if name not in SAID))
unsaid_of_run = attrgetter(*(name for name in Run.__struct_fields__ if name not in SAID_OF_RUN))
NOTHING = unsaid(Container("", ""))
NOTHING_OF_RUN = unsaid_of_run(Run("", "", "", []))
NO_OUTPUTS = (None, Outputs())


def simple(run: Run) -> bool:
    """Whether all that a plan does not know of is left unsaid, fields to come included."""
    if len(run.containers) != 1 or unsaid_of_run(run) != NOTHING_OF_RUN:
        return False
    if unsaid(run.containers[0]) != NOTHING:
        return False
    return run.network != "own" and run.main in ("", run.containers[0].name) and run.outputs in NO_OUTPUTS


class Plain:
    """To the server what a `Pod` is."""

    __slots__ = (
        *("services", "run", "plan", "changed", "phase", "reason", "message", "stopping", "grace", "state"),
        *("root", "log", "handle", "killer", "ended"),
    )

    def __init__(self, services: Services, run: Run, plan: Plan, changed: Callable[[Plain], None]) -> None:
        self.services = services
        self.run = run
        self.plan = plan
        self.changed = changed
        self.phase = "Pending"
        self.reason = self.message = ""
        self.stopping = False
        self.grace = run.grace
        name = run.containers[0].name
        self.state = ContainerState(name, waiting="ContainerCreating", image_id=plan.built.identity)
        self.root: Root | None = None
        self.log: Log | None = None
        self.handle: Handle | None = None
        self.killer: asyncio.TimerHandle | None = None
        self.ended: asyncio.Future[None] | None = None

    @property
    def final(self) -> bool:
        return self.phase in ("Succeeded", "Failed")

    def begin(self) -> None:
        self.phase = "Running"
        try:
            self.start()
        except StartError as error:
            self.over(Exit(128, "StartError", str(error)))
        except Exception as error:
            traceback.print_exception(error)
            self.fail("NodeError", f"the node could not run this pod: {type(error).__name__}: {error}")
            self.finish()

    def start(self) -> None:
        root = self.root = self.plan.pool.take()
        if not self.run.account:
            root.pool.anonymous(root)
        sampler = self.services.sampler
        log = self.log = Log(f"{self.services.pods}/{self.run.uid}/{self.plan.log}", sampler.spares)
        self.handle = self.plan.launcher.start(self.launch(root.path, log), self.over)
        begun(self.state, self.handle.pid)
        self.state.ready = True
        sampler.add(log)
        self.changed(self)

    def launch(self, root: str, log: Log) -> Launch:
        run, plan = self.run, self.plan
        spec = run.containers[0]
        env = environment(run, plan.built, root, plan.launcher)
        if PYTHON in plan.built.env:
            env |= tracking.variables(run.uid, spec.env, self.services.home.token)
        env.update(spec.env)
        return Launch(
            uid=run.uid,
            container=spec.name,
            isolation=plan.launcher.name,
            argv=plan.argv,
            env=env,
            cwd=plan.cwd if plan.launcher.private_root else start_folder(plan.cwd, root),
            built=plan.built,
            root=root,
            folder=self.services.folder(run.uid),
            binds=[Bind(run.account, ACCOUNT, True)] if run.account and plan.launcher.private_root else [],
            hostname=run.hostname or run.name,
            user=spec.uid,
            executor=bool(run.main),
            stdout=log.descriptor,
            stderr=log.descriptor,
            log=log.path,
            fresh=True,
        )

    def inside(self, container: str) -> Inside | None:
        """For who wants to enter it."""
        if self.handle is None or self.root is None or self.log is None or container != self.state.name:
            return None
        launch = self.launch(self.root.path, self.log)
        if not self.plan.launcher.private_root:
            moved = self.plan.launcher.rewriter(self.root.path, list(ALWAYS), moved_by(self.plan.built))
            launch.rewriter = moved
        return Inside(self.handle, launch)

    def over(self, exit: Exit) -> None:
        """The container's end, which is the pod's."""
        if self.log is not None:
            if exit.reason == "StartError" and not exit.message:
                exit.message = start_message(self.log.undo())
            self.services.sampler.end(self.log, alone=exit.alone)
            self.log = None
        self.handle = None
        self.services.visitors.leave(self.run.uid, self.state.name)
        exit.reason = exit.reason or ("Completed" if exit.code == 0 else "Error")
        over(self.state, exit)
        self.phase = "Succeeded" if exit.code == 0 and not self.reason else "Failed"
        self.finish()

    def finish(self) -> None:
        if self.killer is not None:
            self.killer.cancel()
        if self.log is not None:
            self.services.sampler.end(self.log)
            self.log = None
        if self.root is not None:
            self.root.pool.give(self.root)
            self.root = None
        if not self.final:
            self.fail("NodeError", "the pod ended without a verdict")
        self.changed(self)
        if self.ended is not None and not self.ended.done():
            self.ended.set_result(None)

    def fail(self, reason: str, message: str) -> None:
        self.phase = "Failed"
        self.reason = self.reason or reason
        self.message = self.message or message

    def report(self) -> PodReport:
        done = self.state.exit_code is not None and self.run.outputs is not None
        if self.handle is not None:
            self.state.pid = self.handle.pid  # a warm start learns of it a moment later
        return PodReport(
            uid=self.run.uid,
            phase=self.phase,
            containers=[self.state],
            reason=self.reason,
            message=self.message,
            outputs=Collected() if done else None,
            isolation="" if self.phase == "Pending" else self.plan.launcher.name,
            address=self.run.address,
        )

    def kill(self, kill: Kill) -> None:
        if not self.final:
            self.stop(kill.reason, kill.message, kill.grace)

    def stop(self, reason: str, message: str, grace: float) -> None:
        """TERM, and KILL after `grace`; the first reason stands, a shorter grace replaces a longer one."""
        if not self.stopping:
            self.reason, self.message = reason, message
        self.grace = min(grace, self.grace) if self.stopping else grace
        self.stopping = True
        if self.handle is None:
            return
        if self.grace <= 0:
            self.handle.kill()
            return
        self.handle.signal(signal.SIGTERM)
        if self.killer is not None:
            self.killer.cancel()
        self.killer = self.services.loop.call_later(self.grace, self.kill_now)

    def kill_now(self) -> None:
        if self.handle is not None:
            self.handle.kill()

    def end(self) -> asyncio.Future[None]:
        """Done once the final report is made."""
        self.ended = self.ended or self.services.loop.create_future()
        return self.ended
