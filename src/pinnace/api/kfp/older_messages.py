"""The API's JSON as `v1beta1` had it, made of `v2beta1`'s. Pure. Caller: `older`.

Source: kubeflow/pipelines backend/api/v1beta1/*.proto.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec import UNSET

from pinnace.authoring.kfp.ir import IrError, package
from pinnace.authoring.kfp.values import shown
from pinnace.kinds.resource import Obj

STATUS = {
    "PENDING": "Pending", "RUNNING": "Running", "SUCCEEDED": "Succeeded", "FAILED": "Failed",
    "SKIPPED": "Skipped", "CANCELING": "Terminating", "CANCELED": "Failed", "PAUSED": "Pending",
}
OWNER, CREATOR = "OWNER", "CREATOR"


def experiment(found: Obj) -> Obj:
    made = {
        "id": found["experiment_id"],
        "name": found["display_name"],
        "description": found["description"],
        "created_at": found["created_at"],
        "storage_state": f"STORAGESTATE_{found['storage_state']}",
    }
    if found["namespace"]:
        made["resource_references"] = [reference("NAMESPACE", found["namespace"], OWNER)]
    return made


def pipeline(found: Obj, latest: Obj | None) -> Obj:
    """`latest`: its newest version as `v2beta1` shows it."""
    made = {
        "id": found["pipeline_id"],
        "name": found["display_name"],
        "description": found.get("description") or "",
        "created_at": found["created_at"],
    }
    if latest is not None:
        made["default_version"] = version(latest)
        made["parameters"] = made["default_version"].get("parameters") or []
    return made


def version(found: Obj) -> Obj:
    return {
        "id": found["pipeline_version_id"],
        "name": found["display_name"],
        "description": found.get("description") or "",
        "created_at": found["created_at"],
        "parameters": inputs(found.get("pipeline_spec") or {}),
        "resource_references": [reference("PIPELINE", found["pipeline_id"], OWNER)],
    }


def inputs(document: Obj) -> list[Obj]:
    """The pipeline's parameters with their defaults as text."""
    try:
        declared = package(document).pipeline.root.input_definitions.parameters
    except IrError:
        return []
    return [
        {"name": name} if one.default_value is UNSET else {"name": name, "value": shown(one.default_value)}
        for name, one in declared.items()
    ]


def run(found: Obj, experiment_name: str = "", measured: Sequence[Obj] = ()) -> Obj:
    """`measured`: the run's metrics as its record keeps them."""
    references = []
    if found.get("experiment_id"):
        references.append(reference("EXPERIMENT", found["experiment_id"], OWNER, experiment_name))
    origin = found.get("pipeline_version_reference") or {}
    if origin.get("pipeline_version_id"):
        references.append(reference("PIPELINE_VERSION", origin["pipeline_version_id"], CREATOR))
    if found.get("recurring_run_id"):
        references.append(reference("JOB", found["recurring_run_id"], CREATOR))
    made = {
        "id": found["run_id"],
        "name": found["display_name"],
        "description": found.get("description") or "",
        "storage_state": f"STORAGESTATE_{found['storage_state']}",
        "created_at": found["created_at"],
        "scheduled_at": found["scheduled_at"],
        "finished_at": found["finished_at"],
        "status": STATUS.get(found["state"], ""),
        "resource_references": references,
        "pipeline_spec": spec(found),
        "service_account": found.get("service_account") or "",
    }
    if found.get("error"):
        made["error"] = found["error"]["message"]
    if measured:
        made["metrics"] = list(measured)
    return made


def job(found: Obj) -> Obj:
    enabled = found["mode"] == "ENABLE"
    origin = found.get("pipeline_version_reference") or {}
    references = [reference("EXPERIMENT", found["experiment_id"], OWNER)]
    if origin.get("pipeline_version_id"):
        references.append(reference("PIPELINE_VERSION", origin["pipeline_version_id"], CREATOR))
    return {
        "id": found["recurring_run_id"],
        "name": found["display_name"],
        "description": found.get("description") or "",
        "pipeline_spec": spec(found),
        "resource_references": references,
        "service_account": found.get("service_account") or "",
        "max_concurrency": found["max_concurrency"],
        "trigger": found.get("trigger") or {},
        "mode": "ENABLED" if enabled else "DISABLED",
        "enabled": enabled,
        "status": found["status"].capitalize(),
        "created_at": found["created_at"],
        "updated_at": found["updated_at"],
        "no_catchup": bool(found.get("no_catchup")),
    }


def spec(found: Obj) -> Obj:
    """What was run: a manifest with its parameters."""
    given = (found.get("runtime_config") or {}).get("parameters") or {}
    origin = found.get("pipeline_version_reference") or {}
    document = found.get("pipeline_spec")
    made: Obj = {"parameters": [{"name": name, "value": shown(value)} for name, value in given.items()]}
    if origin.get("pipeline_id"):
        made["pipeline_id"] = origin["pipeline_id"]
    if document is not None:
        field = "workflow_manifest" if document.get("kind") == "Workflow" else "pipeline_manifest"
        made[field] = json.dumps(document)
    return made


def reference(kind: str, name: str, relationship: str, shown_name: str = "") -> Obj:
    made: Obj = {"key": {"type": kind, "id": name}, "relationship": relationship}
    return {**made, "name": shown_name} if shown_name else made


def referred(given: Obj, kind: str) -> str:
    """The id of the first reference of that kind."""
    for one in given.get("resource_references") or []:
        if (one.get("key") or {}).get("type") == kind:
            return str(one["key"].get("id") or "")
    return ""
