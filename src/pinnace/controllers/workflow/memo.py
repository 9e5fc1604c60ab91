"""Memoization: upstream's by key in a ConfigMap, and Pinnace's by content where an annotation asks for it.

By content (`pinnace.dev/memoize: content` on the workflow or the template): the key is a digest of the
resolved template, its inputs and their artifacts' digests, so a step runs again exactly when something that
it reads was edited. Callers: `run` looks and keeps, `controller` fetches and writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from pinnace.authoring.argo.expression.times import seconds
from pinnace.controllers.workflow import clock, components, locations, transfers
from pinnace.controllers.workflow.facts import Fact
from pinnace.controllers.workflow.inputs import Inputs
from pinnace.controllers.workflow.scope import Globals, Scope
from pinnace.controllers.workflow.tags import Text, compile_tree
from pinnace.controllers.workflow.template import PODS, Program
from pinnace.kinds.resource import Obj

if TYPE_CHECKING:
    from pinnace.controllers.workflow.context import Context

ANNOTATION = "pinnace.dev/memoize"
_FLEETING = (
    "workflow.name",
    "workflow.uid",
    "workflow.creationTimestamp",
    "workflow.duration",
    "workflow.scheduledTime",
)
"""Names that differ between runs without changing what a step does; a template that uses one is keyed by
its text."""


class Found(msgspec.Struct, frozen=True):
    """Where an answer is or would be kept. `outputs` is UNSET if there is none."""

    cache: str
    key: str
    outputs: Any = UNSET


class Entry(msgspec.Struct, frozen=True):
    """One answer to keep, in upstream's shape of a cache ConfigMap's value."""

    cache: str
    key: str
    node: str
    outputs: Obj | None
    created: str

    def document(self) -> Obj:
        return {
            "nodeID": self.node,
            "outputs": self.outputs,
            "creationTimestamp": self.created,
            "lastHitTimestamp": self.created,
        }


def look(run: Context, program: Program, inputs: Inputs) -> Found | None:
    """None: this template is not memoized. Raises Need."""
    memoize = program.template.memoize
    if memoize is not None:
        program.memoized = True
        scope = Scope(run.globals, inputs.parameters, inputs.artifacts)
        cache = ((memoize.cache or {}).get("configMap") or {}).get("name", "")
        key = Text.of(memoize.key).render(scope)
        return _found(run, Text.of(cache).render(scope), key, memoize.max_age)
    if program.component is not None:
        step = program.component
        program.memoized = step.cached
        return _found(run, "", components.cache_key(run, step, inputs), "") if step.cached else None
    program.memoized = program.kind in PODS and _by_content(run, program)
    if program.memoized:
        return _found(run, "", content_key(run, program, inputs), "")
    return None


def _found(run: Context, cache: str, key: str, max_age: str) -> Found:
    entry = run.facts.ask(Fact("memo", cache, key))
    if entry is None:
        return Found(cache, key)
    if max_age and run.now - clock.seconds(entry["creationTimestamp"]) > seconds(max_age):
        return Found(cache, key)
    return Found(cache, key, entry.get("outputs"))


def _by_content(run: Context, program: Program) -> bool:
    template = program.template
    own = (template.annotations or {}).get(ANNOTATION) or (
        (template.metadata or {}).get("annotations") or {}
    ).get(ANNOTATION)
    return own == "content" if own else run.by_content


def content_key(run: Context, program: Program, inputs: Inputs) -> str:
    from blake3 import blake3

    lasting = {name: value for name, value in run.globals.values.items() if not name.startswith(_FLEETING)}
    scope = Scope(Globals(lasting), inputs.parameters, inputs.artifacts)
    raw = {
        key: value for key, value in program.raw.items() if key not in ("name", "memoize", "retryStrategy")
    }
    render = compile_tree(raw)
    artifacts = {
        name: _content(run, item)
        for name, item in inputs.artifacts.items()
    }
    document = [render(scope) if render is not None else raw, inputs.parameters, artifacts, run.isolation]
    return str(blake3(msgspec.json.encode(document, order="sorted")).hexdigest())


def _content(run: Context, artifact: Obj) -> Any:
    """What of an input artifact is in the key: its digest; of what lies elsewhere, where."""
    if artifact.get("raw") is not None:
        return artifact["raw"]
    if not locations.own_key(artifact, run.depot):
        return {kind: artifact[kind] for kind in locations.KINDS if artifact.get(kind) is not None}
    return (run.facts.ask(transfers.where(artifact)) or {}).get("digest")
