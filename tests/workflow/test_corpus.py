"""Upstream's own Workflows through the pure core, with stand-ins for containers: phases and nodes as
expected."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from pinnace.authoring.argo.validation import problems
from pinnace.controllers.workflow.template import TemplateError, merge_spec
from tests.workflow import corpus
from tests.workflow.executor import Executor
from tests.workflow.world import World

LATER = ("containerSet", "data", "http", "plugin", "synchronization")
"""Parts of the language that a later issue brings."""
SUPPORT = ("WorkflowTemplate", "ClusterWorkflowTemplate", "ConfigMap")


def reason(document: dict[str, Any], expected: dict[str, Any]) -> str:
    """Why a document's outcome cannot be judged here; empty: it can."""
    if expected.get("phase") is None:
        return "its outcome is not known"
    if expected["phase"] in ("Rejected", "Running"):
        return "judged by the schema or the scheduler"
    for need in expected.get("needs") or []:
        if need.startswith(("action:", "k8s-api", "scheduler", "api-validation", "pvc", "bare-pods")):
            return f"needs {need}"
    text = str(document.get("spec"))
    for feature in LATER:
        if f"'{feature}':" in text:
            return f"{feature} comes later"
    return ""


def support(files: dict[str, list[dict[str, Any]]], path: str) -> list[dict[str, Any]]:
    """Other objects of the corpus; those of the same file win."""
    others = [item for name, items in files.items() if name != path for item in items]
    found = [*others, *files[path]]
    return [
        item for item in found if item.get("kind") in SUPPORT and (item.get("metadata") or {}).get("name")
    ]


def given(document: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """With the arguments that whoever submits it says."""
    needs = expected.get("needs") or []
    pairs = [need.partition(":")[2] for need in needs if need.startswith("submit-parameter:")]
    if not pairs:
        return document
    made = copy.deepcopy(document)
    arguments = made["spec"].setdefault("arguments", {})
    said = dict(pair.split("=", 1) for pair in pairs)
    kept = [one for one in arguments.get("parameters") or [] if one["name"] not in said]
    arguments["parameters"] = [*kept, *({"name": name, "value": value} for name, value in said.items())]
    return made


def outcome(
    document: dict[str, Any], objects: list[dict[str, Any]]
) -> tuple[str, str, World | None, Executor]:
    executor = Executor()
    try:
        world = World(copy.deepcopy(document), executor, objects=objects)
        found = problems(world.run.workflow, world.run.raw_spec)
        if found:
            return "Failed", f"invalid spec: {found[0]}", None, executor
        world.go(3000)
    except (TemplateError, KeyError) as error:
        return "Error", str(error), None, executor
    return world.phase, world.run.message, world, executor


def mismatches(world: World, expected: dict[str, Any]) -> list[str]:
    """Nodes whose phase, type or inputs are not as expected."""
    found = []
    names = {node.name: node for node in world.nodes.values()}
    for name, wanted in ((expected.get("outputs") or {}).get("nodes") or {}).items():
        node = names.get(name.replace("$wf", world.run.name))
        if node is None:
            found.append(f"{name} is missing")
            continue
        for field in ("phase", "type"):
            if field in wanted and getattr(node, field) != wanted[field]:
                found.append(f"{name} is {getattr(node, field)}, not {wanted[field]}")
        given = {item["name"]: item["value"] for item in (node.inputs or {}).get("parameters", [])}
        for key, value in (wanted.get("inputs") or {}).items():
            if given.get(key) != value:
                found.append(f"{name} has {key}={given.get(key)!r}, not {value!r}")
    for name in (expected.get("outputs") or {}).get("absent_nodes") or []:
        if name.replace("$wf", world.run.name) in names:
            found.append(f"{name} should not exist")
    return found


def test_upstreams_workflows_end_as_upstream_says(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files, expectations = corpus.load(shared / "corpus" / "argo")
    passed, wrong, skipped = 0, [], []
    for path, documents in files.items():
        for document in documents:
            if document.get("kind") != "Workflow" or "metadata" not in document:
                continue
            expected = expectations.get(path, {})
            why = reason(document, expected)
            if why:
                skipped.append(f"{path}: {why}")
                continue
            phase, message, world, executor = outcome(given(document, expected), support(files, path))
            bad = mismatches(world, expected) if world is not None else []
            if phase == expected["phase"] and not bad:
                passed += 1
            elif executor.unknown:
                skipped.append(f"{path}: needs the real node ({executor.unknown[0][:60]!r})")
            else:
                wrong.append(f"{path}: {phase} ({message}), expected {expected['phase']}; {bad}")
    with capsys.disabled():
        print(
            f"\ncorpus: {passed} of {passed + len(wrong) + len(skipped)} judged and right, "
            f"{len(wrong)} wrong, {len(skipped)} not judged here"
        )
        for line in [*wrong, *sorted(skipped)]:
            print("  ", re.sub(r"\s+", " ", line))
    assert not wrong
    assert passed > 60


def test_validation_accepts_and_refuses_what_upstream_does(shared: Path) -> None:
    files, expectations = corpus.load(shared / "corpus" / "argo")
    wrong = []
    for path, documents in files.items():
        expected = expectations.get(path, {})
        for document in documents:
            if document.get("kind") != "Workflow" or (document.get("spec") or {}).get("workflowTemplateRef"):
                continue
            try:
                found = problems(document, merge_spec(document, None), empty=True)
            except (TemplateError, AttributeError, TypeError) as error:
                found = [f"refused by the schema: {error}"]
            if bool(found) != (expected.get("lint") == "fail") and expected.get("phase") != "Rejected":
                wrong.append(f"{path}: {found}")
    assert not wrong
