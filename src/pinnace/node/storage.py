"""What a pod's volumes and containers hold on disk, against the limits of its manifest.

`pod.py` makes one watch for a pod that has such a limit, and none for the others. It looks as often as the
memory watchdog, but spends at most a twentieth of a core on it. The words are the kubelet's; source of the
rules: kubernetes pkg/kubelet/eviction/eviction_manager.go.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import NamedTuple

from pinnace.node.launchers import Launch
from pinnace.node.limits import PERIOD
from pinnace.node.services import Services

REST = 20
"""Times as long as the last look took."""
EVICTED = "Evicted"
UNITS = (("Gi", 1 << 30), ("Mi", 1 << 20), ("G", 10**9), ("M", 10**6), ("Ki", 1 << 10), ("k", 10**3))


class Room(NamedTuple):
    places: Callable[[], Iterable[str]]
    """Folders and files, as they are now: they may not be there yet."""
    limit: int
    message: str
    """What is said of a pod that needs more."""


class Storage:
    """`over(message)` is called once, on the loop."""

    def __init__(self, services: Services, over: Callable[[str], None]) -> None:
        self.loop = services.loop
        self.worker: Executor = services.worker
        self.over = over
        self.rooms: dict[str, Room] = {}
        self.stopped = False
        self.timer = self.loop.call_later(PERIOD, self.look)

    def add(self, room: Room) -> None:
        self.rooms[room.message] = room

    def stop(self) -> None:
        self.stopped = True
        self.timer.cancel()

    def look(self) -> None:
        looking = self.worker.submit(too_full, list(self.rooms.values()))
        looking.add_done_callback(lambda done: self.loop.call_soon_threadsafe(self.seen, done))

    def seen(self, looked: Future[tuple[str, float]]) -> None:
        message, took = looked.result()
        if self.stopped:
            return
        if message:
            self.over(message)
        else:
            self.timer = self.loop.call_later(max(PERIOD, took * REST), self.look)


def of_volume(name: str, folder: str, limit: int) -> Room:
    message = f'Usage of EmptyDir volume "{name}" exceeds the limit "{amount(limit)}".'
    return Room(lambda: (folder,), limit, message)


def of_container(launch: Launch, limit: int) -> Room:
    message = f'Container {launch.container} exceeded its local ephemeral storage limit "{amount(limit)}".'
    return Room(lambda: (launch.root, launch.log), limit, message)


def of_pod(folder: str, launches: Iterable[Launch], limit: int) -> Room:
    message = f"Pod ephemeral local storage usage exceeds the total limit of containers {amount(limit)}."
    return Room(lambda: (folder, *(each.root for each in list(launches))), limit, message)


def amount(size: int) -> str:
    """As a quantity would be written."""
    for unit, factor in UNITS:
        if size % factor == 0 and size:
            return f"{size // factor}{unit}"
    return str(size)


def too_full(rooms: list[Room]) -> tuple[str, float]:
    """The first message that applies, and how many seconds it took to look."""
    began = time.monotonic()
    message = next((room.message for room in rooms if exceeded(room)), "")
    return message, time.monotonic() - began


def exceeded(room: Room) -> bool:
    held = 0
    for size in sizes(room.places()):
        held += size
        if held > room.limit:
            return True
    return False


def sizes(places: Iterable[str]) -> Iterator[int]:
    """Bytes on disk of everything there, a file of many names once. What vanishes meanwhile is nothing."""
    seen: set[tuple[int, int]] = set()
    waiting = list(places)
    while waiting:
        path = waiting.pop()
        try:
            info = os.lstat(path)
            if stat.S_ISDIR(info.st_mode):
                waiting += [f"{path}/{name}" for name in os.listdir(path)]
                continue
        except OSError:
            continue
        if (info.st_dev, info.st_ino) not in seen:
            seen.add((info.st_dev, info.st_ino))
            yield info.st_blocks * 512
