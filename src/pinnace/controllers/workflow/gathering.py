"""What a workflow keeps in objects beside itself: cache ConfigMaps and the claims of volumeClaimTemplates.

Callers: `live`, `controller`. Source: upstream workflow/controller/cache, operator.go createPVCs, deletePVCs.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pinnace.controllers.built_in import CLAIM, CONFIG_MAP, DISRUPTION_BUDGET
from pinnace.controllers.workflow.memo import Entry
from pinnace.kinds.argo import DOMAIN, Spec
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Client
from pinnace.objects.errors import StatusError

CACHE_LABELS = {"workflows.argoproj.io/configmap-type": "Cache"}


async def keep(client: Client, namespace: str, entry: Entry) -> None:
    """One memoized answer into its ConfigMap, which is made where it is missing."""
    data = {entry.key: msgspec.json.encode(entry.document()).decode()}
    try:
        await client.patch(CONFIG_MAP, entry.cache, namespace, {"data": data}, "merge")
    except StatusError as error:
        if error.code != 404:
            raise
        made: Obj = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "data": data,
            "metadata": {"name": entry.cache, "namespace": namespace, "labels": CACHE_LABELS},
        }
        await client.create(CONFIG_MAP, made, namespace)


async def create_claims(client: Client, obj: Obj, spec: Spec) -> str:
    """Every volumeClaimTemplate as `<workflow>-<name>`. The message of what was refused, or empty."""
    meta = obj["metadata"]
    owner = {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    for template in spec.volume_claim_templates or []:
        inner: dict[str, Any] = dict(template.get("metadata") or {})
        inner["name"] = f"{meta['name']}-{inner.get('name', '')}"
        inner["namespace"] = meta.get("namespace")
        inner["ownerReferences"] = [owner]
        claim = {**template, "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": inner}
        claim.pop("status", None)
        try:
            await client.create(CLAIM, claim, meta.get("namespace") or "")
        except StatusError as error:
            if error.reason != "AlreadyExists":
                return f"pvc create error: {error.message}"
    return ""


async def create_budget(client: Client, obj: Obj, spec: Spec) -> str:
    """The workflow's PodDisruptionBudget. The message of what was refused, or empty."""
    if not spec.pod_disruption_budget:
        return ""
    meta = obj["metadata"]
    owner = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": meta["name"], "uid": meta["uid"]}
    selector = {"matchLabels": {f"{DOMAIN}workflow": meta["name"]}}
    made: Obj = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {
            "name": meta["name"],
            "namespace": meta.get("namespace"),
            "labels": {f"{DOMAIN}workflow": meta["name"]},
            "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
        },
        "spec": {**spec.pod_disruption_budget, "selector": selector},
    }
    try:
        await client.create(DISRUPTION_BUDGET, made, meta.get("namespace") or "")
    except StatusError as error:
        if error.reason != "AlreadyExists":
            return f"Unable to create PDB resource for workflow, {meta['name']} error: {error.message}"
    return ""


async def delete_claims(client: Client, obj: Obj, spec: Spec, phase: str) -> None:
    """volumeClaimGC: by default only after success."""
    strategy = (spec.volume_claim_gc or {}).get("strategy") or "OnWorkflowSuccess"
    if strategy == "OnWorkflowSuccess" and phase != "Succeeded":
        return
    meta = obj["metadata"]
    for template in spec.volume_claim_templates or []:
        name = f"{meta['name']}-{(template.get('metadata') or {}).get('name', '')}"
        try:
            await client.delete(CLAIM, name, meta.get("namespace") or "")
        except StatusError as error:
            if error.code != 404:
                raise
