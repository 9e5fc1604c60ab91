"""Starts processes and collects their ends: one SIGCHLD handler for all, no thread and no pipe a process.

Everything that the node starts goes through here, so `waitpid(-1)` may also take the orphans that a
subreaper inherits. `posix_spawn` has no working folder of its own: the node uses absolute paths only, and
therefore may simply change its own folder before each start.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping

PR_SET_CHILD_SUBREAPER = 36
RESTORED = [signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD]


class Reaper:
    """Use from one event loop, in the main thread."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.null = os.open(os.devnull, os.O_RDWR)
        self.waiting: dict[int, Callable[[int], None]] = {}
        become_subreaper()
        self.loop.add_signal_handler(signal.SIGCHLD, self.collect)

    def close(self) -> None:
        self.loop.remove_signal_handler(signal.SIGCHLD)
        os.close(self.null)

    def spawn(
        self,
        argv: list[str],
        env: Mapping[str, str],
        ended: Callable[[int], None],
        *,
        program: str = "",
        cwd: str = "/",
        stdin: int = -1,
        stdout: int = -1,
        stderr: int = -1,
        third: int = -1,
    ) -> int:
        """Start `argv` in a session of its own; `ended(wait status)` is called on the loop. OSError: it could
        not be executed. `third` becomes its descriptor 3; a missing stream is /dev/null."""
        streams = [self.null if fd < 0 else fd for fd in (stdin, stdout, stderr)]
        actions = [(os.POSIX_SPAWN_DUP2, fd, n) for n, fd in enumerate(streams)]
        if third >= 0:
            actions.append((os.POSIX_SPAWN_DUP2, third, 3))
        os.chdir(cwd)
        program = program or argv[0]
        pid = os.posix_spawn(
            program, argv, env, file_actions=actions, setsid=True, setsigdef=RESTORED, setsigmask=[]
        )
        self.waiting[pid] = ended
        return pid

    async def run(self, argv: list[str], env: Mapping[str, str], *, cwd: str = "/", output: int = -1) -> int:
        """Run to the end; the exit code, 128+n for a signal."""
        done: asyncio.Future[int] = self.loop.create_future()
        program = shutil.which(argv[0], path=env.get("PATH")) or argv[0]
        pid = self.spawn(argv, env, done.set_result, program=program, cwd=cwd, stdout=output, stderr=output)
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


def become_subreaper() -> None:
    """Orphans of our pods come to us, not to init."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
