"""What the SDK offers, on pipelines of our own: compiled by the unmodified SDK, run through REST to the end.

`programs/surface.py` says of each what must come of it; one that is added there is tested here.
"""

from __future__ import annotations

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from scripts.conformance import pipelines
from tests.e2e.platform import Platform

PROGRAM = Path(__file__).parent / "programs" / "surface.py"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}


def names() -> list[str]:
    return re.findall(r'@pipe\(\s*name="([^"]+)"', PROGRAM.read_text())


@pytest.fixture(scope="module")
def ends(platform: Platform, sdk: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is wrong with each pipeline: '' if nothing. All are run once, three at a time."""
    folder = tmp_path_factory.mktemp("surface")
    subprocess.run([sdk, "-W", "ignore", str(PROGRAM), str(folder)], check=True)
    cases: dict[str, Any] = json.loads((folder / "expected.json").read_text())
    api = pipelines.Api(platform.home.root)
    api.ask("POST", "/apis/v2beta1/experiments", {"display_name": "surface"})
    for case in cases.values():
        for name, data in (case.get("secrets") or {}).items():
            words = [f"--from-literal={key}={value}" for key, value in data.items()]
            platform.kubectl("create", "secret", "generic", name, "-n", "kubeflow", *words)
        for name, data in (case.get("configmaps") or {}).items():
            words = [f"--from-literal={key}={value}" for key, value in data.items()]
            platform.kubectl("create", "configmap", name, "-n", "kubeflow", *words)
        if case.get("pvc"):
            made = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": CLAIM}
            text = json.dumps({**made, "metadata": {"name": case["pvc"], "namespace": "kubeflow"}})
            platform.kubectl("create", "-f", "-", text=text)

    def run(name: str) -> tuple[str, str]:
        return name, pipelines.run(api, folder / f"{name}.yaml", cases[name], str(folder), 240)

    with ThreadPoolExecutor(3) as pool:
        return dict(pool.map(run, cases))


@pytest.mark.parametrize("name", names())
def test_a_pipeline_ends_as_it_must(ends: dict[str, str], name: str) -> None:
    assert ends[name] == ""
