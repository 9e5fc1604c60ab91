"""From a container of the manifest to a `Launch`: argv, environment, mounts, staged inputs, rewritten paths.

`pod.py` makes one Outfitter a pod, before the start. What it works out is kept, so that a restarted container
gets the same.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from functools import cache
from pathlib import Path

from pinnace.authoring.kfp import layers
from pinnace.node import tracking
from pinnace.node.launchers import Bind, Built, Launch, Launcher, StartError
from pinnace.node.network.hosts import LOCAL, lines
from pinnace.node.protocol import ACCOUNT, PROGRESS_FILE, PROGRESS_FOLDER, Container, Run
from pinnace.node.rewriting import Rewriter, Unwritable, search
from pinnace.node.roots import Root
from pinnace.node.services import Services
from pinnace.node.sockets import Sockets
from pinnace.node.staging import SCRIPT, covering, outputs_of, stage, write_script
from pinnace.node.volumes import Volumes, link_into

HOST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
UNCHANGED = Rewriter("", [])
ALWAYS = ("/tmp",)  # noqa: S108 - declared by everyone: a path inside
PYTHON = "VIRTUAL_ENV"
"""An environment that has it has a Python of its own."""
OFFERED = ("/var/run/secrets", "/dev/shm")  # noqa: S108 - mounts that a program may well ignore


class Outfitter:
    def __init__(self, services: Services, run: Run, launcher: Launcher) -> None:
        self.services = services
        self.run = run
        self.launcher = launcher
        self.folder = services.folder(run.uid)
        self.made: Volumes | None = None
        self.roots: list[Root] = []
        self.offered: list[Sockets] = []
        self.images = False
        self.entrance: tuple[str, ...] = ()
        """Into the pod's own network."""
        self.files: list[str] = []

    @property
    def volumes(self) -> Volumes:
        if self.made is None:
            self.made = Volumes(Path(self.services.make_folder(self.run.uid)), self.run.uid)
        return self.made

    def outfit(self, spec: Container, built: Built, *, main: bool) -> Launch:
        """StartError: the pod cannot start, and why."""
        root = self.root(spec.name, built)
        sockets = self.sockets(spec)
        binds = self.volumes.binds(spec) if spec.mounts else []
        binds += self.credentials(spec)
        binds += self.extra_binds()
        if main and (self.run.inputs or self.run.folders):
            if not self.launcher.private_root:
                link_into(root, binds)
            binds = binds + stage(self.services.blobs, self.run, root, binds, bind=self.launcher.private_root)
            if self.launcher.name == "container":
                wanted = [*(given.path for given in self.run.inputs), *self.run.folders]
                placed = [path for path in wanted if os.path.lexists(root + path)]
                binds = binds + [Bind(root + path, path) for path in placed]
        elif binds and not self.launcher.private_root:
            link_into(root, binds)
        socket_binds = [Bind(folder, os.path.dirname(path)) for path, folder in sockets.items()]
        try:
            return self.dress(spec, built, root, binds + socket_binds, sockets, main)
        except Unwritable as error:
            raise StartError(str(error)) from None

    def dress(
        self, spec: Container, built: Built, root: str, binds: list[Bind], sockets: dict[str, str], main: bool
    ) -> Launch:
        declared = [] if self.launcher.private_root else self.declared(spec, main)
        rewriter = self.rewriter(declared, built, root, sockets)
        engine = self.launcher.name == "container"
        command = list(spec.command)
        argv = [] if engine else [rewriter.text(a) for a in arguments(spec, built)]
        env = {} if engine else environment(self.run, built, root, self.launcher)
        if engine or built.root or PYTHON in built.env:
            env |= tracking.variables(self.run.uid, spec.env, self.services.home.token)
        env |= {k: rewriter.text(v) for k, v in spec.env.items()}
        if spec.script is not None:
            write_script(root, rewriter.text(spec.script))
            if spec.script:
                argv.append(rewriter.text(SCRIPT))
                command.append(SCRIPT)
            if engine:
                binds = [*binds, Bind(root + SCRIPT, SCRIPT, True)]
        if spec.pauses and not engine:
            argv = paused(spec, argv, root if not self.launcher.private_root else "")
        cwd = rewriter.path(spec.cwd or built.workdir or "/")
        if not self.launcher.private_root:
            self.require(rewriter, spec, main)
            cwd = prepare(root, cwd, rewriter, declared)
        return Launch(
            uid=self.run.uid,
            container=spec.name,
            isolation=self.launcher.name,
            argv=argv,
            env=env,
            cwd=cwd,
            built=built,
            root=root,
            folder=self.folder,
            binds=binds,
            hostname=self.run.hostname or self.run.name,
            user=spec.uid,
            executor=bool(self.run.main or self.run.giver),
            entrance=self.entrance,
            read_only_root=spec.read_only_root,
            memory_limit=spec.memory_limit,
            milli_cpu=spec.milli_cpu,
            command=command,
            args=spec.args,
            outputs=self.loose_outputs(binds) if main and engine else (),
            rewriter=None if self.launcher.private_root else rewriter,
        )

    def loose_outputs(self, binds: list[Bind]) -> tuple[str, ...]:
        paths = dict.fromkeys(output.path for output in outputs_of(self.run))
        return tuple(path for path in paths if covering(binds, path) is None)

    def root(self, name: str, built: Built) -> str:
        """The container's private root; in a plain process' case its working folder."""
        if built.root or self.launcher.name == "container":
            self.images = True
            path = Path(self.services.make_folder(self.run.uid)) / f"root-{name}"
            path.mkdir(mode=0o755, exist_ok=True)
            return str(path)
        own = self.launcher.private_root
        pool = self.services.roots.holding(built.binds) if own else self.services.bare
        root = pool.take()
        if not self.run.account:
            pool.anonymous(root)
        self.roots.append(root)
        return root.path

    def credentials(self, spec: Container) -> list[Bind]:
        """Unless the container has a mount of its own there."""
        account = self.run.account
        if not account or not self.launcher.private_root or any(m.path == ACCOUNT for m in spec.mounts):
            return []
        return [Bind(account, ACCOUNT, True)]

    def extra_binds(self) -> list[Bind]:
        run = self.run
        if not self.launcher.private_root or not (run.hosts or run.resolver or run.network == "loopback"):
            return []
        folder = self.services.make_folder(run.uid)
        found = [Bind(self.hosts(f"{folder}/hosts"), "/etc/hosts", True)]
        if run.resolver:
            Path(f"{folder}/resolv.conf").write_text(run.resolver)
            found.append(Bind(f"{folder}/resolv.conf", "/etc/resolv.conf", True))
        return found

    def hosts(self, path: str) -> str:
        """Its hosts file: with a network of its own it asks for names, else they all stand in it."""
        run = self.run
        start = (LOCAL if run.network == "own" else self.services.etc.hosts) + lines(run.hosts)
        if run.network == "loopback":
            self.services.cluster.hosts.follow(path, run.namespace, start)
            self.files.append(path)
        else:
            Path(path).write_bytes(start)
        return path

    def sockets(self, spec: Container) -> dict[str, str]:
        """Socket path inside → its folder on the host, short enough for a socket's address."""
        made: dict[str, str] = {}
        for path in spec.unix_sockets:
            name = hashlib.blake2s(f"{self.run.uid}/{spec.name}/{path}".encode(), digest_size=6).hexdigest()
            folder = self.services.home.run / "s" / name
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            made[path] = str(folder)
        return made

    def socket_paths(self, spec: Container) -> dict[str, str]:
        """Socket path inside → where the gateway and probes connect to it; kept up until `remove`."""
        sockets = Sockets(self.sockets(spec), self.services.home.run / "c")
        sockets.keep()
        self.offered.append(sockets)
        return sockets.paths

    def declared(self, spec: Container, main: bool) -> list[str]:
        paths = [m.path for m in spec.mounts if not m.path.startswith(OFFERED)]
        if main:
            paths += [given.path for given in self.run.inputs]
            paths += [output.path for output in outputs_of(self.run)]
            if self.run.progress:
                paths.append(PROGRESS_FILE)
        if spec.script:
            paths.append(SCRIPT)
        if spec.pauses:
            paths.append(PROGRESS_FOLDER)
        return [*paths, *ALWAYS]

    def rewriter(self, declared: list[str], built: Built, root: str, sockets: dict[str, str]) -> Rewriter:
        if self.launcher.private_root:
            return UNCHANGED
        elsewhere = {os.path.dirname(path): folder for path, folder in sockets.items()}
        if self.run.account:
            elsewhere[ACCOUNT] = self.run.account
        return self.launcher.rewriter(root, declared, elsewhere | moved_by(built))

    def require(self, rewriter: Rewriter, spec: Container, main: bool) -> None:
        """Unwritable: a declared path that the container's texts do not name."""
        rewriter.text(spec.cwd)
        if self.run.giver:
            return  # a set's volumes are everyone's, and whoever likes writes its outputs
        for mount in spec.mounts:
            if not mount.path.startswith(OFFERED):
                rewriter.require(mount.path, f"mount {mount.volume or mount.path!r}")
        if main:
            for given in self.run.inputs:
                rewriter.require(given.path, f"input artifact {given.name!r}")
            for output in outputs_of(self.run):
                rewriter.require(output.path, f"output {output.name!r}")

    def remove(self) -> None:
        """When nothing of the pod runs and all is collected: everything but the logs goes."""
        for root in self.roots:
            root.pool.give(root)
        self.roots.clear()
        for path in self.files:
            self.services.cluster.hosts.forget(path)
        if self.folder_used():
            self.services.worker.submit(remove_all, Path(self.folder), self.volumes)
        for sockets in self.offered:
            sockets.close()
            for folder in sockets.folders.values():
                self.services.worker.submit(remove_folder, folder)

    def folder_used(self) -> bool:
        return self.made is not None or self.launcher.name == "container" or self.images


def remove_folder(path: str) -> None:
    from pinnace.node.roots import remove

    remove(path)


def remove_all(folder: Path, volumes: Volumes) -> None:
    volumes.remove()
    for path in folder.glob("root-*"):
        remove_folder(str(path))


def moved_by(built: Built) -> dict[str, str]:
    """Paths that an environment brings to a place of their own → where they are on the host."""
    return {bind.path: bind.source for bind in built.binds if bind.path != bind.source}


def mentioned(built: Built) -> re.Pattern[str]:
    """What a plain process that declares nothing would still have to say by another path."""
    return search(ALWAYS, (*moved_by(built), ACCOUNT))[1]


def arguments(spec: Container, built: Built) -> list[str]:
    """Kubernetes' rule: a command replaces entrypoint and cmd, args alone replace only the cmd. What a
    command would only install first is left out where the environment has it."""
    if spec.command:
        argv = [*spec.command, *spec.args]
        argv = layers.split(argv)[1] if built.layered else argv
    elif spec.args:
        argv = [*built.entrypoint, *spec.args]
    else:
        argv = [*built.entrypoint, *built.cmd]
    if not argv:
        raise StartError(f"container {spec.name!r}: no command, and the image {spec.image!r} brings none")
    return argv


def environment(run: Run, built: Built, root: str, launcher: Launcher) -> dict[str, str]:
    """What the container's own variables are added to."""
    env = {"HOSTNAME": run.hostname or run.name}
    if launcher.private_root:
        env["PATH"] = joined(built.path, built.env.get("PATH") or HOST_PATH)
        env["HOME"] = "/root"
    else:
        env["PATH"] = joined(built.path, host_path())
        env["HOME"] = env["TMPDIR"] = root
    if built.env:
        env |= {k: v for k, v in built.env.items() if k != "PATH"}
    return env


def joined(first: tuple[str, ...], rest: str) -> str:
    return ":".join((*first, rest)) if first else rest


@cache
def host_path() -> str:
    return os.environ.get("PATH") or HOST_PATH


def prepare(root: str, cwd: str, rewriter: Rewriter, declared: list[str]) -> str:
    """Make the folders that a container has and a pod's folder lacks; returns where to start."""
    for path in declared if rewriter.seen else ():
        place = rewriter.path(path)
        if place.startswith(root):
            os.makedirs(os.path.dirname(place), exist_ok=True)
    if "/tmp" in rewriter.seen:  # noqa: S108 - a path inside
        os.makedirs(f"{root}/tmp", exist_ok=True)  # noqa: S108
    if cwd.startswith(root):
        os.makedirs(cwd, exist_ok=True)
    return start_folder(cwd, root)


def start_folder(cwd: str, root: str) -> str:
    """Where a plain process starts: its own folder, unless another one is named that is there."""
    return cwd if cwd != "/" and os.path.isdir(cwd) else root


def paused(spec: Container, argv: list[str], root: str) -> list[str]:
    """The program under a shell that waits before or after it, so that people can look inside meanwhile."""
    folder = f"{root}{PROGRESS_FOLDER}/ctr/{spec.name}"
    wait = "while [ ! -e {} ]; do sleep 0.2; done"
    before, after = (shlex.quote(f"{folder}/{word}") for word in ("before", "after"))
    lines = [f"mkdir -p {shlex.quote(folder)}"]
    if "before" in spec.pauses:
        lines.append(wait.format(before))
    lines.append('"$@"')
    lines.append("code=$?")
    if "after" in spec.pauses:
        lines.append(wait.format(after))
    lines.append("exit $code")
    return ["/bin/sh", "-c", "\n".join(lines), "sh", *argv]
