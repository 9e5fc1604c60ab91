"""serving.kserve.io InferenceService and InferenceGraph: what KServe's webhooks do, at the same door."""

from __future__ import annotations

from pinnace.kinds import serving, serving_graph, serving_older
from pinnace.kinds.resource import Obj
from pinnace.objects.admission.rules import Rules


def arrived(isvc: Obj) -> None:
    serving_older.modernise(isvc)
    serving.default(isvc)


INFERENCE_SERVICE = Rules(mutate=arrived, check=serving.check, change=serving.change)
INFERENCE_GRAPH = Rules(check=serving_graph.check)
