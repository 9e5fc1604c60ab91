"""Reads a trial's metrics where they lie: the container's log, or files in the trial's metrics volume.

No sidecar: control follows the file itself, while it grows. A `Follower` remembers how far it has read; it is
only a cache, a new one reads from the beginning and comes to the same. Reading happens in a thread (`read`),
never on the loop. Called by `trials`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pinnace.controllers.tuning.events import scalars
from pinnace.controllers.tuning.reports import Reader, Report, reader
from pinnace.kinds.katib import MetricsCollector

BLOCK = 1 << 20
LONGEST = 64 << 10
"""Bytes of a line; what is longer is not a metric."""


class Lines:
    """The reports of text files that grow: complete lines once, in order."""

    def __init__(self, read: Reader) -> None:
        self._read = read
        self._places: dict[Path, int] = {}
        self._rests: dict[Path, bytes] = {}
        self.reports: list[Report] = []

    def follow(self, path: Path, *, ended: bool) -> None:
        """Read on. `ended`: nothing more is written, so that the last line counts without its end."""
        try:
            with path.open("rb") as file:
                file.seek(self._places.get(path, 0))
                while block := file.read(BLOCK):
                    self._places[path] = file.tell()
                    self._take(path, block)
        except OSError:
            pass  # not there yet, or not any more
        if ended and (rest := self._rests.pop(path, b"")):
            self._line(rest)

    def _take(self, path: Path, block: bytes) -> None:
        *lines, rest = (self._rests.get(path, b"") + block).split(b"\n")
        for line in lines:
            self._line(line)
        self._rests[path] = rest[-LONGEST:]

    def _line(self, line: bytes) -> None:
        if line:
            self.reports += self._read(line[:LONGEST].decode(errors="replace"))


class Follower:
    """Everything that one trial has reported so far."""

    def __init__(self, collector: MetricsCollector, metrics: Sequence[str]) -> None:
        self._kind = collector.kind
        self._metrics = tuple(metrics)
        self._lines = Lines(reader(collector.format, metrics, collector.filters))

    def read(self, paths: Sequence[Path], *, ended: bool) -> list[Report]:
        """`paths`: files, or for TensorFlow's events folders. Unreadable: not of the promised format."""
        if self._kind == "TensorFlowEvent":
            return sorted(self._summaries(paths), key=lambda one: one.time)
        for path in paths:
            self._lines.follow(path, ended=ended)
        return self._lines.reports

    def _summaries(self, folders: Sequence[Path]) -> list[Report]:
        """Of every event file under the folders; a metric is its tag, or its file's folder and its tag."""
        found: list[Report] = []
        for folder in folders:
            for place, _, names in os.walk(folder):
                for name in sorted(names):
                    if "tfevents" in name:
                        inside = os.path.relpath(place, folder)
                        found += self._of_file(Path(place, name), "" if inside == "." else inside)
        return found

    def _of_file(self, path: Path, folder: str) -> list[Report]:
        reports = []
        for moment, tag, value in scalars(path):
            for metric in self._metrics:
                where, _, wanted = metric.rpartition("/")
                if tag == metric or (tag == wanted and where in (folder, Path(folder).name)):
                    reports.append(Report(metric, repr(value), moment))
        return reports
