"""A service through its life: first revision, canary, promotion, rollback, failure, stop, zero, deletion."""

from __future__ import annotations

import json

import pytest

from pinnace.controllers.serving import statistics
from pinnace.gateway.interface import Statistics, StepStatistics
from pinnace.kinds.serving import FINALIZER, INFERENCE_SERVICE
from pinnace.objects.client import Options
from pinnace.objects.errors import StatusError
from tests.serving.conftest import Serving, condition, traffic

pytestmark = pytest.mark.anyio
R1, R2, R3 = (f"iris-predictor-0000{n}" for n in (1, 2, 3))


async def test_a_model_becomes_ready_and_says_where(serving: Serving) -> None:
    await serving.model("a")
    isvc = await serving.settle()
    status = isvc["status"]
    assert condition(isvc, "Ready") == ("True", "")
    assert status["url"] == "http://iris.demo.localhost:8081"
    assert status["address"]["url"] == "http://iris.demo.svc.cluster.local"
    assert status["observedGeneration"] == isvc["metadata"]["generation"]
    assert status["deploymentMode"] == "Knative"
    assert status["clusterServingRuntimeName"] == "kserve-sklearnserver"
    assert status["modelStatus"] == {
        "transitionStatus": "UpToDate", "copies": {"failedCopies": 0, "totalCopies": 1},
        "states": {"activeModelState": "Loaded", "targetModelState": "Loaded"},
    }
    predictor = status["components"]["predictor"]
    assert predictor["url"] == "http://iris-predictor.demo.localhost:8081"
    for field in ("latestCreatedRevision", "latestReadyRevision", "latestRolledoutRevision"):
        assert predictor[field] == R1
    assert predictor["traffic"] == [{"latestRevision": True, "percent": 100, "revisionName": R1}]
    assert serving.told.reasons() == ["InferenceServiceReady"]
    backend = serving.gateway.endpoints["demo/iris"].backends[0]
    assert backend.addresses == (f"unix:/run/{R1}-deployment-0.sock",)
    assert backend.health == "/v1/models/iris"


async def test_the_pod_carries_what_the_node_needs(serving: Serving) -> None:
    await serving.model("a")
    await serving.settle()
    (pod,) = await serving.pods()
    meta, container = pod["metadata"], pod["spec"]["containers"][0]
    assert meta["labels"]["serving.kserve.io/inferenceservice"] == "iris"
    assert meta["labels"]["component"] == "predictor"
    assert meta["ownerReferences"][0]["kind"] == "InferenceService"
    staged = json.loads(meta["annotations"]["pinnace.dev/staging"])
    assert staged["inputs"] == [{"digest": "a" * 64, "name": "model", "path": "/mnt/models"}]
    assert json.loads(meta["annotations"]["pinnace.dev/sockets"]) == {
        "kserve-container": ["/run/pinnace/http.sock"]
    }
    assert container["args"] == ["--model_name=iris", "--model_dir=/mnt/models", "--http_port=8080"]
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    assert env == {"INFERENCE_SERVICE_NAME": "iris", "PINNACE_HTTP_SOCKET": "/run/pinnace/http.sock"}
    assert container["readinessProbe"]["httpGet"]["path"] == "/v1/models/iris"


async def test_status_from_the_first_moment(serving: Serving) -> None:
    await serving.model("a")
    isvc = await serving.settle(healthy=False)
    assert condition(isvc, "Ready")[0] == "Unknown"
    assert isvc["status"]["modelStatus"]["transitionStatus"] == "InProgress"
    assert "url" not in isvc["status"]


async def test_a_canary_is_promoted(serving: Serving) -> None:
    await serving.model("a")
    await serving.settle()
    await serving.model("b", canaryTrafficPercent=10)
    isvc = await serving.settle(healthy=False)
    assert serving.shares() == {R1: 100}, "a revision that is not ready gets nothing"
    assert condition(isvc, "Ready")[0] == "Unknown"
    isvc = await serving.settle()
    assert traffic(isvc) == [("2", 10, ""), ("1", 90, "prev")]
    assert serving.shares() == {R2: 10, R1: 90}
    assert isvc["status"]["components"]["predictor"]["latestRolledoutRevision"] == R1
    prev = isvc["status"]["components"]["predictor"]["traffic"][1]["url"]
    assert prev == "http://prev-iris-predictor.demo.localhost:8081"
    await serving.model("b")
    isvc = await serving.settle()
    assert traffic(isvc) == [("2", 100, "")]
    predictor = isvc["status"]["components"]["predictor"]
    assert (predictor["latestRolledoutRevision"], predictor["previousRolledoutRevision"]) == (R2, R1)
    assert not await serving.pods(R1)


async def test_a_change_of_only_the_percentage_makes_no_revision(serving: Serving) -> None:
    await serving.model("a")
    await serving.settle()
    for percent in (10, 50, 0, 100):
        await serving.model("b", canaryTrafficPercent=percent)
        isvc = await serving.settle()
        assert isvc["status"]["components"]["predictor"]["latestCreatedRevision"] == R2
    assert traffic(isvc) == [("2", 100, "")]


async def test_rollback_leaves_the_new_revision_standing(serving: Serving) -> None:
    await serving.model("a")
    await serving.settle()
    await serving.model("b", canaryTrafficPercent=20)
    await serving.settle()
    await serving.model("b", canaryTrafficPercent=0)
    isvc = await serving.settle()
    assert traffic(isvc) == [("2", 0, ""), ("1", 100, "prev")]
    assert serving.shares() == {R1: 100}
    assert await serving.pods(R2)


async def test_rollback_after_promotion_returns_to_the_one_before(serving: Serving) -> None:
    for letter in "ab":
        await serving.model(letter)
        await serving.settle()
    await serving.model("b", canaryTrafficPercent=0)
    isvc = await serving.settle()
    assert traffic(isvc) == [("2", 0, ""), ("1", 100, "prev")]
    (pod,) = await serving.pods(R1)
    staged = json.loads(pod["metadata"]["annotations"]["pinnace.dev/staging"])
    assert staged["inputs"][0]["digest"] == "a" * 64


async def test_a_second_change_during_a_canary_keeps_the_stable_one(serving: Serving) -> None:
    for letter, percent in (("a", None), ("b", 10), ("c", 30)):
        more = {} if percent is None else {"canaryTrafficPercent": percent}
        await serving.model(letter, **more)
        isvc = await serving.settle()
    assert traffic(isvc) == [("3", 30, ""), ("1", 70, "prev")]
    assert not await serving.pods(R2)
    assert serving.shares() == {R3: 30, R1: 70}


async def test_a_first_revision_has_everything_whatever_the_canary_says(serving: Serving) -> None:
    await serving.model("a", canaryTrafficPercent=10)
    await serving.settle()
    assert serving.shares() == {R1: 100}


async def test_a_failed_load_keeps_the_old_one_and_tells_why(serving: Serving) -> None:
    await serving.model("a")
    await serving.settle()
    await serving.model("b", canaryTrafficPercent=10)
    await serving.turn()
    (pod,) = await serving.pods(R2)
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-01-02T03:04:05Z"}}
    await serving.set_pod(pod, "False", ended)
    isvc = await serving.settle(healthy=False)
    model = isvc["status"]["modelStatus"]
    assert model["transitionStatus"] == "BlockedByFailedLoad"
    assert model["lastFailureInfo"]["exitCode"] == 1
    assert "ValueError: no" in model["lastFailureInfo"]["message"]
    assert condition(isvc, "Ready") == ("False", "RevisionFailed")
    assert condition(isvc, "PredictorConfigurationReady")[0] == "False"
    assert serving.shares() == {R1: 100}
    assert "InferenceServiceNotReady" in serving.told.reasons()


async def test_a_new_controller_goes_on_where_the_last_one_died(serving: Serving) -> None:
    await serving.model("a")
    await serving.settle()
    await serving.model("b", canaryTrafficPercent=10)
    for _ in range(12):
        serving.begin()
        await serving.turn()
        await serving.start_pods()
    isvc = await serving.settle()
    assert traffic(isvc) == [("2", 10, ""), ("1", 90, "prev")]
    assert len(await serving.pods(R1)) == len(await serving.pods(R2)) == 1


async def test_nothing_is_written_when_nothing_changed(serving: Serving) -> None:
    await serving.model("a")
    await serving.settle()
    before = serving.store.rv
    for _ in range(3):
        await serving.turn()
    assert serving.store.rv == before


async def test_weight_waits_for_the_gateways_own_check(serving: Serving) -> None:
    await serving.model("a")
    await serving.settle()
    await serving.model("b")
    await serving.turn()
    await serving.start_pods()
    serving.gateway.healthy.discard(f"demo/{R2}")
    result = await serving.turn()
    assert serving.shares() == {R1: 100}
    assert result.after is not None
    assert result.after < 1
    serving.gateway.healthy.add(f"demo/{R2}")
    await serving.turn()
    assert serving.shares() == {R2: 100}


async def test_pods_of_a_left_revision_stay_until_their_last_answer(serving: Serving) -> None:
    await serving.model("a")
    await serving.settle()
    serving.gateway.statistics[f"demo/{R1}"] = Statistics(active=1)
    await serving.model("b")
    await serving.settle()
    assert serving.shares() == {R2: 100}
    assert await serving.pods(R1)
    serving.gateway.statistics[f"demo/{R1}"] = Statistics(active=0)
    await serving.settle()
    assert not await serving.pods(R1)


async def test_tag_routing_offers_both_revisions_by_host(serving: Serving) -> None:
    tags = {"serving.kserve.io/enable-tag-routing": "true"}
    await serving.model("a", annotations=tags)
    await serving.settle()
    await serving.model("b", canaryTrafficPercent=10, annotations=tags)
    isvc = await serving.settle()
    assert traffic(isvc) == [("2", 10, "latest"), ("1", 90, "prev")]
    routes = {host: route for route in serving.gateway.endpoints["demo/iris"].routes for host in route.hosts}
    assert routes["latest-iris-predictor.demo.localhost"].splits[0].backend == R2
    assert routes["prev-iris-predictor.demo.localhost"].splits[0].backend == R1


async def test_min_replicas_are_kept_and_lost_pods_replaced(serving: Serving) -> None:
    await serving.model("a", minReplicas=3)
    await serving.settle()
    assert len(await serving.pods()) == 3
    pod = (await serving.pods())[1]
    await serving.local.update(
        serving.kind("pods"), {**pod, "status": {"phase": "Failed", "reason": "NodeLost"}}, "demo",
        Options(subresource="status"),
    )
    await serving.settle()
    assert len(await serving.pods()) == 3
    await serving.model("a", minReplicas=1)
    isvc = await serving.settle()
    assert len(await serving.pods()) == 1
    assert isvc["status"]["components"]["predictor"]["latestCreatedRevision"] == R1


async def test_to_zero_when_idle_and_back_when_somebody_waits(serving: Serving) -> None:
    fast = {"autoscaling.knative.dev/window": "6s"}
    await serving.model("a", minReplicas=0, annotations=fast)
    await serving.settle()
    assert await serving.pods(), "it must have been ready once"
    serving.controller._scaler.idle.seconds = lambda name, seen, now: 7.0  # type: ignore[method-assign]
    isvc = await serving.settle()
    assert not await serving.pods()
    assert condition(isvc, "Ready")[0] == "True"
    assert serving.gateway.endpoints["demo/iris"].backends[0].waiting
    serving.gateway.statistics[f"demo/{R1}"] = Statistics(held=2)
    await serving.turn()
    assert len(await serving.pods()) == 1


async def test_stop_ends_the_pods_and_says_so(serving: Serving) -> None:
    await serving.model("a")
    await serving.settle()
    await serving.model("a", annotations={"serving.kserve.io/stop": "true"})
    isvc = await serving.settle()
    assert not await serving.pods()
    assert condition(isvc, "Stopped") == ("True", "Stopped")
    assert condition(isvc, "Ready") == ("False", "Stopped")
    assert serving.gateway.endpoints["demo/iris"].backends[0].reason == "iris is stopped"
    await serving.model("a")
    isvc = await serving.settle()
    assert condition(isvc, "Ready")[0] == "True"
    assert isvc["status"]["components"]["predictor"]["latestCreatedRevision"] == R1


async def test_the_mode_cannot_be_changed_later(serving: Serving) -> None:
    await serving.model("a")
    await serving.settle()
    with pytest.raises(StatusError, match="deploymentMode cannot be changed from 'Knative' to 'Standard'"):
        await serving.model("a", annotations={"serving.kserve.io/deploymentMode": "Standard"})


async def test_deleting_takes_the_routes_before_the_pods(serving: Serving) -> None:
    await serving.model("a")
    await serving.settle()
    serving.gateway.statistics[f"demo/{R1}"] = Statistics(active=1)
    await serving.local.delete(INFERENCE_SERVICE, "iris", "demo")
    assert (await serving.turn()).after is not None
    assert "demo/iris" not in serving.gateway.endpoints
    assert FINALIZER in (await serving.get())["metadata"]["finalizers"]
    serving.gateway.statistics.clear()
    await serving.turn()
    with pytest.raises(StatusError, match="not found"):
        await serving.get()
    await serving.turn()


async def test_endpoints_as_the_console_reads_them(serving: Serving) -> None:
    await serving.model("a")
    await serving.settle()
    await serving.model("b", canaryTrafficPercent=10)
    isvc = await serving.settle()
    stats = {f"demo/{R1}": Statistics(requests=90, healthy=1, p50=2.0), f"demo/{R2}": Statistics(requests=10)}
    (item,) = statistics.document([isvc], stats)["items"]
    assert (item["name"], item["namespace"], item["ready"]) == ("iris", "demo", True)
    assert item["url"] == "http://iris.demo.localhost:8081"
    seen = [(r["name"], r["weight"], r["requests"], r["ready"]) for r in item["revisions"]]
    assert seen == [(R2, 10, 10, False), (R1, 90, 90, True)]


def test_graphs_as_the_console_reads_them() -> None:
    meta = {"namespace": "demo", "name": "pets"}
    conditions = [{"type": "Ready", "status": "False", "message": "service a is not ready"}]
    graph = {"metadata": meta, "status": {"conditions": conditions}}
    step = StepStatistics(node="root", index=1, requests=3, errors=1, failure="refused", failed_at=9)
    stats = {"demo/pets": Statistics(requests=2, p95=4.0)}
    (found,) = statistics.document([], stats, [graph], {"demo/pets": [step]})["graphs"]
    assert (found["ready"], found["message"]) == (False, "service a is not ready")
    assert (found["whole"]["requests"], found["whole"]["p95"]) == (2, 4.0)
    one = found["steps"][0]
    assert (one["node"], one["index"], one["requests"], one["errors"]) == ("root", 1, 3, 1)
    assert (one["failure"], one["failedAt"], one["p50"]) == ("refused", 9, None)
