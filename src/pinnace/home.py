"""Where everything of one platform lies on disk. Every process gets the home in its arguments; nobody else
spells a path of it.

Unix sockets have a 107-byte limit, so they live in a short private folder derived from the home.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import msgspec


class Home(msgspec.Struct, frozen=True):
    """The folder `$PINNACE_HOME` (default `~/.pinnace`), always absolute and resolved."""

    root: Path

    @classmethod
    def at(cls, path: str | os.PathLike[str] | None = None) -> Home:
        chosen = path or os.environ.get("PINNACE_HOME") or Path.home() / ".pinnace"
        return cls(Path(chosen).expanduser().resolve())

    def prepare(self) -> Home:
        """Create the folders, private to the user. PermissionError: the socket folder is not ours."""
        folders = (self.pods, self.logs, self.volumes, self.data, self.environments, self.gateway)
        for path in (self.root, *folders):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.run.mkdir(parents=True, exist_ok=True, mode=0o700)
        info = self.run.lstat()
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid() or info.st_mode & 0o077:
            raise PermissionError(f"{self.run} is not a private folder of this user; remove it and try again")
        return self

    @property
    def run(self) -> Path:
        """Sockets only: `/tmp/pinnace-<uid>-<digest of the home>` (or under `$XDG_RUNTIME_DIR`)."""
        digest = hashlib.blake2s(str(self.root).encode(), digest_size=5).hexdigest()
        base = os.environ.get("XDG_RUNTIME_DIR")
        if base and Path(base).is_dir() and len(base) < 40 and os.access(base, os.W_OK):
            return Path(base) / f"pinnace-{digest}"
        return Path(f"/tmp/pinnace-{os.getuid()}-{digest}")  # noqa: S108 - ownership is checked in prepare

    @property
    def database(self) -> Path:
        return self.root / "store.db"

    @property
    def lock(self) -> Path:
        return self.root / "supervisor.lock"

    @property
    def state(self) -> Path:
        """What the supervisor says of its processes (JSON: pids, ports, options)."""
        return self.root / "supervisor.json"

    @property
    def token(self) -> Path:
        return self.root / "token"

    @property
    def kubeconfig(self) -> Path:
        return self.root / "kubeconfig"

    @property
    def certificates(self) -> Path:
        """ca.crt, ca.key, server.crt, server.key."""
        return self.root / "tls"

    @property
    def accounts(self) -> Path:
        """What pods of a service account share: accounts/<uid of the account>/{token,ca.crt,namespace}."""
        return self.root / "accounts"

    @property
    def pods(self) -> Path:
        """One folder a pod uid, see `node/`."""
        return self.root / "pods"

    def pod(self, uid: str) -> Path:
        return self.pods / uid

    def log(self, uid: str, container: str, restart: int = 0) -> Path:
        """The O_APPEND log of one life of a container, raw bytes as the process wrote them. It is there a
        moment after the first of them: of a silent container there is none."""
        file = f"{container}.log" if restart == 0 else f"{container}.{restart}.log"
        return self.pods / uid / file

    @property
    def volumes(self) -> Path:
        """PersistentVolumeClaims: volumes/<namespace>/<claim>/."""
        return self.root / "volumes"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def environments(self) -> Path:
        """Python environments by digest of their definition."""
        return self.root / "environments"

    @property
    def environment_rules(self) -> Path:
        return self.root / "environments.yaml"

    @property
    def gateway(self) -> Path:
        return self.root / "gateway"

    @property
    def logs(self) -> Path:
        """supervisor.log, control.log, node.log, gateway.log."""
        return self.root / "logs"

    @property
    def node_socket(self) -> Path:
        return self.run / "node.sock"

    @property
    def api_socket(self) -> Path:
        """The API once more, for pods with a network of their own."""
        return self.run / "api.sock"

    @property
    def ingress_socket(self) -> Path:
        """The gateway once more, for pods with a network of their own."""
        return self.run / "ingress.sock"

    @property
    def session_socket(self) -> Path:
        """The node's other one: a connection is a command or a person inside a container."""
        return self.run / "sessions.sock"


def write_private(path: Path, body: bytes) -> None:
    """Replace a file by one that only its owner may read, never half written."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
