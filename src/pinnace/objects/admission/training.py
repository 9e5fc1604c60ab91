"""kubeflow.org training kinds: documents of past versions become today's at the door."""

from __future__ import annotations

from pinnace.kinds import training_older
from pinnace.objects.admission.rules import Rules

OLDER = Rules(mutate=training_older.modernise)
