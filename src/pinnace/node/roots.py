"""Private root folders of sandboxed containers, pooled, and the few files of /etc that they see.

A root has the shape that the host's programs expect. One in which a container changed nothing goes back to
the pool: its folders' change times, which no program can set, are still those of its making. One in which
only the folders for temporary files changed goes back when these are empty again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from functools import lru_cache
from itertools import count
from pathlib import Path

from pinnace.node.launchers import Bind

LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
PLAIN = ("usr", "proc", "dev", "etc", "mnt", "opt", "srv", "home", "run", "var", "root")
OPEN = ("tmp", "var/tmp")
ACCOUNT_FOLDERS = (
    *("var/run", "var/run/secrets", "var/run/secrets/kubernetes.io"),
    "var/run/secrets/kubernetes.io/serviceaccount",
)
"""Mount points on the way to a pod's credentials: made with the root, so that mounting changes nothing."""
WRITTEN = (*ACCOUNT_FOLDERS, "", "tmp", "root", "mnt", "var", "var/tmp", "run", "opt", "home", "srv", "etc")
SETTLED = 0.05
HOST_ETC = (
    "alternatives",
    "ld.so.cache",
    "localtime",
    "os-release",
    "services",
    "mime.types",
    "ssl/certs",
    "ssl/openssl.cnf",
    "pki/tls/certs",
    "pki/ca-trust/extracted",
)
"""Never a whole `/etc/ssl` or `/etc/pki`: private keys lie there."""
POOLED = 64
AHEAD = 4
KIN = 64
"""Environments that have roots of their own."""
MOUNTED = frozenset((*LINKS, "usr", "proc", "dev", ""))
"""What lies in these is made in what is mounted there."""
UID = 1000


def of_java() -> list[str]:
    """Debian keeps a JRE's settings there, without which it does not start; one with a password in them is
    nobody's to see."""
    found = sorted(Path("/etc").glob("java-*-openjdk/security/java.security"))
    folders = [path.parent.parent for path in found]
    return [each.name for each in folders if not (each / "management/jmxremote.password").exists()]


Places = tuple[tuple[str, bool], ...]
"""Paths in a root where something is mounted, and whether it is a folder."""


class Root:
    __slots__ = ("born", "names", "path", "pool", "stamp", "written")

    def __init__(self, pool: Roots, path: str) -> None:
        self.pool = pool
        self.path = path
        self.written = tuple(f"{path}/{name}" for name in pool.written)
        self.born = time.monotonic()
        self.stamp: tuple[int, ...] = ()
        self.names: tuple[frozenset[str], ...] = ()


class Roots:
    """`take` a root, `give` it back when its container's last process is gone."""

    def __init__(
        self, folder: Path, etc: Etc | None, cleaner: Executor, *, places: Places = (),
        numbers: Iterator[int] | None = None,
    ) -> None:
        """Without `etc` the roots are bare folders, for plain processes. `numbers`: who shares the folder."""
        self.folder = folder
        self.written = (*WRITTEN, *etc.written, *above(places)) if etc else ("",)
        self.etc = etc
        self.cleaner = cleaner
        self.places = places
        self.kin: dict[Places, Roots] = {}
        self.spare: list[Root] = []
        if numbers is None:
            cleared(folder, cleaner)
        self.numbers = numbers or count()
        self.ahead = 0

    def holding(self, binds: Iterable[Bind]) -> Roots:
        """Those in which the places of an environment are made already: mounting it changes nothing, so they
        can be used again."""
        places = tuple(
            (path, os.path.isdir(bind.source)) for bind in binds
            if (path := bind.path.strip("/")).partition("/")[0] not in MOUNTED
        )
        if self.etc is None or not places:
            return self
        if places not in self.kin:
            if len(self.kin) >= KIN:
                return self
            self.kin[places] = Roots(
                self.folder, self.etc, self.cleaner, places=places, numbers=self.numbers
            )
        return self.kin[places]

    def take(self) -> Root:
        """One at hand. Whoever finds none has another one made beforehand from then on: a root is some thirty
        files and folders, and a busy disk is slow to make them."""
        try:
            root = self.spare.pop()
        except IndexError:
            self.ahead = min(self.ahead + 1, AHEAD)
            root = self.make()
        if len(self.spare) < self.ahead:
            self.cleaner.submit(self.restock)
        return root

    def restock(self) -> None:
        if len(self.spare) < self.ahead:
            self.spare.insert(0, self.make())

    def make(self) -> Root:
        root = Root(self, f"{self.folder}/{next(self.numbers)}")
        os.mkdir(root.path, 0o755)
        if self.etc:
            self.shape(root, self.etc)
        self.note(root)
        return root

    def note(self, root: Root) -> None:
        """From now on it is known as it is."""
        root.born = time.monotonic()
        root.stamp, root.names = stamp(root.written), listing(root.written)

    def shape(self, root: Root, etc: Etc) -> None:
        for name in PLAIN:
            os.mkdir(f"{root.path}/{name}", 0o755)
        for name in ACCOUNT_FOLDERS:
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
        etc.lay_out(f"{root.path}/etc")
        for path, folder in self.places:
            place = f"{root.path}/{path}"
            os.makedirs(place if folder else os.path.dirname(place), 0o755, exist_ok=True)
            if not folder:
                os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o644))

    def anonymous(self, root: Root) -> None:
        """For a pod without credentials: programs take the folder itself for a sign of a cluster."""
        if self.etc:
            for name in reversed(ACCOUNT_FOLDERS):
                os.rmdir(f"{root.path}/{name}")

    def give(self, root: Root) -> None:
        if len(self.spare) < POOLED and self.untouched(root):
            self.spare.append(root)
        else:
            self.cleaner.submit(self.renew, root)

    def renew(self, root: Root) -> None:
        """Making a root anew costs more than most steps: one that is as it was but for temporary files loses
        these and serves again."""
        try:
            fit = len(self.spare) < POOLED and self.emptied(root)
            if fit:
                self.note(root)
        except (OSError, RecursionError):
            fit = False
        if fit:
            self.spare.append(root)
        else:
            remove(root.path)

    def emptied(self, root: Root) -> bool:
        """Nothing but folders for temporary files has changed, and they are again as they were made."""
        now = zip(self.written, root.stamp, stamp(root.written), strict=True)
        changed = [name for name, before, after in now if before != after]
        return all(name in OPEN for name in changed) and all(
            emptied(f"{root.path}/{name}") for name in changed
        )

    def untouched(self, root: Root) -> bool:
        """A slow clock may hide a change made right after the making: then names are compared too."""
        fresh = time.monotonic() - root.born < SETTLED
        try:
            same = stamp(root.written) == root.stamp
            return same and (not fresh or listing(root.written) == root.names)
        except OSError:
            return False


def above(places: Places) -> tuple[str, ...]:
    """The folders on the way to them."""
    ways = [parent for path, _ in places for parent in Path(path).parents]
    return tuple(dict.fromkeys(str(way) for way in ways if str(way) != "."))


def stamp(paths: tuple[str, ...]) -> tuple[int, ...]:
    return tuple([info.st_ctime_ns for info in map(os.lstat, paths)])


def emptied(path: str) -> bool:
    """A folder for temporary files as new; False if more was done to it than to put things there.
    No link is followed: what it holds was a container's."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.listxattr(folder):
            return False
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.name, dir_fd=folder)
                else:
                    os.unlink(entry.name, dir_fd=folder)
        os.fchmod(folder, 0o1777)
        return True
    finally:
        os.close(folder)


def listing(paths: tuple[str, ...]) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(held(path)) for path in paths)


def held(path: str) -> list[str]:
    """A folder's names, or a file's content."""
    return os.listdir(path) if os.path.isdir(path) else [host_bytes(path).hex()]


class Etc:
    """What of /etc is inside: small files as private copies (a mount each would cost more than the program),
    folders of the host bound read-only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)
        self.hosts = host_bytes("/etc/hosts") or b"127.0.0.1 localhost\n::1 localhost\n"
        self.files = {
            "passwd": passwd(str(UID)),
            "group": b"root:x:0:\npod:x:1000:\nnogroup:x:65534:\n",
            "nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files dns\n",
            "hosts": self.hosts,
            "resolv.conf": host_bytes("/etc/resolv.conf"),
        }
        self.folders: list[str] = []
        for name in (*HOST_ETC, *of_java()):
            path = Path("/etc") / name
            if path.is_dir():
                self.folders.append(name)
            elif path.exists():
                self.files[name] = host_bytes(str(path))
        self.written = tuple(f"etc/{name}" for name in (*self.files, *self.above()))
        self.binds = lru_cache(64)(self._binds)

    def above(self) -> list[str]:
        """Folders on the way to what lies deeper."""
        return sorted({name.rpartition("/")[0] for name in (*self.files, *self.folders)} - {""})

    def write(self, name: str, content: bytes) -> str:
        path = self.folder / name
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
            path.chmod(0o644)
        return str(path)

    def _binds(self, uid: str) -> tuple[str, ...]:
        argv = [w for name in self.folders for w in ("--ro-bind", f"/etc/{name}", f"/etc/{name}")]
        if uid != str(UID):
            argv += ["--ro-bind", self.write(f"passwd-{uid}", passwd(uid)), "/etc/passwd"]
        return tuple(argv)

    def network(self) -> tuple[str, ...]:
        """For an image's root, whose /etc is its own."""
        names = ("hosts", "resolv.conf")
        return tuple(w for n in names for w in ("--ro-bind", self.write(n, self.files[n]), f"/etc/{n}"))

    def lay_out(self, etc: str) -> None:
        for name in self.above():
            os.makedirs(f"{etc}/{name}", 0o755, exist_ok=True)
        for name in self.folders:
            os.mkdir(f"{etc}/{name}", 0o755)
        for name, content in self.files.items():
            descriptor = os.open(f"{etc}/{name}", os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o644)
            try:
                os.write(descriptor, content)
            finally:
                os.close(descriptor)


def passwd(uid: str) -> bytes:
    shell = "/root:/bin/sh"
    return (
        f"root:x:0:0:root:{shell}\npod:x:{uid}:{uid}::{shell}\nnobody:x:65534:65534::/:/bin/false\n".encode()
    )


def host_bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def cleared(folder: Path, cleaner: Executor) -> None:
    """A new, empty folder; what an earlier life has left in it goes in the background."""
    if folder.exists():
        stale = folder.with_name(f"{folder.name}.stale-{time.time_ns()}")
        folder.rename(stale)
        cleaner.submit(remove, str(stale))
    folder.mkdir(mode=0o700)


def remove(path: str) -> None:
    """rm -rf, also where a pod has taken itself the permission. What cannot go stays for the next start."""
    for _ in range(2):
        try:
            shutil.rmtree(path, ignore_errors=True)
        except RecursionError:  # folders in folders in folders: somebody meant it
            subprocess.run(["rm", "-rf", "--", path], check=False, capture_output=True)
        if not os.path.lexists(path):
            return
        for folder, names, _files in os.walk(path):
            os.chmod(folder, 0o700)
            for name in names:
                if not os.path.islink(f"{folder}/{name}"):
                    os.chmod(f"{folder}/{name}", 0o700)
