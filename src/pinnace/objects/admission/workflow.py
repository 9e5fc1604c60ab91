"""Argo's documents of past versions, and Workflows that kfp 1.8 compiled.

That compiler writes `parallelism: 0` into every loop and means no limit. The definitions of today's Argo
Workflows want at least 1; those that Kubeflow Pipelines brought with it let it pass. Other Workflows are
judged as they are.
"""

from __future__ import annotations

from pinnace.kinds import argo_older
from pinnace.kinds.resource import Obj
from pinnace.objects.admission.rules import Rules

COMPILER = "pipelines.kubeflow.org/kfp_sdk_version"


def compiled(obj: Obj) -> bool:
    return COMPILER in (obj["metadata"].get("annotations") or ())


def forgive(obj: Obj) -> None:
    spec = obj.get("spec")
    templates = spec.get("templates") if isinstance(spec, dict) else None
    for template in templates if isinstance(templates, list) else ():
        if isinstance(template, dict) and template.get("parallelism") == 0:
            del template["parallelism"]


ARGO = Rules(older=argo_older.modernise)
COMPILED = Rules(mutate=forgive, concerns=compiled, older=argo_older.modernise)
