"""The serving act: real test images over HTTP, a canary at 10 %, 1,000 requests, promotion."""

from __future__ import annotations

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from pinnace.cli.demo.stage import Stage
from pinnace.cli.platform import Failure
from pinnace.data.blobs import Blobs

SERVICE = "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices/digits"
CANARY = 10
REQUESTS = 1000
CALLERS = 8
BATCH = 100


def serve(stage: Stage) -> None:
    service = stage.wait("digits to be ready", lambda: ready(stage))
    images, labels = held_out(stage)
    host = urlsplit(service["status"]["url"])
    stage.say(f"POST {service['status']['url']}/v1/models/digits:predict")
    show_accuracy(stage, host.netloc, images, labels)
    canary(stage)
    before = counters(stage)
    ask_many(host.netloc, images[0])
    show_split(stage, before)
    promote(stage)


def ready(stage: Stage) -> Any:
    service = stage.get(SERVICE)
    conditions = service.get("status", {}).get("conditions", [])
    done = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return service if done else None


def held_out(stage: Stage) -> tuple[list[list[float]], list[int]]:
    """The test images that the `load` step set aside, from its artifact."""
    selector = "labelSelector=workflows.argoproj.io%2Fworkflow%3Ddigits"
    for pod in stage.get(f"/api/v1/namespaces/default/pods?{selector}")["items"]:
        outputs = json.loads(pod["metadata"]["annotations"].get("pinnace.dev/outputs", "{}"))
        digest = outputs.get("artifacts", {}).get("images", {}).get("digest")
        if digest:
            folder = Blobs(stage.home.data).path(digest)
            return json.loads((folder / "test_x.json").read_text()), json.loads(
                (folder / "test_y.json").read_text()
            )
    raise Failure("the load step left no images")


def predict(netloc: str, instances: list[list[float]]) -> list[int]:
    where = urlsplit(f"http://{netloc}")
    client = http.client.HTTPConnection("127.0.0.1", where.port or 80, timeout=30)
    try:
        client.request(
            "POST", "/v1/models/digits:predict", json.dumps({"instances": instances}),
            {"Host": netloc, "Content-Type": "application/json"},
        )
        answer = client.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise Failure(f"the gateway answered {answer.status}: {body[:300].decode(errors='replace')}")
        return list(json.loads(body)["predictions"])
    finally:
        client.close()


def show_accuracy(stage: Stage, netloc: str, images: list[list[float]], labels: list[int]) -> None:
    right = 0
    for start in range(0, len(images), BATCH):
        guesses = predict(netloc, images[start : start + BATCH])
        right += sum(g == y for g, y in zip(guesses, labels[start : start + BATCH], strict=True))
    stage.say(f"{right} of {len(images)} held-out images right over HTTP: [bold]{right / len(images):.1%}")


def canary(stage: Stage) -> None:
    """The second-best model as a new revision with a tenth of the traffic."""
    selector = "labelSelector=workflows.argoproj.io%2Fworkflow%3Ddigits"
    nodes = stage.get(f"/apis/pinnace.dev/v1/namespaces/default/workflownodes?{selector}")["items"]
    pick = next(n["status"] for n in nodes if n["status"]["displayName"] == "pick")
    second = next(p["value"] for p in pick["outputs"]["parameters"] if p["name"] == "second")
    stage.say(f"the second-best model, {second}, gets {CANARY} % of the traffic")
    patch = {
        "spec": {"predictor": {
            "canaryTrafficPercent": CANARY,
            "model": {"modelFormat": {"name": "sklearn"}, "storageUri": f"s3://artifacts/digits/{second}"},
        }}
    }
    stage.type("patch", "inferenceservice", "digits", "--type=merge", "-p", json.dumps(patch))
    stage.wait("the canary to take traffic", lambda: len(split(stage)) == 2)
    stage.type("get", "inferenceservice", "digits")


def split(stage: Stage) -> dict[str, int]:
    """Revision → percent, as the status says and the gateway has taken over."""
    service = ready(stage)
    if service is None:
        return {}
    traffic = service["status"]["components"]["predictor"].get("traffic", [])
    return {t["revisionName"]: t["percent"] for t in traffic if t.get("percent")}


def counters(stage: Stage) -> dict[str, int]:
    """Requests a revision has answered, by the gateway's own counters."""
    endpoints = stage.get("/pinnace/v1/endpoints?namespace=default")["items"]
    revisions = next(e["revisions"] for e in endpoints if e["name"] == "digits")
    return {r["name"]: int(r["requests"]) for r in revisions}


def ask_many(netloc: str, image: list[float]) -> None:
    with ThreadPoolExecutor(CALLERS) as pool:
        for _ in pool.map(lambda _: predict(netloc, [image]), range(REQUESTS)):
            pass


def show_split(stage: Stage, before: dict[str, int]) -> None:
    def answered() -> dict[str, int] | None:
        now = {name: n - before.get(name, 0) for name, n in counters(stage).items()}
        return now if sum(now.values()) >= REQUESTS else None

    began = time.monotonic()
    counts = stage.wait("the gateway's counters", answered, patience=15)
    shares = ", ".join(f"{name} answered {n} ({n / REQUESTS:.1%})" for name, n in sorted(counts.items()) if n)
    stage.say(f"{REQUESTS} requests: {shares}   [dim](counters {time.monotonic() - began:.1f} s later)")


def promote(stage: Stage) -> None:
    patch = '[{"op":"remove","path":"/spec/predictor/canaryTrafficPercent"}]'
    stage.type("patch", "inferenceservice", "digits", "--type=json", "-p", patch)
    stage.wait("the promotion", lambda: list(split(stage).values()) == [100])
    stage.type("get", "inferenceservice", "digits")
