"""The engine with its other ways into the world replaced: resources, requests, and what waits for a person.

Made by `world`. A template that nothing stands in for does what it does on a platform, in the test's own
control plane: a resource template creates its object there, a suspended step waits.
"""

from __future__ import annotations

import asyncio
from typing import Any

from pinnace.controllers.controller import Key, Result
from pinnace.controllers.workflow import clock
from pinnace.controllers.workflow.agent.client import Agent
from pinnace.controllers.workflow.agent.messages import Done, Question
from pinnace.controllers.workflow.controller import Workflows
from pinnace.controllers.workflow.errands import Errand, Errands
from pinnace.controllers.workflow.leaves import Act, Leaf, Suspension
from pinnace.controllers.workflow.live import Live
from pinnace.controllers.workflow.resources import Acting
from pinnace.kinds.argo import COMPLETED, WORKFLOW
from pinnace.kinds.document import from_yaml
from pinnace.kinds.resource import Obj
from pinnace.testing.node import Stage
from pinnace.testing.replacements import Outputs
from pinnace.testing.step import names_of


class Played(Acting):
    """Resource templates that are replaced touch no object."""

    async def begin(self, act: Act) -> None:
        engine, live = self.live.house, self.live
        assert isinstance(engine, Rehearsed)
        assert live.run is not None
        leaf = live.run.leaves.get(act.node)
        found = engine.played(live, leaf, _manifest(act)) if isinstance(leaf, Leaf) else None
        if found is None:
            await super().begin(act)
        elif found.seconds > 0:
            asyncio.get_running_loop().call_later(found.seconds, self._ended, act, found)
        else:
            self._ended(act, found)

    def _ended(self, act: Act, found: Outputs) -> None:
        run = self.live.run
        assert run is not None
        bad = found.exit_code or found.message
        message = found.message or (f"exit code {found.exit_code}" if bad else "")
        run.act_ended(act.node, self.live.house.now(), "Failed" if bad else "Succeeded", message, said(found))
        self.live.house.look(self.live)


class Carried(Errands):
    """Nobody is asked for anything over the network: an http template is a step like any other. Keys of the
    test's own repository are listed."""

    def begin(self, errand: Errand) -> None:
        engine, live = self.live.house, self.live
        assert isinstance(engine, Rehearsed)
        assert live.run is not None
        leaf = live.run.leaves.get(errand.node)
        if not isinstance(leaf, Leaf):
            return
        found = engine.played(live, leaf, errand.document)
        if found is None and errand.kind == "http":
            found = engine.stage.play(leaf.node, live.run.name, errand.document, {})
            if found is None:
                return
        if found is None:
            super().begin(errand)
        else:
            asyncio.get_running_loop().call_later(found.seconds, self._answered, errand, found)

    def _answered(self, errand: Errand, found: Outputs) -> None:
        run = self.live.run
        assert run is not None
        bad = found.exit_code or found.message
        message = found.message or (f"exit code {found.exit_code}" if bad else "")
        run.answered(
            errand.node, self.live.house.now(), "Failed" if bad else "Succeeded", message, found.result or ""
        )
        self.live.house.look(self.live)


class Near(Agent):
    """No process: what it works out is worked out here."""

    async def ask(self, question: Question) -> Done:
        from pinnace.controllers.workflow.agent import process

        return await process.done(question)


class Rehearsed(Workflows):
    acting = Played
    errands = Carried
    stage: Stage

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.agent = Near()
        self._asked: set[str] = set()

    async def reconcile(self, key: Key) -> Result:
        result = await super().reconcile(key)
        live = self.live.get(key)
        if live is not None and live.run is not None:
            for leaf in [each for each in live.run.leaves.values() if isinstance(each, Suspension)]:
                self._ask(live, leaf)
        return result

    def played(self, live: Live, leaf: Leaf, manifest: Obj) -> Outputs | None:
        """What stands in for a leaf that is no Pod; None: it does what it does."""
        assert live.run is not None
        names = names_of(leaf.node, live.run.name)
        self.stage.names.update(names)
        if self.stage.replacements.key(names) is None:
            return None
        return self.stage.play(leaf.node, live.run.name, manifest, {})

    def _ask(self, live: Live, leaf: Suspension) -> None:
        if leaf.node.id in self._asked:
            return
        self._asked.add(leaf.node.id)
        found = self.played(live, leaf, {})
        if found is not None:
            asyncio.get_running_loop().call_later(found.seconds, self._answer, live, leaf.node.id, found)

    def _answer(self, live: Live, node: str, found: Outputs) -> None:
        task = asyncio.get_running_loop().create_task(self._edit(live, node, found))
        task.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.stage.fail(error)

    async def _edit(self, live: Live, node: str, found: Outputs) -> None:
        """As a person does it: by an edit of the Workflow."""
        bad = found.exit_code or found.message
        edit: Obj = {"phase": "Failed" if bad else "Succeeded", "finishedAt": clock.stamp(self.now())}
        if found.message:
            edit["message"] = found.message
        if found.parameters:
            edit["outputs"] = said(found)
        meta = live.obj["metadata"]
        if (self.client.peek(WORKFLOW, meta["name"], live.namespace) or {}).get("status", {}).get(
            "phase"
        ) in COMPLETED:
            return
        patch = {"status": {"nodes": {node: edit}}}
        await self.client.patch(WORKFLOW, meta["name"], live.namespace, patch, "merge")


def said(found: Outputs) -> Obj | None:
    made: Obj = {}
    if found.parameters:
        made["parameters"] = [{"name": name, "value": value} for name, value in found.parameters.items()]
    if found.result is not None:
        made["result"] = found.result
    return made or None


def _manifest(act: Act) -> Obj:
    try:
        found = from_yaml(act.manifest)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"action": act.action, "manifest": act.manifest}
