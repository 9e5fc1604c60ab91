"""What built-in kinds add to their schemas: defaults that clients see and rules between fields, a module a
group.

Called by `writing` (and `pod.default` by the fast path). A kind that is not listed is governed by its
schema.
"""

from __future__ import annotations

from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.admission import (
    autoscaling,
    batch,
    core,
    definition,
    pod,
    rights,
    serving,
    training,
    tuning,
    workflow,
    workloads,
)
from pinnace.objects.admission.rules import NONE, Rules

EPHEMERAL_CONTAINERS = "ephemeralcontainers"
_RULES: dict[str, Rules] = {
    "pods": pod.POD,
    "namespaces": core.NAMESPACE,
    "configmaps": core.CONFIG_MAP,
    "secrets": core.SECRET,
    "persistentvolumeclaims": core.CLAIM,
    "services": core.SERVICE,
    "events": core.EVENT,
    "jobs.batch": batch.JOB,
    "cronjobs.batch": workloads.CRON_JOB,
    "deployments.apps": workloads.DEPLOYMENT,
    "replicasets.apps": workloads.REPLICA_SET,
    "statefulsets.apps": workloads.STATEFUL_SET,
    "daemonsets.apps": workloads.DAEMON_SET,
    "horizontalpodautoscalers.autoscaling": autoscaling.AUTOSCALER,
    "roles.rbac.authorization.k8s.io": rights.ROLE,
    "clusterroles.rbac.authorization.k8s.io": rights.CLUSTER_ROLE,
    "rolebindings.rbac.authorization.k8s.io": rights.BINDING,
    "clusterrolebindings.rbac.authorization.k8s.io": rights.CLUSTER_BINDING,
    "inferenceservices.serving.kserve.io": serving.INFERENCE_SERVICE,
    "inferencegraphs.serving.kserve.io": serving.INFERENCE_GRAPH,
    "jobsets.jobset.x-k8s.io": training.JOB_SET,
    "experiments.kubeflow.org": tuning.EXPERIMENT,
    "trainjobs.trainer.kubeflow.org": training.TRAIN_JOB,
    "tfjobs.kubeflow.org": training.OLDER,
    "pytorchjobs.kubeflow.org": training.OLDER,
    "mpijobs.kubeflow.org": training.MPI_JOB,
    "workflows.argoproj.io": workflow.COMPILED,
    "workflowtemplates.argoproj.io": workflow.COMPILED,
    "clusterworkflowtemplates.argoproj.io": workflow.ARGO,
    "cronworkflows.argoproj.io": workflow.ARGO,
    "customresourcedefinitions.apiextensions.k8s.io": definition.DEFINITION,
}


def rules(resource: Resource, subresource: str = "") -> Rules:
    if subresource == EPHEMERAL_CONTAINERS:
        return pod.EPHEMERAL
    return _RULES.get(resource.key, NONE)


def completed(resource: Resource, obj: Obj) -> Obj:
    """First status and the kind's own defaults, written into `obj`: for a shape that many objects share."""
    own = rules(resource)
    own.prepare(obj)
    own.default(obj)
    return obj
