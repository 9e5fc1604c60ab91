"""What a Workflow gets before it runs: labels of `workflowMetadata`, the finalizer of artifactGC.

Pure. Caller: `controller`. Source: upstream operator.go updateWorkflowMetadata, artifact_gc.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.authoring.argo.expression.evaluate import evaluate, references
from pinnace.controllers.workflow import variables
from pinnace.controllers.workflow.retry import span
from pinnace.controllers.workflow.scope import Globals, Scope
from pinnace.controllers.workflow.tags import Text
from pinnace.controllers.workflow.template import TemplateError
from pinnace.kinds.argo import DOMAIN, text
from pinnace.kinds.resource import Obj

FINALIZER = f"{DOMAIN}artifact-gc"
COLLECTING = ("OnWorkflowCompletion", "OnWorkflowDeletion")
_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def born(obj: Obj, spec: Obj) -> Obj:
    """Raises TemplateError, as the workflow's message."""
    delay = text((spec.get("podGC") or {}).get("deleteDelayDuration") or "")
    if delay:
        try:
            span(delay)
        except ExpressionError as error:
            raise TemplateError(f"spec.podGC.deleteDelayDuration: {error}") from None
    declared = spec.get("workflowMetadata")
    collects = any(strategy in COLLECTING for strategy in strategies(spec))
    if not declared and not collects:
        return obj
    meta = dict(obj["metadata"])
    if declared:
        meta["labels"] = {**(meta.get("labels") or {}), **_labels(obj, spec, declared)}
        meta["annotations"] = {**(meta.get("annotations") or {}), **(declared.get("annotations") or {})}
    if collects and FINALIZER not in (meta.get("finalizers") or ()):
        meta["finalizers"] = [*(meta.get("finalizers") or ()), FINALIZER]
    return {**obj, "metadata": meta}


def strategies(spec: Obj) -> Iterator[str]:
    """Every artifactGC that is declared: the workflow's, then those of single artifacts."""
    yield str((spec.get("artifactGC") or {}).get("strategy") or "")
    for template in spec.get("templates") or ():
        for artifact in (template.get("outputs") or {}).get("artifacts") or ():
            yield str((artifact.get("artifactGC") or {}).get("strategy") or "")


def _labels(obj: Obj, spec: Obj, declared: Obj) -> dict[str, str]:
    found = {}
    for name, value in (declared.get("labels") or {}).items():
        if not _VALUE.fullmatch(str(value)):
            raise TemplateError(f'invalid label value "{value}" for label "{name}"')
        found[name] = str(value)
    scope = Scope(_globals(obj, spec), {}, {})
    for name, origin in (declared.get("labelsFrom") or {}).items():
        found[name] = _label(name, str(origin.get("expression") or ""), scope)
    return found


def _globals(obj: Obj, spec: Obj) -> Globals:
    made = Globals(variables.of(obj, spec))
    for parameter in (spec.get("arguments") or {}).get("parameters") or ():
        value = parameter.get("value", parameter.get("default"))
        if value is not None:
            shown = text(value)
            shown = Text.of(shown).render(Scope(made, {}, {})) if "{{" in shown else shown
            made.set(f"workflow.parameters.{parameter.get('name')}", shown)
    return made


def _label(name: str, source: str, scope: Scope) -> str:
    try:
        value = evaluate(source, scope.environment(references(source)))
    except ExpressionError as error:
        raise TemplateError(f'failed to evaluate label "{name}" expression "{source}": {error}') from None
    if not isinstance(value, str):
        kind = "nil" if value is None else type(value).__name__
        words = f'failed to evaluate label "{name}" expression "{source}" evaluated to {kind}'
        raise TemplateError(f"{words} but must be a string")
    if not _VALUE.fullmatch(value):
        raise TemplateError(f'invalid label value "{value}" for label "{name}" and expression "{source}"')
    return value
