"""`/pinnace/v1/lineage/…`: trees of lineage, screens of models, runs as they were recorded.

It only translates. Caller: `cli/records`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from pinnace.api.http import Request
from pinnace.kinds.resource import Resource
from pinnace.objects.errors import StatusError
from pinnace.objects.lineage import comparing, finding
from pinnace.objects.lineage.book import Book, Run
from pinnace.objects.lineage.contents import Contents
from pinnace.objects.lineage.screen import Screens
from pinnace.objects.lineage.walking import Walk
from pinnace.objects.registry.records import Registry
from pinnace.store.interface import Store


class Face:
    def __init__(
        self, store: Store, registry: Registry, contents: Contents, resources: Iterable[Resource]
    ) -> None:
        self.registry = registry
        self.contents = contents
        self.book = Book(store, resources)
        self.screens = Screens(registry, self.book, contents)

    async def __call__(self, request: Request) -> None:
        request.resource = "lineage"
        answers = {"walk": self.walk, "models": self.models, "run": self.run, "compare": self.compare}
        answer = answers.get(request.segments()[-1])
        if answer is None:
            raise StatusError(404, "NotFound", f"ask {', '.join(answers)} below /pinnace/v1/lineage")
        await request.json(200, answer(request))

    def walk(self, request: Request) -> Any:
        """`?of=WORD&namespace=&down=1`"""
        query = request.query
        walk = Walk(
            self.registry, self.book, self.contents, self.screens, down=query.get("down", "") in ("1", "true")
        )
        try:
            tree, others = finding.found(walk, query.get("of", ""), query.get("namespace", ""))
        except finding.Unknown as error:
            raise StatusError(404, "NotFound", str(error)) from None
        return {"tree": tree, "others": others}

    def models(self, request: Request) -> Any:
        """`?name=`"""
        return {"models": msgspec.to_builtins(self.screens.every(request.query.get("name", "")))}

    def run(self, request: Request) -> Any:
        """`?name=&namespace=`: the object as it is or was, and what it executed."""
        run = self._run(request, "name")
        done = self.book.of_run(run)
        return {
            "object": run.obj, "gone": run.gone, "executions": msgspec.to_builtins(done),
            "sources": self.book.sources(done),
            "nodes": {key: msgspec.to_builtins(node) for key, node in self.book.nodes(run).items()},
        }

    def compare(self, request: Request) -> Any:
        """`?old=UID&new=UID`"""
        old, new = self._run(request, "old"), self._run(request, "new")
        return comparing.compared(self.book, self.contents.files.blobs, old, new)

    def _run(self, request: Request, field: str) -> Run:
        kind, _, name = request.query.get(field, "").rpartition("/")
        wanted = "" if kind in ("", "run") else kind
        found = self.book.named(name, request.query.get("namespace", ""), wanted)
        uid = request.query.get(f"{field}_uid", "")
        found = [one for one in found if uid in ("", one.uid) and one.obj.get("kind") != "InferenceService"]
        if not found:
            raise StatusError(404, "NotFound", f"no run called {name!r} is there or was recorded")
        return found[0]
