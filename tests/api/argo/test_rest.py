"""Templates, schedules, the archive, semaphores' limits, events, and what the server tells of itself."""

from __future__ import annotations

from typing import Any

import pytest

from pinnace.kinds.argo import WORKFLOW
from pinnace.objects.client import Change
from tests.api.argo.conftest import SPEC, Argo

TEMPLATE = {"metadata": {"name": "t"}, "spec": SPEC}


@pytest.mark.parametrize(("base", "field", "kind", "document"), [
    ("/api/v1/workflow-templates/default", "template", "WorkflowTemplate", TEMPLATE),
    ("/api/v1/cluster-workflow-templates", "template", "ClusterWorkflowTemplate", TEMPLATE),
    ("/api/v1/cron-workflows/default", "cronWorkflow", "CronWorkflow",
     {"metadata": {"name": "t"}, "spec": {"schedules": ["* * * * *"], "workflowSpec": SPEC}}),
])
def test_a_kind_is_linted_made_listed_changed_and_deleted(
    argo: Argo, base: str, field: str, kind: str, document: dict[str, Any]
) -> None:
    assert argo.ok("POST", f"{base}/lint", {field: document})["metadata"]["name"] == "t"
    assert argo.refused("GET", f"{base}/t")[:2] == (404, 5)
    made = argo.ok("POST", base, {field: document})
    assert made["kind"] == kind

    listed = argo.ok("GET", base)
    assert (listed["kind"], [one["metadata"]["name"] for one in listed["items"]]) == (f"{kind}List", ["t"])

    made["metadata"]["labels"] = {"a": "b"}
    changed = argo.ok("PUT", f"{base}/t", {field: made})
    assert changed["metadata"]["labels"] == {"a": "b"}
    assert argo.refused("PUT", f"{base}/t", {field: made})[:2] == (409, 6)

    assert argo.ok("DELETE", f"{base}/t") == {}
    assert argo.refused("GET", f"{base}/t")[0] == 404


def test_templates_are_found_by_a_part_of_their_name(argo: Argo) -> None:
    for name in ("north-wind", "south-wind"):
        argo.ok("POST", "/api/v1/workflow-templates/default",
                {"template": {"metadata": {"name": name}, "spec": SPEC}})

    found = argo.ok("GET", "/api/v1/workflow-templates/default", namePattern="orth-")

    assert [one["metadata"]["name"] for one in found["items"]] == ["north-wind"]


def test_an_invalid_template_is_refused(argo: Argo) -> None:
    bad = {"metadata": {"name": "bad"}, "spec": {"templates": [
        {"name": "a", "steps": [[{"name": "b", "template": "nowhere"}]]}]}}

    for path in ("", "/lint"):
        status, code, message = argo.refused(
            "POST", f"/api/v1/workflow-templates/default{path}", {"template": bad})
        assert (status, code) == (400, 3)
        assert "nowhere" in message


def test_a_schedule_rests_and_goes_on(argo: Argo) -> None:
    base = "/api/v1/cron-workflows/default"
    cron = {"metadata": {"name": "resting"}, "spec": {"schedules": ["@daily"], "workflowSpec": SPEC}}
    argo.ok("POST", base, {"cronWorkflow": cron})

    assert argo.ok("PUT", f"{base}/resting/suspend", {})["spec"]["suspend"] is True
    assert argo.ok("PUT", f"{base}/resting/resume", {})["spec"].get("suspend") in (None, False)


def test_limits_of_semaphores_lie_in_config_maps(argo: Argo) -> None:
    base, limit = "/api/v1/sync/default", {"cmName": "limits", "key": "gpu", "limit": 2, "type": "CONFIGMAP"}

    assert argo.ok("POST", base, limit) == {**limit, "namespace": "default"}
    assert argo.refused("POST", base, limit)[:2] == (409, 6)
    assert argo.ok("GET", f"{base}/gpu", cmName="limits")["limit"] == 2
    assert argo.ok("PUT", f"{base}/gpu", {**limit, "limit": 3})["limit"] == 3
    config = argo.http.get("/api/v1/namespaces/default/configmaps/limits").json()
    assert config["data"] == {"gpu": "3"}
    assert argo.ok("DELETE", f"{base}/gpu", cmName="limits") == {}
    assert argo.refused("GET", f"{base}/gpu", cmName="limits")[:2] == (404, 5)
    assert "no database" in argo.refused("POST", base, {**limit, "type": "DATABASE"})[2]
    assert "greater than zero" in argo.refused("POST", base, {**limit, "limit": 0})[2]


def test_the_server_tells_of_itself_and_of_who_asks(argo: Argo) -> None:
    assert argo.ok("GET", "/api/v1/version")["version"].startswith("v4.")
    assert argo.ok("GET", "/api/v1/info")["managedNamespace"] == ""
    assert argo.ok("GET", "/api/v1/userinfo")["subject"] == "pinnace-admin"
    assert argo.ok("POST", "/api/v1/tracking/event", {"name": "x"}) == {}
    assert argo.refused("GET", "/api/v1/sensors/default")[0] == 404
    assert argo.refused("DELETE", "/api/v1/version")[0] == 405


def test_an_event_is_taken_on_at_once(argo: Argo) -> None:
    assert argo.ok("POST", "/api/v1/events/default/greeting", {"message": "hi"}) == {}
    assert argo.ok("POST", "/api/v1/events/default/", {"message": "hi"}) == {}
    answer = argo.http.post("/api/v1/events/default/x", content=b"{")
    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert argo.ok("GET", "/api/v1/workflow-event-bindings/default")["items"] == []


def archived(argo: Argo, name: str) -> str:
    """An ended workflow, kept by the archive and deleted since; its uid."""
    argo.create(name, labels={"kept": name})
    stored = argo.stack.local.peek(WORKFLOW, name, "default")
    assert stored is not None
    status = {"phase": "Failed", "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:01:00Z"}
    ended = {**stored, "status": status}
    argo.stack.run(argo.stack.local.transact([Change(verb="system", resource=WORKFLOW, obj=ended)]))
    argo.ok("DELETE", f"/api/v1/workflows/default/{name}")
    return str(stored["metadata"]["uid"])


def test_what_ended_is_found_in_the_archive_after_it_was_deleted(argo: Argo) -> None:
    uid = archived(argo, "old-1")

    listed = argo.ok("GET", "/api/v1/archived-workflows", namespace="default", namePrefix="old-")
    assert [one["metadata"]["uid"] for one in listed["items"]] == [uid]
    assert argo.ok("GET", f"/api/v1/archived-workflows/{uid}")["metadata"]["name"] == "old-1"
    live = argo.ok("GET", "/api/v1/workflows/default", **{"listOptions.labelSelector": "kept=old-1"})
    assert [one["metadata"]["name"] for one in live["items"]] == ["old-1"]
    assert argo.ok("GET", "/api/v1/workflows/default/old-1")["metadata"]["uid"] == uid
    assert "kept" in argo.ok("GET", "/api/v1/archived-workflows-label-keys")["items"]
    values = argo.ok("GET", "/api/v1/archived-workflows-label-values",
                     **{"listOptions.labelSelector": "kept"})
    assert "old-1" in values["items"]


def test_an_archived_workflow_runs_again_or_is_forgotten(argo: Argo) -> None:
    uid = archived(argo, "old-2")
    path = f"/api/v1/archived-workflows/{uid}"

    again = argo.ok("PUT", f"{path}/resubmit", {"name": "old-2", "namespace": "default", "uid": uid})
    assert again["metadata"]["labels"]["workflows.argoproj.io/resubmitted-from-workflow"] == "old-2"
    revived = argo.ok("PUT", f"{path}/retry", {"name": "old-2", "namespace": "default", "uid": uid})
    assert revived["metadata"]["name"] == "old-2"
    assert argo.refused("PUT", f"{path}/retry", {})[:2] == (409, 6)
    argo.ok("DELETE", "/api/v1/workflows/default/old-2")

    assert argo.ok("DELETE", path, namespace="default") == {}
    assert argo.refused("GET", path)[:2] == (404, 5)
