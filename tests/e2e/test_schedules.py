"""Workflows by the clock and by events, and what stays of them: by kubectl and through Argo's API."""

from __future__ import annotations

import json
import os
import signal
from itertools import pairwise
from typing import Any

import yaml

from tests.e2e.platform import Platform, eventually

GROUP = "argoproj.io/v1alpha1"
HELLO = yaml.safe_load("""
entrypoint: main
templates:
- name: main
  inputs: {parameters: [{name: word, default: nothing}]}
  container: {image: busybox, command: [echo, "{{inputs.parameters.word}}"]}
""")


def manifest(kind: str, name: str, spec: dict[str, Any]) -> str:
    return yaml.safe_dump({"apiVersion": GROUP, "kind": kind, "metadata": {"name": name}, "spec": spec})


def runs(platform: Platform, cron: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = platform.get(
        "workflows", "-l", f"workflows.argoproj.io/cron-workflow={cron}"
    )["items"]
    return found


def test_no_time_is_lost_or_doubled_when_control_is_killed(platform: Platform) -> None:
    spec = {"schedules": ["@every 2s"], "startingDeadlineSeconds": 30, "successfulJobsHistoryLimit": 100,
            "workflowSpec": HELLO}
    platform.kubectl("apply", "-f", "-", text=manifest("CronWorkflow", "tick", spec))
    eventually(lambda: len(runs(platform, "tick")) >= 2, "two runs")
    os.kill(platform.pids()["control"], signal.SIGKILL)
    readyz = ("get", "--raw", "/readyz")
    eventually(lambda: platform.kubectl(*readyz, check=False).startswith("ok"), "control's return")
    before = len(runs(platform, "tick"))
    eventually(lambda: len(runs(platform, "tick")) >= before + 2, "two runs more")
    platform.kubectl("patch", "cronworkflow", "tick", "--type=merge", "-p", '{"spec": {"suspend": true}}')
    eventually(
        lambda: all((one.get("status") or {}).get("phase") == "Succeeded" for one in runs(platform, "tick")),
        "the end of every run",
    )
    found = runs(platform, "tick")
    times = sorted(int(one["metadata"]["name"].removeprefix("tick-")) for one in found)
    assert all(later - earlier >= 2 for earlier, later in pairwise(times))
    cron = platform.get("cronworkflow", "tick")
    eventually(
        lambda: platform.get("cronworkflow", "tick")["status"].get("succeeded") == len(found),
        "every end to be counted",
    )
    assert cron["status"]["phase"] == "Active"
    assert {len(one["status"]["nodes"]) for one in found} == {1}


def test_a_document_of_argo_3_is_read_with_a_warning(platform: Platform) -> None:
    old = manifest("CronWorkflow", "old", {"schedule": "0 0 1 1 *", "workflowSpec": HELLO})
    done = platform.command("kubectl", "create", "-f", "-", text=old)
    assert 'Warning: spec.schedule is of Argo 3 and was read: write spec.schedules: ["0 0' in done.stderr
    assert platform.get("cronworkflow", "old")["spec"]["schedules"] == ["0 0 1 1 *"]


def test_an_invalid_one_is_accepted_and_says_why_it_failed(platform: Platform) -> None:
    wrong = manifest("Workflow", "wrong", {"entrypoint": "mian", "templates": HELLO["templates"]})
    platform.kubectl("create", "-f", "-", text=wrong)
    ended = eventually(
        lambda: (found := platform.get("workflow", "wrong")).get("status", {}).get("finishedAt") and found,
        "its end",
    )
    assert ended["status"]["phase"] == "Failed"
    words = "invalid spec: template name 'mian' undefined (did you mean \"main\"?)"
    assert ended["status"]["message"] == words


def test_an_event_starts_what_its_binding_names(platform: Platform) -> None:
    platform.kubectl("apply", "-f", "-", text=manifest("WorkflowTemplate", "greet", {
        **HELLO, "arguments": {"parameters": [{"name": "word", "value": "hi"}]},
    }))
    platform.kubectl("apply", "-f", "-", text=manifest("WorkflowEventBinding", "on-push", {
        "event": {"selector": 'discriminator == "push" && payload.branch == "main"'},
        "submit": {
            "workflowTemplateRef": {"name": "greet"},
            "arguments": {"parameters": [{"name": "word", "valueFrom": {"event": "payload.who"}}]},
        },
    }))
    for branch in ("other", "main"):
        platform.api.request("POST", "/api/v1/events/default/push", {"branch": branch, "who": "boss"})
    label = "workflows.argoproj.io/workflow-event-binding=on-push"
    (made,) = eventually(lambda: platform.get("workflows", "-l", label)["items"], "its workflow")
    assert made["spec"]["arguments"]["parameters"] == [{"name": "word", "value": "boss"}]


def test_the_archive_outlives_what_was_deleted(platform: Platform) -> None:
    done = platform.run(manifest("Workflow", "gone", {
        **HELLO, "arguments": {"parameters": [{"name": "day", "value": "monday"}]},
    }))
    assert done.returncode == 0
    uid = platform.get("workflow", "gone")["metadata"]["uid"]
    platform.kubectl("delete", "workflow", "gone")
    listed = json.loads(platform.api.request("GET", "/api/v1/archived-workflows?namePrefix=gon"))
    assert [one["metadata"]["uid"] for one in listed["items"]] == [uid]
    whole = json.loads(platform.api.request("GET", f"/api/v1/archived-workflows/{uid}"))
    assert whole["spec"]["templates"][0]["name"] == "main"
    assert [one["phase"] for one in whole["status"]["nodes"].values()] == ["Succeeded"]


def test_argos_other_kinds_are_served(platform: Platform) -> None:
    found = platform.kubectl("api-resources", "--api-group=argoproj.io", "-o", "name").split()
    assert {one.partition(".")[0] for one in found} >= {
        "workflowtasksets", "workflowtaskresults", "workflowartifactgctasks", "workfloweventbindings",
    }
