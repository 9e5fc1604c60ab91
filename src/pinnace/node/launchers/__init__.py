"""The seam behind which a container becomes a process: one launcher an isolation, one file each.

`container.py` (node) hands over a `Launch` and gets a `Handle`; what isolates is decided here and nowhere
else. A warm launcher (a zygote per environment) takes the same `Launch`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from pinnace.node.rewriting import Rewriter


class StartError(Exception):
    """The container cannot start; the text is for the person who wrote the manifest."""


def unstarted(program: str, why: str = "") -> str:
    """What a container says whose program did not start, as runc words it. Without `why` there is no such
    program."""
    missing = f"stat {program}: no such file or directory" if "/" in program else NOT_IN_PATH
    return f'unable to start container process: exec: "{program}": {why or missing}'


NOT_IN_PATH = "executable file not found in $PATH"


class Bind(msgspec.Struct, frozen=True):
    source: str
    path: str
    read_only: bool = False


class Built(msgspec.Struct, frozen=True):
    """An image or an environment, ready on disk."""

    digest: str
    binds: tuple[Bind, ...] = ()
    """Folders and files visible read-only."""
    path: tuple[str, ...] = ()
    """Folders before PATH."""
    env: dict[str, str] = {}
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    workdir: str = ""
    root: str = ""
    """An unpacked image; empty: the host's programs."""
    user: int | None = None
    layered: bool = False
    """The packages that the program would install at its start are there."""
    python: str = ""
    """The environment's own interpreter, if it is one of Python."""
    preload: tuple[str, ...] = ()
    """Modules that are imported before there is a program (a warm start)."""
    identity: str = ""
    """What lineage knows it by: an image's digest, an environment's with that of what was installed."""
    image: str = ""
    """As the manifest names it; the container launcher asks its engine for this one."""


class Launch(msgspec.Struct):
    uid: str
    container: str
    isolation: str
    argv: list[str]
    env: dict[str, str]
    cwd: str
    built: Built
    root: str
    """The container's private folder, its `/` as far as it writes; empty where it has none."""
    folder: str
    """The pod's folder."""
    binds: list[Bind] = []
    hostname: str = ""
    user: int | None = None
    executor: bool = False
    """Upstream runs this one under an executor, which is process 1 there."""
    read_only_root: bool = False
    cgroups: tuple[str, ...] = ()
    stdin: int = -1
    stdout: int = -1
    stderr: int = -1
    writable: tuple[str, ...] = ()
    """Folders that must exist in `root`."""
    memory_limit: int = 0
    milli_cpu: int = 0
    command: list[str] = []
    args: list[str] = []
    """What the manifest says, for an engine that knows the image's own entrypoint."""
    outputs: tuple[str, ...] = ()
    """Paths outside any mount that are read after the end."""
    log: str = ""
    entrance: tuple[str, ...] = ()
    """Words before the launcher's own that bring it into the pod's network."""
    fresh: bool = False
    """`root` is as the pool gave it: nobody has run in it since it was looked at."""
    rewriter: Rewriter | None = None
    """How its texts were adapted; a command that enters it later is adapted the same way."""
    tty: bool = False
    """Its streams are a terminal of its own."""
    beside: Handle | None = None
    """A container whose processes it sees."""


class Exit(msgspec.Struct):
    code: int
    reason: str = ""
    message: str = ""
    alone: bool = False
    """No process of the container is left, for certain."""


class Command(msgspec.Struct, frozen=True):
    """What to start here so that something runs inside a container: an exec probe, or `kubectl exec`. Its
    standard streams are those of what runs inside, its end is that one's; a signal goes to its session."""

    argv: list[str]
    env: dict[str, str]
    cwd: str = "/"
    order: bytes = b""
    """What it reads at descriptor 3."""


class Terms(msgspec.Struct, frozen=True):
    """That a command is somebody's session. `answer`: a socket that the command keeps, if it is started by a
    program of ours (`entering.py`), until it has begun. `stdin`: somebody may type."""

    answer: int = -1
    terminal: bool = False
    stdin: bool = False


class Handle(Protocol):
    """A started container. `ended` (given to start) is called once, when its main process is gone."""

    pid: int

    def signal(self, number: int) -> None:
        """To the container's own first process; nothing if it is gone."""
        ...

    def kill(self) -> None:
        """All of its processes, now."""
        ...

    def members(self) -> list[int]:
        """The host's ids of its processes, for the memory watchdog."""
        ...

    def command(self, argv: list[str], launch: Launch, terms: Terms | None = None) -> Command:
        """What runs `argv` inside. StartError: impossible here."""
        ...


Ended = Callable[[Exit], None]


class Launcher(Protocol):
    name: str
    private_root: bool
    """Whether declared paths are where the manifest names them."""

    def start(self, launch: Launch, ended: Ended) -> Handle:
        """StartError: it could not be started."""
        ...

    def rewriter(self, root: str, declared: list[str], elsewhere: dict[str, str]) -> Rewriter:
        """How texts of the manifest are adapted before the start. Unwritable: one cannot be."""
        ...

    def sweep(self) -> None:
        """Kill what an earlier life of this node has left."""
        ...
