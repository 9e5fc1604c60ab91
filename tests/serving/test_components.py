"""Transformer and explainer beside the predictor: routes, arguments, rollouts and status of each."""

from __future__ import annotations

from typing import Any

import pytest

from pinnace.gateway.interface import Route, Statistics
from pinnace.kinds.resource import Obj
from pinnace.kinds.serving import INFERENCE_SERVICE
from pinnace.objects.client import Options
from tests.serving.conftest import Serving, condition

pytestmark = pytest.mark.anyio
P1, T1, T2, X1 = (
    "iris-predictor-00001", "iris-transformer-00001", "iris-transformer-00002", "iris-explainer-00001",
)
MODEL = {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://artifacts/models/a"}}


def custom(version: str = "1", **more: Any) -> Obj:
    return {"containers": [{"name": "c", "image": f"me/mine:{version}", "args": ["--x"]}], **more}


async def apply(serving: Serving, annotations: dict[str, str] | None = None, **components: Obj) -> Obj:
    obj = {
        "apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
        "metadata": {"name": "iris", "annotations": annotations or {}},
        "spec": {"predictor": MODEL, **components},
    }
    options = Options(field_manager="kubectl", force=True)
    return await serving.local.apply(INFERENCE_SERVICE, "iris", "demo", obj, options)


def routes(serving: Serving) -> dict[str, Route]:
    found = serving.gateway.endpoints["demo/iris"].routes
    return {f"{host}{route.path or route.prefix}": route for route in found for host in route.hosts}


def backends(route: Route) -> dict[str, int]:
    return {split.backend: split.percent for split in route.splits}


async def test_requests_come_to_the_transformer_and_explanations_from_the_explainer(serving: Serving) -> None:
    await apply(serving, transformer=custom(), explainer=custom())
    isvc = await serving.settle()
    assert condition(isvc, "Ready") == ("True", "")
    for name in ("TransformerReady", "TransformerConfigurationReady", "TransformerRouteReady",
                 "ExplainerReady", "ExplainerConfigurationReady", "ExplainerRoutesReady"):
        assert condition(isvc, name) == ("True", "")
    found = routes(serving)
    assert backends(found["iris.demo.localhost/"]) == {T1: 100}
    assert backends(found[r"iris.demo.localhost/v1/models/[\w-]+:explain"]) == {X1: 100}
    assert backends(found["iris-predictor.demo.svc.cluster.local/"]) == {P1: 100}
    assert backends(found["iris-explainer.demo/"]) == {X1: 100}
    assert backends(found["localhost/serving/demo/iris-predictor/"]) == {P1: 100}
    parts = isvc["status"]["components"]
    assert {name: part["url"] for name, part in parts.items()} == {
        name: f"http://iris-{name}.demo.localhost:8081" for name in ("predictor", "transformer", "explainer")
    }


async def test_they_are_told_whom_they_serve_and_where_the_predictor_is(serving: Serving) -> None:
    await apply(serving, transformer=custom(containerConcurrency=2))
    await serving.settle()
    (pod,) = await serving.pods(T1)
    args = pod["spec"]["containers"][0]["args"]
    port = pod["metadata"]["annotations"]["pinnace.dev/port"]
    where = "127.0.0.1:8081/serving/demo/iris-predictor"
    assert args == ["--x", "--model_name", "iris", "--predictor_host", where, "--http_port", port,
                    "--workers", "2"]
    assert pod["spec"]["containers"][0]["readinessProbe"]["tcpSocket"] == {"port": int(port)}
    assert pod["metadata"]["labels"]["component"] == "transformer"
    backend = next(b for b in serving.gateway.endpoints["demo/iris"].backends if b.name == T1)
    assert backend.addresses == (f"127.0.0.1:{port}",)


async def test_with_networks_of_their_own_they_are_told_what_a_cluster_tells(serving: Serving) -> None:
    serving.controller._doors = lambda: "/run/net"
    await apply(serving, transformer=custom())
    await serving.settle()
    (pod,) = await serving.pods(T1)
    assert pod["spec"]["containers"][0]["args"][2:] == [
        "iris", "--predictor_host", "iris-predictor.demo", "--http_port", "8080",
    ]
    assert pod["spec"]["containers"][0]["ports"] == [{"containerPort": 8080, "protocol": "TCP"}]


async def test_what_the_manifest_says_is_not_said_again(serving: Serving) -> None:
    transformer = custom()
    transformer["containers"][0]["args"] = ["--predictor_host=elsewhere:1", "--http_port", "9999"]
    await apply(serving, transformer=transformer)
    await serving.settle()
    (pod,) = await serving.pods(T1)
    args = pod["spec"]["containers"][0]["args"]
    assert args[0] == "--predictor_host=elsewhere:1"
    assert "--predictor_host" not in args
    assert args.count("--http_port") == 1


async def test_each_component_has_a_canary_of_its_own(serving: Serving) -> None:
    await apply(serving, transformer=custom())
    await serving.settle()
    await apply(serving, transformer=custom("2", canaryTrafficPercent=10))
    isvc = await serving.settle()
    assert backends(routes(serving)["iris.demo.localhost/"]) == {T2: 10, T1: 90}
    assert backends(routes(serving)["iris-predictor.demo.localhost/"]) == {P1: 100}
    await apply(serving, transformer=custom("2", canaryTrafficPercent=0))
    await serving.settle()
    assert backends(routes(serving)["iris.demo.localhost/"]) == {T1: 100}
    await apply(serving, transformer=custom("2"))
    isvc = await serving.settle()
    assert backends(routes(serving)["iris.demo.localhost/"]) == {T2: 100}
    part = isvc["status"]["components"]["transformer"]
    assert (part["latestRolledoutRevision"], part["previousRolledoutRevision"]) == (T2, T1)


async def test_a_transformer_that_does_not_start_is_why_the_service_is_not_ready(serving: Serving) -> None:
    await apply(serving, transformer=custom())
    await serving.turn()
    for pod in await serving.pods(T1):
        await serving.set_pod(pod, "False", {"terminated": {"exitCode": 3, "reason": "Error"}})
    for pod in await serving.pods(P1):
        await serving.set_pod(pod, "True", {"running": {}}, "/run/p.sock")
    serving.gateway.healthy.add(f"demo/{P1}")
    await serving.turn()
    isvc = await serving.get()
    assert condition(isvc, "PredictorReady") == ("True", "")
    assert condition(isvc, "TransformerReady") == ("False", "RevisionFailed")
    assert condition(isvc, "IngressReady")[1] == "Transformer ingress not created"
    assert condition(isvc, "Ready")[0] != "True"
    assert "url" not in isvc["status"]


async def test_each_goes_to_zero_and_comes_back_by_itself(serving: Serving) -> None:
    await apply(serving, transformer=custom(minReplicas=0))
    await serving.settle()
    serving.controller._scaler.idle.seconds = lambda name, seen, now: 99.0  # type: ignore[method-assign]
    isvc = await serving.settle()
    assert not await serving.pods(T1)
    assert await serving.pods(P1)
    assert condition(isvc, "Ready") == ("True", "")
    serving.gateway.statistics[f"demo/{T1}"] = Statistics(held=1)
    await serving.turn()
    assert await serving.pods(T1)


async def test_a_component_that_is_taken_out_goes(serving: Serving) -> None:
    await apply(serving, transformer=custom(), explainer=custom())
    await serving.settle()
    await apply(serving, explainer=custom())
    isvc = await serving.settle()
    assert not await serving.pods(T1)
    assert backends(routes(serving)["iris.demo.localhost/"]) == {P1: 100}
    assert sorted(isvc["status"]["components"]) == ["explainer", "predictor"]
    assert not [c for c in isvc["status"]["conditions"] if c["type"].startswith("Transformer")]
