"""A workflow as a live tree in the terminal: what runs, what ended how, how long it took.

`run`, `workflow follow` and the demo show it. It is drawn from `workflownodes.pinnace.dev`, the per-node
objects, and redrawn at most some ten times a second whatever the workflow's size.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text
from rich.tree import Tree

from pinnace.cli.connection import Connection, Refused, Unreachable

FRAME = 0.1
FEWEST = 6
SHOWN_CHILDREN = 12
MARKS = {
    "Pending": ("◷", "dim"), "Running": ("●", "cyan"), "Succeeded": ("✔", "green"), "Failed": ("✖", "red"),
    "Error": ("⚠", "red"), "Skipped": ("○", "dim"), "Omitted": ("○", "dim"),
}
ENDED = ("Succeeded", "Failed", "Error")
STRUCTURE = ("StepGroup",)


def workflow_path(namespace: str, name: str = "") -> str:
    base = f"/apis/argoproj.io/v1alpha1/namespaces/{namespace}/workflows"
    return f"{base}/{name}" if name else base


def node_path(namespace: str, workflow: str) -> str:
    selector = f"workflows.argoproj.io%2Fworkflow%3D{workflow}"
    return f"/apis/pinnace.dev/v1/namespaces/{namespace}/workflownodes?labelSelector={selector}"


class Picture:
    """What is known of one workflow; `render` draws it."""

    def __init__(self, workflow: dict[str, Any]) -> None:
        self.workflow = workflow
        self.nodes: dict[str, dict[str, Any]] = {}
        self.links: dict[str, dict[str, Any]] = {}

    @property
    def phase(self) -> str:
        return str(self.workflow.get("status", {}).get("phase", "Pending"))

    @property
    def name(self) -> str:
        return str(self.workflow["metadata"]["name"])

    def see(self, kind: str, event: dict[str, Any]) -> None:
        if kind == "workflow":
            self.workflow = event["object"]
        elif event["type"] != "DELETED":
            self.add(event["object"])

    def add(self, node: dict[str, Any]) -> None:
        """One object of `workflownodes.pinnace.dev`."""
        status = node["status"]
        self.nodes[status["id"]] = status
        self.links[status["id"]] = node.get("links", {})

    def waiting(self) -> list[dict[str, Any]]:
        """Suspended nodes that wait for a person."""
        return [n for n in self.nodes.values() if n.get("type") == "Suspend" and n.get("phase") == "Running"]

    def render(self) -> RenderableType:
        tree = Tree(self.line(self.name, self.phase, self.workflow.get("status", {})))
        root = self.nodes.get(self.name)
        if root is not None:
            self.grow(tree, root["id"])
        message = self.workflow.get("status", {}).get("message")
        return Group(tree, Text(f"  {message}", "red")) if message else tree

    def grow(self, tree: Tree, parent: str) -> None:
        children = self.members(parent)
        for child in children[:SHOWN_CHILDREN]:
            branch = tree.add(self.line(child["displayName"], child.get("phase", ""), child))
            self.grow(branch, child["id"])
        if len(children) > SHOWN_CHILDREN:
            tree.add(Text(self.summary(children[SHOWN_CHILDREN:]), "dim"))

    def members(self, parent: str) -> list[dict[str, Any]]:
        """What is drawn below a node, in the order in which it came to be; step groups are left out."""
        found = [n for n in self.nodes.values() if n.get("type") not in STRUCTURE and self.above(n) == parent]
        return sorted(found, key=lambda n: self.links[n["id"]].get("order", 0))

    def above(self, node: dict[str, Any]) -> str:
        """The loop or the retried step that it is part of, else the template that it was called from."""
        for parent in self.links[node["id"]].get("parents", ()):
            if self.nodes.get(parent, {}).get("type") in ("TaskGroup", "Retry"):
                return str(parent)
        return str(node.get("boundaryID", ""))

    @staticmethod
    def summary(nodes: list[dict[str, Any]]) -> str:
        counts: dict[str, int] = {}
        for node in nodes:
            counts[node.get("phase", "Pending")] = counts.get(node.get("phase", "Pending"), 0) + 1
        return f"… {len(nodes)} more: " + ", ".join(f"{n} {phase}" for phase, n in sorted(counts.items()))

    @staticmethod
    def line(label: str, phase: str, status: dict[str, Any]) -> Text:
        mark, style = MARKS.get(phase, ("◷", "dim"))
        text = Text.assemble((f"{mark} ", style), label)
        seconds = duration(status)
        if seconds is not None:
            text.append(f"  {seconds:.0f} s" if seconds >= 1 else "", "dim")
        if status.get("memoizationStatus", {}).get("hit"):
            text.append("  unchanged, taken from before", "yellow")
        if status.get("type") == "Suspend" and phase == "Running":
            text.append("  waits for your yes", "bold yellow")
        if phase in ("Failed", "Error") and status.get("message"):
            text.append(f"  {status['message']}", "red")
        return text


def duration(status: dict[str, Any]) -> float | None:
    started = status.get("startedAt")
    if not started:
        return None
    end = status.get("finishedAt")
    return (moment(end) if end else time.time()) - moment(started)


def moment(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def changes(connection: Connection, namespace: str, name: str) -> Iterator[tuple[str, dict[str, Any]] | None]:
    """Events of a workflow and its nodes as they come, and None at least every frame. A broken connection
    (control was restarted) is taken up again."""
    feed: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
    stop = threading.Event()
    fields = f"{workflow_path(namespace)}?watch=1&fieldSelector=metadata.name%3D{name}"
    for kind, path in (("workflow", fields), ("node", node_path(namespace, name) + "&watch=1")):
        threading.Thread(target=pump, args=(connection, kind, path, feed, stop), daemon=True).start()
    try:
        while True:
            try:
                yield feed.get(timeout=FRAME)
            except queue.Empty:
                yield None
    finally:
        stop.set()


def pump(
    connection: Connection, kind: str, path: str, feed: queue.Queue[tuple[str, dict[str, Any]]],
    stop: threading.Event,
) -> None:
    while not stop.is_set():
        with suppress(Unreachable, Refused, ValueError):
            for event in connection.stream(path):
                if event["type"] in ("ADDED", "MODIFIED", "DELETED"):
                    feed.put((kind, event))
                if stop.is_set():
                    return
        stop.wait(FRAME)


def complete(connection: Connection, picture: Picture) -> None:
    """The last word of every node: the watch may still have been on its way."""
    meta = picture.workflow["metadata"]
    with suppress(Refused):
        for node in connection.json(node_path(meta["namespace"], meta["name"]))["items"]:
            picture.add(node)


def follow(
    connection: Connection, workflow: dict[str, Any], console: Console, *, until_waiting: bool = False
) -> Picture:
    """Draw until the workflow ends (or, on wish, waits for a person); returns the last picture."""
    picture = Picture(workflow)
    meta = workflow["metadata"]
    live = Live(console=console, auto_refresh=False, transient=not console.is_terminal)
    with live:
        drawn = 0.0
        for change in changes(connection, meta["namespace"], meta["name"]):
            if change is not None:
                if change[0] == "workflow" and change[1]["type"] == "DELETED":
                    break
                picture.see(*change)
            now = time.monotonic()
            if console.is_terminal and now - drawn > FRAME:
                live.update(picture.render(), refresh=True)
                drawn = now
            if change is None and (picture.phase in ENDED or (until_waiting and picture.waiting())):
                break
        complete(connection, picture)
        live.update(picture.render(), refresh=True)
    if not console.is_terminal:
        console.print(picture.render())
    return picture
