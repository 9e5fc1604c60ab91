"""What a run wants done: filled by its frames, emptied by `live`, `pinnace.testing` or a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinnace.kinds.argo import NodeStatus
from pinnace.kinds.resource import Obj

if TYPE_CHECKING:
    from pinnace.controllers.workflow.errands import Errand
    from pinnace.controllers.workflow.leaves import Act
    from pinnace.controllers.workflow.measures import Sample
    from pinnace.controllers.workflow.memo import Entry


class Outbox:
    """What the world has to do. Emptied by whoever takes it."""

    __slots__ = (
        *("acts", "artifacts", "errands", "memos", "nodes", "pods"),
        *("removals", "samples", "stood", "unlocked"),
    )

    def __init__(self) -> None:
        self.pods: list[Obj] = []
        self.nodes: dict[str, NodeStatus] = {}
        self.removals: list[str] = []
        """Names of pods to delete."""
        self.acts: list[Act] = []
        self.errands: list[Errand] = []
        """What the agent is to do."""
        self.artifacts: dict[str, Obj] = {}
        self.memos: list[Entry] = []
        self.samples: list[Sample] = []
        """Metrics to count, once this is committed."""
        self.stood: list[tuple[str, str, str]] = []
        """Pods that stand for a resource action which has ended: name, the node's phase and message."""
        self.unlocked: list[str] = []
        """Holders of locks that let go, once this is committed."""

    def __bool__(self) -> bool:
        return bool(
            self.pods
            or self.nodes
            or self.removals
            or self.acts
            or self.errands
            or self.artifacts
            or self.memos
            or self.unlocked
        )
