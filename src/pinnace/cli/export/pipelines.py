"""A pipeline of Kubeflow Pipelines, or a run of one, as a bundle: the IR, and a plain Workflow beside it.

Called by `gathering`. The IR goes to a Kubeflow Pipelines installation as it was compiled, with images put
in; the Workflow is for an Argo without one (`authoring/export/plain`).
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from pinnace.authoring.export import plain
from pinnace.authoring.export.bundle import BASE, Bundle, label
from pinnace.authoring.export.references import pipeline_references
from pinnace.authoring.kfp.ir import IrError, Package, package
from pinnace.authoring.kfp.values import ValueMismatch
from pinnace.cli.platform import Failure
from pinnace.kinds import pipelines
from pinnace.kinds.resource import Obj, Resource

if TYPE_CHECKING:
    from pinnace.cli.export.gathering import Gathering


def bundle(gathering: Gathering, resource: Resource, obj: Obj) -> Bundle:
    spec = obj["spec"]
    arguments: Obj = {}
    called = spec.get("displayName") or obj["metadata"]["name"]
    if resource.key == pipelines.RUN.key:
        request = spec.get("request") or {}
        arguments = (request.get("runtime_config") or {}).get("parameters") or {}
        found = of_run(gathering, request, called)
        gathering.namespace = spec.get("namespace") or pipelines.NAMESPACE
    else:
        found = newest(gathering, obj["metadata"]["name"], called)
        gathering.namespace = pipelines.NAMESPACE
    name = found.pipeline.pipeline_info.name
    made = Bundle(label(name), f"{obj['kind']} {called} of Kubeflow Pipelines")
    made.pipeline = {"pipeline_spec": copy.deepcopy(found.spec)}
    if found.platform:
        made.pipeline["platform_spec"] = copy.deepcopy(found.platform)
    made.arguments = arguments
    for reference in pipeline_references(found.platform):
        gathering.follow(made, reference, {"kind": "Pipeline", "metadata": {"name": name}})
    add_plain(made, found, arguments)
    return made


def add_plain(made: Bundle, found: Package, arguments: Obj) -> None:
    try:
        made.add(BASE, plain.workflow(found, made.name, arguments))
    except plain.NotPlain as problem:
        made.note(
            f"No plain Workflow was written beside the pipeline: {problem}. Kubeflow Pipelines runs it."
        )
    except (IrError, ValueMismatch) as problem:
        made.note(f"No plain Workflow was written beside the pipeline: {problem}.")


def of_run(gathering: Gathering, request: Obj, called: str) -> Package:
    if request.get("pipeline_spec"):
        return read(request["pipeline_spec"])
    reference = request.get("pipeline_version_reference") or {}
    version = reference.get("pipeline_version_id") or request.get("pipeline_version_id")
    resource = gathering.resource(pipelines.PIPELINE_VERSION.key)
    found = gathering.get(resource, str(version), pipelines.NAMESPACE) if version else None
    if found is not None:
        return read(found["spec"]["pipelineSpec"])
    return newest(gathering, str(reference.get("pipeline_id") or ""), called)


def newest(gathering: Gathering, pipeline: str, called: str) -> Package:
    versions = [
        one
        for one in gathering.listed(gathering.resource(pipelines.PIPELINE_VERSION.key), pipelines.NAMESPACE)
        if one["spec"].get("pipelineId") == pipeline
    ]
    if not versions:
        raise Failure(f"{called} has no version: upload one first")
    return read(max(versions, key=lambda one: int(one["spec"].get("number") or 0))["spec"]["pipelineSpec"])


def read(document: Obj) -> Package:
    try:
        return package(document)
    except IrError as error:
        raise Failure(f"the pipeline cannot be read: {error}") from error
