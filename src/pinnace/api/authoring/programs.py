"""Documents as programs (`python`), and pipelines as graphs (`pipeline`)."""

from __future__ import annotations

import copy
from typing import Any

from pinnace.api.authoring.asked import Asked, every, invalid
from pinnace.authoring.argo import hera
from pinnace.authoring.kfp import graph, ir
from pinnace.kinds import argo_older
from pinnace.kinds.resource import Obj


def python(asked: Asked) -> Any:
    """A program of Hera's, or of Kubeflow Pipelines' SDK, that makes the same document."""
    found = every(asked)
    if len(found) == 1 and str(found[0].get("apiVersion") or "").startswith("argoproj.io/"):
        return _hera(copy.deepcopy(found[0]))
    package = _package(found)
    from pinnace.authoring.kfp import code

    try:
        text, notes = code.program(package)
    except code.NoProgram as problem:
        raise invalid("document", str(problem)) from None
    name = package.pipeline.pipeline_info.name
    return {"name": f"{name}.py", "text": text, "sdk": "kfp", "notes": list(notes)}


def _hera(document: Obj) -> Obj:
    notes = list(argo_older.modernise(document)) if document.get("kind") in argo_older.KINDS else []
    try:
        text = hera.program(document)
    except hera.NoProgram as problem:
        raise invalid("document", str(problem)) from None
    meta = document.get("metadata") or {}
    name = str(meta.get("name") or str(meta.get("generateName") or "workflow").rstrip("-"))
    return {"name": f"{name}.py", "text": text, "sdk": "hera", "notes": notes}


def pipeline(asked: Asked) -> Any:
    try:
        return graph.draw(_package(every(asked)))
    except ir.IrError as problem:
        raise invalid("document", str(problem)) from None


def _package(found: list[Obj]) -> ir.Package:
    """Of one or two documents: the IR, and what it says of its platform. StatusError 422."""
    platforms = [one for one in found if "platforms" in one]
    specs = [one for one in found if "platforms" not in one]
    try:
        if len(specs) != 1 or len(platforms) > 1:
            raise ir.IrError(f"expected one PipelineSpec and at most one PlatformSpec, found {len(found)}")
        made = ir.package(specs[0])
    except ir.IrError as problem:
        raise invalid("document", str(problem)) from None
    return ir.Package(made.spec, platforms[0], made.pipeline) if platforms else made
