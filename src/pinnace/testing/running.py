"""`run`: one workflow from submission to its end, or to where only a person could go on.

A world is an in-memory store behind the one door to state, the manager, the engine and a node of
replacements, on a loop whose clock jumps. It lives for one run.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, cast

from pinnace.controllers.built_in import NAMESPACE, POD
from pinnace.controllers.manager import Manager
from pinnace.data.blobs import Blobs
from pinnace.kinds.argo import COMPLETED, WORKFLOW
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Options
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event
from pinnace.store.memory import MemoryStore
from pinnace.testing import documents
from pinnace.testing.clock import Loop
from pinnace.testing.contents import Content, Contents
from pinnace.testing.documents import Given
from pinnace.testing.engine import Rehearsed
from pinnace.testing.node import Node as Player
from pinnace.testing.node import Stage
from pinnace.testing.outcome import Node, Nodes, Outcome, Values
from pinnace.testing.replacements import Replacement, Replacements
from pinnace.testing.step import Step

YEAR = 366 * 24 * 3600.0
T = TypeVar("T")


class Refused(Exception):
    """The control plane takes a document no more than a cluster would; the message says where and why."""


class NotReplaced(Exception):
    """Steps started that nothing stands in for."""

    def __init__(self, steps: list[Step]) -> None:
        names = dict.fromkeys(f"{step.display_name!r} (template {step.template!r})" for step in steps)
        example = steps[0].template or steps[0].display_name
        super().__init__(
            f"nothing stands in for {', '.join(names)}: give run(…, {{{example!r}: outputs(…)}}), "
            "or otherwise=outputs() for every step that is not named"
        )
        self.steps = steps


class _Missing:
    pass


_MISSING = _Missing()


def run(
    workflow: Given,
    replacements: Mapping[str, Replacement] | None = None,
    *,
    parameters: Mapping[str, Any] | None = None,
    templates: Sequence[Given] | Given = (),
    artifacts: Mapping[str, Content] | None = None,
    otherwise: Replacement | _Missing = _MISSING,
    namespace: str = "default",
    within: float = YEAR,
) -> Outcome:
    """Run a Workflow (or a template, or a CronWorkflow's) with its steps replaced.

    `workflow`: a path, YAML text, a dict or an object of Hera. `replacements`: by the name of a template
    (`library/train` by reference), of a step or task, or of one node. `templates`: whatever is to be there
    before: templates, ConfigMaps … `artifacts`: what the default repository holds, by key. `within`: seconds
    of the workflow's own clock after which it is looked at as it is.

    Raises Refused, NotReplaced, UnknownStep, and whatever a replacement's function raises."""
    main, others = documents.chosen([*documents.read(workflow), *documents.read(templates)])
    complete = not isinstance(otherwise, _Missing)
    standing = Replacements(
        replacements or {}, None if isinstance(otherwise, _Missing) else otherwise, complete=complete
    )
    main = documents.prepared(main, parameters or {})
    known = [*documents.names([main, *others])]
    where = main["metadata"].setdefault("namespace", namespace)
    return _alone(lambda loop: _World(loop, standing, where).go(main, others, artifacts or {}, known, within))


Work = Callable[[Loop], Coroutine[Any, Any, T]]


def _alone(work: Work[T]) -> T:
    """On a loop of its own; in a thread of its own where this one has a loop that runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _looped(work)
    found: list[T] = []
    failed: list[BaseException] = []

    def aside() -> None:
        try:
            found.append(_looped(work))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=aside, name="pinnace-testing")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]


def _looped(work: Work[T]) -> T:
    loop = Loop()
    try:
        return loop.run_until_complete(work(loop))
    finally:
        loop.threads += 1  # nothing jumps any more: what is cancelled ends in its own time
        _finish(loop)
        loop.close()


def _finish(loop: Loop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())


@cache
def _catalogue() -> Catalogue:
    return Catalogue.builtin()


class _World:
    def __init__(self, loop: Loop, replacements: Replacements, namespace: str) -> None:
        self.loop = loop
        self.namespace = namespace
        self.began = time.time()
        self.store = MemoryStore()
        self.catalogue = _catalogue()
        self.client = Local.open(self.store, self.catalogue)
        self.contents = Contents()
        self.engine = Rehearsed(
            self.client, self.store, self.catalogue, blobs=cast(Blobs, self.contents), now=self.now
        )
        self.stage = self.engine.stage = Stage(replacements, self.contents)
        self.player = Player(self.client, self.engine, self.stage, loop)
        self.last: Obj | None = None
        """The workflow as it ended, its nodes with it."""
        self.name = ""

    def now(self) -> float:
        return self.began + self.loop.elapsed

    async def go(
        self,
        workflow: Obj,
        others: list[Obj],
        artifacts: Mapping[str, Content],
        known: list[str],
        within: float,
    ) -> Outcome:
        self.loop.rest = self.stage.over.set  # and nothing more: then only a person could go on
        self.name = workflow["metadata"]["name"]
        for name in dict.fromkeys(["default", self.namespace]):
            space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            await self.client.create(NAMESPACE, space)
        for key, content in artifacts.items():
            found = self.contents.put(content)
            await self.store.commit(self.engine.repository.rows(self.namespace, key, found))
        for each in [*others, workflow]:
            await self._create(each)
        manager = Manager(self.client, [self.engine], clock=self.loop.time, wall=self.loop.time)
        self.client.listen(self.player.feed)
        self.client.listen(self._watch)
        self.loop.limit = within
        tasks = [self.loop.create_task(manager.run()), self.loop.create_task(self.player.run())]
        try:
            await self._ended(tasks, known)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.client.close()
        self.stage.replacements.check(known, self.stage.names)
        return self._outcome()

    async def _create(self, document: Obj) -> None:
        resource = self.catalogue.kind(str(document.get("apiVersion")), str(document.get("kind")))
        if resource is None:
            named = f"{document.get('apiVersion')} {document.get('kind')}"
            raise Refused(f"{named} is no kind that is known here")
        space = (document.get("metadata") or {}).get("namespace") or self.namespace
        options = Options(field_validation="Strict")
        try:
            await self.client.create(resource, document, space if resource.namespaced else "", options)
        except StatusError as error:
            raise Refused(error.message) from None

    async def _ended(self, tasks: list[asyncio.Task[None]], known: list[str]) -> None:
        over = self.loop.create_task(self.stage.over.wait())
        await asyncio.wait([over, *tasks], return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        for task in tasks:
            if task.done():
                task.result()
        if self.stage.failure is not None:
            raise self.stage.failure
        if self.stage.unknown:
            self.stage.replacements.check(known, self.stage.names)
            raise NotReplaced(self.stage.unknown)

    def _watch(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.resource == WORKFLOW.key and event.name == self.name and event.type != "DELETED":
                phase = (event.obj.get("status") or {}).get("phase")
                if phase in COMPLETED and self.last is None:
                    self.last = self.client.house.view(WORKFLOW, event.obj)
                    self.loop.create_task(self._settle())

    async def _settle(self) -> None:
        """What the end itself brings (pods and claims that go) still happens."""
        for _ in range(SETTLING):
            await asyncio.sleep(0)
        self.stage.over.set()

    # ---- what it came to ---------------------------------------------------------------------------------

    def _outcome(self) -> Outcome:
        found = self.last
        if found is None:
            stored = self.client.peek(WORKFLOW, self.name, self.namespace)
            assert stored is not None
            found = self.client.house.view(WORKFLOW, stored)
        status = found.get("status") or {}
        nodes = [self._node(each) for each in (status.get("nodes") or {}).values()]
        root = next((node.outputs for node in nodes if node.name == self.name), Values())
        everywhere = self._values(status.get("outputs"))
        return Outcome(
            workflow=found,
            nodes=Nodes(nodes, self.name),
            steps=self.stage.steps,
            outputs=Values(
                parameters={**everywhere.parameters, **root.parameters},
                result=root.result,
                exit_code=root.exit_code,
                artifacts={**everywhere.artifacts, **root.artifacts},
            ),
            seconds=self.loop.elapsed,
            objects=self._objects(),
        )

    def _node(self, status: Obj) -> Node:
        return Node(
            status=status,
            inputs=self._values(status.get("inputs")),
            outputs=self._values(status.get("outputs")),
        )

    def _values(self, found: Any) -> Values:
        found = found or {}
        code = found.get("exitCode")
        artifacts = {}
        for each in found.get("artifacts") or []:
            if (each.get("raw") or {}).get("data") is not None:
                artifacts[each["name"]] = each["raw"]["data"]
            elif key := (each.get("s3") or {}).get("key"):
                stored = self.engine.repository.find(self.namespace, key, each.get("subPath") or "")
                artifacts[each["name"]] = None if stored is None else self.contents.read(stored["digest"])
        return Values(
            parameters={
                each["name"]: str(each["value"])
                for each in found.get("parameters") or []
                if each.get("value") is not None
            },
            result=found.get("result"),
            exit_code=None if code is None else int(code),
            artifacts=artifacts,
        )

    def _objects(self) -> list[Obj]:
        """Everything but the run itself and its Pods."""
        skipped = {WORKFLOW.key, POD.key, NAMESPACE.key}
        return [
            obj
            for key in self.store.stats()["count"]
            if key not in skipped and not key.startswith("rows/")
            for obj in self.store.list(key).items
        ]


SETTLING = 20
