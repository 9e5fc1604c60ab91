"""How objects leave: as they are, as metadata only, or as Table rows; one, a list, or an event of a watch.

Encoding is done in slices of at most two milliseconds, so that a list of thousands never holds the loop, and
an event that many watchers see is encoded once (`EventCache`).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from time import perf_counter
from typing import Any

import msgspec

from pinnace.api.http import JSON, Headers, Request, encode
from pinnace.api.kube import table
from pinnace.api.kube.negotiation import PARTIAL, PARTIAL_LIST, PLAIN, TABLE, Form
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Page, WatchEvent

SLICE_SECONDS = 0.002
STREAM_BYTES = 64 * 1024
CACHED_EVENTS = 256
CACHED_BYTES = 256 * 1024
YAML = "application/yaml"


def partial(obj: Obj, version: str = "v1") -> Obj:
    """Metadata only (`PartialObjectMetadata`)."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": obj.get("metadata") or {},
    }


def shaped(resource: Resource, obj: Obj, form: Form, include: str) -> Obj:
    """One object in the asked form."""
    if form.kind == PLAIN or (obj.get("kind") == "Status" and "metadata" in obj and "status" in obj):
        return obj
    if form.kind == TABLE:
        revision = (obj.get("metadata") or {}).get("resourceVersion", "")
        return {
            **table.head(resource, form.version, {"resourceVersion": revision}),
            "rows": [table.row(resource, obj, form.version, include)],
        }
    return partial(obj, form.version)


async def send_object(
    request: Request, code: int, resource: Resource, obj: Obj, form: Form, headers: Headers = ()
) -> None:
    shape = shaped(resource, obj, form, request.query.get("includeObject", "Metadata"))
    await send(request, code, shape, form, headers)


async def send(request: Request, code: int, document: Any, form: Form, headers: Headers = ()) -> None:
    """A document as JSON (indented for people who ask) or YAML."""
    body = encode(document)
    if form.yaml:
        body = await asyncio.to_thread(_yaml, body)
        await request.reply(code, body, YAML, headers)
        return
    if wants_pretty(request):
        body = msgspec.json.format(body, indent=2) + b"\n"
    await request.reply(code, body, JSON, headers)


def wants_pretty(request: Request) -> bool:
    asked = request.query.get("pretty")
    if asked is not None:
        return asked.lower() not in ("0", "false")
    return request.header(b"user-agent").startswith(("curl/", "Wget/"))


async def send_list(
    request: Request, resource: Resource, page: Page, form: Form, rest: AsyncIterator[Obj] | None = None
) -> None:
    """`rest`: items after those of the page."""
    include = request.query.get("includeObject", "Metadata")
    meta: dict[str, Any] = {"resourceVersion": page.resource_version}
    if page.continue_:
        meta["continue"] = page.continue_
        if page.remaining:
            meta["remainingItemCount"] = page.remaining
    head, field, each = _list_shape(resource, form, include, meta)
    parts = slices(encode(head)[:-1] + f',"{field}":['.encode(), page.items, each, rest)
    if form.yaml or wants_pretty(request):
        body = b"".join([part async for part in parts])
        await send(request, 200, msgspec.Raw(body), form)
        return
    await _stream(request, parts)


def _list_shape(
    resource: Resource, form: Form, include: str, meta: dict[str, Any]
) -> tuple[dict[str, Any], str, Callable[[Obj], bytes]]:
    """(everything but the items, the items' field, how one item is encoded)."""
    if form.kind == TABLE:
        head = table.head(resource, form.version, meta)
        return head, "rows", lambda obj: encode(table.row(resource, obj, form.version, include))
    if form.kind in (PARTIAL, PARTIAL_LIST):
        api = f"meta.k8s.io/{form.version}"
        head = {"kind": PARTIAL_LIST, "apiVersion": api, "metadata": meta}
        return head, "items", lambda obj: encode(partial(obj, form.version))
    return {"kind": resource.list_kind, "apiVersion": resource.api_version, "metadata": meta}, "items", encode


async def slices(
    head: bytes, items: Iterable[Any], each: Callable[[Any], bytes], rest: AsyncIterator[Any] | None = None
) -> AsyncIterator[bytes]:
    """The bytes of `head`, the items and the closing brackets; others run between two slices."""
    parts, size, begun = [head], len(head), perf_counter()
    comma = b""
    async for item in _both(items, rest):
        part = each(item)
        parts += (comma, part)
        size += len(part) + 1
        comma = b","
        if size > STREAM_BYTES:
            yield b"".join(parts)
            parts, size = [], 0
        if perf_counter() - begun > SLICE_SECONDS:
            await asyncio.sleep(0)
            begun = perf_counter()
    parts.append(b"]}")
    yield b"".join(parts)


async def _both(items: Iterable[Any], rest: AsyncIterator[Any] | None) -> AsyncIterator[Any]:
    for item in items:
        yield item
    if rest is not None:
        await asyncio.sleep(0)
        async for item in rest:
            yield item


async def _stream(request: Request, parts: AsyncIterator[bytes]) -> None:
    """One part goes out with its length, several as they come."""
    held: bytes | None = None
    async for part in parts:
        if held is not None:
            if not request.started:
                await request.start(200)
            await request.write(held)
        held = part
    if not request.started:
        await request.reply(200, held or b"")
    else:
        await request.write(held or b"", more=False)


class EventCache:
    """Encoded watch events, newest last, by what they show; shared by every watcher of the process."""

    def __init__(self) -> None:
        self._lines: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()

    def line(
        self, resource: Resource, event: WatchEvent, form: Form, include: str, first: bool, nodes: str = ""
    ) -> bytes:
        """`nodes`: how much of a projection is shown. Tables are not kept: ages stand in them."""
        meta = event.obj.get("metadata") or {}
        uid, revision = meta.get("uid"), meta.get("resourceVersion")
        if form.kind == TABLE or not uid or not revision:
            return _event_line(resource, event, form, include, first)
        key = (event.type, resource.key, resource.version, uid, revision, form, nodes)
        found = self._lines.get(key)
        if found is not None:
            return found
        line = _event_line(resource, event, form, include, first)
        if len(line) < CACHED_BYTES:
            self._lines[key] = line
            while len(self._lines) > CACHED_EVENTS:
                self._lines.popitem(last=False)
        return line


def _event_line(resource: Resource, event: WatchEvent, form: Form, include: str, first: bool) -> bytes:
    obj = event.obj
    if event.type != "ERROR":
        obj = shaped(resource, obj, form, include)
        if form.kind == TABLE and not first:
            obj = {**obj, "columnDefinitions": None}
    return encode({"type": event.type, "object": obj}) + b"\n"


def warning_headers(warnings: Sequence[str]) -> list[tuple[bytes, bytes]]:
    """RFC 7234 `Warning: 299`; upstream stops at 4 KiB of them in all."""
    found, left = [], 4096
    for warning in dict.fromkeys(warnings):
        text = "".join(letter if letter.isprintable() else " " for letter in warning)[:1024]
        escaped = text.replace("\\", "\\\\").replace('"', '\\"').encode("utf-8")
        left -= len(escaped)
        if left < 0:
            break
        found.append((b"warning", b'299 - "' + escaped + b'"'))
    return found


def _yaml(body: bytes) -> bytes:
    import yaml

    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(msgspec.json.decode(body), Dumper=dumper, sort_keys=True, allow_unicode=True)
    return text.encode()
