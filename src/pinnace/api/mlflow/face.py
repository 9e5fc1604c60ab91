"""MLflow's REST API (`/api/2.0/mlflow`, `/api/2.0/mlflow-artifacts`) on the registry's records.

The unmodified `mlflow` client, in steps and outside, tracks and registers here; what it registers the Model
Registry's client finds, and the other way round. It only translates. Caller: `cli/records`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from pinnace.api.http import Request
from pinnace.api.mlflow import artifacts, models, tracking
from pinnace.api.mlflow.call import Call, given
from pinnace.api.mlflow.errors import CODES, Refusal, absent, invalid
from pinnace.data.blobs import Missing
from pinnace.objects.errors import StatusError
from pinnace.objects.lineage.contents import Contents
from pinnace.objects.registry.files import BadPath, Files
from pinnace.objects.registry.records import Absent, Record, Registry, Taken, Unfit

Answer = Callable[[Call], Awaitable[Record]]


class Face:
    def __init__(self, registry: Registry, files: Files, contents: Contents) -> None:
        self.registry = registry
        self.files = files
        self.contents = contents
        self.proxy = artifacts.Proxy(files, files.blobs.root / "tmp")
        self.table: list[tuple[str, re.Pattern[str], Answer]] = []
        for method, pattern, answer in (*tracking.ROUTES, *models.ROUTES, *artifacts.ROUTES):
            path = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
            self.table.append((method, re.compile(path), answer))

    async def __call__(self, request: Request) -> None:
        request.resource = "mlflow"
        try:
            if request.path.startswith(artifacts.BASE):
                await self.proxy(request)
            else:
                await request.json(200, await self.answer(request))
        except (Refusal, StatusError, Absent, Taken, Unfit, BadPath, Missing) as error:
            if request.started:
                raise
            found = refusal(error)
            await request.json(found.status, found.body())

    async def answer(self, request: Request) -> Record:
        path = "/".join(request.segments()[3:])
        method = request.method.replace("HEAD", "GET")
        for verb, pattern, answer in self.table:
            found = pattern.fullmatch(path)
            if found and verb == method:
                body = await given(request)
                return await answer(
                    Call(self.registry, self.files, self.contents, request, body, found.groupdict())
                )
        raise Refusal("ENDPOINT_NOT_FOUND", f"MLflow's API has no {method} {path} here")


def refusal(error: Exception) -> Refusal:
    match error:
        case Refusal():
            return error
        case StatusError():
            return Refusal(CODES.get(error.code, "INTERNAL_ERROR"), str(error), error.code)
        case Absent() | Missing():
            return absent(str(error))
        case Taken():
            return Refusal("RESOURCE_ALREADY_EXISTS", str(error))
    return invalid(str(error))
