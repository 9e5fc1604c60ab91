"""Pipelines as plain Workflows: nothing of ours in them, taken by strict judges, refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pinnace.authoring.export import images, kustomize, plain
from pinnace.authoring.export.references import pipeline_references
from pinnace.authoring.kfp.ir import Package, read
from pinnace.cli.export.judging import problems
from pinnace.kinds.catalogue import Catalogue

PIPELINE = Path(__file__).with_name("pipeline.yaml")
SAMPLES: dict[str, Any] = {
    "NUMBER_INTEGER": 1,
    "NUMBER_DOUBLE": 1.0,
    "BOOLEAN": True,
    "LIST": [],
    "STRUCT": {},
}


def made(package: Package, **arguments: Any) -> dict[str, Any]:
    return plain.workflow(package, "w", arguments)


def test_nothing_of_ours_is_left_and_braces_of_programs_are_no_tags() -> None:
    workflow = made(read(PIPELINE.read_text()), count=7)
    text = kustomize.text(workflow)
    assert "pinnace.dev" not in text and yaml.safe_load(text) == workflow
    assert workflow["spec"]["arguments"]["parameters"] == [{"name": "count", "value": "7"}]
    assert "{{here}}" not in text and list(images.images(workflow)) == ["python:3.11", "alpine:3.20"]
    assert problems(Catalogue.builtin(), [workflow]) == []


def test_what_cannot_be_said_is_refused_with_its_task() -> None:
    document = yaml.safe_load(PIPELINE.read_text())
    shown = document["deploymentSpec"]["executors"]["exec-show"]["container"]
    shown["args"] = [json.dumps({"IfPresent": {"InputName": "name", "Then": ["--x"]}})]
    with pytest.raises(plain.NotPlain, match="show: an argument depends on whether an input is there"):
        made(read(yaml.safe_dump(document)))


def test_a_platform_spec_names_its_secrets_maps_and_claims() -> None:
    constant = {"runtimeValue": {"constant": "maps"}}
    executor = {
        "secretAsEnv": [{"secretName": "keys", "keyToEnv": []}],
        "configMapAsVolume": [{"configMapNameParameter": constant, "mountPath": "/m", "optional": True}],
        "pvcMount": [{"constant": "data", "mountPath": "/d"}, {"taskOutputParameter": {}, "mountPath": "/e"}],
    }
    spec = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"exec-a": executor}}}}}
    found = {(one.kind, one.name, one.optional) for one in pipeline_references(spec)}
    assert found == {
        ("secrets", "keys", False),
        ("configmaps", "maps", True),
        ("persistentvolumeclaims", "data", False),
    }


@pytest.mark.slow
def test_most_of_upstreams_pipelines_become_plain_workflows(shared: Path) -> None:
    catalogue, plainly, refused, wrong = Catalogue.builtin(), 0, 0, []
    for file in sorted((shared / "corpus" / "kfp").rglob("*.yaml")):
        if "pipelineInfo" not in (text := file.read_text()):
            continue
        package = read(text)
        declared = package.pipeline.root.input_definitions.parameters
        arguments = {
            name: SAMPLES.get(one.parameter_type, "x")
            for name, one in declared.items()
            if not one.is_optional
        }
        try:
            workflow = plain.workflow(package, "w", arguments)
        except plain.NotPlain:
            refused += 1
            continue
        plainly += 1
        wrong += [(file.name, line) for line in problems(catalogue, [workflow])]
    assert wrong == [] and plainly > 50 and refused < plainly / 5
