"""Retry, resubmit, resume, suspend, stop, terminate and set: what each makes of a Workflow and its nodes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.argo.conftest import Argo, node, picture

BASE = "/api/v1/workflows/default"


def failed(argo: Argo, name: str) -> None:
    """Two steps: the first succeeded, the second failed in both of its attempts."""
    argo.ended(name, "Failed", picture(
        node(name, "", "Steps", "Failed", children=[f"{name}[0]"]),
        node(name, "[0]", "StepGroup", "Succeeded", boundaryID=name, children=[f"{name}[0].a"]),
        node(name, "[0].a", "Pod", "Succeeded", boundaryID=name, children=[f"{name}[1]"],
             outputs={"result": "1"}),
        node(name, "[1]", "StepGroup", "Failed", boundaryID=name, children=[f"{name}[1].b"]),
        node(name, "[1].b", "Retry", "Failed", boundaryID=name, children=[f"{name}[1].b(0)"]),
        node(name, "[1].b(0)", "Pod", "Failed", boundaryID=name, nodeFlag={"retried": True},
             templateName="say"),
    ), message="child failed")


def suspended(argo: Argo, name: str) -> None:
    argo.ended(name, "Running", picture(
        node(name, "", "Steps", "Running"),
        node(name, ".approve", "Suspend", "Running", boundaryID=name,
             outputs={"parameters": [{"name": "answer", "valueFrom": {"supplied": {}}}]}),
        node(name, ".other", "Suspend", "Running", boundaryID=name),
    ))


def nodes(workflow: Any) -> dict[str, str]:
    return {key: one["phase"] for key, one in workflow["status"]["nodes"].items()}


def test_a_retry_takes_back_what_failed_and_opens_what_it_stood_in(argo: Argo) -> None:
    failed(argo, "r1")

    made = argo.ok("PUT", f"{BASE}/r1/retry", {"parameters": ["m=new"]})

    assert "phase" not in made["status"]
    assert "message" not in made["status"]
    assert made["spec"]["arguments"]["parameters"] == [{"name": "m", "value": "new"}]
    assert made["metadata"]["labels"]["workflows.argoproj.io/action"] == "Retry"
    assert nodes(made) == {"r1": "Running", "r1[0]": "Succeeded", "r1[0].a": "Succeeded"}


def test_without_parameters_the_groups_stay_and_are_open(argo: Argo) -> None:
    failed(argo, "r2")

    made = argo.ok("PUT", f"{BASE}/r2/retry", {})

    assert nodes(made) == {
        "r2": "Running", "r2[0]": "Succeeded", "r2[0].a": "Succeeded", "r2[1]": "Running",
        "r2[1].b": "Running",
    }


def test_a_selected_success_runs_again_with_all_that_came_after_it(argo: Argo) -> None:
    failed(argo, "r3")
    wish = {"restartSuccessful": True, "nodeFieldSelector": "displayName=[0].a"}

    made = argo.ok("PUT", f"{BASE}/r3/retry", wish)

    assert nodes(made) == {"r3": "Running", "r3[0]": "Running"}


@pytest.mark.parametrize(("phase", "words"), [
    ("Succeeded", "set the options restartSuccessful and nodeFieldSelector"),
    ("Running", "Cannot retry a workflow in phase Running"),
])
def test_what_has_not_failed_cannot_be_retried(argo: Argo, phase: str, words: str) -> None:
    name = f"not-{phase.lower()}"
    argo.ended(name, phase, picture(node(name, "", "Pod", phase)))

    status, code, message = argo.refused("PUT", f"{BASE}/{name}/retry", {})

    assert (status, code) == (400, 3)
    assert words in message


def test_a_resubmission_has_a_new_name_and_says_whose_it_is(argo: Argo) -> None:
    failed(argo, "s1")

    made = argo.ok("PUT", f"{BASE}/s1/resubmit", {})

    assert made["metadata"]["name"].startswith("s1-")
    assert made["metadata"]["labels"]["workflows.argoproj.io/resubmitted-from-workflow"] == "s1"
    assert made.get("status", {}) == {}


def test_a_memoized_resubmission_brings_along_what_succeeded(argo: Argo) -> None:
    failed(argo, "s2")

    made = argo.ok("PUT", f"{BASE}/s2/resubmit", {"memoized": True})

    name = made["metadata"]["name"]
    (only,) = argo.ok("GET", f"{BASE}/{name}")["status"]["nodes"].values()
    assert (only["name"], only["type"], only["phase"]) == (f"{name}[0].a", "Skipped", "Skipped")
    assert only["message"] == "original pod: s2[0].a"
    assert only["outputs"] == {"result": "1"}
    assert only["boundaryID"] == name


def test_only_a_failed_workflow_is_resubmitted_memoized(argo: Argo) -> None:
    suspended(argo, "s3")

    assert argo.refused("PUT", f"{BASE}/s3/resubmit", {"memoized": True})[2] == (
        "workflow must be Failed/Error to resubmit in memoized mode")


def test_resume_says_yes_to_what_waits(argo: Argo) -> None:
    suspended(argo, "u1")

    one = argo.ok("PUT", f"{BASE}/u1/resume", {"nodeFieldSelector": "displayName=other"})
    assert nodes(one) == {"u1": "Running", "u1.approve": "Running", "u1.other": "Succeeded"}
    assert argo.ok("GET", f"{BASE}/u1")["status"]["nodes"]["u1.other"]["message"] == (
        "Resumed by: pinnace-admin")

    every = argo.ok("PUT", f"{BASE}/u1/resume", {})
    assert nodes(every)["u1.approve"] == "Succeeded"
    assert every["metadata"]["labels"]["workflows.argoproj.io/action"] == "Resume"


def test_suspend_and_resume_the_whole(argo: Argo) -> None:
    argo.create("u2")

    assert argo.ok("PUT", f"{BASE}/u2/suspend", {})["spec"]["suspend"] is True
    assert "suspend" not in argo.ok("PUT", f"{BASE}/u2/resume", {})["spec"]


def test_stop_and_terminate_say_how(argo: Argo) -> None:
    argo.create("t1")
    assert argo.ok("PUT", f"{BASE}/t1/stop", {})["spec"]["shutdown"] == "Stop"
    assert argo.ok("PUT", f"{BASE}/t1/terminate", {})["spec"]["shutdown"] == "Terminate"

    failed(argo, "t2")
    assert argo.refused("PUT", f"{BASE}/t2/stop", {})[2] == (
        'cannot shutdown a completed workflow: workflow: "t2", namespace: "default"')
    assert argo.refused("PUT", f"{BASE}/t2/suspend", {})[2] == "cannot suspend completed workflows"


def test_stop_with_a_selector_fails_one_step(argo: Argo) -> None:
    suspended(argo, "t3")

    made = argo.ok("PUT", f"{BASE}/t3/stop", {"nodeFieldSelector": "displayName=approve", "message": "no"})

    assert made["status"]["nodes"]["t3.approve"]["phase"] == "Failed"
    assert made["status"]["nodes"]["t3.approve"]["message"] == "no"
    assert "shutdown" not in made["spec"]


def test_set_gives_a_step_what_it_waits_for(argo: Argo) -> None:
    suspended(argo, "v1")
    body = {"nodeFieldSelector": "displayName=approve", "outputParameters": json.dumps({"answer": "yes"})}

    made = argo.ok("PUT", f"{BASE}/v1/set", body)

    assert made["status"]["nodes"]["v1.approve"]["outputs"]["parameters"] == [
        {"name": "answer", "value": "yes"}]
    assert "already set" in argo.refused("PUT", f"{BASE}/v1/set", body)[2]


@pytest.mark.parametrize(("body", "words"), [
    ({}, "use a node field selector"),
    ({"nodeFieldSelector": "displayName=none", "phase": "Failed"}, "no suspend nodes matching"),
    ({"nodeFieldSelector": "displayName=approve", "phase": "Done"}, "invalid phase"),
    ({"nodeFieldSelector": "displayName=approve", "outputParameters": '{"x": "1"}'}, "not expecting output"),
    ({"nodeFieldSelector": "displayName=other", "outputParameters": '{"x": "1"}'}, "any raw parameters"),
    ({"nodeFieldSelector": "displayName", "phase": "Failed"}, "invalid selector"),
    ({"nodeFieldSelector": "id=1", "outputParameters": "no"}, "unable to parse"),
])
def test_a_set_that_means_nothing_says_why(argo: Argo, body: dict[str, str], words: str) -> None:
    name = "v2"
    if argo.ask("GET", f"{BASE}/{name}").status_code == 404:
        suspended(argo, name)

    status, code, message = argo.refused("PUT", f"{BASE}/{name}/set", body)

    assert (status, code) == (400, 3)
    assert words in message
