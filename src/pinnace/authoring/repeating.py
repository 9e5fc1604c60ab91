"""A recorded run as a manifest that runs it once more, for nothing but to see whether it does the same.

Pure. What would answer from memory is asked to compute; what a person answered is answered the same; what
acts on the world beside its outputs (a `resource` step whose result nobody reads) is left out and named.
Caller: `cli/rerun`.
"""

from __future__ import annotations

import copy
import json
from typing import Any

MEMOIZE = "pinnace.dev/memoize"
STEP = "pinnace.dev/pipeline-step"
ORIGIN = "pinnace.dev/rerun-of"
FOREIGN = ("workflows.argoproj.io/", "pipeline/", "pipelines.kubeflow.org/", "batch.kubernetes.io/",
           "kubectl.kubernetes.io/", "controller-uid", "job-name")
Document = dict[str, Any]


def again(run: Document, nodes: dict[str, Document]) -> tuple[Document, list[str]]:
    """The manifest, and in words what is different on purpose. `nodes`: a workflow's, by id."""
    meta = run["metadata"]
    made: Document = {
        "apiVersion": run["apiVersion"], "kind": run["kind"], "spec": copy.deepcopy(run.get("spec") or {}),
        "metadata": {
            "generateName": f"{meta['name'][:40].rstrip('-.')}-again-", "namespace": meta.get("namespace"),
            "labels": _own(meta.get("labels")),
            "annotations": {**_own(meta.get("annotations")), ORIGIN: meta["uid"]},
        },
    }
    made["metadata"]["annotations"].pop(MEMOIZE, None)
    notes = _workflow(made, run, nodes) if run["kind"] == "Workflow" else _other(made)
    return made, notes


def brought_back(manifest: Document, sources: list[Document]) -> tuple[Document, list[Document], list[str]]:
    """What read ConfigMaps that are others now, or gone, reads them as they were: the manifest, the
    ConfigMaps to make, and what to say."""
    made, notes = [], []
    for source in sources:
        if source["same"] or not source["content"]:
            continue
        name = f"{source['name'][:200]}-was-{source['digest'][:8]}"
        manifest = _renamed(manifest, source["name"], name)
        meta = {"name": name, "namespace": manifest["metadata"]["namespace"]}
        made.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, **source["content"]})
        notes.append(f"ConfigMap {source['name']} is not what it was: brought back as {name}")
    return manifest, made, notes


def _renamed(node: Any, old: str, new: str) -> Any:
    """Every reference to a ConfigMap."""
    if isinstance(node, list):
        return [_renamed(one, old, new) for one in node]
    if not isinstance(node, dict):
        return node
    done = {key: _renamed(one, old, new) for key, one in node.items()}
    for key in ("configMap", "configMapRef", "configMapKeyRef"):
        if isinstance(done.get(key), dict) and done[key].get("name") == old:
            done[key] = {**done[key], "name": new}
    return done


def _own(found: dict[str, str] | None) -> dict[str, str]:
    return {key: value for key, value in (found or {}).items() if not key.startswith(FOREIGN)}


def _workflow(made: Document, run: Document, nodes: dict[str, Document]) -> list[str]:
    stored = (run.get("status") or {}).get("storedWorkflowTemplateSpec")
    if stored:
        made["spec"] = {**copy.deepcopy(stored), "arguments": made["spec"].get("arguments")
                        or stored.get("arguments") or {}}
        made["spec"].pop("workflowTemplateRef", None)
    spec: Document = made["spec"]
    for name in ("ttlStrategy", "podGC", "shutdown", "suspend"):
        spec.pop(name, None)
    notes: list[str] = []
    for template in spec.get("templates") or []:
        template.pop("memoize", None)
        notes += _template(template, nodes)
    return notes


def _template(template: Document, nodes: dict[str, Document]) -> list[str]:
    name = template.get("name", "")
    for notes in (template.get("annotations"), (template.get("metadata") or {}).get("annotations")):
        if notes:
            notes.pop(MEMOIZE, None)
            if STEP in notes:
                notes[STEP] = json.dumps({**json.loads(notes[STEP]), "cached": False})
    if "resource" in template and not template.get("outputs"):
        template.pop("resource")
        template["suspend"] = {"duration": "0"}
        return [f"step {name} changes objects: it is left out"]
    if "suspend" in template:
        return _answered(template, nodes)
    return []


def _answered(template: Document, nodes: dict[str, Document]) -> list[str]:
    """A person's yes, and the values that came with it, as they were."""
    name = template.get("name", "")
    given = next((node for node in nodes.values() if node.get("templateName") == name), {})
    outputs = ((given.get("outputs") or {}).get("parameters")) or []
    values = {one["name"]: one.get("value", "") for one in outputs}
    for parameter in (template.get("outputs") or {}).get("parameters") or []:
        if parameter.get("name") in values:
            parameter.setdefault("valueFrom", {})["default"] = values[parameter["name"]]
    if (template["suspend"] or {}).get("duration"):
        return []
    template["suspend"] = {"duration": "0"}
    return [f"step {name} waited for a person: it is answered as it was then"]


SET_BY_CONTROLLERS = {"Job": ("selector", "manualSelector"), "InferenceService": ()}


def _other(made: Document) -> list[str]:
    spec: Document = made["spec"]
    for name in SET_BY_CONTROLLERS.get(made["kind"], ()):
        spec.pop(name, None)
    for template in _templates(spec):
        meta = template.get("metadata") or {}
        if "labels" in meta:
            meta["labels"] = _own(meta["labels"])
    if "runPolicy" in spec:
        spec["runPolicy"].pop("ttlSecondsAfterFinished", None)
    spec.pop("ttlSecondsAfterFinished", None)
    return []


def _templates(spec: Any) -> list[Document]:
    """Every pod template below a spec."""
    if isinstance(spec, list):
        return [found for one in spec for found in _templates(one)]
    if not isinstance(spec, dict):
        return []
    own = [spec["template"]] if isinstance(spec.get("template"), dict) else []
    return own + [found for one in spec.values() for found in _templates(one)]
