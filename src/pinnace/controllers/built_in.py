"""The built-in kinds that controllers read and write, by name.

Every family of controllers imports its Resources from here or from `kinds/`; what a kind's schema, columns
and verbs are is the catalogue's knowledge, controllers need only where it is stored.
"""

from __future__ import annotations

from pinnace.kinds.resource import Resource


def _core(kind: str, plural: str, *, namespaced: bool = True, status: bool = False) -> Resource:
    return _of("", "v1", kind, plural, namespaced=namespaced, status=status)


def _of(
    group: str, version: str, kind: str, plural: str, *, namespaced: bool = True, status: bool = False
) -> Resource:
    return Resource(
        group=group, version=version, kind=kind, plural=plural, singular=kind.lower(),
        namespaced=namespaced, subresources=frozenset({"status"} if status else ()),
    )


POD = _core("Pod", "pods", status=True)
SECRET = _core("Secret", "secrets")
CONFIG_MAP = _core("ConfigMap", "configmaps")
CLAIM = _core("PersistentVolumeClaim", "persistentvolumeclaims", status=True)
EVENT = _core("Event", "events")
NAMESPACE = _core("Namespace", "namespaces", namespaced=False, status=True)
NODE = _core("Node", "nodes", namespaced=False, status=True)
SERVICE = _core("Service", "services", status=True)
ENDPOINTS = _core("Endpoints", "endpoints")
SERVICE_ACCOUNT = _core("ServiceAccount", "serviceaccounts")
ENDPOINT_SLICE = _of("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
JOB = _of("batch", "v1", "Job", "jobs", status=True)
LEASE = _of("coordination.k8s.io", "v1", "Lease", "leases")
DEPLOYMENT = _of("apps", "v1", "Deployment", "deployments", status=True)
REPLICA_SET = _of("apps", "v1", "ReplicaSet", "replicasets", status=True)
STATEFUL_SET = _of("apps", "v1", "StatefulSet", "statefulsets", status=True)
DAEMON_SET = _of("apps", "v1", "DaemonSet", "daemonsets", status=True)
CONTROLLER_REVISION = _of("apps", "v1", "ControllerRevision", "controllerrevisions")
CRON_JOB = _of("batch", "v1", "CronJob", "cronjobs", status=True)
AUTOSCALER = _of(
    "autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", status=True
)
VOLUME = _core("PersistentVolume", "persistentvolumes", namespaced=False, status=True)
STORAGE_CLASS = _of("storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False)
PRIORITY_CLASS = _of("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", namespaced=False)
ROLE = _of("rbac.authorization.k8s.io", "v1", "Role", "roles")
CLUSTER_ROLE = _of("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False)
ROLE_BINDING = _of("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
CLUSTER_ROLE_BINDING = _of(
    "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False
)
DISRUPTION_BUDGET = _of("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", status=True)
RESOURCE_QUOTA = _core("ResourceQuota", "resourcequotas", status=True)
