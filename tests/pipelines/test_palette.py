"""Components of the palette, read off Python, component YAML and compiled pipelines.

`palette/expected.json` is what kfp 2.17.0 printed of the texts beside it; a heavy test asks it again.
"""

from __future__ import annotations

import json
import textwrap
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pinnace.authoring.kfp import code
from pinnace.authoring.kfp.palette import packages, reading, wrapping
from pinnace.authoring.kfp.palette.piece import Palette, Piece, Unreadable
from pinnace.kinds.document import all_from_yaml
from scripts.conformance import pipeline_code

HERE = Path(__file__).parent / "palette"
EXPECTED = json.loads((HERE / "expected.json").read_text())
HEAD = "from kfp import dsl\nfrom kfp.dsl import Input, Output, Dataset, Model\n"


def python(text: str) -> Palette:
    return reading.of_python(HEAD + textwrap.dedent(text))


@cache
def functions() -> dict[str, Piece]:
    return {one.name: one for one in reading.of_python((HERE / "functions.py.txt").read_text()).components}


def specs(piece: Piece) -> Any:
    """As the API answers."""
    found = json.loads(msgspec.json.encode(piece.spec))
    return {"component": found["component"], "executor": found["executor"]}


def problems(text: str) -> list[tuple[int, str]]:
    with pytest.raises(Unreadable) as refused:
        python(text)
    return [(one.line, one.message) for one in refused.value.problems]


# ---- Python ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(EXPECTED["functions"]))
def test_a_function_becomes_to_the_letter_what_the_sdk_makes_of_it(name: str) -> None:
    assert specs(functions()[name.strip("_").replace("_", "-")]) == EXPECTED["functions"][name]


def test_a_component_tells_its_ports_and_what_it_is_for() -> None:
    made, = python('''
        @dsl.component
        def train_model(data: Input[Dataset], model: Output[Model], epochs: int = 3) -> float:
            """Trains it.

            Args:
                epochs: how often
            """
            return 0.5
    ''').components
    assert (made.name, made.title, made.description, made.group) == (
        "train-model", "Train model", "Trains it.", "Functions"
    )
    inputs = [(one.name, one.kind, one.types, one.required, one.description) for one in made.inputs]
    assert inputs == [
        ("data", "artifact", ("system/Dataset",), True, ""),
        ("epochs", "parameter", ("integer",), False, "how often"),
    ]
    assert [(one.name, one.types) for one in made.outputs] == [
        ("model", ("system/Model",)), ("Output", ("number",))
    ]


def test_a_pipeline_is_not_run_but_named_with_the_next_step() -> None:
    made = python('''
        raise SystemExit("this file was run")

        @dsl.pipeline
        def whole(): ...
    ''')
    assert made.components == ()
    assert "kfp dsl compile --py FILE --function whole" in made.notes[0]


def test_components_of_one_name_are_told_apart() -> None:
    made = python('''
        if True:
            @dsl.component
            def one(a: int): ...
        else:
            @dsl.component
            def one(b: str): ...
    ''')
    assert [one.name for one in made.components] == ["one", "one-2"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("import os\n@dsl.component(base_image=os.environ['IMAGE'])\ndef f(): ...", 4, "`os.environ`"),
        ("IMAGE = 'a'\nIMAGE += 'b'\n@dsl.component(base_image=IMAGE)\ndef f(): ...", 5, "known only when"),
        ("def made():\n    return dsl.component\n@made()\ndef f(): ...", 5, "`@made()`"),
        ("import functools\n@dsl.component\n@functools.cache\ndef f(): ...", 5, "functools.cache"),
        ("@dsl.component\ndef f(a): ...", 4, "Missing type annotation for argument: a"),
        ("import numpy\n@dsl.component\ndef f(a: numpy.ndarray): ...", 5, "numpy.ndarray"),
        ("@dsl.component\ndef f(*a: int): ...", 4, "one by one"),
        ("@dsl.component(base_image=3)\ndef f(): ...", 4, "base_image"),
        ("@dsl.component(embedded_artifact_path='x')\ndef f(): ...", 4, "embedded_artifact_path"),
        ("@dsl.container_component\ndef f(a: int):\n    print(a)", 5, "its command line is known only"),
        ("@dsl.container_component\ndef f(a: Input[Dataset]):\n"
         "    return dsl.ContainerSpec(image='i', args=[a])", 5, ".uri or .path"),
        ("@dsl.container_component\ndef f(a: str):\n"
         "    return dsl.ContainerSpec('i', [dsl.IfPresentPlaceholder('b', a)])", 5, "nonexistant"),
        ("def f(:", 3, "no Python"),
        ("x = 1", 0, "no component is in this file"),
    ],
)
def test_what_only_a_run_tells_is_refused_by_its_line(text: str, line: int, words: str) -> None:
    (found, message), = problems(text)
    assert (found, words in message) == (line, True), message


def test_every_problem_of_a_file_is_told_at_once() -> None:
    found = problems("@dsl.component\ndef f(a): ...\n\n@dsl.component\ndef g(b): ...")
    assert [line for line, _ in found] == [4, 7]


# ---- component YAML ----------------------------------------------------------------------------


def test_component_yaml_of_v1_becomes_what_the_sdk_makes_of_it() -> None:
    made, = reading.of_documents(all_from_yaml((HERE / "classic.yaml").read_text())).components
    assert specs(made) == EXPECTED["classic"]
    assert (made.name, made.title, made.group) == ("train-score", "Train & Score", "Models")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("implementation: {graph: {}}", "graph components of v1"),
        ("implementation: {container: {args: [a]}}", "implementation.container.image"),
        ("implementation: {container: {image: i, args: [{inputValue: x}]}}", 'nonexistant input: "x"'),
        ("implementation: {container: {image: i, args: [{inputVal: x}]}}", "no placeholder"),
        ("inputs: [{name: a}, {name: a}]\nimplementation: {container: {image: i}}", "there twice"),
        ("inputs: [{name: a, type: Float, default: x}]\nimplementation: {container: {image: i}}", "DOUBLE"),
        ("kind: Pod", "pipelineInfo: missing"),
    ],
)
def test_a_wrong_document_is_refused_by_its_field(text: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        reading.of_documents(all_from_yaml(text))


# ---- compiled pipelines ------------------------------------------------------------------------


def leaf(name: str) -> Any:
    inputs = {"parameters": {"a": {"parameterType": "STRING"}}}
    return {"executorLabel": f"exec-{name}", "inputDefinitions": inputs}


def task(name: str) -> Any:
    return {"componentRef": {"name": f"comp-{name}"}, "taskInfo": {"name": name}}


def pipeline() -> list[Any]:
    say = {"container": {"image": "busybox", "command": ["echo"], "resources": {"cpuLimit": 1.0}}}
    quick = {"container": {"image": "busybox", "command": ["echo"]}}
    return [
        {
            "pipelineInfo": {"name": "whole", "displayName": "The whole"},
            "components": {
                "comp-say": leaf("say"), "comp-say-2": leaf("say-2"), "comp-loud": leaf("loud"),
                "comp-inner": {"dag": {"tasks": {"say": task("say"), "loud": task("loud")}}},
                "comp-condition-1": {"dag": {"tasks": {"say": task("say-2")}}},
            },
            "deploymentSpec": {"executors": {"exec-say": say, "exec-say-2": quick, "exec-loud": quick}},
            "root": {"dag": {"tasks": {"inner": task("inner"), "condition-1": task("condition-1")}}},
        },
        {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {
            "exec-loud": {"imagePullPolicy": "Always"}
        }}}}},
    ]


def test_of_a_pipeline_leaves_pipelines_and_the_whole_are_offered_once() -> None:
    found = {one.name: one for one in reading.of_documents(pipeline()).components}
    assert {name: one.group for name, one in found.items()} == {
        "inner": "Pipelines", "loud": "Containers", "say": "Containers", "whole": "Pipelines"
    }
    inner = json.loads(msgspec.json.encode(found["inner"].spec))
    assert set(inner["components"]) == {"comp-say", "comp-loud"}
    assert set(inner["executors"]) == {"exec-say", "exec-loud"}
    assert inner["executor"] is None
    assert found["whole"].title == "The whole"
    settings = {"kubernetes": {"deploymentSpec": {"executors": {"exec-loud": {"imagePullPolicy": "Always"}}}}}
    assert (found["loud"].spec.platform, found["say"].spec.platform) == (settings, msgspec.UNSET)


def test_a_component_is_a_document_of_its_own_and_is_the_same_when_read_again() -> None:
    for name, piece in functions().items():
        again, = reading.of_documents(json.loads(msgspec.json.encode(wrapping.documents(piece)))).components
        assert (again.name, again.spec) == (name, piece.spec)


def test_a_pipeline_as_a_document_of_its_own_holds_what_is_inside() -> None:
    inner = {one.name: one for one in reading.of_documents(pipeline()).components}["inner"]
    spec, platform = wrapping.documents(inner)
    assert set(spec["components"]) == {"comp-say", "comp-loud"}
    assert set(platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]) == {"exec-loud"}


def test_python_is_told_from_yaml() -> None:
    assert reading.is_python("import kfp")
    assert reading.is_python("@dsl.component\ndef broken(:")
    assert not reading.is_python("implementation: {container: {image: i}}")
    assert not reading.is_python("# a comment\nname: x\n")


def test_the_components_of_a_written_program_are_those_of_its_pipeline(shared: Path) -> None:
    """The two translations are each other's reverse, whichever version of the SDK compiled the pipeline."""
    seen = 0
    for name, package in pipeline_code.corpus(shared / "corpus/kfp").items():
        try:
            made = reading.of_python(code.program(package)[0]).components
        except code.NoProgram:
            continue
        offered = {one.name: one.spec for one in packages.offered(package) if one.group != "Pipelines"}
        for one in made:
            if one.name in offered:
                pair = (offered[one.name], one.spec)
                before, after = ({"component": each.component, "executor": each.executor} for each in pair)
                before["executor"]["container"].pop("env", None)
                assert list(pipeline_code.differences(*map(pipeline_code.plain, (before, after)))) == [], name
                seen += 1
    assert seen > 100


def test_every_compiled_pipeline_of_the_corpus_gives_components(shared: Path) -> None:
    for file in sorted((shared / "corpus/kfp").glob("*.yaml")):
        documents = all_from_yaml(file.read_text())
        if any("pipelineInfo" in one for one in documents):
            assert reading.of_documents(documents).components, file.name
