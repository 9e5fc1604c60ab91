"""The Services by which pods find what is served, and gRPC's way through the gateway's picture."""

from __future__ import annotations

import pytest

from pinnace.controllers.serving.names import INGRESS, ISTIO, LOCAL, WITHIN, gateways
from pinnace.gateway.interface import Route
from pinnace.objects.client import Selection
from tests.serving.conftest import Serving
from tests.serving.test_components import apply, custom

pytestmark = pytest.mark.anyio


async def aliases(serving: Serving) -> dict[str, str]:
    page = await serving.local.list(serving.kind("services"), "demo", Selection())
    return {each["metadata"]["name"]: each["spec"].get("externalName", "") for each in page.items}


async def test_each_component_and_the_service_itself_have_a_name_inside(serving: Serving) -> None:
    await apply(serving, transformer=custom())
    await serving.settle()
    assert await aliases(serving) == dict.fromkeys(("iris", "iris-predictor", "iris-transformer"), WITHIN)
    await apply(serving)
    await serving.settle()
    assert sorted(await aliases(serving)) == ["iris", "iris-predictor"]


async def test_a_service_of_somebody_else_keeps_its_name(serving: Serving) -> None:
    own = {"metadata": {"name": "iris"}, "spec": {"ports": [{"port": 1}]}}
    await serving.local.create(serving.kind("services"), own, "demo")
    await apply(serving)
    await serving.settle()
    assert (await aliases(serving))["iris"] == ""


async def test_the_gateway_is_found_where_upstream_s_pages_look_for_it(serving: Serving) -> None:
    await apply(serving)
    await serving.settle()
    found = await serving.local.get(serving.kind("services"), INGRESS, ISTIO)
    assert found["status"]["loadBalancer"]["ingress"][0]["ip"] == "127.0.0.1"
    ports = {each["name"]: (each["port"], each["targetPort"]) for each in found["spec"]["ports"]}
    assert ports == {"http2": (8081, 8081), "http": (80, 8081)}
    assert all("nodePort" not in each for each in found["spec"]["ports"])
    keeper = await serving.local.get(serving.kind("deployments.apps"), INGRESS, ISTIO)
    assert keeper["spec"]["template"]["spec"]["hostNetwork"]
    assert keeper["spec"]["selector"]["matchLabels"].items() <= found["spec"]["selector"].items()


async def test_another_port_of_the_gateway_is_told(serving: Serving) -> None:
    await apply(serving)
    await serving.settle()
    await serving.controller._names._gateway(9000)
    found = await serving.local.get(serving.kind("services"), INGRESS, ISTIO)
    assert [each["port"] for each in found["spec"]["ports"]] == [9000, 80]


def test_a_gateway_at_port_80_has_it_once() -> None:
    outer, inner = gateways(80)
    assert [each["port"] for each in outer["spec"]["ports"]] == [80]
    assert inner["metadata"]["name"] == LOCAL


async def test_grpc_goes_to_its_own_port_where_there_is_one(serving: Serving) -> None:
    serving.controller._doors = lambda: "/run/net"
    two = [{"name": "http1", "containerPort": 8080}, {"name": "h2c", "containerPort": 8081}]
    own = custom()
    own["containers"][0]["ports"] = two
    await serving.apply(own)
    await serving.turn()
    for pod in await serving.pods():
        await serving.set_pod(pod, "True", {"running": {}})
        status = {**(await serving.pods())[0]["status"], "podIP": "10.88.1.9"}
        await serving.local.patch(
            serving.kind("pods"), pod["metadata"]["name"], "demo", {"status": status}, "merge",
        )
    await serving.turn()
    endpoint = serving.gateway.endpoints["demo/iris"]
    plain, grpc = endpoint.backends
    assert (grpc.name, grpc.h2) == (f"{plain.name}-grpc", True)
    routes: list[Route] = [each for each in endpoint.routes if "GRPCInferenceService" in each.path]
    assert {split.backend for each in routes for split in each.splits} == {grpc.name}
    assert "iris.demo.localhost" in routes[0].hosts
