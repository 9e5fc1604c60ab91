"""One request to Argo's API: what its path and query say, and whose it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from pinnace.api.argo.errors import invalid
from pinnace.api.argo.given import Given
from pinnace.api.http import NoDocument, Request
from pinnace.kinds.argo import WORKFLOW
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.authorisation import refusal
from pinnace.objects.client import Selection
from pinnace.objects.local import Local

BODY = 32 * 1024 * 1024
TRUE = frozenset({"true", "1", "t"})


class Call(msgspec.Struct, frozen=True):
    request: Request
    client: Local
    given: Given
    names: dict[str, str]

    @property
    def namespace(self) -> str:
        return self.names.get("namespace", "")

    @property
    def name(self) -> str:
        return self.names.get("name", "")

    @property
    def query(self) -> dict[str, str]:
        return self.request.query

    def flag(self, name: str) -> bool:
        return self.query.get(name, "").lower() in TRUE

    def number(self, name: str) -> int | None:
        """StatusError 400: it is none."""
        text = self.query.get(name, "")
        if not text:
            return None
        try:
            return int(text)
        except ValueError:
            raise invalid(f"{name}: expected a number, not {text[:60]!r}") from None

    async def document(self) -> Obj:
        try:
            return await self.request.document(BODY)
        except NoDocument as problem:
            raise invalid(str(problem)) from None

    def selection(self) -> Selection:
        """`listOptions.*`"""
        query = self.query
        return Selection(
            labels=query.get("listOptions.labelSelector", ""),
            fields=query.get("listOptions.fieldSelector", ""),
            limit=self.number("listOptions.limit") or 0,
            continue_=query.get("listOptions.continue", ""),
            resource_version=query.get("listOptions.resourceVersion", ""),
        )

    def may(self, verb: str, namespace: str, name: str = "", *, resource: Resource = WORKFLOW,
            subresource: str = "") -> None:
        """StatusError 403. For what no verb of the client asks about."""
        asked = (self.request.identity, verb, resource, namespace, name, subresource)
        if not self.client.house.authoriser.allow(*asked):
            raise refusal(*asked)


class Streamed:
    """What an answer is that was sent by the handler itself."""


SENT = Streamed()
Answer = Callable[[Call], Awaitable[Any]]
Entry = tuple[str, str, Answer]
"""Method, path with `{names}`, who answers."""


def judged(call: Call, document: Any, what: str, *, lint: bool = False) -> Obj:
    """The document of a body, if upstream's validation finds nothing. StatusError 400."""
    if not isinstance(document, dict) or not isinstance(document.get("metadata") or {}, dict):
        raise invalid(f"{what} body not specified")
    found = call.given.judge(document, call.client, lint)
    if found:
        raise invalid(found[0])
    return document


def typed(document: Any, resource: Resource, namespace: str) -> Any:
    """With the kind and the namespace that the path says, where the document says none."""
    if not isinstance(document, dict) or not isinstance(document.get("metadata") or {}, dict):
        return document
    meta = dict(document.get("metadata") or {})
    if resource.namespaced and not meta.get("namespace"):
        meta["namespace"] = namespace
    return {"apiVersion": resource.api_version, "kind": resource.kind, **document, "metadata": meta}
