"""The models of one server, by name: the one it was started for, and those that are loaded into it.

The model repository extension of the Open Inference Protocol: index, load, unload. A model `m` that is loaded
lies in the folder `m` below the server's own.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path, PurePosixPath
from typing import Any

from .model import CannotLoad
from .predictor import Format, Predictor, answer
from .server import Request, Response, error

Further = Callable[[str, dict[str, Any]], "dict[str, Any] | None"]
MULTI_MODEL = "MULTI_MODEL"
"""Variable: the server begins without a model."""
_MODEL = re.compile(r"/v[12]/models/([^/:]+).*")
_REPOSITORY = re.compile(r"/v2/repository/(?:index|models/([^/]+)/(load|unload))")


class Repository:
    def __init__(self, format_: Format, folder: Path, first: Predictor) -> None:
        self.format = format_
        self.folder = folder
        self.first = first
        self.models: dict[str, Predictor] = {first.name: first}
        self.many = False

    def open(self) -> bool:
        """Without a first model: whether others may come. Those that lie there are loaded."""
        folders = [each for each in self.folder.iterdir() if each.is_dir()] if self.folder.is_dir() else []
        self.many = bool(folders) or os.environ.get(MULTI_MODEL, "").lower() == "true"
        if self.many:
            self.models.pop(self.first.name, None)
        for each in folders:
            predictor = Predictor(each.name, self.format.name)
            self.models[each.name] = predictor
            try:
                predictor.model = self.format.load(each)
            except CannotLoad as problem:
                print(f"model {each.name} was not loaded: {problem}", file=sys.stderr, flush=True)
        return self.many

    def handle(self, request: Request) -> Response | Awaitable[Response]:
        match = _MODEL.fullmatch(request.path)
        if match is not None:
            predictor = self.models.get(match[1])
            if predictor is None:
                return error(404, f"Model with name {match[1]} does not exist.")
            return predictor.handle(request)
        if request.path in ("/v1/models", "/v2/models") and request.method in ("GET", "HEAD"):
            return answer({"models": sorted(self.models)})
        asked = _REPOSITORY.fullmatch(request.path)
        if asked is not None:
            return self._asked(request, asked[1] or "", asked[2] or "")
        if self.many and request.path == "/v2/health/ready":
            return answer({"ready": True})
        further = self.first.model.further if self.first.model else None
        if further is not None and request.method == "POST":
            return self._further(further, request)
        return self.first.handle(request)

    async def _further(self, ask: Further, request: Request) -> Response:
        from .tensors import Invalid, decode

        try:
            found = await asyncio.to_thread(ask, request.path, decode(request.body))
        except (Invalid, ValueError, TypeError) as problem:
            return error(400, str(problem))
        return answer(found) if found is not None else error(404, f"there is nothing at {request.path}")

    def _asked(self, request: Request, name: str, verb: str) -> Response | Awaitable[Response]:
        if request.method != "POST":
            return error(405, f"{request.path} is asked with POST")
        if not verb:
            return answer([self._state(each) for each in self.models.values()])
        if PurePosixPath(name).name != name or name in (".", ".."):
            return error(400, f"{name} is no name of a model")
        return self._load(name) if verb == "load" else self._unload(name)

    def _state(self, predictor: Predictor) -> dict[str, str]:
        state = "READY" if predictor.model is not None else "UNAVAILABLE"
        return {"name": predictor.name, "version": "", "state": state, "reason": ""}

    async def _load(self, name: str) -> Response:
        folder = self.folder if name == self.first.name and not self.many else self.folder / name
        predictor = Predictor(name, self.format.name)
        try:
            predictor.model = await asyncio.to_thread(self.format.load, folder)
        except CannotLoad as problem:
            return error(503, f"Model with name {name} is not ready. {problem}")
        self.models[name] = predictor
        return answer({"name": name, "load": True})

    def _unload(self, name: str) -> Response:
        if self.models.pop(name, None) is None:
            return error(404, f"Model with name {name} does not exist.")
        return answer({"name": name, "unload": True})

