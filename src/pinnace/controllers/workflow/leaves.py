"""The frames that do something in the world: pods, suspensions, resource actions.

They put what is to be done into the run's outbox, and are told what became of it. Caller: `run`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from pinnace.controllers.workflow import collecting, locations, pods, standing
from pinnace.controllers.workflow.errands import Errand
from pinnace.controllers.workflow.frame import BAD, Frame
from pinnace.controllers.workflow.loops import rendered
from pinnace.controllers.workflow.outputs import OutputError
from pinnace.controllers.workflow.retry import span
from pinnace.controllers.workflow.scope import Scope
from pinnace.controllers.workflow.status import Report, report
from pinnace.controllers.workflow.tags import texts
from pinnace.kinds.argo import FULFILLED, Links, text
from pinnace.kinds.resource import Obj

if TYPE_CHECKING:
    from pinnace.controllers.workflow.context import Context

NO_PLUGIN = (
    "no plugin executed the template: executor plugins are not run by Pinnace; use an http, script or "
    "container template instead"
)
DEADLINE = "Step exceeded its deadline"


class Leaf(Frame):
    """Anything that a stop of the run reaches directly."""

    __slots__ = ("fresh", "stopping")
    fresh: bool

    def begin(self) -> None:
        self.stopping = ""
        self.run.leaves[self.node.id] = self
        self.open()
        self._watch_deadline()
        if not self.fresh and (closed := self.run.closed(self.exiting)):
            self.stop(closed)

    def open(self) -> None:
        """Begin, or go on."""

    def _watch_deadline(self) -> None:
        assert self.program is not None
        timeout = self.program.template.timeout
        if timeout:
            shown = text(rendered(timeout, self.scope()))
            self.run.at(self.run.when(self.node.started_at) + span(shown), self._overdue)

    def _overdue(self) -> None:
        if self.node.phase not in FULFILLED:
            self.stop(DEADLINE)

    def scope(self) -> Scope:
        run, node = self.run, self.node
        extra: dict[str, str] = {"node.name": node.name, "pod.name": run.pod_name(self)}
        if self.call.retry:
            extra.update(self.call.retry)
        return Scope(
            run.globals, self.inputs.parameters, self.inputs.artifacts, item=self.call.item, extra=extra
        )

    def stop(self, message: str) -> None:
        """End it from outside; `message` becomes the node's."""
        self.finish("Failed", message)

    def finish(self, phase: str, message: str = "") -> None:
        self.run.leaves.pop(self.node.id, None)
        super().finish(phase, message)


class Pod(Leaf):
    __slots__ = ("counted", "name")

    def open(self) -> None:
        run = self.run
        self.name = run.pod_name(self)
        self.counted = True
        run.active += 1
        run.pods_known[self.name] = self
        if self.fresh:
            run.outbox.pods.append(pods.manifest(self))
        assert self.program is not None
        if self.program.template.pending_timeout:
            self._watch_pending(self.program.template.pending_timeout)
        if self.node.daemoned:  # it was up when an earlier life of control ended
            self._serve()

    def _watch_pending(self, timeout: str) -> None:
        shown = text(rendered(timeout, self.scope()))
        until = self.run.when(self.node.started_at) + span(shown)
        self.run.at(until, lambda: self._pending_too_long(shown))

    def _pending_too_long(self, shown: str) -> None:
        if self.node.phase == "Pending" and not self.stopping:
            self.stop(f"Pod was pending for longer than its pendingTimeout of {shown}")

    def seen(self, pod: Obj) -> None:
        """The pod has changed."""
        self.observe(report(pod))

    def observe(self, report: Report) -> None:
        """The pod's newest status."""
        node = self.node
        if node.phase in FULFILLED:
            return
        if report.progress and report.progress != node.progress:
            self.run.progressed(node, report.progress)
            self.run.touch(node)
        if report.phase in ("Pending", "Running"):
            self._running(report)
            return
        try:
            node.outputs = collecting.outputs(self, report)
        except OutputError as missing:
            self._end("Failed", self.stopping or str(missing))
            return
        if report.host:
            node.host_node_name = report.host
        if self.stopping:
            self._end("Succeeded" if node.daemoned else "Failed", "" if node.daemoned else self.stopping)
        elif node.daemoned:
            self._end("Failed" if report.phase != "Succeeded" else "Succeeded", report.message)
        else:
            self._end(report.phase, report.message)

    def _running(self, report: Report) -> None:
        node = self.node
        if node.phase != report.phase or node.message != report.message:
            node.phase, node.message = report.phase, report.message
            node.host_node_name = report.host or node.host_node_name
            self.run.touch(node)
            if self.call.holder.watched:
                self.run.seen(self)
        assert self.program is not None
        if self.program.template.daemon and report.ready and not node.daemoned:
            self._daemoned(report)

    def _daemoned(self, report: Report) -> None:
        node = self.node
        node.daemoned, node.pod_ip = True, report.ip
        self.run.touch(node)
        self._serve()

    def _serve(self) -> None:
        """For those after it, it is done."""
        self._release()
        if self.boundary is not None:
            if self.boundary.daemons is None:
                self.boundary.daemons = []
            self.boundary.daemons.append(self)
        self.run.settled(self)

    def gone(self) -> None:
        """The pod object no longer exists."""
        if self.node.daemoned:
            self._end("Succeeded" if self.stopping else "Failed", "" if self.stopping else "pod deleted")
        elif self.stopping:
            self._end("Failed", self.stopping)
        else:
            self._end("Error", "pod deleted")

    def stop(self, message: str) -> None:
        if not self.stopping:
            self.stopping = message
            self.run.outbox.removals.append(self.name)
            if self.node.daemoned:
                self._end("Succeeded", "")

    def _release(self) -> None:
        if self.counted:
            self.counted = False
            self.run.release()

    def _end(self, phase: str, message: str) -> None:
        node, run = self.node, self.run
        daemoned = node.daemoned
        run.pods_known.pop(self.name, None)
        self._release()
        run.ended(node, phase)
        node.daemoned = None
        node.message = ""
        run.charge(node)
        if node.outputs is not None and phase not in BAD:
            run.publish(node.outputs)
        if daemoned:
            run.leaves.pop(node.id, None)
            node.phase, node.message, node.finished_at = phase, message, run.stamp()
            run.touch(node)
            if self.call.attempt_of is not None:
                self.call.attempt_of.served(node)
            return
        self.finish(phase, message)

    def finish(self, phase: str, message: str = "") -> None:
        if self.counted:
            self._release()
        super().finish(phase, message)


class Suspension(Leaf):
    """Waits for a person, or for its duration."""

    __slots__ = ()

    def open(self) -> None:
        assert self.program is not None
        assert self.program.template.suspend is not None
        duration = text(rendered(text(self.program.template.suspend.duration), self.scope()))
        if duration:
            self.run.at(self.run.when(self.node.started_at) + span(duration), self.resume)
        self._declare()

    def _declare(self) -> None:
        """Outputs that a person is to supply stand in the node from the start, as upstream shows them."""
        if self.node.outputs is not None or self.program is None:
            return
        declared = [
            {"name": parameter.name, "valueFrom": {"supplied": {}}}
            for parameter in self.program.template.outputs.parameters
            if parameter.value_from is not None and parameter.value_from.supplied is not None
        ]
        if declared:
            self.node.outputs = {"parameters": declared}
            self.run.touch(self.node)

    def resume(self) -> None:
        if self.node.phase in FULFILLED:
            return
        missing = self._supply()
        if missing:
            self.finish("Error", missing)
        else:
            self.finish("Succeeded")

    def edited(self, phase: str, message: str, outputs: Obj | None) -> None:
        """A client resumed, failed or supplied values."""
        if outputs is not None:
            self.node.outputs = outputs
            self.run.touch(self.node)
        if message:
            self.node.message = message
        if phase == "Succeeded":
            self.resume()
        elif phase in BAD:
            self.finish(phase, message)

    def _supply(self) -> str:
        """Fill in what nobody supplied from defaults; the message if there is none."""
        assert self.program is not None
        given = {
            item["name"]: item["value"]
            for item in (self.node.outputs or {}).get("parameters") or []
            if item.get("value") is not None
        }
        made: list[Obj] = []
        for parameter in self.program.template.outputs.parameters:
            origin = parameter.value_from
            default: Any = UNSET if origin is None else origin.default
            value = given.get(parameter.name, default)
            if value is UNSET:
                value = self.inputs.parameters.get(parameter.name, UNSET)
            if value is UNSET:
                missing = "has not been set and does not have a default value"
                return f"raw output parameter '{parameter.name}' {missing}"
            item: Obj = {"name": parameter.name, "value": text(value)}
            if parameter.global_name:
                item["globalName"] = parameter.global_name
            made.append(item)
        if made:
            self.node.outputs = {"parameters": made}
            self.run.publish(self.node.outputs)
        return ""


class Act(msgspec.Struct, frozen=True):
    """What a resource template wants done; `resources` does it and reports by node ID."""

    node: str
    action: str
    manifest: str
    merge: str
    own: bool
    flags: tuple[str, ...]
    success: str
    failure: str
    account: str
    """The service account that acts."""
    source: Obj | None = None
    """The artifact that the manifest is, where it is one."""
    target: Obj | None = None
    """Where the action was done already (a run that goes on): only its conditions are still watched."""


class Resource(Leaf):
    """Done in control, without a process. Where the template speaks of its pod there is one all the same."""

    __slots__ = ("stands",)

    def open(self) -> None:
        assert self.program is not None
        declared = self.program.template.resource
        assert declared is not None
        self.stands = any("pod.name" in found for found in texts(self.program.raw.get("resource")))
        if self.stands and self.fresh:
            self.run.outbox.pods.append(standing.standing(self))
        made = rendered(msgspec.to_builtins(declared), self.scope())
        account = self.program.template.service_account_name or self.run.spec.service_account_name
        target = self.node.pinnace.target if self.node.pinnace is not None else None
        self.run.outbox.acts.append(
            Act(
                node=self.node.id,
                action=made.get("action", ""),
                manifest=made.get("manifest", ""),
                source=self._source(made),
                merge=made.get("mergeStrategy", ""),
                own=bool(made.get("setOwnerReference")),
                flags=tuple(made.get("flags") or ()),
                success=made.get("successCondition", ""),
                failure=made.get("failureCondition", ""),
                account=str(rendered(account or "default", self.scope())),
                target=target,
            )
        )

    def _source(self, made: Obj) -> Obj | None:
        """`manifestFrom.artifact`: a location of its own, or an input of that name."""
        artifact: Obj | None = (made.get("manifestFrom") or {}).get("artifact")
        if artifact is None or locations.kind_of(artifact):
            return artifact
        return self.inputs.artifacts.get(str(artifact.get("name"))) or artifact

    def begun(self, target: Obj) -> None:
        """The action was done on this object; its conditions are still open."""
        if self.node.pinnace is None:
            self.node.pinnace = Links()
        self.node.pinnace.target = target
        self.node.phase = "Running"
        self.run.touch(self.node)

    def finish(self, phase: str, message: str = "") -> None:
        if self.stands:
            self.run.outbox.stood.append((self.run.pod_name(self), phase, message))
        super().finish(phase, message)

    def ended(self, phase: str, message: str, outputs: Obj | None) -> None:
        if self.node.phase in FULFILLED:
            return
        self.node.outputs = outputs
        self.run.ended(self.node, phase)
        self.run.charge(self.node)
        if outputs is not None and phase == "Succeeded":
            self.run.publish(outputs)
        self.finish(phase, message)


class Sent(Leaf):
    """An http request or a listing of artifacts: the agent does it (`errands`), without a pod."""

    __slots__ = ()

    def open(self) -> None:
        assert self.program is not None
        template = self.program.template
        document = rendered(template.http if self.program.kind == "http" else template.data, self.scope())
        self.run.outbox.errands.append(Errand(self.node.id, self.program.kind, document))

    def answered(self, phase: str, message: str, result: str | None) -> None:
        node = self.node
        if node.phase in FULFILLED:
            return
        if result is not None:
            node.outputs = {"result": result}
        if node.type == "Pod":
            self.run.ended(node, phase)
            self.run.charge(node)
        self.finish(phase, message)


class Plugin(Leaf):
    """Executor plugins are sidecars of a cluster's agent; here is none, and upstream's words say so."""

    __slots__ = ()

    def open(self) -> None:
        self.finish("Failed", NO_PLUGIN)


class Unsupported(Leaf):
    """A template type of the language that this version of the engine does not run."""

    __slots__ = ()

    def open(self) -> None:
        assert self.program is not None
        self.finish(
            "Error",
            f"{self.program.kind} templates are not run by this version of Pinnace; "
            "use a container, script or resource template instead",
        )


FRAMES: dict[str, type[Frame]] = {
    "container": Pod,
    "script": Pod,
    "suspend": Suspension,
    "resource": Resource,
    "containerSet": Unsupported,
    "data": Sent,
    "http": Sent,
    "plugin": Plugin,
}


def stop_all(run: Context, message: str, *, exiting: bool) -> None:
    """End every live leaf; those of exit handlers only if `exiting`."""
    for leaf in list(run.leaves.values()):
        if isinstance(leaf, Leaf) and (exiting or not leaf.exiting):
            leaf.stop(message)
