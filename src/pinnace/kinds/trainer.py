"""Kubeflow Trainer (trainer.kubeflow.org): TrainJob and its runtimes, their labels, and what may stand in a
document.

Pure. Callers: `catalogue`, `objects/admission`, `controllers/trainer`. Source: kubeflow/trainer v2.2
pkg/apis/trainer/v1alpha1, pkg/webhooks.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pinnace.kinds import cause, names
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj, Resource
from pinnace.kinds.schema import Node

GROUP = "trainer.kubeflow.org"
STEP = f"{GROUP}/trainjob-ancestor-step"
FRAMEWORK = f"{GROUP}/framework"
MANAGER = f"{GROUP}/trainjob-controller"
CLUSTER_KIND, KIND = "ClusterTrainingRuntime", "TrainingRuntime"
OLDER = {
    "podTemplateOverrides": "runtimePatches (Trainer 2.2)",
    "podSpecOverrides": "runtimePatches (Trainer 2.2)",
    "labels": "metadata of a runtimePatch", "annotations": "metadata of a runtimePatch",
}
"""Fields of earlier releases, and what took their place."""


def _resource(kind: str, *, namespaced: bool = True, status: bool = False) -> Resource:
    lower = kind.lower()
    return Resource(
        group=GROUP, version="v1alpha1", kind=kind, plural=f"{lower}s", singular=lower, custom=True,
        namespaced=namespaced, subresources=frozenset({"status"} if status else ()),
    )


TRAIN_JOB = _resource("TrainJob", status=True)
RUNTIME = _resource(KIND)
CLUSTER_RUNTIME = _resource(CLUSTER_KIND, namespaced=False)


def tolerant(node: Node) -> Node:
    """The schema of TrainJob with the fields of its earlier releases, which the newest prunes in silence."""
    assert node.properties is not None
    spec = node.properties["spec"]
    assert spec.properties is not None
    anything = Node(type="array", items=Node(type="object", preserve_unknown=True))
    texts = Node(type="object", additional=Node(type="string"))
    older = {
        "podTemplateOverrides": anything, "podSpecOverrides": anything, "labels": texts, "annotations": texts
    }
    trainer = spec.properties["trainer"]
    count = Node(int_or_string=True)
    loose = msgspec.structs.replace(
        trainer, properties={**(trainer.properties or {}), "numProcPerNode": count}, tools={}
    )
    wide = {**spec.properties, **older, "trainer": loose}
    return msgspec.structs.replace(
        node, properties={
            **node.properties, "spec": msgspec.structs.replace(spec, properties=wide, tools={})
        }, tools={},
    )


def tolerant_runtime(node: Node) -> Node:
    """The schema of a runtime with how many processes torch starts, which releases before 2.2 said there."""
    return _with(node, ("spec", "mlPolicy", "torch"), "numProcPerNode", Node(int_or_string=True))


def _with(node: Node, path: tuple[str, ...], name: str, added: Node) -> Node:
    """The same with one field more in the object at `path`."""
    fields = dict(node.properties or {})
    fields[path[0] if path else name] = _with(fields[path[0]], path[1:], name, added) if path else added
    return msgspec.structs.replace(node, properties=fields, tools={})


def runtime_warnings(obj: Obj) -> list[str]:
    torch = ((obj.get("spec") or {}).get("mlPolicy") or {}).get("torch") or {}
    if "numProcPerNode" not in torch:
        return []
    return [
        "spec.mlPolicy.torch.numProcPerNode is of an earlier Kubeflow Trainer: it is honoured here, a "
        "cluster of today drops it; ask for CPUs or GPUs in the container's resources"
    ]


def warnings(obj: Obj) -> list[str]:
    spec = obj.get("spec") or {}
    return [
        f"spec.{field} is of an earlier Kubeflow Trainer: it is honoured here, a cluster of today drops it; "
        f"use {instead}"
        for field, instead in OLDER.items() if spec.get(field)
    ]


def check(job: Obj) -> list[Cause]:
    return list(_check(job))


def _check(job: Obj) -> Iterator[Cause]:
    name, spec = job["metadata"].get("name") or "", job.get("spec") or {}
    for words in names.label_1035(name) if name else ():
        yield cause.invalid("metadata.name", name, words)
    reference = spec.get("runtimeRef") or {}
    if reference.get("apiGroup", GROUP) != GROUP:
        yield cause.unsupported("spec.runtimeRef.apiGroup", reference["apiGroup"], (GROUP,))
    if reference.get("kind", CLUSTER_KIND) not in (CLUSTER_KIND, KIND):
        yield cause.unsupported("spec.runtimeRef.kind", reference["kind"], (CLUSTER_KIND, KIND))
    each = (spec.get("trainer") or {}).get("numProcPerNode")
    if isinstance(each, str) and each not in ("auto", "cpu", "gpu") and not each.isdigit():
        words = "must be an int or one of auto, cpu, gpu"
        yield cause.invalid("spec.trainer.numProcPerNode", each, words)


PATCHES = ("runtimePatches", "podTemplateOverrides", "podSpecOverrides")
MUTABLE = ("suspend", "activeDeadlineSeconds", *PATCHES)


def change(old: Obj, new: Obj) -> list[Cause]:
    """Patches may change while it is suspended, and as it is suspended or resumed."""
    before, after = old.get("spec") or {}, new.get("spec") or {}
    changed = [field for field in {**before, **after} if before.get(field) != after.get(field)]
    found = [
        cause.invalid(f"spec.{field}", after.get(field), "field is immutable")
        for field in changed if field not in MUTABLE
    ]
    if not before.get("suspend") and not after.get("suspend"):
        found += [
            cause.forbidden(f"spec.{field}", f"{field[0].upper()}{field[1:]} can only be modified when the "
                            "TrainJob is suspended")
            for field in changed if field in PATCHES
        ]
    return found


def dated(job: Obj) -> None:
    """A patch of its runtime says since when."""
    for one in (job.get("spec") or {}).get("runtimePatches") or ():
        one.setdefault("time", job["metadata"]["creationTimestamp"])
