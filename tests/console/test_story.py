"""What the console is for: drawn with the mouse, run, approved, in service, asked; a cell of a notebook."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Visit, Window, violations
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


def test_a_blueprint_of_upstreams_is_drawn(visit: Visit, namespace: str, tmp_path: Path) -> None:
    found = sorted(ACUMOS.rglob("*blueprint*.json"))[:1]
    if not found:
        pytest.skip("upstream's blueprints are in ../shared, which is not here")
    models = json.loads(found[0].read_text())["nodes"]
    page = visit(f"{namespace}/composer")
    page.get_by_label("A file with YAML or JSON").set_input_files(found[0])
    dialog = page.get_by_role("dialog")
    for model in models:
        expect(dialog.get_by_text(model["container_name"]).first).to_be_visible(timeout=LONG)
    assert violations(page, "'[role=dialog]'") == []
    dialog.get_by_role("button", name="Open as a drawing").click()
    for model in models:
        expect(page.locator(".react-flow__node").get_by_text(model["container_name"])).to_be_visible(timeout=LONG)
    page.screenshot(path=str(tmp_path / "blueprint.png"))


SERVER = """
import http.server

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        number = int(self.rfile.read(int(self.headers["Content-Length"])))
        made = str({"square": number ** 2, "add": number + 1}[self.path.strip("/")]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(made)))
        self.end_headers()
        self.wfile.write(made)

http.server.ThreadingHTTPServer(("", 3330), Handler).serve_forever()
"""


def port(container: str, operation: str) -> dict[str, Any]:
    return {"container_name": container, "operation_signature": {"operation_name": operation}}


def acumos_node(name: str, operation: str, *after: dict[str, Any]) -> dict[str, Any]:
    said = {"operation_signature": {"operation_name": operation}, "connected_to": list(after)}
    return {"container_name": name, "node_type": "REST", "operation_signature_list": [said]}


BLUEPRINT = {
    "name": "Square and add", "version": "1", "input_ports": [port("Square1", "square")],
    "nodes": [acumos_node("Square1", "square", port("Add1", "add")), acumos_node("Add1", "add")],
}
PETS = {
    "apiVersion": "serving.kserve.io/v1alpha1", "kind": "InferenceGraph", "metadata": {"name": "pets"},
    "spec": {"nodes": {
        "root": {"routerType": "Switch", "steps": [
            {"serviceUrl": "http://models.example/square", "condition": "square"},
            {"nodeName": "share", "condition": "add"},
        ]},
        "share": {"routerType": "Splitter", "steps": [
            {"serviceUrl": "http://models.example/add", "weight": 50},
            {"serviceUrl": "http://models.example/square", "weight": 50},
        ]},
    }},
}


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[str]:
    """Where both models run already, outside of the platform."""
    program = SERVER.replace('("", 3330)', '("127.0.0.1", 0)').replace(".serve_forever()", "")
    lines = program.strip().splitlines()
    lines[-1] = f"server = {lines[-1]}\nprint(server.server_port, flush=True)\nserver.serve_forever()"
    process = subprocess.Popen([sys.executable, "-c", "\n".join(lines)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait(30)
        process.stdout.close()


@pytest.fixture(scope="module")
def models(platform: Platform, namespace: str) -> str:
    """Where both models run already, in the cluster."""
    labels = {"app": "models"}
    container = {
        "name": "main", "image": "python:3.11", "command": ["python3", "-c", SERVER],
        "readinessProbe": {"tcpSocket": {"port": 3330}, "periodSeconds": 1},
    }
    made = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "models", "labels": labels},
         "spec": {"containers": [container]}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "models"},
         "spec": {"selector": labels, "ports": [{"port": 3330}]}},
    ]
    document = {"apiVersion": "v1", "kind": "List", "items": made}
    platform.kubectl("apply", "-n", namespace, "-f", "-", text=json.dumps(document))
    return "models:3330"


def imported(visit: Visit, namespace: str, tmp_path: Path, address: str) -> Page:
    """The dialog of the blueprint, its addresses given."""
    file = tmp_path / "blueprint.json"
    file.write_text(json.dumps(BLUEPRINT))
    page = visit(f"{namespace}/composer")
    page.get_by_label("A file with YAML or JSON").set_input_files(file)
    for name in ("Square1", "Add1"):
        page.get_by_label(f"Address of {name}").fill(address)
    return page


def test_a_blueprint_is_deployed_where_its_models_run(
    visit: Visit, namespace: str, platform: Platform, models: str, tmp_path: Path
) -> None:
    page = imported(visit, namespace, tmp_path, models)
    page.screenshot(path=str(tmp_path / "import.png"))
    page.get_by_role("button", name=f"Deploy in {namespace}").click()
    expect(page.get_by_text("is being deployed")).to_be_visible()
    page.get_by_role("link", name="To its endpoint").click()
    settings = platform.get("configmap", "square-and-add-blueprint", "-n", namespace)["data"]
    info = json.loads(settings["dockerinfo.json"])
    assert [(one["ip_address"], one["port"]) for one in info["docker_info_list"]] == [("models", "3330")] * 2
    expect(page.get_by_role("heading", name="square-and-add-orchestrator")).to_be_visible()
    isvc = ("isvc", "square-and-add-orchestrator", "-n", namespace)

    def ready() -> bool:
        conditions = (platform.get(*isvc).get("status") or {}).get("conditions") or []
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    eventually(ready, "the orchestrator to be ready", within=300)
    place = f"/api/v1/namespaces/{namespace}/services/modelconnector:8555/proxy"
    assert platform.api.request("POST", f"{place}/square", b"6") == b"37"


def test_a_graph_is_alive_on_its_drawing(
    visit: Visit, namespace: str, beside: str, tmp_path: Path
) -> None:
    page = imported(visit, namespace, tmp_path, beside)
    page.get_by_label("Deploy it as").select_option("graph")
    page.get_by_role("button", name=f"Deploy in {namespace}").click()
    page.get_by_role("link", name="To its endpoint").click()
    page.get_by_role("link", name="Open in the composer").click()
    expect(page.locator(".serving-bar .mark", has_text="Ready")).to_be_visible(timeout=LONG)
    page.get_by_label("Ask the graph").fill("6")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".way > .said")).to_have_text("37", timeout=LONG)
    expect(page.locator(".edge-taken")).to_have_count(2)
    expect(node(page, "root")).to_contain_text("200 · ")
    assert violations(page) == []
    page.screenshot(path=str(tmp_path / "alive.png"))
    page.get_by_role("button", name="Back to all requests").click()
    expect(page.locator(".edge-taken")).to_have_count(0)
    expect(node(page, "root")).to_contain_text("/s · ")


def test_a_graph_in_service_is_changed_by_hand(
    visit: Visit, namespace: str, platform: Platform, tmp_path: Path
) -> None:
    platform.kubectl("apply", "-n", namespace, "-f", "-", text=json.dumps(PETS))
    page = visit(f"{namespace}/composer/InferenceGraph/pets?pane=step")
    node(page, "root").click()
    page.get_by_label("Which way would this take?").fill('{"square": 1}')
    expect(page.locator(".way-taken")).to_contain_text("is taken")
    node(page, "share").click()
    slider = page.get_by_role("slider").first
    slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuenow", "51")
    page.screenshot(path=str(tmp_path / "shares.png"))
    page.get_by_role("button", name="Deploy", exact=True).click()

    def weights() -> list[int]:
        nodes = platform.get("ig", "pets", "-n", namespace)["spec"]["nodes"]
        return [step["weight"] for step in nodes["share"]["steps"]]

    eventually(lambda: sorted(weights()) == [49, 51], "the shares to be written")
