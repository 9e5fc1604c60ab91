"""A node of a run while it lives, and the call that makes it.

A frame starts, waits for its children and tells the one above when it is settled. Nothing scans: a
change costs the frames it touches. A call adopts the stored node if there is one, so rebuilding a run after
a crash is the same walk as starting it. Callers: `slot`, `steps`, `dag`, `attempts`, `leaves`, `run`.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.authoring.argo.expression.when import WhenError, passes
from pinnace.controllers.workflow import components, loops
from pinnace.controllers.workflow.inputs import InputError, Inputs, bind
from pinnace.controllers.workflow.outputs import OutputError, View
from pinnace.controllers.workflow.scope import Absent, Scope, Unresolved
from pinnace.controllers.workflow.template import PODS, Holder, Program, TemplateError
from pinnace.kinds.argo import FULFILLED, Links, NodeStatus

if TYPE_CHECKING:
    from pinnace.controllers.workflow.context import Context
    from pinnace.controllers.workflow.memo import Found

MAX_DEPTH = 100
BAD = frozenset({"Failed", "Error"})
MISTAKES = (
    Absent,
    Unresolved,
    ExpressionError,
    WhenError,
    InputError,
    OutputError,
    TemplateError,
    loops.LoopError,
)
"""What a manifest can get wrong at run time: it becomes the node's Error."""


class Upper(Protocol):
    """Who is told when a frame is settled (completed, its exit hook too; or skipped)."""

    def done(self, frame: Frame) -> None: ...


class Attempts(Protocol):
    """Who is told that a daemon, which is one of its attempts, is over."""

    def served(self, attempt: NodeStatus) -> None: ...


class Frame:
    """One node while the run lives, and what remains of it for its siblings afterwards."""

    __slots__ = (
        "active",
        "boundary",
        "call",
        "daemons",
        "depth",
        "exiting",
        "failing",
        "inputs",
        "node",
        "program",
        "run",
        "state",
        "up",
        "waiting",
    )

    def __init__(
        self, run: Context, call: Call, node: NodeStatus, program: Program | None, inputs: Inputs
    ) -> None:
        self.run = run
        self.call = call
        self.node = node
        self.program = program
        self.inputs = inputs
        self.up: Upper = call.up
        self.boundary = call.boundary
        self.state = call.state
        self.depth = call.depth
        self.exiting = call.exiting
        self.active = 0
        """Direct children that count for `parallelism`."""
        self.failing = ""
        self.waiting: deque[Any] | None = None
        self.daemons: list[Frame] | None = None

    @property
    def view(self) -> View:
        """The node as those after it see it, made when asked for: at most turns of a loop nobody does."""
        return View(self.node, self.program)

    def begin(self) -> None:
        """Start, or go on from an adopted node."""

    def finish(self, phase: str, message: str = "") -> None:
        node = self.node
        if node.phase in FULFILLED:
            self.run.completed(self)
            return
        node.phase = phase
        if message:
            node.message = message
        node.finished_at = self.run.stamp()
        self.run.touch(node)
        if self.program is not None and self.program.template.metrics is not None:
            self.run.measure(self)
        self.run.completed(self)

    def resumed(self) -> None:
        """Capacity came back to this frame's children."""
        if self.waiting:
            self.run.queue.append(self.waiting.popleft())


class Call:
    """A template about to be called: by a step, a task, a turn of a loop, a hook, or the workflow."""

    __slots__ = (
        "after",
        "attempt_of",
        "before",
        "boundary",
        "counted",
        "depth",
        "display",
        "exiting",
        "holder",
        "hooked",
        "id",
        "item",
        "locked",
        "memo",
        "name",
        "parents",
        "program",
        "retry",
        "run",
        "scope",
        "scope_name",
        "state",
        "turn",
        "up",
    )

    def __init__(
        self,
        run: Context,
        up: Upper,
        holder: Holder,
        scope: Scope,
        scope_name: str,
        name: str,
        display: str,
        state: int,
        boundary: Frame | None,
        parents: tuple[str, ...] = (),
        after: tuple[str, ...] = (),
    ) -> None:
        self.run = run
        self.up = up
        self.holder = holder
        self.scope = scope
        self.scope_name = scope_name
        self.name = name
        self.display = display
        self.state = state
        self.id: str = run.identity(name, state)
        """The node's."""
        self.boundary = boundary
        self.parents = parents
        self.after = after
        self.depth: int = boundary.depth + 1 if boundary is not None else 0
        self.exiting: bool = boundary.exiting if boundary is not None else False
        self.turn = 0
        """Which turn of a loop this is."""
        self.hooked = False
        self.counted = False
        self.retry: dict[str, str] | None = None
        self.program: Program | None = None
        self.item: Any = None
        self.memo: Found | None = None
        self.attempt_of: Attempts | None = None
        """What stands above an attempt."""
        self.locked = ""
        """The holder of the template's locks."""
        self.before: NodeStatus | None = None
        """Its node, where that had to wait."""

    def __call__(self) -> None:
        """Raises Need only before anything was decided."""
        run = self.run
        stored = run.stored.pop(self.id, None)
        if stored is None and not self._may_start():
            return
        try:
            self._go(stored)
        except MISTAKES as mistake:
            self.fail(str(mistake))
        except Exception:
            if stored is not None:
                run.stored[stored.id] = stored
            raise

    def _may_start(self) -> bool:
        boundary = self.boundary
        if self.run.closed(self.exiting) or (boundary is not None and boundary.failing):
            self.run.dropped(self)
            return False
        return self._has_turn(boundary)

    def _has_turn(self, boundary: Frame | None) -> bool:
        if self.hooked:
            return True  # what it hangs on holds a place until it is done
        limit = boundary.program.template.parallelism if boundary is not None and boundary.program else None
        if boundary is not None and limit is not None and boundary.active >= limit:
            if boundary.waiting is None:
                boundary.waiting = deque()
            boundary.waiting.append(self)
            return False
        return True

    def _go(self, stored: NodeStatus | None) -> None:
        run, holder = self.run, self.holder
        if stored is None and holder.when is not None:
            when = holder.when
            condition = when.static if when.render is None else str(when.render(self.scope))
            if not passes(condition):
                self.skip(f"when '{condition}' evaluated false")
                return
        if stored is not None:
            self.adopt(stored)
            return
        program = self.program = run.library.resolve(holder, self.scope_name)
        if self.depth > MAX_DEPTH:
            raise TemplateError(
                f"Maximum recursion depth exceeded: more than {MAX_DEPTH} templates call each other"
            )
        if program.kind in PODS and not run.room():
            run.block(self)
            return
        inputs = bind(program, holder, self.scope, run.facts)
        if program.component is not None:
            components.locate(run, program.component, inputs)
        if inputs.artifacts:
            run.prepare(inputs)
        if program.template.synchronization is None or run.locked(self, program, inputs):
            self.resume(program, inputs)

    def resume(self, program: Program, inputs: Inputs) -> None:
        """Everything is there that it had to wait for. Raises Need."""
        if program.memoized is False or not self.run.memoized(self, program, inputs):
            self.start(program, inputs)

    def start(self, program: Program, inputs: Inputs) -> None:
        """Make the node and begin it."""
        strategy = program.template.retry_strategy or self.run.spec.retry_strategy
        self.begin(
            self.run.frame(self, program, inputs, "Retry" if strategy is not None else program.kind, None)
        )

    def adopt(self, stored: NodeStatus) -> None:
        run, inputs = self.run, Inputs.of(stored.inputs)
        if stored.phase in FULFILLED:
            program = run.known(self.holder, self.scope_name)
            if stored.pinnace is None:  # it came with a resubmitted Workflow
                stored.pinnace = Links(parents=self.parents, after=self.after, order=run.total + 1)
                run.touch(stored)
            run.adopted(stored)
            run.completed(Frame(run, self, stored, program, inputs))
            return
        program = self.program = run.library.resolve(self.holder, self.scope_name)
        run.prepare(inputs)
        run.adopted(stored)
        if program.template.synchronization is not None and run.waited(self, program, stored, inputs):
            return
        self.begin(
            run.frame(self, program, inputs, "Retry" if stored.type == "Retry" else program.kind, stored)
        )

    def begin(self, frame: Frame) -> None:
        self.count()
        try:
            frame.begin()
        except MISTAKES as mistake:
            frame.finish("Error", str(mistake))
        if self.holder.watched:
            self.run.watch(frame)
        if frame.program is not None and frame.program.template.metrics is not None:
            self.run.measure(frame, begins=True)

    def count(self) -> None:
        """Among the active children of its boundary."""
        if self.boundary is not None and not self.counted:
            self.boundary.active += 1
            self.counted = True

    def skip(self, message: str) -> None:
        self.leafless("Skipped", "Skipped", message)

    def fail(self, message: str) -> None:
        kind = self.program.kind if self.program is not None else ""
        self.leafless(NODE_TYPES.get(kind, "Skipped"), "Error", message)

    def leafless(self, type_: str, phase: str, message: str) -> None:
        program = self.program
        if program is None and phase in ("Skipped", "Omitted"):
            program = self.run.known(self.holder, self.scope_name)
        node = self.run.node(self, type_, phase)
        node.message = message
        node.finished_at = node.started_at
        self.run.completed(Frame(self.run, self, node, program, Inputs({}, {})))


NODE_TYPES = {
    "steps": "Steps",
    "dag": "DAG",
    "suspend": "Suspend",
    "Retry": "Retry",
    "http": "HTTP",
    "plugin": "Plugin",
    "container": "Pod",
    "script": "Pod",
    "containerSet": "Pod",
    "data": "Pod",
    "resource": "Pod",
}
