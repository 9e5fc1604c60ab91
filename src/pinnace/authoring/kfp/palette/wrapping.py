"""A component as a document of its own: the pipeline of one task that the SDK compiles a component to. Pure.

`kfp.components.load_component_from_file` reads it. Caller: `cli/converting`.
"""

from __future__ import annotations

from msgspec import UNSET

from pinnace.authoring.kfp.ir import Obj
from pinnace.authoring.kfp.palette.commands import SDK
from pinnace.authoring.kfp.palette.piece import Piece

SCHEMA = "2.1.0"


def documents(made: Piece) -> list[Obj]:
    """The PipelineSpec, and a PlatformSpec where the platform has settings."""
    spec = made.spec
    head: Obj = {"pipelineInfo": {"name": made.name}, "schemaVersion": SCHEMA, "sdkVersion": f"kfp-{SDK}"}
    if spec.executor is None and "dag" in spec.component:
        inside = {} if spec.components is UNSET else spec.components
        executors = {} if spec.executors is UNSET else spec.executors
        whole = head | {"root": spec.component, "components": inside}
        whole["deploymentSpec"] = {"executors": executors}
    else:
        label = str(spec.component["executorLabel"])
        whole = head | {"root": _root(made), "components": {f"comp-{made.name}": spec.component}}
        whole["deploymentSpec"] = {"executors": {label: spec.executor}}
    return [whole] if spec.platform is UNSET else [whole, {"platforms": spec.platform}]


def _root(made: Piece) -> Obj:
    """One task, which hands on all that it is given, and gives all that it makes."""
    component = made.spec.component
    given, gives = component.get("inputDefinitions") or {}, component.get("outputDefinitions") or {}
    fields = (("parameters", "componentInputParameter"), ("artifacts", "componentInputArtifact"))
    inputs = {
        part: {name: {field: name} for name in given[part]} for part, field in fields if given.get(part)
    }
    task: Obj = {
        "cachingOptions": {"enableCache": True}, "componentRef": {"name": f"comp-{made.name}"},
        "taskInfo": {"name": made.name},
    } | ({"inputs": inputs} if inputs else {})
    outputs = _outputs(made.name, gives)
    root: Obj = {"dag": {"tasks": {made.name: task}} | ({"outputs": outputs} if outputs else {})}
    return root | {key: value for key, value in component.items() if key != "executorLabel"}


def _outputs(task: str, gives: Obj) -> Obj:
    made: Obj = {}
    if gives.get("artifacts"):
        made["artifacts"] = {
            name: {"artifactSelectors": [{"outputArtifactKey": name, "producerSubtask": task}]}
            for name in gives["artifacts"]
        }
    if gives.get("parameters"):
        made["parameters"] = {
            name: {"valueFromParameter": {"outputParameterKey": name, "producerSubtask": task}}
            for name in gives["parameters"]
        }
    return made
