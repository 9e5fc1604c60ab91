"""Every route of the console is visited, light, dark and narrow: a title, a heading, nothing that axe finds.

A route that is added without a visit here fails the first test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import VIEW, Window, violations
from tests.e2e.platform import Platform

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "console" / "src"
PHONE = 390


class Visit(NamedTuple):
    path: str
    """Below the namespace."""
    says: str = ""
    """What stands there when everything has come."""
    absent: bool = False
    """What is asked for is not there: the 404 of the API is expected."""


VISITS: dict[str, list[Visit]] = {
    "/": [Visit("../")],
    "/$namespace": [Visit("", "no column named price"), Visit("../default", "")],
    "/$namespace/workflows": [
        Visit("workflows", "broken"), Visit("workflows?archive=true", "broken"),
        Visit("workflows?q=nobody", "Show all"),
    ],
    "/$namespace/workflows/$name": [
        Visit("workflows/broken", "no column named price"),
        *(Visit(f"workflows/broken?view={one}") for one in ("timeline", "steps", "inputs", "events", "yaml")),
        Visit("workflows/asking", "waits for your approval"),
        Visit("workflows/nobody", "There is no workflow nobody", absent=True),
    ],
    "/$namespace/workflows/compare": [Visit("workflows/compare", "Nothing to compare")],
    "/$namespace/schedules": [Visit("schedules", "nightly"), Visit("schedules?new=true", "Time zone")],
    "/$namespace/schedules/$name": [
        Visit("schedules/nightly", "It has not run yet"),
        Visit("schedules/nobody", "There is no schedule nobody"),
    ],
    "/$namespace/templates": [Visit("templates", "trainer")],
    "/$namespace/templates/$kind/$name": [
        Visit("templates/workflowtemplates/trainer", "Learning rate"),
        Visit("templates/workflowtemplates/nobody", "There is no template nobody"),
    ],
    "/$namespace/composer": [Visit("composer")],
    "/$namespace/composer/$kind/$name": [Visit("composer/WorkflowTemplate/trainer")],
    "/$namespace/endpoints": [Visit("endpoints", "lost")],
    "/$namespace/endpoints/$name": [
        Visit("endpoints/lost", "no artifact"), Visit("endpoints/nobody", "There is no endpoint nobody"),
    ],
    "/$namespace/endpoints/graphs/$name": [Visit("endpoints/graphs/pair", "Sequence")],
    "/$namespace/models": [Visit("models")],
    "/$namespace/models/$model": [Visit("models/nobody", absent=True)],
    "/$namespace/lineage": [Visit("lineage")],
    "/$namespace/pipelines": [Visit("pipelines")],
    "/$namespace/pipelines/new": [Visit("pipelines/new", absent=True)],
    "/$namespace/pipelines/$id": [Visit("pipelines/nobody", absent=True)],
    "/$namespace/pipelines/runs/$id": [Visit("pipelines/runs/nobody", absent=True)],
    "/$namespace/pipelines/recurring/$id": [Visit("pipelines/recurring/nobody", absent=True)],
    "/$namespace/pipelines/experiments/$id": [Visit("pipelines/experiments/nobody", absent=True)],
    "/$namespace/pipelines/compare": [Visit("pipelines/compare")],
    "/$namespace/experiments": [Visit("experiments")],
    "/$namespace/experiments/new": [Visit("experiments/new")],
    "/$namespace/experiments/$name": [Visit("experiments/nobody", absent=True)],
    "/$namespace/experiments/$name/$trial": [Visit("experiments/nobody/first", absent=True)],
    "/$namespace/training": [Visit("training", "held")],
    "/$namespace/training/$kind/$name": [Visit("training/pytorchjob/held", "held")],
    "/$namespace/notebooks": [Visit("notebooks", "lab")],
    "/$namespace/notebooks/new": [Visit("notebooks/new", "Launch")],
    "/$namespace/notebooks/$name": [Visit("notebooks/lab", "Start")],
    "/$namespace/tensorboards": [Visit("tensorboards")],
    "/$namespace/volumes": [Visit("volumes", "data")],
    "/$namespace/volumes/$name": [
        Visit("volumes/data", "This folder is empty"), Visit("volumes/nobody", "There is no such volume"),
    ],
    "/$namespace/secrets": [
        Visit("secrets", "store"), Visit("secrets?tab=configmaps"),
        Visit("secrets?open=store", "hidden, 2 B"),
    ],
    "/$namespace/namespaces": [Visit("namespaces", "default")],
    "/$namespace/logs": [Visit("logs", "no column named price")],
    "/$namespace/metrics": [Visit("metrics", "The platform itself")],
    "nowhere": [Visit("is/nowhere", "There is no such page")],
}

OBJECTS = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: broken}
spec:
  entrypoint: main
  templates:
  - name: main
    container: {image: busybox, command: [sh, -c, 'echo "KeyError: no column named price" >&2; exit 3']}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: asking}
spec:
  entrypoint: main
  templates:
  - {name: main, steps: [[{name: approve, template: approve}]]}
  - {name: approve, suspend: {}}
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: trainer}
spec:
  entrypoint: main
  arguments: {parameters: [{name: rate, value: "0.1", description: Learning rate}]}
  templates: [{name: main, container: {image: busybox, command: ["true"]}}]
---
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly}
spec: {schedules: ["0 6 * * *"], suspend: true, workflowSpec: {workflowTemplateRef: {name: trainer}}}
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: lost}
spec: {predictor: {model: {modelFormat: {name: sklearn}, storageUri: s3://artifacts/models/nowhere}}}
---
apiVersion: serving.kserve.io/v1alpha1
kind: InferenceGraph
metadata: {name: pair}
spec: {nodes: {root: {routerType: Sequence, steps: [{serviceName: lost, name: first}]}}}
---
apiVersion: kubeflow.org/v1
kind: PyTorchJob
metadata: {name: held}
spec:
  runPolicy: {suspend: true}
  pytorchReplicaSpecs:
    Master: {replicas: 1, template: {spec: {containers: [{name: pytorch, image: busybox, command: [env]}]}}}
---
apiVersion: kubeflow.org/v1
kind: Notebook
metadata: {name: lab, annotations: {kubeflow-resource-stopped: "2026-01-01T00:00:00Z"}}
spec: {template: {spec: {containers: [{name: lab, image: busybox}]}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Secret
metadata: {name: store}
stringData: {key: me}
"""


def routes() -> Iterator[str]:
    for file in (SOURCE / "app" / "router.ts", *SOURCE.glob("*/routes.ts")):
        yield from re.findall(r"""\bpath: ["']([^"']+)["']""", file.read_text())


def test_every_route_has_a_visit() -> None:
    assert sorted({*routes(), "nowhere"}) == sorted(VISITS)


def test_every_page_has_a_title_a_heading_and_nothing_that_axe_finds(
    windows: Callable[..., Window], platform: Platform, namespace: str
) -> None:
    platform.kubectl("apply", "-n", namespace, "-f", "-", text=OBJECTS)
    window = windows(namespace)
    found: dict[str, list[str]] = {}
    for visit in [visit for visits in VISITS.values() for visit in visits]:
        window.go(f"{namespace}/{visit.path}")
        faults = looked(window.page, visit)
        if visit.absent:
            window.expected("404")
        if faults := [*faults, *window.complaints]:
            found[visit.path] = faults
        window.complaints.clear()
    assert found == {}, "\n".join(f"{path}: {fault}" for path, faults in found.items() for fault in faults)


def looked(page: Page, visit: Visit) -> list[str]:
    """What is wrong with the page that is open, one line each."""
    if visit.says:
        expect(page.locator("main, [role=dialog]").get_by_text(visit.says).first, visit.path).to_be_visible()
    heading = page.get_by_role("heading", level=1, include_hidden=True)
    expect(heading, visit.path).to_have_count(1)
    expect(page, visit.path).to_have_title(re.compile(r".+ · Pinnace$"))
    faults = [] if (heading.text_content() or "").strip() else ["an empty heading"]
    faults += violations(page)
    page.emulate_media(color_scheme="dark")
    faults += [f"dark: {fault}" for fault in violations(page, "document, {runOnly: ['color-contrast']}")]
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": PHONE, "height": VIEW["height"]})
    wide: int = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size(VIEW)
    return [*faults, f"a phone has to scroll it sideways: {wide} pixels"] if wide > PHONE else faults
