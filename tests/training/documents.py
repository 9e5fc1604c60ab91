"""Training jobs as short as they can be, for the tests of this family."""

from __future__ import annotations

from typing import Any

from pinnace.kinds import training
from pinnace.kinds.resource import Obj
from pinnace.kinds.training import Family


def replica(family: Family, count: int = 1, restart: str = "", **container: Any) -> Obj:
    main = {"name": family.container, "image": "alpine", "command": ["true"], **container}
    spec: Obj = {"replicas": count, "template": {"spec": {"containers": [main]}}}
    return {**spec, "restartPolicy": restart} if restart else spec


def job(
    family: Family, name: str = "mnist", *, restart: str = "", policy: Obj | None = None, **counts: Any
) -> Obj:
    """`counts`: replica type to number; what else is given goes into the spec."""
    types = {kind: number for kind, number in counts.items() if kind[0].isupper()}
    rest = {key: value for key, value in counts.items() if key not in types}
    spec: Obj = {family.specs: {kind: replica(family, number, restart) for kind, number in types.items()}}
    if policy is not None:
        spec["runPolicy"] = policy
    return {"metadata": {"name": name}, "spec": {**spec, **rest}}


TF, TORCH = training.TF_JOB, training.PYTORCH_JOB
