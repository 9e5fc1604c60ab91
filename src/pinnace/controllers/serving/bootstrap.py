"""The serving runtimes that ship with the platform: created at the first start, then the user's to change."""

from __future__ import annotations

from pinnace.kinds.resource import Obj
from pinnace.kinds.serving import CLUSTER_SERVING_RUNTIME, CONTAINER

IMAGE = "kserve/sklearnserver:v0.15.2"


def runtimes() -> list[Obj]:
    """Objects of ClusterServingRuntime, under upstream's names, so that manifests that name one run here."""
    return [sklearn()]


def sklearn() -> Obj:
    return {
        "apiVersion": CLUSTER_SERVING_RUNTIME.api_version,
        "kind": CLUSTER_SERVING_RUNTIME.kind,
        "metadata": {"name": "kserve-sklearnserver"},
        "spec": {
            "annotations": {"prometheus.kserve.io/port": "8080", "prometheus.kserve.io/path": "/metrics"},
            "supportedModelFormats": [
                {"name": "sklearn", "version": "1", "autoSelect": True, "priority": 1},
            ],
            "protocolVersions": ["v1", "v2"],
            "containers": [{
                "name": CONTAINER,
                "image": IMAGE,
                "args": ["--model_name={{.Name}}", "--model_dir=/mnt/models", "--http_port=8080"],
                "resources": {
                    "requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "2Gi"},
                },
            }],
        },
    }
