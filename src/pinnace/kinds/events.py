"""Events under both of their groups: one storage, two shapes, as upstream converts between them.

Stored is the shape of core/v1, which every reader of ours knows. `objects/` asks for the other one where a
client speaks `events.k8s.io/v1`.
"""

from __future__ import annotations

from .resource import Obj

GROUP, STORED = "events.k8s.io", "events"
CORE, LATER = "v1", "events.k8s.io/v1"
NAMES = {
    "involvedObject": "regarding", "message": "note", "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp", "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount", "reportingComponent": "reportingController",
}
"""Fields of core/v1 and what the later group calls them; the others have one name."""
BACK = {later: core for core, later in NAMES.items()}


def converted(event: Obj, api_version: str) -> Obj:
    """
    >>> converted({"apiVersion": "v1", "message": "m", "reason": "R"}, "events.k8s.io/v1")
    {'apiVersion': 'events.k8s.io/v1', 'note': 'm', 'reason': 'R'}
    """
    names = NAMES if api_version == LATER else BACK
    return {**{names.get(key, key): value for key, value in event.items()}, "apiVersion": api_version}
