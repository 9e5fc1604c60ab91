"""When the engine itself fails on a run, by a bug of ours or by rows that nobody can read.

The run is taken up again some times; if that does not help it ends as Error with what went wrong, so that
nothing else suffers.

Caller: `controller`. Source: upstream operator.go marks a workflow as Error when its operation panics.
Refusals of the store or of the API are no mishaps: they say what the world is like, and are tried for ever.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pinnace.kinds.argo import DOMAIN, FULFILLED, NodeStatus
from pinnace.kinds.resource import Obj
from pinnace.store.interface import Row

NODE = "node"
ATTEMPTS = 5
"""The manager's pauses between them double from 5 ms: they are over in a tenth of a second."""
_nodes = msgspec.json.Decoder(NodeStatus)
_encoder = msgspec.json.Encoder()


class Mishaps:
    """How often in a row the engine failed on each run, by uid."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def again(self, uid: str) -> bool:
        """One more; False: it was the last that is put up with."""
        count = self._counts.get(uid, 0) + 1
        if count >= ATTEMPTS:
            self._counts.pop(uid, None)
            return False
        self._counts[uid] = count
        return True

    def forgive(self, uid: str) -> None:
        if self._counts:
            self._counts.pop(uid, None)


def told(error: Exception) -> str:
    """The workflow's message."""
    return f"the engine failed on this workflow: {type(error).__name__}: {error} (control's log says where)"


def ended(obj: Obj, phase: str, message: str, now: str) -> Obj:
    """The Workflow as it stands after an end that its run did not come to itself."""
    before = obj.get("status") or {}
    labels = {
        **(obj["metadata"].get("labels") or {}),
        f"{DOMAIN}phase": phase,
        f"{DOMAIN}completed": "true",
    }
    status = {
        "startedAt": now,
        "progress": "0/0",
        **before,
        "phase": phase,
        "message": message,
        "finishedAt": now,
        "conditions": [{"type": "Completed", "status": "True"}],
    }
    return {**obj, "metadata": {**obj["metadata"], "labels": labels}, "status": status}


def settled(uid: str, rows: Iterable[tuple[str, bytes]], message: str, now: str) -> list[Row]:
    """Nodes that were still open end with their run; a row that cannot be read would make the whole workflow
    unreadable, and goes."""
    found = []
    for key, body in rows:
        try:
            node = _nodes.decode(body)
        except msgspec.MsgspecError:
            found.append(Row(NODE, uid, key, None))
            continue
        if node.phase not in FULFILLED:
            node.phase, node.message, node.finished_at = "Error", message, now
            found.append(Row(NODE, uid, key, _encoder.encode(node)))
    return found
