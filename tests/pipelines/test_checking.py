"""What an editor can break in a pipeline's IR is found, with its place; what the SDK writes has no error."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pinnace.authoring.kfp import checking
from pinnace.kinds.document import all_from_yaml

TEXT = """
pipelineInfo: {name: whole}
deploymentSpec:
  executors:
    exec-make: {container: {image: busybox}}
    exec-take: {container: {image: busybox}}
components:
  comp-make:
    executorLabel: exec-make
    outputDefinitions:
      parameters: {text: {parameterType: STRING}, count: {parameterType: NUMBER_INTEGER}}
      artifacts: {model: {artifactType: {schemaTitle: system.Model, schemaVersion: 0.0.1}}}
  comp-take:
    executorLabel: exec-take
    inputDefinitions:
      parameters:
        text: {parameterType: STRING}
        times: {parameterType: NUMBER_INTEGER, defaultValue: 1, isOptional: true}
      artifacts:
        data: {artifactType: {schemaTitle: system.Dataset, schemaVersion: 0.0.1}, isOptional: true}
root:
  inputDefinitions: {parameters: {who: {parameterType: STRING}}}
  outputDefinitions: {parameters: {Output: {parameterType: STRING}}}
  dag:
    outputs:
      parameters: {Output: {valueFromParameter: {producerSubtask: make, outputParameterKey: text}}}
    tasks:
      make:
        componentRef: {name: comp-make}
        taskInfo: {name: make}
      take:
        componentRef: {name: comp-take}
        dependentTasks: [make]
        taskInfo: {name: take}
        inputs:
          parameters:
            text: {taskOutputParameter: {producerTask: make, outputParameterKey: text}}
"""
TAKE = "/root/dag/tasks/take"
GIVEN = f"{TAKE}/inputs/parameters/text"
Break = Callable[[Any], Any]


def pipeline() -> Any:
    return all_from_yaml(TEXT)[0]


def broken(spoil: Break) -> list[tuple[str, str]]:
    document = copy.deepcopy(pipeline())
    spoil(document)
    return [(one.path, one.message) for one in checking.judge([document])]


def task(document: Any, name: str = "take") -> Any:
    return document["root"]["dag"]["tasks"][name]


def text(document: Any, source: Any) -> None:
    task(document)["inputs"]["parameters"]["text"] = source


def output(key: str, producer: str = "make") -> Any:
    return {"taskOutputParameter": {"producerTask": producer, "outputParameterKey": key}}


def test_a_right_pipeline_has_no_finding() -> None:
    assert checking.judge([pipeline()]) == []


@pytest.mark.parametrize(
    ("spoil", "path", "words"),
    [
        (lambda d: task(d).update(componentRef={"name": "comp-tak"}), f"{TAKE}/componentRef/name",
         'cannot find component ref name="comp-tak" (did you mean "comp-take"?)'),
        (lambda d: task(d).update(componentRef={}), f"{TAKE}/componentRef",
         'component ref name is empty for task name="take"'),
        (lambda d: task(d).pop("inputs"), f"{TAKE}/inputs", "take() missing 1 required argument: text."),
        (lambda d: task(d)["inputs"]["parameters"].update(txt=output("text")),
         f"{TAKE}/inputs/parameters/txt", 'take() got an unexpected keyword argument "txt"'),
        (lambda d: text(d, output("count")), GIVEN,
         "Incompatible argument passed to the input 'text' of component 'take': Argument type "
         "'NUMBER_INTEGER' is incompatible with the input type 'STRING'"),
        (lambda d: text(d, {"runtimeValue": {"constant": 3}}), GIVEN, "Argument type 'NUMBER_INTEGER'"),
        (lambda d: task(d)["inputs"].update(artifacts={"data": {"taskOutputArtifact": {
            "producerTask": "make", "outputArtifactKey": "model"}}}), f"{TAKE}/inputs/artifacts/data",
         "Argument type 'system.Model@0.0.1' is incompatible with the input type 'system.Dataset@0.0.1'"),
        (lambda d: text(d, output("txt")), GIVEN, "make has no output 'txt' (did you mean \"text\"?)"),
        (lambda d: text(d, output("text", "mak")), GIVEN, "no task is called 'mak' in this DAG"),
        (lambda d: text(d, {"componentInputParameter": "whom"}), GIVEN,
         "the surrounding DAG has no input 'whom'"),
        (lambda d: text(d, {}), GIVEN, "nothing is given"),
        (lambda d: text(d, {"runtimeValue": {"constant": "a {{$.inputs.parameters['pipelinechannel--x']}}"}}),
         GIVEN, "the text refers to 'pipelinechannel--x', which is no input of this task"),
        (lambda d: task(d).update(triggerPolicy={"condition": "inputs.parameter_values['x'] == 'a'"}),
         f"{TAKE}/triggerPolicy/condition", "the condition refers to 'x'"),
        (lambda d: task(d).update(dependentTasks=["mak"]), f"{TAKE}/dependentTasks", "take waits for mak"),
        (lambda d: task(d).update(dependentTasks=["take"]), f"{TAKE}/dependentTasks", "waits for itself"),
        (lambda d: task(d, "make").update(dependentTasks=["take"]), "/root/dag/tasks/make",
         "tasks wait for each other: make → take → make"),
        (lambda d: task(d).update(taskInfo={"name": "make"}), f"{TAKE}/taskInfo/name", "two tasks are"),
        (lambda d: d["components"]["comp-take"].pop("executorLabel"), "/components/comp-take",
         'error processing component name="comp-take": unknown component implementation'),
        (lambda d: d["components"]["comp-take"].update(executorLabel="exec-tak"),
         "/components/comp-take/executorLabel", 'executor(label="exec-tak") not found in deployment config'),
        (lambda d: d["components"].update({"comp-x": {"executorLabel": "exec-make"}}), "/components/comp-x",
         "no task refers to comp-x"),
        (lambda d: d["deploymentSpec"]["executors"].update({"exec-x": {}}),
         "/deploymentSpec/executors/exec-x", "no component has the executor exec-x"),
        (lambda d: d["root"]["dag"].pop("outputs"), "/root/outputDefinitions/parameters/Output",
         "nothing gives the output 'Output'"),
        (lambda d: d["root"]["dag"]["outputs"]["parameters"]["Output"]["valueFromParameter"].update(
            producerSubtask="made"), "/root/dag/outputs/parameters/Output", "no task is called 'made'"),
        (lambda d: d["components"].update({"comp-take": {"dag": {"tasks": {
            "again": {"componentRef": {"name": "comp-take"}}}}}}),
         "/components/comp-take/dag/tasks/again/componentRef/name",
         "components contain each other: comp-take → comp-take"),
        (lambda d: task(d).update(parameterIterator={"itemInput": "txt", "items": {"inputParameter": "all"}}),
         f"{TAKE}/parameterIterator/itemInput", "comp-take has no input 'txt' for the item"),
        (lambda d: d["pipelineInfo"].update(name="A b"), "/pipelineInfo/name", "Invalid pipeline name"),
        (lambda d: task(d).update(dependentTasks="make"), "/root/dag/tasks", "Expected `array`"),
        (lambda d: d.pop("root"), "", "root: missing"),
    ],
)
def test_what_is_broken_is_told_at_its_place(spoil: Break, path: str, words: str) -> None:
    found = broken(spoil)
    assert any(one == path and words in message for one, message in found), found


def test_errors_come_before_warnings_and_settings_of_nothing_are_told() -> None:
    document = pipeline()
    document["components"]["comp-spare"] = {"executorLabel": "exec-make"}
    task(document)["componentRef"]["name"] = "comp-gone"
    settings = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"exec-mak": {}}}}}}
    found = checking.judge([document, settings])
    assert [one.severity for one in found] == sorted(one.severity for one in found)
    assert found[0].source == "kfp"
    assert any('"exec-mak"' in one.message and "exec-make" in one.message for one in found)


def test_what_the_sdk_compiled_has_no_error(shared: Path) -> None:
    for file in sorted((shared / "corpus/kfp").glob("*.yaml")):
        documents = all_from_yaml(file.read_text())
        if any("pipelineInfo" in one for one in documents):
            assert [one for one in checking.judge(documents) if one.severity == "error"] == [], file.name
