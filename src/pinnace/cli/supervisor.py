"""The process that `pinnace up` leaves behind: it starts control, node and gateway and keeps them alive.

Standard library only, because it must never be the one that fails. It is the child-subreaper of everything
below, so that no process of a pod outlives the platform, and it holds the lock on the home, so that there is
one platform a home. It decides nothing else. Killed itself, the others live on; the next supervisor of the
home adopts them and starts what is missing.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

FAILPOINT = "PINNACE_FAILPOINT"
"""A test's (see `failpoint.py`, which this process has no need of): it fires once."""
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 10.0
ADOPTED_POLL = 1.0
HEALTHY_AFTER = 10.0
STOP_GRACE = {"gateway": 5.0, "control": 10.0, "node": 40.0}
PR_SET_CHILD_SUBREAPER = 36
UNUSABLE = 78
"""Exit code (EX_CONFIG) of a process that says: starting me again will not help."""


class Adopted:
    """A process that an earlier supervisor of this home started: nobody's child, so it is watched by pid."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def alive(self) -> bool:
        with suppress(ProcessLookupError):
            os.kill(self.pid, 0)
            return True
        return False

    def terminate(self) -> None:
        self.signal(signal.SIGTERM)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    def signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self, timeout: float = 10.0) -> int:
        deadline = time.monotonic() + timeout
        while self.alive():
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("adopted", timeout)
            time.sleep(ADOPTED_POLL / 20)
        return 0


class Child:
    """One of the three processes, with the back-off that its deaths have earned."""

    def __init__(self, name: str, argv: Sequence[str], log: Path) -> None:
        self.name = name
        self.argv = list(argv)
        self.log = log
        self.process: subprocess.Popen[bytes] | Adopted | None = None
        self.started = 0.0
        self.next_start = 0.0
        self.pause = FIRST_PAUSE
        self.restarts = 0

    def start(self) -> None:
        with self.open_log() as log:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.started = time.monotonic()

    def open_log(self) -> IO[bytes]:
        """On a full disk a new log cannot be made; the process is started all the same."""
        try:
            return self.log.open("ab")
        except OSError:
            return open(os.devnull, "wb")

    def died(self, ending: str) -> None:
        now = time.monotonic()
        healthy = now - self.started > HEALTHY_AFTER
        self.pause = FIRST_PAUSE if healthy else min(self.pause * 2, LONGEST_PAUSE)
        self.process = None
        self.restarts += 1
        os.environ.pop(FAILPOINT, None)
        self.next_start = now if healthy else now + self.pause
        say(f"{self.name} ended with {ending}; starting it again in {self.pause:.1f} s ({self.log})")


class Supervisor:
    def __init__(self, home: Path, children: Sequence[Child], state: Path, options: dict[str, Any]) -> None:
        self.home = home
        self.children = children
        self.state = state
        self.options = options
        self.stopping = False
        self.unwritten = True
        self.outcome = 0
        self.started = time.time()

    def run(self) -> int:
        wake = self.watch_signals()
        self.write_state()
        while not self.stopping:
            self.start_what_is_due()
            wake.select(self.seconds_to_next_start())
            self.drain(wake)
            self.reap()
        self.stop()
        return self.outcome

    def watch_signals(self) -> selectors.BaseSelector:
        """Signals only set a flag and wake the loop through a pipe; all work is done in the loop."""
        reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writing)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self.ask_to_stop)
        selector = selectors.DefaultSelector()
        selector.register(reading, selectors.EVENT_READ)
        return selector

    @staticmethod
    def drain(selector: selectors.BaseSelector) -> None:
        for key in selector.get_map().values():
            with suppress(BlockingIOError):
                os.read(key.fd, 4096)

    def ask_to_stop(self, *_: object) -> None:
        self.stopping = True

    def start_what_is_due(self) -> None:
        now = time.monotonic()
        due = [c for c in self.children if c.process is None and c.next_start <= now]
        for child in due:
            child.start()
        if due or self.unwritten or not self.state.exists():
            self.write_state()

    def seconds_to_next_start(self) -> float | None:
        waiting = [c.next_start - time.monotonic() for c in self.children if c.process is None]
        if self.unwritten or any(isinstance(c.process, Adopted) for c in self.children):
            waiting.append(ADOPTED_POLL)
        return max(0.0, min(waiting)) if waiting else None

    def reap(self) -> None:
        """Collect our three children and every orphan that the subreaper inherited."""
        for pid, status in ended_children():
            for child in self.children:
                if child.process is not None and child.process.pid == pid:
                    code = child.process.returncode = os.waitstatus_to_exitcode(status)
                    child.died(ending(status))
                    if code == UNUSABLE:
                        say(f"{child.name} cannot run with this home or port; giving up")
                        self.outcome, self.stopping = UNUSABLE, True
        for child in self.children:
            if isinstance(child.process, Adopted) and not child.process.alive():
                child.died("a status that only its first supervisor could know")

    def stop(self) -> None:
        """Gateway first (no new requests), then control (no new pods), then node (which ends the pods)."""
        for name, grace in STOP_GRACE.items():
            for child in self.children:
                if child.name == name and child.process is not None:
                    end(child.process, grace)
        for pid in orphans():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(FileNotFoundError):
            self.state.unlink()

    def write_state(self) -> None:
        """What `status`, `down` and tests read; renamed into place so that nobody reads half of it."""
        pids = {c.name: c.process.pid for c in self.children if c.process is not None}
        body = {
            "pid": os.getpid(), "started": self.started, "options": self.options, "processes": pids,
            "restarts": {c.name: c.restarts for c in self.children},
        }
        fresh = self.state.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(body))
            fresh.replace(self.state)
            self.unwritten = False
        except OSError as error:  # a full disk stops no supervisor; it tries again
            self.unwritten = True
            say(f"cannot write {self.state}: {error.strerror}")


def ended_children() -> list[tuple[int, int]]:
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append((pid, status))


def orphans() -> list[int]:
    """Children of ours that are none of the three (Linux; elsewhere the node has cleaned up itself)."""
    with suppress(OSError):
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    return []


def end(process: subprocess.Popen[bytes] | Adopted, grace: float) -> None:
    process.terminate()
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        say(f"process {process.pid} did not stop within {grace:.0f} s: killed")
        process.kill()
        process.wait()


def ending(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def say(text: str) -> None:
    with suppress(OSError):
        print(time.strftime("%Y-%m-%dT%H:%M:%S"), "supervisor:", text, file=sys.stderr, flush=True)


def adopt(child: Child, state: Path) -> None:
    """Take over the process of this name if the home's last supervisor left one running."""
    with suppress(OSError, ValueError, KeyError):
        pid = int(json.loads(state.read_text())["processes"][child.name])
        command = subprocess.run(
            ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
        if f" pinnace {child.name} " in command and str(state.parent) in command:
            child.process = Adopted(pid)
            child.started = time.monotonic()


def lock(path: Path) -> IO[str] | None:
    """The lock, held for as long as the returned file is open; None if another supervisor has it."""
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def become_subreaper() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="pinnace supervisor")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", default="0")
    parser.add_argument("--gateway-port", default="0")
    parser.add_argument("--isolation", default="auto")
    parser.add_argument("--without", action="append", default=[])
    parser.add_argument("--rbac", default="quickstart")
    return parser.parse_args(argv)


def children(options: argparse.Namespace, home: Path) -> list[Child]:
    def process(name: str, *arguments: str) -> Child:
        argv = [sys.executable, "-m", "pinnace", name, "--home", str(home), *arguments]
        return Child(name, argv, home / "logs" / f"{name}.log")

    without = [word for family in options.without for word in ("--without", family)]
    return [
        process("control", "--port", options.port, "--rbac", options.rbac, *without),
        process("node", "--isolation", options.isolation),
        process("gateway", "--port", options.gateway_port),
    ]


def main(argv: Sequence[str]) -> int:
    options = parse(argv)
    home: Path = options.home
    held = lock(home / "supervisor.lock")
    if held is None:
        say(f"another supervisor holds {home}: see `pinnace status`, or stop it with `pinnace down`")
        return 3
    become_subreaper()
    kept = {k: v for k, v in vars(options).items() if k != "home"}
    state = home / "supervisor.json"
    processes = children(options, home)
    for child in processes:
        adopt(child, state)
    with held:
        return Supervisor(home, processes, state, kept).run()
