"""serving.kserve.io InferenceService and InferenceGraph: what KServe's webhooks do, at the same door."""

from __future__ import annotations

from pinnace.kinds import serving, serving_graph
from pinnace.objects.admission.rules import Rules

INFERENCE_SERVICE = Rules(mutate=serving.default, check=serving.check, change=serving.change)
INFERENCE_GRAPH = Rules(check=serving_graph.check)
