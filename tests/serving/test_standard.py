"""Standard mode: the objects that KServe makes without Knative; the tests play Deployment and pods."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pinnace.kinds.resource import Obj
from pinnace.objects.client import Options, Selection
from tests.serving.conftest import Serving, condition

pytestmark = pytest.mark.anyio
MODE = "serving.kserve.io/deploymentMode"
STANDARD = {MODE: "RawDeployment"}
NAME = "iris-predictor"


async def one(serving: Serving, kind: str, name: str = NAME) -> Obj:
    return await serving.local.get(serving.kind(kind), name, "demo")


async def all_of(serving: Serving, kind: str) -> list[str]:
    page = await serving.local.list(serving.kind(kind), "demo", Selection())
    return sorted(each["metadata"]["name"] for each in page.items)


async def play(serving: Serving, address: str = "10.88.1.2", name: str = NAME) -> Obj:
    """The Deployment's controllers: one pod, available."""
    deployment = await one(serving, "deployments.apps", name)
    template = deployment["spec"]["template"]
    made = {"metadata": {**template["metadata"], "name": f"{name}-x"}, "spec": template["spec"]}
    if f"{name}-x" not in [each["metadata"]["name"] for each in await serving.pods()]:
        await serving.local.create(serving.kind("pods"), made, "demo")
    pod = next(each for each in await serving.pods() if each["metadata"]["name"] == f"{name}-x")
    status = {"phase": "Running", "podIP": address, "conditions": [{"type": "Ready", "status": "True"}]}
    options = Options(subresource="status")
    await serving.local.update(serving.kind("pods"), {**pod, "status": status}, "demo", options)
    available = {"conditions": [{"type": "Available", "status": "True"}]}
    notes = {**deployment["metadata"]["annotations"], "deployment.kubernetes.io/revision": "1"}
    found = {**deployment, "metadata": {**deployment["metadata"], "annotations": notes}}
    found = await serving.local.update(serving.kind("deployments.apps"), found, "demo")
    await serving.local.update(
        serving.kind("deployments.apps"), {**found, "status": available}, "demo", options
    )
    serving.gateway.healthy.add(f"demo/{name}")
    return pod


async def ready(serving: Serving, **more: Any) -> Obj:
    serving.controller._doors = lambda: "/run/net"
    await serving.model("a", annotations={**STANDARD, **more.pop("notes", {})}, **more)
    await serving.turn()
    await play(serving)
    await serving.turn()
    await serving.turn()
    return await serving.get()


async def test_a_component_is_a_deployment_a_service_and_an_autoscaler(serving: Serving) -> None:
    isvc = await ready(serving, minReplicas=2, maxReplicas=5, scaleTarget=60)
    assert isvc["metadata"]["annotations"][MODE] == "Standard"
    deployment = await one(serving, "deployments.apps")
    assert deployment["spec"]["selector"] == {"matchLabels": {"app": "isvc.iris-predictor"}}
    assert deployment["metadata"]["ownerReferences"][0]["kind"] == "InferenceService"
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert labels.items() >= {
        "app": "isvc.iris-predictor", "component": "predictor", "serving.kserve.io/inferenceservice": "iris",
    }.items()
    service = await one(serving, "services")
    assert service["spec"]["selector"] == {"app": "isvc.iris-predictor"}
    assert [(p["name"], p["port"], p["targetPort"]) for p in service["spec"]["ports"]] == [("http", 80, 8080)]
    scaler = (await one(serving, "horizontalpodautoscalers.autoscaling"))["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 5)
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME}
    assert scaler["metrics"][0]["resource"] == {
        "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60},
    }


async def test_its_status_and_addresses_are_upstream_s(serving: Serving) -> None:
    isvc = await ready(serving)
    assert condition(isvc, "Ready") == ("True", "")
    assert isvc["status"]["url"] == "http://iris-demo.localhost:8081"
    assert isvc["status"]["address"]["url"] == "http://iris-predictor.demo.svc.cluster.local"
    part = isvc["status"]["components"]["predictor"]
    assert part["latestCreatedRevision"] == "1"
    assert "traffic" not in part
    assert not [c for c in isvc["status"]["conditions"] if c["type"] == "PredictorRouteReady"]
    (backend,) = serving.gateway.endpoints["demo/iris"].backends
    assert (backend.name, backend.addresses) == (NAME, ("unix:/run/net/10.88.1.2-8080",))


async def test_the_artifact_is_named_by_its_key_for_a_deployment_s_pods(serving: Serving) -> None:
    await ready(serving)
    template = (await one(serving, "deployments.apps"))["spec"]["template"]
    notes = template["metadata"]["annotations"]
    assert json.loads(notes["pinnace.dev/artifact"]) == [{"key": "models/a", "path": "/mnt/models"}]
    assert "pinnace.dev/staging" not in notes
    assert "pinnace.dev/sockets" not in notes, "it listens on its port: a Service leads there"


async def test_the_autoscaler_s_number_of_replicas_stays(serving: Serving) -> None:
    await ready(serving)
    deployment = await one(serving, "deployments.apps")
    scaled = {**deployment, "spec": {**deployment["spec"], "replicas": 3}}
    await serving.local.update(serving.kind("deployments.apps"), scaled, "demo")
    await serving.model("b", annotations=STANDARD)
    await serving.turn()
    assert (await one(serving, "deployments.apps"))["spec"]["replicas"] == 3


async def test_without_an_autoscaler_the_replicas_are_the_manifest_s(serving: Serving) -> None:
    none = {"serving.kserve.io/autoscalerClass": "none"}
    await ready(serving, minReplicas=3, notes=none)
    assert (await one(serving, "deployments.apps"))["spec"]["replicas"] == 3
    assert await all_of(serving, "horizontalpodautoscalers.autoscaling") == []


async def test_what_somebody_changes_or_deletes_comes_back(serving: Serving) -> None:
    await ready(serving)
    await serving.local.delete(serving.kind("services"), NAME, "demo")
    await serving.turn()
    assert await all_of(serving, "services") == [NAME]


async def test_a_service_of_that_name_that_is_another_s_is_why_it_is_not_ready(serving: Serving) -> None:
    other = {"metadata": {"name": NAME}, "spec": {"ports": [{"port": 80}]}}
    await serving.local.create(serving.kind("services"), other, "demo")
    serving.controller._doors = lambda: "/run/net"
    await serving.model("a", annotations=STANDARD)
    await serving.turn()
    state, reason = condition(await serving.get(), "Ready")
    assert (state, reason) == ("False", "InvalidPredictorSpec")


async def test_stop_takes_everything_away(serving: Serving) -> None:
    await ready(serving)
    await serving.model("a", annotations={**STANDARD, "serving.kserve.io/stop": "true"})
    await serving.turn()
    assert await all_of(serving, "deployments.apps") == []
    assert await all_of(serving, "services") == []
    assert condition(await serving.get(), "Stopped") == ("True", "Stopped")
    assert "demo/iris" not in serving.gateway.endpoints


async def test_the_mode_names_what_it_ignores(serving: Serving) -> None:
    await ready(serving, canaryTrafficPercent=10)
    ignored = [message for reason, message in serving.told.events if reason == "FieldIgnored"]
    assert ignored[0].startswith("spec.predictor.canaryTrafficPercent has no effect: ")
    assert condition(await serving.get(), "FieldsIgnored")[0] == "True"
