"""The example as a user has it, with KServe's SDK as it comes from PyPI: in containers, and as the client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.platform import Platform, eventually

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits-transformer"
SDK = """
import json, sys
from kserve import (KServeClient, V1beta1InferenceService, V1beta1InferenceServiceSpec, V1beta1ModelFormat,
                    V1beta1ModelSpec, V1beta1PredictorSpec, constants)
from kubernetes.client import V1ObjectMeta
uri = "s3://artifacts/models/digits-pictures"
model = V1beta1ModelSpec(model_format=V1beta1ModelFormat(name="sklearn"), storage_uri=uri)
service = V1beta1InferenceService(
    api_version=constants.KSERVE_V1BETA1, kind="InferenceService",
    metadata=V1ObjectMeta(name="bysdk", namespace="default"),
    spec=V1beta1InferenceServiceSpec(predictor=V1beta1PredictorSpec(model=model)))
client = KServeClient(config_file=sys.argv[1])
client.create(service)
client.wait_isvc_ready("bysdk", namespace="default", timeout_seconds=60)
said = [client.get("bysdk", namespace="default")["status"]["url"]]
service.spec.predictor.model.env = [{"name": "A", "value": "1"}]
service.spec.predictor.canary_traffic_percent = 10
client.patch("bysdk", service, namespace="default")
client.wait_isvc_ready("bysdk", namespace="default", timeout_seconds=60)
part = client.get("bysdk", namespace="default")["status"]["components"]["predictor"]
said.append([(t["revisionName"], t["percent"]) for t in part["traffic"]])
fresh = client.get("bysdk", namespace="default")
service.metadata.resource_version = fresh["metadata"]["resourceVersion"]
service.spec.predictor.canary_traffic_percent = None
client.replace("bysdk", service, namespace="default")
client.wait_isvc_ready("bysdk", namespace="default", timeout_seconds=60)
client.delete("bysdk", namespace="default")
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    found = Platform(tmp_path_factory.mktemp("kserve"))
    try:
        yield found.up()
    finally:
        found.down()


def ask(url: str, path: str, body: Any) -> Any:
    where = urlsplit(url)
    request = urllib.request.Request(
        f"http://127.0.0.1:{where.port}{path}", json.dumps(body).encode(),
        {"Host": where.netloc, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def ready(platform: Platform, kind: str, name: str) -> str:
    status = platform.get(kind, name).get("status") or {}
    conditions = {each["type"]: each["status"] for each in status.get("conditions") or ()}
    return str(status.get("url", "")) if conditions.get("Ready") == "True" else ""


def numbers(digit: int) -> Any:
    """The first such digit of scikit-learn's set: 64 numbers, as the model takes them."""
    from sklearn.datasets import load_digits  # type: ignore[import-untyped, unused-ignore]

    digits = load_digits()
    return digits.images[list(digits.target).index(digit)].ravel()


def picture(digit: int) -> list[list[float]]:
    """The same, three times as large, black on white."""
    grey = 255 - numbers(digit).reshape(8, 8) / 16 * 255
    rows: list[list[float]] = grey.repeat(3, axis=0).repeat(3, axis=1).tolist()
    return rows


@pytest.mark.heavy
@pytest.mark.timeout(600)
def test_pictures_become_digits_and_reasons(platform: Platform) -> None:
    platform.kubectl("apply", "-k", str(EXAMPLE))
    url = eventually(lambda: ready(platform, "isvc", "pictures"), "the service of three components", 400)
    own = platform.get("isvc", "pictures")["status"]["components"]["predictor"]["url"]
    plain = ask(own, "/v1/models/pictures:predict", {"instances": [numbers(d).tolist() for d in range(10)]})
    assert set(plain) == {"predictions"}
    model = plain["predictions"]
    assert sum(digit == found for digit, found in enumerate(model)) >= 8, model
    said = ask(url, "/v1/models/pictures:predict", {"instances": [picture(d) for d in range(10)]})
    assert [each["digit"] for each in said["predictions"]] == model
    (why,) = ask(url, "/v1/models/pictures:explain", {"instances": [picture(7)]})["explanations"]
    assert why["digit"] == model[7]
    assert 0 < sum(map(sum, why["decisive"])) < 64


@pytest.mark.heavy
@pytest.mark.timeout(600)
def test_the_unmodified_client_creates_waits_patches_replaces_and_deletes(
    platform: Platform, tmp_path: Path
) -> None:
    platform.kubectl("apply", "-k", str(EXAMPLE))
    eventually(lambda: ready(platform, "isvc", "pictures"), "the model", 400)
    python = tmp_path / "sdk" / "bin" / "python"
    subprocess.run(["uv", "venv", "-q", "--python", sys.executable, str(tmp_path / "sdk")], check=True)
    needed = ["kserve>=0.15,<1", "kubernetes<37"]
    subprocess.run(["uv", "pip", "install", "-q", "--python", str(python), *needed], check=True)
    done = subprocess.run(
        [str(python), "-c", SDK, str(platform.home.kubeconfig)], capture_output=True, text=True, timeout=300,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    url, traffic = json.loads(done.stdout.splitlines()[-1])
    assert url.startswith("http://bysdk.default.")
    assert traffic == [["bysdk-predictor-00002", 10], ["bysdk-predictor-00001", 90]]
    gone = platform.kubectl("get", "isvc", "bysdk", check=False)
    assert "not found" in gone or platform.get("isvc", "bysdk")["metadata"].get("deletionTimestamp")


GRPC = """
import asyncio, json, sys
import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest

async def main(port, host, model):
    client = InferenceGRPCClient(
        url=f"127.0.0.1:{port}", channel_args=[("grpc.default_authority", host)])
    given = InferInput("x", [3], "FP32")
    given.set_data_from_numpy(np.array([1, 2, 3], dtype=np.float32))
    assert await client.is_server_live() and await client.is_model_ready(model)
    said = await client.infer(InferRequest(model_name=model, infer_inputs=[given]))
    print(json.dumps(said.outputs[0].as_numpy().tolist()))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.heavy
@pytest.mark.timeout(600)
def test_custom_predictors_live_side_by_side_speak_grpc_batch_and_log(
    platform: Platform, tmp_path: Path
) -> None:
    platform.kubectl("apply", "-k", str(EXAMPLE.parent / "custom-model"))
    one = eventually(lambda: ready(platform, "isvc", "one"), "the first predictor", 400)
    ten = eventually(lambda: ready(platform, "isvc", "ten"), "the second predictor", 100)
    platform.kubectl("rollout", "status", "deployment/events", "--timeout=60s")
    assert ask(ten, "/v1/models/ten:predict", {"instances": [1, 2]}) == {"predictions": [11.0, 12.0]}
    batched = ask(one, "/v1/models/one:predict", {"instances": [1, 2]})
    assert batched["predictions"] == [2.0, 3.0]
    assert batched["batchId"]
    eventually(
        lambda: platform.kubectl("logs", "deployment/events").count("org.kubeflow.serving.inference") == 2,
        "the events of the request and of its answer",
    )
    python = tmp_path / "sdk" / "bin" / "python"
    subprocess.run(["uv", "venv", "-q", "--python", sys.executable, str(tmp_path / "sdk")], check=True)
    needed = ["kserve>=0.15,<1", "kubernetes<37"]
    subprocess.run(["uv", "pip", "install", "-q", "--python", str(python), *needed], check=True)
    where = urlsplit(ten)
    done = subprocess.run(
        [str(python), "-c", GRPC, str(where.port), where.hostname or "", "ten"], capture_output=True,
        text=True, timeout=120, env={**os.environ, "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [11.0, 12.0, 13.0]


CLIENTS = """
import asyncio, json, sys
import numpy as np
from kserve import InferInput, InferRequest, InferenceGRPCClient, InferenceRESTClient, RESTConfig

async def main(port, host, model):
    asked = np.array(json.loads(sys.stdin.read()), dtype=np.float32)
    given = InferInput("input-0", list(asked.shape), "FP32")
    given.set_data_from_numpy(asked, binary_data=True)
    request = InferRequest(model_name=model, infer_inputs=[given], parameters={"binary_data_output": True})
    rest = InferenceRESTClient(RESTConfig(protocol="v2"))
    said = [await rest.infer(f"http://127.0.0.1:{port}", request, model_name=model, headers={"Host": host})]
    channel = [("grpc.default_authority", host)]
    for binary in (True, False):
        given.set_data_from_numpy(asked, binary_data=binary)
        client = InferenceGRPCClient(url=f"127.0.0.1:{port}", channel_args=channel)
        said.append(await client.infer(InferRequest(model_name=model, infer_inputs=[given])))
    print(json.dumps([each.outputs[0].as_numpy().tolist() for each in said]))

asyncio.run(main(*sys.argv[1:]))
"""


def served_pictures(name: str, **predictor: Any) -> str:
    """A service of the example's model, in whose predictor stands this as well."""
    model = {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://artifacts/models/digits-pictures"}
    spec = {**predictor, "model": {**model, **predictor.get("model", {})}}
    return json.dumps({
        "apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
        "metadata": {"name": name}, "spec": {"predictor": spec},
    })


@pytest.mark.heavy
@pytest.mark.timeout(600)
def test_a_server_of_ours_takes_bytes_and_speaks_grpc(platform: Platform, tmp_path: Path) -> None:
    platform.kubectl("apply", "-k", str(EXAMPLE))
    eventually(lambda: ready(platform, "isvc", "pictures"), "the model", 400)
    rows = [numbers(digit).tolist() for digit in range(10)]
    own = platform.get("isvc", "pictures")["status"]["components"]["predictor"]["url"]
    model = ask(own, "/v1/models/pictures:predict", {"instances": rows})["predictions"]
    ports = [{"name": "http1", "containerPort": 8080}, {"name": "h2c", "containerPort": 8081}]
    platform.kubectl("apply", "-f", "-", text=served_pictures("calls", model={"ports": ports}))
    where = urlsplit(eventually(lambda: ready(platform, "isvc", "calls"), "its server", 200))
    python = tmp_path / "sdk" / "bin" / "python"
    subprocess.run(["uv", "venv", "-q", "--python", sys.executable, str(tmp_path / "sdk")], check=True)
    needed = ["kserve>=0.15,<1", "kubernetes<37"]
    subprocess.run(["uv", "pip", "install", "-q", "--python", str(python), *needed], check=True)
    done = subprocess.run(
        [str(python), "-c", CLIENTS, str(where.port), where.netloc, "calls"], input=json.dumps(rows),
        capture_output=True, text=True, timeout=120, env={**os.environ, "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [model] * 3


@pytest.mark.heavy
@pytest.mark.timeout(600)
def test_a_transformer_may_live_in_the_predictors_pod(platform: Platform) -> None:
    platform.kubectl("apply", "-k", str(EXAMPLE))
    first = eventually(lambda: ready(platform, "isvc", "pictures"), "the model", 400)
    shown = {"instances": [picture(digit) for digit in range(10)]}
    expected = ask(first, "/v1/models/pictures:predict", shown)
    front = {
        "name": "transformer-container", "image": "pinnace/python-kserve",
        "command": ["python", "/code/transformer.py"],
        "args": ["--model_name=together", "--predictor_host=localhost:8085", "--http_port=8080"],
        "ports": [{"containerPort": 8080}], "volumeMounts": [{"name": "code", "mountPath": "/code"}],
    }
    text = served_pictures(
        "together", model={"args": ["--http_port=8085"]}, containers=[front],
        volumes=[{"name": "code", "configMap": {"name": "digits-code"}}],
    )
    platform.kubectl("apply", "-f", "-", text=text)
    url = eventually(lambda: ready(platform, "isvc", "together"), "transformer and model", 300)
    assert ask(url, "/v1/models/together:predict", shown) == expected
