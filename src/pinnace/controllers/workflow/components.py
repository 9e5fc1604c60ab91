"""Pipeline steps: templates that carry a component of Kubeflow Pipelines instead of a finished container.

The engine does in process what upstream does in a driver pod and a launcher: `authoring/kfp` says what runs
on which inputs, here it becomes a node's Pod, its staged artifacts, its place in the cache and its outputs.
Callers: `template`, `frame`, `memo`, `pods`, at the one place each where a template's pod is made or read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pinnace.authoring.kfp import launch, outcome, step
from pinnace.authoring.kfp.kubernetes import PlatformProblem
from pinnace.authoring.kfp.values import ValueMismatch
from pinnace.controllers.workflow.facts import Fact
from pinnace.controllers.workflow.inputs import InputError, Inputs
from pinnace.controllers.workflow.outputs import OutputError
from pinnace.kinds.argo import Template
from pinnace.kinds.resource import Obj

if TYPE_CHECKING:
    from pinnace.controllers.workflow.context import Context
    from pinnace.controllers.workflow.leaves import Pod
    from pinnace.controllers.workflow.status import Report

GOOD = "Succeeded"


def locate(run: Context, found: step.Step, inputs: Inputs) -> None:
    """Input artifacts whose bytes the repository has are staged where the SDK looks.

    Raises Need, InputError."""
    try:
        wanted = launch.uris(found, inputs.parameters)
    except ValueMismatch as problem:
        raise InputError(str(problem)) from None
    for number, uri in enumerate(wanted):
        key = step.key_of(uri)
        if key and run.facts.ask(Fact("artifact", key)) is not None:
            inputs.artifacts[f"artifact-{number}"] = {
                "name": f"artifact-{number}",
                "path": step.path_of(uri),
                "s3": {"key": key},
            }


def cache_key(run: Context, found: step.Step, inputs: Inputs) -> str:
    """Raises Need."""

    def digest(uri: str) -> str:
        known = run.facts.ask(Fact("artifact", step.key_of(uri))) if uri else None
        return uri if known is None else str(known["digest"])

    return "kfp-" + launch.fingerprint(found, inputs.parameters, digest)


def manifest(frame: Pod, made: Any) -> Obj:
    """The template with everything resolved, and what is staged. `made(template, staging)` builds the Pod.

    Raises InputError."""
    found = _step(frame)
    run = frame.run
    try:
        launched = launch.prepared(found, frame.inputs.parameters, frame.node.id, local_paths=run.local_paths)
    except (ValueMismatch, PlatformProblem) as problem:
        raise InputError(str(problem)) from None
    template = msgspec.convert({"name": found.task, **launched.template}, Template)
    extra: Obj = {"folders": launched.folders}
    if launched.requirements:
        extra["requirements"] = launched.requirements
    pod: Obj = made(template, {"outputs": launched.declared, **extra})
    if launched.pull_secrets:
        pod["spec"]["imagePullSecrets"] = launched.pull_secrets
    return pod


def outputs(frame: Pod, report: Report) -> Obj:
    """Raises OutputError if the step succeeded without leaving what it promised."""
    found = _step(frame)
    collected = report.outputs or {}
    root = launch.folder(found, frame.node.id)
    failed = report.phase != GOOD
    kept = (collected.get("artifacts") or {}).get("root")
    made: Obj = {"exitCode": report.exit_code} if report.exit_code is not None else {}
    if kept is not None:
        key = step.key_of(root)
        frame.run.keep_artifact(key, kept)
        made["artifacts"] = [{"name": "root", "path": step.path_of(root), "s3": {"key": key}}]
    for name, found_elsewhere in (collected.get("artifacts") or {}).items():
        if name.startswith(f"{outcome.OWN}{root}/"):
            frame.run.keep_artifact(step.key_of(name.removeprefix(outcome.OWN)), found_elsewhere)
    try:
        values = outcome.results(found, root, collected.get("parameters") or {}, failed=failed)
    except outcome.Missing as problem:
        frame.node.outputs = made
        raise OutputError(str(problem)) from None
    if values:
        made["parameters"] = [{"name": name, "value": value} for name, value in values.items()]
    return made


def _step(frame: Pod) -> step.Step:
    assert frame.program is not None
    assert frame.program.component is not None
    return frame.program.component
