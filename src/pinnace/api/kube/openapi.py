"""OpenAPI v3 of what is served: the index with hashes, and one document a group version, built on demand.

kubectl takes from it what `explain` shows, which query parameters a resource knows, and list keys for diffs.
A schema that stands in several places becomes one component, so documents stay small and recursion ends. A
document is built in slices between which others run, and only the last few are kept.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import msgspec

from pinnace import __version__
from pinnace.api.http import Request, encode, not_found
from pinnace.api.kube.discovery import Discovery
from pinnace.api.kube.presentation import SLICE_SECONDS
from pinnace.api.kube.reviews import BY_PLURAL
from pinnace.kinds import prose
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.resource import Resource
from pinnace.kinds.schema import SPELLINGS, Node

KEPT_DOCUMENTS = 6
REF = "#/components/schemas/"
BUILT_IN = ("", ".k8s.io")
PARAMETERS = (
    ("dryRun", "string"), ("fieldManager", "string"), ("fieldValidation", "string"), ("force", "boolean"),
    ("pretty", "string"),
)


class OpenApi:
    def __init__(self, catalogue: Catalogue, discovery: Discovery) -> None:
        self.catalogue = catalogue
        self.discovery = discovery
        self._documents: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._serials: dict[str, tuple[Node | None, int]] = {}
        self._serial = 0

    def index(self) -> dict[str, Any]:
        paths = {}
        for group, versions in self.discovery.groups().items():
            for version, resources in versions.items():
                path = f"apis/{group}/{version}" if group else f"api/{version}"
                paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={self.digest(resources)}"}
        return {"paths": paths}

    async def answer(self, request: Request, parts: list[str]) -> None:
        """`parts` after `openapi/v3`: none (the index), `api/v1` or `apis/<group>/<version>`."""
        if not parts:
            await request.json(200, self.index())
            return
        resources = self._resources(parts)
        digest = self.digest(resources)
        tag = f'"{digest}"'.encode()
        fresh = request.query.get("hash") == digest
        caching = b"public, immutable, max-age=31536000" if fresh else b"no-cache, private"
        headers = [(b"etag", tag), (b"cache-control", caching), (b"vary", b"Accept")]
        if request.header(b"if-none-match").encode() == tag:
            await request.start(304, headers=headers)
            await request.write(b"", more=False)
            return
        await request.reply(200, await self.document("/".join(parts), digest, resources), headers=headers)

    def _resources(self, parts: list[str]) -> list[Resource]:
        group = parts[1] if len(parts) == 3 and parts[0] == "apis" else ""
        if not (parts[0] == "api" and len(parts) == 2) and not group:
            raise not_found()
        found = self.discovery.groups().get(group, {}).get(parts[-1])
        if found is None:
            raise not_found()
        return found

    def digest(self, resources: list[Resource]) -> str:
        """Changes with everything that the document shows, and not when control restarts."""
        facts: list[Any] = [__version__]
        for resource in resources:
            facts += [msgspec.structs.replace(resource, columns=()), self._schema_serial(resource)]
        return hashlib.blake2b(repr(facts).encode(), digest_size=32).hexdigest().upper()

    def _schema_serial(self, resource: Resource) -> str:
        """What ships with us has the schema of our version; a user's has one that may change."""
        if (resource.group, resource.plural) in BY_PLURAL or not resource.custom:
            return ""
        name = f"{resource.key}/{resource.version}"
        schema = self.catalogue.schema(resource)
        known, serial = self._serials.get(name, (None, 0))
        if known is not schema or not serial:
            serial = self._content(schema)
            self._serials[name] = (schema, serial)
        return str(serial)

    @staticmethod
    def _content(schema: Node | None) -> int:
        """A number for what a schema says; walks it once a change."""
        seen: dict[int, int] = {}
        digest = hashlib.blake2b(digest_size=8)
        stack = [schema] if schema is not None else []
        while stack:
            node = stack.pop()
            if id(node) in seen:
                digest.update(b"%d" % seen[id(node)])
                continue
            seen[id(node)] = len(seen)
            digest.update(repr(_facts(node)).encode())
            for name, child in _children(node):
                digest.update(name.encode())
                stack.append(child)
        return int.from_bytes(digest.digest(), "big") or 1

    async def document(self, path: str, digest: str, resources: list[Resource]) -> bytes:
        known = self._documents.get(path)
        if known is not None and known[0] == digest:
            self._documents.move_to_end(path)
            return known[1]
        built = _Document(self.catalogue, self.discovery, resources)
        begun = perf_counter()
        for _ in built.steps():
            if perf_counter() - begun > SLICE_SECONDS:
                await asyncio.sleep(0)
                begun = perf_counter()
        body = built.body()
        self._documents[path] = (digest, body)
        while len(self._documents) > KEPT_DOCUMENTS:
            self._documents.popitem(last=False)
        return body


class _Document:
    """One group version being written. `steps` does the work, giving way after every piece of it."""

    def __init__(self, catalogue: Catalogue, discovery: Discovery, resources: list[Resource]) -> None:
        self.catalogue = catalogue
        self.discovery = discovery
        self.resources = resources
        self.schemas: dict[str, bytes] = {}
        self.paths: dict[str, Any] = {}
        self.names: dict[int, str] = {}
        self.taken: set[str] = set()
        self.roots: list[tuple[Resource, Node]] = []
        self.told: prose.Told = {}

    def steps(self) -> Iterator[None]:
        for resource in self.resources:
            schema = self.catalogue.schema(resource) if resource.verbs != ("create",) else None
            schema = schema or Node(type="object", preserve_unknown=True)
            self.roots.append((resource, schema))
            self._path_items(resource)
            self.told |= prose.of_root(schema)
            if resource.custom:
                self.told |= prose.of_kind(resource.kind, schema)
            yield
        yield from self._name_components()
        for resource, schema in self.roots:
            name = component_name(resource)
            shown = _described(self._inline(schema), prose.head(resource.kind))
            own = {**shown, "x-kubernetes-group-version-kind": [_gvk(resource, resource.kind)]}
            self.schemas[name] = encode(own)
            self.schemas[f"{name}List"] = encode(_list_schema(resource, name))
            yield
        for node in self.components:
            self.schemas[self.names[id(node)]] = encode(self._inline(node))
            yield

    def _name_components(self) -> Iterator[None]:
        """Every object schema that is upstream's own type or stands in several places is a component."""
        self.components: list[Node] = []
        seen: set[int] = set()
        roots = {id(schema) for _, schema in self.roots}
        stack = [schema for _, schema in self.roots]
        while stack:
            node = stack.pop()
            known = id(node) in seen
            named = id(node) in roots or id(node) in self.names
            if not named and _nameable(node) and (known or node.go):
                self.names[id(node)] = self._name(node)
                self.components.append(node)
            if not known:
                seen.add(id(node))
                self.told |= {(id(node), field): text for field, text in prose.of_type(node)}
                stack += [child for _, child in _children(node)]
            yield

    def _name(self, node: Node) -> str:
        base = f"io.k8s.{node.go}" if node.go else f"shared{len(self.names)}.Object"
        name, number = base, 1
        while name in self.taken:
            number += 1
            head, _, tail = base.rpartition(".")
            name = f"{head}.{number}.{tail}"
        self.taken.add(name)
        return name

    def _shown(self, node: Node) -> dict[str, Any]:
        name = self.names.get(id(node))
        if name is None:
            return self._inline(node)
        reference = {"$ref": REF + name}
        return {"description": node.description, "allOf": [reference]} if node.description else reference

    def _inline(self, node: Node) -> dict[str, Any]:
        out = _facts(node)
        if node.properties is not None:
            out["properties"] = {
                name: _described(self._shown(child), self.told.get((id(node), name), ""))
                for name, child in node.properties.items()
            }
        if node.items is not None:
            out["items"] = self._shown(node.items)
        if node.additional is not None:
            out["additionalProperties"] = self._shown(node.additional)
        for key, value in (node.combos or {}).items():
            several = isinstance(value, list)
            out[key] = [self._shown(one) for one in value] if several else self._shown(value)
        return out

    def _path_items(self, resource: Resource) -> None:
        base = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
        if resource.namespaced:
            base += "/namespaces/{namespace}"
        collection = f"{base}/{resource.plural}"
        self.paths[collection] = _operations(resource, {"list": "get", "create": "post",
                                                        "deletecollection": "delete"})
        item = _operations(resource, {"get": "get", "update": "put", "patch": "patch", "delete": "delete"})
        if item:
            self.paths[collection + "/{name}"] = item
        for name in self.discovery.subresources(resource):
            if name in ("status", "scale"):
                self.paths[f"{collection}/{{name}}/{name}"] = {
                    verb: item[verb] for verb in ("get", "put", "patch") if verb in item
                }

    def body(self) -> bytes:
        document = {
            "openapi": "3.0.0",
            "info": {"title": "Pinnace", "version": __version__},
            "paths": self.paths,
            "components": {
                "schemas": {name: msgspec.Raw(body) for name, body in self.schemas.items()},
                "securitySchemes": {
                    "BearerToken": {"type": "apiKey", "in": "header", "name": "authorization"}
                },
            },
        }
        return encode(document)


def _described(shown: dict[str, Any], text: str) -> dict[str, Any]:
    """With our sentence, where its author wrote none."""
    if not text or "description" in shown:
        return shown
    return {"description": text, "allOf": [shown]} if "$ref" in shown else {"description": text, **shown}


def component_name(resource: Resource) -> str:
    """`io.k8s.api.core.v1.Pod`, `io.argoproj.v1alpha1.Workflow`: as upstream names them."""
    group = resource.group
    if "." not in group or (group.endswith(".k8s.io") and not resource.custom):
        return f"io.k8s.api.{group.partition('.')[0] or 'core'}.{resource.version}.{resource.kind}"
    return ".".join([*reversed(group.split(".")), resource.version, resource.kind])


def _nameable(node: Node) -> bool:
    return node.type == "object" and node.properties is not None


def _facts(node: Node) -> dict[str, Any]:
    """What a node says of itself, without its children."""
    out: dict[str, Any] = {}
    for field, spelling in SPELLINGS:
        if value := getattr(node, field):
            out[spelling] = list(value) if isinstance(value, tuple) else value
    if node.default is not msgspec.UNSET:
        out["default"] = node.default
    return {**out, **(node.limits or {})}


def _children(node: Node) -> Iterator[tuple[str, Node]]:
    yield from (node.properties or {}).items()
    if node.items is not None:
        yield "[]", node.items
    if node.additional is not None:
        yield "{}", node.additional
    for key, value in (node.combos or {}).items():
        for child in value if isinstance(value, list) else (value,):
            yield key, child


def _gvk(resource: Resource, kind: str) -> dict[str, str]:
    return {"group": resource.group, "version": resource.version, "kind": kind}


def _list_schema(resource: Resource, name: str) -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": text, "kind": text,
            "metadata": {"type": "object", "properties": {
                "continue": text, "resourceVersion": text,
                "remainingItemCount": {"type": "integer", "format": "int64"},
            }},
            "items": {"type": "array", "items": {"$ref": REF + name}},
        },
        "x-kubernetes-group-version-kind": [_gvk(resource, resource.list_kind)],
    }


def _operations(resource: Resource, methods: dict[str, str]) -> dict[str, Any]:
    reference = {"$ref": REF + component_name(resource)}
    content = {"application/json": {"schema": reference}}
    writes = ("create", "update", "patch")
    found: dict[str, Any] = {}
    for verb, method in methods.items():
        if verb not in resource.verbs:
            continue
        found[method] = {
            "operationId": "".join([verb, *resource.group.title().split("."), resource.kind]),
            "x-kubernetes-action": {"create": "post", "update": "put"}.get(verb, verb),
            "x-kubernetes-group-version-kind": _gvk(resource, resource.kind),
            "parameters": [
                {"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": True}}
                for name, kind in (PARAMETERS if verb in writes else PARAMETERS[-1:])
            ],
            "responses": {"200": {"description": "OK", "content": content}},
        }
    return found
