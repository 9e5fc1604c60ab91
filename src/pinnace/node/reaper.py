"""Starts processes and collects their ends: one SIGCHLD handler for all, no thread and no pipe a process.

Everything that the node starts goes through here, so `waitpid(-1)` may also take the orphans that a
subreaper inherits. Where there is vfork, the start is that of `subprocess` without a pipe a call: little more
than half the time of a `posix_spawn`. That one has no working folder of its own either: the node uses only
absolute paths, and therefore may simply change its own folder before each start.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import signal
import sys
from _posixsubprocess import fork_exec
from collections.abc import Callable, Mapping

PR_SET_CHILD_SUBREAPER = 36
VFORK = sys.platform == "linux" and (3, 11) <= sys.version_info < (3, 14)
RESTORED = [signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD]


class Reaper:
    """Use from one event loop, in the main thread."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.null = os.open(os.devnull, os.O_RDWR)
        self.failures = os.memfd_create("failures") if VFORK else -1
        self.failing = os.dup(self.failures) if VFORK else -1
        self.waiting: dict[int, Callable[[int], None]] = {}
        become_subreaper()
        inherit_nothing()
        self.loop.add_signal_handler(signal.SIGCHLD, self.collect)

    def close(self) -> None:
        self.loop.remove_signal_handler(signal.SIGCHLD)
        for descriptor in (self.null, self.failures, self.failing):
            if descriptor >= 0:
                os.close(descriptor)

    def spawn(
        self,
        argv: list[str],
        env: Mapping[str, str] | list[bytes],
        ended: Callable[[int], None],
        *,
        program: str = "",
        cwd: str = "/",
        stdin: int = -1,
        stdout: int = -1,
        stderr: int = -1,
        third: int = -1,
        kept: int = -1,
    ) -> int:
        """Start `argv` in a session of its own; `ended(wait status)` is called on the loop. OSError: it could
        not be executed. `third` becomes its descriptor 3, `kept` keeps its number; a missing stream is
        /dev/null. `env`: a mapping, or what `words` has made of one."""
        program = program or argv[0]
        stdin, stdout, stderr = (self.null if fd < 0 else fd for fd in (stdin, stdout, stderr))
        if VFORK and third < 0:
            env = env if isinstance(env, list) else words(env)
            pid = self.vfork(program, argv, env, cwd, (stdin, stdout, stderr), (kept,) if kept >= 0 else ())
        else:
            pid = posix_spawn(program, argv, env, cwd, (stdin, stdout, stderr, third), kept)
        self.waiting[pid] = ended
        return pid

    def vfork(
        self,
        program: str,
        argv: list[str],
        env: list[bytes],
        cwd: str,
        streams: tuple[int, int, int],
        kept: tuple[int, ...],
    ) -> int:
        """We stand still until the child has executed: a failure is in the file by then, and has moved the
        offset that we share with it."""
        stdin, stdout, stderr = streams
        pid = fork_exec(
            argv, (os.fsencode(program),), False, kept, cwd, env,
            stdin, -1, -1, stdout, -1, stderr, self.failing, self.failures,
            True, True, -1, None, None, None, -1, None, True,  # type: ignore[arg-type]  # no preexec_fn
        )  # fmt: skip
        if not os.lseek(self.failures, 0, os.SEEK_CUR):
            return pid
        said = os.pread(self.failures, 4096, 0)
        os.ftruncate(self.failures, 0)
        os.lseek(self.failures, 0, os.SEEK_SET)
        os.waitpid(pid, 0)
        number = int(said.split(b":")[1], 16)
        raise OSError(number, os.strerror(number), cwd if said.endswith(b":noexec") else program)

    async def run(
        self, argv: list[str], env: Mapping[str, str], *, cwd: str = "/", stdin: int = -1, output: int = -1,
        errors: int = -1, third: int = -1,
    ) -> int:
        """Run to the end; the exit code, 128+n for a signal. Without `errors` they go with the output."""
        done: asyncio.Future[int] = self.loop.create_future()
        program = shutil.which(argv[0], path=env.get("PATH")) or argv[0]
        errors = errors if errors >= 0 else output
        streams = {"stdin": stdin, "stdout": output, "stderr": errors, "third": third}
        pid = self.spawn(argv, env, done.set_result, program=program, cwd=cwd, **streams)
        try:
            return exit_code(await asyncio.shield(done))
        except asyncio.CancelledError:
            kill_session(pid)
            raise

    def collect(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            ended = self.waiting.pop(pid, None)
            if ended is not None:
                ended(status)


def posix_spawn(
    program: str,
    argv: list[str],
    env: Mapping[str, str] | list[bytes],
    cwd: str,
    streams: tuple[int, ...],
    kept: int,
) -> int:
    actions = [(os.POSIX_SPAWN_DUP2, fd, n) for n, fd in enumerate(streams) if fd >= 0]
    if kept >= 0:
        actions.append((os.POSIX_SPAWN_DUP2, kept, kept))
    if isinstance(env, list):
        env = dict(os.fsdecode(word).split("=", 1) for word in env)
    os.chdir(cwd)
    return os.posix_spawn(
        program, argv, env, file_actions=actions, setsid=True, setsigdef=RESTORED, setsigmask=[]
    )


def words(env: Mapping[str, str]) -> list[bytes]:
    """As execve takes it."""
    return [f"{name}={value}".encode(errors="surrogateescape") for name, value in env.items()]


def exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def kill_session(pid: int, number: int = signal.SIGKILL) -> bool:
    """Signal the process group that `pid` leads; False when nobody is left of it."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so of zombies; elsewhere someone is left who is not ours
        return False
    return True


def inherit_nothing() -> None:
    """Children begin with no signal blocked or ignored: what this process catches, they start without."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in RESTORED:
        if signal.getsignal(number) is signal.SIG_IGN and number not in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, lambda _number, _frame: None)


def become_subreaper() -> None:
    """Orphans of our pods come to us, not to init."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
