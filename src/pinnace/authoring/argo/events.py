"""What a WorkflowEventBinding makes of an event: nothing, or a Workflow. Pure.

Called by `objects/bindings`. Source: upstream server/event/dispatch/operation.go. Of an event's headers only
those that begin with `x-` are seen: others carry credentials.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.authoring.argo.expression.evaluate import evaluate
from pinnace.authoring.argo.expression.values import to_json
from pinnace.kinds.argo import DOMAIN, WORKFLOW
from pinnace.kinds.resource import Obj

BINDING = f"{DOMAIN}workflow-event-binding"
CREATOR = f"{DOMAIN}creator"
_FOREIGN = re.compile(r"[^-_.a-z0-9A-Z]")


class Undispatched(Exception):
    """Why nothing came of an event that was meant; the text of the binding's Event."""


def environment(
    namespace: str, discriminator: str, payload: Any, headers: Mapping[str, list[str]]
) -> dict[str, Any]:
    """What selectors and parameters are expressions over."""
    said = {name.lower(): list(values) for name, values in headers.items()}
    return {
        "namespace": namespace,
        "discriminator": discriminator,
        "payload": payload,
        "metadata": {name: values for name, values in said.items() if name.startswith("x-")},
    }


def matches(binding: Obj, env: dict[str, Any]) -> bool:
    """Raises Undispatched."""
    selector = ((binding.get("spec") or {}).get("event") or {}).get("selector") or ""
    found = _evaluated(selector, env, "failed to evaluate workflow template expression")
    if not isinstance(found, bool):
        words = f"unable to cast expression result '{to_json(found)}' to bool"
        raise Undispatched(f"failed to evaluate workflow template expression: {words}")
    return found


def workflow(binding: Obj, env: dict[str, Any], creator: str, suffix: str) -> Obj:
    """The Workflow to make. `suffix`: what makes its name one of its own. Raises Undispatched."""
    submit = binding["spec"]["submit"]
    reference = submit["workflowTemplateRef"]
    cluster = bool(reference.get("clusterScope"))
    meta = _metadata(submit.get("metadata") or {}, env)
    name = meta.pop("name", "") or meta.pop("generateName", f"{reference['name']}-") + suffix
    kind = "cluster-workflow-template" if cluster else "workflow-template"
    labels = {
        f"{DOMAIN}{kind}": reference["name"],
        **meta.get("labels", {}),
        BINDING: binding["metadata"]["name"],
    }
    if creator:
        labels[CREATOR] = _FOREIGN.sub("-", creator)[-63:].strip("-_.")
    given = [_parameter(one, env) for one in (submit.get("arguments") or {}).get("parameters") or ()]
    spec: Obj = {"workflowTemplateRef": dict(reference)}
    if given:
        spec["arguments"] = {"parameters": given}
    if artifacts := (submit.get("arguments") or {}).get("artifacts"):
        spec.setdefault("arguments", {})["artifacts"] = artifacts
    notes = {"annotations": meta["annotations"]} if meta.get("annotations") else {}
    namespace = binding["metadata"].get("namespace") or "default"
    return {
        "apiVersion": WORKFLOW.api_version,
        "kind": WORKFLOW.kind,
        "metadata": {"name": name, "namespace": namespace, "labels": labels, **notes},
        "spec": spec,
    }


def _metadata(given: Obj, env: dict[str, Any]) -> dict[str, Any]:
    """Every value of it is an expression."""
    found: dict[str, Any] = {}
    for key in ("name", "generateName"):
        if given.get(key):
            found[key] = _text(given[key], env, key)
    for key, one in (("labels", "label"), ("annotations", "annotation")):
        found[key] = {
            name: _text(source, env, f'{one} "{name}"') for name, source in (given.get(key) or {}).items()
        }
    return found


def _text(source: str, env: dict[str, Any], what: str) -> str:
    found = _evaluated(source, env, f"failed to evaluate workflow {what} expression")
    if not isinstance(found, str):
        raise Undispatched(f"workflow {what} expression must evaluate to a string, not {to_json(found)}")
    return found


def _parameter(one: Obj, env: dict[str, Any]) -> Obj:
    name, source = one.get("name"), one.get("valueFrom")
    if source is None:
        raise Undispatched(f'malformed workflow template parameter "{name}": valueFrom is nil')
    problem = f'failed to evaluate workflow template parameter "{name}" expression'
    found = _evaluated(source.get("event") or "", env, problem)
    return {"name": name, "value": found if isinstance(found, str) else to_json(found)}


def _evaluated(source: str, env: dict[str, Any], problem: str) -> Any:
    try:
        return evaluate(source, env)
    except ExpressionError as error:
        raise Undispatched(f"{problem}: {error}") from None
