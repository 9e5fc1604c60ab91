"""The API's JSON of each record. Field names are those of `v2beta1` (snake_case, int64 as text, RFC 3339)."""

from __future__ import annotations

import time
from typing import Any

from pinnace.api.kfp import tasks
from pinnace.authoring.kfp.submission import told
from pinnace.kinds.resource import Obj

REQUESTED = (
    "description",
    "pipeline_spec",
    "pipeline_version_reference",
    "runtime_config",
    "service_account",
    "plugins_input",
)


def _created(record: Obj) -> str:
    return str(record["metadata"]["creationTimestamp"])


def experiment(record: Obj, last_run: str = "") -> Obj:
    spec, status = record["spec"], record.get("status") or {}
    return {
        "experiment_id": record["metadata"]["name"],
        "display_name": spec["displayName"],
        "description": spec.get("description") or "",
        "created_at": _created(record),
        "namespace": spec.get("namespace") or "",
        "storage_state": status.get("storageState") or "AVAILABLE",
        "last_run_created_at": last_run or "1970-01-01T00:00:00Z",
    }


def pipeline(record: Obj) -> Obj:
    spec = record["spec"]
    return _given(
        {
            "pipeline_id": record["metadata"]["name"],
            "display_name": spec["displayName"],
            "name": spec["name"],
            "description": spec.get("description"),
            "created_at": _created(record),
            "namespace": spec.get("namespace"),
            "tags": spec.get("tags"),
        }
    )


def version(record: Obj) -> Obj:
    spec = record["spec"]
    return _given(
        {
            "pipeline_id": spec["pipelineId"],
            "pipeline_version_id": record["metadata"]["name"],
            "display_name": spec["displayName"],
            "name": spec["name"],
            "description": spec.get("description"),
            "created_at": _created(record),
            "pipeline_spec": spec["pipelineSpec"],
            "code_source_url": spec.get("codeSourceUrl"),
            "tags": spec.get("tags"),
        }
    )


def run(record: Obj, workflow: Obj | None, details: Obj | None = None) -> Obj:
    """`workflow`: while there is one, it knows the state better than the record."""
    spec, status = record["spec"], record.get("status") or {}
    if workflow is not None:
        status = told(record, workflow, time.time()) or status
    made = {
        "run_id": record["metadata"]["name"],
        "experiment_id": spec.get("experimentId"),
        "display_name": spec["displayName"],
        "storage_state": status.get("storageState") or "AVAILABLE",
        "created_at": _created(record),
        "scheduled_at": spec.get("scheduledAt") or _created(record),
        "finished_at": status.get("finishedAt") or "0001-01-01T00:00:00Z",
        "state": status.get("state"),
        "error": status.get("error"),
        "recurring_run_id": spec.get("recurringRunId"),
        "state_history": status.get("history"),
        "run_details": tasks.shown(details),
    }
    request = spec.get("request") or {}
    return _given({**{key: request.get(key) for key in REQUESTED}, **made})


def recurring(record: Obj) -> Obj:
    spec = record["spec"]
    request = spec.get("request") or {}
    enabled = bool(spec.get("enabled"))
    keys = (*REQUESTED, "trigger", "no_catchup")
    return _given(
        {
            **{key: request.get(key) for key in keys},
            "recurring_run_id": record["metadata"]["name"],
            "display_name": spec["displayName"],
            "experiment_id": spec.get("experimentId"),
            "max_concurrency": str(spec.get("maxConcurrency") or 1),
            "mode": "ENABLE" if enabled else "DISABLE",
            "status": "ENABLED" if enabled else "DISABLED",
            "created_at": _created(record),
            "updated_at": (record.get("status") or {}).get("updatedAt") or _created(record),
            "namespace": spec.get("namespace") or "",
        }
    )


def _given(document: dict[str, Any]) -> Obj:
    return {key: value for key, value in document.items() if value is not None}
