"""A Workflow as somebody submits it: from a template or a schedule, with names, labels and parameters of
their own.

Pure. Source of the rules: upstream workflow/util (ApplySubmitOpts), workflow/common (convert.go). Callers:
`api/argo`, the edits beside this.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from pinnace.authoring.argo.mistake import Mistake
from pinnace.kinds.argo import DOMAIN, GROUP, VERSION
from pinnace.kinds.resource import Obj

KEYED = ("s3", "gcs", "oss", "azure", "hdfs", "plugin")
_KEYS = {"azure": "blob", "hdfs": "path"}


def blank(generate_name: str, labels: Obj) -> Obj:
    return {
        "apiVersion": f"{GROUP}/{VERSION}", "kind": "Workflow",
        "metadata": {"generateName": generate_name, "labels": labels, "annotations": {}}, "spec": {},
    }


def from_template(name: str, *, cluster: bool) -> Obj:
    """A Workflow that runs a WorkflowTemplate (or a ClusterWorkflowTemplate) by reference."""
    kind = "cluster-workflow-template" if cluster else "workflow-template"
    made = blank(f"{name}-", {f"{DOMAIN}{kind}": name})
    made["spec"]["workflowTemplateRef"] = {"name": name, **({"clusterScope": True} if cluster else {})}
    return made


def from_schedule(cron: Obj) -> Obj:
    """A Workflow as a CronWorkflow would make it, under a generated name."""
    meta, spec = cron["metadata"], cron.get("spec") or {}
    made = blank(f"{meta['name']}-", {f"{DOMAIN}cron-workflow": meta["name"]})
    made["spec"] = copy.deepcopy(spec.get("workflowSpec") or {})
    given = spec.get("workflowMetadata") or {}
    made["metadata"]["labels"].update(given.get("labels") or {})
    made["metadata"]["annotations"].update(given.get("annotations") or {})
    made["metadata"]["ownerReferences"] = [
        {
            "apiVersion": cron["apiVersion"], "kind": cron["kind"], "name": meta["name"], "uid": meta["uid"],
            "controller": True, "blockOwnerDeletion": True,
        }
    ]
    return made


def with_options(workflow: Obj, options: Obj, template: Obj | None = None) -> Obj:
    """The Workflow with `submitOptions`. `template`: what its workflowTemplateRef names. Raises Mistake."""
    made: Obj = copy.deepcopy(workflow)
    meta, spec = made["metadata"], made["spec"]
    for option, field in (
        ("entryPoint", "entrypoint"), ("entrypoint", "entrypoint"), ("serviceAccount", "serviceAccountName"),
        ("podPriorityClassName", "podPriorityClassName"), ("priority", "priority"),
    ):
        if options.get(option) not in (None, ""):
            spec[field] = options[option]
    for option in ("labels", "annotations"):
        meta[option] = {**(meta.get(option) or {}), **pairs(options.get(option) or "", option)}
    override(made, options.get("parameters") or ())
    _artifacts(spec, options.get("artifacts") or (), template)
    if options.get("generateName"):
        meta["generateName"] = options["generateName"]
    if options.get("name"):
        meta["name"] = options["name"]
    if options.get("ownerReference"):
        meta["ownerReferences"] = [*(meta.get("ownerReferences") or ()), options["ownerReference"]]
    return made


def pairs(text: str, what: str) -> dict[str, str]:
    """`a=b,c=d`. Raises Mistake."""
    found = {}
    for part in filter(None, text.split(",")):
        key, equals, value = part.partition("=")
        if not equals or not key:
            raise Mistake(f"expected {what} of the form: NAME1=VALUE2,NAME2=VALUE2. Received: {text}")
        found[key.strip()] = value.strip()
    return found


def override(workflow: Obj, parameters: Iterable[str]) -> None:
    """Arguments of the workflow, in its spec and in what it stored of its template. Raises Mistake."""
    given = [_parameter(one) for one in parameters]
    if not given:
        return
    names = {one["name"] for one in given}
    stored = (workflow.get("status") or {}).get("storedWorkflowTemplateSpec")
    old = _listed(workflow["spec"]) or (_listed(stored) if stored else [])
    merged = [*given, *(one for one in old if one.get("name") not in names)]
    for spec in filter(None, (workflow["spec"], stored)):
        spec["arguments"] = {**(spec.get("arguments") or {}), "parameters": merged}


def _listed(spec: Obj) -> list[Obj]:
    return list((spec.get("arguments") or {}).get("parameters") or ())


def _parameter(text: str) -> dict[str, str]:
    name, equals, value = str(text).partition("=")
    if not equals:
        raise Mistake(f"expected parameter of the form: NAME=VALUE. Received: {text}")
    return {"name": name, "value": value}


def _artifacts(spec: Obj, overrides: Iterable[str], template: Obj | None) -> None:
    wanted = dict(_override(one) for one in overrides)
    if not wanted:
        return
    own = list((spec.get("arguments") or {}).get("artifacts") or ())
    inherited = ((template or {}).get("spec") or {}).get("arguments") or {}
    known = own or [one for one in inherited.get("artifacts") or () if one.get("name") in wanted]
    names = {one.get("name") for one in known}
    if missing := sorted(wanted.keys() - names):
        raise Mistake(f"artifact override(s) matched no artifact: {', '.join(missing)}")
    made = [_keyed(one, wanted[one["name"]]) if one.get("name") in wanted else one for one in known]
    spec["arguments"] = {**(spec.get("arguments") or {}), "artifacts": made}


def _override(text: str) -> tuple[str, str]:
    name, _, key = str(text).partition("=")
    if not name or not key:
        raise Mistake(f"expected artifact of the form: NAME=KEY. Received: {text}")
    return name, key


def _keyed(artifact: Obj, key: str) -> Obj:
    place = next((one for one in KEYED if isinstance(artifact.get(one), dict)), "s3")
    if any(one in artifact for one in ("http", "git", "raw", "artifactory")):
        raise Mistake(f"failed to set key for artifact {artifact.get('name')}: its location has no key")
    location: dict[str, Any] = {**(artifact.get(place) or {}), _KEYS.get(place, "key"): key}
    return {**artifact, place: location}
