"""Workflows through Argo's API: created, listed, shown, submitted, deleted; refusals in upstream's shape."""

from __future__ import annotations

import copy

import httpx

from tests.api.argo.conftest import GROUP, SPEC, Argo

BASE = "/api/v1/workflows/default"


def test_a_created_workflow_is_the_one_that_kubernetes_shows(argo: Argo) -> None:
    made = argo.create("one", labels={"team": "a"})

    assert made["kind"] == "Workflow"
    assert made["metadata"]["labels"]["workflows.argoproj.io/creator"] == "pinnace-admin"
    assert argo.http.get(f"{GROUP}/workflows/one").json()["metadata"]["uid"] == made["metadata"]["uid"]
    assert argo.ok("GET", f"{BASE}/one")["spec"]["entrypoint"] == "main"


def test_a_dry_run_makes_nothing(argo: Argo) -> None:
    workflow = {"metadata": {"name": "dry"}, "spec": SPEC}

    plain = argo.ok("POST", BASE, {"workflow": workflow, "createOptions": {"dryRun": ["All"]}})
    judged = argo.ok("POST", BASE, {"workflow": workflow, "serverDryRun": True})

    assert plain["spec"] == SPEC
    assert judged["metadata"]["namespace"] == "default"
    assert argo.refused("GET", f"{BASE}/dry")[0] == 404


def test_an_invalid_workflow_is_refused_before_it_exists(argo: Argo) -> None:
    spec = copy.deepcopy(SPEC)
    spec["entrypoint"] = "nowhere"

    for path in (BASE, f"{BASE}/lint"):
        status, code, message = argo.refused(
            "POST", path, {"workflow": {"metadata": {"name": "bad"}, "spec": spec}}
        )
        assert (status, code) == (400, 3)
        assert "nowhere" in message
    assert argo.refused("POST", BASE, {})[2] == "workflow body not specified"


def test_refusals_have_upstreams_codes(argo: Argo) -> None:
    argo.create("twice")

    assert argo.refused("GET", f"{BASE}/absent")[:2] == (404, 5)
    assert argo.refused("POST", BASE, {"workflow": {"metadata": {"name": "twice"}, "spec": SPEC}})[:2] == (
        409, 6)
    assert argo.refused("GET", "/api/v1/workflows/default/a/b/c")[:2] == (404, 5)
    nobody = httpx.get(f"{argo.stack.url}{BASE}", trust_env=False)
    assert (nobody.status_code, nobody.json()["code"]) == (401, 16)
    assert "Bearer" in nobody.json()["message"]


def test_a_list_is_narrowed_by_label_name_and_fields_and_comes_in_pages(argo: Argo) -> None:
    for number in range(3):
        argo.create(f"listed-{number}", labels={"batch": "l"})
    query = {"listOptions.labelSelector": "batch=l", "fields": "metadata,items.metadata.name"}

    first = argo.ok("GET", BASE, **query, **{"listOptions.limit": "2"})
    rest = argo.ok("GET", BASE, **query, **{"listOptions.limit": "2",
                                             "listOptions.continue": first["metadata"]["continue"]})
    named = argo.ok("GET", BASE, nameFilter="Contains",
                    **{"listOptions.fieldSelector": "metadata.name=isted-1"})

    names = [one["metadata"]["name"] for one in [*first["items"], *rest["items"]]]
    assert sorted(names) == ["listed-0", "listed-1", "listed-2"]
    assert "continue" not in rest["metadata"]
    assert first["items"][0].keys() == {"metadata"}
    assert [one["metadata"]["name"] for one in named["items"]] == ["listed-1"]
    assert argo.refused("GET", BASE, **{"listOptions.continue": "x"})[:2] == (400, 3)
    assert argo.refused("GET", BASE, nameFilter="Like")[0] == 400


def test_the_latest_is_a_name_and_fields_may_be_left_out(argo: Argo) -> None:
    argo.create("the-newest")

    found = argo.ok("GET", f"{BASE}/@latest", fields="-spec,metadata.managedFields")

    assert found["metadata"]["name"] == "the-newest"
    assert "spec" not in found
    assert "managedFields" not in found["metadata"]


def test_templates_are_submitted_with_options(argo: Argo) -> None:
    template = {"metadata": {"name": "greet"}, "spec": SPEC}
    argo.ok("POST", "/api/v1/workflow-templates/default", {"template": template})
    options = {"parameters": ["m=hello=x"], "labels": "a=b", "generateName": "greeted-", "priority": 3}
    body = {"resourceKind": "wftmpl", "resourceName": "greet", "submitOptions": options}

    made = argo.ok("POST", f"{BASE}/submit", body)

    assert made["metadata"]["name"].startswith("greeted-")
    labels = made["metadata"]["labels"]
    assert (labels["a"], labels["workflows.argoproj.io/workflow-template"]) == ("b", "greet")
    assert made["spec"]["workflowTemplateRef"] == {"name": "greet"}
    assert made["spec"]["arguments"]["parameters"] == [{"name": "m", "value": "hello=x"}]
    assert made["spec"]["priority"] == 3
    assert argo.refused("POST", f"{BASE}/submit", {**body, "resourceKind": "Pod"})[0] == 400
    assert argo.refused("POST", f"{BASE}/submit", {**body, "submitOptions": {"parameters": ["m"]}})[2] == (
        "expected parameter of the form: NAME=VALUE. Received: m")
    assert argo.refused("POST", f"{BASE}/submit", {**body, "resourceName": "nope"})[0] == 404


def test_a_schedule_is_submitted_at_once(argo: Argo) -> None:
    cron = {"metadata": {"name": "nightly"}, "spec": {
        "schedules": ["0 0 * * *"], "workflowSpec": SPEC,
        "workflowMetadata": {"labels": {"from": "cron"}}}}
    argo.ok("POST", "/api/v1/cron-workflows/default", {"cronWorkflow": cron})

    made = argo.ok("POST", f"{BASE}/submit", {"resourceKind": "CronWorkflow", "resourceName": "nightly"})

    assert made["metadata"]["labels"]["workflows.argoproj.io/cron-workflow"] == "nightly"
    assert made["metadata"]["labels"]["from"] == "cron"
    assert made["metadata"]["ownerReferences"][0]["kind"] == "CronWorkflow"


def test_a_workflow_is_deleted_by_force_in_spite_of_its_finalizers(argo: Argo) -> None:
    argo.create("held", finalizers=["example.com/hold"])

    assert argo.ok("DELETE", f"{BASE}/held", force="True") == {}

    assert argo.refused("GET", f"{BASE}/held")[0] == 404


def test_the_paths_of_kubernetes_beside_it_stay_its_own(argo: Argo) -> None:
    assert argo.http.get("/api/v1/events").json()["kind"] == "EventList"
    assert argo.http.get("/api/v1").json()["kind"] == "APIResourceList"


def test_who_may_not_is_told_so_in_argos_shape(argo: Argo) -> None:
    argo.stack.ok("create", "namespace", "closed")
    argo.stack.ok("create", "serviceaccount", "guest", "-n", "closed")
    token = argo.stack.ok("create", "token", "guest", "-n", "closed").strip()
    with httpx.Client(base_url=argo.stack.url, headers={"authorization": f"Bearer {token}"},
                      trust_env=False) as guest:
        who = guest.get("/api/v1/userinfo").json()
        answer = guest.get("/api/v1/workflows/default")

    assert (who["serviceAccountName"], who["serviceAccountNamespace"]) == ("guest", "closed")
    assert (answer.status_code, answer.json()["code"]) == (403, 7)
    assert "cannot list" in answer.json()["message"]


def test_a_script_may_ask_for_all_inputs_where_there_are_none(argo: Argo) -> None:
    """What Hera's runner gives a function without parameters for its source."""
    script = {"image": "python:3.11", "command": ["python"], "source": "{{inputs.parameters}}"}
    spec = {"entrypoint": "main", "templates": [
        {"name": "main", "steps": [[{"name": "a", "template": "run"}]]}, {"name": "run", "script": script}]}

    workflow = {"metadata": {"name": "runner"}, "spec": spec}

    assert argo.ok("POST", f"{BASE}/lint", {"workflow": workflow})["metadata"]["name"] == "runner"
