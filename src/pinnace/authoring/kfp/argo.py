"""Pipelines that kfp 1.8 compiled: Argo Workflows, told by the compiler's annotations. Pure.

What upstream's API server does before it submits one: arguments over the manifest's, the run's identity in
labels and in `{{workflow.uid}}`, an account. Callers: `ir`, `submission`. Source: kubeflow/pipelines
backend/src/apiserver/template/argo_template.go.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from pinnace.authoring.kfp.ir import Component, Definitions, Info, IrError, Obj, Package, Parameter, Pipeline
from pinnace.authoring.kfp.values import ValueMismatch, shown

SPEC = "pipelines.kubeflow.org/pipeline_spec"
ACCOUNT = "pipeline-runner"
UID = "{{workflow.uid}}"


def package(document: Obj) -> Package:
    """Raises IrError."""
    if document.get("kind") != "Workflow":
        raise IrError(f"kind {document.get('kind')!r}: expected a Workflow or a PipelineSpec")
    spec, meta = document.get("spec"), document.get("metadata")
    if not isinstance(spec, dict) or not isinstance(meta, dict):
        raise IrError("the Workflow has no spec or no metadata")
    told = described(meta)
    name = told.get("name") or meta.get("name") or str(meta.get("generateName") or "").rstrip("-")
    if not name:
        raise IrError("metadata: a Workflow needs a name or a generateName")
    inputs = {one["name"]: _input(one) for one in (spec.get("arguments") or {}).get("parameters") or []}
    made = Pipeline(
        pipeline_info=Info(name=str(name), description=str(told.get("description") or "")),
        root=Component(input_definitions=Definitions(parameters=inputs)),
    )
    return Package(document, {}, made)


def described(meta: Obj) -> Obj:
    """What the compiler says of the pipeline: name, description, inputs."""
    try:
        found = json.loads((meta.get("annotations") or {}).get(SPEC) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _input(one: Obj) -> Parameter:
    return Parameter(parameter_type="STRING", default_value=one.get("value", UNSET))


def lowered(found: Package, run: str, arguments: Mapping[str, Any], account: str) -> Obj:
    """The Workflow's spec for that run. Raises ValueMismatch."""
    spec: Obj = json.loads(json.dumps(found.spec["spec"]).replace(UID, run))
    given = values(found, arguments)
    if given:
        spec["arguments"] = {
            **(spec.get("arguments") or {}),
            "parameters": [{"name": name, "value": value} for name, value in given.items()],
        }
    spec["serviceAccountName"] = account or spec.get("serviceAccountName") or ACCOUNT
    return spec


def values(found: Package, arguments: Mapping[str, Any]) -> dict[str, str]:
    """Each parameter as text. Raises ValueMismatch with every problem at once."""
    declared = found.pipeline.root.input_definitions.parameters
    problems = [f"unrecognized input parameter: {name}" for name in arguments if name not in declared]
    made: dict[str, str] = {}
    for name, parameter in declared.items():
        value = arguments.get(name, parameter.default_value)
        if value is UNSET:
            problems.append(f"input parameter {name!r} has no value and no default")
        else:
            made[name] = shown(value)
    if problems:
        raise ValueMismatch("; ".join(problems))
    return made


def labelled(spec: Obj, label: str, run: str) -> None:
    """Every template's pods carry the run's id."""
    for template in spec.get("templates") or []:
        metadata = template.setdefault("metadata", {})
        metadata["labels"] = {**(metadata.get("labels") or {}), label: run}
