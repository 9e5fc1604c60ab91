"""The Model Registry's documents: which fields each kind has, read strictly and shown as upstream shows them.

Pure. Source: kubeflow/model-registry api/openapi/model-registry.yaml (v1alpha3).
"""

from __future__ import annotations

from typing import Any

import msgspec

from pinnace.objects.registry import records
from pinnace.objects.registry.records import Record, Unfit

COMMON = ("name", "description", "externalId", "customProperties")
ARTIFACT_STATES = (
    "UNKNOWN", "PENDING", "LIVE", "MARKED_FOR_DELETION", "DELETED", "ABANDONED", "REFERENCE",
)
LIFE = ("LIVE", "ARCHIVED")
FINAL = frozenset({"name", "artifactType", "registeredModelId", "servingEnvironmentId", "experimentId"})
"""Fields that an update does not change."""


class Entity(msgspec.Struct, frozen=True):
    """`refs` are ids of other records: field → kind. `enums`: field → values, the first is the default."""

    kind: str
    path: str
    fields: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    refs: dict[str, str] = {}
    enums: dict[str, tuple[str, ...]] = {}
    times: tuple[str, ...] = ()


ENTITIES = (
    Entity(
        records.MODEL, "registered_model", required=("name",), enums={"state": LIFE},
        fields=(
            "owner", "state", "readme", "maturity", "language", "tasks", "provider", "logo", "license",
            "licenseLink", "libraryName",
        ),
    ),
    Entity(
        records.VERSION, "model_version", ("author", "state", "registeredModelId"),
        ("name", "registeredModelId"), {"registeredModelId": records.MODEL}, {"state": LIFE},
    ),
    Entity(
        records.EXPERIMENT, "experiment", ("owner", "state"), ("name",), enums={"state": LIFE},
    ),
    Entity(
        records.RUN, "experiment_run",
        ("owner", "state", "status", "experimentId", "startTimeSinceEpoch", "endTimeSinceEpoch"),
        ("experimentId",), {"experimentId": records.EXPERIMENT},
        {"state": LIFE, "status": ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")},
        ("startTimeSinceEpoch", "endTimeSinceEpoch"),
    ),
    Entity(records.ENVIRONMENT, "serving_environment", required=("name",)),
    Entity(
        records.SERVICE, "inference_service",
        ("registeredModelId", "servingEnvironmentId", "modelVersionId", "runtime", "desiredState"),
        ("registeredModelId", "servingEnvironmentId"),
        {
            "registeredModelId": records.MODEL, "servingEnvironmentId": records.ENVIRONMENT,
            "modelVersionId": records.VERSION,
        },
        {"desiredState": ("DEPLOYED", "UNDEPLOYED")},
    ),
    Entity(
        records.SERVE, "serve", ("modelVersionId", "lastKnownState"), ("modelVersionId",),
        {"modelVersionId": records.VERSION},
        {"lastKnownState": ("UNKNOWN", "NEW", "RUNNING", "COMPLETE", "FAILED", "CACHED", "CANCELED")},
    ),
)
_ARTIFACT: dict[str, tuple[str, ...]] = {"state": ARTIFACT_STATES}
ARTIFACTS: dict[str, Entity] = {
    "model-artifact": Entity(
        records.ARTIFACT, "artifact", enums=_ARTIFACT,
        fields=(
            "uri", "state", "modelFormatName", "modelFormatVersion", "storageKey", "storagePath",
            "serviceAccountName", "modelSourceKind", "modelSourceClass", "modelSourceGroup", "modelSourceId",
            "modelSourceName",
        ),
    ),
    "doc-artifact": Entity(records.ARTIFACT, "artifact", ("uri", "state"), enums=_ARTIFACT),
    "dataset-artifact": Entity(
        records.ARTIFACT, "artifact",
        ("uri", "state", "digest", "sourceType", "source", "schema", "profile"), enums=_ARTIFACT,
    ),
    "metric": Entity(
        records.ARTIFACT, "artifact", ("value", "timestamp", "step", "state"), ("name", "value"),
        enums=_ARTIFACT,
    ),
    "parameter": Entity(
        records.ARTIFACT, "artifact", ("value", "parameterType", "state"), ("name", "value"),
        enums={**_ARTIFACT, "parameterType": ("string", "number", "boolean", "object")},
    ),
}
BY_KIND = {entity.kind: entity for entity in ENTITIES}
BY_PATH = {entity.path: entity for entity in ENTITIES}


def entity_of(record: Record) -> Entity:
    """Of a record of the kind Artifact: by its type."""
    return ARTIFACTS[record["artifactType"]]


def artifact_type(given: Record, default: str = "model-artifact") -> str:
    """Raises Unfit."""
    found = str(given.get("artifactType") or default)
    if found not in ARTIFACTS:
        raise Unfit(f"artifactType: {found!r} is none of {', '.join(ARTIFACTS)}")
    return found


def read(entity: Entity, given: Record, *, new: bool) -> Record:
    """The fields of a request that this kind has; others are passed over, as upstream does. Raises Unfit."""
    missing = [name for name in entity.required if new and given.get(name) in (None, "")]
    if missing:
        raise Unfit(f"{entity.kind}.{missing[0]}: required value")
    found: Record = {}
    for name in (*COMMON, *entity.fields):
        if given.get(name) is None or (not new and name in FINAL):
            continue
        found[name] = _value(entity, name, given[name])
    for name, values in entity.enums.items():
        if new and name in entity.fields:
            found.setdefault(name, values[0])
    return found


def _value(entity: Entity, name: str, value: Any) -> Any:
    where = f"{entity.kind}.{name}"
    if name == "customProperties":
        return records.checked(value)
    if name in entity.refs:
        return reference(value, where)
    if name in entity.times:
        return _time(value, where)
    if name in entity.enums and value not in entity.enums[name]:
        raise Unfit(f"{where}: {value!r} is none of {', '.join(entity.enums[name])}")
    if name in ("language", "tasks"):
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise Unfit(f"{where}: expected a list of texts")
        return value
    if name == "step":
        return _time(value, where)
    if name == "value" and entity is ARTIFACTS["metric"]:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Unfit(f"{where}: expected a number")
        return value
    if not isinstance(value, str):
        raise Unfit(f"{where}: expected a text")
    return value


def reference(value: Any, where: str) -> int:
    """Ids travel as texts. Raises Unfit."""
    text = str(value)
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text)):
        raise Unfit(f"{where}: {text!r} is no id")
    return int(text)


def _time(value: Any, where: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise Unfit(f"{where}: {value!r} is no whole number") from None


def shown(kind: str, record: Record) -> Record:
    """As the API answers it: ids and times as texts, nothing of ours."""
    entity = entity_of(record) if kind == records.ARTIFACT else BY_KIND[kind]
    made: Record = {"id": str(record["id"])}
    if kind == records.ARTIFACT:
        made["artifactType"] = record["artifactType"]
        for name in ("experimentId", "experimentRunId"):
            if record.get(name):
                made[name] = str(record[name])
    for name in (*COMMON, *entity.fields):
        value = record.get(name)
        if value is not None:
            made[name] = str(value) if name in entity.refs or name in entity.times else value
    made.setdefault("customProperties", {})
    for name in ("createTimeSinceEpoch", "lastUpdateTimeSinceEpoch"):
        made[name] = str(record.get(name) or 0)
    return made
