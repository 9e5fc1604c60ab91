"""The attempts of a template with a retryStrategy, under one node of type Retry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.authoring.argo.expression.evaluate import evaluate, references
from pinnace.controllers.workflow.frame import BAD, MISTAKES, Call, Frame
from pinnace.controllers.workflow.inputs import Inputs
from pinnace.controllers.workflow.names import fnv
from pinnace.controllers.workflow.retry import Attempt, backoff_message, judge
from pinnace.controllers.workflow.scope import Scope
from pinnace.controllers.workflow.template import PODS, Program
from pinnace.kinds.argo import FULFILLED, NodeStatus, RetryStrategy

if TYPE_CHECKING:
    from pinnace.controllers.workflow.context import Context


class Retry(Frame):
    """The parent of attempts; its outputs are those of the last one."""

    __slots__ = ("first_started", "last", "number", "strategy")

    def __init__(self, run: Context, call: Call, node: NodeStatus, program: Program, inputs: Inputs) -> None:
        super().__init__(run, call, node, program, inputs)
        self.strategy = program.template.retry_strategy or run.spec.retry_strategy or RetryStrategy()
        self.number = -1
        self.last: Frame | None = None
        self.first_started = 0.0

    def begin(self) -> None:
        self.attempt()

    def attempt(self) -> None:
        if self.run.closed(self.exiting) and self.last is not None and self._next_stored() is None:
            self.conclude(self.last.node.phase, self.last.node.message)
            return
        assert self.program is not None
        if self.program.kind in PODS and not self.run.room() and self._next_stored() is None:
            self.run.block(self.attempt)
            return
        self.number += 1
        part = f"({self.number})"
        call = Call(
            self.run,
            self,
            self.call.holder,
            self.call.scope,
            self.call.scope_name,
            self.node.name + part,
            self.node.display_name + part,
            fnv(part, self.state),
            self.boundary,
            (self.node.id,),
        )
        call.depth, call.exiting, call.retry = self.depth, self.exiting, self._variables()
        call.item, call.program, call.attempt_of = self.call.item, self.program, self
        stored = self.run.stored.pop(call.id, None)
        self._begin(call, stored)

    def _next_stored(self) -> NodeStatus | None:
        part = f"({self.number + 1})"
        return self.run.stored.get(self.run.identity(self.node.name + part, fnv(part, self.state)))

    def _begin(self, call: Call, stored: NodeStatus | None) -> None:
        assert self.program is not None
        if stored is not None and stored.phase in FULFILLED:
            self.run.adopted(stored)
            self.done(Frame(self.run, call, stored, self.program, self.inputs))
            return
        if stored is not None:
            self.run.adopted(stored)
            call.retry = (stored.pinnace.retry if stored.pinnace is not None else {}) or call.retry
        if self.node.message:
            self.node.message = ""
            self.run.touch(self.node)
        frame = self.run.frame(call, self.program, self.inputs, self.program.kind, stored)
        try:
            frame.begin()
        except MISTAKES as mistake:
            frame.finish("Error", str(mistake))

    def _variables(self) -> dict[str, str]:
        last = self.last
        if last is None:
            return {
                "retries": "0",
                "lastRetry.exitCode": "0",
                "lastRetry.status": "",
                "lastRetry.duration": "0",
                "lastRetry.message": "",
            }
        code = str((last.node.outputs or {}).get("exitCode", "-1"))
        duration = int(self.run.when(last.node.finished_at) - self.run.when(last.node.started_at))
        return {
            "retries": str(self.number),
            "lastRetry.exitCode": code,
            "lastRetry.status": last.node.phase,
            "lastRetry.duration": str(duration),
            "lastRetry.message": last.node.message,
        }

    def done(self, frame: Frame) -> None:
        self.last = frame
        node = frame.node
        if node.daemoned:
            self._serve(node)
            return
        if not self.first_started:
            self.first_started = self.run.when(node.started_at)
        try:
            self._judge(node)
        except MISTAKES as mistake:
            self.conclude("Error", str(mistake))

    def _serve(self, attempt: NodeStatus) -> None:
        """An attempt of a daemon is up, and so is the whole."""
        self.node.daemoned, self.node.pod_ip = True, attempt.pod_ip
        self.run.touch(self.node)
        self.run.settled(self)

    def served(self, attempt: NodeStatus) -> None:
        """It served, and is over."""
        node = self.node
        node.daemoned, node.outputs = None, attempt.outputs
        node.phase, node.message, node.finished_at = attempt.phase, attempt.message, self.run.stamp()
        self.run.touch(node)

    def _judge(self, node: NodeStatus) -> None:
        attempt = Attempt(
            self.number,
            node.phase,
            node.message,
            self.run.when(node.finished_at),
            self.first_started,
        )
        verdict = judge(self.strategy, attempt, self._expression(node))
        if not verdict.again or (self.run.closed(self.exiting) and self._next_stored() is None):
            self.conclude(verdict.phase or node.phase, verdict.message)
            return
        if verdict.at <= self.run.now or self._next_stored() is not None:
            self.run.queue.append(self.attempt)
            return
        self.node.message = backoff_message(verdict.at - self.run.now)
        self.run.touch(self.node)
        self.run.at(verdict.at, self.attempt)

    def _expression(self, node: NodeStatus) -> bool | None:
        source = self.strategy.expression
        if not source or node.phase not in BAD:
            return None
        extra = self._variables()
        extra["retries"] = str(self.number)
        scope = Scope(self.run.globals, self.inputs.parameters, self.inputs.artifacts, extra=extra)
        value = evaluate(source, scope.environment(references(source)))
        if not isinstance(value, bool):
            raise ExpressionError(f"retryStrategy.expression {source!r} is not a bool: {value!r}")
        return value

    def conclude(self, phase: str, message: str) -> None:
        if self.last is not None:
            self.node.outputs = self.last.node.outputs
        self.finish(phase, message)
