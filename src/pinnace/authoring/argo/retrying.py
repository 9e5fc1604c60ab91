"""A finished Workflow goes on: what failed runs again, what succeeded stays.

Pure: `retried` gives the document to write in place of the old one, and which nodes' pods must go. What
failed (or was named by a selector) is taken back with all that came after it; what stands above it is opened
again. Source of the rules: upstream workflow/util (FormulateRetryWorkflow). Beyond upstream: a failed
suspension, and a step that failed before it had a pod, run again too. Callers: `objects/steering`.
"""

from __future__ import annotations

from collections import deque

import msgspec

from pinnace.authoring.argo import selecting
from pinnace.authoring.argo.mistake import Mistake
from pinnace.authoring.argo.submitting import override
from pinnace.kinds.argo import DOMAIN
from pinnace.kinds.resource import Obj

GROUPS = frozenset({"DAG", "Steps", "StepGroup", "TaskGroup"})
EXPANDED = frozenset({"StepGroup", "TaskGroup"})
ABOVE = EXPANDED | {"Retry"}
BAD = frozenset({"Failed", "Error"})
MARKS = ("completed", "workflow-archiving-status")
Nodes = dict[str, Obj]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """`restart_successful` with a `selector` takes back nodes that succeeded as well."""

    restart_successful: bool = False
    selector: str = ""
    parameters: tuple[str, ...] = ()


def retried(workflow: Obj, wish: Wish, now: str) -> tuple[Obj, frozenset[str]]:
    """(the new document, ids of the nodes that are no more). Raises Mistake."""
    _may(workflow, wish)
    made: Obj = msgspec.json.decode(msgspec.json.encode(workflow))
    nodes: Nodes = (made.get("status") or {}).get("nodes") or {}
    tree = _Tree(made["metadata"]["name"], nodes)
    tree.take_back(_seeds(tree, wish))
    if wish.parameters:
        tree.expand_again()
    for name in tree.opened - tree.gone:
        _open(nodes[name], now)
    made["status"]["nodes"] = {name: _trimmed(node, tree.gone) for name, node in nodes.items()
                               if name not in tree.gone}
    _reopen(made, now)
    override(made, wish.parameters)
    return made, frozenset(tree.gone)


def _may(workflow: Obj, wish: Wish) -> None:
    phase = (workflow.get("status") or {}).get("phase") or ""
    if phase in BAD:
        return
    if phase != "Succeeded":
        raise Mistake(f"Cannot retry a workflow in phase {phase}")
    if not wish.restart_successful or not wish.selector:
        raise Mistake(
            "To retry a succeeded workflow, set the options restartSuccessful and nodeFieldSelector"
        )


class _Tree:
    """`gone` and `opened` are what is decided so far."""

    def __init__(self, workflow: str, nodes: Nodes) -> None:
        self.nodes = nodes
        self.parents: dict[str, list[str]] = {}
        for name, node in nodes.items():
            for child in node.get("children") or ():
                self.parents.setdefault(child, []).append(name)
        self.order = self._walked(workflow)
        exiting = f"{workflow}.onExit"
        self.gone = {name for name, node in nodes.items() if str(node.get("name")).startswith(exiting)}
        self.opened: set[str] = set()

    def _walked(self, root: str) -> list[str]:
        """From the top down: what stands above decides first."""
        seen, queue, found = {root}, deque([root]), []
        while queue:
            name = queue.popleft()
            if name not in self.nodes:
                continue
            found.append(name)
            for child in self.nodes[name].get("children") or ():
                if child not in seen:
                    seen.add(child)
                    queue.append(child)
        return found

    def below(self, name: str) -> set[str]:
        found: set[str] = set()
        stack = list(self.nodes[name].get("children") or ())
        while stack:
            child = stack.pop()
            if child not in found and child in self.nodes:
                found.add(child)
                stack.extend(self.nodes[child].get("children") or ())
        return found

    def has_below(self, name: str, phases: frozenset[str], without: set[str]) -> bool:
        return any(
            self.nodes[child].get("phase") in phases and child not in without for child in self.below(name)
        )

    def take_back(self, seeds: set[str]) -> None:
        for name in self.order:
            if name in seeds and name not in self.gone:
                self._take(name)

    def _take(self, name: str) -> None:
        node = self.nodes[name]
        if node.get("type") == "Container":  # it runs again with its pod
            for pod in self.parents.get(name, ()):
                if self.nodes[pod].get("type") in ("Pod", "Container") and pod not in self.gone:
                    self._take(pod)
        self.gone |= {name, *self.below(name)}
        self.open_above(name)

    def open_above(self, name: str) -> None:
        """What a node stands in: its loop, its retries, its group, its template, up to the top."""
        stack, seen = [name], set()
        while stack:
            here = stack.pop()
            if here in seen or here not in self.nodes:
                continue
            seen.add(here)
            if here != name:
                self.opened.add(here)
            stack += [one for one in self.parents.get(here, ()) if self.nodes[one].get("type") in ABOVE]
            stack.append(str(self.nodes[here].get("boundaryID") or ""))

    def expand_again(self) -> None:
        """Parameters are others now: loops that are open are made anew, with all that is in them."""
        for name in self.opened - self.gone:
            if self.nodes[name].get("type") in EXPANDED:
                self.gone |= {name, *self.below(name)}


def _seeds(tree: _Tree, wish: Wish) -> set[str]:
    chosen: set[str] = set()
    if wish.restart_successful and wish.selector:
        terms = selecting.parse(wish.selector)
        chosen = {name for name, node in tree.nodes.items() if selecting.matches(terms, node)}
    return chosen | {name for name in tree.order if _failed(tree, name, chosen)}


def _failed(tree: _Tree, name: str, chosen: set[str]) -> bool:
    node = tree.nodes[name]
    if node.get("phase") not in BAD:
        return False
    if node.get("type") in GROUPS or node.get("type") == "Retry":
        if not tree.has_below(name, BAD, chosen):  # it failed itself, and begins where it stopped
            tree.opened.add(name)
            tree.open_above(name)
        return False
    judged = name
    if (node.get("nodeFlag") or {}).get("retried"):
        judged = next((one for one in tree.parents.get(name, ())
                       if tree.nodes[one].get("type") == "Retry"), name)
    return not tree.has_below(judged, frozenset({"Succeeded"}), chosen)


def _trimmed(node: Obj, gone: set[str]) -> Obj:
    for field in ("children", "outboundNodes"):
        if node.get(field):
            node[field] = [one for one in node[field] if one not in gone]
    return node


def _open(node: Obj, now: str) -> None:
    """A group or a suspension goes on; one that was skipped stays so."""
    if node.get("type") == "Suspend":
        for one in (node.get("outputs") or {}).get("parameters") or ():
            one.pop("value", None)
            one["valueFrom"] = {"supplied": {}}
    if node.get("phase") != "Skipped":
        node["phase"] = "Running"
    node["startedAt"] = now
    for field in ("finishedAt", "message"):
        node.pop(field, None)


def _reopen(workflow: Obj, now: str) -> None:
    meta, spec, status = workflow["metadata"], workflow["spec"], workflow["status"]
    labels = meta.get("labels") or {}
    meta["labels"] = {key: value for key, value in labels.items()
                      if key.removeprefix(DOMAIN) not in (*MARKS, "phase")}
    for one in filter(None, (spec, status.get("storedWorkflowTemplateSpec"))):
        one.pop("shutdown", None)
    if spec.get("activeDeadlineSeconds") == 0:
        del spec["activeDeadlineSeconds"]
    for field in ("phase", "finishedAt", "message", "persistentVolumeClaims"):
        status.pop(field, None)
    status["startedAt"] = now
    kept = [one for one in status.get("conditions") or () if one.get("type") != "Completed"]
    status["conditions"] = [*kept, {"type": "Completed", "status": "False"}]
