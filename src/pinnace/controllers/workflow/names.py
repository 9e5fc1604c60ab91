"""Node IDs and pod names, as every floor spells them (`authoring/argo/names`)."""

from __future__ import annotations

from pinnace.authoring.argo.names import OFFSET, fnv, node_id, pod_name

__all__ = ["OFFSET", "fnv", "node_id", "pod_name"]
