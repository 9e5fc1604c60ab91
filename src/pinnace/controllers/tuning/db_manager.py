"""`katib-db-manager`: the objects of the server by which trials push metrics and SDKs read them.

A Deployment and a headless Service in the namespace `kubeflow`, under upstream's names, so that
`katib-db-manager.kubeflow:6789` and `kubectl port-forward svc/katib-db-manager -n kubeflow 6789` lead there.
It is made for the first Experiment that pushes, or that has ended, and goes with the last one: nobody else
pays for it. Headless, so that the server sees whose pod asks. Called by `experiments` and `trials`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from pinnace.controllers.built_in import DEPLOYMENT, NAMESPACE, POD, SERVICE, SERVICE_ACCOUNT
from pinnace.kinds.katib import DB_MANAGER, PUSHING, Experiment
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import DeleteOptions, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local

NAME, HOME, PORT = DB_MANAGER, "kubeflow", 6789
IMAGE = "pinnace/katib-db-manager"
LABELS = {"katib.kubeflow.org/component": "db-manager", "app.kubernetes.io/managed-by": "pinnace"}
ACCOUNT = f"system:serviceaccount:{HOME}:{NAME}"
FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"


def needed(spec: Experiment, *, over: bool) -> bool:
    """While it runs, only by what is pushed; a finished one may be asked for its metrics."""
    collector = spec.metrics_collector_spec
    return over or (collector is not None and collector.kind in PUSHING)


async def ensure(client: Local) -> None:
    """What is there stays as it is: somebody may have scaled it."""
    if client.peek(DEPLOYMENT, NAME, HOME) is not None:
        return
    if client.peek(NAMESPACE, HOME) is None:
        with suppress(StatusError):
            await client.create(NAMESPACE, {"metadata": {"name": HOME}})
    for resource, obj in objects():
        if client.peek(resource, NAME, HOME) is None:
            with suppress(StatusError):
                await client.create(resource, obj, HOME)


async def remove(client: Local) -> None:
    for resource, _ in objects():
        found = client.peek(resource, NAME, HOME)
        if found is not None and LABELS.items() <= (found["metadata"].get("labels") or {}).items():
            with suppress(StatusError):
                await client.delete(resource, NAME, HOME, DeleteOptions(propagation="Background"))


def ready(client: Local) -> bool:
    labels = ",".join(f"{key}={value}" for key, value in LABELS.items())
    return any(
        one["type"] == "Ready" and one["status"] == "True"
        for pod in client.peek_list(POD, HOME, Selection(labels=labels)).items
        for one in (pod.get("status") or {}).get("conditions") or ()
    )


def objects() -> Iterator[tuple[Resource, Obj]]:
    meta = {"name": NAME, "namespace": HOME, "labels": LABELS}
    yield SERVICE_ACCOUNT, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}
    yield SERVICE, {
        "apiVersion": "v1", "kind": "Service", "metadata": meta,
        "spec": {
            "clusterIP": "None", "selector": LABELS,
            "ports": [{"name": "api", "port": PORT, "protocol": "TCP"}],
        },
    }
    yield DEPLOYMENT, {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta,
        "spec": {
            "replicas": 1, "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": {
                "serviceAccountName": NAME, "containers": [_container()],
            }},
        },
    }


def _container() -> Obj:
    probe = {"grpc": {"port": PORT}}
    return {
        "name": NAME, "image": IMAGE, "args": ["--host=$(POD_IP)", "--account", FOLDER],
        "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "ports": [{"name": "api", "containerPort": PORT}],
        "readinessProbe": {**probe, "periodSeconds": 1}, "livenessProbe": {**probe, "periodSeconds": 30},
    }
