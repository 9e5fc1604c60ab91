"""Nodes and runs that wait for a lock: `synchronization` of templates and of the workflow.

A node that waits is Pending and says for what. It makes nothing, holds no place in `parallelism`, and is
stopped like any other. Callers: `context` for every call of a template that names locks, `run` for the
workflow's own. Source: upstream workflow/controller/operator.go executeTemplate, operate.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.controllers.workflow import clock
from pinnace.controllers.workflow.frame import MISTAKES, NODE_TYPES, Call
from pinnace.controllers.workflow.inputs import Inputs
from pinnace.controllers.workflow.leaves import Leaf
from pinnace.controllers.workflow.locks import LockError, Locks, Refusal, Want, wants
from pinnace.controllers.workflow.scope import Scope
from pinnace.controllers.workflow.tags import compile_tree
from pinnace.controllers.workflow.template import PODS, Program
from pinnace.kinds.argo import FULFILLED, NodeStatus
from pinnace.kinds.resource import Obj

if TYPE_CHECKING:
    from pinnace.controllers.workflow.context import Context
    from pinnace.controllers.workflow.run import Run


class Waiting(Leaf):
    """The node of a call whose locks others hold."""

    __slots__ = ()

    def begin(self) -> None:
        self.stopping = ""
        self.run.leaves[self.node.id] = self
        closed = self.run.closed(self.exiting)
        if closed:
            self.stop(closed)

    def finish(self, phase: str, message: str = "") -> None:
        self.call.locked = holder_of(self.run, self.node.id)
        super().finish(phase, message)


class Keeper:
    """The locks of one run: what it asks the table of all runs, and who of it waits for an answer."""

    def __init__(self, run: Context, table: Locks) -> None:
        self.run = run
        self.table = table
        self.key = f"{run.namespace}/{run.name}"
        self.used = False
        """Something of this run holds a lock or waits for one."""
        self.changed = False
        """Since the workflow was last written."""
        self.waiters: dict[str, Waiting] = {}
        self.admit: Any = None
        """What is to be done when the workflow itself has its locks."""
        self.unclaimed: set[str] = set()
        self.leaving: set[str] = set()
        """Who lets go with the next commit."""
        self._created = clock.seconds(
            ((run.workflow.get("metadata") or {}).get("creationTimestamp")) or clock.stamp(0)
        )

    def reopen(self) -> None:
        if self.table:
            self.unclaimed = self.table.reopen(self.key)
            self.used = self.changed = bool(self.unclaimed)

    def ask(self, holder: str, wanted: tuple[Want, ...]) -> Refusal | None:
        """Raises LockError."""
        self.unclaimed.discard(holder)
        self.used = self.changed = True
        return self.table.acquire(holder, wanted, self.run.spec.priority or 0, self._created)

    def claim(self, holder: str, wanted: tuple[Want, ...]) -> None:
        """A node that runs already."""
        self.unclaimed.discard(holder)
        self.used = True
        self.table.hold(holder, wanted)

    def settle(self) -> None:
        """The run is rebuilt: what none of its nodes claims goes back."""
        for holder in self.unclaimed:
            self.let_go(holder)
        self.unclaimed = set()

    def look(self) -> None:
        """Those whose turn has come go on."""
        for holder in self.table.granted(self.key):
            self.changed = True
            frame = self.waiters.pop(holder, None)
            if frame is not None:
                self.run.queue.append(partial(_proceed, frame))
            elif holder == self.key and self.admit is not None:
                action, self.admit = self.admit, None
                self.run.queue.append(action)
            else:
                self.let_go(holder)

    def status(self) -> Obj | None:
        """`status.synchronization`, as it is once what is in the outbox is committed."""
        return self.table.status(self.key, self.leaving) if self.used else None

    def let_go(self, holder: str) -> None:
        self.waiters.pop(holder, None)
        self.changed = True
        self.leaving.add(holder)
        self.run.outbox.unlocked.append(holder)

    def released(self, holders: list[str]) -> None:
        """That is committed: others may have them."""
        for holder in holders:
            self.table.release(holder)
        self.leaving.difference_update(holders)
        self.look()


def holder_of(run: Context, node: str) -> str:
    return f"{run.locks.key}/{node}"


def admitted(run: Run, then: Any) -> bool:
    """The workflow's own locks; False: it waits, or has ended over it."""
    try:
        rendered = _rendered(run.raw_spec["synchronization"], Scope(run.globals, {}, {}))
        refusal = run.locks.ask(run.locks.key, wants(rendered, run.namespace))
    except (LockError, ExpressionError) as error:
        run.end("Failed", f"Failed to acquire the synchronization lock. {error}")
        return False
    if refusal is None:
        return True
    run.phase, run.message = run.phase or "Pending", refusal.message
    run.locks.admit = then
    return False


def entered(call: Call, program: Program, inputs: Inputs) -> bool:
    """The locks of a template that is about to be called; False: its node waits."""
    run = call.run
    holder = holder_of(run, call.id)
    refusal = _asked(call, program, inputs, holder)
    if refusal is None:
        call.locked = holder
        return True
    node = call.before
    if node is None:
        strategy = program.template.retry_strategy or run.spec.retry_strategy
        kind = "Retry" if strategy is not None else NODE_TYPES[program.kind]
        node = call.before = run.node(call, kind, "Pending")
        node.inputs = inputs.document()
    node.message = refusal.message
    node.synchronization_status = {"waiting": refusal.lock}
    run.touch(node)
    frame = Waiting(run, call, node, program, inputs)
    frame.fresh = True
    run.locks.waiters[holder] = frame
    call.count()
    frame.begin()
    return False


def adopted(call: Call, program: Program, stored: NodeStatus, inputs: Inputs) -> bool:
    """A node of an earlier life whose template names locks; True: it waited, and does so again or goes
    on."""
    run = call.run
    holder = holder_of(run, call.id)
    if not (stored.synchronization_status or {}).get("waiting"):
        call.locked = holder
        run.locks.claim(holder, _wanted(call, program, inputs))
        return False
    call.before = stored
    if entered(call, program, inputs):
        call.resume(program, inputs)
    return True


def _asked(call: Call, program: Program, inputs: Inputs, holder: str) -> Refusal | None:
    try:
        return call.run.locks.ask(holder, _wanted(call, program, inputs))
    except LockError as error:
        raise ExpressionError(str(error)) from None


def _wanted(call: Call, program: Program, inputs: Inputs) -> tuple[Want, ...]:
    assert program.template.synchronization is not None
    scope = Scope(call.run.globals, inputs.parameters, inputs.artifacts, item=call.item)
    try:
        return wants(_rendered(program.template.synchronization, scope), call.run.namespace)
    except LockError as error:
        raise ExpressionError(str(error)) from None


def _rendered(document: Obj, scope: Scope) -> Obj:
    render = compile_tree(document)
    return document if render is None else dict(render(scope))


def _proceed(frame: Waiting) -> None:
    """The locks are there. Raises Need."""
    run, call = frame.run, frame.call
    if frame.node.phase in FULFILLED:
        return
    closed = run.closed(frame.exiting)
    if closed:
        frame.stop(closed)
        return
    assert frame.program is not None
    if frame.program.kind in PODS and not run.room():
        run.block(partial(_proceed, frame))
        return
    call.locked = holder_of(run, call.id)
    run.leaves.pop(frame.node.id, None)
    try:
        call.resume(frame.program, frame.inputs)
    except MISTAKES as mistake:
        call.fail(str(mistake))
