"""The driver: a step with its inputs' values becomes the container that runs it. Pure.

What upstream's driver pod and launcher do before the start: defaults, types, placeholders, the executor's
input, the platform spec. Caller: `controllers/workflow/components`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from pinnace.authoring.kfp import layers, placeholders
from pinnace.authoring.kfp.ir import Obj
from pinnace.authoring.kfp.kubernetes import ENV, RESOURCES, VOLUMES, Outfit, Passing
from pinnace.authoring.kfp.step import (
    OUTPUT_FILE,
    PARAMETERS,
    WORKSPACE,
    Step,
    key_of,
    path_of,
    task_id,
)
from pinnace.authoring.kfp.values import ValueMismatch, conformed, decoded, encoded

EXECUTOR_OUTPUT = "executor-output"
VOLUME = "kfp-workspace"
NO_FILE = "\0"
TASK_CONFIG = "TASK_CONFIG"
ASKS = re.compile(r"\bkfp\.Client\b|\bkfp\.client\b|\bfrom kfp import [^\n]*\bClient\b|\bml-pipeline\b")
INSIDE = {
    "KFP_ENDPOINT": "http://ml-pipeline.kubeflow.svc.cluster.local:8888",
    "KF_PIPELINES_SA_TOKEN_PATH": "/var/run/secrets/kubernetes.io/serviceaccount/token",
}
"""As the SDK's command line and its client read them."""
LIMITS = (("cpu", "resourceCpuLimit", "cpuLimit"), ("memory", "resourceMemoryLimit", "memoryLimit"))
REQUESTS = (("cpu", "resourceCpuRequest", "cpuRequest"), ("memory", "resourceMemoryRequest", "memoryRequest"))


class Given(msgspec.Struct, frozen=True):
    """The step's inputs with their values."""

    parameters: Obj
    artifacts: dict[str, list[Obj]]


class Launch(msgspec.Struct, frozen=True):
    """`template`: what a workflow template would say, with nothing left to render. `root`: the step's own
    folder of artifacts; `declared`: what is collected from where."""

    template: Obj
    root: str
    declared: Obj
    pull_secrets: list[Obj]
    folders: list[str]
    """Where outputs will be written: there before the start, as the launcher makes them."""
    requirements: list[list[str]]
    """Groups of `pip install` arguments that its environment should have beside the image's own."""


def given(step: Step, values: Mapping[str, str]) -> Given:
    """Raises ValueMismatch."""
    parameters: Obj = {}
    for name, declared in step.inputs.parameters.items():
        value = decoded(values.get(name, ""))
        if declared.parameter_type == TASK_CONFIG:
            continue
        if value is UNSET or value is None:
            value = declared.default_value if declared.default_value is not UNSET else value
        if value is UNSET or (value is None and declared.is_optional):
            if not declared.is_optional:
                raise ValueMismatch(f"input parameter {name!r} of {step.task} has no value and no default")
            continue
        parameters[name] = conformed(name, declared, value)
    artifacts = {
        name: flat(found)
        for name in step.inputs.artifacts
        if (found := decoded(values.get(name, ""))) is not UNSET and found
    }
    return Given(parameters, artifacts)


def flat(found: Any) -> list[Obj]:
    """Artifacts of any nesting of loops, in order."""
    if isinstance(found, dict):
        return [found]
    return [one for item in found or [] for one in flat(item)]


def uris(step: Step, values: Mapping[str, str]) -> list[str]:
    """Of all input artifacts, each once."""
    found = given(step, values).artifacts
    return list(dict.fromkeys(one["uri"] for group in found.values() for one in group if one.get("uri")))


def folder(step: Step, node: str) -> str:
    return f"{step.job.folder}/{step.task}/{task_id(node)}"


def executor_input(step: Step, found: Given, root: str, shown: Callable[[str], str]) -> Obj:
    outputs = {
        name: {
            "artifacts": []
            if declared.is_artifact_list
            else [
                {"name": name, "type": declared.artifact_type, "uri": shown(f"{root}/{name}"), "metadata": {}}
            ]
        }
        for name, declared in step.outputs.artifacts.items()
    }
    inputs = {
        name: {"artifacts": [{**one, "uri": shown(one.get("uri", ""))} for one in group]}
        for name, group in found.artifacts.items()
    }
    return {
        "inputs": {"parameterValues": found.parameters, "artifacts": inputs},
        "outputs": {
            "parameters": {name: {"outputFile": f"{PARAMETERS}/{name}"} for name in step.outputs.parameters},
            "artifacts": outputs,
            "outputFile": f"{path_of(root)}/{OUTPUT_FILE}",
        },
    }


def prepared(step: Step, values: Mapping[str, str], node: str, *, local_paths: bool) -> Launch:
    """Raises ValueMismatch, PlatformProblem. `local_paths`: a plain process sees no `/minio`; it is given
    paths in place of URIs, which the node moves."""
    found = given(step, values)
    root = folder(step, node)
    for name in step.tagged:
        if name in found.parameters:
            tag = {".pipeline_task_uuid": task_id(node)}
            found.parameters[name] = placeholders.put_deep(found.parameters[name], tag)
    shown = path_of if local_paths else _same
    document = executor_input(step, found, root, shown)
    known = {
        **placeholders.of_job(step.job),
        ".pipeline_task_name": step.task,
        ".pipeline_task_uuid": task_id(node),
        ".outputs.output_file": document["outputs"]["outputFile"],
        ".outputMetadataUri": document["outputs"]["outputFile"],
    }
    resolver = placeholders.Resolver(known, document, path_of)
    passing = Passing(step.passthroughs)
    outfit = Outfit(step.platform, lambda source: _hidden(source, values), passing).collect()
    env, amounts = environment(step, resolver), resources(step.container.resources, resolver)
    passing.tell(ENV, "env", env)
    passing.tell(RESOURCES, "resources", amounts)
    if step.workspace:
        claim = {"claimName": f"{step.job.resource}-{VOLUME}"}
        passing.tell(VOLUMES, "volumes", [{"name": VOLUME, "persistentVolumeClaim": claim}])
        passing.tell(VOLUMES, "volumeMounts", [{"name": VOLUME, "mountPath": WORKSPACE}])
    for name, declared_input in step.inputs.parameters.items():
        if declared_input.parameter_type == TASK_CONFIG:
            found.parameters[name] = passing.told
    known[""] = encoded(document)
    container: Obj = {
        "image": resolver.text(step.container.image),
        "command": resolver.words(step.container.command),
        "args": resolver.words(step.container.args),
        "env": [*(env if passing.here(ENV) else []), *outfit.env, *inside(step)],
        "resources": amounts if passing.here(RESOURCES) else {},
        "volumeMounts": outfit.mounts,
        **outfit.container,
    }
    if step.workspace:
        container["volumeMounts"] = [*outfit.mounts, {"name": VOLUME, "mountPath": WORKSPACE}]
    template = {"container": {k: v for k, v in container.items() if v}, **outfit.template}
    if outfit.volumes:
        template["volumes"] = outfit.volumes
    groups, _ = layers.split(step.container.command)
    folders = [path_of(root), *([PARAMETERS] if step.outputs.parameters else [])]
    return Launch(template, root, declared(step, root), outfit.pull_secrets, folders, groups)


def inside(step: Step) -> list[Obj]:
    """For a component that asks Pipelines itself: where that is, and that the pod's own token is shown there.
    Such a pod gets a network in which the name is known."""
    if not any(ASKS.search(text) for text in (*step.container.command, *step.container.args)):
        return []
    given = {one.get("name") for one in step.container.env}
    return [{"name": name, "value": value} for name, value in INSIDE.items() if name not in given]


def environment(step: Step, resolver: placeholders.Resolver) -> list[Obj]:
    return [
        {**one, "value": resolver.text(one["value"])} if "value" in one else one
        for one in step.container.env
    ]


def _same(uri: str) -> str:
    return uri


def _hidden(source: Any, values: Mapping[str, str]) -> Any:
    if not isinstance(source, dict) or "input" not in source:
        return None
    found = decoded(values.get(source["input"], ""))
    return None if found is UNSET else found


def declared(step: Step, root: str) -> Obj:
    """What the node collects: each parameter's file, the executor's output, the folder of artifacts."""
    parameters = [
        {"name": name, "path": f"{PARAMETERS}/{name}", "default": NO_FILE} for name in step.outputs.parameters
    ]
    output = {"name": EXECUTOR_OUTPUT, "path": f"{path_of(root)}/{OUTPUT_FILE}", "default": NO_FILE}
    artifacts = [{"name": "root", "path": path_of(root), "optional": True}] if step.outputs.artifacts else []
    return {"parameters": [*parameters, output], "artifacts": artifacts, "told": EXECUTOR_OUTPUT}


def resources(given: Obj, resolver: placeholders.Resolver) -> Obj:
    made: Obj = {}
    for part, fields in (("limits", LIMITS), ("requests", REQUESTS)):
        amounts = {}
        for name, text, number in fields:
            value = resolver.text(str(given[text])) if given.get(text) else given.get(number)
            if value:
                amounts[name] = value if isinstance(value, str) else _amount(name, value)
        if amounts:
            made[part] = amounts
    accelerator = given.get("accelerator") or {}
    kind = resolver.text(str(accelerator.get("resourceType") or accelerator.get("type") or ""))
    count = resolver.text(str(accelerator.get("resourceCount") or accelerator.get("count") or ""))
    if kind and count and count != "0":
        made.setdefault("limits", {})[kind] = count
    return made


def _amount(name: str, value: float) -> str:
    """The deprecated numbers: cores, and gigabytes of memory."""
    return f"{round(value * 1000)}m" if name == "cpu" else f"{round(value * 1e9)}"


def fingerprint(step: Step, values: Mapping[str, str], digest: Callable[[str], str]) -> str:
    """The cache's key: what would run on what. Artifacts count by content where it is known."""
    if step.cache_key:
        return hashlib.sha256(f"{step.component}\0{step.cache_key}".encode()).hexdigest()
    found = given(step, values)
    artifacts = {
        name: [
            [one.get("name"), one.get("type"), one.get("metadata"), digest(one.get("uri", ""))]
            for one in group
        ]
        for name, group in found.artifacts.items()
    }
    claims = sorted(
        {
            volume["persistentVolumeClaim"]["claimName"]
            for volume in Outfit(step.platform, lambda source: _hidden(source, values)).collect().volumes
            if "persistentVolumeClaim" in volume
        }
    )
    document = [
        step.job.pipeline,
        found.parameters,
        artifacts,
        msgspec.to_builtins(step.outputs),
        claims,
        step.container.image,
        step.container.command,
        step.container.args,
        step.container.env,
    ]
    return hashlib.sha256(msgspec.json.encode(document, order="sorted")).hexdigest()


def key(uri: str) -> str:
    return key_of(uri)
