"""A container's unix sockets, offered to the gateway at a path that the container cannot touch.

The container makes its socket in a folder of its own, where it could put a link to any socket of this machine
later. Envoy and the probes connect as this user, so they get another name of the very socket (a hard link) in
a private folder: a link that the container makes is never offered. `outfit.py` keeps one a container.
"""

from __future__ import annotations

import asyncio
import os
import stat
from contextlib import suppress
from pathlib import Path

SOON, LATER = 0.01, 0.25
"""Seconds between two looks: until every socket is there; afterwards (a server may make its socket anew)."""


class Sockets:
    """`folders`: path inside → the container's folder on the host; `paths`: → the private name."""

    def __init__(self, folders: dict[str, str], private: Path) -> None:
        private.mkdir(mode=0o700, exist_ok=True)
        self.folders = folders
        self.paths = {path: f"{private}/{os.path.basename(folder)}" for path, folder in folders.items()}
        self.timer: asyncio.TimerHandle | None = None

    def keep(self) -> None:
        missing = [path for path in self.folders if not self.offer(path)]
        self.timer = asyncio.get_running_loop().call_later(SOON if missing else LATER, self.keep)

    def offer(self, path: str) -> bool:
        """Give the socket that is there now its private name; False while there is none."""
        made, name = f"{self.folders[path]}/{os.path.basename(path)}", self.paths[path]
        try:
            there = os.lstat(made)
            if not stat.S_ISSOCK(there.st_mode):
                return False
            return same(there, name) or link(made, name)
        except OSError:
            return False

    def close(self) -> None:
        if self.timer:
            self.timer.cancel()
        for name in self.paths.values():
            with suppress(OSError):
                os.unlink(name)


def same(there: os.stat_result, name: str) -> bool:
    with suppress(FileNotFoundError):
        here = os.lstat(name)
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
    return False


def link(made: str, name: str) -> bool:
    """Looked at again under the private name, where nobody can change it any more."""
    fresh = f"{name}.new"
    with suppress(FileNotFoundError):
        os.unlink(fresh)
    os.link(made, fresh, follow_symlinks=False)
    if not stat.S_ISSOCK(os.lstat(fresh).st_mode):
        os.unlink(fresh)
        return False
    os.rename(fresh, name)
    return True
