"""1,000 no-op steps in the sandbox, beside replaying the very argv that the node built.

And that argv beside a minimal bubblewrap, so that what our sandbox asks for more is seen too.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from statistics import median

import psutil

from benchmarks.fanout import seconds, submit, until_finished
from benchmarks.figure import Figure
from benchmarks.home import running
from pinnace.cli import platform
from pinnace.cli.connection import Connection
from pinnace.home import Home
from pinnace.node.probe import find_bubblewrap

SLEEPER = {
    "entrypoint": "main",
    "templates": [{"name": "main", "container": {"image": "busybox", "command": ["sleep", "20"]}}],
}
MINIMAL = (
    "--unshare-user", "--uid", "1000", "--gid", "1000", "--unshare-pid", "--die-with-parent",
    "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib",
    "--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev",
)


def measure(*, quick: bool = False) -> list[Figure]:
    steps, rounds = (300, 1) if quick else (1000, 3)
    ours, replayed, minimal = [], [], []
    with running("sandbox") as home:
        connection = Connection.to(home)
        argv = captured(home, connection)
        seconds(connection, 100, "sandbox")
        for _ in range(rounds):
            replayed.append(replay(argv, steps))
            minimal.append(replay([find_bubblewrap(), *MINIMAL, "true"], steps))
            ours.append(seconds(connection, steps, "sandbox"))
    against_argv = median(replayed) / median(ours)
    against_minimal = median(minimal) / median(replayed)
    return [
        Figure(
            f"{steps:,} steps in the sandbox against replaying the node's own argv two at a time", "≥ 0.9",
            f"{against_argv:.2f} ({steps / median(ours):.0f} steps/s against "
            f"{steps / median(replayed):.0f}/s)",
            against_argv >= 0.9,
        ),
        Figure(
            "that argv against a minimal bubblewrap", "≥ 0.8",
            f"{against_minimal:.2f} ({steps / median(minimal):.0f}/s)", against_minimal >= 0.8,
        ),
    ]


def captured(home: Home, connection: Connection) -> list[str]:
    """The argv of a sandbox that runs now, with `true` in place of its command."""
    name = submit(connection, SLEEPER)
    node = psutil.Process(int(platform.state(home)["processes"]["node"]))
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for child in node.children():
            words = child.cmdline()
            if words and Path(words[0]).name == "bwrap" and "sleep" in words:
                found = [*words[: words.index("sleep")], "true"]
                found[found.index("--json-status-fd") + 1] = "3"
                path = f"/apis/argoproj.io/v1alpha1/namespaces/default/workflows/{name}"
                connection.request("PATCH", path, {"spec": {"shutdown": "Terminate"}},
                                   "application/merge-patch+json")
                until_finished(connection, name)
                return found
        time.sleep(0.02)
    raise RuntimeError("no sandbox was seen running")


def replay(argv: list[str], count: int, together: int = 2) -> float:
    """Seconds to start this argv so many times, two at a time."""
    began = time.monotonic()
    sequence = subprocess.Popen(["seq", str(count)], stdout=subprocess.PIPE)
    # The node reads bubblewrap's status from a pipe of the same number; here nobody does.
    with_status = ["sh", "-c", 'exec "$@" 3>/dev/null', "sh"]
    subprocess.run([*with_status, "xargs", f"-P{together}", "-n1", *argv], stdin=sequence.stdout, check=True,
                   stdout=subprocess.DEVNULL)
    return time.monotonic() - began
