"""Pipelines and their versions: uploads, names, tags."""

from __future__ import annotations

import asyncio
import json

from pinnace.api.kfp import messages, uploads
from pinnace.api.kfp.errors import Refusal, absent, exists, invalid
from pinnace.api.kfp.face import BODY, Call
from pinnace.api.kfp.listing import page
from pinnace.authoring.kfp.ir import Package, package, read
from pinnace.kinds import pipelines
from pinnace.kinds.resource import Obj

KIND, VERSION = "Pipeline", "PipelineVersion"


async def uploaded(call: Call) -> Package:
    body = await call.request.body(BODY)
    content = uploads.part(body, call.request.header(b"content-type"))
    return await asyncio.to_thread(lambda: read(uploads.unpacked(content)))


async def upload(call: Call) -> Obj:
    """A pipeline and its first version."""
    found = await uploaded(call)
    query = call.query
    info = found.pipeline.pipeline_info
    name = query.get("name") or info.name
    record = await add(
        call,
        {
            "name": name,
            "display_name": query.get("display_name") or query.get("name") or info.display_name or name,
            "description": query.get("description") or "",
            "namespace": query.get("namespace") or "",
            "tags": _tags(query.get("tags") or ""),
        },
    )
    await add_version(
        call,
        record["metadata"]["name"],
        found,
        {
            "name": name,
            "display_name": record["spec"]["displayName"],
            "description": query.get("description") or "",
            "code_source_url": query.get("code_source_url"),
        },
    )
    return messages.pipeline(record)


def _tags(text: str) -> Obj | None:
    if not text:
        return None
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError):
        raise invalid("tags: expected a JSON object of texts") from None


async def upload_version(call: Call) -> Obj:
    query = call.query
    pipeline = query.get("pipelineid") or query.get("pipeline_id") or ""
    await call.records.get(pipelines.PIPELINE, pipeline, KIND)
    found = await uploaded(call)
    name = query.get("name") or found.pipeline.pipeline_info.name
    record = await add_version(
        call,
        pipeline,
        found,
        {
            "name": name,
            "display_name": query.get("display_name") or name,
            "description": query.get("description") or "",
            "code_source_url": query.get("code_source_url"),
            "tags": _tags(query.get("tags") or ""),
        },
    )
    return messages.version(record)


async def add(call: Call, given: Obj) -> Obj:
    name = given.get("name") or given.get("display_name")
    if not name:
        raise invalid("pipeline.name: a pipeline needs a name")
    known = await call.records.all(pipelines.PIPELINE)
    if any(one["spec"]["name"] == name for one in known):
        raise exists("pipeline", name)
    spec = {
        "name": name,
        "displayName": given.get("display_name") or name,
        "description": given.get("description") or "",
        "namespace": given.get("namespace") or "",
    }
    if given.get("tags"):
        spec["tags"] = given["tags"]
    return await call.records.add(pipelines.PIPELINE, spec)


async def versions_of(call: Call, pipeline: str) -> list[Obj]:
    """The newest first."""
    found = await call.records.all(pipelines.PIPELINE_VERSION, f"{pipelines.PIPELINE_LABEL}={pipeline}")
    return sorted(found, key=_age, reverse=True)


def _age(record: Obj) -> tuple[str, int]:
    meta = record["metadata"]
    return meta["creationTimestamp"], int(record["spec"].get("number") or 0)


async def add_version(call: Call, pipeline: str, found: Package, given: Obj) -> Obj:
    known = await versions_of(call, pipeline)
    if any(one["spec"]["name"] == given["name"] for one in known):
        raise exists("pipeline version", given["name"])
    spec = {
        "pipelineId": pipeline,
        "name": given["name"],
        "displayName": given["display_name"],
        "description": given.get("description") or "",
        "pipelineSpec": found.document,
        "number": len(known) + 1,
    }
    for field, name in (("codeSourceUrl", "code_source_url"), ("tags", "tags")):
        if given.get(name):
            spec[field] = given[name]
    return await call.records.add(
        pipelines.PIPELINE_VERSION, spec, labels={pipelines.PIPELINE_LABEL: pipeline}
    )


async def create(call: Call) -> Obj:
    return messages.pipeline(await add(call, await call.document()))


async def create_with_version(call: Call) -> Obj:
    """`/pipelines/create`: a pipeline and its first version."""
    given = await call.document()
    version = given.get("pipeline_version") or {}
    found = await _package(version)
    record = await add(call, given.get("pipeline") or {})
    name = version.get("name") or version.get("display_name") or record["spec"]["name"]
    await add_version(
        call, record["metadata"]["name"], found, {**version, "name": name, "display_name": name}
    )
    return messages.pipeline(record)


async def _package(version: Obj) -> Package:
    """A version's pipeline, given or at a URL."""
    if version.get("pipeline_spec"):
        return package(version["pipeline_spec"])
    url = (version.get("package_url") or {}).get("pipeline_url")
    if not url:
        raise invalid("a pipeline version needs package_url.pipeline_url or pipeline_spec")
    return read(await uploads.fetched(str(url)))


async def get(call: Call) -> Obj:
    return messages.pipeline(await call.records.get(pipelines.PIPELINE, call.names["id"], KIND))


async def by_name(call: Call) -> Obj:
    name = call.names["name"]
    for one in await call.records.all(pipelines.PIPELINE):
        if name in (one["spec"]["name"], one["spec"]["displayName"]):
            return messages.pipeline(one)
    raise absent(KIND, name)


async def listed(call: Call) -> Obj:
    found = [messages.pipeline(one) for one in await call.records.all(pipelines.PIPELINE)]
    return page(found, call.query, "pipelines", "pipeline_id")


async def edit(call: Call) -> Obj:
    given = await call.document()
    record = await call.records.edit(
        pipelines.PIPELINE, call.names["id"], KIND, lambda one: _described(one, given)
    )
    return messages.pipeline(record)


def _described(record: Obj, given: Obj) -> None:
    for field, name in (("displayName", "display_name"), ("description", "description"), ("tags", "tags")):
        if name in given:
            record["spec"][field] = given[name]


async def delete(call: Call) -> Obj:
    name = call.names["id"]
    await call.records.get(pipelines.PIPELINE, name, KIND)
    versions = await versions_of(call, name)
    if versions and call.query.get("cascade") != "true":
        raise Refusal(
            400, f"pipeline {name} has {len(versions)} versions: delete them first, or ask with cascade=true"
        )
    for one in versions:
        await call.records.remove(pipelines.PIPELINE_VERSION, one["metadata"]["name"], VERSION)
    await call.records.remove(pipelines.PIPELINE, name, KIND)
    return {}


async def versions(call: Call) -> Obj:
    await call.records.get(pipelines.PIPELINE, call.names["id"], KIND)
    found = [messages.version(one) for one in reversed(await versions_of(call, call.names["id"]))]
    return page(found, call.query, "pipeline_versions", "pipeline_version_id")


async def create_version(call: Call) -> Obj:
    given = await call.document()
    found = await _package(given)
    name = given.get("name") or given.get("display_name") or ""
    if not name:
        raise invalid("pipeline_version.display_name: a version needs a name")
    record = await add_version(
        call,
        call.names["id"],
        found,
        {**given, "name": name, "display_name": given.get("display_name") or name},
    )
    return messages.version(record)


async def version(call: Call) -> Obj:
    return messages.version(
        await call.records.get(pipelines.PIPELINE_VERSION, call.names["version"], VERSION)
    )


async def edit_version(call: Call) -> Obj:
    given = await call.document()
    record = await call.records.edit(
        pipelines.PIPELINE_VERSION, call.names["version"], VERSION, lambda one: _described(one, given)
    )
    return messages.version(record)


async def delete_version(call: Call) -> Obj:
    await call.records.remove(pipelines.PIPELINE_VERSION, call.names["version"], VERSION)
    return {}


ROUTES = [
    ("POST", "/pipelines/upload", upload),
    ("POST", "/pipelines/upload_version", upload_version),
    ("POST", "/pipelines/create", create_with_version),
    ("GET", "/pipelines/names/{name}", by_name),
    ("GET", "/pipelines", listed),
    ("POST", "/pipelines", create),
    ("GET", "/pipelines/{id}", get),
    ("PATCH", "/pipelines/{id}", edit),
    ("DELETE", "/pipelines/{id}", delete),
    ("GET", "/pipelines/{id}/versions", versions),
    ("POST", "/pipelines/{id}/versions", create_version),
    ("GET", "/pipelines/{id}/versions/{version}", version),
    ("PATCH", "/pipelines/{id}/versions/{version}", edit_version),
    ("DELETE", "/pipelines/{id}/versions/{version}", delete_version),
]
