"""Kubeflow's workbench: Notebook, Tensorboard and PodDefault, their labels and annotations.

Pure. Callers: `controllers/notebook`, `objects/admission`, `cli/opening`. Sources: kubeflow/kubeflow
components/notebook-controller, components/tensorboard-controller, components/admission-webhook.
"""

from __future__ import annotations

from pinnace.kinds.resource import Obj, Resource

GROUP = "kubeflow.org"
STOPPED = "kubeflow-resource-stopped"
"""Annotation: there, it is stopped, whatever it says (by convention since when)."""
RESTART = "notebooks.opendatahub.io/notebook-restart"
"""Annotation: `true` asks for a new Pod, once; the controller takes it away."""
LAST_ACTIVITY = "notebooks.kubeflow.org/last-activity"
CHECKED = "notebooks.kubeflow.org/last_activity_check_timestamp"
NAME_LABEL = "notebook-name"
SESSIONS = "pinnace.dev/sessions"
"""Annotation of what runs the Pod: the mark of its sessions, from one start to the next stop."""
IDLE_MINUTES = "pinnace.dev/cull-idle-time"
"""Annotation: minutes without activity after which this one is stopped; `0`: never."""
PORT = 8888
HOME = "/home/jovyan"


def _resource(group: str, version: str, kind: str) -> Resource:
    lower = kind.lower()
    return Resource(
        group=group, version=version, kind=kind, plural=f"{lower}s", singular=lower, custom=True,
        subresources=frozenset({"status"}),
    )


NOTEBOOK = _resource(GROUP, "v1", "Notebook")
TENSORBOARD = _resource("tensorboard.kubeflow.org", "v1alpha1", "Tensorboard")
POD_DEFAULT = _resource(GROUP, "v1alpha1", "PodDefault")


def notes(obj: Obj) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def stopped(notebook: Obj) -> bool:
    return STOPPED in notes(notebook)


def prefix(notebook: Obj) -> str:
    """Below which the notebook answers: NB_PREFIX."""
    meta = notebook["metadata"]
    return f"/notebook/{meta['namespace']}/{meta['name']}"
