"""Workflows in the console: found, watched, understood, steered, in a real browser on real runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.console.conftest import Visit, violations
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


def test_a_failure_is_told_where_it_happened(visit: Visit, platform: Platform, namespace: str) -> None:
    steps = """
  - {name: main, steps: [[{name: bad, template: bad}]]}
  - {name: bad, container: {image: busybox, command: [sh, -c, echo this went wrong; exit 3]}}
"""
    platform.run(workflow("broken", steps, namespace), check=False)
    page = visit(f"{namespace}/workflows/broken")
    box(page, "bad").click()
    expect(page.locator(".panel")).to_contain_text("exit code 3")


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
