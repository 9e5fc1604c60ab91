"""The serving runtimes that ship with the platform: created at the first start, then the user's to change.

Under upstream's names and images, so that manifests that name one run here; which formats choose which by
themselves is upstream's too, except where its server cannot be had (ONNX).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pinnace.kinds.resource import Obj
from pinnace.kinds.serving import CLUSTER_SERVING_RUNTIME, CONTAINER

NAMED = ("--model_name={{.Name}}", "--model_dir=/mnt/models", "--http_port=8080")
VERSION = "v0.15.2"


class Server(NamedTuple):
    """`formats`: name, versions, priority (0: it is not chosen by itself)."""

    name: str
    image: str
    formats: tuple[tuple[str, tuple[str, ...], int], ...]
    protocols: tuple[str, ...] = ("v1", "v2")
    args: tuple[str, ...] = NAMED
    env: tuple[tuple[str, str], ...] = ()
    memory: str = "2Gi"


SERVERS = (
    Server("kserve-sklearnserver", f"kserve/sklearnserver:{VERSION}", (("sklearn", ("1",), 1),)),
    Server("kserve-xgbserver", f"kserve/xgbserver:{VERSION}", (("xgboost", ("1", "2", "3"), 1),)),
    Server("kserve-lgbserver", f"kserve/lgbserver:{VERSION}", (("lightgbm", ("2", "3", "4"), 1),)),
    Server("kserve-pmmlserver", f"kserve/pmmlserver:{VERSION}", (("pmml", ("3", "4"), 1),)),
    Server("kserve-paddleserver", f"kserve/paddleserver:{VERSION}", (("paddle", ("2", "3"), 1),)),
    Server("kserve-huggingfaceserver", f"kserve/huggingfaceserver:{VERSION}",
           (("huggingface", ("1",), 1),), ("v2", "v1"), memory="4Gi"),
    Server("kserve-tensorflow-serving", "tensorflow/serving:2.6.2", (("tensorflow", ("1", "2"), 2),),
           ("v1", "grpc-v1"),
           ("--model_name={{.Name}}", "--port=9000", "--rest_api_port=8080", "--model_base_path=/mnt/models",
            "--rest_api_timeout_in_ms=60000"), memory="4Gi"),
    Server("kserve-torchserve", "pytorch/torchserve-kfs:0.9.0", (("pytorch", ("1",), 2),),
           ("v1", "v2", "grpc-v2"),
           ("torchserve", "--start", "--model-store=/mnt/models/model-store",
            "--ts-config=/mnt/models/config/config.properties"),
           (("TS_SERVICE_ENVELOPE", "{{.Labels.serviceEnvelope}}"),), "4Gi"),
    Server("kserve-tritonserver", "nvcr.io/nvidia/tritonserver:23.05-py3",
           (("triton", ("2",), 1), ("pytorch", ("1",), 0), ("onnx", ("1",), 0)),
           ("v2", "grpc-v2"),
           ("tritonserver", "--model-store=/mnt/models", "--grpc-port=9000", "--http-port=8080",
            "--allow-grpc=true", "--allow-http=true"), memory="4Gi"),
    Server("kserve-mlserver", "docker.io/seldonio/mlserver:1.7.1",
           (("sklearn", ("0", "1"), 2), ("xgboost", ("1", "2"), 2), ("lightgbm", ("3", "4"), 2),
            ("mlflow", ("1", "2"), 1)),
           ("v2",), (),
           (("MLSERVER_MODEL_IMPLEMENTATION", "{{.Labels.modelClass}}"), ("MLSERVER_HTTP_PORT", "8080"),
            ("MLSERVER_GRPC_PORT", "9000"), ("MLSERVER_MODELS_DIR", "/mnt/models"))),
    Server("pinnace-onnxserver", "pinnace/onnxserver", (("onnx", ("1",), 1),)),
    Server("pinnace-pytorchserver", "pinnace/pytorchserver", (("pytorch", ("2",), 1),)),
)


def runtimes() -> list[Obj]:
    """Objects of ClusterServingRuntime."""
    return [runtime(server) for server in SERVERS]


def sklearn() -> Obj:
    return runtime(SERVERS[0])


def runtime(server: Server) -> Obj:
    container: dict[str, Any] = {
        "name": CONTAINER, "image": server.image,
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": server.memory}},
    }
    if server.args:
        container["args"] = list(server.args)
    if server.env:
        container["env"] = [{"name": name, "value": value} for name, value in server.env]
    return {
        "apiVersion": CLUSTER_SERVING_RUNTIME.api_version,
        "kind": CLUSTER_SERVING_RUNTIME.kind,
        "metadata": {"name": server.name},
        "spec": {
            "annotations": {"prometheus.kserve.io/port": "8080", "prometheus.kserve.io/path": "/metrics"},
            "supportedModelFormats": [
                entry(name, version, priority)
                for name, versions, priority in server.formats for version in versions
            ],
            "protocolVersions": list(server.protocols),
            "containers": [container],
        },
    }


def entry(name: str, version: str, priority: int) -> Obj:
    found: Obj = {"name": name, "version": version}
    return found | ({"autoSelect": True, "priority": priority} if priority else {})
