"""KFServing's form of 2019: default, canary, percentage, each brought about in today's form."""

from __future__ import annotations

import pytest

from pinnace.controllers.controller import Key
from pinnace.controllers.serving.older import OlderServices
from pinnace.kinds.advice import advice
from pinnace.kinds.resource import Obj
from pinnace.kinds.serving_older import HALFWAY, LATER, OLDER, components
from pinnace.objects.client import Options
from tests.serving.conftest import Serving, traffic

pytestmark = pytest.mark.anyio


def model(letter: str) -> Obj:
    return {"predictor": {"sklearn": {"storageUri": f"s3://artifacts/models/{letter}"}}}


async def apply(serving: Serving, **spec: object) -> None:
    obj = {"apiVersion": OLDER.api_version, "kind": OLDER.kind, "metadata": {"name": "iris"}, "spec": spec}
    await serving.local.apply(OLDER, "iris", "demo", obj, Options(field_manager="kubectl", force=True))
    older = OlderServices(serving.local)
    for _ in range(4):
        await older.reconcile(Key("demo", "iris"))
        await serving.settle()
    await older.reconcile(Key("demo", "iris"))


async def test_default_is_served_then_canary_gets_its_share_then_goes(serving: Serving) -> None:
    await apply(serving, default=model("a"))
    assert serving.shares() == {"iris-predictor-00001": 100}
    await apply(serving, default=model("a"), canary=model("b"), canaryTrafficPercent=20)
    assert traffic(await serving.get()) == [("2", 20, ""), ("1", 80, "prev")]
    status = (await serving.local.get(OLDER, "iris", "demo"))["status"]
    assert (status["traffic"], status["canaryTraffic"]) == (80, 20)
    assert status["url"] == "http://iris.demo.localhost:8081"
    await apply(serving, default=model("b"))
    assert traffic(await serving.get())[0][1] == 100
    uri = (await serving.get())["spec"]["predictor"]["model"]["storageUri"]
    assert uri == "s3://artifacts/models/b"


async def test_both_at_once_come_one_after_the_other(serving: Serving) -> None:
    await apply(serving, default=model("a"), canary=model("b"), canaryTrafficPercent=10)
    assert traffic(await serving.get()) == [("2", 10, ""), ("1", 90, "prev")]


async def test_todays_words_under_the_old_group(serving: Serving) -> None:
    meta = {"name": "iris"}
    obj = {"apiVersion": LATER.api_version, "kind": LATER.kind, "metadata": meta, "spec": model("a")}
    await serving.local.create(LATER, obj, "demo")
    older = OlderServices(serving.local)
    await older.reconcile(Key("demo", "iris"))
    await serving.settle()
    await older.reconcile(Key("demo", "iris"))
    assert serving.shares() == {"iris-predictor-00001": 100}
    status = (await serving.local.get(LATER, "iris", "demo"))["status"]
    assert status["url"] == "http://iris.demo.localhost:8081"


def test_batches_and_events_are_asked_for_in_the_same_words() -> None:
    old = {"predictor": {"sklearn": {}, "batcher": {"maxBatchSize": 4}, "logger": {"url": "http://a"}}}
    assert components(old)["predictor"] == old["predictor"]


def test_a_batchers_numbers_were_texts() -> None:
    old = {"predictor": {"batcher": {"maxBatchSize": "32", "maxLatency": "1.0", "timeout": "soon"}}}
    assert components(old)["predictor"]["batcher"] == {"maxBatchSize": 32, "maxLatency": 1, "timeout": "soon"}


async def test_what_todays_rules_refuse_is_said_in_its_status(serving: Serving) -> None:
    wrong = {**model("a")["predictor"], "batcher": {"maxBatchSize": "many"}}
    meta, spec = {"name": "iris"}, {"default": {"predictor": wrong}}
    obj = {"apiVersion": OLDER.api_version, "kind": OLDER.kind, "metadata": meta, "spec": spec}
    await serving.local.create(OLDER, obj, "demo")
    await OlderServices(serving.local).reconcile(Key("demo", "iris"))
    (told,) = (await serving.local.get(OLDER, "iris", "demo"))["status"]["conditions"]
    assert (told["type"], told["status"]) == ("Ready", "False")
    assert "spec.predictor.batcher.maxBatchSize" in told["message"]
    found = await serving.local.get(OLDER, "iris", "demo")
    await serving.local.update(OLDER, {**found, "spec": {"default": model("a")}}, "demo")
    await OlderServices(serving.local).reconcile(Key("demo", "iris"))
    await serving.settle()
    assert serving.shares() == {"iris-predictor-00001": 100}


def test_its_words_are_today_s_and_it_is_said() -> None:
    old = {"predictor": {"custom": {"container": {"image": "a"}}, "parallelism": 2}}
    assert components(old) == {"predictor": {"containers": [{"image": "a"}], "containerConcurrency": 2}}
    (warning,) = advice(OLDER, {"metadata": {"name": "a"}, "spec": {}})
    assert "serving.kserve.io/v1beta1" in warning


async def test_the_old_form_under_todays_group_is_stored_as_todays(serving: Serving) -> None:
    spec = {"default": {**model("a"), "predictor": {**model("a")["predictor"], "parallelism": 1}}}
    obj = {"apiVersion": HALFWAY.api_version, "kind": "InferenceService", "metadata": {"name": "iris"},
           "spec": spec}
    await serving.local.create(HALFWAY, obj, "demo", Options(field_validation="Strict"))
    isvc = await serving.get()
    assert isvc["apiVersion"] == "serving.kserve.io/v1beta1"
    assert isvc["spec"]["predictor"]["model"]["modelFormat"] == {"name": "sklearn"}
    assert isvc["spec"]["predictor"]["containerConcurrency"] == 1
    (warning,) = advice(HALFWAY, {"metadata": {}, "spec": {"canary": {}}})
    assert "v1beta1" in warning
    assert "canaryTrafficPercent" in warning
