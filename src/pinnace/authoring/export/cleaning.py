"""What a cluster's server sets by itself, and what only means something on this machine, leaves a document.

Callers: `bundle` for every exported object. Invariant: what is left is what a person would have written;
applying it again changes nothing that somebody chose.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from pinnace.kinds.resource import Obj

DOMAIN = "pinnace.dev/"
KEPT = frozenset({"name", "labels", "annotations"})
"""Of metadata. Owners, uids, times, finalizers and managers belong to the server that wrote them."""
LABELS = frozenset((
    "controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name",
    "workflows.argoproj.io/phase", "workflows.argoproj.io/completed", "workflows.argoproj.io/creator",
    "workflows.argoproj.io/controller-instanceid", "pod-template-hash", "controller-revision-hash",
    "kubernetes.io/metadata.name",
))  # fmt: skip
ANNOTATIONS = (
    "kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision",
    "workflows.argoproj.io/pod-name-format", "pv.kubernetes.io/", "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/", "control-plane.alpha.kubernetes.io/",
    "deprecated.daemonset.template.generation",
    "batch.kubernetes.io/job-tracking", "meta.helm.sh/",
)  # fmt: skip
MARKS = frozenset((f"{DOMAIN}memoize",))
"""Annotations of ours that say what the author wants and that a cluster rightly ignores."""


def cleaned(obj: Obj) -> Obj:
    """A new document; the namespace goes too (the overlay names it)."""
    made: Obj = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata(obj)}
    for key, value in obj.items():
        if key not in ("apiVersion", "kind", "metadata", "status"):
            made[key] = copy.deepcopy(value)
    refine = OWN.get(f"{obj['kind']}.{obj['apiVersion'].rpartition('/')[0]}")
    if refine is not None:
        refine(made)
    return dict(without_marks(made))


def written_as(obj: Obj) -> str:
    """The apiVersion that its author wrote, where the server knows several of the kind."""
    given = obj.get("metadata") or {}
    applied = (given.get("annotations") or {}).get("kubectl.kubernetes.io/last-applied-configuration")
    if applied:
        try:
            return str(json.loads(applied).get("apiVersion") or obj["apiVersion"])
        except (ValueError, AttributeError):
            return str(obj["apiVersion"])
    for entry in given.get("managedFields") or ():
        if not entry.get("subresource") and "f:spec" in (entry.get("fieldsV1") or {}):
            return str(entry.get("apiVersion") or obj["apiVersion"])
    return str(obj["apiVersion"])


def metadata(obj: Obj) -> Obj:
    given = obj.get("metadata") or {}
    kept: Obj = {"name": plain_name(given)}
    labels = {k: v for k, v in (given.get("labels") or {}).items() if local(k) is False and k not in LABELS}
    notes = {
        k: v
        for k, v in (given.get("annotations") or {}).items()
        if (local(k) is False or k in MARKS) and not k.startswith(ANNOTATIONS)
    }
    if labels:
        kept["labels"] = labels
    if notes:
        kept["annotations"] = notes
    return kept


def local(key: str) -> bool:
    return key.startswith(DOMAIN)


def plain_name(given: Obj) -> str:
    """Without what `generateName` put behind: applying wants a name, and a person none of random letters."""
    prefix = str(given.get("generateName") or "").rstrip("-.")
    name = str(given.get("name") or "")
    if prefix and (not name or name.startswith(prefix)):
        return prefix
    return name or "unnamed"


def without_marks(value: Any) -> Any:
    """Our annotations and labels in templates of Pods too."""
    if isinstance(value, list):
        return [without_marks(one) for one in value]
    if not isinstance(value, dict):
        return value
    made = {key: without_marks(one) for key, one in value.items()}
    if isinstance(made.get("metadata"), dict):
        for group in ("labels", "annotations"):
            given = made["metadata"].get(group)
            if isinstance(given, dict):
                given = {k: v for k, v in given.items() if not local(k) or k in MARKS}
                made["metadata"] = {k: v for k, v in made["metadata"].items() if k != group}
                if given:
                    made["metadata"][group] = given
        made["metadata"].pop("creationTimestamp", None)
    return made


def _claim(obj: Obj) -> None:
    for field in ("volumeName", "volumeMode"):
        if field == "volumeName" or obj["spec"].get(field) == "Filesystem":
            obj["spec"].pop(field, None)
    if obj["spec"].get("storageClassName") == LOCAL_CLASS:
        del obj["spec"]["storageClassName"]


LOCAL_CLASS = "standard"
"""This machine's own default class: the cluster's default takes its place."""


def _service(obj: Obj) -> None:
    spec = obj["spec"]
    if spec.get("clusterIP") not in (None, "None"):
        spec.pop("clusterIP")
        spec.pop("clusterIPs", None)
    for field in ("ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy", "healthCheckNodePort"):
        spec.pop(field, None)
    for port in spec.get("ports") or ():
        port.pop("nodePort", None)


def _job(obj: Obj) -> None:
    spec = obj["spec"]
    if not spec.get("manualSelector"):
        spec.pop("selector", None)
        labels = (spec.get("template") or {}).get("metadata", {}).get("labels") or {}
        for name in LABELS & labels.keys():
            del labels[name]


def _account(obj: Obj) -> None:
    """Tokens' secrets are the server's."""
    obj.pop("secrets", None)


def _workflow(obj: Obj) -> None:
    for field in ("shutdown", "suspend"):
        obj["spec"].pop(field, None)


OWN = {
    "PersistentVolumeClaim.": _claim,
    "Service.": _service,
    "Job.batch": _job,
    "ServiceAccount.": _account,
    "Workflow.argoproj.io": _workflow,
}
