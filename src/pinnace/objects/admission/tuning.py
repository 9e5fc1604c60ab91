"""kubeflow.org Experiment: what Katib's two webhooks do, at the same door."""

from __future__ import annotations

from pinnace.kinds import katib_rules
from pinnace.objects.admission.rules import Rules

EXPERIMENT = Rules(mutate=katib_rules.default, check=katib_rules.check, change=katib_rules.change)
