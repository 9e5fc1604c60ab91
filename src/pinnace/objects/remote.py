"""`Remote`: the same verbs against any Kubernetes API server, so that a controller can act in a real
cluster.

Used by delivery and by the CLI. It keeps one connection pool; `close` it. Refusals of the server come back
as the StatusError that `Local` would raise, an unreachable server as a 503.
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import msgspec

from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import kubeconfig
from pinnace.objects.client import DeleteOptions, Identity, Options, Page, Selection, WatchEvent
from pinnace.objects.document import name_of, namespace_of
from pinnace.objects.errors import Cause, StatusError
from pinnace.objects.kubefiles import Files

if TYPE_CHECKING:
    import httpx

_PATCHES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}
_JSON = {"Content-Type": "application/json"}


class Remote:
    """See `client.Client` for the verbs. ValueError: the kubeconfig does not say how to connect."""

    def __init__(self, files: Files, context: str = "") -> None:
        import httpx

        self.access = kubeconfig.read(files, context)
        self.identity = Identity("")
        """Only the server knows."""
        named = self.access.tls_server_name
        self._extensions = {"sni_hostname": named} if named else {}
        self._http = httpx.AsyncClient(
            base_url=self.access.server,
            verify=self.access.tls,
            proxy=self.access.proxy,
            trust_env=False,
            headers={"Accept": "application/json", "User-Agent": "pinnace", **self.access.headers},
            timeout=httpx.Timeout(30, read=60),
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, resource: Resource, name: str, namespace: str = "", subresource: str = "") -> Obj:
        return await self._ask("GET", path(resource, namespace, name, subresource))

    async def document(self, place: str) -> Obj:
        """Any JSON document of the server by its path: discovery, OpenAPI."""
        return await self._ask("GET", place)

    async def list(self, resource: Resource, namespace: str = "", selection: Selection = Selection()) -> Page:
        answer = await self._ask("GET", path(resource, namespace), params=_selection(selection))
        meta = answer.get("metadata") or {}
        items = [
            {"apiVersion": resource.api_version, "kind": resource.kind, **item}
            for item in answer.get("items") or []
        ]
        return Page(
            _fitting(items, selection),
            meta.get("resourceVersion", ""),
            meta.get("continue", ""),
            meta.get("remainingItemCount", 0),
        )

    async def watch(
        self,
        resource: Resource,
        namespace: str = "",
        selection: Selection = Selection(),
        *,
        bookmarks: bool = False,
    ) -> AsyncIterator[WatchEvent]:
        since = selection.resource_version
        if since in ("", "0"):
            page = await self.list(resource, namespace, selection)
            for obj in page.items:
                yield WatchEvent("ADDED", obj)
            since = page.resource_version
        params = {**_selection(selection), "watch": "true", "resourceVersion": since}
        if bookmarks:
            params["allowWatchBookmarks"] = "true"
        async for line in self._lines(path(resource, namespace), params):
            event = msgspec.json.decode(line)
            yield WatchEvent(event["type"], event["object"])

    async def _lines(self, place: str, params: dict[str, str]) -> AsyncIterator[str]:
        import httpx

        try:
            async with self._http.stream(
                "GET", place, params=params, timeout=httpx.Timeout(30, read=None), extensions=self._extensions
            ) as got:
                if got.status_code >= 400:
                    raise _refusal(got.status_code, await got.aread())
                async for line in got.aiter_lines():
                    if line.strip():
                        yield line
        except httpx.TransportError as error:
            raise _unreachable(self.access.server, error) from error

    async def create(
        self, resource: Resource, obj: Obj, namespace: str = "", options: Options = Options()
    ) -> Obj:
        place = path(resource, namespace or namespace_of(obj))
        return await self._send("POST", place, _typed(resource, obj), options)

    async def update(
        self, resource: Resource, obj: Obj, namespace: str = "", options: Options = Options()
    ) -> Obj:
        place = path(resource, namespace or namespace_of(obj), name_of(obj), options.subresource)
        return await self._send("PUT", place, _typed(resource, obj), options)

    async def patch(
        self,
        resource: Resource,
        name: str,
        namespace: str,
        patch: Any,
        kind: str,
        options: Options = Options(),
    ) -> Obj:
        place = path(resource, namespace, name, options.subresource)
        return await self._send("PATCH", place, patch, options, _PATCHES[kind])

    async def apply(
        self, resource: Resource, name: str, namespace: str, obj: Obj, options: Options = Options()
    ) -> Obj:
        place = path(resource, namespace, name, options.subresource)
        return await self._send("PATCH", place, _typed(resource, obj), options, _PATCHES["apply"])

    async def delete(
        self, resource: Resource, name: str, namespace: str = "", options: DeleteOptions = DeleteOptions()
    ) -> Obj:
        return await self._ask(
            "DELETE", path(resource, namespace, name), body=_delete_body(options), headers=_JSON
        )

    async def _send(
        self, method: str, place: str, body: Any, options: Options, media: str = "application/json"
    ) -> Obj:
        params = {"fieldManager": options.field_manager, "fieldValidation": options.field_validation}
        if options.dry_run:
            params["dryRun"] = "All"
        if media == _PATCHES["apply"]:
            params["force"] = "true" if options.force else "false"
        params = {key: value for key, value in params.items() if value}
        return await self._ask(
            method,
            place,
            params=params,
            body=body,
            headers={"Content-Type": media},
            warnings=options.warnings,
        )

    async def _ask(
        self,
        method: str,
        place: str,
        *,
        params: dict[str, str] | None = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
        warnings: builtins.list[str] | None = None,
    ) -> Obj:
        import httpx

        content = None if body is None else msgspec.json.encode(body)
        try:
            got = await self._http.request(
                method, place, params=params, content=content, headers=headers, extensions=self._extensions
            )
        except httpx.TransportError as error:
            raise _unreachable(self.access.server, error) from error
        if warnings is not None:
            warnings.extend(_warnings(got))
        if got.status_code >= 400:
            raise _refusal(got.status_code, got.content)
        try:
            answer: Obj = msgspec.json.decode(got.content)
        except msgspec.DecodeError as error:
            raise StatusError(
                502, "InternalError", f"{self.access.server} answered no JSON: {error}"
            ) from error
        return answer


def path(resource: Resource, namespace: str, name: str = "", subresource: str = "") -> str:
    """Where the API serves it. `namespace=""` of a namespaced resource is the list of all namespaces."""
    parts = ["apis", resource.group, resource.version] if resource.group else ["api", resource.version]
    if resource.namespaced and namespace:
        parts += ["namespaces", namespace]
    parts.append(resource.plural)
    return "/" + "/".join([*parts, *(part for part in (name, subresource) if part)])


def _selection(selection: Selection) -> dict[str, str]:
    params = {
        "labelSelector": selection.labels,
        "fieldSelector": selection.fields,
        "limit": str(selection.limit) if selection.limit else "",
        "continue": selection.continue_,
        "resourceVersion": selection.resource_version,
    }
    return {key: value for key, value in params.items() if value}


def _fitting(items: builtins.list[Obj], selection: Selection) -> builtins.list[Obj]:
    """What the API has no parameter for is chosen here: objects of one owner, objects newer than a
    revision."""
    if selection.owner:
        items = [
            item
            for item in items
            if any(ref.get("uid") == selection.owner for ref in item["metadata"].get("ownerReferences") or [])
        ]
    if selection.newer_than:
        items = [item for item in items if int(item["metadata"]["resourceVersion"]) > selection.newer_than]
    return items


def _typed(resource: Resource, obj: Obj) -> Obj:
    return {"apiVersion": resource.api_version, "kind": resource.kind, **obj}


def _delete_body(options: DeleteOptions) -> Obj:
    body: Obj = {"apiVersion": "v1", "kind": "DeleteOptions"}
    if options.propagation:
        body["propagationPolicy"] = options.propagation
    if options.grace_seconds is not None:
        body["gracePeriodSeconds"] = options.grace_seconds
    if options.dry_run:
        body["dryRun"] = ["All"]
    wanted = {"uid": options.uid, "resourceVersion": options.resource_version}
    if any(wanted.values()):
        body["preconditions"] = {key: value for key, value in wanted.items() if value}
    return body


def _warnings(got: httpx.Response) -> builtins.list[str]:
    """The texts of `Warning: 299 - "text"` headers."""
    values = got.headers.get_list("Warning")
    return [value.partition('"')[2].rpartition('"')[0].replace('\\"', '"') for value in values]


def _refusal(code: int, content: bytes) -> StatusError:
    try:
        body = msgspec.json.decode(content)
    except msgspec.DecodeError:
        body = None
    if not isinstance(body, dict) or body.get("kind") != "Status":
        text = content[:200].decode("utf-8", "replace").strip()
        return StatusError(code, "Unknown", f"the server answered {code}: {text}")
    details = dict(body.get("details") or {})
    causes = tuple(
        Cause(one.get("field", ""), one.get("message", ""), one.get("reason", ""))
        for one in details.pop("causes", None) or []
    )
    return StatusError(
        int(body.get("code") or code),
        body.get("reason") or "Unknown",
        body.get("message") or "",
        causes=causes,
        details=details,
    )


def _unreachable(server: str, error: Exception) -> StatusError:
    why = str(error) or type(error).__name__
    return StatusError(503, "ServiceUnavailable", f"{server} cannot be reached: {why}; is it running?")
