"""What people should hear of a document that is stored as it is and yet does less here than in a cluster.

`api/` sends it as `Warning` headers (kubectl prints them) when the document is written. Nothing is refused
and nothing is changed by it: the same manifest goes to a cluster.
"""

from __future__ import annotations

from . import katib, katib_rules, serving, serving_older, trainer, training, training_older
from .resource import Obj, Resource

_STORED = "is stored, but nothing on this platform acts on it yet"
_PODS = "no pods come of it; use a Pod, a Job or an InferenceService"
IDLE = {
    "replicationcontrollers": _PODS,
    "cronworkflows.argoproj.io": "no Workflow is started by it; submit Workflows yourself",
    "workfloweventbindings.argoproj.io": "no Workflow is started by events",
    "poddisruptionbudgets.policy": "pods are stopped without asking it",
    "networkpolicies.networking.k8s.io": "no traffic is allowed or denied by it",
    "ingresses.networking.k8s.io": "no traffic is routed by it",
}
"""By resource key: what does not happen, and what to do instead."""


def advice(resource: Resource, obj: Obj) -> list[str]:
    """One sentence for each thing that has no effect; none for most documents."""
    if effect := IDLE.get(resource.key):
        return [f"this {resource.kind} {_STORED}: {effect}"]
    if resource.key == serving.INFERENCE_SERVICE.key and resource.version == serving_older.HALFWAY.version:
        return [serving_older.warning(obj)]
    if resource.key == serving.INFERENCE_SERVICE.key:
        return [f"{field} has no effect: {why}" for field, why in serving.ignored(obj)]
    if resource.key == serving_older.OLDER.key:
        return [serving_older.WARNING]
    if resource.key == katib.EXPERIMENT.key:
        return katib_rules.warnings(obj)
    if resource.key == trainer.TRAIN_JOB.key:
        return trainer.warnings(obj)
    if resource.key in (trainer.RUNTIME.key, trainer.CLUSTER_RUNTIME.key):
        return trainer.runtime_warnings(obj)
    if resource.key == training.PYTORCH_JOB.resource.key and (found := training.warnings(obj)):
        return found
    if resource.group == training.GROUP and training.is_older(resource.version, resource.kind):
        return [training_older.warning(obj, resource.version)]
    return []
