"""What a document refers to by name: it has to be in the cluster too, so the bundle brings it or names it.

Pure; `cli/export` follows these from object to object, `checking` asks a cluster for them. Rules: the fields
of core/v1 PodSpec, argoproj.io's templates and artifacts, serving, tuning and training kinds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pinnace.kinds.resource import Obj

CONFIG, SECRET, CLAIM, ACCOUNT = "configmaps", "secrets", "persistentvolumeclaims", "serviceaccounts"
TEMPLATE, CLUSTER_TEMPLATE = "workflowtemplates.argoproj.io", "clusterworkflowtemplates.argoproj.io"
RUNTIME, CLUSTER_RUNTIME = "servingruntimes.serving.kserve.io", "clusterservingruntimes.serving.kserve.io"
TRAINING, CLUSTER_TRAINING = (
    "trainingruntimes.trainer.kubeflow.org",
    "clustertrainingruntimes.trainer.kubeflow.org",
)
ENDPOINT = "inferenceservices.serving.kserve.io"
PRIORITY = "priorityclasses.scheduling.k8s.io"
BUILT_IN = frozenset({"system-cluster-critical", "system-node-critical"})
MADE_BY_SERVER = frozenset({(CONFIG, "kube-root-ca.crt"), (ACCOUNT, "default")})


class Reference(msgspec.Struct, frozen=True):
    """`kind` is a storage key. `made`: the document creates it itself (a `resource` step)."""

    kind: str
    name: str
    path: str = ""
    optional: bool = False
    made: bool = False


def references(obj: Obj) -> list[Reference]:
    """Each once, in the order of the document; names that are still to be rendered are nobody's."""
    found: dict[tuple[str, str], Reference] = {}
    for one in _below(obj, ""):
        if one.name and "{{" not in one.name and (one.kind, one.name) not in MADE_BY_SERVER:
            found.setdefault((one.kind, one.name), one)
    own = set(_claim_templates(obj))
    return [one for one in found.values() if not (one.kind == CLAIM and one.name in own)]


def _claim_templates(obj: Obj) -> Iterator[str]:
    for one in (obj.get("spec") or {}).get("volumeClaimTemplates") or ():
        yield (one.get("metadata") or {}).get("name") or ""


def _below(value: Any, path: str) -> Iterator[Reference]:
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from _below(one, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, one in value.items():
            here = f"{path}.{key}" if path else key
            yield from _field(key, one, here, value)
            yield from _below(one, here)


def _field(key: str, value: Any, path: str, holder: Obj) -> Iterator[Reference]:
    if isinstance(value, str):
        yield from _text(key, value, path, holder)
    elif isinstance(value, dict):
        yield from _object(key, value, path)
    elif key == "imagePullSecrets" and isinstance(value, list):
        for index, one in enumerate(value):
            yield Reference(SECRET, str((one or {}).get("name") or ""), f"{path}[{index}].name")


def _text(key: str, value: str, path: str, holder: Obj) -> Iterator[Reference]:
    if key == "serviceAccountName":
        yield Reference(ACCOUNT, value, path)
    elif key == "priorityClassName" and value not in BUILT_IN:
        yield Reference(PRIORITY, value, path)
    elif key == "runtime" and "modelFormat" in holder:
        yield Reference(RUNTIME, value, path)
    elif key == "serviceName" and (
        "weight" in holder or "condition" in holder or "data" in holder or ".steps[" in path
    ):
        yield Reference(ENDPOINT, value, path)
    elif key == "manifest" and "action" in holder:
        for obj in documents(value):
            name = (obj.get("metadata") or {}).get("name") or ""
            yield Reference(kind_key(obj), str(name), path, made=True)
            yield from _below(obj, path)


def _object(key: str, value: Obj, path: str) -> Iterator[Reference]:
    optional = bool(value.get("optional"))
    name = str(value.get("name") or "")
    if key in ("configMapKeyRef", "configMapRef"):
        yield Reference(CONFIG, name, f"{path}.name", optional)
    elif key in ("secretKeyRef", "secretRef"):
        yield Reference(SECRET, name, f"{path}.name", optional)
    elif key == "configMap" and name:
        yield Reference(CONFIG, name, f"{path}.name", optional)
    elif key == "configMap" and value.get("configMapName"):
        yield Reference(CONFIG, str(value["configMapName"]), f"{path}.configMapName")
    elif key == "secret":
        field = "secretName" if "secretName" in value else "name"
        yield Reference(SECRET, str(value.get(field) or ""), f"{path}.{field}", optional)
    elif key.endswith("Secret") and name and "key" in value:
        yield Reference(SECRET, name, f"{path}.name", optional)
    elif key == "persistentVolumeClaim":
        yield Reference(CLAIM, str(value.get("claimName") or ""), f"{path}.claimName")
    elif key == "artifactRepositoryRef":
        yield Reference(CONFIG, str(value.get("configMap") or ""), f"{path}.configMap")
    elif key in ("workflowTemplateRef", "templateRef"):
        kind = CLUSTER_TEMPLATE if value.get("clusterScope") else TEMPLATE
        yield Reference(kind, name, f"{path}.name")
    elif key == "runtimeRef":
        kind = TRAINING if value.get("kind") == "TrainingRuntime" else CLUSTER_TRAINING
        yield Reference(kind, name, f"{path}.name")


KFP = {
    "secretAsEnv": (SECRET, "secretName"), "secretAsVolume": (SECRET, "secretName"),
    "imagePullSecret": (SECRET, "secretName"), "configMapAsEnv": (CONFIG, "configMapName"),
    "configMapAsVolume": (CONFIG, "configMapName"), "pvcMount": (CLAIM, "constant"),
}  # fmt: skip
"""Fields of kfp-kubernetes: what they name, and the field of its name where it is no input."""


def pipeline_references(value: Any, path: str = "") -> Iterator[Reference]:
    """Of a platform spec (kubernetes_platform/proto/kubernetes_executor_config.proto)."""
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from pipeline_references(one, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, one in value.items():
            here = f"{path}.{key}" if path else key
            if key in KFP and isinstance(one, list):
                kind, field = KFP[key]
                yield from (made for entry in one for made in _platform(kind, field, entry, here))
            else:
                yield from pipeline_references(one, here)


def _platform(kind: str, field: str, entry: Obj, path: str) -> Iterator[Reference]:
    inputs = [one for key, one in entry.items() if key.endswith("NameParameter") and isinstance(one, dict)]
    names = [entry.get(field), *((one.get("runtimeValue") or {}).get("constant") for one in inputs)]
    for name in names:
        if isinstance(name, str) and name and "{{" not in name:
            yield Reference(kind, name, path, bool(entry.get("optional")))


def documents(text: str) -> list[Obj]:
    """The objects in a `resource` step's manifest, as far as they can be read before it is rendered."""
    import yaml

    try:
        found = list(yaml.load_all(quoted(text), getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.YAMLError:
        return []
    return [one for one in found if isinstance(one, dict) and one.get("kind")]


def quoted(text: str) -> str:
    """A tag that stands alone as a value would be read as a map."""
    import re

    return re.sub(r"(:\s+|-\s+)(\{\{[^{}\n]*\}\}[^\n'\"]*)$", r"\1'\2'", text, flags=re.MULTILINE)


def kind_key(obj: Obj) -> str:
    """The storage key, by the usual plural (the caller's catalogue knows better)."""
    group = str(obj.get("apiVersion") or "").rpartition("/")[0]
    plural = f"{str(obj.get('kind')).lower()}s"
    return f"{plural}.{group}" if group else plural
