"""Endpoints in the console: what is in service and how its traffic is split."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.console.conftest import Visit
from tests.console.runs import workflow
from tests.e2e.platform import Platform, eventually

pytestmark = [pytest.mark.serial, pytest.mark.slow]

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


def test_endpoints_show_a_canary_and_its_split(visit: Visit, platform: Platform, namespace: str) -> None:
    page = visit(f"{namespace}/endpoints")
    expect(page.get_by_text("No model is in service yet")).to_be_visible()
    platform.run(workflow("trains", TRAIN, namespace))
    platform.kubectl("apply", "-f", "-", text=service(namespace))
    platform.kubectl("wait", "-n", namespace, "--for=condition=Ready", "isvc/tiny", "--timeout=90s")
    platform.kubectl("apply", "-f", "-", text=service(namespace, "canaryTrafficPercent: 10", "b"))

    def split() -> list[int]:
        status = platform.get("isvc", "tiny", "-n", namespace)["status"]
        traffic = status["components"]["predictor"].get("traffic", [])
        return sorted(t["percent"] for t in traffic if t.get("percent"))

    eventually(lambda: split() == [10, 90], "the canary")
    picture = page.get_by_role("img", name=re.compile("Traffic split"))
    expect(picture).to_have_attribute("aria-label", re.compile(r"00001 90 %.*00002 10 %"))
    expect(page.get_by_role("heading", name="tiny")).to_be_visible()
