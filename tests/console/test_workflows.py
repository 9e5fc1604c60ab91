"""Workflows in the console: found, watched, understood, steered, in a real browser on real runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.console.conftest import Visit, Window, violations
from tests.console.runs import ASKING, DIAMOND, box, workflow
from tests.e2e.platform import Platform

pytestmark = [pytest.mark.serial, pytest.mark.slow]


def test_the_list_follows_a_run_live(
    visit: Visit, platform: Platform, namespace: str, tmp_path: Path
) -> None:
    page = visit(f"{namespace}/workflows")
    expect(page.get_by_text("pinnace run")).to_be_visible()
    platform.kubectl("create", "-f", "-", text=workflow("live", DIAMOND, namespace))
    row = page.get_by_role("row", name=re.compile("live"))
    expect(row).to_contain_text("Running")
    expect(row).to_contain_text("Succeeded", timeout=60_000)
    page.screenshot(path=str(tmp_path / "list.png"))
    assert violations(page) == []
    platform.kubectl("delete", "-n", namespace, "workflow", "live")
    expect(row).to_have_count(0)


def test_the_graph_grows_boxes_and_edges_and_shows_logs(
    visit: Visit, platform: Platform, namespace: str, tmp_path: Path
) -> None:
    platform.kubectl("create", "-f", "-", text=workflow("graph", DIAMOND, namespace))
    page = visit(f"{namespace}/workflows/graph")
    expect(page.locator(".react-flow__node")).to_have_count(5)
    expect(page.locator(".react-flow__edge")).to_have_count(5)
    expect(page.locator(".heading")).to_contain_text("Succeeded", timeout=60_000)
    page.screenshot(path=str(tmp_path / "graph.png"))
    box(page, "left").click()
    page.get_by_role("tab", name="Log").click()
    expect(page.locator(".log")).to_contain_text("said L")
    box(page, "load").click()
    page.get_by_role("tab", name=re.compile("Output|In")).last.click()
    expect(page.locator(".panel")).to_contain_text("count")
    expect(page.locator(".panel")).to_contain_text("41")
    expect(page.locator(".panel")).to_contain_text("data")
    page.screenshot(path=str(tmp_path / "outputs.png"))
    assert violations(page) == []


def test_a_failure_is_told_first_and_the_failed_step_is_chosen(
    visit: Visit, platform: Platform, namespace: str, tmp_path: Path
) -> None:
    steps = """
  - {name: main, steps: [[{name: fine, template: fine}], [{name: bad, template: bad}]]}
  - {name: fine, container: {image: busybox, command: ["true"]}}
  - {name: bad, container: {image: busybox, command: [sh, -c, echo this went wrong; exit 3]}}
"""
    platform.run(workflow("broken", steps, namespace), check=False)
    page = visit(f"{namespace}/workflows?state=Failed")
    page.get_by_role("link", name="broken", exact=True).click()
    cause = page.get_by_role("region", name="Why it failed")
    expect(cause).to_contain_text("exit code 3")
    expect(cause).to_contain_text("this went wrong")
    expect(page.locator(".panel h2")).to_contain_text("bad")
    expect(page.locator(".panel .log")).to_contain_text("this went wrong")
    page.screenshot(path=str(tmp_path / "failed.png"))
    page.get_by_role("button", name="Timeline").click()
    expect(page.get_by_role("region", name="Timeline of the steps")).to_contain_text("fine")
    assert violations(page) == []


TRAINER = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {{name: trainer, namespace: {namespace}}}
spec:
  entrypoint: main
  arguments:
    parameters:
    - {{name: rate, value: "0.1", description: Learning rate}}
    - {{name: how, value: adam, enum: [adam, sgd]}}
  templates:
  - name: main
    container:
      image: busybox
      command: [sh, -c]
      args:
      - |
        echo '{{"loss": {{{{workflow.parameters.rate}}}}}}' > /tmp/metrics.json
        page='<!doctype html><h1>Report</h1><script>parent.document.title = "taken"</script>'
        echo "$page" > /tmp/report.html
    outputs:
      artifacts:
      - {{name: metrics, path: /tmp/metrics.json, archive: {{none: {{}}}}}}
      - {{name: report, path: /tmp/report.html, archive: {{none: {{}}}}}}
"""


def test_a_template_is_run_from_its_form_and_runs_are_compared(
    visit: Visit, platform: Platform, namespace: str, tmp_path: Path
) -> None:
    platform.kubectl("apply", "-f", "-", text=TRAINER.format(namespace=namespace))
    page = visit(f"{namespace}/templates")
    for name, rate, how in (("slow", "0.1", "adam"), ("fast", "0.5", "sgd")):
        page.get_by_role("button", name="Run trainer").click()
        page.get_by_label("rate").fill(rate)
        page.get_by_label("how").select_option(how)
        page.get_by_label("Name of the run").fill(name)
        page.get_by_role("button", name="Run", exact=True).click()
        expect(page).to_have_url(re.compile(f"/workflows/{name}"))
        expect(page.locator(".heading")).to_contain_text("Succeeded", timeout=60_000)
        page.get_by_role("link", name="Templates", exact=True).click()
    page.get_by_role("link", name="Workflows", exact=True).click()
    page.get_by_role("searchbox").fill("rate=0.")
    for name in ("slow", "fast"):
        page.get_by_label(f"Choose {name}").check()
    page.get_by_role("link", name="Compare").click()
    row = page.get_by_role("row", name=re.compile("^loss"))
    expect(row).to_contain_text("0.1")
    expect(row).to_contain_text("0.5")
    page.screenshot(path=str(tmp_path / "compare.png"))
    assert violations(page) == []


def test_a_page_that_a_step_wrote_cannot_act(
    windows: Callable[..., Window], platform: Platform, namespace: str
) -> None:
    platform.kubectl("apply", "-f", "-", text=TRAINER.format(namespace=namespace))
    reference = {"entrypoint": "main", "workflowTemplateRef": {"name": "trainer"}}
    document = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
                "metadata": {"name": "reports", "namespace": namespace}, "spec": reference}
    platform.run(json.dumps(document))
    window = windows(f"{namespace}/workflows/reports?node=reports&tab=artifacts")
    page = window.page
    expect(page.locator(".metrics")).to_contain_text("loss")
    page.get_by_role("button", name="report", exact=True).click()
    expect(page.frame_locator(".artifact-frame").get_by_role("heading")).to_have_text("Report")
    assert page.locator(".artifact-frame").get_attribute("sandbox") == ""
    expect(page).to_have_title(re.compile("Pinnace"))
    window.expected("Blocked script execution")


def test_a_schedule_is_made_run_and_suspended(
    visit: Visit, platform: Platform, namespace: str, tmp_path: Path
) -> None:
    platform.kubectl("apply", "-f", "-", text=TRAINER.format(namespace=namespace))
    page = visit(f"{namespace}/schedules")
    expect(page.get_by_text("Nothing runs by the clock yet")).to_be_visible()
    page.get_by_role("button", name="New schedule").click()
    page.get_by_label("Name", exact=True).fill("nightly")
    page.get_by_label("When").fill("0 6 * *")
    expect(page.get_by_text("expected five fields")).to_be_visible()
    page.get_by_label("When").fill("0 6 * * *")
    page.get_by_role("button", name="Schedule", exact=True).click()
    expect(page.get_by_role("heading", name="nightly")).to_be_visible()
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_role("row", name=re.compile("nightly-"))).to_contain_text("Succeeded", timeout=60_000)
    page.get_by_role("switch").click()
    expect(page.get_by_role("switch")).to_have_attribute("aria-checked", "false")
    assert platform.get("cronworkflow", "nightly", "-n", namespace)["spec"]["suspend"] is True
    page.screenshot(path=str(tmp_path / "schedule.png"))
    assert violations(page) == []


def test_what_was_deleted_is_in_the_archive(visit: Visit, platform: Platform, namespace: str) -> None:
    step = """
  - {name: main, container: {image: busybox, command: [echo, gone]}}
"""
    platform.run(workflow("gone", step, namespace))
    page = visit(f"{namespace}/workflows?q=gone")
    page.get_by_label("Choose gone").check()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="gone", exact=True)).to_have_count(0)
    page.get_by_label("Archive").check()
    page.get_by_role("link", name="gone", exact=True).click()
    expect(page.locator(".heading")).to_contain_text("from the archive")
    expect(page.locator(".react-flow__node")).to_have_count(1)


def test_all_that_a_search_finds_is_steered_at_once(
    visit: Visit, platform: Platform, namespace: str, tmp_path: Path
) -> None:
    held = """
  - {name: main, suspend: {}}
"""
    ended = """
  - {name: main, container: {image: busybox, command: ["true"]}}
"""
    for name in ("many-1", "many-2"):
        platform.kubectl("create", "-f", "-", text=workflow(name, held, namespace))
    platform.run(workflow("many-3", ended, namespace))
    page = visit(f"{namespace}/workflows?q=many")
    page.get_by_label("Choose all 3").check()
    expect(page.get_by_text("3 chosen")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="More for the chosen").click()
    page.get_by_role("menuitem", name="Terminate").click()
    for name in ("many-1", "many-2"):
        expect(page.get_by_role("row", name=re.compile(name))).to_contain_text("Failed")
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value("many")
    page.get_by_label("Choose all 3").check()
    page.get_by_role("button", name="Archive").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Archive").click()
    expect(page.get_by_role("link", name=re.compile("many-"))).to_have_count(0)
    page.get_by_label("Archive").check()
    page.get_by_label("Choose many-3").check()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="many-3", exact=True)).to_have_count(0)
    expect(page.get_by_role("link", name="many-1", exact=True)).to_be_visible()


def test_a_suspended_step_is_approved_in_the_browser(
    visit: Visit, platform: Platform, namespace: str, tmp_path: Path
) -> None:
    platform.kubectl("create", "-f", "-", text=workflow("asking", ASKING, namespace))
    page = visit(f"{namespace}/workflows/asking")
    box(page, "approve").click()
    expect(page.get_by_text("metrics accuracy 97 %")).to_be_visible()
    page.screenshot(path=str(tmp_path / "approve.png"))
    page.get_by_role("combobox", name=re.compile("stage")).select_option("canary")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator(".heading")).to_contain_text("Succeeded", timeout=60_000)
    selector = "workflows.argoproj.io/workflow=asking"
    assert platform.kubectl("logs", "-n", namespace, "-l", selector, "-c", "main") == "canary\n"


def test_a_wide_loop_shares_one_box(visit: Visit, platform: Platform, namespace: str) -> None:
    fan = """
  - name: main
    steps: [[{name: many, template: one, withSequence: {count: "60"}}]]
  - {name: one, container: {image: busybox, command: ["true"]}}
"""
    platform.run(workflow("fan", fan, namespace))
    page = visit(f"{namespace}/workflows/fan")
    expect(page.locator(".react-flow__node")).to_have_count(2)
    expect(page.locator(".react-flow__node").last).to_contain_text("60 succeeded")
    box(page, "many").click()
