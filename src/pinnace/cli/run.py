"""`pinnace run FILE`: submit a workflow, follow it, and end with its outcome."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from pinnace.cli import pipeline
from pinnace.cli.connection import Connection
from pinnace.cli.examples import found
from pinnace.cli.platform import Failure
from pinnace.cli.tree import follow, workflow_path
from pinnace.home import Home

EXIT = {"Succeeded": 0, "Failed": 1, "Error": 2}
GROUP = "argoproj.io/v1alpha1"


def run(
    home: Home, file: Path, parameters: tuple[str, ...], namespace: str, *, watch: bool = False,
    junit: Path | None = None,
) -> int:
    connection = Connection.to(home)
    if watch:
        from pinnace.cli.watching import Watch  # who edits

        again = partial(begun, connection, file, parameters, namespace, reuse=True)
        return EXIT.get(Watch(connection, place(file), again, Console()).loop(), 2)
    picture = follow(connection, begun(connection, file, parameters, namespace), Console())
    if junit is not None:
        report(connection, picture.workflow, junit)
    return EXIT.get(picture.phase, 2)


def begun(
    connection: Connection, file: Path, parameters: tuple[str, ...], namespace: str, *, reuse: bool = False
) -> dict[str, Any]:
    """The Workflow that runs the file. `reuse`: without doing again what did not change."""
    documents = programmed(file) if ".py" in file.suffix else read(file)
    if pipeline.is_pipeline(documents):
        return pipeline.submit(connection, documents, parameters, namespace)
    if reuse:
        from pinnace.cli.reusing import prepared

        documents = prepared(documents, place(file).parent)
    workflow = with_parameters(submit_what(connection, documents, namespace), parameters)
    if reuse:
        workflow["metadata"].setdefault("annotations", {}).setdefault("pinnace.dev/memoize", "content")
    return submit(connection, workflow, namespace)


def place(file: Path) -> Path:
    """Where it lies, without the name of one workflow in it. Raises Failure."""
    from pinnace.cli import hera

    path = found(hera.chosen(file)[0] if ".py" in file.suffix else file)
    if not path.is_file():
        raise Failure(f"--watch looks at a file that is saved, and {file} is none")
    return path


def programmed(file: Path) -> list[dict[str, Any]]:
    """What a Python file says: a pipeline, or workflows written with Hera. Raises Failure."""
    from pinnace.cli import hera

    path, name = hera.chosen(file)
    path = found(path)
    return hera.written(path, name) if hera.speaks(path) else pipeline.compiled(path, name)


def report(connection: Connection, workflow: dict[str, Any], file: Path) -> None:
    """For a CI system. Raises Failure if the file cannot be written."""
    from pinnace.cli import junit

    meta = workflow["metadata"]
    try:
        junit.write(file, connection, connection.json(workflow_path(meta["namespace"], meta["name"])))
    except OSError as error:
        raise Failure(f"cannot write {file}: {error.strerror}") from error


def read(file: Path) -> list[dict[str, Any]]:
    """The documents of a manifest. Raises Failure if it is no YAML of objects."""
    import yaml

    try:
        text = sys.stdin.read() if str(file) == "/dev/stdin" else found(file).read_text()
    except OSError as error:
        raise Failure(f"cannot read {file}: {error.strerror}") from error
    try:
        documents = [d for d in yaml.safe_load_all(text) if d is not None]
    except yaml.YAMLError as error:
        raise Failure(f"{file} is not valid YAML: {error}") from error
    if pipeline.is_pipeline([d for d in documents if isinstance(d, dict)]):
        return documents
    if not documents or not all(isinstance(d, dict) and d.get("kind") for d in documents):
        raise Failure(f"{file} holds no Kubernetes object: expected apiVersion, kind and metadata")
    return documents


def submit_what(connection: Connection, documents: list[dict[str, Any]], namespace: str) -> dict[str, Any]:
    """The Workflow to create; templates beside it are applied first, and a file that holds only a template
    is run by reference."""
    workflows = [d for d in documents if d["kind"] == "Workflow"]
    others = [d for d in documents if d["kind"] != "Workflow"]
    templates = [d for d in others if d["kind"] in ("WorkflowTemplate", "ClusterWorkflowTemplate")]
    if len(workflows) > 1:
        raise Failure(
            f"the file holds {len(workflows)} Workflows: run one at a time, or `pinnace kubectl apply -f`"
        )
    if others != templates:
        odd = next(d["kind"] for d in others if d not in templates)
        raise Failure(
            f"the file holds a {odd}: bring it in with `pinnace kubectl apply -f`, then run its Workflow"
        )
    for template in templates:
        apply(connection, template, namespace)
    if workflows:
        return workflows[0]
    if len(templates) != 1:
        raise Failure("the file holds no Workflow and not exactly one template: nothing to run")
    return from_template(templates[0])


def from_template(template: dict[str, Any]) -> dict[str, Any]:
    name = template["metadata"]["name"]
    reference: dict[str, Any] = {"name": name}
    if template["kind"] == "ClusterWorkflowTemplate":
        reference["clusterScope"] = True
    return {
        "apiVersion": GROUP, "kind": "Workflow", "metadata": {"generateName": f"{name}-"},
        "spec": {"workflowTemplateRef": reference},
    }


def apply(connection: Connection, template: dict[str, Any], namespace: str) -> None:
    name = template["metadata"]["name"]
    path = f"/apis/{GROUP}/clusterworkflowtemplates/{name}"
    if template["kind"] == "WorkflowTemplate":
        where = template["metadata"].get("namespace", namespace)
        path = f"/apis/{GROUP}/namespaces/{where}/workflowtemplates/{name}"
    connection.request(
        "PATCH", f"{path}?fieldManager=pinnace-run&force=true", template, "application/apply-patch+yaml"
    )


def with_parameters(workflow: dict[str, Any], parameters: tuple[str, ...]) -> dict[str, Any]:
    if not parameters:
        return workflow
    wanted = {}
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        if not equals:
            raise Failure(f"-p {parameter}: expected name=value")
        wanted[name] = value
    spec = workflow.setdefault("spec", {})
    arguments = spec.setdefault("arguments", {})
    kept = [p for p in arguments.get("parameters") or [] if p.get("name") not in wanted]
    arguments["parameters"] = kept + [{"name": n, "value": v} for n, v in wanted.items()]
    return workflow


def submit(connection: Connection, workflow: dict[str, Any], namespace: str) -> dict[str, Any]:
    where = workflow.get("metadata", {}).get("namespace", namespace)
    path = f"{workflow_path(where)}?fieldManager=pinnace-run&fieldValidation=Strict"
    created: dict[str, Any] = json.loads(connection.request("POST", path, workflow))
    return created
