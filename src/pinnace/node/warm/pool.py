"""The zygotes of a node: one for each environment that was used lately, bounded in number and memory.

`find` answers at once: a zygote that waits, or None, and then one is started for the next who ask. One that
is idle ends; one that has died is started again on its next use, and not at once if it dies at its start.
"""

from __future__ import annotations

import asyncio
import marshal
import socket
import sys
from pathlib import Path
from typing import Any

import msgspec

from pinnace.node.launchers import Bind, Built, Exit, Launch
from pinnace.node.launchers.sandbox import ALONE, SandboxLauncher
from pinnace.node.limits import proportional
from pinnace.node.orphans import processes
from pinnace.node.outfit import HOST_PATH, joined
from pinnace.node.reaper import Reaper
from pinnace.node.roots import Root, Roots
from pinnace.node.warm.guest import Guest

MOST = 4
MEMORY = 384 << 20
"""Bytes of all zygotes and their keepers together, shared pages counted once."""
IDLE = 60.0
LOOK = 10.0
AGAIN = 60.0
"""Seconds until an environment whose zygote failed at its start gets another one."""
BUFFER = 1 << 22
LARGEST = 1 << 18
PLACE = "/run/pinnace/zygote.py"
SOURCE = str(Path(__file__).with_name("zygote.py"))
FOLDER = str(Path(__file__).parents[3])
KEEPER = "import sys; sys.path.insert(0, {!r}); from pinnace.node.warm.keeper import main; main()"


class Kind(msgspec.Struct, frozen=True):
    """What a zygote is for. `said`: variables that its programs' command line sets; `module`: the program
    whose imports it has made already."""

    built: Built
    said: tuple[tuple[str, str], ...] = ()
    module: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        built = self.built
        return (built.digest, built.python, built.preload, tuple(built.env.items()), self.said, self.module)


class Zygote:
    """One keeper and its zygote."""

    def __init__(self, pool: Pool, kind: Kind, root: Root) -> None:
        self.pool = pool
        self.kind = kind
        self.root = root
        self.up = False
        self.down = False
        self.guests: dict[int, Guest] = {}
        self.count = 0
        self.used = pool.loop.time()
        self.line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        self.line.setblocking(False)
        again = [sys.executable, *ALONE, "-c", KEEPER.format(FOLDER)]
        with theirs:
            self.pid = pool.reaper.spawn([*again, *again], {}, self.gone, third=theirs.fileno())
        pool.loop.add_reader(self.line.fileno(), self.hear)
        self.line.send(marshal.dumps(self.order()))

    def order(self) -> tuple[Any, ...]:
        """What the keeper begins with."""
        built = self.kind.built
        launch = Launch(
            uid="zygote", container="zygote", isolation="sandbox", argv=["zygote"], env={}, cwd="/",
            built=built, root=self.root.path, folder="", binds=[Bind(SOURCE, PLACE, True)], hostname="zygote",
            executor=True, fresh=True,
        )  # fmt: skip
        words = self.pool.cold.argv(launch, [])[:-2]
        env = {"HOME": "/root", **built.env, **dict(self.kind.said)}
        env["PATH"] = joined(built.path, built.env.get("PATH") or HOST_PATH)
        job = {"preload": built.preload, "module": self.kind.module}
        return (self.pool.scratch, words, [built.python, PLACE], env, job)

    @property
    def idle(self) -> bool:
        return not self.guests

    def take(self, guest: Guest, words: list[str], job: bytes) -> None:
        self.count += 1
        self.used = self.pool.loop.time()
        order = marshal.dumps((self.count, words, list(guest.launch.cgroups), job))
        try:
            if len(order) > LARGEST:
                raise OSError("too much to say")
            socket.send_fds(self.line, [order], guest.streams)
        except OSError:
            guest.refused()
        else:
            self.guests[self.count] = guest

    def hear(self) -> None:
        while not self.down or self.guests:
            try:
                data, rights, _, _ = socket.recv_fds(self.line, 1 << 16, 2)
            except BlockingIOError:
                return
            except OSError:
                data, rights = b"", []
            if not data:
                self.pool.loop.remove_reader(self.line.fileno())
                return
            self.told(marshal.loads(data), rights)  # noqa: S302 - the keeper is ours

    def told(self, message: tuple[object, ...], rights: list[int]) -> None:
        word, *rest = message
        if word == "up":
            self.up = True
            self.pool.weigh()
        elif word == "down":
            self.pool.drop(self, failed=not self.up)
        elif (guest := self.guests.get(int(str(rest[0])))) is not None:
            if word == "on":
                guest.begun(tuple(rights))
                return
            del self.guests[int(str(rest[0]))]
            self.used = self.pool.loop.time()
            if word == "bad":
                guest.refused()
            else:
                guest.finished(int(str(rest[1])))

    def rest(self) -> None:
        """It ends once its last guest has."""
        self.down = True
        try:
            self.line.send(marshal.dumps(("rest",)))
        except OSError:
            pass

    def gone(self, _status: int) -> None:
        """The keeper has ended, and with it whatever was in its rooms."""
        self.hear()
        self.pool.drop(self, failed=not self.up)
        self.pool.loop.remove_reader(self.line.fileno())
        self.line.close()
        self.root.pool.give(self.root)
        guests, self.guests = self.guests, {}
        for guest in guests.values():
            if guest.ways:
                guest.over(Exit(137))
            else:
                guest.refused()

    def weight(self) -> int:
        """Its own, without its guests'."""
        own = {self.pid}
        for process in processes():
            if process.parent in own and len(own) < 3:
                own.add(process.pid)
        return sum(map(proportional, own))


class Pool:
    def __init__(self, reaper: Reaper, cold: SandboxLauncher, roots: Roots, scratch: Path) -> None:
        """`scratch`: a folder for nothing else; what keepers put there is seen by them alone."""
        scratch.mkdir(mode=0o700, exist_ok=True)
        self.reaper = reaper
        self.loop = reaper.loop
        self.cold = cold
        self.roots = roots
        self.scratch = str(scratch)
        self.zygotes: dict[tuple[object, ...], Zygote] = {}
        self.banned: dict[tuple[object, ...], float] = {}
        self.timer: asyncio.TimerHandle | None = None

    def find(self, kind: Kind) -> Zygote | None:
        key = kind.key
        found = self.zygotes.get(key)
        if found is not None:
            return found if found.up and not found.down else None
        if self.loop.time() >= self.banned.get(key, 0.0) and self.make_room():
            self.zygotes[key] = self.begin(kind)
        return None

    def begin(self, kind: Kind) -> Zygote:
        root = self.roots.take()
        self.roots.anonymous(root)
        if self.timer is None:
            self.timer = self.loop.call_later(LOOK, self.look)
        return Zygote(self, kind, root)

    def make_room(self) -> bool:
        """Whether there is room for one more; who has been idle longest goes."""
        if len(self.zygotes) < MOST:
            return True
        idle = [each for each in self.zygotes.values() if each.idle and each.up]
        if idle:
            self.dismiss(min(idle, key=lambda each: each.used))
        return bool(idle)

    def dismiss(self, zygote: Zygote) -> None:
        self.zygotes.pop(zygote.kind.key, None)
        zygote.rest()

    def drop(self, zygote: Zygote, *, failed: bool) -> None:
        """It is of no use any more."""
        if self.zygotes.get(zygote.kind.key) is zygote:
            del self.zygotes[zygote.kind.key]
        if failed and not zygote.down:
            self.banned[zygote.kind.key] = self.loop.time() + AGAIN
        if not zygote.down:
            zygote.rest()

    def look(self) -> None:
        now = self.loop.time()
        for zygote in list(self.zygotes.values()):
            if zygote.idle and now - zygote.used > IDLE:
                self.dismiss(zygote)
        self.timer = self.loop.call_later(LOOK, self.look) if self.zygotes else None

    def weigh(self) -> None:
        """Too much memory: who has been idle longest goes; one that is too much alone is not tried again."""
        weights = {zygote: zygote.weight() for zygote in self.zygotes.values() if zygote.up}
        for zygote in sorted(weights, key=lambda each: (not each.idle, each.used)):
            if sum(weights.values()) <= MEMORY:
                return
            if weights.pop(zygote) > MEMORY:
                self.banned[zygote.kind.key] = float("inf")
            self.dismiss(zygote)

    def close(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        for zygote in list(self.zygotes.values()):
            self.dismiss(zygote)
