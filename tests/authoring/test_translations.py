"""What the composer asks a running platform for: findings with places, programs, graphs, bundles."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pinnace.authoring import ports
from pinnace.cli.connection import Refused
from tests.conftest import ROOT
from tests.e2e.platform import Platform, eventually

DRAWN = re.search(r"```yaml workflow\n(.*?)```", (ROOT / "docs/composer.md").read_text(), re.S)
PAGE = DRAWN.group(1) if DRAWN else ""
BASE = "/pinnace/v1/authoring"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = Platform(tmp_path_factory.mktemp("authoring"), "--isolation", "process")
    try:
        made.up()
        eventually(lambda: made.get("cwft")["items"], "the catalogue")
        yield made
    finally:
        made.down()


def ask(platform: Platform, what: str, **body: Any) -> Any:
    return json.loads(platform.api.request("POST", f"{BASE}/{what}", body))


def refused(platform: Platform, what: str, body: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as problem:
        platform.api.request("POST", f"{BASE}/{what}", body)
    return problem.value.code, str(problem.value)


def findings(platform: Platform, text: str) -> list[tuple[str, str, str]]:
    found = ask(platform, "validate", text=text)["findings"]
    return [(one["path"], one["source"], one["message"]) for one in found]


def test_the_tables_of_ports_are_those_of_the_file(platform: Platform) -> None:
    assert platform.api.json(f"{BASE}/ports")["types"].keys() == ports.rule().types.keys()


def test_the_workflow_of_the_page_has_nothing_wrong(platform: Platform) -> None:
    assert findings(platform, PAGE) == []


def test_a_finding_leads_to_its_place(platform: Platform) -> None:
    wrong = PAGE.replace("tasks.split.outputs.artifacts.train", "tasks.split.outputs.artifacts.trane")
    assert findings(platform, wrong)[0][:2] == ("/spec/templates/0/dag/tasks/2", "argo")
    wrong = PAGE.replace("template: data-iris", "template: data-irish")
    assert findings(platform, wrong)[0] == (
        "/spec/templates/0/dag/tasks/0", "argo",
        "templates.main.tasks.data template reference data-iris.data-irish not found "
        '(did you mean "data-iris"?)',
    )
    wrong = PAGE.replace("entrypoint: main", "entrypoint: men")
    assert findings(platform, wrong)[0][0] == "/spec/entrypoint"
    wrong = PAGE.replace("depends: data", "depens: data")
    places = [one[:2] for one in findings(platform, wrong)]
    assert ("/spec/templates/0/dag/tasks/1/depens", "schema") in places


def test_wires_whose_ports_do_not_fit_are_told_through_what_passes_them_on(platform: Platform) -> None:
    wrong = PAGE.replace("train-logistic-regression", "train-torch-cnn")
    assert findings(platform, wrong)[0] == (
        "/spec/templates/0/dag/tasks/2/arguments/artifacts/0", "ports",
        "train.train: Images is needed, and Numbers may be anything of its kind: "
        "put a step between that makes it",
    )
    right = wrong.replace("data-iris", "data-digits")
    there = "/spec/templates/0/dag/tasks/2"
    assert [one for one in findings(platform, right) if one[0].startswith(there)] == []


def test_a_text_that_is_no_yaml_is_told_with_line_and_column(platform: Platform) -> None:
    found = ask(platform, "validate", text="kind: Workflow\nspec: [")["findings"][0]
    assert (found["source"], found["line"]) == ("yaml", 3)


@pytest.mark.parametrize(
    ("what", "body", "code", "words"),
    [
        ("validate", {"foo": 1}, 400, "foo"), ("validate", {}, 422, "document: expected exactly one"),
        ("validate", {"document": 5}, 400, "document: Expected"),
        ("nothing", {}, 404, "there is no translation"),
        ("python", {"document": {"kind": "Pod", "apiVersion": "v1"}}, 422, "document: "),
        ("acumos", {"document": {}}, 422, "document: nodes"),
        ("acumos", {"text": "a: ["}, 422, "text: line 2"),
        ("bundle", {"documents": [{"kind": "A"}]}, 422, "documents[0]: expected"),
        ("to-acumos", {"document": {"kind": "Pod"}}, 422, "document: kind"),
    ],
)
def test_a_wrong_request_is_refused_by_its_field(
    platform: Platform, what: str, body: Any, code: int, words: str
) -> None:
    found = refused(platform, what, body)
    assert (found[0], words in found[1]) == (code, True), found


def test_too_large_a_document_is_refused(platform: Platform) -> None:
    assert refused(platform, "validate", {"text": "x" * (3 << 20)})[0] == 413
    more = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    laughs = "\n".join(["a0: &a0 [x]", *more])
    found = ask(platform, "validate", text=laughs)["findings"][0]
    assert "expand to too large a document" in found["message"]


def test_a_bundle_is_a_kustomization(platform: Platform) -> None:
    data = platform.api.request("POST", f"{BASE}/bundle", {"text": PAGE, "name": "iris"})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        files = ("base/kustomization.yaml", "overlays/dev/kustomization.yaml", "README.md")
        assert {f"iris/{name}" for name in files} <= set(names)
        base = "".join(archive.read(name).decode() for name in names if "/base/" in name)
        assert "kind: Workflow" in base


def test_a_workflow_becomes_a_program_of_hera(platform: Platform) -> None:
    made = ask(platform, "python", text=PAGE)
    assert (made["name"], made["sdk"], made["notes"]) == ("iris.py", "hera", [])
    assert 'Task(\n' in made["text"] and "from hera.workflows import" in made["text"]


def test_a_pipeline_is_drawn(platform: Platform) -> None:
    text = (Path(ROOT) / "tests/export/pipeline.yaml").read_text()
    drawn = ask(platform, "pipeline", text=text)
    nodes = {one["id"]: one for one in drawn["graph"]["nodes"]}
    assert drawn["name"]
    assert nodes
    ends = {end["node"] for edge in drawn["graph"]["edges"] for end in (edge["from"], edge["to"])}
    assert ends - {""} <= set(nodes)


def test_a_pipeline_is_validated(platform: Platform) -> None:
    text = (Path(ROOT) / "tests/export/pipeline.yaml").read_text()
    assert findings(platform, text) == []
    component = re.search(r"name: (comp-[\w-]+)", text)
    assert component is not None
    found = findings(platform, text.replace(component[0], "name: comp-missing", 1))
    assert found[0][1] == "kfp"
    assert 'cannot find component ref name="comp-missing"' in found[0][2]


def test_components_are_read_off_python(platform: Platform) -> None:
    text = """from kfp import dsl

@dsl.component(base_image="python:3.12")
def add(a: int, b: int = 1) -> int:
    return a + b
"""
    made, = ask(platform, "components", text=text)["components"]
    assert (made["name"], made["spec"]["executor"]["container"]["image"]) == ("add", "python:3.12")
    assert [(one["name"], one["types"]) for one in made["inputs"]] == [("a", ["integer"]), ("b", ["integer"])]
    code, words = refused(platform, "components", {"text": text.replace('"python:3.12"', "image()")})
    assert (code, "line 3: `image()` is known only when the file runs" in words) == (422, True), words
