"""Pipelines as graphs and as programs; the real SDK compiles the programs, and makes the same IR."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import warnings
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pinnace.authoring.kfp import code, graph, ir

COMPILE = """
import importlib.util, json, re, sys, tempfile
import yaml
from kfp import compiler
made, folder = [], tempfile.mkdtemp()
for at, program in enumerate(json.load(sys.stdin)):
    name = f"program{at}"
    path = f"{folder}/{name}.py"
    open(path, "w").write(program)
    try:
        spec = importlib.util.spec_from_file_location(name, path)
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        pipeline = getattr(module, re.search(r"Compiler\\(\\)\\.compile\\((\\w+)", program)[1])
        compiler.Compiler().compile(pipeline, f"{folder}/{name}.yaml")
        documents = yaml.safe_load_all(open(f"{folder}/{name}.yaml"))
        made.append(next(one for one in documents if "pipelineInfo" in one))
    except Exception as error:
        made.append({"error": f"{type(error).__name__}: {error}"})
json.dump(made, sys.stdout)
"""
INSTALL = re.compile(r"python3 -m pip install [^&]*'kfp==[^&]*(?:&& )?")


def packages(shared: Path) -> dict[str, ir.Package]:
    found = {}
    for file in sorted((shared / "corpus/kfp").rglob("*.yaml")):
        try:
            package = ir.read(file.read_text())
        except ir.IrError:
            continue
        if not package.argo:
            found[file.name] = package
    return found


def programs(shared: Path) -> tuple[dict[str, str], dict[str, str]]:
    """By file: the program, or why there is none."""
    made, refused = {}, {}
    for name, package in packages(shared).items():
        try:
            made[name] = code.program(package)[0]
        except code.NoProgram as problem:
            refused[name] = str(problem)
    return made, refused


def same(value: Any) -> Any:
    """But for what a version of the SDK writes of itself."""
    if isinstance(value, dict):
        return {key: same(one) for key, one in value.items() if key not in ("sdkVersion", "schemaVersion")}
    if isinstance(value, list):
        return [same(one) for one in value]
    if isinstance(value, str) and ("pip install" in value or "import kfp" in value):
        plain = " ".join(value.split())
        return " ".join(INSTALL.sub("", plain).replace("PIP_DISABLE_PIP_VERSION_CHECK=1", "").split())
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


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


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_the_sdk_makes_the_same_pipelines_of_the_programs(sdk: str, shared: Path) -> None:
    made, _ = programs(shared)
    done = subprocess.run(
        [sdk, "-W", "ignore", "-c", COMPILE], input=json.dumps(list(made.values())), capture_output=True,
        text=True, timeout=600,
    )
    assert done.returncode == 0, done.stderr
    known = packages(shared)
    wrong = [
        f"{name}: {one.get('error', 'another pipeline')}"
        for name, one in zip(made, json.loads(done.stdout), strict=True)
        if same(one) != same(known[name].spec)
    ]
    assert wrong == []
