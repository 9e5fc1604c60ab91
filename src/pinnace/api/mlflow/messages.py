"""The registry's records as MLflow's messages. Pure.

Source: mlflow/protos service.proto, model_registry.proto.
"""

from __future__ import annotations

from typing import Any

from pinnace.objects.registry import records, runs, versions
from pinnace.objects.registry.records import MODEL, Record, Registry

NO_STAGE = "None"
STAGES = (NO_STAGE, "Staging", "Production", "Archived")
RUN_NAME = "mlflow.runName"
PROMPT = "mlflow.prompt.is_prompt"
"""The tag of prompts, which are kept as models; a model that has it not is none, and clients ask for that."""


def pairs(found: dict[str, str]) -> list[Record]:
    return [{"key": key, "value": value} for key, value in found.items()]


def experiment_id(number: int) -> str:
    return "0" if number == runs.FIRST else str(number)


def place(experiment: Record) -> str:
    """Where the files of an experiment lie."""
    return str(experiment.get("place") or f"mlflow-artifacts:/{experiment_id(experiment['id'])}")


def experiment(record: Record) -> Record:
    return {
        "experiment_id": experiment_id(record["id"]), "name": record["name"],
        "artifact_location": place(record), "lifecycle_stage": stage_of(record),
        "creation_time": record["createTimeSinceEpoch"],
        "last_update_time": record["lastUpdateTimeSinceEpoch"], "tags": pairs(records.tags(record)),
    }


def stage_of(record: Record) -> str:
    return "deleted" if record.get("state") == "ARCHIVED" else "active"


def metric(name: str, one: Record) -> Record:
    more = {key: one[key] for key in ("model_id", "dataset_name", "dataset_digest", "run_id") if one.get(key)}
    return {
        "key": name, "value": one["value"], "timestamp": int(one.get("timestamp") or 0),
        "step": int(one.get("step") or 0), **more,
    }


def run_info(registry: Registry, record: Record) -> Record:
    made: Record = {
        "run_id": record["uuid"], "run_uuid": record["uuid"], "run_name": record.get("name") or "",
        "experiment_id": experiment_id(record["experimentId"]), "user_id": record.get("owner") or "",
        "status": record.get("status") or "RUNNING", "artifact_uri": run_place(registry, record),
        "start_time": int(record.get("startTimeSinceEpoch") or record["createTimeSinceEpoch"]),
        "lifecycle_stage": stage_of(record),
    }
    if record.get("endTimeSinceEpoch"):
        made["end_time"] = int(record["endTimeSinceEpoch"])
    return made


def run_place(registry: Registry, record: Record) -> str:
    where = registry.table(records.EXPERIMENT)[record["experimentId"]]
    return f"{place(where).rstrip('/')}/{record['uuid']}/artifacts"


def run_tags(record: Record) -> dict[str, str]:
    found = records.tags(record)
    return {**found, RUN_NAME: record["name"]} if record.get("name") else found


def run(registry: Registry, record: Record) -> Record:
    metrics, params = record.get("metrics") or {}, record.get("params") or {}
    return {
        "info": run_info(registry, record),
        "data": {
            "metrics": [metric(name, one) for name, one in metrics.items()],
            "params": [{"key": name, "value": one["value"]} for name, one in params.items()],
            "tags": pairs(run_tags(record)),
        },
        "inputs": {
            "dataset_inputs": record.get("datasets") or [],
            "model_inputs": [{"model_id": name} for name in record.get("modelInputs") or []],
        },
        "outputs": {"model_outputs": record.get("modelOutputs") or []},
    }


def version(registry: Registry, record: Record) -> Record:
    model = registry.get(MODEL, record["registeredModelId"])
    aliases = [name for name, number in (model.get("aliases") or {}).items() if number == record["number"]]
    made: Record = {
        "name": model["name"], "version": str(record["number"]),
        "description": record.get("description") or "",
        "creation_timestamp": record["createTimeSinceEpoch"],
        "last_updated_timestamp": record["lastUpdateTimeSinceEpoch"], "user_id": record.get("author") or "",
        "current_stage": record.get("stage") or NO_STAGE, "source": versions.source(registry, record),
        "run_id": record.get("runUuid") or "", "run_link": record.get("runLink") or "", "status": "READY",
        "tags": pairs(version_tags(record)), "aliases": aliases,
    }
    if record.get("modelUuid"):
        made["model_id"] = record["modelUuid"]
    return made


def version_tags(record: Record) -> dict[str, str]:
    """A name that is no number would not be seen by MLflow's users otherwise."""
    found = records.tags(record)
    return found if record["name"] == str(record["number"]) else {**found, "version.name": record["name"]}


def model(registry: Registry, record: Record) -> Record:
    return {
        "name": record["name"], "description": record.get("description") or "",
        "creation_timestamp": record["createTimeSinceEpoch"],
        "last_updated_timestamp": record["lastUpdateTimeSinceEpoch"], "user_id": record.get("owner") or "",
        "tags": pairs(records.tags(record)), "latest_versions": latest(registry, record, STAGES),
        "aliases": [
            {"alias": name, "version": str(number)} for name, number in (record.get("aliases") or {}).items()
        ],
    }


def latest(registry: Registry, record: Record, stages: Any) -> list[Record]:
    """The newest version in each stage."""
    newest: dict[str, Record] = {}
    for one in versions.of(registry, record):
        stage = one.get("stage") or NO_STAGE
        if stage in stages and one["number"] >= newest.get(stage, one)["number"]:
            newest[stage] = one
    return [version(registry, one) for one in newest.values()]


def logged_place(registry: Registry, record: Record) -> str:
    where = registry.table(records.EXPERIMENT)[record["experimentId"]]
    return f"{place(where).rstrip('/')}/models/{record['uuid']}/artifacts"


def logged(registry: Registry, record: Record) -> Record:
    registrations = [
        {"name": registry.get(MODEL, one["registeredModelId"])["name"], "version": str(one["number"])}
        for one in registry.where(records.VERSION, modelUuid=record["uuid"])
    ]
    return {
        "info": {
            "model_id": record["uuid"], "experiment_id": experiment_id(record["experimentId"]),
            "name": record.get("name") or "", "creation_timestamp_ms": record["createTimeSinceEpoch"],
            "last_updated_timestamp_ms": record["lastUpdateTimeSinceEpoch"],
            "artifact_uri": logged_place(registry, record), "status": record["status"],
            "model_type": record.get("modelType") or "", "source_run_id": record.get("runUuid") or "",
            "tags": pairs(records.tags(record)), "registrations": registrations,
        },
        "data": {
            "params": pairs(record.get("params") or {}),
            "metrics": [metric(one["key"], one) for one in record.get("metrics") or []],
        },
    }
