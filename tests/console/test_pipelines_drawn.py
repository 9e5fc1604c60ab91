"""A pipeline of Kubeflow's, drawn: components of a text, lines, a loop, a version saved, a run to its end."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.conftest import Visit, violations
from tests.e2e.platform import Platform

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(400)]

GREET = """
name: Greet
inputs:
- {name: whom, type: String}
outputs:
- {name: greeting, type: String}
implementation:
  container:
    image: busybox
    command:
    - sh
    - -c
    - mkdir -p "$(dirname "$1")"; printf "hello %s" "$0" > "$1"
    - {inputValue: whom}
    - {outputPath: greeting}
"""

COUNT = """
name: Count
inputs:
- {name: lines, type: JsonArray}
implementation:
  container:
    image: busybox
    command: [sh, -c, 'echo "$0" | tr "," "\\\\n" | wc -l', {inputValue: lines}]
"""


def test_a_pipeline_is_drawn_saved_and_run(visit: Visit, platform: Platform, namespace: str) -> None:
    page = visit(f"{namespace}/composer")
    page.get_by_role("button", name=re.compile("^Empty pipeline")).click()
    expect(page.locator(".react-flow__node")).to_have_count(2)
    for text in (GREET, COUNT):
        load(page, text)

    shelf = page.get_by_role("complementary", name="Components")
    shelf.get_by_role("button", name="Greet").click()
    expect(step(page, "greet")).to_be_visible()
    page.locator(".drawing").focus()
    page.keyboard.press("Control+a")
    page.get_by_role("button", name="Put into", exact=True).click()
    page.get_by_role("menuitem", name="Loop").click()
    expect(step(page, "for-loop-2")).to_contain_text("For each of 3 items")
    items = page.get_by_label("Of these items")
    items.fill('["Ada", "Grace"]')
    items.blur()
    expect(step(page, "for-loop-2")).to_contain_text("For each of 2 items")

    page.get_by_role("button", name="Open For each of 2 items").first.click()
    join(page, port(page, ":inputs", "item", "source"), port(page, "greet", "whom", "target"))
    expect(page.locator(".react-flow__edge")).to_have_count(1)
    assert violations(page) == []
    page.get_by_label("Opened templates").get_by_role("button", name="pipeline").click()

    shelf.get_by_role("button", name="Count").click()
    page.get_by_role("button", name="Connect lines").click()
    page.get_by_role("option", name=re.compile("every greeting of greet")).click()
    expect(page.locator(".react-flow__edge")).to_have_count(1)
    page.get_by_role("tab", name="To mend").click()
    expect(page.get_by_text("Nothing to mend")).to_be_visible()

    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_label("Name", exact=True).fill("greetings")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    page.wait_for_url("**/composer/Pipeline/**")
    expect(page.get_by_text("saved", exact=True)).to_be_visible()

    page.get_by_role("button", name="Run", exact=True).click()
    run = page.get_by_role("status", name="The run that is shown")
    expect(run).to_contain_text("Succeeded", timeout=120_000)
    expect(step(page, "for-loop-2")).to_contain_text("Succeeded")
    expect(step(page, "count")).to_contain_text("Succeeded")
    page.get_by_role("button", name="Open For each of 2 items").first.click()
    expect(step(page, "greet")).to_contain_text("Succeeded")
    assert violations(page) == []
    assert stored(platform)["components"]["comp-for-loop-2"]["outputDefinitions"] == {
        "parameters": {"pipelinechannel--greet-greeting": {"parameterType": "LIST"}}
    }


def load(page: Page, text: str) -> None:
    page.get_by_role("button", name="Add components").click()
    page.get_by_role("menuitem", name="Paste").click()
    dialog = page.get_by_role("dialog", name="Components of pipelines")
    dialog.get_by_role("textbox").fill(text)
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog).to_be_hidden()


def step(page: Page, name: str) -> Locator:
    return page.locator(f'.react-flow__node[data-id="{name}"]')


def port(page: Page, node: str, name: str, side: str) -> Locator:
    return step(page, node).locator("li.port", has_text=name).locator(f".react-flow__handle.{side}")


def join(page: Page, start: Locator, end: Locator) -> None:
    """A line drawn with the mouse, as a hand does it: not in one leap, nor while the drawing moves."""
    for one in (start, end):
        one.element_handle().wait_for_element_state("stable")
    here, there = start.bounding_box(), end.bounding_box()
    assert here and there
    page.mouse.move(here["x"] + here["width"] / 2, here["y"] + here["height"] / 2)
    page.mouse.down()
    page.mouse.move(there["x"] - 12, there["y"] - 12, steps=5)
    page.mouse.move(there["x"] + there["width"] / 2, there["y"] + there["height"] / 2, steps=3)
    page.mouse.up()


def stored(platform: Platform) -> Any:
    """The newest version of the only pipeline of that name."""
    said = platform.kubectl("get", "--raw", "/apis/v2beta1/pipelines?page_size=200")
    [pipeline] = [one for one in json.loads(said)["pipelines"] if one["display_name"] == "greetings"]
    versions = platform.kubectl("get", "--raw", f"/apis/v2beta1/pipelines/{pipeline['pipeline_id']}/versions")
    return json.loads(versions)["pipeline_versions"][0]["pipeline_spec"]
