"""Argo Server's REST API: finds who answers a path, and puts answers and refusals in upstream's shapes.

It only translates: what is done to Workflows is decided in `authoring/argo` and written by
`objects/steering`. Source: argoproj/argo-workflows server/. Callers: `door`, with the first request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from pinnace.api.argo.call import SENT, Answer, Call, Entry
from pinnace.api.argo.given import Given
from pinnace.api.http import Request
from pinnace.objects.errors import StatusError

Compiled = tuple[str, re.Pattern[str], Answer]


class Face:
    def __init__(self, given: Given) -> None:
        from pinnace.api.argo import (
            about,
            archived,
            artifacts,
            limits,
            logs,
            received,
            steering,
            templates,
            uploads,
            watching,
            workflows,
        )

        self.given = given
        rooms = (
            steering, logs, workflows, watching, templates, archived, received, limits, about, artifacts,
            uploads,
        )
        self.table = compiled(entry for room in rooms for entry in room.ROUTES)

    async def __call__(self, request: Request) -> None:
        request.resource = "argo"
        call, answer = self._found(request)
        found = await answer(call)
        if found is not SENT:
            await request.json(200, found)

    def _found(self, request: Request) -> tuple[Call, Answer]:
        """StatusError 404, 405."""
        method = "GET" if request.method == "HEAD" else request.method
        known = False
        for wanted, pattern, answer in self.table:
            match = pattern.fullmatch(request.path)
            if match is None:
                continue
            known = True
            if wanted == method:
                given = match.groupdict().items()
                names = {name: unquote(value) for name, value in given if value is not None}
                return Call(request, self.given.client(request.identity), self.given, names), answer
        if known:
            raise StatusError(405, "MethodNotAllowed", f"Method Not Allowed: {method} {request.path}")
        raise StatusError(404, "NotFound", f"Not Found: Argo's API has no {request.path} here")


def compiled(entries: Iterable[Entry]) -> list[Compiled]:
    """`{name}` is one segment, `{name*}` everything that is left."""

    def pattern(path: str) -> re.Pattern[str]:
        text = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.*)", path)
        return re.compile(re.sub(r"(?<!P<)\{(\w+)\}", r"(?P<\1>[^/]+)", text))

    return [(method, pattern(path), answer) for method, path, answer in entries]
