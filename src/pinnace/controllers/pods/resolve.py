"""A Pod as the node's `Run`: every reference read, every variable expanded, nothing left to look up.

Called by `controller` just before the bind commit; the result is committed with it, so a pod that must be
sent again is sent as it was resolved the first time. Raises Blocked with the kubelet's message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from pinnace.authoring.environments import layered
from pinnace.authoring.kfp import layers
from pinnace.controllers.pods import environment, request, transfers
from pinnace.controllers.pods.accounts import Laid
from pinnace.controllers.pods.found import Blocked, Found
from pinnace.controllers.pods.schedule import Machine
from pinnace.controllers.pods.volumes import Volumes
from pinnace.home import Home
from pinnace.kinds.annotations import ARTIFACT, ISOLATION, SOCKETS, STAGING, TRANSFERS
from pinnace.kinds.resource import Obj
from pinnace.node.protocol import PROGRESS_FOLDER, Container, Hello, Input, Output, Outputs, Probe, Run

STORAGE = "ephemeral-storage"
PAUSE_BEFORE, PAUSE_AFTER = "ARGO_DEBUG_PAUSE_BEFORE", "ARGO_DEBUG_PAUSE_AFTER"
LONGEST_HOOK = 3600
"""Seconds; a postStart hook has no limit of its own, a preStop hook has the grace period."""
ISOLATIONS = ("container", "sandbox", "process")


class StagedInput(msgspec.Struct):
    name: str
    path: str
    digest: str = ""
    raw: str | None = None
    mode: int | None = None
    recurse: bool = False


class StagedOutput(msgspec.Struct):
    name: str
    path: str
    optional: bool = False
    default: str | None = None
    archive: str = ""


class StagedOutputs(msgspec.Struct):
    result: bool = False
    parameters: list[StagedOutput] = []
    artifacts: list[StagedOutput] = []
    logs: bool = False
    told: str = ""


class StagedSet(msgspec.Struct):
    """Containers that are all main ones: `after` says which waits for which."""

    after: dict[str, list[str]] = {}
    main: str = ""
    retries: int = 0
    pause: float = 0


class Staging(msgspec.Struct):
    """The annotation `pinnace.dev/staging`, written by the workflow engine."""

    inputs: list[StagedInput] = []
    outputs: StagedOutputs | None = None
    script: str | None = None
    main: str = ""
    set: StagedSet | None = None
    progress: bool = False
    """The step says how far it is, in a file."""
    folders: list[str] = []
    requirements: list[list[str]] = []
    """Groups of `pip install` arguments that the environment should have beside the image's own."""


class Kept(msgspec.Struct):
    """One of the annotation `pinnace.dev/artifact`: what the artifact repository of the pod's own namespace
    has under this key (a folder, or one file) appears at, or in, this path."""

    key: str
    path: str


class Body(msgspec.Struct):
    """Of a row of the artifact repository."""

    digest: str
    directory: bool = False


class Surroundings(msgspec.Struct, frozen=True):
    """What resolving needs of the platform, the same for every pod."""

    home: Home
    machine: Machine
    host_paths: tuple[str, ...] = ()
    hello: Hello | None = None
    """What the node says of itself."""
    env: Mapping[str, str] = {}
    """What every container finds in its environment."""
    inside: Mapping[str, str] = {}
    """The same, where the pod has a network of its own."""
    artifact: Callable[[str, str], bytes | None] = lambda namespace, key: None
    """A row of the artifact repository."""


_kept = msgspec.json.Decoder(list[Kept])
_body = msgspec.json.Decoder(Body)
_staging = msgspec.json.Decoder(Staging)
_sockets = msgspec.json.Decoder(dict[str, list[str]])


def resolve(
    pod: Obj, found: Found, around: Surroundings, now: float | None = None, *,
    laid: list[Laid] | None = None, own: bool = False,
) -> Run:
    """`now` is the moment that `activeDeadlineSeconds` counts from; `laid` gets the volumes with tokens;
    `own`: the pod has a network of its own."""
    meta, spec = pod["metadata"], pod["spec"]
    annotations = meta.get("annotations") or {}
    staging = _annotation(_staging, annotations, STAGING) or Staging()
    sockets: dict[str, list[str]] = _annotation(_sockets, annotations, SOCKETS) or {}
    volumes = Volumes(pod, found, around.home, around.machine, around.host_paths, laid)
    given = around.inside if own else around.env
    build = _Builder(pod, found, around, volumes, staging, sockets, given)
    outputs = _outputs(staging.outputs)
    inputs = [*(_input(each) for each in staging.inputs), *_repository(meta, annotations, around)]
    if TRANSFERS in annotations:
        inputs += transfers.arranged(pod, found, outputs)
    seconds = spec.get("activeDeadlineSeconds")
    grace = spec.get("terminationGracePeriodSeconds")
    return Run(
        uid=meta["uid"],
        namespace=meta["namespace"],
        name=meta["name"],
        containers=[build.container(each) for each in spec["containers"]],
        init=[build.container(each, init=True) for each in spec.get("initContainers") or ()],
        main=staging.main,
        giver="" if staging.set is None else staging.set.main or str(spec["containers"][0]["name"]),
        inputs=inputs,
        outputs=outputs,
        folders=[*staging.folders, PROGRESS_FOLDER] if staging.progress else staging.folders,
        progress=staging.progress,
        deadline=None if seconds is None else (time.time() if now is None else now) + seconds,
        grace=30 if grace is None else grace,
        isolation=_isolation(annotations.get(ISOLATION, "")),
        hosts=_hosts(spec),
        hostname=spec.get("hostname") or meta["name"][:63],
    )


def joining(
    pod: Obj, container: Obj, found: Found, around: Surroundings, *, laid: list[Laid], own: bool
) -> Container:
    """An ephemeral container of a pod that runs: it runs once."""
    volumes = Volumes(pod, found, around.home, around.machine, around.host_paths, laid)
    build = _Builder(pod, found, around, volumes, Staging(), {}, around.inside if own else around.env)
    made = build.container(container)
    made.restart = "Never"
    return made


def _repository(meta: Obj, annotations: Obj, around: Surroundings) -> list[Input]:
    if ARTIFACT not in annotations:
        return []
    wanted: list[Kept] = _annotation(_kept, annotations, ARTIFACT)
    return [_of_repository(meta["namespace"], each, around) for each in wanted]


def _of_repository(namespace: str, wanted: Kept, around: Surroundings) -> Input:
    rows = (around.artifact(namespace, key) for key in (wanted.key, f"{wanted.key}/"))
    row = next((row for row in rows if row is not None), None)
    if row is None:
        raise Blocked(f"no artifact of namespace {namespace} has the key {wanted.key!r} (yet)")
    found = _body.decode(row)
    path = wanted.path if found.directory else f"{wanted.path}/{wanted.key.rpartition('/')[2]}"
    return Input("artifact", path, found.digest, None, None)


def _hosts(spec: Obj) -> dict[str, str]:
    aliases = spec.get("hostAliases") or ()
    return {name: each["ip"] for each in aliases for name in each.get("hostnames") or ()}


def _annotation(decoder: msgspec.json.Decoder[Any], annotations: Obj, key: str) -> Any:
    text = annotations.get(key)
    if not text:
        return None
    try:
        return decoder.decode(text)
    except msgspec.DecodeError as error:
        raise Blocked(f"metadata.annotations[{key}]: {error}") from None


def _isolation(name: str) -> str:
    if name and name not in ISOLATIONS:
        raise Blocked(f'metadata.annotations[{ISOLATION}]: "{name}" is none of {", ".join(ISOLATIONS)}')
    return name


def _input(staged: StagedInput) -> Input:
    raw = None if staged.raw is None else staged.raw.encode("utf-8", "surrogateescape")
    return Input(staged.name, staged.path, staged.digest, raw, staged.mode, staged.recurse)


def _outputs(staged: StagedOutputs | None) -> Outputs | None:
    if staged is None:
        return None
    return Outputs(
        staged.result,
        [Output(each.name, each.path, each.optional, each.default) for each in staged.parameters],
        [Output(each.name, each.path, each.optional, None, each.archive) for each in staged.artifacts],
        staged.logs,
        None,
        staged.told,
    )


class _Builder:
    """What the containers of one pod share while they are resolved."""

    def __init__(
        self, pod: Obj, found: Found, around: Surroundings, volumes: Volumes, staging: Staging,
        sockets: dict[str, list[str]], given: Mapping[str, str],
    ) -> None:
        self.given = given
        self.pod = pod
        self.spec = pod["spec"]
        self.found = found
        self.around = around
        self.volumes = volumes
        self.staging = staging
        self.sockets = sockets

    def container(self, container: Obj, *, init: bool = False) -> Container:
        name = container["name"]
        env = environment.of_container(self.pod, container, self.found, self.around.machine, self.given)
        limits = (container.get("resources") or {}).get("limits") or {}
        security = container.get("securityContext") or {}
        command, args = (_words(container.get(field), env) for field in ("command", "args"))
        requirements = self.staging.requirements or layers.split([*command, *args])[0]
        result = Container(
            name=name,
            image=layered(container.get("image") or "", requirements),
            command=command,
            args=args,
            env=env,
            cwd=container.get("workingDir") or "",
            mounts=self.volumes.mounts(container, env),
            uid=_uid(security, self.spec),
            memory_limit=request.whole(limits["memory"]) if "memory" in limits else 0,
            storage_limit=request.whole(limits[STORAGE]) if STORAGE in limits else 0,
            milli_cpu=request.milli(limits["cpu"]) if "cpu" in limits else 0,
            restart=self._restart(container, init),
            unix_sockets=self.sockets.get(name, []),
            read_only_root=bool(security.get("readOnlyRootFilesystem")),
        )
        if PAUSE_BEFORE in env or PAUSE_AFTER in env:
            stops = (("before", PAUSE_BEFORE), ("after", PAUSE_AFTER))
            result.pauses = " ".join(word for word, name in stops if env.get(name) == "true")
        if self.staging.set is not None and not init:
            chosen = self.staging.set
            result.after = chosen.after.get(name, [])
            result.retries, result.pause = chosen.retries, chosen.pause
        if container.get("tty") or container.get("stdin"):
            result.tty, result.stdin = bool(container.get("tty")), bool(container.get("stdin"))
            result.stdin_once = bool(container.get("stdinOnce"))
        if self.staging.script is not None and name == (self.staging.main or "main") and not init:
            result.script = self.staging.script
        self._probes(container, result)
        if container.get("lifecycle"):
            self._hooks(container, result)
        return result

    def _restart(self, container: Obj, init: bool) -> str:
        own = container.get("restartPolicy")
        if own:
            return str(own)
        policy = str(self.spec.get("restartPolicy") or "Always")
        return "OnFailure" if init and policy == "Always" else policy

    def _hooks(self, container: Obj, result: Container) -> None:
        lifecycle = container.get("lifecycle") or {}
        if hook := lifecycle.get("postStart"):
            result.post_start = _hook(hook, container, result)
        if hook := lifecycle.get("preStop"):
            result.pre_stop = _hook(hook, container, result)

    def _probes(self, container: Obj, result: Container) -> None:
        if probe := container.get("readinessProbe"):
            result.readiness = _probe(probe, container, result)
        if probe := container.get("livenessProbe"):
            result.liveness = _probe(probe, container, result)
        if probe := container.get("startupProbe"):
            result.startup = _probe(probe, container, result)


def _words(words: list[str] | None, env: dict[str, str]) -> list[str]:
    if not words:
        return []
    return [environment.expand(word, env) if "$" in word else word for word in words]


def _uid(security: Obj, spec: Obj) -> int | None:
    own = security.get("runAsUser")
    if own is None:
        own = (spec.get("securityContext") or {}).get("runAsUser")
    return own


def _hook(hook: Obj, container: Obj, result: Container) -> Probe:
    if sleep := hook.get("sleep"):
        return Probe(kind="sleep", period=float(sleep.get("seconds") or 0))
    return _probe({**hook, "timeoutSeconds": LONGEST_HOOK}, container, result)


def _probe(probe: Obj, container: Obj, result: Container) -> Probe:
    """A container that only has a unix socket is probed through it."""
    timing = Probe(
        kind="",
        initial_delay=probe.get("initialDelaySeconds") or 0,
        period=probe.get("periodSeconds") or 10,
        timeout=probe.get("timeoutSeconds") or 1,
        success=probe.get("successThreshold") or 1,
        failure=probe.get("failureThreshold") or 3,
    )
    if action := probe.get("exec"):
        timing.kind, timing.command = "exec", list(action.get("command") or ())
        return timing
    action = probe.get("httpGet")
    timing.kind = "http" if action else "tcp"
    action = action or probe.get("tcpSocket") or probe.get("grpc") or {}
    timing.path = action.get("path") or "/" if timing.kind == "http" else ""
    timing.port = _port(action.get("port"), container)
    if result.unix_sockets:
        timing.unix = result.unix_sockets[0]
    return timing


def _port(port: Any, container: Obj) -> int:
    """A number, or the name of one of the container's ports."""
    if isinstance(port, int):
        return port
    for each in container.get("ports") or ():
        if each.get("name") == port:
            return int(each["containerPort"])
    if str(port or "").isdigit():
        return int(port)
    raise Blocked(f'probe: couldn\'t find port "{port}" in container {container["name"]}')
