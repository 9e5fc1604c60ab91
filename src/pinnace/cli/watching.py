"""`pinnace run FILE --watch`: run, show what the steps print, and run again when a file is saved.

What did not change is not done again: the workflow is submitted with memoization by content, so a step runs
when its template, its inputs or a local file that it names is another than when it last succeeded. A save
during a run ends that run at once.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from pinnace.cli import reusing, steps
from pinnace.cli.connection import Connection, Refused, Unreachable
from pinnace.cli.platform import Failure
from pinnace.cli.tree import ENDED, Picture, complete, node_path, pump, workflow_path

POLL = 0.03
"""Seconds between two looks at the files: some microseconds each."""
STARTED = ("Running", "Succeeded", "Failed", "Error")
Feed = queue.Queue[tuple[str, dict[str, Any]]]
Submit = Callable[[], dict[str, Any]]


class Watch:
    """`submit` reads the file again and creates the Workflow; it raises Failure or Refused for a bad file."""

    def __init__(self, connection: Connection, file: Path, submit: Submit, console: Console) -> None:
        self.connection = connection
        self.file = file
        self.submit = submit
        self.console = console
        modules = file.parent.glob("*.py") if file.suffix == ".py" else ()
        self.files = Files([file, *(each for each in modules if each != file)])
        self.phase = ""

    def loop(self) -> str:
        """Until Ctrl-C; the phase of the last run."""
        running: Run | None = None
        try:
            while True:
                self.files.look()
                running = self.begin()
                if running is not None:
                    self.phase = running.follow(self.files)
                    self.files.settle()
                    running = None
                self.console.print(Text(f"watching {len(self.files)} files; Ctrl-C ends it", "dim"))
                while not self.files.changed():
                    time.sleep(POLL)
                self.console.rule(Text("changed", "dim"))
        except KeyboardInterrupt:
            if running is not None:
                running.terminate()
            return self.phase

    def begin(self) -> Run | None:
        try:
            workflow = self.submit()
        except (Failure, Refused) as problem:
            self.console.print(Text(str(problem), "red"))
            return None
        beside = self.file.parent
        self.files.name(reusing.files([workflow], beside), reusing.mounted([workflow], beside))
        return Run(self.connection, workflow, self.console)


class Files:
    """Which files are watched, and what they looked like."""

    def __init__(self, first: list[Path]) -> None:
        self._first = first
        self._seen: dict[Path, tuple[int, int, int]] = {}
        self._mounted: dict[Path, tuple[int, int, int]] = {}
        self._rest = False
        self.look()

    def __len__(self) -> int:
        return len({**self._seen, **self._mounted})

    def name(self, files: list[Path], mounted: list[Path]) -> None:
        """Those that this run's document names, beside the first; what changed meanwhile has changed."""
        known = self._seen
        self._seen = {file: known.get(file) or _look(file) for file in [*self._first, *files]}
        self._mounted = {file: _look(file) for file in mounted}
        self._rest = False

    def look(self) -> None:
        self._seen = {file: _look(file) for file in [*self._first, *self._seen]}

    def settle(self) -> None:
        """A run is over: what it wrote into its volumes is nobody's edit."""
        self._mounted = {file: _look(file) for file in self._mounted}
        self._rest = True

    def changed(self) -> bool:
        """During a run only what no step can have written."""
        looked = {**self._seen, **self._mounted} if self._rest else self._seen
        return any(_look(file) != seen for file, seen in looked.items())


def _look(file: Path) -> tuple[int, int, int]:
    """An editor that replaces the file leaves it missing for a moment: that is no change yet."""
    try:
        found = file.stat()
    except OSError:
        return 0, 0, 0
    return found.st_ino, found.st_mtime_ns, found.st_size


class Run:
    """One submission: its events and its steps' words come through one queue."""

    def __init__(self, connection: Connection, workflow: dict[str, Any], console: Console) -> None:
        self.connection = connection
        self.picture = Picture(workflow)
        self.console = console
        meta = workflow["metadata"]
        self.name, self.namespace = str(meta["name"]), str(meta["namespace"])
        self.feed: Feed = queue.Queue()
        self.stop = threading.Event()
        self.shown: set[str] = set()
        self.readers: list[threading.Thread] = []

    def follow(self, files: Files) -> str:
        """Until it ends or a file is saved; then it is ended."""
        fields = f"{workflow_path(self.namespace)}?watch=1&fieldSelector=metadata.name%3D{self.name}"
        nodes = node_path(self.namespace, self.name) + "&watch=1"
        for kind, path in (("workflow", fields), ("node", nodes)):
            self._start(pump, self.connection, kind, path, self.feed, self.stop)
        try:
            while self.picture.phase not in ENDED:
                self._take()
                if files.changed():
                    self.terminate()
                    return self.picture.phase
            self._finish()
        except KeyboardInterrupt:
            self.terminate()
            raise
        finally:
            self.stop.set()
        return self.picture.phase

    def terminate(self) -> None:
        body = {"spec": {"shutdown": "Terminate"}}
        with suppress(Refused, Unreachable):
            path = workflow_path(self.namespace, self.name)
            self.connection.request("PATCH", path, body, "application/merge-patch+json")

    def _take(self) -> None:
        try:
            kind, event = self.feed.get(timeout=POLL)
        except queue.Empty:
            return
        if kind == "line":
            self._print(event)
            return
        self.picture.see(kind, event)
        if kind == "node":
            self._see(event["object"]["status"])

    def _see(self, node: dict[str, Any]) -> None:
        if node.get("type") != "Pod" or node["id"] in self.shown or node.get("phase") not in STARTED:
            return
        self.shown.add(node["id"])
        if node.get("memoizationStatus", {}).get("hit"):
            self.console.print(Text(f"{self._label(node)} │ unchanged, taken from before", "yellow"))
            return
        self.readers.append(self._start(self._read, node))

    def _start(self, work: Callable[..., None], *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        thread.start()
        return thread

    def _read(self, node: dict[str, Any]) -> None:
        """What a step prints, as it does."""
        with suppress(Unreachable, Refused, ValueError):
            pod = steps.pods(self.connection, self.picture.workflow).get(node["id"])
            if pod is None:
                return
            path = f"/api/v1/namespaces/{self.namespace}/pods/{pod['metadata']['name']}/log"
            for line in self.connection.lines(f"{path}?container=main&follow=true"):
                self.feed.put(("line", {"node": node, "text": line}))
                if self.stop.is_set():
                    return

    def _print(self, event: dict[str, Any]) -> None:
        text = Text.assemble((f"{self._label(event['node'])} │ ", "cyan"), Text.from_ansi(event["text"]))
        self.console.print(text, soft_wrap=True)

    def _label(self, node: dict[str, Any]) -> str:
        return str(node.get("displayName") or steps.short(node, self.picture.workflow))

    def _finish(self) -> None:
        """The last words, and the tree."""
        complete(self.connection, self.picture)
        for node in sorted(self.picture.nodes.values(), key=lambda each: each.get("startedAt") or "~"):
            self._see(node)
        for reader in self.readers:
            reader.join(timeout=5)
        while not self.feed.empty():
            self._take()
        self.console.print(self.picture.render())
