"""Registered models, their versions, aliases and stages, as MLflow's clients keep them."""

from __future__ import annotations

from typing import Any

from pinnace.api.mlflow import messages
from pinnace.api.mlflow.call import Call
from pinnace.api.mlflow.errors import absent, invalid
from pinnace.api.mlflow.searching import chosen, version_fields
from pinnace.objects.registry import records, versions
from pinnace.objects.registry.records import LOGGED, MODEL, RUN, VERSION, Record


async def create_model(call: Call) -> Record:
    fields = {
        "name": call.text("name"), "description": call.text("description", ""), "state": "LIVE",
        "customProperties": records.tagged({}, {**call.pairs("tags")}),
    }
    async with call.registry.writing() as turn:
        made = turn.add(MODEL, fields | call.said)
    return {"registered_model": messages.model(call.registry, made)}


async def get_model(call: Call) -> Record:
    return {"registered_model": messages.model(call.registry, call.model())}


async def update_model(call: Call) -> Record:
    async with call.registry.writing() as turn:
        turn.put(MODEL, call.model(), description=call.text("description", ""))
    return await get_model(call)


async def rename_model(call: Call) -> Record:
    async with call.registry.writing() as turn:
        made = turn.put(MODEL, call.model(), name=call.text("new_name"))
    return {"registered_model": messages.model(call.registry, made)}


async def delete_model(call: Call) -> Record:
    async with call.registry.writing() as turn:
        versions.drop_model(turn, call.model())
    return {}


async def search_models(call: Call) -> Record:
    every = [*call.registry.table(MODEL).values()]
    if messages.PROMPT not in call.text("filter", ""):
        every = [one for one in every if records.tags(one).get(messages.PROMPT) != "true"]
    found, token = chosen(call, every, lambda one: messages.model(call.registry, one), ["name ASC"])
    shown = [messages.model(call.registry, one) for one in found]
    return {"registered_models": shown, "next_page_token": token}


async def latest_versions(call: Call) -> Record:
    stages = call.several("stages") or messages.STAGES
    return {"model_versions": messages.latest(call.registry, call.model(), stages)}


async def tag_model(call: Call) -> Record:
    return await _tag_model(call, call.text("value", ""))


async def untag_model(call: Call) -> Record:
    return await _tag_model(call, None)


async def _tag_model(call: Call, text: str | None) -> Record:
    model = call.model()
    async with call.registry.writing() as turn:
        turn.put(MODEL, model, customProperties=records.tagged(model, {call.text("key"): text}))
    return {}


async def set_alias(call: Call) -> Record:
    model, alias = call.model(), call.text("alias")
    number = versions.numbered(call.registry, model, call.text("version"))["number"]
    if alias.lower() == "latest" or alias.lower().lstrip("v").isdecimal():
        raise invalid(f"'{alias}' alias name is reserved.")
    async with call.registry.writing() as turn:
        turn.put(MODEL, model, aliases={**(model.get("aliases") or {}), alias: number})
    return {}


async def delete_alias(call: Call) -> Record:
    model, alias = call.model(), call.text("alias")
    left = {name: number for name, number in (model.get("aliases") or {}).items() if name != alias}
    async with call.registry.writing() as turn:
        turn.put(MODEL, model, aliases=left)
    return {}


async def by_alias(call: Call) -> Record:
    model, alias = call.model(), call.text("alias")
    number = (model.get("aliases") or {}).get(alias)
    if number is None:
        raise invalid(f"Registered model alias {alias} not found.")
    return _shown(call, versions.numbered(call.registry, model, str(number)))


# -- versions -------------------------------------------------------------------------------------------


def _version(call: Call) -> Record:
    return versions.numbered(call.registry, call.model(), call.text("version"))


def _shown(call: Call, record: Record) -> Record:
    return {"model_version": messages.version(call.registry, record)}


async def create_version(call: Call) -> Record:
    """With the model's artifact as the Model Registry knows it: its digest, format and framework."""
    source, run = call.text("source"), call.text("run_id", "")
    model_id = call.text("model_id", "") or _named_model(source)
    logged = call.registry.said(LOGGED, model_id) if model_id else None
    place = messages.logged_place(call.registry, logged) if logged else source
    about = await call.contents.about(place)
    kind, known = (logged or {}).get("modelType"), call.registry.said(RUN, run)
    fields = {
        "description": call.text("description", ""), "source": source, "runUuid": run, "place": place,
        "runLink": call.text("run_link", ""), "modelUuid": model_id,
        "author": (known or {}).get("owner") or "",
        "customProperties": records.tagged({}, {**call.pairs("tags")}), **({"type": kind} if kind else {}),
    }
    fields = {key: value for key, value in fields.items() if value}
    async with call.registry.writing() as turn:
        made = versions.add(turn, call.model(), fields | call.said)
        artifact = {
            "artifactType": versions.MODEL_ARTIFACT, "uri": place, "state": "LIVE",
            "name": call.text("name"), **about,
        }
        if run:
            artifact |= {"modelSourceKind": "mlflow", "modelSourceClass": "run", "modelSourceId": run}
        versions.attach(turn, made, artifact)
        pod = str((known or logged or made).get("pod") or "")
        turn.rows += call.contents.left(about.get("digest", ""), call.text("name"), pod)
    return _shown(call, made)


def _named_model(source: str) -> str:
    """`models:/m-1234` names a logged model."""
    name = source.removeprefix("models:/")
    return name if name != source and "/" not in name and "@" not in name else ""


async def get_version(call: Call) -> Record:
    return _shown(call, _version(call))


async def update_version(call: Call) -> Record:
    return await _change(call, description=call.text("description", ""))


async def _change(call: Call, **changes: Any) -> Record:
    async with call.registry.writing() as turn:
        made = turn.put(VERSION, _version(call), **changes)
    return _shown(call, made)


async def delete_version(call: Call) -> Record:
    async with call.registry.writing() as turn:
        versions.drop(turn, _version(call))
    return {}


async def download_uri(call: Call) -> Record:
    record = _version(call)
    return {"artifact_uri": record.get("place") or versions.source(call.registry, record)}


async def search_versions(call: Call) -> Record:
    known = [*call.registry.table(VERSION).values()]
    fields = version_fields(call.registry)
    found, token = chosen(call, known, fields, ["last_updated_timestamp DESC", "name ASC", "version DESC"])
    shown = [messages.version(call.registry, one) for one in found]
    return {"model_versions": shown, "next_page_token": token}


async def tag_version(call: Call) -> Record:
    return await _tag_version(call, call.text("value", ""))


async def untag_version(call: Call) -> Record:
    return await _tag_version(call, None)


async def _tag_version(call: Call, text: str | None) -> Record:
    record = _version(call)
    await _change(call, customProperties=records.tagged(record, {call.text("key"): text}))
    return {}


async def transition(call: Call) -> Record:
    wanted = call.text("stage").lower()
    stage = next((one for one in messages.STAGES if one.lower() == wanted), None)
    if stage is None:
        known = ", ".join(messages.STAGES)
        raise invalid(f"Invalid Model Version stage: {call.text('stage')}. Value must be one of {known}.")
    record, archive = _version(call), call.given.get("archive_existing_versions") in (True, "true")
    async with call.registry.writing() as turn:
        for other in versions.of(call.registry, call.model()):
            if archive and other["id"] != record["id"] and other.get("stage") == stage:
                turn.put(VERSION, other, stage="Archived")
        made = turn.put(VERSION, record, stage=stage)
    return _shown(call, made)


# -- what MLflow 3 logs before it is registered ---------------------------------------------------------


def _logged(call: Call) -> Record:
    found = call.registry.said(LOGGED, call.text("model_id"))
    if found is None:
        raise absent(f"Logged model with ID '{call.text('model_id')}' not found.")
    return found


async def create_logged(call: Call) -> Record:
    import uuid

    from pinnace.objects.registry import runs

    async with call.registry.writing() as turn:
        wanted = call.text("experiment_id", "0")
        experiment = runs.default(turn) if wanted == "0" else call.experiment(wanted)
        name = call.text("name", "") or f"model-{uuid.uuid4().hex[:8]}"
        made = turn.add(LOGGED, {
            "uuid": f"m-{uuid.uuid4().hex}", "experimentId": experiment["id"], "name": name,
            "modelType": call.text("model_type", ""), "runUuid": call.text("source_run_id", ""),
            "status": "LOGGED_MODEL_PENDING", "params": call.pairs("params"), "metrics": [],
            "customProperties": records.tagged({}, {**call.pairs("tags")}), **call.said,
        })
        turn.rows += call.contents.logging(made.get("pod", ""))
    return {"model": messages.logged(call.registry, made)}


async def get_logged(call: Call) -> Record:
    return {"model": messages.logged(call.registry, _logged(call))}


async def finalize_logged(call: Call) -> Record:
    """A model that is complete is an output of the pod that logged it."""
    record, status = _logged(call), call.text("status")
    names = {"1": "LOGGED_MODEL_PENDING", "2": "LOGGED_MODEL_READY", "3": "LOGGED_MODEL_UPLOAD_FAILED"}
    async with call.registry.writing() as turn:
        made = turn.put(LOGGED, record, status=names.get(status, status))
        about = await call.contents.about(messages.logged_place(call.registry, record))
        pod = str(record.get("pod") or "")
        turn.rows += call.contents.left(about.get("digest", ""), str(record.get("name")), pod)
    return {"model": messages.logged(call.registry, made)}


async def delete_logged(call: Call) -> Record:
    async with call.registry.writing() as turn:
        turn.remove(LOGGED, [_logged(call)])
    return {}


async def log_params(call: Call) -> Record:
    record = _logged(call)
    async with call.registry.writing() as turn:
        turn.put(LOGGED, record, params={**(record.get("params") or {}), **call.pairs("params")})
    return {}


async def tag_logged(call: Call) -> Record:
    record = _logged(call)
    async with call.registry.writing() as turn:
        made = turn.put(LOGGED, record, customProperties=records.tagged(record, {**call.pairs("tags")}))
    return {"model": messages.logged(call.registry, made)}


async def untag_logged(call: Call) -> Record:
    record = _logged(call)
    async with call.registry.writing() as turn:
        turn.put(LOGGED, record, customProperties=records.tagged(record, {call.text("tag_key"): None}))
    return {}


async def search_logged(call: Call) -> Record:
    wanted = {call.experiment(str(number))["id"] for number in call.several("experiment_ids")}
    known = [one for one in call.registry.table(LOGGED).values() if one["experimentId"] in wanted]

    def fields(record: Record) -> Record:
        found: Record = messages.logged(call.registry, record)["info"]
        return found

    call.given["order_by"] = [_order(one) for one in call.several("order_by")]
    found, token = chosen(call, known, fields, ["creation_timestamp_ms DESC"])
    return {"models": [messages.logged(call.registry, one) for one in found], "next_page_token": token}


def _order(one: Any) -> str:
    """Here an order is a message, elsewhere a text."""
    if not isinstance(one, dict):
        return str(one)
    return f"{one.get('field_name', '')} {'ASC' if one.get('ascending', True) else 'DESC'}"


ROUTES = [
    ("POST", "registered-models/create", create_model),
    ("GET", "registered-models/get", get_model),
    ("PATCH", "registered-models/update", update_model),
    ("POST", "registered-models/rename", rename_model),
    ("DELETE", "registered-models/delete", delete_model),
    ("GET", "registered-models/search", search_models),
    ("POST", "registered-models/get-latest-versions", latest_versions),
    ("GET", "registered-models/get-latest-versions", latest_versions),
    ("POST", "registered-models/set-tag", tag_model),
    ("DELETE", "registered-models/delete-tag", untag_model),
    ("POST", "registered-models/alias", set_alias),
    ("DELETE", "registered-models/alias", delete_alias),
    ("GET", "registered-models/alias", by_alias),
    ("POST", "model-versions/create", create_version),
    ("GET", "model-versions/get", get_version),
    ("PATCH", "model-versions/update", update_version),
    ("DELETE", "model-versions/delete", delete_version),
    ("GET", "model-versions/get-download-uri", download_uri),
    ("GET", "model-versions/search", search_versions),
    ("POST", "model-versions/set-tag", tag_version),
    ("DELETE", "model-versions/delete-tag", untag_version),
    ("POST", "model-versions/transition-stage", transition),
    ("POST", "logged-models", create_logged),
    ("POST", "logged-models/search", search_logged),
    ("GET", "logged-models/{model_id}", get_logged),
    ("PATCH", "logged-models/{model_id}", finalize_logged),
    ("DELETE", "logged-models/{model_id}", delete_logged),
    ("POST", "logged-models/{model_id}/params", log_params),
    ("PATCH", "logged-models/{model_id}/tags", tag_logged),
    ("DELETE", "logged-models/{model_id}/tags/{tag_key}", untag_logged),
]
