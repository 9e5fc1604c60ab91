"""The CustomResourceDefinitions of the kinds that ship: shown as if stored, until somebody stores one.

`Local` asks here when a definition is read that the store has not. Nothing of them is kept: each is worked
out from the catalogue when somebody looks, and its schema, which may be long, beside the loop. Invariant:
what is stored stands before what is shown, and a kind that ships is served as it ships, whatever is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from typing import Any, Protocol
from uuid import NAMESPACE_DNS, uuid4, uuid5

import msgspec

from pinnace.kinds import training
from pinnace.kinds.catalogue import WORKFLOW_NODES
from pinnace.kinds.resource import Column, Obj, Resource
from pinnace.kinds.schema import Node, openapi_text
from pinnace.objects import definitions, selector
from pinnace.objects.client import Page, Selection, WatchEvent
from pinnace.objects.document import name_of
from pinnace.objects.selector import Selector
from pinnace.store.interface import Store

KIND = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
SHOWN = 1
"""The resourceVersion of one that is shown; a stored one's is higher, as namespaces are written first."""
STORED = (
    "{name} ships with this platform: the definition is stored, and the kind goes on being served as it "
    "ships ({versions})"
)
KEPT = "it ships with this platform, which goes on serving it"
SCALE = ("specReplicasPath", "statusReplicasPath", "labelSelectorPath")
Texts = dict[int, msgspec.Raw]


class Kinds(Protocol):
    """What is asked of the catalogue."""

    @property
    def shipped(self) -> Collection[str]: ...

    def resources(self) -> list[Resource]: ...

    def schema(self, resource: Resource) -> Node: ...


class Shipped:
    def __init__(self, store: Store, catalogue: Kinds) -> None:
        self.store = store
        self.catalogue = catalogue

    def warning(self, definition: Obj) -> str:
        """What the writer of a definition should hear; '' for a kind of its own."""
        name = name_of(definition)
        versions = [one.version for one in self._kinds().get(name, ())]
        return STORED.format(name=name, versions=", ".join(versions)) if versions else ""

    def find(self, name: str, texts: Texts | None = None, *, schemas: bool = True) -> Obj | None:
        """`texts`: the schemas as JSON text, for who only passes the document on."""
        kinds = self._kinds().get(name)
        return self._definition(kinds, texts, schemas) if kinds else None

    async def page(self, page: Page, resource: Resource, selection: Selection) -> Page:
        """The stored definitions and those behind them, by name; all at once, whatever the limit."""
        asked = selector.parse(resource, selection.labels, selection.fields)
        stored = {name_of(one) for one in self.store.list(definitions.KEY).items}
        found = list(page.items)
        texts: Texts | None = {} if selection.passing else None
        for name in self._kinds():
            if name in stored:
                continue
            head = self.find(name, schemas=False)
            if head is not None and asked.fits(head):
                whole = await asyncio.to_thread(self.find, name, texts) if selection.projected else None
                found.append(whole or head)
        return Page(sorted(found, key=name_of), page.resource_version)

    async def watch(
        self, events: AsyncIterator[WatchEvent], asked: Selector, *, initial: bool
    ) -> AsyncIterator[WatchEvent]:
        """What is stored as it changes; what is shown at the beginning, and again where it was covered."""
        texts: Texts = {}
        if initial:
            stored = {name_of(one) for one in self.store.list(definitions.KEY).items}
            for name in self._kinds():
                shown = await asyncio.to_thread(self.find, name, texts) if name not in stored else None
                if shown is not None and asked.fits(shown):
                    yield WatchEvent("ADDED", shown)
            texts = {}
        async for event in events:
            yield event
            if event.type == "DELETED":
                shown = await asyncio.to_thread(self.find, name_of(event.obj), {})
                if shown is not None and asked.fits(shown):
                    yield WatchEvent("ADDED", shown)

    def _kinds(self) -> dict[str, list[Resource]]:
        """By name of the definition: the versions of each kind, the preferred one first."""
        found: dict[str, list[Resource]] = {}
        for one in self.catalogue.resources():
            if one.custom and one.key in self.catalogue.shipped and one.group != WORKFLOW_NODES.group:
                found.setdefault(one.key, []).append(one)
        return dict(sorted(found.items()))

    def _definition(self, kinds: list[Resource], texts: Texts | None, schemas: bool) -> Obj:
        first = kinds[0]
        names: Obj = {
            "plural": first.plural, "singular": first.singular, "kind": first.kind,
            "listKind": first.list_kind,
        }
        if first.short_names:
            names["shortNames"] = list(first.short_names)
        if first.categories:
            names["categories"] = list(first.categories)
        born = self._born()
        metadata = {
            "name": first.key, "uid": str(uuid5(NAMESPACE_DNS, first.key)), "resourceVersion": str(SHOWN),
            "generation": 1, "creationTimestamp": born,
        }
        spec = {
            "group": first.group, "names": names, "scope": "Namespaced" if first.namespaced else "Cluster",
            "conversion": {"strategy": "None"},
            "versions": [self._version(one, one is first, texts, schemas) for one in kinds],
        }
        status = {
            "acceptedNames": names, "storedVersions": [first.version],
            "conditions": list(_conditions(born)),
        }
        return {**KIND, "metadata": metadata, "spec": spec, "status": status}

    def _version(self, resource: Resource, storage: bool, texts: Texts | None, schemas: bool) -> Obj:
        made: Obj = {"name": resource.version, "served": True, "storage": storage}
        if schemas:
            made["schema"] = {"openAPIV3Schema": _openapi(self.catalogue.schema(resource), texts)}
        below: Obj = {name: {} for name in resource.subresources & {"status"}}
        if (paths := training.scale_paths(resource)) is not None:
            below["scale"] = dict(zip(SCALE, paths, strict=True))
        if below:
            made["subresources"] = below
        if columns := [_column(one) for one in resource.columns]:
            made["additionalPrinterColumns"] = columns
        return made

    def _born(self) -> str:
        system = self.store.get("namespaces", "", "kube-system")
        return str(system["metadata"]["creationTimestamp"]) if system else "1970-01-01T00:00:00Z"


def fresh(definition: Obj) -> Obj:
    """One that is shown, as it is stored: it is not the one that will be shown when it is deleted."""
    return {**definition, "metadata": {**definition["metadata"], "uid": str(uuid4())}}


def _openapi(schema: Node, texts: Texts | None) -> Any:
    shown: Node = schema.tool("definition", _of_definition)
    return shown.to_openapi() if texts is None else openapi_text(shown, texts)


def _of_definition(schema: Node) -> Node:
    """As a definition has it: of metadata nothing is said."""
    properties = {**(schema.properties or {}), "metadata": Node(type="object")}
    return msgspec.structs.replace(schema, properties=properties, tools={})


def _column(column: Column) -> Obj:
    made: Obj = {"name": column.name, "type": column.type, "jsonPath": column.path}
    if column.format:
        made["format"] = column.format
    if column.priority:
        made["priority"] = column.priority
    return made


def _conditions(since: str) -> Iterator[Obj]:
    for kind, reason, message in (
        ("NamesAccepted", "NoConflicts", "no conflicts found"),
        ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ):
        yield {
            "type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": since,
        }
