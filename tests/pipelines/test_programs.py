"""Pipelines as graphs and as programs; the real SDK compiles the programs, and makes the same IR."""

from __future__ import annotations

import ast
import json
import warnings
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pinnace.authoring.kfp import code, graph, ir
from scripts.conformance import pipeline_code


def packages(shared: Path) -> dict[str, ir.Package]:
    return pipeline_code.corpus(shared / "corpus/kfp")


def programs(shared: Path) -> tuple[dict[str, str], dict[str, str]]:
    """By file: the program, or why there is none."""
    made, refused = {}, {}
    for name, package in packages(shared).items():
        try:
            made[name] = code.program(package)[0]
        except code.NoProgram as problem:
            refused[name] = str(problem)
    return made, refused


def test_every_pipeline_is_drawn(shared: Path) -> None:
    found = packages(shared)
    assert len(found) > 60
    for name, package in found.items():
        drawing = json.loads(msgspec.json.encode(graph.draw(package)))
        for inner in graphs(drawing["graph"]):
            nodes = {one["id"]: one for one in inner["nodes"]}
            for edge in inner["edges"]:
                start, end = edge["from"], edge["to"]
                assert {start["node"], end["node"]} - {""} <= set(nodes), name
                if end["node"] and "input" in end:
                    assert end["input"] in {one["name"] for one in nodes[end["node"]].get("inputs", ())}, name
                if start["node"] and "output" in start:
                    given = {one["name"] for one in nodes[start["node"]].get("outputs", ())}
                    assert start["output"] in given, name


def graphs(found: Any) -> list[Any]:
    inner = [one["graph"] for one in found["nodes"] if one.get("graph")]
    return [found, *(each for one in inner for each in graphs(one))]


def test_groups_are_drawn_as_what_they_are(shared: Path) -> None:
    kinds = {}
    for package in packages(shared).values():
        drawing = json.loads(msgspec.json.encode(graph.draw(package)))
        for one in (node for inner in graphs(drawing["graph"]) for node in inner["nodes"]):
            kinds.setdefault(one["kind"], one)
    assert set(kinds) == {"component", "importer", "loop", "condition", "exit-handler", "pipeline"}
    assert kinds["loop"]["loop"]["item"]
    assert kinds["component"]["image"]


def test_nearly_every_pipeline_has_a_program(shared: Path) -> None:
    made, refused = programs(shared)
    with warnings.catch_warnings(action="ignore"):  # of what users write in their functions
        for text in made.values():
            ast.parse(text)
    assert (len(made) > 60, len(refused) < 10) == (True, True), refused


def test_what_is_no_text_of_pythons_does_not_become_some() -> None:
    spec = {
        "pipelineInfo": {"name": "p"}, "deploymentSpec": {"executors": {}}, "components": {},
        "root": {"dag": {"tasks": {}}, "inputDefinitions": {"parameters": {
            "x=print(1)": {"parameterType": "STRING"}
        }}},
    }
    with pytest.raises(code.NoProgram, match="is no name of Python's"):
        code.program(ir.package(spec))


EDITED = """
pipelineInfo: {name: whole}
deploymentSpec:
  executors:
    exec-make: {container: {image: busybox, command: [echo]}}
    exec-take:
      container: {image: busybox, args: ["{{$.inputs.parameters['text']}}!", "{{$.pipeline_job_name}}"]}
components:
  comp-make:
    executorLabel: exec-make
    outputDefinitions: {parameters: {text: {parameterType: STRING}}}
  comp-take:
    executorLabel: exec-take
    inputDefinitions: {parameters: {text: {parameterType: STRING}}}
root:
  dag:
    tasks:
      make-2: {componentRef: {name: comp-make}, cachingOptions: {enableCache: true}}
      make: {componentRef: {name: comp-make}, dependentTasks: [make-2], cachingOptions: {enableCache: true}}
      take:
        componentRef: {name: comp-take}
        cachingOptions: {enableCache: true}
        parameterIterator: {itemInput: text, items: {raw: '["a", "b"]'}}
      take-2:
        componentRef: {name: comp-take}
        cachingOptions: {enableCache: true}
        inputs: {parameters: {text: {taskOutputParameter: {producerTask: make, outputParameterKey: text}}}}
        triggerPolicy: {condition: "inputs.parameter_values['text'] == 'x'"}
"""


def written(text: str) -> list[str]:
    found = code.program(ir.read(text))[0]
    return [line.strip() for line in found[found.index("\ndef whole") :].splitlines()]


def test_what_another_writer_than_the_sdk_numbered_and_named_is_a_program_too() -> None:
    assert written(EDITED)[2:10] == [
        'with dsl.ParallelFor(items=["a", "b"]) as take_item:', "take_task = take(text=take_item)",
        "make_2_task = make()", "make_task = make()", "make_task.after(make_2_task)",
        'with dsl.If(make_task.outputs["text"] == "x"):',
        'take_task_2 = take(text=make_task.outputs["text"])', "",
    ]


def test_a_command_line_names_its_inputs() -> None:
    assert 'args=[f"{text}!", dsl.PIPELINE_JOB_NAME_PLACEHOLDER]' in code.program(ir.read(EDITED))[0]


def test_settings_of_kubernetes_are_calls(shared: Path) -> None:
    known = packages(shared)
    wanted = {
        "toleration.yaml": "kubernetes.add_toleration(",
        "secret_as_vol.yaml": "kubernetes.use_secret_as_volume(",
        "create_mount_delete_existing_pvc.yaml": "kubernetes.CreatePVC(",
        "pipeline_with_secret_as_env.yaml": "secret_name=",
    }
    for name, words in wanted.items():
        text, notes = code.program(known[name])
        assert (words in text, notes) == (True, ()), name


def wrong(verdicts: list[pipeline_code.Verdict]) -> list[str]:
    return [f"{one.name}: {one.problem}" for one in verdicts if one.problem and not one.excused]


@pytest.mark.heavy
@pytest.mark.timeout(1800)
def test_the_sdk_makes_the_same_of_programs_and_of_components(shared: Path, tmp_path: Path) -> None:
    python = pipeline_code.environment(tmp_path / "venv")
    known = pipeline_code.kept(python, tmp_path)
    every = packages(shared) | pipeline_code.defined(known["pipelines"])
    programs = list(pipeline_code.round_trips(python, every))
    assert wrong(programs) == []
    assert sum(not one.problem for one in programs) > 220
    components = list(pipeline_code.readings(known["components"], ""))
    assert wrong(components) == []
    assert sum(not one.problem for one in components) > 200
    palette = Path(__file__).parent / "palette"
    expected = json.loads((palette / "expected.json").read_text())
    functions = pipeline_code.asked(python, {"it": (palette / "functions.py.txt").read_text()}, "leaves")
    classic = pipeline_code.asked(python, {"it": (palette / "classic.yaml").read_text()}, "classic")
    assert {"functions": functions["it"], "classic": classic["it"]} == expected
