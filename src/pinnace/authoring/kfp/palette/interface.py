"""A component's inputs and outputs as protojson of a ComponentSpec. Pure. Callers: `classic`, `functions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from pinnace.authoring.kfp.ir import Obj

VERSION = "0.0.1"
PARAMETERS = {
    "integer": "NUMBER_INTEGER", "int": "NUMBER_INTEGER", "double": "NUMBER_DOUBLE", "float": "NUMBER_DOUBLE",
    "string": "STRING", "str": "STRING", "text": "STRING", "bool": "BOOLEAN", "boolean": "BOOLEAN",
    "dict": "STRUCT", "list": "LIST", "jsonobject": "STRUCT", "jsonarray": "LIST",
}
"""Names of types (in lower case) that make a parameter; every other one makes an artifact."""
SPECIAL = {"PipelineTaskFinalStatus": "TASK_FINAL_STATUS", "TaskConfig": "TASK_CONFIG"}
"""What the platform fills in."""
ARTIFACTS = {
    name.lower(): f"system.{name}" for name in (
        "Artifact", "Model", "Dataset", "Metrics", "ClassificationMetrics", "SlicedClassificationMetrics",
        "HTML", "Markdown",
    )
}


class Port(msgspec.Struct, frozen=True):
    """One input or output: a parameter's type, or an artifact's schema."""

    parameter: str = ""
    artifact: str = ""
    version: str = VERSION
    several: bool = False
    optional: bool = False
    default: Any = UNSET
    description: str = ""


def component(name: str, inputs: Mapping[str, Port], outputs: Mapping[str, Port]) -> Obj:
    """The ComponentSpec of a leaf of that name."""
    made: Obj = {"executorLabel": f"exec-{name}"}
    for field, given in (("inputDefinitions", inputs), ("outputDefinitions", outputs)):
        sides = {
            "parameters": {key: _parameter(one) for key, one in given.items() if one.parameter},
            "artifacts": {key: _artifact(one) for key, one in given.items() if not one.parameter},
        }
        kept = {side: found for side, found in sides.items() if found}
        if kept:
            made[field] = kept
    return made


def _parameter(one: Port) -> Obj:
    made: Obj = {"parameterType": one.parameter}
    if one.default is not UNSET and one.default is not None:
        made["defaultValue"] = one.default
    return made | _common(one)


def _artifact(one: Port) -> Obj:
    made: Obj = {"artifactType": {"schemaTitle": one.artifact, "schemaVersion": one.version}}
    if one.several:
        made["isArtifactList"] = True
    return made | _common(one)


def _common(one: Port) -> Obj:
    said: Obj = {"isOptional": True} if one.optional else {}
    return said | ({"description": one.description} if one.description else {})
