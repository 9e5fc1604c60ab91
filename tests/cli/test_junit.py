"""A run as CI systems read it: given a workflow's status, then every step is a case of its kind."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from pinnace.cli import junit

TIMES = {"startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:02Z"}


def node(name: str, phase: str, type: str = "Pod", **more: Any) -> dict[str, Any]:
    return {"id": f"id-{name}", "name": f"wf.{name}" if name else "wf", "displayName": name, "type": type,
            "phase": phase, "templateName": "work", **TIMES, **more}


def workflow(phase: str, *found: dict[str, Any], message: str = "") -> dict[str, Any]:
    return {
        "metadata": {"name": "wf", "namespace": "default"},
        "status": {
            "phase": phase, "message": message, **TIMES, "nodes": {each["id"]: each for each in found}
        },
    }


def test_every_step_is_a_case_of_its_kind() -> None:
    found = workflow(
        "Failed", node("", "Failed", "DAG"), node("a", "Succeeded"), node("b", "Failed", message="exit 1"),
        node("c", "Error", message="pod deleted"), node("d", "Omitted", "Skipped", message="depends"),
        node("r", "Succeeded", "Retry", children=["id-r(0)", "id-r(1)"]), node("r(0)", "Failed"),
        node("r(1)", "Succeeded"),
    )
    printed = {"id-b": "last \x1b[31mwords\x00", "id-r(0)": "one\n", "id-r(1)": "two\n"}
    suite = ElementTree.fromstring(junit.document(found, printed))[0]
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped", "time")} == {
        "tests": "5", "failures": "1", "errors": "1", "skipped": "1", "time": "2.000"
    }
    cases = {case.get("name"): case for case in suite}
    assert [*cases] == ["a", "b", "c", "d", "r"]
    failure = cases["b"].find("failure")
    assert failure is not None
    assert (failure.get("message"), cases["b"].findtext("system-out")) == ("exit 1", "last �[31mwords�")
    assert cases["r"].findtext("system-out") == "one\ntwo\n"
    assert [child.tag for child in cases["c"]] == ["error"]
    assert cases["a"].get("classname") == "wf.work"


def test_a_workflow_that_failed_before_any_step_is_a_case_itself() -> None:
    suite = ElementTree.fromstring(junit.document(workflow("Error", message="invalid spec: x"), {}))[0]
    (case,) = suite
    assert case.find("error") is not None
    assert "invalid spec" in (case.findtext("error") or "")
