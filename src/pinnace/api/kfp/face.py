"""Kubeflow Pipelines' REST API (`/apis/v2beta1`), on its own paths and through the service proxy.

It only translates: documents of the API to objects and back. `kfp.Client(host)` calls the first,
`kfp.Client()` with a kubeconfig the second (`…/services/ml-pipeline:http/proxy//apis/v2beta1/…`). Callers:
`api/kfp/door`, with the first request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from importlib import import_module
from typing import Any

from pinnace.api.http import Request
from pinnace.api.kfp.door import BASE, LOGS, OLDER, Reading
from pinnace.api.kfp.errors import Refusal, invalid, of_status
from pinnace.api.kfp.records import Records
from pinnace.authoring.kfp.expressions import ExpressionProblem
from pinnace.authoring.kfp.ir import IrError
from pinnace.authoring.kfp.values import ValueMismatch
from pinnace.kinds import pipelines
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import SYSTEM, Identity
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local

PROXY = re.compile(
    r"/api/v1/namespaces/[^/]+/services/(?:https?:)?ml-pipeline(?:-ui)?(?::[a-z0-9-]+)?/proxy/*(/.*)"
)
NAMESPACE = Resource(
    group="", version="v1", kind="Namespace", plural="namespaces", singular="namespace", namespaced=False
)
BODY = 32 * 1024 * 1024


class Call:
    """One request: what the path named, the query, who asks."""

    def __init__(
        self, request: Request, client: Local, names: dict[str, str], read: Reading | None = None
    ) -> None:
        self.read = read
        self.request = request
        self.client = client
        self.names = names
        self.query = request.query
        self.records = Records(client)
        self.said: Obj | None = None

    def saying(self, document: Obj) -> Call:
        """The same call with another document for its body."""
        made = Call(self.request, self.client, self.names, self.read)
        made.said = document
        return made

    async def document(self) -> Obj:
        if self.said is not None:
            return self.said
        content = await self.request.body(BODY)
        try:
            found: Any = json.loads(content or b"{}")
        except ValueError as error:
            raise invalid(f"the body is no JSON: {error}") from None
        if not isinstance(found, dict):
            raise invalid("the body is no JSON object")
        return found


class Moved:
    """Another place of this server answers: an absolute path with its query."""

    def __init__(self, place: str) -> None:
        self.place = place


Answer = Callable[[Call], Awaitable[Any]]
Entry = tuple[str, str, Answer]


def table(entries: Iterable[Entry]) -> list[tuple[str, re.Pattern[str], Answer]]:
    def compiled(path: str) -> re.Pattern[str]:
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/:]+)", path))

    return [(method, compiled(path), answer) for method, path, answer in entries]


class Face:
    """`client` gives the door as an identity; `read` what the artifact repository has."""

    def __init__(self, client: Callable[[Identity], Local], read: Reading | None = None) -> None:
        from pinnace.api.kfp import artifacts, experiments, library, recurring, reports, runs

        self.client = client
        self.read = read
        own: tuple[Entry, ...] = (("GET", "/healthz", healthz), ("GET", "/auth", allowed))
        rooms = (experiments, library, runs, recurring, artifacts, reports)
        self.tables = {BASE: table((*own, *(entry for room in rooms for entry in room.ROUTES)))}

    async def __call__(self, request: Request) -> None:
        path = request.path
        proxied = PROXY.fullmatch(path)
        if proxied is not None:
            path = proxied[1]
        try:
            answer = await self.answer(request, path)
        except (Refusal, StatusError, IrError, ValueMismatch, ExpressionProblem) as error:
            refusal = refusal_of(error)
            await request.json(refusal.status, refusal.body())
            return
        if isinstance(answer, Moved):
            await request.reply(307, b"", "text/plain", [(b"location", answer.place.encode())])
        else:
            await request.json(200, answer)

    async def _namespace(self) -> None:
        """Where the records lie is there from the first one on."""
        own = self.client(SYSTEM)
        if own.peek(NAMESPACE, pipelines.NAMESPACE) is None:
            with suppress(StatusError):
                await own.create(NAMESPACE, {"metadata": {"name": pipelines.NAMESPACE}})

    async def answer(self, request: Request, path: str) -> Any:
        known = False
        base = next((one for one in (OLDER, LOGS) if path.startswith(one)), BASE)
        if base not in self.tables:
            self.tables[base] = table(_later(base))
        path = path.removeprefix(base)
        for method, pattern, answer in self.tables[base]:
            found = pattern.fullmatch(path)
            if found is None:
                continue
            known = True
            if method == request.method:
                request.resource = "kfp"
                if method == "POST":
                    await self._namespace()
                own = self.client(request.identity)
                return await answer(Call(request, own, found.groupdict(), self.read))
        if known:
            raise Refusal(501, f"Method Not Allowed: {request.method} {path}")
        raise Refusal(404, f"Not Found: the pipelines API has no {path}")


def _later(base: str) -> list[Entry]:
    """What is imported when somebody asks for it."""
    if base == LOGS:
        return [import_module("pinnace.api.kfp.reports").LOG]
    return list(import_module("pinnace.api.kfp.older").ROUTES)


def refusal_of(error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    return of_status(error) if isinstance(error, StatusError) else invalid(str(error))


async def allowed(call: Call) -> Obj:
    """Whoever gets so far may: each call is judged by itself."""
    return {}


async def healthz(call: Call) -> Obj:
    from pinnace import __version__

    return {"multi_user": False, "pipeline_store": "kubernetes", "tag_name": __version__}
