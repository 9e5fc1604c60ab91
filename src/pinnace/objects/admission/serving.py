"""serving.kserve.io InferenceService: what KServe's two webhooks do, at the same door."""

from __future__ import annotations

from pinnace.kinds import serving
from pinnace.objects.admission.rules import Rules

INFERENCE_SERVICE = Rules(mutate=serving.default, check=serving.check, change=serving.change)
