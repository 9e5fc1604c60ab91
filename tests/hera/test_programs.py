"""Documents of Argo as programs of Hera: the real Hera runs them, and makes the same documents."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pinnace.authoring.argo import hera as writing
from pinnace.kinds import argo_older
from pinnace.kinds.document import all_from_yaml
from tests.conftest import ROOT

pytestmark = pytest.mark.timeout(600)
RUN = """
import json, sys
made = []
for program in json.load(sys.stdin):
    space = {"__name__": "program"}
    try:
        exec(program, space)
        made.append(space["w"].to_dict())
    except Exception as error:
        made.append({"error": f"{type(error).__name__}: {error}"})
json.dump(made, sys.stdout, default=str)
"""
UNSAID = {"spec.workflowMetadata", "spec.podResources", "spec.entrypoints"}
"""What Hera has no word for."""


def documents(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for file in sorted(folder.rglob("*.yaml")):
        try:
            listed = all_from_yaml(file.read_text())
        except Exception:  # upstream has files that are meant to be wrong, or none of YAML
            continue
        for one in listed:
            ours = isinstance(one, dict) and str(one.get("apiVersion")).startswith("argoproj.io/")
            if ours and one.get("kind") in writing.KINDS and "malformed" not in str(file):
                plain = json.loads(json.dumps(one, default=str))
                argo_older.modernise(plain)
                found.append((f"{file.name}/{one['metadata'].get('name')}", plain))
    return found


def same(value: Any) -> Any:
    """A document as Argo reads it: numbers where text is meant are text, and nothing is absent."""
    if isinstance(value, dict):
        kept = {key: same(one) for key, one in value.items() if one is not None}
        return {key: one for key, one in kept.items() if one != {} or key not in EMPTY}
    if isinstance(value, list):
        return [same(one) for one in value]
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


EMPTY = ("metadata", "arguments", "inputs", "outputs", "status")


def programs(found: list[tuple[str, dict[str, Any]]]) -> tuple[list[str], list[str]]:
    texts, unsaid = [], []
    for name, document in found:
        try:
            texts.append(writing.program(document))
        except writing.NoProgram as problem:
            assert str(problem).partition(":")[0] in UNSAID, f"{name}: {problem}"
            unsaid.append(name)
            texts.append("w = None")
    return texts, unsaid


def wrong(hera: str, found: list[tuple[str, dict[str, Any]]]) -> list[str]:
    texts, unsaid = programs(found)
    command = [hera, "-W", "ignore", "-c", RUN]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    return [
        f"{name}: {one.get('error', 'another document')}"
        for (name, document), one in zip(found, made, strict=True)
        if name not in unsaid and same(one) != same(document)
    ]


def test_the_shipped_documents_come_back_as_they_are(hera: str) -> None:
    found = [*documents(ROOT / "catalog"), *documents(ROOT / "examples")]
    assert len(found) > 30
    assert wrong(hera, found) == []


def test_upstreams_documents_come_back_as_they_are(hera: str, shared: Path) -> None:
    found = documents(shared / "corpus/argo")
    known = {  # mounts without a path, `arguments: {parameters: []}`
        "workflow-template-invalid-entrypoint.yaml", "workflow-template-invalid-onexit.yaml",
        "empty-parameter-steps.yaml",
    }
    left = [one for one in wrong(hera, found) if one.partition("/")[0] not in known]
    assert (len(found) > 200, left) == (True, [])


def test_a_program_is_what_a_person_would_write() -> None:
    document = {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"generateName": "hello-"},
        "spec": {
            "entrypoint": "main",
            "templates": [{
                "name": "main", "inputs": {"parameters": [{"name": "who", "default": "world"}]},
                "container": {"image": "alpine", "command": ["echo"], "args": ["{{inputs.parameters.who}}"]},
            }],
        },
    }
    assert writing.program(document) == '''\
from hera.workflows import Container, Parameter, Workflow

main = Container(
    name="main",
    inputs=[Parameter(name="who", default="world")],
    image="alpine",
    command=["echo"],
    args=["{{inputs.parameters.who}}"],
)

w = Workflow(generate_name="hello-", entrypoint="main", templates=[main])

if __name__ == "__main__":
    print(w.to_yaml())
'''
