"""`up`, `down`, `status`: starting and stopping the four processes of a home, and telling how they are."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from pinnace.cli.connection import Connection, Unreachable
from pinnace.cli.families import UnknownFamily, chosen, others
from pinnace.cli.supervisor import lock
from pinnace.home import Home

DEFAULT_PORT = 7443
DEFAULT_GATEWAY_PORT = 7080
READY_WITHIN = 30.0
STOPPED_WITHIN = 60.0
NEVER_SO_LATE = 6.0
LEAST_FREE = 2_000_000


class Failure(Exception):
    """What went wrong and what to do next, for a person; `main` prints it and exits with `code`."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def running(home: Home) -> bool:
    """Whether a supervisor holds the lock on this home."""
    if not home.lock.exists():
        return False
    held = lock(home.lock)
    if held is None:
        return True
    held.close()
    return False


def state(home: Home) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        return dict(json.loads(home.state.read_text()))
    return {}


def start(
    home: Home, *, port: int = DEFAULT_PORT, gateway_port: int = DEFAULT_GATEWAY_PORT,
    isolation: str = "auto", without: tuple[str, ...] = (),
    rbac: str = "quickstart",
) -> None:
    """Start a supervisor unless one runs, and return when the API answers `/readyz`.

    Raises Failure with the last words of the process that could not start."""
    refuse_unknown_family(without)
    prepare(home)
    already = running(home)
    if not already:
        for name, wanted in (("--port", port), ("--gateway-port", gateway_port)):
            refuse_taken_port(home, name, wanted)
        spawn(home, port, gateway_port, isolation, without, rbac)
    wait_until_ready(home)
    if not already:
        refuse_without_isolation(home, isolation)


def prepare(home: Home) -> None:
    """Raises Failure if the home's folders cannot be made or used."""
    try:
        home.prepare()
    except OSError as error:
        reason = error.strerror or str(error)
        raise Failure(
            f"cannot use {home.root} as home: {reason}\n"
            "Make it a folder that you may write to, or choose another with --home (or $PINNACE_HOME)."
        ) from error


def refuse_without_isolation(home: Home, asked: str) -> None:
    """A platform that can run no step is not left behind as if it could."""
    if Connection.to(home).json("/pinnace/v1/status")["isolation"] != "none":
        return
    import asyncio

    from pinnace.node.probe import findings

    stop(home)
    found = asyncio.run(findings())
    finding = found.container if asked == "container" else found.sandbox
    raise Failure(
        f"no step could run here in isolation {asked}: {finding.why or 'it does not work'}.\n"
        f"{finding.remedy}\n"
        "Or choose knowingly: `pinnace up --isolation process` hides nothing from a step (`--isolation "
        "container` needs podman or docker).\n`pinnace doctor` tries everything and prints what it found."
    )


def left_out(only: tuple[str, ...], without: tuple[str, ...]) -> tuple[str, ...]:
    """The families that are not started. Names may be joined by commas. Raises Failure."""
    wanted, unwanted = frozenset(split(only)), frozenset(split(without))
    if both := sorted(wanted & unwanted):
        raise Failure(f"--only and --without both name {both[0]}: say one of them")
    try:
        return tuple(sorted(unwanted | others(wanted)))
    except UnknownFamily as problem:
        raise Failure(str(problem)) from None


def split(names: tuple[str, ...]) -> list[str]:
    return [name.strip() for each in names for name in each.split(",") if name.strip()]


def refuse_unknown_family(without: tuple[str, ...]) -> None:
    """A typo would leave a family running beside the user's own controller."""
    try:
        chosen(frozenset(without))
    except UnknownFamily as problem:
        raise Failure(str(problem)) from None


def refuse_taken_port(home: Home, option: str, port: int) -> None:
    """Ports of a home whose control outlived its supervisor are its own, and no clash."""
    if port == 0 or any(ours(home)):
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Failure(
                f"port {port} is taken by another program: "
                f"choose one with `pinnace up {option} N` (0: a free one)"
            ) from error


def ours(home: Home) -> list[int]:
    """Recorded processes of the home that are alive."""
    alive = []
    for pid in state(home).get("processes", {}).values():
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, 0)
            alive.append(pid)
    return alive


def supervised(home: Home) -> bool:
    """Whether the supervisor that is recorded lives: the one before may have died and left the others."""
    pid = int(state(home).get("pid", 0))
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return pid > 0
    return False


def spawn(
    home: Home, port: int, gateway_port: int, isolation: str, without: tuple[str, ...], rbac: str
) -> None:
    argv = [
        sys.executable, "-m", "pinnace", "supervisor", "--home", str(home.root), "--port", str(port),
        "--gateway-port", str(gateway_port), "--isolation", isolation, "--rbac", rbac,
        *(word for family in without for word in ("--without", family)),
    ]
    with (home.logs / "supervisor.log").open("ab") as log:
        subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def wait_until_ready(home: Home, within: float = READY_WITHIN) -> None:
    import http.client  # noqa: F401 - that they are asked with is imported while the processes start

    deadline = time.monotonic() + within
    pause = 0.01
    seen = False
    while time.monotonic() < deadline:
        alive = running(home)
        with suppress(Unreachable):
            if alive and supervised(home) and Connection.to(home).text("/readyz") == "ok":
                return
        if seen and not alive:
            break
        if time.monotonic() > deadline - within + NEVER_SO_LATE and full_disk(home):
            break
        seen = seen or alive
        time.sleep(pause)
        pause = min(pause * 1.2, 0.02)
    raise Failure(
        f"the platform in {home.root} did not become ready.\n{full_disk(home) or last_words(home)}\n"
        f"Its logs are in {home.logs}; `pinnace doctor` checks what this machine offers."
    )


def full_disk(home: Home) -> str:
    if shutil.disk_usage(home.root).free > LEAST_FREE:
        return ""
    return (
        f"There is no space left on the disk of {home.root}: free some (`pinnace du --home {home.root}` "
        "shows what takes it), or choose another --home."
    )


def last_words(home: Home, lines: int = 4) -> str:
    words = []
    for name in ("control", "node", "gateway"):
        file = home.logs / f"{name}.log"
        if file.exists():
            tail = file.read_bytes()[-4000:].decode(errors="replace").strip().splitlines()[-lines:]
            words += [f"  {name}: {line}" for line in tail]
    return "\n".join(words)


def stop(home: Home) -> bool:
    """Stop everything of this home; True if anything ran. Raises Failure if it does not end in time."""
    pids = ours(home)
    if not running(home):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        return bool(pids)
    pid = int(state(home).get("pid", 0))
    if not pid:
        raise Failure(f"{home.state} does not say which process to stop; stop `pinnace supervisor` by hand")
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOPPED_WITHIN
    while running(home):
        if time.monotonic() > deadline:
            raise Failure(f"process {pid} is still stopping; look at {home.logs / 'supervisor.log'}")
        time.sleep(0.02)
    return True


def describe(home: Home) -> dict[str, Any]:
    """What `pinnace status` prints, as data."""
    if not running(home):
        return {"home": str(home.root), "running": False}
    known = state(home)
    summary: dict[str, Any] = {
        "home": str(home.root), "running": True, "supervisor": known.get("pid"),
        "processes": known.get("processes", {}), "restarts": known.get("restarts", {}),
        "options": known.get("options", {}), "started": known.get("started"),
    }
    try:
        connection = Connection.to(home)
        summary["ready"] = connection.text("/readyz") == "ok"
        summary["server"] = connection.url
        summary["platform"] = connection.json("/pinnace/v1/status")
    except Unreachable as error:
        summary["ready"] = False
        summary["problem"] = str(error)
    return summary


def memory(pids: list[int]) -> int:
    """Proportional memory (PSS) of these processes and their children, bytes; 0 where unknown."""
    import psutil

    total = 0
    for pid in pids:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            for member in (process, *process.children(recursive=True)):
                with suppress(psutil.Error):
                    total += pss(member.pid) or int(member.memory_info().rss)
    return total


def pss(pid: int) -> int:
    with suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
