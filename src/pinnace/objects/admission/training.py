"""kubeflow.org training kinds and what they are made of: what upstream's webhooks do, at the same door."""

from __future__ import annotations

from pinnace.kinds import jobset, jobset_rules, mpijob, trainer, training_older
from pinnace.objects.admission.rules import Rules

OLDER = Rules(mutate=training_older.modernise)
"""Documents of past versions become today's."""
JOB_SET = Rules(mutate=jobset.default, check=jobset_rules.check, change=jobset.change)
TRAIN_JOB = Rules(prepare=trainer.dated, check=trainer.check, change=trainer.change)
MPI_JOB = Rules(carry=mpijob.carry)
