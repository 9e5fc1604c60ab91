"""The serving runtimes that ship with the platform: created at the first start, then the user's to change."""

from __future__ import annotations

from typing import NamedTuple

from pinnace.kinds.resource import Obj
from pinnace.kinds.serving import CLUSTER_SERVING_RUNTIME, CONTAINER


class Server(NamedTuple):
    """A model server of ours, under upstream's name and image where upstream has one."""

    name: str
    image: str
    format: str
    versions: tuple[str, ...]


SERVERS = (
    Server("kserve-sklearnserver", "kserve/sklearnserver:v0.15.2", "sklearn", ("1",)),
    Server("kserve-xgbserver", "kserve/xgbserver:v0.15.2", "xgboost", ("1", "2", "3")),
    Server("kserve-lgbserver", "kserve/lgbserver:v0.15.2", "lightgbm", ("3", "4")),
    Server("pinnace-onnxserver", "pinnace/onnxserver", "onnx", ("1",)),
    Server("pinnace-pytorchserver", "pinnace/pytorchserver", "pytorch", ("1", "2")),
)


def runtimes() -> list[Obj]:
    """Objects of ClusterServingRuntime, under upstream's names, so that manifests that name one run here."""
    return [runtime(server) for server in SERVERS]


def sklearn() -> Obj:
    return runtime(SERVERS[0])


def runtime(server: Server) -> Obj:
    return {
        "apiVersion": CLUSTER_SERVING_RUNTIME.api_version,
        "kind": CLUSTER_SERVING_RUNTIME.kind,
        "metadata": {"name": server.name},
        "spec": {
            "annotations": {"prometheus.kserve.io/port": "8080", "prometheus.kserve.io/path": "/metrics"},
            "supportedModelFormats": [
                {"name": server.format, "version": version, "autoSelect": True, "priority": 1}
                for version in server.versions
            ],
            "protocolVersions": ["v1", "v2"],
            "containers": [{
                "name": CONTAINER,
                "image": server.image,
                "args": ["--model_name={{.Name}}", "--model_dir=/mnt/models", "--http_port=8080"],
                "resources": {
                    "requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "2Gi"},
                },
            }],
        },
    }
