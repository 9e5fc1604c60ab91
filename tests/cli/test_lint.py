"""`pinnace lint` and `pinnace convert`: no platform, several files, an answer for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from pinnace.cli.app import main

GOOD = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: shared}
spec:
  templates:
  - name: say
    inputs: {parameters: [{name: word}]}
    container: {image: busybox, args: ["{{inputs.parameters.word}}"]}
"""
CALLER = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: call-}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - name: a
        templateRef: {name: shared, template: say}
        arguments: {parameters: [{name: word, value: hi}]}
"""
OLD = """
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly}
spec:
  schedule: 0 0 * * *
  workflowSpec: {entrypoint: main, templates: [{name: main, suspend: {}}]}
"""


def written(folder: Path, **files: str) -> list[str]:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return [str(folder / f"{name}.yaml") for name in files]


def test_templates_of_one_file_serve_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = written(tmp_path, caller=CALLER, shared=GOOD)
    assert main(["lint", *files]) == 0
    assert capsys.readouterr().out == "✔ nothing wrong in 2 documents\n"
    assert main(["lint", str(tmp_path)]) == 0


def test_without_them_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (file,) = written(tmp_path, caller=CALLER)
    assert main(["lint", file, "-o", "simple"]) == 1
    words = 'templates.main.steps[0].a workflowtemplates.argoproj.io "shared" not found'
    assert capsys.readouterr().out == f"{file}: Workflow call-: {words}\n"


def test_programs_get_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (file,) = written(tmp_path, caller=CALLER.replace("value: hi", "valeu: hi"))
    assert main(["lint", file, "-o", "json"]) == 1
    (told,) = json.loads(capsys.readouterr().out)
    assert told["problems"] == ['unknown field "spec.templates[0].steps[0][0].arguments.parameters[0].valeu"']
    assert main(["lint", file, "-o", "simple", "--no-strict"]) == 1
    assert "arguments.word.value" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: Workflow\nspec: [}", "line 2, column 8: this is no YAML"),
        (CALLER.replace("generateName: call-", "name: 3"), "metadata.name"),
        (
            CALLER.replace("argoproj.io/v1alpha1", "argoproj.io/v1"),
            "has no Workflow: write argoproj.io/v1alpha1",
        ),
        (CALLER.replace("steps:", "steps: 3\n    x:"), "steps"),
    ],
)
def test_what_is_no_such_document(
    tmp_path: Path, text: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (file,) = written(tmp_path, bad=text)
    assert main(["lint", file]) == 1
    assert words in capsys.readouterr().out


def test_kinds_of_others_are_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = written(tmp_path, config="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    assert main(["lint", *files]) == 0
    assert capsys.readouterr().out == "✔ nothing wrong in 0 documents\n"


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", str(tmp_path / "none.yaml")]) != 0
    assert "none.yaml is not there" in capsys.readouterr().err


def test_old_documents_pass_with_a_warning_and_are_converted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file,) = written(tmp_path, old=OLD)
    assert main(["lint", file]) == 0
    assert 'write spec.schedules: ["0 0 * * *"]' in capsys.readouterr().out
    assert main(["convert", file]) == 0
    found = capsys.readouterr()
    assert yaml.safe_load(found.out)["spec"]["schedules"] == ["0 0 * * *"]
    assert "spec.schedule is of Argo 3" in found.err
    new = tmp_path / "new.yaml"
    new.write_text(found.out)
    assert main(["lint", str(new), "-o", "simple"]) == 0
    assert capsys.readouterr().out == ""


def test_upstreams_examples_have_nothing_wrong(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", str(shared / "corpus" / "argo" / "examples"), "-o", "simple"]) == 0
    assert capsys.readouterr().out == ""
