"""What control and node say to each other: length-prefixed MessagePack over a unix socket.

Every frame is a 4-byte big-endian length and one tagged message. Control sends Run, Join, Kill, Ack, Forget;
node sends Hello and Report. Service and NoService tell the node what names its cluster network has. The node
decides nothing: it is idempotent by pod uid, keeps each final Report until it is acknowledged, and a Run for
a uid that it knows is answered by that pod's latest Report.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pinnace.node.network.messages import NoService, Service

VERSION = 1
ARTIFACT_ERROR = "ArtifactError"
"""Reason of a pod whose inputs could not be fetched: on a cluster its init container would have failed."""
LOGS = "main-logs"
"""The artifact that a kept log is."""
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


PROGRESS_FOLDER = "/var/run/argo"
PROGRESS_FILE = f"{PROGRESS_FOLDER}/progress"
"""Where a step says how far it is: `n/m`."""


class Hello(msgspec.Struct, tag="hello"):
    """First frame on every connection. `epoch` names this life of the node process: pods bound to an
    older epoch are lost. `pods`: the uids it knows, finished and unacknowledged ones included."""

    version: int
    epoch: str
    pods: list[str]
    isolation: str
    capacity_milli_cpu: int
    capacity_memory: int
    network: str = "none"
    """The best that it can give to a pod: `own`, `loopback` or `none`."""
    pid: int = 0
    """Of the node process: every process of a pod is below it. 0: not said."""
    network_why: str = ""
    """Why that is not `own`."""
    network_prefix: str = ""
    """The first two numbers of pods' addresses."""
    network_outside: bool = False
    """Whether pods with a network of their own reach what lies outside of it."""


class Mount(msgspec.Struct, omit_defaults=True):
    """`source` is an absolute host path (empty: a fresh tmpfs/emptyDir private to `volume`)."""

    path: str
    source: str = ""
    volume: str = ""
    sub_path: str = ""
    read_only: bool = False
    files: dict[str, bytes] | None = None
    """Content of a configMap, secret, projected or downwardAPI volume: relative path → bytes."""
    modes: dict[str, int] | None = None
    size_limit: int = 0
    medium: str = ""
    """`Memory`: an emptyDir that never touches the disk."""


class Remote(msgspec.Struct, omit_defaults=True):
    """Where an artifact lies that is not in `data/`: upstream's location document, the values of its secrets
    in place of their names. What the other fields mean is told in `data.remote.jobs`."""

    kind: str
    where: dict[str, Any]
    archive: str = ""
    level: int = 6


class Input(msgspec.Struct, omit_defaults=True):
    """An artifact to stage before the start: a blob (`digest`), raw bytes, or what lies elsewhere."""

    name: str
    path: str
    digest: str = ""
    raw: bytes | None = None
    mode: int | None = None
    recurse: bool = False
    """`mode` is for everything in a folder, too."""
    remote: Remote | None = None
    optional: bool = False
    """Remote: it may be missing."""


class Output(msgspec.Struct, omit_defaults=True):
    name: str
    path: str
    optional: bool = False
    default: str | None = None
    archive: str = ""
    """Parameters: unused. Artifacts: '' as it is (a tree stays a tree); remote stores decide on archives."""
    remote: Remote | None = None
    """Artifacts: where it is sent once it is taken."""


class Outputs(msgspec.Struct, omit_defaults=True):
    result: bool = False
    parameters: list[Output] = []
    artifacts: list[Output] = []
    logs: bool = False
    """The main container's log is an artifact, too: `main-logs`."""
    logs_to: Remote | None = None
    told: str = ""
    """The parameter in which a component of Kubeflow Pipelines says where else it left artifacts."""


class Probe(msgspec.Struct, omit_defaults=True):
    """HTTP GET or TCP connect or exec; `unix` is a socket path inside the pod's folder."""

    kind: str
    path: str = ""
    port: int = 0
    unix: str = ""
    command: list[str] = []
    initial_delay: float = 0
    period: float = 10
    timeout: float = 1
    success: int = 1
    failure: int = 3


class Container(msgspec.Struct, omit_defaults=True):
    name: str
    image: str
    command: list[str] = []
    args: list[str] = []
    env: dict[str, str] = {}
    cwd: str = ""
    mounts: list[Mount] = []
    uid: int | None = None
    memory_limit: int = 0
    storage_limit: int = 0
    """Bytes of ephemeral storage: its own root and its log; 0: none."""
    milli_cpu: int = 0
    """CPU limit, thousandths of a core; 0: none."""
    restart: str = "Never"
    """`Never`, `OnFailure`, `Always` (back-off 10 s doubling to 300 s, as the kubelet). An init container
    with `Always` is a native sidecar; those of a pod that restarts are sent as `OnFailure`."""
    tty: bool = False
    stdin: bool = False
    stdin_once: bool = False
    """The first who is attached and leaves ends the input."""
    readiness: Probe | None = None
    liveness: Probe | None = None
    startup: Probe | None = None
    post_start: Probe | None = None
    pre_stop: Probe | None = None
    """Hooks: asked once, in a probe's form; of kind `sleep`, for `period` seconds."""
    script: str | None = None
    """Source of a script template: written to /argo/staging/script (0755), its path appended to command."""
    unix_sockets: list[str] = []
    """Paths (inside) of sockets that the gateway connects to; the node reports their host paths."""
    read_only_root: bool = False
    after: list[str] = []
    """Containers of the pod that have to succeed first; where one fails this one is not run."""
    pauses: str = ""
    """`before`, `after` or `before after`: it waits there until somebody inside makes a file of that name in
    PROGRESS_FOLDER/ctr/<container>."""
    retries: int = 0
    """How often it is run again after a failure, without the pod noticing; `pause` seconds between."""
    pause: float = 0


class Run(msgspec.Struct, tag="run", omit_defaults=True):
    uid: str
    namespace: str
    name: str
    containers: list[Container]
    init: list[Container] = []
    main: str = ""
    """The container whose end ends the pod (workflow pods: `main`, the others are sidecars and then
    stopped). Empty: the pod ends when all have."""
    giver: str = ""
    """Without `main`: the container whose result and outputs are taken (of a set that ends together)."""
    inputs: list[Input] = []
    outputs: Outputs | None = None
    folders: list[str] = []
    """Folders of the main container's that are there, empty, before it starts."""
    progress: bool = False
    """Its main container writes PROGRESS_FILE; what stands there is reported."""
    deadline: float | None = None
    """Absolute unix time (activeDeadlineSeconds)."""
    grace: float = 30
    isolation: str = ""
    account: str = ""
    """A folder of the host with the credentials of its service account, shown read-only at `ACCOUNT`."""
    network: str = "none"
    """`own`, `loopback` (an address of the host's own) or `none`."""
    address: str = ""
    hosts: dict[str, str] = {}
    """Names → addresses for its /etc/hosts, in that order."""
    hostname: str = ""
    ports: list[int] = []
    """Of a pod with a network of its own: those that the host may connect to (`network/door.py`)."""
    resolver: str = ""
    """The text of its /etc/resolv.conf; '': the host's."""


class Join(msgspec.Struct, tag="join", omit_defaults=True):
    """One more container for a pod that runs (an ephemeral one): its end changes nothing for the pod, the
    pod's end is its own. Known by its name: said again, it is not started again."""

    uid: str
    container: Container
    target: str = ""
    """The container whose processes it sees."""


class Kill(msgspec.Struct, tag="kill"):
    uid: str
    grace: float = 30
    reason: str = ""
    message: str = ""


class Ack(msgspec.Struct, tag="ack"):
    """Control has committed the final report of these pods: the node may forget them."""

    uids: list[str]


class Forget(msgspec.Struct, tag="forget"):
    """The Pod objects are gone: their folders (logs) may go too. Unknown uids are fine; a pod that still
    lives is not forgotten (send Kill, and Ack its end, first)."""

    uids: list[str]


class Refresh(msgspec.Struct, tag="refresh"):
    """What a volume of a running pod holds has been changed: all its files, as they are now."""

    uid: str
    volume: str
    files: dict[str, bytes]
    modes: dict[str, int]


class ContainerState(msgspec.Struct, omit_defaults=True):
    """Times are unix seconds. Not started: `waiting` is the reason (ContainerCreating, ErrImagePull …)."""

    name: str
    waiting: str = ""
    image_id: str = ""
    """Which environment or image it is, by digest."""
    message: str = ""
    started: float = 0
    finished: float = 0
    exit_code: int | None = None
    signal: int = 0
    reason: str = ""
    """Completed, Error, OOMKilled, ContainerCannotRun, DeadlineExceeded …"""
    ready: bool = False
    restarts: int = 0
    last_exit: int | None = None
    last_reason: str = ""
    last_message: str = ""
    pid: int = 0
    sockets: dict[str, str] = {}
    init: bool = False
    unhealthy: str = ""
    """What the last probe said that failed so often that it counts; '' once the container is ready again."""
    failures: int = 0
    """How often that was said."""


class Artifact(msgspec.Struct, omit_defaults=True):
    digest: str
    size: int
    directory: bool = False


class Collected(msgspec.Struct, omit_defaults=True):
    result: str | None = None
    parameters: dict[str, str] = {}
    artifacts: dict[str, Artifact] = {}
    error: str = ""
    """An output that could not be taken (missing, not a regular file, outside): the node Error's text."""


class PodReport(msgspec.Struct, omit_defaults=True):
    """`phase` is Pending, Running, Succeeded or Failed; final when one of the last two."""

    uid: str
    phase: str
    containers: list[ContainerState] = []
    reason: str = ""
    message: str = ""
    outputs: Collected | None = None
    isolation: str = ""
    address: str = ""
    progress: str = ""
    """What the pod says of how far it is."""
    guests: list[ContainerState] = []
    """The containers that joined it."""


class Report(msgspec.Struct, tag="report"):
    """At most one per pod in a batch, the newest; sent at once when idle, else every 4 ms at most."""

    pods: list[PodReport]


class Open(msgspec.Struct, tag="open", omit_defaults=True):
    """The first and only frame that control sends on `home.session_socket`: one connection is one session.
    Without `argv` the container's own main process is meant (attach). Closing the connection ends it."""

    uid: str
    container: str
    argv: list[str] = []
    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    tty: bool = False


class HangUp(msgspec.Struct, tag="hangup"):
    """From control, to a main process: who typed has ended the input."""


class Opened(msgspec.Struct, tag="opened", omit_defaults=True):
    """The streams, in the order of the descriptors that come with this frame: `stdin`, `stdout`, `stderr`,
    or `terminal` (both ways). `log`: where an attached container without a terminal writes, `offset`: how
    much of it is old."""

    streams: list[str] = []
    log: str = ""
    offset: int = 0


class Ended(msgspec.Struct, tag="ended", omit_defaults=True):
    """The last frame. `error`: it did not start, and why; `missing`: there is no such running container."""

    code: int = 0
    error: str = ""
    missing: bool = False


ToNode = Run | Join | Kill | Ack | Forget | Refresh | Service | NoService
FromNode = Hello | Report
ToSession = Open | HangUp
FromSession = Opened | Ended
