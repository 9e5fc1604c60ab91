"""Upstream's first pages as they are written: a first InferenceService, V2, a canary, a graph, Standard mode.

The bucket of those pages is reached from nowhere in a test: the store of the conformance run stands in for
it, told to the platform by a ClusterStorageContainer.
"""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from scripts.conformance import kserve as conformance
from tests.e2e.platform import Platform, eventually

STORE = Path(conformance.__file__).parent
IRIS = {"instances": [[6.8, 2.8, 4.8, 1.4], [6.0, 3.4, 4.5, 1.6]]}
URI = "gs://kfserving-examples/models/sklearn/1.0/model"
PREDICT = "/v1/models/sklearn-iris:predict"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    found = Platform(tmp_path_factory.mktemp("first"))
    try:
        found.up()
        fill(found)
        yield found
    finally:
        found.down()


def fill(platform: Platform) -> None:
    """The store, with scikit-learn's models alone."""
    documents = list(yaml.safe_load_all((STORE / "kserve_store.yaml").read_text()))
    workflow = next(each for each in documents if each["kind"] == "Workflow")
    every = workflow["spec"]["templates"][0]
    every["steps"] = every["steps"][:1]
    platform.kubectl("create", "namespace", "stand-in")
    files = [f"--from-file={STORE / name}" for name in ("kserve_store.py", "kserve_models.py")]
    platform.kubectl("create", "configmap", "code", "-n", "stand-in", *files)
    platform.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(documents))

    def trained() -> bool:
        status = platform.get("workflow", "train", "-n", "stand-in").get("status") or {}
        assert status.get("phase") not in ("Failed", "Error"), status
        return bool(status.get("phase") == "Succeeded")

    eventually(trained, "the models of the store", 400)
    platform.kubectl("rollout", "status", "deployment/store", "-n", "stand-in", "--timeout=100s")


def service(name: str = "sklearn-iris", **more: Any) -> str:
    notes = more.pop("annotations", {})
    model = {"modelFormat": {"name": "sklearn"}, "storageUri": URI, **more.pop("model", {})}
    return json.dumps({
        "apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
        "metadata": {"name": name, "annotations": notes}, "spec": {"predictor": {"model": model, **more}},
    })


def url(platform: Platform, name: str, kind: str = "isvc") -> str:
    def ready() -> str:
        status = platform.get(kind, name).get("status") or {}
        said = {each["type"]: each["status"] for each in status.get("conditions") or ()}
        return str(status.get("url") or "") if said.get("Ready") == "True" else ""

    return str(eventually(ready, f"{name} to be ready", 300))


def ask(host: str, port: int | str, path: str, body: Any) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(),
        {"Host": host, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@contextmanager
def forwarded(platform: Platform, *words: str) -> Iterator[int]:
    """`kubectl port-forward` to a port that kubectl chooses."""
    env = {**os.environ, "KUBECONFIG": str(platform.home.kubeconfig)}
    with subprocess.Popen(
        ["kubectl", "port-forward", *words], env=env, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        line = running.stdout.readline()
        try:
            yield int(line.split("127.0.0.1:")[1].split()[0])
        finally:
            running.terminate()


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_the_first_inference_service_by_the_ways_that_its_page_names(platform: Platform) -> None:
    platform.kubectl("apply", "-f", "-", text=service())
    url(platform, "sklearn-iris")
    host = platform.kubectl("get", "inferenceservice", "sklearn-iris", "-o", "jsonpath={.status.url}")
    host = urlsplit(host).netloc
    ingress = ["get", "service", "istio-ingressgateway", "-n", "istio-system", "-o"]
    ip = platform.kubectl(*ingress, "jsonpath={.status.loadBalancer.ingress[0].ip}")
    port = platform.kubectl(*ingress, 'jsonpath={.spec.ports[?(@.name=="http2")].port}')
    assert ip == "127.0.0.1"
    assert ask(host, port, PREDICT, IRIS) == {"predictions": [1, 1]}
    selected = ["get", "svc", "-n", "istio-system", "--selector=app=istio-ingressgateway"]
    name = platform.kubectl(*selected, "-o", "jsonpath={.items[0].metadata.name}")
    platform.kubectl("rollout", "status", f"deploy/{name}", "-n", "istio-system", "--timeout=60s")
    with forwarded(platform, "-n", "istio-system", f"svc/{name}", ":80") as local:
        assert ask("sklearn-iris.default.example.com", local, PREDICT, IRIS) == {"predictions": [1, 1]}


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_other_pods_find_it_by_its_names(platform: Platform) -> None:
    platform.kubectl("apply", "-f", "-", text=service())
    url(platform, "sklearn-iris")
    platform.kubectl("apply", "-f", "-", text=service("plain", annotations={
        "serving.kserve.io/deploymentMode": "RawDeployment",
    }))
    url(platform, "plain")
    names = ("http://sklearn-iris.default.svc.cluster.local/v1/models/sklearn-iris",
             "http://sklearn-iris-predictor.default/v1/models/sklearn-iris",
             "http://plain-predictor/v1/models/plain")
    script = "\n".join(f"curl -s -m 20 {name}; echo" for name in names)
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "asker"},
        "spec": {"restartPolicy": "Never", "containers": [
            {"name": "c", "image": "busybox", "command": ["sh", "-c", script]},
        ]},
    }
    platform.kubectl("apply", "-f", "-", text=json.dumps(pod))
    platform.kubectl("wait", "pod/asker", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
    said = platform.kubectl("logs", "asker").split("\n")
    assert [json.loads(line)["ready"] for line in said if line] == [True, True, True]
    label = "serving.kserve.io/inferenceservice=plain"
    objects = platform.kubectl("get", "deploy,svc,hpa", "-l", label, "-o", "name")
    assert objects.split() == [
        "deployment.apps/plain-predictor", "service/plain-predictor",
        "horizontalpodautoscaler.autoscaling/plain-predictor",
    ]


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_a_canary_a_batcher_and_a_graph(platform: Platform) -> None:
    platform.kubectl("apply", "-f", "-", text=service())
    where = urlsplit(url(platform, "sklearn-iris"))
    second = service(canaryTrafficPercent=10, model={"env": [{"name": "A", "value": "1"}]})
    platform.kubectl("apply", "-f", "-", text=second)
    columns = "custom-columns=P:.status.components.predictor.traffic[*].percent"

    def shared() -> bool:
        return "10,90" in platform.kubectl("get", "isvc", "sklearn-iris", "-o", columns)

    eventually(shared, "a tenth for the canary", 100)
    platform.kubectl("apply", "-f", "-", text=service(model={"env": [{"name": "A", "value": "1"}]}))
    batching = service("batched", batcher={"maxBatchSize": 2, "maxLatency": 500})
    platform.kubectl("apply", "-f", "-", text=batching)
    found = urlsplit(url(platform, "batched"))
    said = ask(found.netloc, found.port or 80, "/v1/models/batched:predict", IRIS)
    assert (said["predictions"], bool(said["batchId"])) == ([1, 1], True)
    steps = [{"serviceName": name, "name": name} for name in ("sklearn-iris", "batched")]
    graph = {
        "apiVersion": "serving.kserve.io/v1alpha1", "kind": "InferenceGraph", "metadata": {"name": "both"},
        "spec": {"nodes": {"root": {"routerType": "Ensemble", "steps": steps}}},
    }
    platform.kubectl("apply", "-f", "-", text=json.dumps(graph))
    place = urlsplit(url(platform, "both", "inferencegraph"))
    said = ask(place.netloc, where.port or 80, "/", IRIS)
    assert said["sklearn-iris"] == {"predictions": [1, 1]}
    assert said["batched"]["predictions"] == [1, 1]
