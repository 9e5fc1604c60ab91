"""Exit handlers of steps and tasks: a node is settled when its handler is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pinnace.authoring.argo.expression.evaluate import evaluate, references
from pinnace.controllers.workflow.frame import Call, Frame
from pinnace.controllers.workflow.names import fnv
from pinnace.controllers.workflow.scope import Scope, Sibling
from pinnace.controllers.workflow.slot import Slot


class ExitHook:
    """Waits for a node's exit handler, then lets the node be settled."""

    __slots__ = ("frame",)

    def __init__(self, frame: Frame) -> None:
        self.frame = frame

    def done(self, hook: Frame) -> None:
        if hook.call.counted and hook.boundary is not None:
            hook.boundary.active -= 1
        self.frame.up.done(self.frame)


def exit_call(frame: Frame) -> Call | None:
    """The exit handler that a completed node owes, if its step or task has one whose expression holds.

    Raises what evaluating the expression raises."""
    call = frame.call
    found = call.holder.hooks.get("exit") if isinstance(frame.up, Slot) else None
    if found is None or frame.node.phase not in ("Succeeded", "Failed", "Error") or call.boundary is None:
        return None
    hook, holder = found
    own: dict[str, Sibling] = {call.holder.name: frame.view}
    outer = call.scope
    scope = Scope(
        outer.globals,
        outer.inputs,
        outer.artifacts,
        outer.prefix,
        _Nearer(own, outer.siblings),
        outer.item,
        outer.extra,
    )
    if (
        hook.expression
        and evaluate(hook.expression, scope.environment(references(hook.expression))) is not True
    ):
        return None
    part = ".onExit"
    made = Call(
        frame.run,
        ExitHook(frame),
        holder,
        scope,
        call.scope_name,
        frame.node.name + part,
        frame.node.display_name + part,
        fnv(part, frame.state),
        call.boundary,
        (frame.node.id,),
    )
    made.hooked = True
    made.exiting = True
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
