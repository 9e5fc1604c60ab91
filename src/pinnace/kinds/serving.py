"""KServe's serving kinds as the platform reads them: resources, names, defaulting and validation.

Pure. Callers: `objects/admission` (defaults and rules of InferenceService), `controllers/serving`.
Sources: kserve v0.20 pkg/apis/serving/v1beta1/inference_service_{defaults,validation}.go,
pkg/constants/constants.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pinnace.kinds import cause
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Column, Obj, Resource

GROUP = "serving.kserve.io"
MODE = f"{GROUP}/deploymentMode"
STOP = f"{GROUP}/stop"
TAG_ROUTING = f"{GROUP}/enable-tag-routing"
AUTOSCALER = f"{GROUP}/autoscalerClass"
FINALIZER = "inferenceservice.finalizers"
CONTAINER = "kserve-container"
KNATIVE, STANDARD = "Knative", "Standard"
_OLD_MODES = {"Serverless": KNATIVE, "RawDeployment": STANDARD}

LEGACY = ("sklearn", "tensorflow", "xgboost", "pytorch", "triton", "onnx", "huggingface", "pmml", "lightgbm",
          "paddle")
_V2_LEGACY = ("triton", "onnx", "huggingface")
_V2_FORMATS = ("triton", "vLLM")
COMPONENTS = ("predictor", "transformer", "explainer")
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_KPA_METRICS, _HPA_METRICS = ("concurrency", "rps"), ("cpu", "memory")
_AUTOSCALERS = ("hpa", "external", "keda", "none")


def _resource(version: str, kind: str, *, namespaced: bool = True, status: bool = False) -> Resource:
    lower = kind.lower()
    return Resource(
        group=GROUP, version=version, kind=kind, plural=f"{lower}s", singular=lower, namespaced=namespaced,
        short_names=("isvc",) if kind == "InferenceService" else (),
        subresources=frozenset({"status"} if status else ()), custom=True,
        columns=(Column("Age", "date", ".metadata.creationTimestamp"),),
    )


INFERENCE_SERVICE = _resource("v1beta1", "InferenceService", status=True)
SERVING_RUNTIME = _resource("v1alpha1", "ServingRuntime")
CLUSTER_SERVING_RUNTIME = _resource("v1alpha1", "ClusterServingRuntime", namespaced=False)
STORAGE_CONTAINER = _resource("v1alpha1", "ClusterStorageContainer", namespaced=False)
TRAINED_MODEL = _resource("v1alpha1", "TrainedModel", status=True)


def notes(obj: Obj) -> dict[str, str]:
    found: dict[str, str] = obj.get("metadata", {}).get("annotations") or {}
    return found


def mode(isvc: Obj) -> str:
    """Knative unless the annotation says otherwise; old names are understood."""
    given = notes(isvc).get(MODE, "")
    return _OLD_MODES.get(given, given) or KNATIVE


def stopped(isvc: Obj) -> bool:
    return notes(isvc).get(STOP, "").lower() == "true"


def service(isvc: Obj, component: str = "predictor") -> str:
    """The name of a component's service: `<isvc>-predictor`, `<isvc>-<name>-predictor`."""
    own = (isvc.get("spec", {}).get(component) or {}).get("name") or ""
    stem = f"{isvc['metadata']['name']}-{own}" if own else isvc["metadata"]["name"]
    return f"{stem}-{component}"


# Defaulting ---------------------------------------------------------------------------------------------


def default(isvc: Obj) -> None:
    """Changes the document as KServe's defaulting webhook does: before the schema judges it, so that any
    type may stand anywhere in its spec."""
    spec = isvc.get("spec")
    if not isinstance(spec, dict):
        return
    given = isvc["metadata"].get("annotations")
    if isinstance(given, dict) and given.get(MODE) in _OLD_MODES:
        given[MODE] = _OLD_MODES[given[MODE]]
    for component in COMPONENTS:
        if isinstance(spec.get(component), dict) and not _models(spec[component]):
            _lone_container(spec[component])
    predictor = spec.get("predictor")
    if isinstance(predictor, dict):
        _modernise(predictor)
        for entry in spec["canary"] if isinstance(spec.get("canary"), list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("predictor"), dict):
                _modernise(entry["predictor"])
                _complete(entry["predictor"], predictor)
        model = predictor.get("model")
        if isinstance(model, dict) and implementations(predictor) == ["model"]:
            _default_model(isvc, model)


def _lone_container(component: Obj) -> None:
    """A container that is alone is the one that serves, whatever it is called."""
    containers = component.get("containers")
    if isinstance(containers, list) and len(containers) == 1 and isinstance(containers[0], dict):
        containers[0]["name"] = CONTAINER


def _modernise(predictor: Obj) -> None:
    """`sklearn: {…}` becomes `model: {modelFormat: {name: sklearn}, …}`, in place of a model that an earlier
    apply of the same manifest left there. Only the first one, in upstream's order."""
    name = next((name for name in LEGACY if isinstance(predictor.get(name), dict)), "")
    if not name:
        return
    old = predictor.pop(name)
    predictor["model"] = {**old, "modelFormat": {"name": name}}
    if name in _V2_LEGACY:
        predictor["model"].setdefault("protocolVersion", "v2")


def _complete(canary: Obj, stable: Obj) -> None:
    """Upstream's schema asks a canary's model for its format and for a container's name, which its webhook
    writes as ''."""
    model, other = canary.get("model"), stable.get("model")
    if isinstance(model, dict):
        model.setdefault("name", "")
        if isinstance(other, dict) and "modelFormat" in other:
            model.setdefault("modelFormat", other["modelFormat"])


def _default_model(isvc: Obj, model: Obj) -> None:
    format_ = model.get("modelFormat")
    name = format_.get("name") if isinstance(format_, dict) else None
    if not name or not isinstance(name, str):
        return
    if name in _V2_FORMATS:
        model.setdefault("protocolVersion", "v2")
    given = isvc["metadata"].get("annotations")
    if given is None:
        given = isvc["metadata"]["annotations"] = {}
    if isinstance(given, dict):
        given["modelFormat"] = name


# Validation ---------------------------------------------------------------------------------------------


def implementations(component: Obj) -> list[str]:
    """What serves this component: `model`, a legacy framework, or `containers`. Beside a model, containers
    only help (a collocated transformer)."""
    return _models(component) or (["containers"] if component.get("containers") else [])


def _models(component: Obj) -> list[str]:
    return [name for name in ("model", *LEGACY) if component.get(name) is not None]


def check(isvc: Obj) -> list[Cause]:
    return list(_check(isvc))


def _check(isvc: Obj) -> Iterator[Cause]:
    name = isvc["metadata"].get("name") or ""
    if name and not _NAME.fullmatch(name):
        yield cause.invalid(
            "metadata.name", name,
            "a name starts with a lower case letter, holds lower case letters, digits and '-', "
            "and ends with a letter or digit",
        )
    spec = isvc.get("spec") or {}
    scaler = notes(isvc).get(AUTOSCALER, "")
    if scaler and scaler not in _AUTOSCALERS:
        yield cause.unsupported(f"metadata.annotations[{AUTOSCALER}]", scaler, _AUTOSCALERS)
    given = notes(isvc).get(MODE, "")
    if given and _OLD_MODES.get(given, given) not in (KNATIVE, STANDARD, "ModelMesh"):
        yield cause.unsupported(f"metadata.annotations[{MODE}]", given, (KNATIVE, STANDARD))
    for component in COMPONENTS:
        if isinstance(spec.get(component), dict):
            yield from _component(isvc, spec[component], f"spec.{component}", component)
    yield from _canaries(spec)


_NO_CANARY = ("maxReplicas", "scaleTarget", "scaleMetric", "autoScaling")


def _canaries(spec: Obj) -> Iterator[Cause]:
    """Rules of `spec.canary` (kserve v0.20 inference_service_validation.go)."""
    stable, seen, total = spec.get("predictor") or {}, set(), 0
    for index, entry in enumerate(spec.get("canary") or ()):
        own, path = entry.get("predictor") or {}, f"spec.canary[{index}]"
        name, percent = own.get("name") or "", entry.get("trafficPercent") or 0
        if not name:
            yield cause.invalid(f"{path}.predictor.name", "", "a canary has a name of its own")
        elif name == stable.get("name") or name in seen:
            yield cause.invalid(f"{path}.predictor.name", name, "the stable predictor or a canary has it")
        seen.add(name)
        if not 0 <= percent <= 100:
            yield cause.invalid(f"{path}.trafficPercent", percent, "must be between 0 and 100")
        total += percent
        for field in _NO_CANARY:
            if own.get(field) is not None:
                text = "canaries do not scale: set minReplicas, or leave it to the share"
                yield cause.invalid(f"{path}.predictor.{field}", own[field], text)
        fewest, most = own.get("minReplicas"), stable.get("minReplicas")
        if isinstance(fewest, int) and fewest > (1 if most is None else most):
            text = "cannot be greater than the stable predictor's"
            yield cause.invalid(f"{path}.predictor.minReplicas", fewest, text)
    if total > 100:
        yield cause.invalid("spec.canary", total, "the shares add up to more than 100 percent")


def _component(isvc: Obj, component: Obj, path: str, kind: str) -> Iterator[Cause]:
    found = implementations(component)
    if kind == "predictor":
        if len(found) != 1:
            options = ", ".join(("model", "containers", *LEGACY))
            text = f"exactly one of [{options}] must be specified, found {', '.join(found) or 'none'}"
            yield cause.invalid(path, found, text)
        for name in found:
            if name != "containers":
                yield from _model(component[name], f"{path}.{name}")
    yield from _scale(isvc, component, path)
    percent = component.get("canaryTrafficPercent")
    if isinstance(percent, int) and not 0 <= percent <= 100:
        yield cause.invalid(f"{path}.canaryTrafficPercent", percent, "must be between 0 and 100")
    yield from _custom(component, path)


def _model(model: Any, path: str) -> Iterator[Cause]:
    if not isinstance(model, dict):
        return
    if model.get("name"):
        yield cause.invalid(
            f"{path}.name", model["name"], "the 'name' field is not allowed in standard predictor"
        )
    if model.get("storageUri") and model.get("storageUris"):
        yield cause.invalid(path, "object", "Setting both StorageURI and StorageURIs is not supported.")


def _scale(isvc: Obj, component: Obj, path: str) -> Iterator[Cause]:
    least, most = component.get("minReplicas"), component.get("maxReplicas")
    for field, value in (("minReplicas", least), ("maxReplicas", most)):
        if isinstance(value, int) and value < 0:
            text = f"'{field[0].upper()}{field[1:]}' cannot be less than 0"
            yield cause.invalid(f"{path}.{field}", value, text)
    if isinstance(most, int) and isinstance(least, int) and most and least > most:
        text = "'MinReplicas' cannot be greater than MaxReplicas"
        yield cause.invalid(f"{path}.minReplicas", least, text)
    parallel = component.get("containerConcurrency")
    if isinstance(parallel, int) and parallel < 0:
        text = "parallelism cannot be less than 0"
        yield cause.invalid(f"{path}.containerConcurrency", parallel, text)
    metric = component.get("scaleMetric")
    allowed = _KPA_METRICS if mode(isvc) == KNATIVE else _HPA_METRICS
    if metric and metric not in allowed and notes(isvc).get(AUTOSCALER) in (None, "hpa"):
        yield cause.invalid(f"{path}.scaleMetric", metric, f"[{metric}] is not a supported metric")
    if component.get("deploymentStrategy") and mode(isvc) == KNATIVE:
        text = "customizing deploymentStrategy is only supported for raw deployment mode"
        yield cause.invalid(f"{path}.deploymentStrategy", "object", text)


def _custom(component: Obj, path: str) -> Iterator[Cause]:
    for index, container in enumerate(component.get("containers") or ()):
        for entry in (container.get("env") or ()) if isinstance(container, dict) else ():
            if entry.get("name") == "PROTOCOL" and entry.get("value") not in ("v1", "v2", "grpc-v2"):
                where = f"{path}.containers[{index}].env"
                yield cause.unsupported(where, entry.get("value"), ("v1", "v2"))


def change(old: Obj, new: Obj) -> list[Cause]:
    """What may not change: the deployment mode, once it has taken effect."""
    before = (old.get("status") or {}).get("deploymentMode") or ""
    if not before or before == mode(new):
        return []
    text = f"update rejected: deploymentMode cannot be changed from '{before}' to '{mode(new)}'"
    return [cause.invalid(f"metadata.annotations[{MODE}]", mode(new), text)]


def ignored(isvc: Obj) -> list[tuple[str, str]]:
    """(field, why) of what this mode or this platform leaves without effect; a cluster says nothing."""
    found: list[tuple[str, str]] = []
    spec = isvc.get("spec") or {}
    standard = mode(isvc) == STANDARD
    for component in COMPONENTS:
        part = spec.get(component) or {}
        if standard and part.get("canaryTrafficPercent") is not None:
            why = "Standard mode has no revisions; use Knative mode (the default) for a canary"
            found.append((f"spec.{component}.canaryTrafficPercent", why))
        if standard and part.get("minReplicas") == 0:
            found.append((f"spec.{component}.minReplicas", "Standard mode never scales to zero: 1 is used"))
        if not standard and part.get("autoScaling"):
            why = "Knative mode scales by scaleMetric and scaleTarget"
            found.append((f"spec.{component}.autoScaling", why))
    if spec.get("canary") and not standard:
        why = "only Standard mode knows it; here, change the model and set predictor.canaryTrafficPercent"
        found.append(("spec.canary", why))
    if standard and notes(isvc).get(TAG_ROUTING):
        found.append((f"metadata.annotations[{TAG_ROUTING}]", "Standard mode has no tags"))
    return found
