"""A pod's room: the namespaces and mounts that bubblewrap's words ask for, made by a child of the keeper.

`furnish` reads the very words that the sandbox launcher gives bubblewrap, so that a warm start and a cold one
cannot differ in what they show; a word that it does not know is refused, and the pod then starts cold.
Invariant: mount points are found without following a link, and what is mounted read-only is locked before
anyone enters who is not trusted.
"""

from __future__ import annotations

import os
import stat

from pinnace.node.warm import kernel

NODES = ("null", "zero", "full", "random", "urandom", "tty")
STREAMS = (("stdin", "0"), ("stdout", "1"), ("stderr", "2"))
IGNORED = frozenset(
    (
        "--unshare-user",
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--new-session",
        "--die-with-parent",
    )
)
PAIRS = frozenset(("--uid", "--gid", "--hostname", "--cap-drop", "--chdir", "--perms"))
BINDS = frozenset(("--bind", "--ro-bind"))
PLACES = frozenset(("--dir", "--proc", "--dev", "--tmpfs", "--remount-ro"))
PLAIN = kernel.NOSUID | kernel.NODEV


class Unknown(Exception):
    """A word that only bubblewrap understands."""


class Room:
    """`place`: an empty folder of the host that becomes its root."""

    def __init__(self, place: str, words: list[str], *, own_proc: bool = True) -> None:
        """`own_proc`: /proc is that of a namespace that does not exist yet, and waits for `settle`."""
        self.place = place
        self.said = {"--uid": "1000", "--hostname": "pod", "--chdir": "/"}
        self.nested = True
        self.own_proc = own_proc
        self.root = -1
        self.later: list[tuple[str, str, int]] = []
        self.furnish(words)

    def furnish(self, words: list[str]) -> None:
        left = iter(words)
        mode = 0o755
        for word in left:
            if word in BINDS:
                self.bind(next(left), next(left), read_only=word == "--ro-bind")
            elif word in PLACES:
                self.put(word, next(left), mode)
                mode = 0o755
            elif word == "--perms":
                mode = int(next(left), 8)
            elif word in PAIRS:
                self.said[word] = next(left)
            elif word == "--disable-userns":
                self.nested = False
            elif word not in IGNORED:
                raise Unknown(word)

    def put(self, word: str, path: str, mode: int) -> None:
        if self.own_proc and (path == "/proc" or path.startswith("/proc/")):
            self.later.append((word, path, mode))
            return
        if word == "--dir":
            os.close(self.folder(path, mode))
        elif word == "--dev":
            self.devices(path)
        elif word == "--proc":
            self.mount("proc", path, PLAIN | kernel.NOEXEC)
        elif word == "--tmpfs":
            self.mount("tmpfs", path, PLAIN, f"mode={mode:04o}")
        else:
            self.freeze(path)

    def settle(self) -> None:
        """What belongs to this process' own namespace of processes. That of mounts is a new one by now."""
        os.close(self.root)
        self.root = os.open(self.place, os.O_PATH | os.O_CLOEXEC)
        self.own_proc = False
        for word, path, mode in self.later:
            self.put(word, path, mode)

    # Mounts ------------------------------------------------------------------------------------------------

    def bind(self, source: str, path: str, *, read_only: bool) -> None:
        tree = kernel.copied(source)
        kernel.restrict(tree, PLAIN | (kernel.RDONLY if read_only else 0))
        if path == "/":
            place = os.open(self.place, os.O_PATH | os.O_CLOEXEC)
            kernel.attach(tree, place)
            self.root = os.open(self.place, os.O_PATH | os.O_CLOEXEC)
        else:
            place = self.folder(path) if stat.S_ISDIR(os.fstat(tree).st_mode) else self.file(path)
            kernel.attach(tree, place)
        os.close(place)
        os.close(tree)

    def mount(self, kind: str, path: str, flags: int, options: str = "") -> None:
        place = self.folder(path)
        kernel.mount(kind, f"/proc/self/fd/{place}", flags, options)
        os.close(place)

    def freeze(self, path: str) -> None:
        place = kernel.beneath(self.root, path)
        kernel.restrict(place, kernel.RDONLY, deep=False)
        os.close(place)

    def devices(self, path: str) -> None:
        """As bubblewrap makes /dev."""
        self.mount("tmpfs", path, PLAIN, "mode=0755")
        folder = kernel.beneath(self.root, path)
        for name in NODES:
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666, dir_fd=folder))
            tree, place = kernel.copied(f"/dev/{name}"), kernel.beneath(folder, name)
            kernel.restrict(tree, kernel.NOSUID)
            kernel.attach(tree, place)
            os.close(tree)
            os.close(place)
        for name, target in (*((n, f"/proc/self/fd/{t}") for n, t in STREAMS), ("fd", "/proc/self/fd"),
                             ("core", "/proc/kcore"), ("ptmx", "pts/ptmx")):  # fmt: skip
            os.symlink(target, name, dir_fd=folder)
        for name in ("shm", "pts"):
            os.mkdir(name, 0o755, dir_fd=folder)
        os.close(folder)
        self.mount(
            "devpts", f"{path}/pts", kernel.NOSUID | kernel.NOEXEC, "newinstance,ptmxmode=0666,mode=620"
        )

    # Places ------------------------------------------------------------------------------------------------

    def folder(self, path: str, mode: int = 0o755) -> int:
        """It, made where it is missing."""
        try:
            return kernel.beneath(self.root, path)
        except FileNotFoundError:
            above, _, name = path.rstrip("/").rpartition("/")
            parent = self.folder(above or "/")
            os.mkdir(name, mode, dir_fd=parent)
            os.close(parent)
            return kernel.beneath(self.root, path)

    def file(self, path: str) -> int:
        try:
            return kernel.beneath(self.root, path)
        except FileNotFoundError:
            above, _, name = path.rpartition("/")
            parent = self.folder(above or "/")
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
            os.close(os.open(name, flags, 0o666, dir_fd=parent))
            os.close(parent)
            return kernel.beneath(self.root, path)
