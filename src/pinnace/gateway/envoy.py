"""Envoy as a child process: started, watched, restarted at once when it dies.

It dies with us on Linux (parent-death signal); where that does not exist, the next gateway of this home ends
the one that was left, which it finds by a pid file and recognises by its arguments.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

WORKERS = 2
HEALTHY_AFTER = 5.0
LONGEST_PAUSE = 0.5


class Envoy:
    """`ended` is called after each death, before the next start (statistics begin anew)."""

    def __init__(self, program: Path, configuration: Path, ended: Callable[[], None]) -> None:
        self._program = program
        self._configuration = configuration
        self._ended = ended
        self._process: asyncio.subprocess.Process | None = None
        self.restarts = 0
        self.stopping = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def argv(self) -> list[str]:
        return [
            str(self._program), "--config-path", str(self._configuration), "--disable-hot-restart",
            "--concurrency", str(WORKERS), "--log-level", "error", "--drain-time-s", "5",
        ]

    def end_leftover(self) -> None:
        """Before the port is reserved: an Envoy of this home whose gateway is gone."""
        end_leftover(self._pid_file, self.argv())

    async def run(self) -> None:
        """Keep one Envoy alive until cancelled or `stop`ped."""
        loop = asyncio.get_running_loop()
        pause = 0.0
        while not self.stopping:
            started = loop.time()
            self._process = await asyncio.create_subprocess_exec(
                *self.argv(), stdin=asyncio.subprocess.DEVNULL, preexec_fn=die_with_parent
            )
            self._pid_file.write_text(str(self._process.pid))
            code = await self._process.wait()
            self._pid_file.unlink(missing_ok=True)
            self._process = None
            self._ended()
            if self._told_to_stop():
                return
            self.restarts += 1
            pause = 0.0 if loop.time() - started > HEALTHY_AFTER else min(pause * 2 + 0.02, LONGEST_PAUSE)
            print(f"envoy ended with {code}; starting it again in {pause:.2f} s", file=sys.stderr, flush=True)
            await asyncio.sleep(pause)

    async def stop(self, grace: float = 3.0) -> None:
        self.stopping = True
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), grace)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _told_to_stop(self) -> bool:
        return self.stopping

    @property
    def _pid_file(self) -> Path:
        return self._configuration.with_name("envoy.pid")


def die_with_parent() -> None:
    """In the child before exec, on Linux: SIGKILL when the gateway process ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def end_leftover(pid_file: Path, argv: list[str]) -> None:
    if not pid_file.exists():
        return
    import psutil  # takes as long to import as all the rest of this room

    try:
        left = psutil.Process(int(pid_file.read_text()))
        if left.pid != os.getpid() and left.cmdline() == argv:
            left.kill()
            left.wait(5)
    except (OSError, ValueError, psutil.Error):
        return
