"""`spec.canary` of Standard mode: variants beside the predictor, their shares, promotion."""

from __future__ import annotations

from typing import Any

import pytest

from pinnace.kinds import serving as kinds
from pinnace.kinds.resource import Obj
from tests.serving.conftest import Serving, condition
from tests.serving.test_standard import NAME, all_of, one, play, ready

pytestmark = pytest.mark.anyio
NEXT = "iris-next-predictor"


def canary(percent: int, name: str = "next", **more: Any) -> Obj:
    model = {"storageUri": "s3://artifacts/models/b"}
    return {"trafficPercent": percent, "predictor": {"name": name, "model": model, **more}}


async def apply(serving: Serving, letter: str, *canaries: Obj, **predictor: Any) -> None:
    model = {"modelFormat": {"name": "sklearn"}, "storageUri": f"s3://artifacts/models/{letter}"}
    found = await serving.get()
    spec: Obj = {"predictor": {"model": model, **predictor}}
    if canaries:
        spec["canary"] = list(canaries)
    await serving.local.update(kinds.INFERENCE_SERVICE, {**found, "spec": spec}, "demo")
    await serving.turn()


async def test_a_canary_gets_its_share_once_it_is_ready(serving: Serving) -> None:
    await ready(serving, minReplicas=4)
    await apply(serving, "a", canary(20), minReplicas=4)
    isvc = await serving.get()
    assert condition(isvc, "CanaryPredictorReady") == ("False", "CanariesNotReady")
    assert condition(isvc, "Ready")[0] == "True", "the stable one serves on"
    assert serving.shares() == {NAME: 100}
    made = await one(serving, "deployments.apps", NEXT)
    assert made["spec"]["replicas"] == 1, "a fifth of four"
    assert made["spec"]["template"]["metadata"]["labels"]["component"] == "predictor"
    await play(serving, "10.88.1.3", NEXT)
    await serving.turn()
    await serving.turn()
    isvc = await serving.get()
    assert condition(isvc, "CanaryPredictorReady") == ("True", "AllCanariesReady")
    (entry,) = isvc["status"]["canaryStatuses"]
    assert (entry["name"], entry["ready"], entry["trafficPercent"]) == ("next", True, 20)
    assert entry["modelStatus"]["transitionStatus"] == "UpToDate"
    assert serving.shares() == {NAME: 80, NEXT: 20}
    scaler = await one(serving, "horizontalpodautoscalers.autoscaling")
    assert scaler["spec"]["minReplicas"] == 3, "the canary carries one of four"
    assert await all_of(serving, "horizontalpodautoscalers.autoscaling") == [NAME]


async def test_promotion_makes_the_canarys_deployment_the_stable_one(serving: Serving) -> None:
    await ready(serving)
    await apply(serving, "a", canary(50))
    await play(serving, "10.88.1.3", NEXT)
    await serving.turn()
    await serving.turn()
    before = await one(serving, "deployments.apps", NEXT)
    await apply(serving, "b", name="next")
    after = await one(serving, "deployments.apps", NEXT)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"]["template"] == before["spec"]["template"], "nothing is started anew"
    assert await all_of(serving, "deployments.apps") == [NEXT]
    assert serving.shares() == {NEXT: 100}
    assert "canaryStatuses" not in (await serving.get())["status"]


async def test_a_canary_that_is_taken_out_goes(serving: Serving) -> None:
    await ready(serving)
    await apply(serving, "a", canary(50))
    await play(serving, "10.88.1.3", NEXT)
    await serving.turn()
    await apply(serving, "a")
    assert serving.shares() == {NAME: 100}
    assert await all_of(serving, "deployments.apps") == [NAME]
    assert await all_of(serving, "services") == [NAME]


@pytest.mark.parametrize(("entries", "words"), [
    ([canary(60), canary(50, "other")], "more than 100 percent"),
    ([canary(10), canary(10)], "or a canary has it"),
    ([canary(10, "")], "a name of its own"), ([canary(101)], "between 0 and 100"),
    ([canary(10, maxReplicas=3)], "canaries do not scale"),
    ([canary(10, minReplicas=3)], "cannot be greater than the stable"),
])
def test_what_kserve_refuses_is_refused(entries: list[Obj], words: str) -> None:
    model = {"modelFormat": {"name": "sklearn"}}
    isvc = {"metadata": {"name": "iris"}, "spec": {"predictor": {"model": model}, "canary": entries}}
    assert any(words in str(each) for each in kinds.check(isvc))


def test_in_knative_mode_it_is_said_what_to_write_instead() -> None:
    isvc = {"metadata": {"name": "iris"}, "spec": {"predictor": {}, "canary": [canary(10)]}}
    (said,) = kinds.ignored(isvc)
    assert said[0] == "spec.canary"
    assert "canaryTrafficPercent" in said[1]
