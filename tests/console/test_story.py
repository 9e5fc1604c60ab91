"""What the console is for: drawn with the mouse, run, approved, in service, asked; a cell of a notebook."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Visit, Window
from tests.console.test_composer import document, edges, fresh, node, wire
from tests.e2e.platform import Platform, eventually

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(1500)]

LONG = 240_000
"""Milliseconds in which an environment is certainly built and a model in service, also on a busy machine."""
DRAWN = ["Iris", "Logistic regression", "Register model", "Wait for approval", "Deploy"]
ACUMOS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "acumos"


def set_field(page: Page, step: str, label: str, value: str) -> None:
    node(page, step).click()
    field = page.get_by_label(re.compile(rf"^{label}( \*)?$"))
    field.fill(value)
    field.press("Enter")
    eventually(lambda: value in json.dumps(document(page)), f"{label} of {step} in the document")


def run_and_approve(page: Page) -> None:
    page.get_by_role("button", name="Run", exact=True).click()
    run = page.locator(".run-bar")
    expect(run.get_by_text("Running")).to_be_visible()
    expect(node(page, "serve-approve")).to_contain_text(re.compile("waits|Running", re.I), timeout=LONG)
    node(page, "serve-approve").click()
    page.locator(".approve").get_by_role("button", name="Approve", exact=True).click()
    expect(run.get_by_text("Succeeded")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Back to drawing").click()


def test_a_model_goes_from_a_drawing_into_service(
    visit: Visit, namespace: str, platform: Platform, tmp_path: Path
) -> None:
    page = fresh(visit, namespace)
    page.set_viewport_size({"width": 1600, "height": 1000})
    canvas = page.locator(".react-flow__pane")
    shelf = page.get_by_label("Components", exact=True).last
    for number, title in enumerate(DRAWN):
        where: Any = {"x": 170 + number % 2 * 380, "y": 110 + number // 2 * 260}
        shelf.get_by_role("button", name=title, exact=True).drag_to(canvas, target_position=where)
        expect(page.locator(".react-flow__node")).to_have_count(number + 1)
    wire(page, "data-iris.table", "train-logistic-regression.train")
    wire(page, "train-logistic-regression.model", "serve-register.model")
    wire(page, "serve-register.registered", "serve-deploy.registered")
    expect(edges(page)).to_have_count(3)
    set_field(page, "serve-register", "name", "flowers")
    set_field(page, "serve-approve", "Waits for", "train-logistic-regression")
    set_field(page, "serve-deploy", "endpoint", "blossom")
    set_field(page, "serve-deploy", "Waits for", "serve-register && serve-approve")
    expect(edges(page)).to_have_count(5)
    page.screenshot(path=str(tmp_path / "drawn.png"))
    run_and_approve(page)
    set_field(page, "train-logistic-regression", "strength", "0.5")  # what is unchanged is taken from before
    set_field(page, "serve-deploy", "canary-percent", "10")
    run_and_approve(page)

    page.get_by_role("link", name="Endpoints").click()
    page.get_by_role("link", name="blossom").click()
    slider = page.get_by_role("slider").first
    expect(slider).to_have_attribute("aria-valuenow", "10", timeout=LONG)
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    eventually(lambda: asked(platform, namespace) == 15, "the canary's share in the object")
    handle, track = slider.bounding_box(), slider.locator("xpath=ancestor::*[3]").bounding_box()
    assert handle and track
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(handle["x"] + 120, handle["y"] + handle["height"] / 2, steps=6)
    page.mouse.up()
    eventually(lambda: asked(platform, namespace) > 15, "the share that the mouse gave")
    expect(page.get_by_text("In effect.")).to_be_visible(timeout=LONG)
    page.screenshot(path=str(tmp_path / "endpoint.png"))
    page.get_by_role("tab", name=re.compile("Try")).click()
    page.get_by_role("button", name="Predict").click()
    expect(page.locator(".try-answer")).to_contain_text(re.compile(r"200|predict|output", re.I), timeout=LONG)
    page.screenshot(path=str(tmp_path / "asked.png"))


def asked(platform: Platform, namespace: str) -> int:
    spec = platform.get("isvc", "blossom", "-n", namespace)["spec"]["predictor"]
    return int(spec.get("canaryTrafficPercent", -1))


@pytest.mark.heavy  # CI does the same without a browser: tests/notebook/test_lab.py
def test_a_notebook_is_opened_and_runs_a_cell(
    windows: Callable[..., Window], namespace: str, tmp_path: Path
) -> None:
    page = windows(f"{namespace}/notebooks").page
    page.get_by_role("link", name="Make the first one").click()
    page.get_by_label("Name", exact=True).first.fill("lab")
    page.get_by_role("button", name=re.compile("Create|Start|Launch")).click()
    connect = page.get_by_role("button", name=re.compile("Connect|Open")).first
    expect(connect).to_be_enabled(timeout=1_200_000)
    with page.expect_popup() as opened:
        connect.click()
    lab = opened.value
    launcher = lab.locator(".jp-LauncherCard[data-category='Notebook']").first
    launcher.wait_for(timeout=LONG)
    assert "code=" not in lab.url and "token" not in lab.url
    launcher.click()
    expect(lab.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=LONG)
    cell = lab.locator(".jp-Notebook .jp-CodeCell .cm-content").first
    cell.click()
    cell.press_sequentially("print(6 * 7)")
    expect(cell).to_contain_text("print(6 * 7)")
    cell.press("Shift+Enter")
    expect(lab.locator(".jp-OutputArea-output").first).to_contain_text("42", timeout=LONG)
    lab.screenshot(path=str(tmp_path / "lab.png"))


def blueprints() -> list[Path]:
    return sorted(ACUMOS.rglob("*blueprint*.json"))[:1]


def test_a_blueprint_is_imported(visit: Visit, namespace: str, tmp_path: Path) -> None:
    found = blueprints()
    if not found:
        pytest.skip("upstream's blueprints are in ../shared, which is not here")
    models = json.loads(found[0].read_text())["nodes"]
    page = visit(f"{namespace}/composer")
    page.get_by_label("A file with YAML or JSON").set_input_files(found[0])
    for model in models:
        expect(page.get_by_text(model["container_name"]).first).to_be_visible(timeout=LONG)
    page.screenshot(path=str(tmp_path / "blueprint.png"))
