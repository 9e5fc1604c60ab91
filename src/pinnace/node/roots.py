"""Private root folders of sandboxed containers, pooled, and the few files of /etc that they see.

A root has the shape that the host's programs expect. One in which a container changed nothing goes back to
the pool: its folders' change times, which no program can set, are still those of its making.
"""

from __future__ import annotations

import os
import shutil
import time
from concurrent.futures import Executor
from functools import lru_cache
from itertools import count
from pathlib import Path

LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
PLAIN = ("usr", "proc", "dev", "etc", "mnt", "opt", "srv", "home", "run", "var", "root")
OPEN = ("tmp", "var/tmp")
WRITTEN = ("", "tmp", "root", "mnt", "var", "var/tmp", "run", "opt", "home", "srv", "etc")
SETTLED = 0.05
HOST_ETC = (
    "alternatives",
    "ld.so.cache",
    "localtime",
    "services",
    "mime.types",
    "ssl/certs",
    "ssl/openssl.cnf",
    "pki/tls/certs",
    "pki/ca-trust/extracted",
)
"""Never a whole `/etc/ssl` or `/etc/pki`: private keys lie there."""
POOLED = 64


class Root:
    __slots__ = ("born", "names", "path", "pool", "stamp")

    def __init__(self, pool: Roots, path: str) -> None:
        self.pool = pool
        self.path = path
        self.born = time.monotonic()
        self.stamp: tuple[int, ...] = ()
        self.names: tuple[frozenset[str], ...] = ()


class Roots:
    """`take` a root, `give` it back when its container's last process is gone."""

    def __init__(self, folder: Path, etc: Etc | None, cleaner: Executor) -> None:
        """Without `etc` the roots are bare folders, for plain processes."""
        self.folder = folder
        self.written = WRITTEN if etc else ("",)
        self.etc = etc
        self.cleaner = cleaner
        self.spare: list[Root] = []
        self.numbers = count()
        if folder.exists():
            stale = folder.with_name(f"{folder.name}.stale-{time.time_ns()}")
            folder.rename(stale)
            cleaner.submit(remove, str(stale))
        folder.mkdir(mode=0o700)

    def take(self) -> Root:
        if self.spare:
            return self.spare.pop()
        return self.make()

    def make(self) -> Root:
        root = Root(self, f"{self.folder}/{next(self.numbers)}")
        os.mkdir(root.path, 0o755)
        if self.etc:
            self.shape(root, self.etc)
        root.stamp, root.names = stamp(root.path, self.written), listing(root.path, self.written)
        return root

    def shape(self, root: Root, etc: Etc) -> None:
        for name in PLAIN:
            os.mkdir(f"{root.path}/{name}", 0o755)
        for name in OPEN:
            os.mkdir(f"{root.path}/{name}")
            os.chmod(f"{root.path}/{name}", 0o1777)  # noqa: S103 - as /tmp is
        for name in LINKS:
            host = Path("/") / name
            if host.is_symlink():
                os.symlink(os.readlink(host), f"{root.path}/{name}")
            elif host.is_dir():
                os.mkdir(f"{root.path}/{name}", 0o755)
        etc.mount_points(f"{root.path}/etc")

    def give(self, root: Root) -> None:
        if len(self.spare) < POOLED and self.untouched(root):
            self.spare.append(root)
        else:
            self.cleaner.submit(remove, root.path)

    def untouched(self, root: Root) -> bool:
        """A slow clock may hide a change made right after the making: then names are compared too."""
        fresh = time.monotonic() - root.born < SETTLED
        try:
            same = stamp(root.path, self.written) == root.stamp
            return same and (not fresh or listing(root.path, self.written) == root.names)
        except OSError:
            return False


def stamp(root: str, names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(os.lstat(f"{root}/{name}").st_ctime_ns for name in names)


def listing(root: str, names: tuple[str, ...]) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(os.listdir(f"{root}/{name}")) for name in names)


class Etc:
    """The files of /etc inside: names and resolvers of our own making, certificates of the host."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)
        self.write("group", "root:x:0:\npod:x:1000:\nnogroup:x:65534:\n")
        self.write("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
        self.write("hosts", host_text("/etc/hosts") or "127.0.0.1 localhost\n::1 localhost\n")
        self.write("resolv.conf", host_text("/etc/resolv.conf"))
        self.shared = [name for name in HOST_ETC if (Path("/etc") / name).exists()]
        self.binds = lru_cache(64)(self._binds)

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            path.chmod(0o644)
        return str(path)

    def _binds(self, uid: str) -> tuple[str, ...]:
        shell = "/root:/bin/sh"
        passwd = f"root:x:0:0:root:{shell}\npod:x:{uid}:{uid}::{shell}\nnobody:x:65534:65534::/:/bin/false\n"
        argv = ["--ro-bind", self.write(f"passwd-{uid}", passwd), "/etc/passwd"]
        for name in ("group", "nsswitch.conf"):
            argv += ["--ro-bind", str(self.folder / name), f"/etc/{name}"]
        for name in self.shared:
            argv += ["--ro-bind", os.path.realpath(f"/etc/{name}"), f"/etc/{name}"]
        return (*argv, *self.network())

    def network(self) -> tuple[str, ...]:
        names = ("hosts", "resolv.conf")
        return tuple(w for n in names for w in ("--ro-bind", str(self.folder / n), f"/etc/{n}"))

    def hosts_with(self, folder: str, hosts: dict[str, str]) -> str:
        """A hosts file of one pod: the common one, then names → addresses."""
        lines = "".join(f"{address}\t{name}\n" for name, address in hosts.items())
        path = Path(folder) / "hosts"
        path.write_text((self.folder / "hosts").read_text() + lines)
        return str(path)

    def mount_points(self, etc: str) -> None:
        for name in ("passwd", "group", "nsswitch.conf", "hosts", "resolv.conf", *self.shared):
            path = f"{etc}/{name}"
            os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
            if os.path.isdir(f"/etc/{name}"):
                os.mkdir(path, 0o755)
            else:
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))


def host_text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def remove(path: str) -> None:
    """rm -rf, also where a pod has taken itself the permission. What cannot go stays for the next start."""
    for _ in range(2):
        shutil.rmtree(path, ignore_errors=True)
        if not os.path.lexists(path):
            return
        for folder, names, _files in os.walk(path):
            os.chmod(folder, 0o700)
            for name in names:
                if not os.path.islink(f"{folder}/{name}"):
                    os.chmod(f"{folder}/{name}", 0o700)
