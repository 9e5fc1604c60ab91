"""InferenceServices and the Model Registry: entered by labels, read by `model-registry://`."""

from __future__ import annotations

import pytest

from pinnace.controllers.serving import registered
from pinnace.controllers.serving.planning import Planner
from pinnace.controllers.serving.registered import MODEL_LABEL, SERVICE_LABEL, VERSION_LABEL
from pinnace.controllers.serving.selection import Problem
from pinnace.kinds.serving import INFERENCE_SERVICE
from pinnace.objects.registry import versions
from pinnace.objects.registry.records import ENVIRONMENT, MODEL, SERVICE, Record, Registry
from tests.serving.conftest import Serving

pytestmark = pytest.mark.anyio


async def filled(registry: Registry, *names: str) -> tuple[Record, list[Record]]:
    """A model `iris` with a version of each name, at `s3://artifacts/models/<letter>`."""
    made = []
    async with registry.writing() as turn:
        model = turn.add(MODEL, {"name": "iris"})
    for letter, name in zip("abcd", names, strict=False):
        async with registry.writing() as turn:
            made.append(versions.add(turn, registry.get(MODEL, model["id"]), {"name": name}))
            place = {"artifactType": "model-artifact", "uri": f"s3://artifacts/models/{letter}"}
            versions.attach(turn, made[-1], place)
    return model, made


async def label(serving: Serving, **labels: str) -> None:
    found = await serving.get()
    meta = {**found["metadata"], "labels": labels}
    await serving.local.update(INFERENCE_SERVICE, {**found, "metadata": meta}, "demo")


async def test_a_labelled_service_is_entered_followed_and_left(serving: Serving) -> None:
    registry = Registry(serving.store)
    model, (first, second) = await filled(registry, "v1", "v2")
    await serving.model("a")
    await serving.settle()
    await label(serving, **{MODEL_LABEL: str(model["id"]), VERSION_LABEL: str(first["id"])})
    entering = registered.RegisteredServices(serving.local, lambda: registry, serving.told)
    for _ in range(3):
        await entering.reconcile(serving.key)
    (record,) = registry.where(SERVICE)
    isvc = await serving.get()
    assert isvc["metadata"]["labels"][SERVICE_LABEL] == str(record["id"])
    assert (record["registeredModelId"], record["modelVersionId"]) == (model["id"], first["id"])
    assert (record["desiredState"], record["runtime"]) == ("DEPLOYED", "kserve-sklearnserver")
    assert record["externalId"] == isvc["metadata"]["uid"]
    assert record["customProperties"]["url"]["string_value"] == "http://iris.demo.localhost:8081"
    assert registry.get(ENVIRONMENT, record["servingEnvironmentId"])["name"] == "demo"
    await label(serving, **{**isvc["metadata"]["labels"], VERSION_LABEL: str(second["id"])})
    await entering.reconcile(serving.key)
    assert registry.get(SERVICE, record["id"])["modelVersionId"] == second["id"]
    await serving.local.delete(INFERENCE_SERVICE, "iris", "demo")
    await entering.reconcile(serving.key)
    assert registry.get(SERVICE, record["id"])["desiredState"] == "UNDEPLOYED"
    assert registered.FINALIZER not in (await serving.get())["metadata"]["finalizers"]


async def test_a_model_that_is_not_there_is_said_and_nothing_is_entered(serving: Serving) -> None:
    registry = Registry(serving.store)
    await serving.model("a")
    await label(serving, **{MODEL_LABEL: "7"})
    entering = registered.RegisteredServices(serving.local, lambda: registry, serving.told)
    await entering.reconcile(serving.key)
    assert not registry.where(SERVICE)
    assert any("RegisteredModel" in message for _, message in serving.told.events)


async def test_the_registry_says_where_a_model_lies(serving: Serving) -> None:
    registry = Registry(serving.store)
    await filled(registry, "v1", "v2")
    serving.controller._planner = Planner(
        serving.local, lambda ns, key: serving.artifacts.get((ns, key)), serving.home / "volumes",
        lambda: registry,
    )
    uri = "model-registry://iris/v1"
    await serving.apply({"model": {"modelFormat": {"name": "sklearn"}, "storageUri": uri}})
    await serving.settle()
    (pod,) = await serving.pods()
    assert "a" * 64 in pod["metadata"]["annotations"]["pinnace.dev/staging"]


async def test_names_versions_and_hosts(serving: Serving) -> None:
    registry = Registry(serving.store)
    await filled(registry, "v1", "v2")
    within = "model-registry-service.kubeflow:8080/iris/v1"
    for uri, letter in (("iris/v1", "a"), ("iris", "b"), (within, "a")):
        found = registered.storage_uri(registry, f"model-registry://{uri}")
        assert found == f"s3://artifacts/models/{letter}"
    for uri, words in (("roses/v1", "no model of that name"), ("iris/v9", "v1, v2"), ("", "no model")):
        with pytest.raises(Problem, match=words):
            registered.storage_uri(registry, f"model-registry://{uri}")
