"""What a Notebook says of itself: its Pod's conditions, the state of its container. Pure.

Source: components/notebook-controller/controllers/notebook_controller.go (createNotebookStatus),
api/v1/notebook_types.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from pinnace.kinds.resource import Obj

_TIMES = ("lastProbeTime", "lastTransitionTime")


def status(notebook: Obj, stateful: Obj | None, pod: Obj | None) -> Obj:
    ready = int(((stateful or {}).get("status") or {}).get("readyReplicas") or 0)
    seen: Obj = (pod or {}).get("status") or {}
    conditions: Sequence[Obj] = seen.get("conditions") or ()
    return {
        "conditions": [condition(each) for each in conditions],
        "readyReplicas": ready,
        "containerState": state(notebook, seen.get("containerStatuses") or ()),
    }


def condition(of_pod: Obj) -> Obj:
    """A Pod's, in the Notebook's words. What was never probed was probed when it changed."""
    said = {key: of_pod[key] for key in ("type", "status", "reason", "message", *_TIMES) if of_pod.get(key)}
    if "lastTransitionTime" in said:
        said.setdefault("lastProbeTime", said["lastTransitionTime"])
    return said


def state(notebook: Obj, containers: Sequence[Obj]) -> Obj:
    """Of the container that has the Notebook's name."""
    name = notebook["metadata"]["name"]
    found: Obj = next((each.get("state") or {} for each in containers if each.get("name") == name), {})
    return found
