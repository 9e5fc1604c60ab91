"""TrainedModels: the models of a service that begins without one; and a model out of several places."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pinnace.kinds.resource import Obj
from pinnace.kinds.serving import TRAINED_MODEL
from tests.serving.conftest import Serving

pytestmark = pytest.mark.anyio
EMPTY = {"model": {"modelFormat": {"name": "sklearn"}}}


async def train(serving: Serving, name: str, uri: str, framework: str = "sklearn") -> None:
    model = {"framework": framework, "storageUri": uri, "memory": "100Mi"}
    obj = {
        "apiVersion": TRAINED_MODEL.api_version, "kind": TRAINED_MODEL.kind, "metadata": {"name": name},
        "spec": {"inferenceService": "iris", "model": model},
    }
    await serving.local.create(TRAINED_MODEL, obj, "demo")


async def get(serving: Serving, name: str) -> Obj:
    return await serving.local.get(TRAINED_MODEL, name, "demo")


def verdicts(obj: Obj) -> dict[str, str]:
    return {each["type"]: each["status"] for each in obj["status"]["conditions"]}


async def staged(serving: Serving) -> Any:
    (pod,) = [each for each in await serving.pods() if not each["metadata"].get("deletionTimestamp")]
    return json.loads(pod["metadata"]["annotations"]["pinnace.dev/staging"])["inputs"]


async def test_each_lies_in_a_folder_of_its_name_and_says_where_it_is_asked(serving: Serving) -> None:
    await serving.apply(EMPTY)
    await serving.settle()
    await train(serving, "a", "s3://artifacts/models/a")
    await train(serving, "b", "s3://artifacts/models/b")
    isvc = await serving.settle()
    paths = [each["path"] for each in await staged(serving)]
    assert paths == ["/mnt/models/a", "/mnt/models/b"]
    model = await get(serving, "b")
    assert set(verdicts(model).values()) == {"True"}
    assert model["status"]["url"] == f"{isvc['status']['url']}/v1/models/b:predict"
    assert model["metadata"]["ownerReferences"][0]["name"] == "iris"


async def test_one_that_goes_is_gone_from_the_next_revision(serving: Serving) -> None:
    await serving.apply(EMPTY)
    await train(serving, "a", "s3://artifacts/models/a")
    await train(serving, "b", "s3://artifacts/models/b")
    await serving.settle()
    await serving.local.delete(TRAINED_MODEL, "a", "demo")
    await serving.settle()
    assert [each["path"] for each in await staged(serving)] == ["/mnt/models/b"]


async def test_fetched_models_have_an_initializer_each(serving: Serving) -> None:
    await serving.apply(EMPTY)
    await train(serving, "a", "gs://bucket/a")
    await train(serving, "b", "https://example.com/b.joblib")
    await serving.settle()
    (pod,) = await serving.pods()
    init = pod["spec"]["initContainers"]
    assert [each["args"] for each in init] == [
        ["gs://bucket/a", "/mnt/models"], ["https://example.com/b.joblib", "/mnt/models"],
    ]
    mounts = pod["spec"]["containers"][0]["volumeMounts"]
    assert [each["mountPath"] for each in mounts] == ["/mnt/models/a", "/mnt/models/b"]
    assert init[1]["volumeMounts"][0]["name"] == mounts[1]["name"]


async def test_a_framework_that_the_server_has_not_and_a_model_of_its_own_say_so(serving: Serving) -> None:
    await serving.apply(EMPTY)
    await train(serving, "a", "s3://artifacts/models/a", "xgboost")
    await serving.settle()
    assert verdicts(await get(serving, "a"))["FrameworkSupported"] == "False"
    await serving.model("b")
    await serving.settle()
    assert verdicts(await get(serving, "a"))["IsMMSPredictor"] == "False"
    assert [each["path"] for each in await staged(serving)] == ["/mnt/models"]


async def test_storage_uris_lie_where_they_say(serving: Serving) -> None:
    model = {"modelFormat": {"name": "sklearn"}}
    uris = [{"uri": "s3://artifacts/models/a", "mountPath": "/mnt/models/base"},
            {"uri": "s3://artifacts/models/b", "mountPath": "/mnt/models/more"}]
    await serving.apply({"model": model, "storageUris": uris})
    await serving.settle()
    assert [each["path"] for each in await staged(serving)] == ["/mnt/models/base", "/mnt/models/more"]
