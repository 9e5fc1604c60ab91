"""The files of a PersistentVolumeClaim: looked at, fetched, brought and removed, as whoever asks.

`GET|HEAD|PUT|DELETE /pinnace/v1/namespaces/<namespace>/volumes/<claim>/files/<path>`. Reading needs the right
to get the claim, writing to update it. Invariants: every name is opened beneath the claim's folder and no
link is followed, whatever a pod does to the names meanwhile; a file is there whole or not at all; on this
port, the console's, a volume's content is only ever downloaded, never shown.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import msgspec

from pinnace.api.http import Request
from pinnace.data import claims
from pinnace.data.beneath import FOLDER, Unsafe, folder_beneath, kind_of, open_beneath
from pinnace.home import Home
from pinnace.kinds.resource import Resource
from pinnace.objects.client import Identity
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local

CLAIM = Resource(
    group="", version="v1", kind="PersistentVolumeClaim", plural="persistentvolumeclaims",
    singular="persistentvolumeclaim", subresources=frozenset({"status"}),
)
METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE"})
PIECE = 256 * 1024
LISTED = 10_000
COUNTED = 200_000
"""Names after which nobody counts on."""
POLICY = b"sandbox; default-src 'none'; frame-ancestors 'none'"
_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Entry(msgspec.Struct, omit_defaults=True):
    name: str
    kind: str
    modified: str
    size: int | None = None


class Volumes:
    def __init__(self, home: Home, client: Callable[[Identity], Local]) -> None:
        self.home = home
        self.client = client

    async def answer(self, request: Request) -> None:
        """StatusError for everything that cannot be."""
        _, _, _, namespace, _, name, _, *rest = request.segments()
        if request.method not in METHODS:
            raise StatusError(405, "MethodNotAllowed", "files are read, put and deleted")
        reading = request.method in ("GET", "HEAD")
        folder = await self._folder(request, namespace, name, "get" if reading else "update")
        act = {"PUT": put, "DELETE": delete}.get(request.method, get)
        path = path_of(rest)
        try:
            await act(request, folder, path)
        except Unsafe as problem:
            raise StatusError(400, "BadRequest", str(problem)) from None
        except OSError as problem:
            if request.started:
                raise
            raise refusal(problem, path, name) from None

    async def _folder(self, request: Request, namespace: str, name: str, verb: str) -> Path:
        client, who = self.client(request.identity), request.identity
        claim = await client.get(CLAIM, name, namespace)
        if verb != "get" and not client.house.authoriser.allow(who, verb, CLAIM, namespace, name, ""):
            words = f"persistentvolumeclaims {name!r} is forbidden: {who.user} may not {verb} it"
            raise StatusError(403, "Forbidden", words)
        try:
            return await asyncio.to_thread(claims.folder, self.home.volumes, claim)
        except claims.Unbound:
            words = f"claim {name!r} waits for a PersistentVolume; create one that fits it"
            raise StatusError(409, "Conflict", words) from None
        except claims.NoData as problem:
            raise StatusError(404, "NotFound", str(problem)) from None


def path_of(parts: list[str]) -> str:
    """Decoded once, part by part. StatusError 400: a part is more than one name, or leads elsewhere."""
    kept = [part for part in parts if part]
    for part in kept:
        if part in (".", "..") or "/" in part or "\0" in part or "\ufffd" in part:
            raise StatusError(400, "BadRequest", f"{part!r} is no name of a file or folder")
    return "/".join(kept)


async def get(request: Request, folder: Path, path: str) -> None:
    found = await asyncio.to_thread(open_beneath, folder, path)
    try:
        info = os.fstat(found)
        if stat.S_ISDIR(info.st_mode) and request.query.get("total") == "true":
            await request.json(200, {"path": path, **await asyncio.to_thread(total, found)})
        elif stat.S_ISDIR(info.st_mode):
            entries, more = await asyncio.to_thread(listing, found)
            await request.json(200, {"path": path, "entries": entries, "truncated": more})
        elif stat.S_ISREG(info.st_mode):
            await send(request, found, info.st_size, path.rpartition("/")[2])
        else:
            raise Unsafe(f"{path!r} is {kind_of(info.st_mode)}; files and folders are shown")
    finally:
        os.close(found)


def listing(folder: int) -> tuple[list[Entry], bool]:
    """Folders first, then by name; whether there are more than LISTED."""
    found: list[Entry] = []
    with os.scandir(folder) as names:
        for each in names:
            if len(found) >= LISTED:
                return ordered(found), True
            with suppress(FileNotFoundError):
                found.append(entry(each.name, each.stat(follow_symlinks=False)))
    return ordered(found), False


def total(folder: int) -> dict[str, int | bool]:
    """Bytes on the disk and how many names there are; past COUNTED it is at least so much."""
    used = names = 0
    for _, folders, files, place in os.fwalk(".", dir_fd=folder, follow_symlinks=False):
        for name in (*folders, *files):
            with suppress(FileNotFoundError):
                used += os.stat(name, dir_fd=place, follow_symlinks=False).st_blocks * 512
        names += len(folders) + len(files)
        if names > COUNTED:
            return {"used": used, "names": names, "truncated": True}
    return {"used": used, "names": names, "truncated": False}


def ordered(entries: list[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda one: (one.kind != "folder", one.name.lower(), one.name))


def entry(name: str, info: os.stat_result) -> Entry:
    kind = _KINDS.get(stat.S_IFMT(info.st_mode), "other")
    modified = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(info.st_mtime))
    shown = name.encode(errors="surrogateescape").decode(errors="replace")
    return Entry(shown, kind, modified, info.st_size if kind == "file" else None)


async def send(request: Request, file: int, size: int, name: str) -> None:
    first, last = asked(request.header(b"range"), size)
    partial = (first, last) != (0, size - 1)
    headers = [
        (b"content-length", str(last - first + 1).encode()),
        (b"content-disposition", f"attachment; filename*=UTF-8''{quote(name, safe='')}".encode()),
        (b"content-security-policy", POLICY), (b"x-frame-options", b"DENY"), (b"accept-ranges", b"bytes"),
        (b"cross-origin-resource-policy", b"same-origin"), (b"referrer-policy", b"no-referrer"),
    ]
    if partial:
        headers.append((b"content-range", f"bytes {first}-{last}/{size}".encode()))
    await request.start(206 if partial else 200, "application/octet-stream", headers)
    place, end = first, last + 1 if request.method != "HEAD" else first
    while place < end:
        piece = await asyncio.to_thread(os.pread, file, min(PIECE, end - place), place)
        if not piece:
            raise OSError(errno.EIO, "the file became shorter while it was sent")
        await request.write(piece)
        place += len(piece)
    await request.write(b"", more=False)


def asked(header: str, size: int) -> tuple[int, int]:
    """First and last byte; what is no plain range is the whole file. StatusError 416."""
    found = _RANGE.fullmatch(header.strip())
    if found is None or found.groups() == ("", ""):
        return 0, size - 1
    start, end = found.groups()
    if not start:
        return max(0, size - int(end)), size - 1
    first, last = int(start), min(int(end) if end else size - 1, size - 1)
    if first > last:
        raise StatusError(416, "RequestedRangeNotSatisfiable", f"the file has {size} bytes")
    return first, last


async def put(request: Request, folder: Path, path: str) -> None:
    if not path:
        raise Unsafe("name the file behind …/files/")
    if request.query.get("folder") == "true":
        await request.body()
        made = await asyncio.to_thread(made_folder, folder, path)
        await request.json(201, made)
        return
    parent, _, name = path.rpartition("/")
    # The folder stays this one until the end, whatever happens to its name.
    held = folder_beneath(folder, parent)
    place = await asyncio.to_thread(held.__enter__)
    draft = place / f".{secrets.token_hex(8)}.part"
    try:
        existed = await asyncio.to_thread(taken, place / name)
        if existed and request.header(b"if-none-match").strip() == "*":
            raise StatusError(412, "PreconditionFailed", f"{path!r} is there already")
        await receive(request, draft)
        await asyncio.to_thread(os.replace, draft, place / name)
        info = await asyncio.to_thread(os.lstat, place / name)
    finally:
        with suppress(OSError):
            draft.unlink()
        held.__exit__(None, None, None)
    await request.json(200 if existed else 201, entry(name, info))


def taken(place: Path) -> bool:
    try:
        info = place.lstat()
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(info.st_mode):
        raise IsADirectoryError(errno.EISDIR, "a folder has this name", place.name)
    return True


async def receive(request: Request, draft: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    file = await asyncio.to_thread(os.open, draft, flags, 0o644)
    try:
        async for piece in request.pieces():
            await asyncio.to_thread(written, file, piece)
    finally:
        os.close(file)


def written(file: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(file, view) :]


def made_folder(folder: Path, path: str) -> Entry:
    with folder_beneath(folder, path) as place:
        return entry(path.rpartition("/")[2], os.stat(place))


async def delete(request: Request, folder: Path, path: str) -> None:
    if not path:
        raise Unsafe("a volume's own folder goes with its claim; name a file in it")
    await request.body()
    await asyncio.to_thread(remove, folder, path, recursive=request.query.get("recursive") == "true")
    await request.json(200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})


def remove(folder: Path, path: str, *, recursive: bool) -> None:
    parent, _, name = path.rpartition("/")
    held = open_beneath(folder, parent, FOLDER)
    try:
        info = os.stat(name, dir_fd=held, follow_symlinks=False)
        if not stat.S_ISDIR(info.st_mode):
            os.unlink(name, dir_fd=held)
        elif recursive:
            shutil.rmtree(name, dir_fd=held)
        else:
            os.rmdir(name, dir_fd=held)
    finally:
        os.close(held)


def refusal(problem: OSError, path: str, claim: str) -> StatusError:
    shown = path or "/"
    known: dict[int | None, tuple[int, str, str]] = {
        errno.ENOENT: (404, "NotFound", f"there is no {shown!r} in the volume of claim {claim!r}"),
        errno.ENOTDIR: (404, "NotFound", f"{shown!r}: a file is on the way, where a folder was expected"),
        errno.EISDIR: (409, "Conflict", f"{shown!r} is a folder"),
        errno.ENOTEMPTY: (409, "Conflict", f"{shown!r} is not empty; ?recursive=true removes it whole"),
        errno.ENAMETOOLONG: (400, "BadRequest", f"a name in {shown[:100]!r} is too long"),
        errno.ENOSPC: (507, "InsufficientStorage", "the disk is full; nothing was changed"),
        errno.EDQUOT: (507, "InsufficientStorage", "the disk's quota is used up; nothing was changed"),
    }
    code, reason, text = known.get(
        problem.errno, (403, "Forbidden", f"{shown!r}: {os.strerror(problem.errno or errno.EIO)}")
    )
    return StatusError(code, reason, text)
