"""Endpoints in the console: traffic moved by hand and by keys, promoted, and a model asked by its form."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Visit, Window, violations
from tests.console.runs import workflow
from tests.e2e.platform import Platform, eventually

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(900)]

TRAIN = """
  - name: main
    script:
      image: pinnace/python-sklearn
      command: [python3]
      source: |
        import os, joblib
        from sklearn.linear_model import LogisticRegression
        os.makedirs("/tmp/model")
        joblib.dump(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), "/tmp/model/model.joblib")
    outputs:
      artifacts: [{name: model, path: /tmp/model, archive: {none: {}}, s3: {key: models/tiny}}]
"""


def service(namespace: str, percent: str = "", note: str = "a") -> str:
    return f"""
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {{name: tiny, namespace: {namespace}}}
spec:
  predictor:
    {percent}
    model:
      modelFormat: {{name: sklearn}}
      storageUri: s3://artifacts/models/tiny
      env: [{{name: NOTE, value: {note}}}]
"""


GRAPH = """
apiVersion: serving.kserve.io/v1alpha1
kind: InferenceGraph
metadata: {{name: twice, namespace: {namespace}}}
spec:
  nodes:
    root: {{routerType: Splitter, steps: [{{serviceName: tiny, weight: 70}}, {{nodeName: next, weight: 30}}]}}
    next: {{routerType: Sequence, steps: [{{serviceName: tiny, name: first}}]}}
"""


@pytest.fixture(scope="module")
def canary(platform: Platform, namespace: str) -> Callable[[], list[int]]:
    """Two revisions of one endpoint, the newer with a tenth; answers how the traffic is split now."""
    def ready() -> bool:
        status: Any = platform.get("isvc", "tiny", "-n", namespace).get("status", {})
        return any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))

    platform.run(workflow("trains", TRAIN, namespace))
    platform.kubectl("apply", "-f", "-", text=service(namespace))
    eventually(ready, "the first revision", within=240)
    platform.kubectl("apply", "-f", "-", text=service(namespace, "canaryTrafficPercent: 10", "b"))

    def split() -> list[int]:
        """(of the first revision, of the second)"""
        status: Any = platform.get("isvc", "tiny", "-n", namespace)["status"]
        traffic = status["components"]["predictor"].get("traffic", [])
        return [
            sum(t.get("percent", 0) for t in traffic if t["revisionName"].endswith(number))
            for number in ("00001", "00002")
        ]

    eventually(lambda: split() == [90, 10], "the canary", within=240)
    return split


def test_an_empty_namespace_says_how_to_begin(visit: Visit, platform: Platform) -> None:
    page = visit("default/endpoints")
    expect(page.get_by_text("No model is in service yet")).to_be_visible()
    assert violations(page) == []


def test_traffic_moves_by_mouse_and_keys_and_is_promoted(
    visit: Visit, canary: Callable[[], list[int]], namespace: str
) -> None:
    page = visit(f"{namespace}/endpoints")
    picture = page.get_by_role("img", name=re.compile("Traffic split"))
    expect(picture).to_have_attribute("aria-label", re.compile(r"00001 90 %.*00002 10 %"))
    page.get_by_role("link", name="tiny", exact=True).click()
    slider = page.get_by_role("slider", name="Share of tiny-predictor-00002")
    expect(slider).to_have_attribute("aria-valuenow", "10")
    expect(page.get_by_text("In effect.")).to_be_visible()
    assert violations(page) == []

    drag(page, 0.5)
    expect(slider).to_have_attribute("aria-valuenow", re.compile("^(4[6-9]|5[0-4])$"))
    eventually(lambda: 45 <= canary()[1] <= 55, "half of the traffic", within=60)
    expect(page.get_by_text("In effect.")).to_be_visible()

    before = int(slider.get_attribute("aria-valuenow") or "0")
    slider.focus()
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuenow", str(before + 11))
    eventually(lambda: canary() == [89 - before, before + 11], "the keys' share", within=60)

    page.get_by_role("button", name="Roll back").click()
    eventually(lambda: canary() == [100, 0], "all traffic with the first revision", within=60)
    expect(page.get_by_text("tiny-predictor-00002 gets nothing")).to_be_visible()

    page.get_by_role("button", name="Promote").click()
    eventually(lambda: canary()[1] == 100, "the promotion", within=60)
    expect(page.get_by_role("button", name="Promote")).to_be_disabled()


def drag(page: Page, share: float) -> None:
    """The thumb to that share of its track."""
    thumb, track = page.locator(".slider-thumb").bounding_box(), page.locator(".slider-track").bounding_box()
    assert thumb and track
    page.mouse.move(thumb["x"] + thumb["width"] / 2, thumb["y"] + thumb["height"] / 2)
    page.mouse.down()
    page.mouse.move(track["x"] + track["width"] * share, track["y"] + 2, steps=5)
    page.mouse.up()


def test_a_model_is_asked_by_the_form_that_it_describes(
    windows: Callable[..., Window], platform: Platform, canary: Callable[[], list[int]], namespace: str
) -> None:
    window = windows(f"{namespace}/endpoints/tiny?tab=try")
    page = window.page
    field = page.get_by_label("input-0")
    expect(page.get_by_text("FP64 · n × 1")).to_be_visible()
    field.fill("[[0.0], [1.0]]")
    expect(page.get_by_role("region", name="the curl line")).to_contain_text(".localhost")
    page.get_by_role("button", name="Predict").click()
    expect(page.locator(".output-value")).to_have_text("[0,1]")
    expect(page.get_by_text("200 answered")).to_be_visible()
    field.fill("[[1.0, 2.0], [3.0]]")
    page.get_by_role("button", name="Predict").click()
    expect(page.get_by_text("rows are not of the same length")).to_be_visible()
    assert violations(page) == []

    page.get_by_role("tab", name="Replicas and logs").click()
    expect(page.get_by_role("row", name=re.compile("tiny-predictor-00002"))).to_contain_text("Ready")
    expect(page.get_by_role("log")).to_be_visible()
    assert violations(page) == []

    refused = page.goto(
        f"{window.base}/api/v1/namespaces/istio-system/services/http:istio-ingressgateway:http2"
        f"/proxy/serving/{namespace}/tiny/v2/models/tiny"
    )
    assert refused is not None and refused.status == 403, "a pod's page never stands beside the console"
    window.expected("403")


def test_a_graph_of_models_is_drawn(
    visit: Visit, platform: Platform, canary: Callable[[], list[int]], namespace: str
) -> None:
    platform.kubectl("apply", "-f", "-", text=GRAPH.format(namespace=namespace))
    page = visit(f"{namespace}/endpoints")
    page.get_by_role("link", name="twice").click()
    expect(page.locator(".react-flow__node")).to_have_count(3)
    expect(page.get_by_role("row", name=re.compile("root Splitter"))).to_have_count(2)
    expect(page.get_by_role("row", name=re.compile("70 %"))).to_contain_text("tiny")
    assert violations(page) == []
