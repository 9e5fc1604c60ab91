"""KFServing's InferenceService of 2019 (`serving.kubeflow.org/v1alpha2`): `default`, `canary`, a percentage.

It is read as what KServe made of it: the predictor of `default` in today's form, then that of `canary` with
`canaryTrafficPercent` (`controllers/serving/older.py` brings the one after the other). Pure.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pinnace.kinds.resource import Column, Obj, Resource
from pinnace.kinds.serving import COMPONENTS, GROUP

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
LATER = msgspec.structs.replace(OLDER, version="v1beta1", short_names=("isvc",))
"""Today's words under the old group (KFServing 0.5)."""
WARNING = (
    "serving.kubeflow.org is KFServing's group of 2019: its InferenceService is served as that of "
    "serving.kserve.io/v1beta1 with its name, v1alpha2's `canary` as the next revision; write that one"
)


HALFWAY = Resource(
    group=GROUP, version="v1alpha2", kind="InferenceService", plural="inferenceservices",
    singular="inferenceservice", short_names=("isvc",), subresources=frozenset({"status"}), custom=True,
    columns=(Column("Age", "date", ".metadata.creationTimestamp"),),
)
"""The old form under today's group, as some of upstream's own pages still write it. No cluster takes it."""
HALFWAY_PLACE = (HALFWAY.group, HALFWAY.version, HALFWAY.kind)
HALFWAY_WARNING = (
    "serving.kserve.io/v1alpha2 is read as v1beta1, which clusters take alone: `default` becomes the "
    "predictor, transformer and explainer; write those"
)
_CANARY = "; `canary` is left out: change the model and set predictor.canaryTrafficPercent instead"


def modernise(obj: Obj) -> None:
    """Changes a document of HALFWAY in place; any type may stand anywhere in its spec."""
    spec = obj.get("spec")
    if not isinstance(spec, dict) or not isinstance(spec.get("default"), dict):
        return
    if "predictor" not in spec:
        obj["spec"] = components(spec["default"])


def warning(obj: Obj) -> str:
    return HALFWAY_WARNING + (_CANARY if "canary" in (obj.get("spec") or {}) else "")


def components(endpoint: Obj) -> Obj:
    """`default`, `canary`, or the spec of LATER, as predictor, transformer and explainer of today."""
    return {name: component(endpoint[name]) for name in COMPONENTS if isinstance(endpoint.get(name), dict)}


def component(old: Obj) -> Obj:
    new: dict[str, Any] = dict(old)
    custom = new.pop("custom", None)
    if isinstance(custom, dict) and isinstance(custom.get("container"), dict):
        new["containers"] = [custom["container"]]
    if "parallelism" in new:
        new["containerConcurrency"] = new.pop("parallelism")
    if isinstance(new.get("batcher"), dict):
        new["batcher"] = {name: counted(value) for name, value in new["batcher"].items()}
    return new


def counted(value: Any) -> Any:
    """A batcher's numbers were texts once; what is none stays, for today's rules to name."""
    try:
        return int(float(value)) if isinstance(value, str) else value
    except ValueError:
        return value
