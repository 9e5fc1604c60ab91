"""A TrainJob and its runtime become a JobSet.

Pure. Called by `controller`. Source: kubeflow/trainer
pkg/runtime/framework/plugins/{jobset,plainml,torch,mpi}.
"""

from __future__ import annotations

from typing import Any

from pinnace.controllers.trainer import policies
from pinnace.controllers.trainer.mpi import hosts, ssh
from pinnace.controllers.trainer.patches import apply, by
from pinnace.controllers.trainer.policies import LISTENING, POLICIES, PORT, Nodes
from pinnace.kinds.jobset import JOB_SET
from pinnace.kinds.resource import Obj
from pinnace.kinds.trainer import STEP, TRAIN_JOB

NODE, LAUNCHER, TRAINER = "node", "launcher", "trainer"
STEPS = {"dataset-initializer": "dataset", "model-initializer": "model"}
WORKSPACE = "/workspace"
VOLUME = "initializer"
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


class Unsupported(Exception):
    """The runtime asks for what is not there; the text says what."""


def reference(job: Obj) -> Obj:
    return {
        "apiVersion": TRAIN_JOB.api_version, "kind": TRAIN_JOB.kind, "name": job["metadata"]["name"],
        "uid": job["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True,
    }


def framework(runtime: Obj) -> tuple[str, Obj]:
    """The policy that the runtime names, and its settings. Unsupported: nobody here knows it."""
    policy = (runtime.get("spec") or {}).get("mlPolicy") or {}
    named = [name for name in policy if name != "numNodes"]
    if not named:
        return "", {}
    if named[0] not in POLICIES:
        known = ", ".join(sorted(POLICIES))
        raise Unsupported(f"mlPolicy.{named[0]} is not known on this platform: there is {known}")
    return named[0], policy[named[0]] or {}


def jobset(job: Obj, runtime: Obj) -> Obj:
    """Raises Unsupported."""
    meta, spec = job["metadata"], job["spec"]
    template = runtime["spec"].get("template") or {}
    own: dict[str, Any] = template.get("metadata") or {}
    kind, settings = framework(runtime)
    inner = {**(template.get("spec") or {})}
    replicated = [_sized(one) for one in inner.get("replicatedJobs") or ()]
    nodes = _nodes(job, runtime, kind, settings, replicated)
    replicated = [_labelled(_step(job, one, nodes, kind, settings)) for one in replicated]
    if spec.get("initializer"):
        replicated, inner = _shared(replicated, inner)
    inner["replicatedJobs"] = apply(job, replicated)
    inner["suspend"] = bool(spec.get("suspend"))
    return {
        "apiVersion": JOB_SET.api_version, "kind": JOB_SET.kind, "spec": inner,
        "metadata": {
            "name": meta["name"], "namespace": meta["namespace"], "ownerReferences": [reference(job)],
            "labels": {**(own.get("labels") or {}), **(spec.get("labels") or {})},
            "annotations": {**(own.get("annotations") or {}), **(spec.get("annotations") or {})},
        },
    }


def _sized(replicated: Obj) -> Obj:
    return {"replicas": 1, **replicated}


def step_of(replicated: Obj) -> str:
    labels = ((replicated.get("template") or {}).get("metadata") or {}).get("labels") or {}
    return str(labels.get(STEP) or "")


def _nodes(job: Obj, runtime: Obj, kind: str, settings: Obj, replicated: list[Obj]) -> Nodes:
    trainer = job["spec"].get("trainer") or {}
    count = trainer.get("numNodes") or (runtime["spec"].get("mlPolicy") or {}).get("numNodes") or 1
    each = trainer.get("numProcPerNode", settings.get("numProcPerNode", "auto"))
    resources = trainer.get("resourcesPerNode") or _resources(replicated)
    name = job["metadata"]["name"]
    return Nodes(name, int(count), str(each), resources, f"{name}-{NODE}-0-0.{name}")


def _resources(replicated: list[Obj]) -> Obj:
    for one in replicated:
        for container in _pod(one).get("containers") or () if one["name"] == NODE else ():
            if container["name"] == NODE:
                found: Obj = container.get("resources") or {}
                return found
    return {}


def _pod(replicated: Obj) -> Obj:
    job = (replicated.get("template") or {}).get("spec") or {}
    found: Obj = (job.get("template") or {}).get("spec") or {}
    return found


def _step(job: Obj, replicated: Obj, nodes: Nodes, kind: str, settings: Obj) -> Obj:
    step, name = step_of(replicated), replicated["name"]
    if step in STEPS:
        given = (job["spec"].get("initializer") or {}).get(STEPS[step])
        if not given:
            return replicated
        return _with_pod(replicated, containers=_initialised(replicated, step, given))
    if kind == "mpi":
        return _mpi(job, replicated, nodes, settings)
    if step == TRAINER or name == NODE:
        found = _counted(replicated, nodes.count)
        return _with_pod(found, containers=_trained(job, found, nodes, kind, settings))
    return replicated


def _labelled(replicated: Obj) -> Obj:
    """The step stands on the pods, too: `kubectl logs -l …trainjob-ancestor-step=trainer` finds them."""
    step = step_of(replicated)
    if not step:
        return replicated
    template = replicated["template"]
    job = template.get("spec") or {}
    inner = job.get("template") or {}
    meta = inner.get("metadata") or {}
    inner = {**inner, "metadata": {**meta, "labels": {**(meta.get("labels") or {}), STEP: step}}}
    return {**replicated, "template": {**template, "spec": {**job, "template": inner}}}


def _counted(replicated: Obj, count: int) -> Obj:
    template = replicated["template"]
    job = {**(template.get("spec") or {}), "parallelism": count, "completions": count}
    return {**replicated, "template": {**template, "spec": job}}


def _with_pod(replicated: Obj, **fields: Any) -> Obj:
    template = replicated["template"]
    job = template.get("spec") or {}
    inner = job.get("template") or {}
    inner = {**inner, "spec": {**(inner.get("spec") or {}), **fields}}
    return {**replicated, "template": {**template, "spec": {**job, "template": inner}}}


def _initialised(replicated: Obj, step: str, given: Obj) -> list[Obj]:
    found = []
    for container in _pod(replicated).get("containers") or ():
        if container["name"] == step:
            env = list(given.get("env") or ())
            if given.get("storageUri"):
                env = policies.plain(STORAGE_URI=given["storageUri"]) + env
            container = {**container, "env": by(container.get("env") or [], env, "name")}
            if given.get("secretRef"):
                source = {"secretRef": {"name": given["secretRef"]["name"]}}
                container["envFrom"] = [*(container.get("envFrom") or ()), source]
        found.append(container)
    return found


def _trained(job: Obj, replicated: Obj, nodes: Nodes, kind: str, settings: Obj) -> list[Obj]:
    """The container `node` as the TrainJob wants it, with the environment of its framework."""
    env = (POLICIES[kind](nodes, settings) if kind else []) + telling(job)
    found = []
    for container in _pod(replicated).get("containers") or ():
        if container["name"] == NODE:
            container = asked(container, job["spec"].get("trainer") or {})
            container["env"] = by(container.get("env") or [], env, "name")
            if kind in LISTENING:
                container["ports"] = [*(container.get("ports") or ()), {"containerPort": PORT}]
            if not container["env"]:
                del container["env"]
        found.append(container)
    return found


def telling(job: Obj) -> policies.Environment:
    """Where a process may say how far it is, and with what: read by Kubeflow's callbacks."""
    meta = job["metadata"]
    place = f"apis/{TRAIN_JOB.api_version}/namespaces/{meta['namespace']}/trainjobs/{meta['name']}/status"
    return policies.plain(
        KUBEFLOW_TRAINER_SERVER_URL=f"https://kubernetes.default.svc/{place}",
        KUBEFLOW_TRAINER_SERVER_CA_CERT=f"{ACCOUNT}/ca.crt", KUBEFLOW_TRAINER_SERVER_TOKEN=f"{ACCOUNT}/token",
    )


def asked(container: Obj, trainer: Obj) -> Obj:
    found = {**container}
    for field in ("image", "command", "args"):
        if trainer.get(field):
            found[field] = trainer[field]
    if trainer.get("env"):
        found["env"] = by(found.get("env") or [], trainer["env"], "name")
    if trainer.get("resourcesPerNode"):
        kept = {key: trainer["resourcesPerNode"].get(key) for key in ("requests", "limits")}
        found["resources"] = {key: value for key, value in kept.items() if value}
    return found


def _mpi(job: Obj, replicated: Obj, nodes: Nodes, settings: Obj) -> Obj:
    launcher_works = settings.get("runLauncherAsNode", False)
    name = replicated["name"]
    if name == NODE:
        replicated = _counted(replicated, nodes.count - 1 if launcher_works else nodes.count)
    if name not in (NODE, LAUNCHER):
        return replicated
    trainer = job["spec"].get("trainer") or {}
    if name == NODE:
        trainer = {key: trainer[key] for key in ("image", "resourcesPerNode", "env") if key in trainer}
    containers = [
        asked(each, trainer) if each["name"] == NODE else each for each in _pod(replicated)["containers"]
    ]
    volumes = [*(_pod(replicated).get("volumes") or ())]
    return _with_pod(replicated, **ssh(nodes, settings, name == LAUNCHER, containers, volumes))


def hostfile(job: Obj, runtime: Obj) -> str:
    """For a runtime of MPI: every node and its slots; '' for others."""
    kind, settings = framework(runtime)
    if kind != "mpi":
        return ""
    return hosts(_nodes(job, runtime, kind, settings, []), settings)


def _shared(replicated: list[Obj], inner: Obj) -> tuple[list[Obj], Obj]:
    """Initializers and trainer see one folder, where the runtime itself arranges for none."""
    def mounts(one: Obj) -> bool:
        places = [
            mount["mountPath"] for each in _pod(one).get("containers") or ()
            for mount in each.get("volumeMounts") or ()
        ]
        return any(place.startswith(WORKSPACE) for place in places)

    if any(mounts(one) for one in replicated):
        return replicated, inner
    size = {"requests": {"storage": "10Gi"}}
    claim = {"metadata": {"name": VOLUME}, "spec": {"accessModes": ["ReadWriteMany"], "resources": size}}
    policy = {"templates": [claim]}
    found = [
        _with_pod(one, containers=[_mounted(each) for each in _pod(one).get("containers") or ()])
        if step_of(one) else one
        for one in replicated
    ]
    return found, {**inner, "volumeClaimPolicies": [*(inner.get("volumeClaimPolicies") or ()), policy]}


def _mounted(container: Obj) -> Obj:
    mount = {"name": VOLUME, "mountPath": WORKSPACE}
    return {**container, "volumeMounts": [*(container.get("volumeMounts") or ()), mount]}
