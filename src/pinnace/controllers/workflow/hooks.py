"""Lifecycle hooks of steps, tasks and the workflow: each fires once, and what they hang on waits for them.

`exit` fires when a node has completed (and its expression, if it has one, holds); every other hook has an
expression and fires when that first holds. Callers: `context` for nodes, `run` for the workflow. Source:
upstream workflow/controller/hooks.go, exit_handler.go, docs/lifecyclehook.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.authoring.argo.expression.evaluate import evaluate, references
from pinnace.controllers.workflow.frame import MISTAKES, Call, Frame
from pinnace.controllers.workflow.inputs import Inputs
from pinnace.controllers.workflow.names import fnv
from pinnace.controllers.workflow.scope import Scope, Sibling
from pinnace.controllers.workflow.slot import Slot
from pinnace.controllers.workflow.template import Holder
from pinnace.kinds.argo import COMPLETED, Hook

if TYPE_CHECKING:
    from pinnace.controllers.workflow.context import Context

Named = Mapping[str, tuple[Hook, Holder]]
EXIT = "exit"


class Hooks:
    """The hooks of one thing but `exit`. `call` makes a hook's call, or None where it may not start;
    `then` is told when that thing has ended and every hook that fired is done."""

    __slots__ = ("call", "ended", "fired", "named", "open", "run", "scope", "then")

    def __init__(
        self,
        run: Context,
        named: Named,
        scope: Callable[[], Scope],
        call: Callable[[Hooks, str, Holder, Scope], Call | None],
    ) -> None:
        self.run = run
        self.named = named
        self.scope = scope
        self.call = call
        self.fired: set[str] = set()
        self.open = 0
        self.ended = False
        self.then: Callable[[str], None] | None = None

    def look(self) -> str:
        """Fire what holds now. The message of a mistake; while the thing runs an expression may still ask
        for what is not there."""
        try:
            for name, (hook, holder) in self.named.items():
                if name != EXIT and name not in self.fired:
                    self._look(name, hook, holder)
        except MISTAKES as mistake:
            return str(mistake)
        return ""

    def _look(self, name: str, hook: Hook, holder: Holder) -> None:
        scope = self.scope()
        call = self.call(self, name, holder, scope)
        if call is None:
            return
        if call.id not in self.run.stored and not _holds(hook, name, scope):
            return
        self.fired.add(name)
        self.open += 1
        self.run.queue.append(call)

    def end(self, then: Callable[[str], None]) -> None:
        """The thing has ended; `then` gets the message of a mistake, or nothing."""
        self.ended, self.then = True, then
        mistake = self.look()
        if self.open == 0:
            self.run.queue.append(partial(then, mistake))
        elif mistake:
            self.then = lambda _none: then(mistake)

    def done(self, hook: Frame) -> None:
        if hook.call.counted and hook.boundary is not None:
            hook.boundary.active -= 1
        self.dropped()

    def dropped(self) -> None:
        """A hook that may not start any more is done as well."""
        self.open -= 1
        if self.ended and self.open == 0 and self.then is not None:
            self.run.queue.append(partial(self.then, ""))


class ExitHook:
    """Waits for a node's exit handler, then lets the node be settled."""

    __slots__ = ("frame",)

    def __init__(self, frame: Frame) -> None:
        self.frame = frame

    def done(self, hook: Frame) -> None:
        if hook.call.counted and hook.boundary is not None:
            hook.boundary.active -= 1
        self.dropped()

    def dropped(self) -> None:
        self.frame.up.done(self.frame)


class Group:
    """The task group of a looped task: its hooks fire for all its turns together."""

    __slots__ = ("slot",)

    def __init__(self, slot: Slot) -> None:
        self.slot = slot

    def done(self, frame: Frame) -> None:
        self.slot.owner.settled(self.slot)


def hooking(frame: Frame) -> bool:
    """Whether the hooks of a frame's step or task are its own: not those of attempts, nor of one turn of a
    looped task."""
    up = frame.up
    return isinstance(up, Slot) and not (up.items is not None and up.owner.groups)


def group(slot: Slot) -> Frame:
    """A looped task as its hooks see it."""
    assert slot.node is not None
    call = slot.call(slot.name, slot.holder.name, slot.state, None)
    frame = Frame(slot.owner.run, call, slot.node, None, Inputs({}, {}))
    frame.up = Group(slot)
    return frame


def of_node(frame: Frame) -> Hooks:
    """The hooks of a step or task that lives."""
    return Hooks(frame.run, frame.call.holder.hooks, partial(_scope, frame), partial(_call, frame))


def _call(frame: Frame, up: Hooks, name: str, holder: Holder, scope: Scope) -> Call | None:
    call = frame.call
    if frame.run.closed(call.exiting) or (call.boundary is not None and call.boundary.failing):
        return None
    made = _made(frame, up, f".hooks.{name}", holder, scope)
    made.exiting = call.exiting
    return made


def exit_call(frame: Frame) -> Call | None:
    """The exit handler that a completed node owes, if its step or task has one whose expression holds.

    Raises what evaluating the expression raises."""
    call = frame.call
    found = call.holder.hooks.get(EXIT)
    if found is None or frame.node.phase not in COMPLETED or call.boundary is None:
        return None
    hook, holder = found
    scope = _scope(frame)
    if (
        hook.expression
        and evaluate(hook.expression, scope.environment(references(hook.expression))) is not True
    ):
        return None
    made = _made(frame, ExitHook(frame), ".onExit", holder, scope)
    made.exiting = True
    return made


def _made(frame: Frame, up: Hooks | ExitHook, part: str, holder: Holder, scope: Scope) -> Call:
    made = Call(
        frame.run,
        up,
        holder,
        scope,
        frame.call.scope_name,
        frame.node.name + part,
        frame.node.display_name + part,
        fnv(part, frame.state),
        frame.call.boundary,
        (frame.node.id,),
    )
    made.hooked = True
    return made


def _scope(frame: Frame) -> Scope:
    outer = frame.call.scope
    view = frame.up.slot.view if isinstance(frame.up, Group) else frame.view
    own: dict[str, Sibling] = {frame.call.holder.name: view if view is not None else frame.view}
    return Scope(
        outer.globals,
        outer.inputs,
        outer.artifacts,
        outer.prefix,
        _Nearer(own, outer.siblings),
        outer.item,
        outer.extra,
    )


def _holds(hook: Hook, name: str, scope: Scope) -> bool:
    if not hook.expression:
        raise ExpressionError(f"Expression required for hook {name}")
    return evaluate(hook.expression, scope.environment(references(hook.expression))) is True


# ---- of the workflow --------------------------------------------------------------------------------


def of_workflow(run: Context) -> Hooks | None:
    """None: it has none but `exit`."""
    named = {
        name: (hook, Holder(hook, name)) for name, hook in (run.spec.hooks or {}).items() if name != EXIT
    }
    if not named:
        return None
    return Hooks(run, named, lambda: Scope(run.globals, {}, {}), partial(_of_workflow, run))


def _of_workflow(run: Context, up: Hooks, name: str, holder: Holder, scope: Scope) -> Call | None:
    if run.closed(False):
        return None
    part = f".hooks.{name}"
    full = run.name + part
    made = Call(
        run, up, holder, scope, run.library.local, full, full, fnv(part, fnv(run.name)), None, (run.name,)
    )
    made.hooked = True
    return made


class _Nearer(Mapping[str, Sibling]):
    """The node itself before its siblings; neither is copied."""

    def __init__(self, own: Mapping[str, Sibling], others: Mapping[str, Sibling]) -> None:
        self._own = own
        self._others = others

    def __getitem__(self, name: str) -> Sibling:
        return self._own[name] if name in self._own else self._others[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._others, **self._own})

    def __len__(self) -> int:
        return len({**self._others, **self._own})
