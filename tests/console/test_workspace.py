"""The workspace's pages: Home, notebooks, volumes, secrets, namespaces, logs, metrics."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Visit, Window, violations
from tests.e2e.platform import Platform, eventually

pytestmark = [pytest.mark.serial, pytest.mark.slow]

RUNS = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: broken}
spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: load, template: ok}
      - {name: score, template: bad, depends: load}
  - name: ok
    container: {image: busybox, command: [echo, loaded]}
  - name: bad
    container: {image: busybox, command: [sh, -c, 'echo "KeyError: no column named price" >&2; exit 3']}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: asking}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: approve, template: approve, arguments: {parameters: [{name: accuracy, value: 97 %}]}}
    - - {name: after, template: go, arguments: {parameters: [{name: to, value: "{{steps.approve.outputs.parameters.stage}}"}]}}
  - name: approve
    inputs: {parameters: [{name: accuracy}, {name: stage, default: "", enum: [canary, all]}]}
    outputs: {parameters: [{name: stage, valueFrom: {supplied: {}}}]}
    suspend: {}
  - name: go
    inputs: {parameters: [{name: to}]}
    container: {image: busybox, command: [echo, 'rolled out to {{inputs.parameters.to}}']}
"""  # noqa: E501


def phase(platform: Platform, namespace: str, name: str) -> str:
    found: str = platform.get("-n", namespace, "workflow", name).get("status", {}).get("phase", "")
    return found


def test_home_tells_the_cause_and_takes_the_answer(visit: Visit, platform: Platform, namespace: str) -> None:
    page = visit(namespace)
    expect(page.get_by_role("region", name="First steps")).to_be_visible()
    assert violations(page) == []

    platform.kubectl("apply", "-n", namespace, "-f", "-", text=RUNS)
    failed = page.get_by_role("region", name="Failed lately")
    expect(failed.get_by_text("KeyError: no column named price")).to_be_visible()
    waits = page.get_by_role("region", name="Waits for you")
    expect(waits.get_by_text("97 %")).to_be_visible()
    expect(page.get_by_role("region", name="Machine").get_by_text("cores")).to_be_visible()
    assert violations(page) == []

    waits.get_by_role("button", name="Approve approve of asking").click()
    page.get_by_role("dialog").locator("select").select_option("canary")
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    eventually(lambda: phase(platform, namespace, "asking") == "Succeeded", "the approved workflow's end")
    expect(waits).to_have_count(0)

    failed.get_by_role("link", name="broken", exact=True).click()
    expect(page).to_have_url(re.compile(r"/workflows/broken\?node=broken-\d+"))


def test_files_come_and_go(windows: Callable[..., Window], namespace: str, tmp_path: Path) -> None:
    window = windows(f"{namespace}/volumes")
    page = window.page
    page.get_by_role("button", name="New volume").click()
    page.get_by_role("dialog").get_by_label("Name", exact=True).fill("data")
    page.get_by_label("Size", exact=True).fill("1Gi")
    page.get_by_role("button", name="Create").click()
    row = page.get_by_role("row", name=re.compile("data"))
    expect(row.get_by_text("Bound")).to_be_visible()
    assert violations(page) == []

    row.get_by_role("link", name="data").click()
    expect(page.get_by_text("This folder is empty")).to_be_visible()
    page.get_by_role("button", name="New folder").click()
    page.get_by_label("Name of the new folder").fill("raw")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="raw").click()
    source = tmp_path / "näme & co.csv"
    source.write_text("price\n1\n")
    upload(page, source)
    expect(page.get_by_role("row", name=re.compile("näme & co.csv"))).to_be_visible()
    upload(page, source)
    expect(page.get_by_text("there is one of this name already")).to_be_visible()
    window.expected("412")
    page.get_by_role("button", name="Overwrite").click()
    expect(page.get_by_text("uploaded")).to_be_visible()
    assert violations(page) == []
    with page.expect_download() as taken:
        page.get_by_role("link", name="Download näme & co.csv").click()
    assert Path(taken.value.path()).read_text() == "price\n1\n"
    page.get_by_role("button", name="Delete näme & co.csv").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("This folder is empty")).to_be_visible()


def upload(page: Page, file: Path) -> None:
    page.locator("input[type=file]").set_input_files(file)


def test_a_server_is_tried_before_it_is_made(visit: Visit, platform: Platform, namespace: str) -> None:
    page = visit(f"{namespace}/notebooks")
    page.get_by_role("link", name="New server").click()
    page.get_by_label("Name", exact=True).first.fill("lab")
    page.get_by_label("GPUs", exact=True).select_option("2")
    page.get_by_role("button", name="Launch").click()
    expect(page.get_by_text("this machine has no nvidia.com/gpu")).to_be_visible()
    assert violations(page) == []
    assert platform.get("-n", namespace, "notebooks")["items"] == []

    page.get_by_label("GPUs", exact=True).select_option("0")
    page.get_by_label("Image", exact=True).select_option("")
    page.get_by_label("Custom image").fill("registry.invalid/no-such-lab:1")
    page.get_by_role("button", name="Launch").click()
    expect(page.get_by_role("heading", name="lab", exact=True)).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    made = platform.get("-n", namespace, "notebook", "lab")
    assert "kubeflow-resource-stopped" in made["metadata"]["annotations"]
    [workspace, _] = made["spec"]["template"]["spec"]["volumes"]
    assert workspace["persistentVolumeClaim"]["claimName"] == "lab-workspace"

    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="Notebooks").click()
    expect(page.get_by_role("row", name=re.compile("lab")).get_by_text("Stopped")).to_be_visible()
    assert violations(page) == []


def test_secrets_are_hidden_until_asked_for(visit: Visit, platform: Platform, namespace: str) -> None:
    page = visit(f"{namespace}/secrets")
    page.get_by_role("button", name="New secret").click()
    page.get_by_role("button", name="S3 for KServe").click()
    page.get_by_role("dialog").get_by_label("Name", exact=True).fill("store")
    page.get_by_label("Access key").fill("me")
    page.get_by_label("Secret key").fill("quite secret")
    page.get_by_label("Endpoint", exact=True).fill("store.example:9000")
    assert violations(page) == []
    page.get_by_role("button", name="Create").click()
    page.get_by_role("button", name="store", exact=True).click()
    expect(page.get_by_role("dialog").get_by_text("hidden, 12 B")).to_be_visible()
    expect(page.get_by_text("quite secret")).to_have_count(0)
    page.get_by_role("button", name="Show AWS_SECRET_ACCESS_KEY").click()
    expect(page.get_by_text("quite secret")).to_be_visible()
    account = platform.get("-n", namespace, "serviceaccount", "default")
    assert {"name": "store"} in account["secrets"]
    page.keyboard.press("Escape")

    page.get_by_role("tab", name="ConfigMaps").click()
    page.get_by_role("button", name="New ConfigMap").click()
    page.get_by_role("dialog").get_by_label("Name", exact=True).fill("settings")
    page.get_by_label("Key 1", exact=True).fill("rate")
    page.get_by_label("Value 1", exact=True).fill("0.1")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("button", name="settings", exact=True)).to_be_visible()
    assert violations(page) == []
    assert platform.get("-n", namespace, "configmap", "settings")["data"] == {"rate": "0.1"}


def test_a_namespace_goes_when_its_name_was_typed(visit: Visit, platform: Platform, namespace: str) -> None:
    name = f"{namespace}-passing"
    page = visit(f"{namespace}/namespaces")
    page.get_by_role("button", name="New namespace").click()
    page.get_by_role("dialog").get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create").click()
    page.get_by_role("button", name=f"Delete {name}").click()
    delete = page.get_by_role("dialog").get_by_role("button", name="Delete")
    expect(delete).to_be_disabled()
    page.get_by_label(f"Type {name} to confirm").fill(name)
    assert violations(page) == []
    delete.click()
    expect(page.get_by_role("button", name=f"Delete {name}")).to_have_count(0)
    assert violations(page) == []


def test_logs_are_searched_and_metrics_drawn(visit: Visit, platform: Platform, namespace: str) -> None:
    runs = RUNS.replace("broken", "logged").replace("asking", "asking-again")
    platform.kubectl("apply", "-n", namespace, "-f", "-", text=runs)
    page = visit(f"{namespace}/logs")
    lines = page.get_by_role("log", name="Log lines")
    expect(lines.get_by_text("loaded").first).to_be_visible()
    page.get_by_label("Lines that hold …").fill("keyerror PRICE")
    expect(lines.locator("mark").first).to_have_text("KeyError")
    expect(lines.get_by_text("loaded")).to_have_count(0)
    expect(page).to_have_url(re.compile("q=keyerror"))
    assert violations(page) == []

    page.goto(page.url.partition("/logs")[0] + "/metrics")
    expect(page.get_by_role("img", name=re.compile("Requests to the API, now"))).to_be_visible()
    expect(page.get_by_role("heading", name="The platform itself")).to_be_visible()
    assert violations(page) == []

    page.goto(page.url.partition("/metrics")[0] + "/tensorboards?new=pvc%3A%2F%2Fdata%2Flogs")
    expect(page.get_by_label("Folder")).to_have_value("logs")
    assert violations(page) == []
