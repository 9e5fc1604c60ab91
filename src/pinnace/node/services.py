"""What every pod of this node shares: made once in `server.py`, passed to whoever needs it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from pinnace.data.blobs import Blobs
from pinnace.home import Home
from pinnace.node.launchers import Launch, Launcher, StartError
from pinnace.node.limits import Groups
from pinnace.node.logs import Sampler, Spares
from pinnace.node.network.cluster import Cluster
from pinnace.node.reaper import Reaper
from pinnace.node.roots import Etc, Roots

if TYPE_CHECKING:
    from pinnace.node.container import Member
    from pinnace.node.environments import Environments

KEPT_NAMES = 1000
TRANSFERS = 4
"""Processes at a time that bring or send artifacts: each is some 50 MB."""


class Visitors:
    """Who is inside which container, to be sent away at its end: by (uid, container)."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], set[Callable[[], None]]] = {}

    def add(self, uid: str, container: str, away: Callable[[], None]) -> None:
        self.known.setdefault((uid, container), set()).add(away)

    def discard(self, uid: str, container: str, away: Callable[[], None]) -> None:
        left = self.known.get((uid, container))
        if left is not None:
            left.discard(away)
            if not left:
                del self.known[uid, container]

    def leave(self, uid: str, container: str) -> None:
        """The container is gone."""
        for away in self.known.pop((uid, container), ()) if self.known else ():
            away()


class Services:
    def __init__(
        self,
        home: Home,
        reaper: Reaper,
        launchers: dict[str, Launcher],
        default: str,
        why: dict[str, str],
        environments: Environments,
        etc: Etc,
        roots: Roots,
        bare: Roots,
        groups: Groups,
        worker: Executor,
        cluster: Cluster,
    ) -> None:
        """`launchers` are those that work here; `why` says of the others what is missing."""
        self.home = home
        self.pods = str(home.pods)
        self.log_names: dict[tuple[str, int], str] = {}
        self.loop = asyncio.get_running_loop()
        self.reaper = reaper
        self.launchers = launchers
        self.default = default
        self.why = why
        self.environments = environments
        self.blobs = Blobs(home.data)
        self.etc = etc
        self.roots = roots
        self.bare = bare
        self.groups = groups
        self.worker = worker
        self.cluster = cluster
        self.sampler = Sampler(Spares(home.pods / ".logs", worker))
        self.visitors = Visitors()
        self.transfers = asyncio.Semaphore(TRANSFERS)

    def choose(self, asked: str) -> Launcher:
        """The launcher for a pod that asks for `asked` ('', auto: the node's). StartError says what to do."""
        name = self.named(asked)
        found = self.launchers.get(name)
        if found is None:
            name = "sandbox" if name == "none" else name
            why = self.why.get(name, "there is no such isolation; known are container, sandbox and process")
            raise StartError(f"isolation {name!r} is not to be had here: {why}")
        return found

    def named(self, asked: str) -> str:
        return asked if asked not in ("", "auto") else self.default

    def launcher(self, launch: Launch) -> Launcher:
        return self.launchers[launch.isolation]

    def folder(self, uid: str) -> str:
        """`home.pod(uid)`, without a Path a pod."""
        return f"{self.pods}/{uid}"

    def make_folder(self, uid: str) -> str:
        """Only where something comes to lie in it: most pods need none, and a folder is dear."""
        path = self.folder(uid)
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            pass
        return path

    def log(self, member: Member) -> str:
        name = self.log_name(member.spec.name, member.state.restarts)
        return f"{self.pods}/{member.uid}/{name}"

    def log_name(self, container: str, restart: int) -> str:
        """Its name in the pod's folder, as the home spells it."""
        key = (container, restart)
        if key not in self.log_names:
            if len(self.log_names) > KEPT_NAMES:
                self.log_names.clear()
            self.log_names[key] = str(self.home.log("u", container, restart).relative_to(self.home.pod("u")))
        return self.log_names[key]
