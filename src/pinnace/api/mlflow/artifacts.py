"""MLflow's artifact proxy: files go up and down by their paths, in pieces, never whole in memory."""

from __future__ import annotations

import mimetypes
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from pinnace.api.http import Request
from pinnace.api.mlflow import messages
from pinnace.api.mlflow.call import Call
from pinnace.api.mlflow.errors import absent, invalid
from pinnace.objects.registry import files
from pinnace.objects.registry.files import Entry, Files
from pinnace.objects.registry.records import LOGGED, Record

BASE = "/api/2.0/mlflow-artifacts/artifacts"
PIECE = 256 * 1024
ACTIVE = ("text/html", "image/svg", "application/xhtml")
"""What a browser would run: it is given as text."""


class Proxy:
    """`scratch`: a folder on the disk of `data/`."""

    def __init__(self, found: Files, scratch: Path) -> None:
        self.files = found
        self.scratch = scratch

    async def __call__(self, request: Request) -> None:
        """Raises Refusal, BadPath."""
        path = unquote(request.path.removeprefix(BASE)).strip("/")
        if request.method == "PUT":
            await self.take(request, path)
            await request.json(200, {})
        elif request.method == "DELETE":
            await self.files.remove(path)
            await request.json(200, {})
        elif path:
            await self.give(request, path)
        else:
            folder = request.query.get("path", "").strip("/")
            found = self.files.listing(folder) if folder else []
            await request.json(200, {"files": [shown(one) for one in found]})

    async def take(self, request: Request, path: str) -> None:
        files.checked(path)
        descriptor, name = tempfile.mkstemp(dir=self.scratch, prefix="upload-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                async for piece in request.pieces():
                    file.write(piece)
            await self.files.put(path, Path(name))
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name)

    async def give(self, request: Request, path: str) -> None:
        entry = self.files.get(path)
        if entry is None:
            raise absent(f"No such artifact: '{path}'")
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        harmless = "text/plain" if kind.startswith(ACTIVE) else kind
        with self.files.blobs.open(entry.digest) as content:
            size = os.fstat(content.fileno()).st_size
            head = [
                (b"content-length", str(size).encode()), (b"x-content-type-options", b"nosniff"),
                (b"content-disposition", b"attachment"),
            ]
            await request.start(200, harmless, head)
            while piece := content.read(PIECE):
                await request.write(piece)
            await request.write(b"", more=False)


def shown(entry: Entry, before: str = "") -> Record:
    made: Record = {"path": f"{before}{entry.path}", "is_dir": entry.folder}
    return made if entry.folder else {**made, "file_size": entry.size}


async def of_run(call: Call) -> Record:
    """`artifacts/list`, by run."""
    return _listed(call, messages.run_place(call.registry, call.run()), call.text("path", ""))


async def of_model(call: Call) -> Record:
    record = call.registry.said(LOGGED, call.text("model_id"))
    if record is None:
        raise absent(f"Logged model with ID '{call.text('model_id')}' not found.")
    place = messages.logged_place(call.registry, record)
    return _listed(call, place, call.text("artifact_directory_path", ""))


def _listed(call: Call, root: str, folder: str) -> Record:
    below = files.path_of(root)
    if not below:
        raise invalid(f"artifacts at {root} are not kept here")
    folder = folder.strip("/")
    found = call.files.listing(f"{below}/{folder}" if folder else below)
    before = f"{folder}/" if folder else ""
    return {"root_uri": root, "files": [shown(one, before) for one in found]}


ROUTES = [
    ("GET", "artifacts/list", of_run),
    ("GET", "logged-models/{model_id}/artifacts/directories", of_model),
]
