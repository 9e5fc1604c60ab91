"""Artifacts for download and for the browser: five forms of one question.

What a step wrote is nobody's word to trust, and this port is the console's: every answer carries upstream's
strict policy (no scripts, no forms, an origin of its own), and says its type. Directories are shown as pages
of links, or their index.html. Source: upstream server/artifacts. A key that ends in `.tgz` or `.zip` is
downloaded as that: archives exist only here and at remote repositories.
"""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

import msgspec

from pinnace.api.argo import packing
from pinnace.api.argo.call import SENT, Call, Entry
from pinnace.api.argo.errors import absent
from pinnace.api.argo.workflows import found
from pinnace.api.http import Headers
from pinnace.data.remote.jobs import completed
from pinnace.data.tree import EXECUTABLE, FILE, FOLDER, Leaf
from pinnace.kinds.resource import Obj

POLICY = "sandbox; base-uri 'none'; default-src 'none'; img-src 'self'; style-src 'self' 'unsafe-inline'"
GUARDED: Headers = (
    (b"content-security-policy", POLICY.encode()), (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"no-referrer"),
)
PIECE = 256 * 1024
PAGE = "text/html; charset=utf-8"
INDEX = "index.html"


class Content(msgspec.Struct, frozen=True):
    """What an artifact is: bytes that stand in the manifest, a stored file, or a stored folder."""

    name: str
    digest: str = ""
    size: int = 0
    directory: bool = False
    raw: bytes | None = None
    packed: str = ""
    """The archive that its key promises: tgz, zip or none."""


async def by_name(call: Call) -> Any:
    return await _downloaded(call, await found(call), "outputs")


async def input_by_name(call: Call) -> Any:
    return await _downloaded(call, await found(call), "inputs")


async def by_uid(call: Call) -> Any:
    return await _downloaded(call, await _of_uid(call), "outputs")


async def input_by_uid(call: Call) -> Any:
    return await _downloaded(call, await _of_uid(call), "inputs")


async def _of_uid(call: Call, uid: str = "") -> Obj:
    uid = uid or call.names["uid"]
    workflow = await call.given.archive.get(uid)
    if workflow is None:
        raise absent(f"no workflow of uid {uid} is archived")
    call.may("get", workflow["metadata"]["namespace"], workflow["metadata"]["name"])
    return workflow


async def shown(call: Call) -> Any:
    """`/artifact-files/…`: a file, or a page on a folder or something in it."""
    names = call.names
    if names["kind"] == "archived-workflows":
        workflow = await _of_uid(call, names["id"])
    else:
        workflow = await found(
            Call(call.request, call.client, call.given, {**names, "name": names["id"]})
        )
    if names["direction"] not in ("outputs", "inputs"):
        raise absent("expected outputs or inputs in the path")
    content = await content_of(call, workflow, names["direction"])
    if not content.directory:
        return await _send(call, content)
    return await _inside(call, content, names.get("path"))


async def _downloaded(call: Call, workflow: Obj, direction: str) -> Any:
    content = await content_of(call, workflow, direction)
    if content.directory or content.packed:
        kind = content.packed or "tgz"
        name = content.name if content.packed else f"{content.name}.tgz"
        file = await asyncio.to_thread(packing.pack, call.given.blobs, content, kind)
        with file:
            await _stream(call, file.read, name, packing.TYPES[kind], None)
        return SENT
    return await _send(call, content)


async def content_of(call: Call, workflow: Obj, direction: str) -> Content:
    """StatusError 404."""
    node = ((workflow.get("status") or {}).get("nodes") or {}).get(call.names["node"])
    if isinstance(node, msgspec.Raw):
        node = msgspec.json.decode(node)
    artifacts = ((node or {}).get(direction) or {}).get("artifacts") or ()
    artifact = next((one for one in artifacts if one.get("name") == call.names["artifact"]), None)
    if artifact is None:
        raise absent(f"artifact not found: {call.names['artifact']} of node {call.names['node']}")
    if artifact.get("deleted"):
        raise absent(f"artifact {artifact['name']} was deleted by the workflow's artifactGC")
    whole = completed(artifact, (workflow.get("status") or {}).get("artifactRepositoryRef"))
    return await _located(call, whole, str(workflow["metadata"]["namespace"]))


async def _located(call: Call, artifact: Obj, namespace: str) -> Content:
    name, raw = str(artifact["name"]), artifact.get("raw")
    if raw is not None:
        return Content(name, raw=str(raw.get("data") or "").encode())
    key = str((artifact.get("s3") or {}).get("key") or "")
    local = bool(key) and not (artifact["s3"].get("bucket") or artifact["s3"].get("endpoint"))
    stored = call.given.find(namespace, key) if local else await call.given.fetch(
        call.client, namespace, artifact)
    if stored is None:
        raise absent(f"artifact not found: nothing is stored for {name} any more")
    base = PurePosixPath(key).name or name
    return Content(
        base, str(stored["digest"]), int(stored.get("size") or 0), bool(stored.get("directory")),
        packed=packing.promised(base) if local else "",
    )


async def _inside(call: Call, content: Content, path: str | None) -> Any:
    leaves = await asyncio.to_thread(call.given.blobs.leaves, content.digest)
    if path is None:  # links on the page are relative to the folder
        place = call.request.path.rsplit("/", 1)[-1] + "/"
        await call.request.reply(301, b"", headers=[*GUARDED, (b"location", place.encode())])
        return SENT
    wanted = path.strip("/")
    leaf = next((one for one in leaves if one.path == wanted and one.mode in (FILE, EXECUTABLE)), None)
    if leaf is None and (not path or path.endswith("/")):
        index = f"{wanted}/{INDEX}".lstrip("/")
        leaf = next((one for one in leaves if one.path == index and one.mode in (FILE, EXECUTABLE)), None)
    if leaf is not None:
        return await _send(call, Content(PurePosixPath(leaf.path).name, leaf.digest, leaf.size))
    page = _page(leaves, wanted)
    if page is None:
        raise absent(f"artifact not found: there is no {wanted} in {content.name}")
    if path and not path.endswith("/"):
        place = path.rsplit("/", 1)[-1]
        location = quote(place) + "/"
        await call.request.reply(301, b"", headers=[*GUARDED, (b"location", location.encode())])
        return SENT
    await call.request.reply(200, page.encode(), PAGE, GUARDED)
    return SENT


def _page(leaves: list[Leaf], folder: str) -> str | None:
    """Links to what lies in a folder; None: there is no such folder."""
    prefix = f"{folder}/" if folder else ""
    names = {
        rest.split("/")[0] + ("/" if "/" in rest or leaf.mode == FOLDER else "")
        for leaf in leaves if leaf.path.startswith(prefix) and (rest := leaf.path[len(prefix) :])
    }
    if folder and not names and not any(one.path == folder and one.mode == FOLDER for one in leaves):
        return None
    shown = sorted(names - {name.rstrip("/") for name in names if name.endswith("/")})
    links = [".."] * bool(folder) + shown
    rows = "".join(f'<li><a href="{html.escape(quote(one), quote=True)}">{html.escape(one)}</a></li>'
                   for one in links)
    return f"<!doctype html><html><body><ul>{rows}</ul></body></html>"


async def _send(call: Call, content: Content) -> Any:
    if content.raw is not None:
        size, taken = len(content.raw), iter((content.raw, b""))
        kind = _type(content.name, content.raw[:512])
        await _stream(call, lambda size: next(taken), content.name, kind, size)
        return SENT
    with await asyncio.to_thread(call.given.blobs.open, content.digest) as file:
        head = await asyncio.to_thread(file.read, 512)
        file.seek(0)
        await _stream(call, file.read, content.name, _type(content.name, head), content.size)
    return SENT


async def _stream(
    call: Call, read: Callable[[int], bytes], name: str, kind: str, size: int | None
) -> None:
    request = call.request
    shown = "".join(one if one.isascii() and one.isprintable() and one not in '"\\' else "_" for one in name)
    headers = [*GUARDED, (b"content-disposition", f'filename="{shown}"'.encode())]
    if size is not None:
        headers.append((b"content-length", str(size).encode()))
    await request.start(200, kind, headers)
    if request.method != "HEAD":
        while piece := await asyncio.to_thread(read, PIECE):
            await request.write(piece)
    await request.write(b"", more=False)


def _type(name: str, head: bytes) -> str:
    """By the name's ending, else text if it looks like it. Browsers are told not to guess."""
    import mimetypes  # reads the system's table

    found, encoding = mimetypes.guess_type(name)
    if encoding == "gzip":
        return "application/gzip"
    if found:
        return f"{found}; charset=utf-8" if found.startswith("text/") else found
    try:
        text = head.decode() if len(head) < 512 else head[:509].decode(errors="ignore")
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "application/octet-stream" if "\0" in text else "text/plain; charset=utf-8"


ROUTES: list[Entry] = [
    ("GET", "/artifacts/{namespace}/{name}/{node}/{artifact}", by_name),
    ("GET", "/artifacts-by-uid/{uid}/{node}/{artifact}", by_uid),
    ("GET", "/input-artifacts/{namespace}/{name}/{node}/{artifact}", input_by_name),
    ("GET", "/input-artifacts-by-uid/{uid}/{node}/{artifact}", input_by_uid),
    ("GET", "/artifact-files/{namespace}/{kind}/{id}/{node}/{direction}/{artifact}", shown),
    ("GET", "/artifact-files/{namespace}/{kind}/{id}/{node}/{direction}/{artifact}/{path*}", shown),
]
