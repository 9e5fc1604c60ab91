"""A platform of its own for a benchmark, and processes measured beside it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pinnace.cli import platform
from pinnace.home import Home

CACHE = Path(__file__).resolve().parent.parent / ".cache"


@contextmanager
def empty() -> Iterator[Home]:
    """A home on the disk of the checkout: a machine's /tmp may be much slower, or no disk at all."""
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=CACHE, ignore_cleanup_errors=True) as folder:
        yield Home.at(Path(folder) / "home")


@contextmanager
def running(isolation: str = "auto") -> Iterator[Home]:
    with empty() as home:
        up(home, isolation)
        try:
            yield home
        finally:
            platform.stop(home)


def up(home: Home, isolation: str = "auto") -> float:
    """Seconds of `pinnace up -d`, from the command's start to its return when everything is ready."""
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "pinnace", "up", "-d", "--home", str(home.root), "--port", "0",
         "--gateway-port", "0", "--isolation", isolation],
        check=True, capture_output=True,
    )
    return time.monotonic() - began


def xargs(count: int, *command: str) -> float:
    """Seconds for `seq count | xargs -P2 -n1 command`."""
    began = time.monotonic()
    sequence = subprocess.Popen(["seq", str(count)], stdout=subprocess.PIPE)
    subprocess.run(["xargs", "-P2", "-n1", *command], stdin=sequence.stdout, check=True,
                   stdout=subprocess.DEVNULL)
    return time.monotonic() - began
