"""KFServing's InferenceService of 2019 (`serving.kubeflow.org/v1alpha2`): `default`, `canary`, a percentage.

It is read as what KServe made of it: the predictor of `default` in today's form, then that of `canary` with
`canaryTrafficPercent` (`controllers/serving/older.py` brings the one after the other). Pure.
"""

from __future__ import annotations

from typing import Any

from pinnace.kinds.resource import Column, Obj, Resource
from pinnace.kinds.serving import COMPONENTS

OLDER = Resource(
    group="serving.kubeflow.org", version="v1alpha2", kind="InferenceService", plural="inferenceservices",
    singular="inferenceservice", subresources=frozenset({"status"}), custom=True,
    columns=(
        Column("URL", "string", ".status.url"),
        Column("Ready", "string", ".status.conditions[?(@.type=='Ready')].status"),
        Column("Default Traffic", "integer", ".status.traffic"),
        Column("Canary Traffic", "integer", ".status.canaryTraffic"),
        Column("Age", "date", ".metadata.creationTimestamp"),
    ),
)
WARNING = (
    "serving.kubeflow.org/v1alpha2 is KFServing's form of 2019: it is served as the "
    "serving.kserve.io/v1beta1 InferenceService of its name, `canary` as the next revision; write that one"
)


def components(endpoint: Obj) -> Obj:
    """`default` or `canary` as predictor, transformer and explainer of today."""
    return {name: component(endpoint[name]) for name in COMPONENTS if isinstance(endpoint.get(name), dict)}


def component(old: Obj) -> Obj:
    new: dict[str, Any] = dict(old)
    custom = new.pop("custom", None)
    if isinstance(custom, dict) and isinstance(custom.get("container"), dict):
        new["containers"] = [custom["container"]]
    if "parallelism" in new:
        new["containerConcurrency"] = new.pop("parallelism")
    return new
