"""Retry, resubmit, selectors and submit options as pure edits of documents."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from pinnace.authoring.argo import resubmitting, retrying, selecting, submitting
from pinnace.authoring.argo.mistake import Mistake
from pinnace.authoring.argo.retrying import Wish

NOW = "2027-01-01T00:00:00Z"
Nodes = dict[str, dict[str, Any]]


def node(name: str, kind: str, phase: str, *children: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "name": name, "displayName": name, "type": kind, "phase": phase,
            "children": list(children), "boundaryID": "" if name == "wf" else "wf", **more}


def workflow(*nodes: dict[str, Any], phase: str = "Failed") -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
        "metadata": {"name": "wf", "namespace": "default", "uid": "u", "labels": {
            "workflows.argoproj.io/completed": "true", "mine": "yes"}},
        "spec": {"shutdown": "Stop", "arguments": {"parameters": [{"name": "a", "value": "1"}]}},
        "status": {"phase": phase, "message": "m", "nodes": {one["id"]: one for one in nodes}},
    }


def retried(found: dict[str, Any], **wish: Any) -> dict[str, str]:
    before = copy.deepcopy(found)
    made, gone = retrying.retried(found, Wish(**wish), NOW)
    assert found == before, "the input was changed"
    nodes: Nodes = made["status"]["nodes"]
    assert gone.isdisjoint(nodes)
    assert all(child not in gone for one in nodes.values() for child in one["children"])
    return {key: one["phase"] for key, one in nodes.items()}


LOOP = (
    node("wf", "DAG", "Failed", "loop"),
    node("loop", "TaskGroup", "Failed", "loop(0)", "loop(1)"),
    node("loop(0)", "Pod", "Succeeded", "after"),
    node("loop(1)", "Pod", "Failed", "after"),
    node("after", "Skipped", "Omitted"),
)


def test_of_a_loop_only_the_failed_turn_runs_again() -> None:
    assert retried(workflow(*LOOP)) == {"wf": "Running", "loop": "Running", "loop(0)": "Succeeded"}


def test_with_other_parameters_an_open_loop_is_made_anew() -> None:
    assert retried(workflow(*LOOP), parameters=("a=2",)) == {"wf": "Running"}


def test_a_failed_attempt_of_a_step_that_succeeded_stays() -> None:
    found = workflow(
        node("wf", "Steps", "Failed", "g0"), node("g0", "StepGroup", "Succeeded", "r"),
        node("r", "Retry", "Succeeded", "r(0)", "r(1)"),
        node("r(0)", "Pod", "Failed", nodeFlag={"retried": True}),
        node("r(1)", "Pod", "Succeeded", "g1", nodeFlag={"retried": True}),
        node("g1", "StepGroup", "Failed", "b"), node("b", "Pod", "Error"),
    )

    assert retried(found) == {
        "wf": "Running", "g0": "Succeeded", "r": "Succeeded", "r(0)": "Failed", "r(1)": "Succeeded",
        "g1": "Running",
    }


def test_every_template_above_is_opened_and_the_exit_handler_forgotten() -> None:
    found = workflow(
        node("wf", "DAG", "Failed", "inner"),
        node("inner", "Steps", "Failed", "g"),
        node("g", "StepGroup", "Failed", "bad", boundaryID="inner"),
        node("bad", "Pod", "Failed", boundaryID="inner"),
        node("wf.onExit", "Pod", "Succeeded"),
    )

    assert retried(found) == {"wf": "Running", "inner": "Running", "g": "Running"}


def test_a_container_runs_again_with_its_pod() -> None:
    found = workflow(
        node("wf", "Pod", "Failed", "wf.a", "wf.b"), node("wf.a", "Container", "Succeeded"),
        node("wf.b", "Container", "Failed"),
    )

    assert retried(found) == {}


def test_a_refused_suspension_asks_again() -> None:
    found = workflow(node("wf", "DAG", "Failed", "ask"), node("ask", "Suspend", "Failed"))

    assert retried(found) == {"wf": "Running"}


def test_a_template_that_failed_by_itself_goes_on_where_it_stopped() -> None:
    found = workflow(node("wf", "DAG", "Failed", "a"), node("a", "Pod", "Succeeded"))

    assert retried(found) == {"wf": "Running", "a": "Succeeded"}


def test_what_says_that_it_ended_is_gone() -> None:
    made, _ = retrying.retried(workflow(node("wf", "Pod", "Failed")), Wish(parameters=("a=2", "b=3")), NOW)

    assert made["metadata"]["labels"] == {"mine": "yes"}
    assert made["spec"] == {"arguments": {"parameters": [
        {"name": "a", "value": "2"}, {"name": "b", "value": "3"}]}}
    assert made["status"] == {
        "nodes": {}, "startedAt": NOW, "conditions": [{"type": "Completed", "status": "False"}]}


def test_a_memoized_copy_has_a_retried_step_as_one_node() -> None:
    found = workflow(
        node("wf", "DAG", "Failed", "wf.r", "wf.x"),
        node("wf.r", "Retry", "Succeeded", "wf.r(0)", "wf.r(1)", outputs={"result": "1"}),
        node("wf.r(0)", "Pod", "Failed"), node("wf.r(1)", "Pod", "Succeeded"),
        node("wf.x", "Pod", "Failed"), node("wf.s", "Skipped", "Skipped", message="when 'a' evaluated false"),
    )

    made = resubmitting.resubmitted(found, NOW, memoized=True, suffix="new")

    assert made["metadata"]["name"] == "wf-new"
    (only,) = made["status"]["nodes"].values()
    assert (only["name"], only["type"], only["message"]) == (
        "wf-new.r", "Skipped", "original pod: wf.r(1)")
    assert only["boundaryID"] == "wf-new"
    assert only["id"].startswith("wf-new-")
    assert "shutdown" not in made["spec"]


@pytest.mark.parametrize(("selector", "fits"), [
    ("phase=Failed", True), ("phase==Failed,displayName!=b", True), ("phase!=Failed", False),
    ("inputs.parameters.x.value=1,templateName=t", True), ("name=a\\,b", False), ("nothing=", True),
])
def test_a_selector_chooses_nodes(selector: str, fits: bool) -> None:
    one = node("a", "Pod", "Failed", templateName="t", inputs={"parameters": [{"name": "x", "value": 1}]})

    assert selecting.matches(selecting.parse(selector), one) is fits


def test_a_submission_overrides_what_it_names() -> None:
    made = submitting.with_options(submitting.from_template("t", cluster=True), {
        "entryPoint": "e", "serviceAccount": "sa", "annotations": "x=1,y=2", "name": "n",
        "ownerReference": {"name": "o"}})

    assert made["spec"] == {
        "workflowTemplateRef": {"name": "t", "clusterScope": True}, "entrypoint": "e",
        "serviceAccountName": "sa"}
    assert made["metadata"]["annotations"] == {"x": "1", "y": "2"}
    assert (made["metadata"]["name"], made["metadata"]["ownerReferences"]) == ("n", [{"name": "o"}])
    with pytest.raises(Mistake, match="matched no artifact: data"):
        submitting.with_options(made, {"artifacts": ["data=key"]}, {"spec": {}})
    with pytest.raises(Mistake, match="of the form: NAME1"):
        submitting.with_options(made, {"labels": "x"})
