"""Which tags have a value at one place of a workflow.

`{{=expressions}}` are not looked into, and neither are names outside of the language's own (`{{custom}}`), as
upstream does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from pinnace.authoring.argo.validation.naming import dynamic, nearest
from pinnace.kinds.resource import Obj

OURS = ("item.", "steps.", "inputs.", "outputs.", "pod.", "workflow.", "tasks.")
LATER = (
    "outputs.", "workflow.creationTimestamp", "workflow.scheduledTime", "workflow.duration", "tasks.name",
    "steps.name", "node.name",
)
"""Names that get their value when it is time."""
GLOBALS = (
    "workflow.name", "workflow.namespace", "workflow.mainEntrypoint", "workflow.serviceAccountName",
    "workflow.uid", "workflow.status", "workflow.annotations", "workflow.annotations.json", "workflow.labels",
    "workflow.labels.json",
)
ANY_ITEM = "item.*"
ANY_PARAMETER, ANY_ARTIFACT = "workflow.outputs.parameters.*", "workflow.outputs.artifacts.*"
_TAG = re.compile(r"\{\{([^{}]*)\}\}")
WITH_OUTPUT = frozenset({"container", "script", "data", "http", "plugin"})


class Lookup(Protocol):
    """A WorkflowTemplate or ClusterWorkflowTemplate by its name."""

    def __call__(self, name: str, *, cluster: bool, namespace: str | None) -> Obj | None: ...


Ask = Callable[[str], bool]
"""Whether a name has a value for a reason beyond the scope."""


class Scope:
    """Names with a value here; those of the whole workflow are shared by all scopes."""

    def __init__(self, common: set[str], names: set[str] | None = None, *, isolated: bool = False) -> None:
        self.common = common
        self.names: set[str] = names if names is not None else set()
        self.siblings: dict[str, tuple[Obj | None, bool]] = {}
        """`steps.a` or `tasks.a`: its template (None: known only when it runs), and whether it is a loop."""
        self.isolated = isolated
        """A template is judged by itself: parameters may come from the workflow that will use it."""

    def nested(self, names: set[str]) -> Scope:
        inner = Scope(self.common, self.names | names, isolated=self.isolated)
        inner.siblings = self.siblings
        return inner

    def has(self, name: str) -> bool:
        return name in self.names or name in self.common

    def unresolved(
        self, document: Any, beyond: Ask | None = None, found: list[str] | None = None
    ) -> Iterator[str]:
        """`failed to resolve {{x}}`, each once. Parts under `inline` are judged where they are called.
        `found`: the document's texts, where they are known."""
        told: set[str] = set()
        for text in texts(document) if found is None else found:
            for tag in _TAG.findall(text):
                name = tag.strip()
                if name in told or not name.startswith(OURS) or self._known(name):
                    continue
                if beyond is not None and beyond(name):
                    continue
                told.add(name)
                yield f"failed to resolve {{{{{tag}}}}}{self._hint(name)}"

    def _known(self, name: str) -> bool:
        if self.has(name) or name.startswith(LATER):
            return True
        if name.startswith("item.") and self.has(ANY_ITEM):
            return True
        if name.startswith("workflow.outputs.parameters.") and self.has(ANY_PARAMETER):
            return True
        if name.startswith("workflow.outputs.artifacts.") and self.has(ANY_ARTIFACT):
            return True
        if name.startswith("workflow.parameters") and self.isolated:
            return True
        parts = name.split(".", 2)
        found = self.siblings.get(f"{parts[0]}.{parts[1]}") if len(parts) == 3 else None
        return found is not None and gives(*found, parts[2])

    def _hint(self, name: str) -> str:
        kind, _, rest = name.partition(".")
        if kind in ("steps", "tasks"):
            called = rest.partition(".")[0]
            known = [root.partition(".")[2] for root in self.siblings if root.startswith(f"{kind}.")]
            return "" if called in known else nearest(called, known)
        return nearest(name, (one for one in self.names | self.common if one.startswith(f"{kind}.")))

    def add_items(self, task: Obj) -> Iterator[str]:
        """What `item` is in a loop."""
        items, param, sequence = task.get("withItems"), task.get("withParam"), task.get("withSequence")
        if sum(1 for one in (items, param, sequence) if one) > 1:
            yield "only one of withItems, withParam, withSequence can be specified"
        elif items:
            for item in items:
                if isinstance(item, dict):
                    self.names.update(f"item.{key}" for key in item)
                elif isinstance(item, list):
                    self.names.update(f"item.[{at}]" for at in range(len(item)))
                self.names.add("item")
        elif param:
            self.names.update(("item", ANY_ITEM))
        elif sequence:
            self.names.add("item")
            if sequence.get("count") is not None and sequence.get("end") is not None:
                yield "only one of count or end can be defined in withSequence"

    def add_outputs(self, root: str, template: Obj | None, *, aggregate: bool) -> None:
        """`root`: `steps.a`. None: a template that is not known before it runs."""
        self.siblings[root] = (template, aggregate)
        outputs = (template or {}).get("outputs") or {}
        for kind, anything in (("parameters", ANY_PARAMETER), ("artifacts", ANY_ARTIFACT)):
            for one in outputs.get(kind) or ():
                if known := str(one.get("globalName") or ""):
                    self.common.add(anything if dynamic(known) else f"workflow.outputs.{kind}.{known}")


def gives(template: Obj | None, aggregate: bool, rest: str) -> bool:
    """Whether a step has `rest`, as in `outputs.parameters.x`."""
    if template is None or rest in ("id", "startedAt", "finishedAt", "hostNodeName"):
        return True
    if rest == "ip":
        return bool(template.get("daemon"))
    if rest in ("outputs.result", "exitCode"):
        return gives_result(template)
    if rest == "outputs.parameters":
        return aggregate
    outputs, kind, name = [*rest.split(".", 2), "", ""][:3]
    if outputs != "outputs" or kind not in ("parameters", "artifacts"):
        return False
    return any(one.get("name") == name for one in (template.get("outputs") or {}).get(kind) or ())


def gives_result(template: Obj) -> bool:
    if any(template.get(kind) is not None for kind in WITH_OUTPUT):
        return True
    members = (template.get("containerSet") or {}).get("containers") or ()
    return any(one.get("name") == "main" for one in members)


def texts(value: Any) -> list[str]:
    """Every string with a tag, keys included. Not recursive: each task of a big DAG is asked."""
    found: list[str] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if "{{" in one:
                found.append(one)
        elif isinstance(one, dict):
            for key, each in one.items():
                if "{{" in key:
                    found.append(key)
                if isinstance(each, str):
                    if "{{" in each:
                        found.append(each)
                elif key != "inline" and each:
                    waiting.append(each)
        elif isinstance(one, list):
            waiting += reversed(one)
    return found
