"""Container isolation: podman or docker runs the image itself. For a pod or a user that asks for it.

The engine's client is our child and its output is the log. Its containers outlive the client, so they carry a
label with the home's digest: the next life of the node removes what it finds under it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from pathlib import Path

from pinnace.node.launchers import Command, Ended, Exit, Handle, Launch, StartError, Terms
from pinnace.node.reaper import Reaper, exit_code
from pinnace.node.rewriting import Rewriter
from pinnace.node.streams import on_terminal

LABEL = "pinnace.home"
NOT_STARTED = (125, 126, 127)
MOST = 4096
KILLED = 137
CLIENT_ENV = (
    "HOME",
    "PATH",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "DOCKER_HOST",
    "CONTAINER_HOST",
)


class ContainerHandle:
    __slots__ = ("launcher", "name", "pid", "stopped")

    def __init__(self, launcher: ContainerLauncher, name: str) -> None:
        self.launcher = launcher
        self.name = name
        self.pid = 0
        self.stopped = False

    def signal(self, number: int) -> None:
        self.stopped = True
        self.launcher.order("kill", "--signal", signal.Signals(number).name, self.name)

    def kill(self) -> None:
        self.stopped = True
        self.launcher.order("kill", "--signal", "SIGKILL", self.name)

    def members(self) -> list[int]:
        return []

    def command(self, argv: list[str], launch: Launch, terms: Terms | None = None) -> Command:
        words: list[str] = []
        if terms is not None and terms.stdin:
            words.append("--interactive")
        if terms is not None and terms.terminal:
            words.append("--tty")
        return Command([self.launcher.program, "exec", *words, self.name, *argv], client_environment())


class ContainerLauncher:
    name = "container"
    private_root = True

    def __init__(self, reaper: Reaper, program: str, label: str, marker: Path) -> None:
        """`marker` is a file that says that there may be containers of ours."""
        self.reaper = reaper
        self.program = program
        self.options = engine_options(program)
        self.label = f"{LABEL}={label}"
        self.marker = marker
        self.lives = 0
        self.tasks: set[asyncio.Task[None]] = set()

    def start(self, launch: Launch, ended: Ended) -> Handle:
        self.lives += 1
        self.marker.touch()
        handle = ContainerHandle(self, f"pinnace-{launch.uid}-{launch.container}-{self.lives}")

        def over(status: int) -> None:
            task = self.reaper.loop.create_task(self.finish(handle, launch, exit_code(status), ended))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

        env = {**launch.env, **client_environment()}
        argv = self.argv(launch, handle.name)
        try:
            handle.pid = self.reaper.spawn(
                on_terminal(argv, self.program) if launch.tty else argv,
                env,
                over,
                stdin=launch.stdin,
                stdout=launch.stdout,
                stderr=launch.stderr,
            )
        except OSError as error:
            raise StartError(f"{self.program}: {error.strerror}") from None
        return handle

    async def finish(self, handle: ContainerHandle, launch: Launch, code: int, ended: Ended) -> None:
        """Take the outputs out of the stopped container, then remove it."""
        exit = Exit(code)
        if code in NOT_STARTED and not handle.stopped and said_by_engine(launch.log):
            exit = Exit(128, "StartError")
        elif code == KILLED and await self.out_of_memory(handle.name):
            exit.reason = "OOMKilled"
        for path in launch.outputs:
            target = launch.root + path
            os.makedirs(os.path.dirname(target), exist_ok=True)
            await self.engine("cp", f"{handle.name}:{path}", target)
        await self.engine("rm", "--force", handle.name)
        ended(exit)

    async def out_of_memory(self, name: str) -> bool:
        answer = os.memfd_create("answer")
        try:
            await self.engine("inspect", "--format", "{{.State.OOMKilled}}", name, output=answer)
            return os.pread(answer, 64, 0).strip() == b"true"
        finally:
            os.close(answer)

    async def engine(self, *words: str, output: int = -1) -> int:
        return await self.reaper.run([self.program, *words], client_environment(), output=output)

    def argv(self, launch: Launch, name: str) -> list[str]:
        argv = [self.program, "run", "--name", name, "--label", self.label, "--pull", "never", *self.options]
        argv += ["--hostname", launch.hostname[:63] or "pod"]
        argv += ["--security-opt", "no-new-privileges", "--network", "host"]
        if isinstance(launch.beside, ContainerHandle):
            argv += ["--pid", f"container:{launch.beside.name}"]
        if launch.stdin >= 0:
            argv.append("--interactive")
        if launch.tty:
            argv.append("--tty")
        for bind in launch.binds:
            argv += ["--volume", f"{bind.source}:{bind.path}{':ro' if bind.read_only else ''}"]
        for variable, value in launch.env.items():
            argv += ["--env", variable if variable not in CLIENT_ENV else f"{variable}={value}"]
        if launch.memory_limit and not launch.cgroups:
            argv += ["--memory", str(launch.memory_limit)]
        if launch.user:
            argv += ["--user", str(launch.user)]
        if launch.cwd not in ("", "/"):
            argv += ["--workdir", launch.cwd]
        if launch.read_only_root:
            argv.append("--read-only")
        return [*argv, *self.program_of(launch)]

    def program_of(self, launch: Launch) -> list[str]:
        """A command replaces the image's entrypoint; args alone follow it."""
        if launch.command:
            return ["--entrypoint", launch.command[0], launch.built.image, *launch.command[1:], *launch.args]
        return [launch.built.image, *launch.args]

    def order(self, *words: str) -> None:
        """Tell the engine, without waiting."""

        def told(status: int) -> None:
            """The container's own end tells whether it worked."""

        try:
            self.reaper.spawn([self.program, *words], client_environment(), told)
        except OSError:
            pass

    def rewriter(self, root: str, declared: list[str], elsewhere: dict[str, str]) -> Rewriter:
        return Rewriter("", [])

    def sweep(self) -> None:
        if not self.marker.exists():
            return
        listing = [self.program, "ps", "--all", "--quiet", "--filter", f"label={self.label}"]
        found = quiet(listing).split()
        if found:
            quiet([self.program, "rm", "--force", *found])
        self.marker.unlink()


def said_by_engine(log: str) -> bool:
    """Whether the last line is the engine's own: the program itself may end with the same code."""
    try:
        lines = Path(log).read_text(errors="replace").splitlines()
    except OSError:
        return True
    return bool(lines) and lines[-1].startswith(("Error: ", "docker: ", "Error response"))


def client_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in CLIENT_ENV if name in os.environ}


def quiet(argv: list[str]) -> str:
    """At the node's start only, before any pod runs."""
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def engine_options(program: str) -> list[str]:
    """No limit above our own hard one: an engine without CAP_SYS_RESOURCE could not set it. And runc where
    podman's first choice, crun, is not installed."""
    import resource

    options: list[str] = []
    if program.endswith("podman") and not shutil.which("crun") and shutil.which("runc"):
        options += ["--runtime", "runc"]
    for name, kind in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC)):
        hard = resource.getrlimit(kind)[1]
        limit = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
        options += ["--ulimit", f"{name}={limit}:{limit}"]
    return options
