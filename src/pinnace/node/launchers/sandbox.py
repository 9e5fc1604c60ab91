"""Sandbox isolation: bubblewrap, always with a user namespace of its own, a non-zero uid and no capability.

The root is a private folder (or an image with a private upper layer) over which the host's programs are bound
read-only; nothing else of the host is there. TERM goes to the container's own process: bubblewrap would die
of it and take the container along before its handler ran.
"""

from __future__ import annotations

import marshal
import os
import signal
import sys
from functools import lru_cache
from pathlib import Path
from typing import Protocol, runtime_checkable

import msgspec

from pinnace.node.launchers import Bind, Command, Ended, Exit, Handle, Launch, StartError, Terms
from pinnace.node.launchers.process import in_cgroups
from pinnace.node.launchers.ways import View, refuse_links
from pinnace.node.orphans import processes
from pinnace.node.reaper import Reaper, exit_code, kill_session
from pinnace.node.rewriting import Rewriter
from pinnace.node.roots import LINKS, UID, Etc
from pinnace.node.streams import on_terminal

ALONE = ("-I", "-S", "-B")
"""A Python that starts at once and reads no file or variable of a user's."""
ENTERING = str(Path(__file__).parent.with_name("entering.py"))
BESIDE = str(Path(__file__).parent.with_name("beside.py"))
OWN_PROCESSES = frozenset(("--unshare-user", "--unshare-pid", "--disable-userns"))
"""What a container among another one's processes has not."""
HIDDEN = ("--perms", "0555", "--tmpfs", "/proc/1", "--remount-ro", "/proc/1")
"""Where bubblewrap is process 1: its /proc/1/exe is a file of the user's on the host, who may chmod it."""
IMAGE_FOLDERS = ("etc", "proc", "dev")
"""Where files of ours are bound into an image's root."""
USR = ("--ro-bind", "/usr", "/usr")
LEADERS = ("/usr/bin/setsid", "/bin/setsid")
PRIVATE = ("tmp", "run", "mnt", "home", "root", "var", "etc", "workspace", "data", "proc", "dev")
UNSAFE = frozenset(
    (
        *("GCONV_PATH", "GETCONF_DIR", "HOSTALIASES", "LOCALDOMAIN", "LOCPATH", "NIS_PATH", "NLSPATH"),
        *("RESOLV_HOST_CONF", "RES_OPTIONS", "TMPDIR", "TZDIR"),
    )
)


@runtime_checkable
class Sandboxed(Protocol):
    """What has namespaces of its own, however it was started."""

    @property
    def parent(self) -> int:
        """Of process 1 of the namespace."""
        ...

    def child(self) -> int: ...


def entering(target: int, parent: int, argv: list[str], launch: Launch, terms: Terms | None) -> Command:
    """What joins the namespaces of process 1 `target`. The container's variables are in the order: none of
    them may reach a program outside."""
    order: dict[str, object] = {
        "target": target, "parent": parent, "argv": argv, "env": launch.env,
        "cwd": launch.cwd or "/", "groups": launch.cgroups,
    }  # fmt: skip
    if terms is not None:
        order |= {"answer": terms.answer, "terminal": terms.terminal}
    if terms is not None and terms.terminal:
        order["env"] = {"TERM": "xterm", **launch.env}
    return Command([sys.executable, *ALONE, ENTERING], {}, order=marshal.dumps(order))


class SandboxHandle:
    __slots__ = ("as_one", "guest", "inner", "pid", "status", "stood_in", "stopped")

    def __init__(self, status: int, as_one: bool, guest: bool = False) -> None:
        """`guest`: it lives among another container's processes, whose process 1 is not its own."""
        self.guest = guest
        self.pid = 0
        self.status = status
        self.as_one = as_one
        self.inner = 0
        self.stopped = False
        self.stood_in = 0

    def signal(self, number: int) -> None:
        """As process 1 the kernel spares it signals that it does not handle: where TERM would have ended an
        ordinary process, KILL does, and the exit says TERM."""
        self.stopped = True
        target = self.first()
        if not target or (self.as_one and disposition(target, number) == "default"):
            self.stood_in = number
            self.kill()
        else:
            send(target, number)

    def kill(self) -> None:
        """The first process of the namespace: bubblewrap's end then follows that of the last one."""
        self.stopped = True
        if not self.child() or not send(self.inner, signal.SIGKILL):
            kill_session(self.pid)

    @property
    def parent(self) -> int:
        return self.pid

    def child(self) -> int:
        """Process 1 of the namespace, 0 before it exists."""
        if not self.inner and self.status >= 0:
            text = os.pread(self.status, 4096, 0).partition(b"\n")[0]
            if text:
                self.inner = int(msgspec.json.decode(text).get("child-pid", 0))
        return self.inner

    def first(self) -> int:
        """The container's own first process."""
        one = self.child()
        if self.as_one or not one:
            return one
        try:
            children = Path(f"/proc/{one}/task/{one}/children").read_text().split()
        except OSError:
            return 0
        return int(children[0]) if children else 0

    def members(self) -> list[int]:
        parents: dict[int, list[int]] = {}
        for process in processes():
            parents.setdefault(process.parent, []).append(process.pid)
        found = [self.pid]
        for pid in found:
            found += parents.get(pid, [])
        return found

    def command(self, argv: list[str], launch: Launch, terms: Terms | None = None) -> Command:
        return entering(self.child(), self.pid, argv, launch, terms)

    def executed(self) -> bool:
        """Whether the program itself ran: only then bubblewrap states its exit code."""
        return b"exit-code" in os.pread(self.status, 4096, 0)

    def emptied(self) -> bool:
        """Whether process 1 of the namespace has ended, as it does after all others. Where bubblewrap has
        not waited for it, it came to this subreaper."""
        if not self.child():
            return False
        try:
            return os.waitpid(self.inner, os.WNOHANG)[0] == self.inner
        except ChildProcessError:
            return not send(self.inner, 0)

    def over(self, status: int) -> Exit:
        code = exit_code(status)
        ran = code == 0 or self.stopped or os.WIFSIGNALED(status) or self.executed()
        gone = self.emptied()
        os.close(self.status)
        self.status = -1
        if self.guest:
            self.leave_none()
        if not ran:
            return Exit(128, "StartError")
        return Exit(128 + self.stood_in if self.stood_in and code else code, alone=gone)


    def leave_none(self) -> None:
        """No namespace ends with it, so what it has started may outlive it: ended by its session."""
        for process in processes():
            if self.inner and process.session == self.inner:
                send(process.pid, signal.SIGKILL)


class SandboxLauncher:
    name = "sandbox"
    private_root = True

    def __init__(
        self, reaper: Reaper, etc: Etc, program: str, *, overlay: bool = True, nested: bool = False
    ) -> None:
        """`overlay`, `nested`: what this machine's bubblewrap and kernel can do (see probe.py)."""
        self.reaper = reaper
        self.etc = etc
        self.program = program
        self.overlay = overlay
        self.spaces = namespaces(nested)
        self.host = host_root()
        self.shared = ("etc", *(f"etc/{name}" for name in etc.above()))

    def start(self, launch: Launch, ended: Ended) -> Handle:
        hidden = [name for name in launch.env if unsafe(name)]
        argv = self.argv(launch, hidden)
        beside = launch.beside
        handle = SandboxHandle(os.memfd_create("status"), bool(beside) or not launch.executor, bool(beside))
        argv[:0] = (*self.words(beside), "--json-status-fd", str(handle.status))
        argv[:0] = launch.entrance
        argv, program = in_cgroups_outside(launch, argv, argv[0])
        if launch.tty and not self.leading(launch):
            argv = on_terminal(argv, program)
            program = argv[0]

        def over(status: int) -> None:
            ended(handle.over(status))

        try:
            handle.pid = self.reaper.spawn(
                argv,
                outside(launch.env) if hidden else launch.env,
                over,
                program=program,
                stdin=launch.stdin,
                stdout=launch.stdout,
                stderr=launch.stderr,
                kept=handle.status,
            )
        except OSError:
            os.close(handle.status)
            raise
        return handle

    def argv(self, launch: Launch, hidden: list[str]) -> list[str]:
        """bubblewrap's words. `hidden`: the variables that only the container may see."""
        uid = str(launch.user or launch.built.user or UID)
        view = View(launch.root, launch.built.root, fresh=launch.fresh)
        binds = [view.mount(bind) for bind in launch.binds]
        root = self.image_root(launch) if launch.built.root else self.host_view(launch, uid, binds)
        spaces = [word for word in self.spaces if word != "--new-session"] if launch.tty else self.spaces
        if launch.beside:
            spaces = [word for word in spaces if word not in OWN_PROCESSES]
        ids = [] if launch.beside else ["--uid", uid, "--gid", uid]
        argv = [*spaces, *ids, "--hostname", launch.hostname[:63] or "pod", *root]
        if not launch.fresh:
            refuse_links(launch.root, above(launch.built.binds))
        argv += environment_binds(launch.built.binds)
        for bind in binds:
            argv += ("--ro-bind" if bind.read_only else "--bind", bind.source, bind.path)
        if launch.cwd not in ("", "/"):
            cwd = view.way(launch.cwd)
            argv += ("--dir", cwd, "--chdir", cwd)
        else:
            argv += ("--chdir", "/")
        if launch.read_only_root:
            argv += ("--remount-ro", "/")
        argv += HIDDEN if launch.executor else () if launch.beside else ("--as-pid-1",)
        for name in hidden:
            argv += ("--setenv", name, launch.env[name])
        leader = self.leading(launch) if launch.tty else []
        return [*argv, "--", *leader, *launch.argv]

    def words(self, beside: Handle | None) -> tuple[str, ...]:
        """What starts bubblewrap. StartError: the container that is looked at has ended."""
        if beside is None:
            return (self.program,)
        if not isinstance(beside, Sandboxed) or not beside.child():
            raise StartError("the container to look at does not run")
        return (sys.executable, *ALONE, BESIDE, str(beside.child()), str(beside.parent), self.program)

    @staticmethod
    def leading(launch: Launch) -> list[str]:
        """What makes the program the leader of a session on its terminal, inside: only so a shell finds the
        process group that the terminal belongs to. Without it, the session is bubblewrap's, outside."""
        for path in LEADERS:
            if os.path.exists(f"{launch.built.root}{path}"):
                return [path, "-c"]
        return []

    def host_view(self, launch: Launch, uid: str, binds: list[Bind]) -> list[str]:
        """A mount below /usr at a place that the host's has not is made in a layer above it."""
        if not launch.fresh:
            refuse_links(launch.root, self.shared)
        host = self.host
        if self.overlay and any(bind.path.startswith("/usr/") and unknown(bind.path) for bind in binds):
            host = ["--overlay-src", "/usr", "--tmp-overlay", "/usr", *host[len(USR) :]]
        return ["--bind", launch.root, "/", *host, *self.etc.binds(uid)]

    def image_root(self, launch: Launch) -> list[str]:
        """The unpacked image below, the pod's folder above."""
        image, root = launch.built.root, launch.root
        refuse_links(image, IMAGE_FOLDERS)
        refuse_links(root, IMAGE_FOLDERS)
        if self.overlay:
            work = f"{root}.work"
            os.makedirs(work, mode=0o700, exist_ok=True)
            view = ["--overlay-src", image, "--overlay", root, work, "/"]
        else:
            view = ["--bind", root, "/", *bound_image(Path(image), Path(root))]
        tmp = View(root, image).way("/tmp")  # noqa: S108 - inside
        return [*view, *machine(), "--perms", "1777", "--dir", tmp, *self.etc.network()]

    def rewriter(self, root: str, declared: list[str], elsewhere: dict[str, str]) -> Rewriter:
        return Rewriter("", [])

    def sweep(self) -> None:
        """Nothing: `--die-with-parent` has ended them with the node."""


def unknown(path: str) -> bool:
    return not os.path.lexists(path)


def machine() -> tuple[str, ...]:
    """/proc and /dev. /proc is read-only: under a node of root's the uid inside is root's outside, and for
    /proc/sys (core_pattern!) the owner alone counts; and what runs should not depend on who runs the node.
    One flag on the mount costs nothing, a cover over each writable entry a fifth of the start."""
    return ("--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev")


def namespaces(nested: bool) -> list[str]:
    spaces = "--unshare-user --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try --cap-drop ALL"
    rest = "--die-with-parent --new-session"
    return f"{spaces} {rest}{'' if nested else ' --disable-userns'}".split()


def host_root() -> list[str]:
    """The host's programs, read-only; its links are made in the root itself (roots.py)."""
    argv = [*USR]
    for name in LINKS:
        path = Path("/") / name
        if path.is_dir() and not path.is_symlink():
            argv += ["--ro-bind", str(path), str(path)]
    return [*argv, *machine()]


@lru_cache(256)
def environment_binds(binds: tuple[Bind, ...]) -> tuple[str, ...]:
    return tuple(word for b in binds for word in ("--ro-bind", b.source, b.path))


@lru_cache(256)
def above(binds: tuple[Bind, ...]) -> tuple[str, ...]:
    """The folders on the way to them, from the root."""
    folders = (str(folder).strip("/") for b in binds for folder in reversed(Path(b.path).parents))
    return tuple(dict.fromkeys(folder for folder in folders if folder))


def bound_image(image: Path, root: Path) -> list[str]:
    """Without overlays: the image's folders read-only, those that programs write to left private."""
    argv: list[str] = []
    for entry in sorted(image.iterdir()):
        own = root / entry.name
        if entry.is_symlink():
            if not own.is_symlink():
                own.symlink_to(entry.readlink())
        elif entry.name not in PRIVATE or entry.name == "etc":
            argv += ["--ro-bind", str(entry), f"/{entry.name}"]
    return argv


@lru_cache(2048)
def unsafe(name: str) -> bool:
    """Variables by which bubblewrap itself, outside, could be made to run a pod's code."""
    return name.startswith(("LD_", "GLIBC_", "MALLOC_")) or name in UNSAFE


def outside(env: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in env.items() if not unsafe(k)}


def in_cgroups_outside(launch: Launch, argv: list[str], program: str) -> tuple[list[str], str]:
    if not launch.cgroups:
        return argv, program
    return in_cgroups(msgspec.structs.replace(launch, argv=argv), program)


def disposition(pid: int, number: int) -> str:
    """What the process does with this signal: `caught`, `ignored` or `default`."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return "default"
    masks = dict(line.split(":\t", 1) for line in status.splitlines() if line.startswith("Sig"))
    for name, word in (("SigCgt", "caught"), ("SigIgn", "ignored")):
        if int(masks.get(name, "0"), 16) >> (number - 1) & 1:
            return word
    return "default"


def send(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except OSError:
        return False
    return True
