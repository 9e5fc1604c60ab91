"""The verbs on resources: a request is read, the Client asked, its answer shown. Nothing is decided here.

Called by `face.py` with a resource that exists and a verb that it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

from pinnace.api.http import Request
from pinnace.api.kube import body, parameters, presentation, watching
from pinnace.api.kube.negotiation import PLAIN, TABLE, Form, form
from pinnace.api.kube.target import Target
from pinnace.kinds.advice import advice
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import reading
from pinnace.objects.client import DeleteOptions, Options, Page, Selection
from pinnace.objects.local import Local

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
INCLUDED = frozenset({"", "Metadata", "Object", "None"})
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
PATCHES = {JSON_PATCH: "json", MERGE_PATCH: "merge", STRATEGIC_PATCH: "strategic", APPLY_PATCH: "apply"}
RETURN_DELETED = frozenset({
    "pods", "services", "serviceaccounts", "persistentvolumes", "persistentvolumeclaims", "podtemplates",
    "replicationcontrollers", "resourcequotas",
})
"""Kinds whose finished delete answers with the object, as upstream's storage does; others get a Status."""
COLLECTION_PAGE = 100
LIST_PAGE = 100
"""An unlimited list is read in pages of so many, because each read holds the loop."""


class Call(msgspec.Struct, frozen=True):
    """One request on one resource."""

    request: Request
    client: Local
    resource: Resource
    target: Target

    @property
    def namespace(self) -> str:
        return self.target.namespace

    @property
    def name(self) -> str:
        return self.target.name


async def get(call: Call) -> None:
    wanted = _form(call)
    reading.check_revision(call.client.house.store, call.request.query.get("resourceVersion", ""))
    if call.target.subresource:
        obj = await call.client.get(call.resource, call.name, call.namespace, call.target.subresource)
    else:
        obj = await call.client.passing(call.resource, call.name, call.namespace)
    await presentation.send_object(call.request, 200, call.resource, obj, wanted)


async def list_(call: Call) -> None:
    wanted = _form(call)
    tabled = wanted.kind != PLAIN
    asked = parameters.selection(call.request)
    projected = asked.projected and (not tabled or call.request.query.get("includeObject") == "Object")
    asked = msgspec.structs.replace(asked, passing=True, tabled=tabled, projected=projected)
    whole = not asked.limit and call.client.paged(call.resource)
    if whole:
        asked = msgspec.structs.replace(asked, limit=LIST_PAGE)
    page = await call.client.list(call.resource, call.namespace, asked)
    if not (whole and page.continue_):
        await presentation.send_list(call.request, call.resource, page, wanted)
        return
    first = msgspec.structs.replace(page, continue_="", remaining=0)
    await presentation.send_list(call.request, call.resource, first, wanted, _rest(call, asked, page))


async def _rest(call: Call, asked: Selection, page: Page) -> AsyncIterator[Obj]:
    """What follows the first page of an unlimited list. The whole keeps the first page's revision: a watch
    from there repeats what changed meanwhile, and misses nothing."""
    while page.continue_:
        await asyncio.sleep(0)
        page = await call.client.list(
            call.resource, call.namespace, msgspec.structs.replace(asked, continue_=page.continue_)
        )
        await asyncio.sleep(0)
        for obj in page.items:
            yield obj


async def watch(call: Call) -> None:
    await watching.watch(
        call.request, call.client, call.resource, call.namespace, _form(call), call.name
    )


async def create(call: Call) -> None:
    wanted = _form(call)
    obj, chosen = await _document(call)
    made = await call.client.create(call.resource, obj, call.namespace, chosen)
    await _answer(call, 201, made, wanted, chosen)


async def update(call: Call) -> None:
    wanted = _form(call)
    obj, chosen = await _document(call)
    if not (obj.get("metadata") or {}).get("name"):
        words = f"the name of the object ({call.name} based on URL) was undeterminable: name must be provided"
        raise parameters.bad(words)
    _require_name(obj, call.name)
    written = await call.client.update(call.resource, obj, call.namespace, chosen)
    await _answer(call, 200, written, wanted, chosen)


async def patch(call: Call) -> None:
    wanted = _form(call)
    media = call.request.header(b"content-type").partition(";")[0].strip().lower()
    kind = PATCHES.get(media, "")
    if not kind or (kind == "strategic" and call.resource.custom):
        raise body.unsupported(tuple(
            name for name in PATCHES if not (name == STRATEGIC_PATCH and call.resource.custom)
        ))
    if kind == "apply":
        await _apply(call, wanted)
        return
    chosen = parameters.options(call.request, call.target.subresource)
    raw = await call.request.body()
    change = await body.strict(raw)
    chosen = await _strictly(raw, change, media, chosen)
    written = await call.client.patch(call.resource, call.name, call.namespace, change, kind, chosen)
    await _answer(call, 200, written, wanted, chosen)


async def _apply(call: Call, wanted: Form) -> None:
    chosen = parameters.options(call.request, call.target.subresource)
    raw = await call.request.body()
    document = await body.lenient(raw)
    chosen = _tell(await _strictly(raw, document, APPLY_PATCH, chosen))
    obj = _mapping(document, call)
    _require_version(obj, call)
    _require_name(obj, call.name)
    _require_namespace(obj, call)
    _require_kind(obj, call)
    new = not _exists(call)
    written = await call.client.apply(call.resource, call.name, call.namespace, obj, chosen)
    await _answer(call, 201 if new else 200, written, wanted, chosen)


def _exists(call: Call) -> bool:
    """Only chooses between 200 and 201: a race with another writer changes nothing else."""
    return call.client.peek(call.resource, call.name, call.namespace) is not None


async def delete(call: Call) -> None:
    wanted = _form(call)
    chosen = await _delete_options(call)
    before = None
    if call.resource.key in RETURN_DELETED:
        before = await call.client.get(call.resource, call.name, call.namespace)
    left = await call.client.delete(call.resource, call.name, call.namespace, chosen)
    shown = before if before is not None and left.get("kind") == "Status" else left
    await presentation.send_object(call.request, 200, call.resource, shown, wanted)


async def deletecollection(call: Call) -> None:
    """In pages, so that no turn of the loop reads thousands."""
    wanted = _form(call)
    chosen = msgspec.structs.replace(await _delete_options(call), uid="", resource_version="")
    asked = msgspec.structs.replace(parameters.selection(call.request), limit=COLLECTION_PAGE)
    gone: list[Obj] = []
    while True:
        page = await call.client.delete_collection(call.resource, call.namespace, asked, chosen)
        gone += page.items
        if not page.continue_:
            break
        asked = msgspec.structs.replace(asked, continue_=page.continue_)
    await presentation.send_list(call.request, call.resource, Page(gone, page.resource_version), wanted)


async def _delete_options(call: Call) -> DeleteOptions:
    raw = await call.request.body()
    document = await body.read(raw, call.request.header(b"content-type")) if raw.strip() else None
    return parameters.delete_options(call.request, document)


async def _document(call: Call) -> tuple[Obj, Options]:
    """The body of a create or update, checked against the path, and how it is to be written."""
    chosen = parameters.options(call.request, call.target.subresource)
    raw, media = await call.request.body(), call.request.header(b"content-type")
    document = await body.read(raw, media)
    chosen = await _strictly(raw, document, media, chosen)
    obj = _mapping(document, call)
    if not (call.target.subresource and obj.get("kind") not in (None, call.resource.kind)):
        _require_kind(obj, call)
    _require_namespace(obj, call)
    return obj, chosen


async def _strictly(raw: bytes, document: Any, media: str, chosen: Options) -> Options:
    """With what a strict decoder says of the body, for those who asked for it."""
    if len(raw) > body.BIG:
        chosen = msgspec.structs.replace(chosen, big=True)
    if chosen.field_validation == "Ignore":
        return chosen
    found = await body.complaints(raw, document, media)
    return msgspec.structs.replace(chosen, complaints=found) if found else chosen


def _tell(chosen: Options) -> Options:
    """An apply reads its document as YAML and complains in that reader's words."""
    for complaint in chosen.complaints:
        text = f"error converting YAML to JSON: {complaint}"
        if chosen.field_validation == "Strict":
            raise parameters.bad(f"error strict decoding YAML: {text}")
        chosen.warnings.append(text)
    return msgspec.structs.replace(chosen, complaints=())


def _mapping(value: Any, call: Call) -> Obj:
    if not isinstance(value, dict):
        raise parameters.bad(
            f"{call.resource.kind}: the body must be one object, not {_type_name(value)}"
        )
    metadata = value.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise parameters.bad(
            f"{call.resource.kind} in version \"{call.resource.version}\" cannot be handled as a "
            f"{call.resource.kind}: metadata: must be an object, not {_type_name(metadata)}"
        )
    return value


def _type_name(value: Any) -> str:
    names = {list: "a list", str: "a string", bool: "a boolean", type(None): "empty"}
    return names.get(type(value), "a number")


def _require_kind(obj: Obj, call: Call) -> None:
    """Missing type information is filled in for built-in kinds, as upstream's decoder does."""
    resource = call.resource
    for field, wanted in (("apiVersion", resource.api_version), ("kind", resource.kind)):
        found = obj.get(field)
        if found in (None, ""):
            if resource.custom:
                raise parameters.bad(f"Object '{field}' is missing in the body: expected {wanted!r}")
            obj[field] = wanted
        elif found != wanted:
            what = "API version" if field == "apiVersion" else "kind"
            shown = str(found)[:120]
            raise parameters.bad(
                f"the {what} in the data ({shown}) does not match the expected {what} ({wanted})"
            )


def _require_version(obj: Obj, call: Call) -> None:
    """What is applied says its version itself: its fields are owned in it."""
    found = obj.get("apiVersion") or ""
    if found != call.resource.api_version:
        raise parameters.bad(
            "Incorrect version specified in apply patch. Specified patch version: "
            f"{str(found)[:120]}, expected: {call.resource.api_version}"
        )


def _require_namespace(obj: Obj, call: Call) -> None:
    found = (obj.get("metadata") or {}).get("namespace")
    if call.resource.namespaced and isinstance(found, str) and found and found != call.namespace:
        words = "the namespace of the provided object does not match the namespace sent on the request"
        if call.request.method == "PUT":
            words = f"the namespace of the object ({found[:80]}) does not match the namespace on the request"
        raise parameters.bad(f"{words} ({call.namespace})" if call.request.method == "PUT" else words)


def _require_name(obj: Obj, name: str) -> None:
    metadata = obj.get("metadata")
    metadata = obj["metadata"] = {} if metadata is None else metadata
    found = metadata.get("name")
    if found in (None, ""):
        metadata["name"] = name
    elif found != name:
        raise parameters.bad(
            f"the name of the object ({str(found)[:120]}) does not match the name on the URL ({name})"
        )


def _form(call: Call) -> Form:
    found = form(call.request.header(b"accept"))
    include = call.request.query.get("includeObject", "")
    if found.kind == TABLE and include not in INCLUDED:
        words = "Unable to convert to Table as requested: includeObject: Invalid value"
        named = "must be 'Metadata', 'Object', 'None', or empty"
        raise parameters.bad(f'{words}: "{include[:60]}": {named}')
    return found


async def _answer(call: Call, code: int, obj: Obj, wanted: Form, chosen: Options) -> None:
    told = [] if chosen.subresource else advice(call.resource, obj)
    headers = presentation.warning_headers([*chosen.warnings, *told])
    await presentation.send_object(call.request, code, call.resource, obj, wanted, headers)


VERBS: dict[str, Callable[[Call], Awaitable[None]]] = {
    "get": get, "list": list_, "watch": watch, "create": create, "update": update, "patch": patch,
    "delete": delete, "deletecollection": deletecollection,
}
