"""The run of a trial, a Job or any other kind: dressed with what Katib's pod webhook adds, stopped, traced.

Pure. Called by `trials`. Upstream's webhook changes pods as they are made; here the templates inside the run
get the same label, variable, metrics volume and custom collector before it is created, so that whatever
controller makes the pods need not know. A TrainJob, whose pods come from a runtime, gets them as a patch.
Source: kubeflow/katib pkg/webhook/v1beta1/pod/inject_webhook.go.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from pinnace.kinds.annotations import LOG_ALIASES, NETWORK
from pinnace.kinds.katib import EXPERIMENT_LABEL, GROUP, PUSHING, TRIAL_LABEL, TRIAL_NAME, VERSION, Trial
from pinnace.kinds.resource import Obj

VOLUME = "metrics-volume"
CHECKPOINTS = "suggestion-volume"
POD_NAME = "KATIB_POD_NAME"
MANAGER = "katib.kubeflow.org/trial-controller"
REPLICATED_JOB = "jobset.sigs.k8s.io/replicatedjob-name"
FILES = frozenset({"File", "TensorFlowEvent"})
"""Collectors that read a file of the pod's."""
SIDECARS = {
    "StdOut": "metrics-logger-and-collector", "File": "metrics-logger-and-collector",
    "TensorFlowEvent": "metrics-collector",
}
"""Collector → the container that upstream adds for it, and that clients ask for the log."""


def dressed(trial: Obj, spec: Trial, checkpoints: str = "") -> Obj:
    """The run to create: owned by its trial, its templates dressed. `checkpoints`: where it finds and leaves
    them, if its population has any."""
    run: Obj = _copied(spec.run_spec)
    meta, owner = run.setdefault("metadata", {}), trial["metadata"]
    experiment = (owner.get("labels") or {}).get(EXPERIMENT_LABEL, "")
    own = {EXPERIMENT_LABEL: experiment, TRIAL_LABEL: owner["name"]}
    meta["labels"] = {**(meta.get("labels") or {}), **own}
    meta["ownerReferences"] = [{
        "apiVersion": f"{GROUP}/{VERSION}", "kind": "Trial", "name": owner["name"], "uid": owner["uid"],
        "controller": True, "blockOwnerDeletion": True,
    }]
    body = run.get("spec")
    if isinstance(body, dict):
        for template in templates(body):
            _dress(template, own, spec, owner["name"])
            if checkpoints:
                _mount_checkpoints(template["spec"], spec, checkpoints, experiment, owner["name"])
        if run["kind"] == "Workflow":
            _dress_workflow(body, own, spec)
        elif run["kind"] == "TrainJob":
            _dress_train_job(body, own, spec, checkpoints)
    return run


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value


def templates(value: Any) -> Iterator[Obj]:
    """Every pod template of a tree: a `template` with a spec that lists containers."""
    if isinstance(value, list):
        for one in value:
            yield from templates(one)
        return
    if not isinstance(value, dict):
        return
    for key, one in value.items():
        inner = one.get("spec") if key == "template" and isinstance(one, dict) else None
        if isinstance(inner, dict) and isinstance(inner.get("containers"), list):
            yield one
        else:
            yield from templates(one)


def _dress(template: Obj, labels: dict[str, str], spec: Trial, trial: str) -> None:
    meta, pod = template.setdefault("metadata", {}), template["spec"]
    meta["labels"] = {**(meta.get("labels") or {}), **labels}
    _annotate(meta, spec)
    for container in pod["containers"]:
        if container.get("name") == spec.primary_container_name:
            _add_variable(container, {"name": TRIAL_NAME, "value": trial})
            if spec.metrics_collector.kind in FILES:
                _mount(pod, container, folder(spec), claim(trial))
            if custom := collector(spec):
                pod["containers"] = [*pod["containers"], custom]
                _share(pod, container, custom, spec)
                return


def _annotate(meta: Obj, spec: Trial) -> None:
    """Who pushes must be where `katib-db-manager.kubeflow` is a name; SDKs and Katib's UI ask the sidecar for
    the log."""
    kind, found = spec.metrics_collector.kind, {}
    if kind in PUSHING:
        found[NETWORK] = "own"
    if kind in SIDECARS:
        found[LOG_ALIASES] = f"{SIDECARS[kind]}={spec.primary_container_name}"
    if found:
        meta["annotations"] = {**found, **(meta.get("annotations") or {})}


def collector(spec: Trial) -> Obj | None:
    """The container of a Custom collector."""
    found = spec.metrics_collector.collector
    custom = found.custom_collector if found and found.kind == "Custom" else None
    return _copied(custom) if custom else None


def _share(pod: Obj, container: Obj, custom: Obj, spec: Trial) -> None:
    """Both see the folder that the collector reads; a container that has a volume there shows that one."""
    if not spec.metrics_collector.path:
        return
    path = folder(spec)
    mounted = covering(container, path)
    if mounted is None:
        mounted = {"name": VOLUME, "mountPath": path}
        pod["volumes"] = [*(pod.get("volumes") or []), {"name": VOLUME, "emptyDir": {}}]
        container["volumeMounts"] = [*(container.get("volumeMounts") or []), mounted]
    if covering(custom, path) is None:
        custom["volumeMounts"] = [*(custom.get("volumeMounts") or []), dict(mounted)]


def _mount_checkpoints(pod: Obj, spec: Trial, path: str, experiment: str, trial: str) -> None:
    """A folder of the population's claim under the trial's name."""
    source = {"name": CHECKPOINTS, "persistentVolumeClaim": {"claimName": population(experiment)}}
    pod["volumes"] = [*(pod.get("volumes") or []), source]
    mount = {"name": CHECKPOINTS, "mountPath": path, "subPath": trial}
    for container in pod["containers"]:
        if container.get("name") == spec.primary_container_name:
            container["volumeMounts"] = [*(container.get("volumeMounts") or []), mount]


def _add_variable(container: Obj, variable: Obj) -> None:
    env = [one for one in container.get("env") or [] if one.get("name") != variable["name"]]
    container["env"] = [variable, *env]


def _dress_workflow(body: Obj, labels: dict[str, str], spec: Trial) -> None:
    meta = body["podMetadata"] = dict(body.get("podMetadata") or {})
    meta["labels"] = {**(meta.get("labels") or {}), **labels}
    _annotate(meta, spec)
    for template in body.get("templates") or ():
        inner = template.get("container") or template.get("script")
        if isinstance(inner, dict):
            _add_variable(inner, {"name": TRIAL_NAME, "value": labels[TRIAL_LABEL]})


def _dress_train_job(body: Obj, labels: dict[str, str], spec: Trial, checkpoints: str) -> None:
    """Its pods come from a runtime: the template that would be dressed becomes a patch of it, the variables
    the trainer's."""
    template: Obj = {"metadata": {}, "spec": {"containers": [{"name": spec.primary_container_name}]}}
    trial = labels[TRIAL_LABEL]
    _dress(template, labels, spec, trial)
    if checkpoints:
        _mount_checkpoints(template["spec"], spec, checkpoints, labels[EXPERIMENT_LABEL], trial)
    trainer = body["trainer"] = dict(body.get("trainer") or {})
    for variable in reversed(template["spec"]["containers"][0].pop("env")):
        _add_variable(trainer, variable)
    of = spec.primary_pod_labels.get(REPLICATED_JOB, "node")
    replicated = [{"name": of, "template": {"spec": {"template": template}}}]
    patch = {
        "manager": MANAGER,
        "trainingRuntimeSpec": {"template": {"spec": {"replicatedJobs": replicated}}},
    }
    body["runtimePatches"] = [*(body.get("runtimePatches") or ()), patch]


# The metrics volume -------------------------------------------------------------------------------------


def claim(trial: str) -> str:
    return f"{trial}-metrics"


def population(experiment: str) -> str:
    """The claim of a population's checkpoints, named as upstream's."""
    return f"{experiment}-pbt"


def claimed(owner: Obj, name: str) -> Obj:
    """A claim that goes with a Trial or an Experiment: a folder that control can read while pods write."""
    meta = owner["metadata"]
    reference = {
        "apiVersion": f"{GROUP}/{VERSION}", "kind": owner["kind"], "name": meta["name"], "uid": meta["uid"],
        "controller": True,
    }
    return {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": meta["namespace"], "ownerReferences": [reference]},
        "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}},
    }


def folder(spec: Trial) -> str:
    """What is mounted: the folder of the metrics file, or the folder that was named."""
    path = posixpath.normpath(spec.metrics_collector.path)
    return posixpath.dirname(path) if spec.metrics_collector.of_file else path


def _mount(pod: Obj, container: Obj, path: str, claim_name: str) -> None:
    """A folder of the claim for each pod. What the template has mounted there itself stays; an emptyDir of
    its own becomes the claim's, because nobody else could read it."""
    volumes = pod["volumes"] = list(pod.get("volumes") or [])
    source = {"persistentVolumeClaim": {"claimName": claim_name}}
    mounted = covering(container, path)
    if mounted is None:
        mounted = {"name": VOLUME, "mountPath": path}
        container["volumeMounts"] = [*(container.get("volumeMounts") or []), mounted]
        if all(one.get("name") != VOLUME for one in volumes):
            volumes.append({"name": VOLUME, **source})
    else:
        at = next((at for at, one in enumerate(volumes) if one.get("name") == mounted["name"]), None)
        if at is None or "emptyDir" not in volumes[at]:
            return
        volumes[at] = {"name": mounted["name"], **source}
    mounted["subPathExpr"] = posixpath.join(f"$({POD_NAME})", mounted.pop("subPath", ""))
    _add_variable(
        container, {"name": POD_NAME, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    )


def covering(container: Obj, path: str) -> Obj | None:
    """The mount under which a path lies, the innermost."""
    found = [
        mount for mount in container.get("volumeMounts") or ()
        if posixpath.commonpath([posixpath.normpath(mount["mountPath"]), path])
        == posixpath.normpath(mount["mountPath"])
    ]
    return max(found, key=lambda mount: len(mount["mountPath"]), default=None)


def place(pod: Obj, container: Obj, path: str) -> tuple[str, str] | None:
    """(claim, path in it) of a path inside a container; None: it lies on no claim."""
    mount = covering(container, path)
    if mount is None:
        return None
    volumes = {one["name"]: one for one in pod["spec"].get("volumes") or ()}
    source = volumes.get(mount["name"], {}).get("persistentVolumeClaim")
    if source is None:
        return None
    sub = mount.get("subPath") or ""
    if expression := mount.get("subPathExpr"):
        sub = expression.replace(f"$({POD_NAME})", pod["metadata"]["name"])
    rest = posixpath.relpath(path, mount["mountPath"])
    inside = posixpath.normpath(posixpath.join(sub, rest))
    return None if inside.startswith("..") else (source["claimName"], inside)


# The end ------------------------------------------------------------------------------------------------


def stop(run: Obj) -> Obj | None:
    """The patch that ends the pods of a run and keeps the run; None: it must be deleted to end."""
    group, _, _ = str(run["apiVersion"]).rpartition("/")
    if group == "argoproj.io":
        return {"spec": {"shutdown": "Terminate"}}
    if group in ("batch", "trainer.kubeflow.org"):
        return {"spec": {"suspend": True}}
    if group == "kubeflow.org":
        return {"spec": {"runPolicy": {"suspend": True}}}
    return None
