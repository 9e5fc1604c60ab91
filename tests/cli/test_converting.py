"""`pinnace convert --to`: compositions, workflows and pipelines as other documents, without a platform."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pinnace.cli.app import main
from tests.conftest import ROOT

PROTO = "service S { rpc first (N) returns (N); }\nmessage N { int64 n = 1; }"
TEXT = "service S { rpc second (T) returns (T); }\nmessage T { string t = 1; }"


def node(name: str, operation: str, *after: str) -> dict[str, Any]:
    targets = [
        {"container_name": one, "operation_signature": {"operation_name": "second"}} for one in after
    ]
    return {
        "container_name": name, "node_type": "MLModel", "image": f"registry.example/{name}:1",
        "proto_uri": f"org/{name}/{name}.proto",
        "operation_signature_list": [
            {"operation_signature": {"operation_name": operation}, "connected_to": targets}
        ],
    }


@pytest.fixture
def blueprint(tmp_path: Path) -> Path:
    file = tmp_path / "blueprint.json"
    document = {"name": "two", "version": "1", "nodes": [node("a", "first", "b"), node("b", "second")]}
    file.write_text(json.dumps({**document, "input_ports": [], "probeIndicator": [{"value": "false"}]}))
    return file


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["convert", *words])
    out, error = capsys.readouterr()
    return code, out, error


@pytest.mark.parametrize(
    ("target", "kinds"),
    [
        ("argo", ["Workflow"]), ("graph", ["InferenceService", "InferenceService", "InferenceGraph"]),
        ("orchestrator", ["Deployment", "Service"] * 2 + ["ConfigMap", "InferenceService", "Service"]),
    ],
)
def test_a_blueprint_becomes_what_a_cluster_takes(
    capsys: pytest.CaptureFixture[str], blueprint: Path, target: str, kinds: list[str]
) -> None:
    code, out, _ = said(capsys, str(blueprint), "--to", target)
    assert (code, [one["kind"] for one in yaml.safe_load_all(out)]) == (0, kinds)


def test_a_container_that_runs_elsewhere_is_not_deployed(
    capsys: pytest.CaptureFixture[str], blueprint: Path
) -> None:
    code, out, _ = said(capsys, str(blueprint), "--to", "orchestrator", "--address", "a=10.0.0.7:80")
    made = ("Deployment", "InferenceService")
    named = [one["metadata"]["name"] for one in yaml.safe_load_all(out) if one["kind"] in made]
    assert (code, named) == (0, ["b", "two-orchestrator"])
    _, info, _ = said(capsys, str(blueprint), "--to", "dockerinfo", "--address", "a=10.0.0.7:80")
    first = json.loads(info)["docker_info_list"][0]
    assert first == {"container_name": "a", "ip_address": "10.0.0.7", "port": "80"}


def test_ports_that_do_not_fit_are_told_when_the_protos_are_there(
    capsys: pytest.CaptureFixture[str], blueprint: Path
) -> None:
    (blueprint.parent / "a.proto").write_text(PROTO)
    (blueprint.parent / "b.proto").write_text(TEXT)
    protos = [word for name in "ab" for word in ("--proto", str(blueprint.parent / f"{name}.proto"))]
    code, out, error = said(capsys, str(blueprint), "--to", "cdump", *protos)
    assert (code, "N does not fit T: tag 1 is int64 on the one side" in error) == (0, True)
    assert json.loads(out)["cname"] == "two"


def test_what_was_made_of_a_blueprint_leads_back(
    capsys: pytest.CaptureFixture[str], blueprint: Path, tmp_path: Path
) -> None:
    made = tmp_path / "workflow.yaml"
    made.write_text(said(capsys, str(blueprint), "--to", "argo")[1])
    assert json.loads(said(capsys, str(made), "--to", "blueprint")[1]) == json.loads(blueprint.read_text())


def test_workflows_and_pipelines_become_programs(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, str(ROOT / "examples/hello-world.yaml"), "--to", "python")
    assert (code, out.startswith("from hera.workflows import")) == (0, True)
    code, out, _ = said(capsys, str(ROOT / "tests/export/pipeline.yaml"), "--to", "python")
    assert (code, "@dsl.pipeline(" in out) == (0, True)


COMPONENTS = """from kfp import dsl

@dsl.component(base_image="python:3.12")
def add(a: int, b: int = 1) -> int:
    return a + b

@dsl.pipeline
def whole():
    add(a=1)
"""


def test_components_are_read_off_python_as_documents_of_their_own(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "components.py"
    file.write_text(COMPONENTS)
    code, out, notes = said(capsys, str(file), "--to", "components")
    found, = yaml.safe_load_all(out)
    assert (code, found["pipelineInfo"]["name"], list(found["components"])) == (0, "add", ["comp-add"])
    assert "whole is a pipeline" in notes
    file.write_text(COMPONENTS.replace('"python:3.12"', "image()"))
    code, _, problem = said(capsys, str(file), "--to", "components")
    assert code != 0
    assert "line 3: `image()` is known only when the file runs" in problem


@pytest.mark.parametrize(
    ("text", "target", "words"),
    [
        ("{}", "argo", "nodes: neither a blueprint"), ("a: [", "argo", "line 2: "),
        ("kind: Pod", "python", "root"), ("kind: Pod\napiVersion: v1", "blueprint", "kind: 'Pod'"),
    ],
)
def test_what_cannot_be_converted_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, target: str, words: str
) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    code, _, error = said(capsys, str(file), "--to", target)
    assert code != 0
    assert f"pinnace: {file}: " in error
    assert words in error
