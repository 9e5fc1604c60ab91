"""The one thread that judges: takes what has queued up, plans it as one group, reports to the event loop.

Owned by `SqliteStore`. With a journal a group is answered when its frame is on disk; the tables get it later,
together with the rest of its generation (`applier`). Without one (in memory) it goes into the tables at once.
Invariants: a commit is answered only after its group is kept; revisions grow in the order of answers; a group
that cannot be kept leaves neither bytes nor revisions behind. Groups form by
themselves: whatever arrives while one group is written is the next group. After a group of many the next one
waits a moment for company, since a group costs as much as forty writes; a write to a quiet store never waits.
"""

from __future__ import annotations

import errno
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from pinnace.failpoint import passing
from pinnace.kinds.resource import Obj
from pinnace.store.applier import Applier
from pinnace.store.batch import Batch
from pinnace.store.heads import Heads, Key, Unknown
from pinnace.store.interface import ABSENT, Conflict, DiskFull, Event, Put, Remove, Write
from pinnace.store.journal import Journal
from pinnace.store.recent import Fresh

GROUP_LIMIT = 512
"""Writes in one group: about 10 ms of work, so that no single answer waits long."""
MANY = 8
"""Writes in a group that tell of more to come: one client's own commit has fewer."""
REST = 0.005
"""Seconds, at most, between a group of many and the next."""
APPLY_WRITES = 2048
"""A generation is sealed when it has so many writes,"""
APPLY_BYTES = 4 * 1024 * 1024
"""or so many bytes of bodies,"""
APPLY_AFTER = 1.0
"""or so many seconds after its first group,"""
APPLY_QUIET = 0.05
"""or after its last one: the larger it is, the fewer pages are written twice."""

T = TypeVar("T")


class Request(NamedTuple, Generic[T]):
    """One commit; `ticket` is the caller's (a future), handed back with the answer."""

    writes: Sequence[Write]
    ticket: T


class Answers(NamedTuple, Generic[T]):
    """What a group came to. `settled` pairs each ticket with its objects or its refusal."""

    rv: int
    events: list[Event]
    settled: list[tuple[T, list[Obj] | BaseException]]
    fresh: Fresh | None = None
    """What the tables do not have yet."""
    sealed: Batch | None = None
    """A generation that ends with this group, for the applier."""


class Statistics(msgspec.Struct):
    groups: int = 0
    commits: int = 0
    writes: int = 0
    refused: int = 0
    largest_group: int = 0
    seconds: float = 0.0


class Writer(Generic[T]):
    def __init__(
        self,
        connection: sqlite3.Connection,
        gate: AbstractContextManager[Any],
        publish: Callable[[Answers[T]], None],
        applier: Applier,
        journal: Journal | None,
    ) -> None:
        """`publish` is called on the writer's thread, once a group. The connection is read from alone."""
        self.rv = applier.rv
        self.statistics = Statistics()
        self._connection = connection
        self._gate = gate
        self._publish = publish
        self._applier = applier
        self._journal = journal
        self._rested = 0.0
        """The moment (of `perf_counter`) until which the next group waits for company."""
        self._heads = Heads(connection)
        self._batch = Batch(connection, self.rv, self._heads, certain=True)
        """The generation."""
        self._born = 0.0
        """When it got its first group,"""
        self._last = 0.0
        """and its last one."""
        self._asked = False
        self._applying = self._applied = False
        self._queue: SimpleQueue[list[Request[T]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    def put(self, requests: list[Request[T]]) -> None:
        self._queue.put(requests)

    def seal(self) -> None:
        """Seal the generation now, if it has anything."""
        self._asked = True
        self._queue.put([])

    def applied(self) -> None:
        """What was sealed last is in the tables."""
        self._applied = True
        self._queue.put([])

    def stop(self) -> Batch | None:
        """After everything that was put. Blocks until the thread has ended. What the applier did not get."""
        self._queue.put(None)
        self._thread.join()
        return None if self._batch.empty else self._batch

    def _work(self) -> None:
        waiting: list[Request[T]] = []
        going = True
        while going or waiting:
            full = bool(waiting)  # of what the last group had no room for
            going = self._gather(waiting, wait=going and not full) and going
            if self._applied:
                self._forget_applied()
            if going and not full and (left := self._rested - time.perf_counter()) > 0:
                time.sleep(left)
                going = self._gather(waiting, wait=False)
            group = _take(waiting)
            if group:
                self._serve(group)
            elif self._due:
                self._publish(Answers(self.rv, [], [], None, self._sealed()))
            elif not self._applying:
                self._asked = False

    def _gather(self, waiting: list[Request[T]], *, wait: bool) -> bool:
        """Everything queued so far; False once told to stop. While a generation waits to be sealed, not for
        ever."""
        timeout = self._patience() if wait else None
        try:
            while (requests := self._queue.get(block=wait, timeout=timeout)) is not None:
                waiting += requests
                wait = False
        except Empty:
            return True
        return False

    # ---- generations -----------------------------------------------------------------------------------

    def _patience(self) -> float | None:
        if self._journal is None or self._applying or self._batch.empty:
            return None
        return max(0.0, self._deadline - time.perf_counter())

    @property
    def _due(self) -> bool:
        batch = self._batch
        if self._journal is None or self._applying or batch.empty:
            return False
        return (
            self._asked or batch.writes >= APPLY_WRITES or batch.size >= APPLY_BYTES
            or time.perf_counter() >= self._deadline
        )

    @property
    def _deadline(self) -> float:
        return min(self._born + APPLY_AFTER, self._last + APPLY_QUIET)

    def _sealed(self) -> Batch:
        batch = self._batch
        batch.earlier = None
        self._batch = Batch(self._connection, self.rv, self._heads, certain=True, earlier=batch)
        self._heads.seal()
        assert self._journal is not None
        self._journal.turn()
        self._applying, self._asked = True, False
        return batch

    def _forget_applied(self) -> None:
        self._applying = self._applied = False
        self._batch.earlier = None
        self._heads.applied()

    # ---- groups ----------------------------------------------------------------------------------------

    def _serve(self, group: list[Request[T]]) -> None:
        """A group that fails as a whole for another reason than the disk has one bad commit in it, such as a
        name that SQLite cannot store: each then goes alone, so that only the bad one is refused."""
        started = time.perf_counter()
        try:
            with self._gate:
                answers = self._judge_and_flush(group) if self._journal is None else self._journaled(group)
        except Exception as error:
            self._heads.clear()
            refusal = _translated(error)
            if len(group) > 1 and not isinstance(refusal, DiskFull):
                for request in group:
                    self._serve([request])
                return
            answers = Answers(self.rv, [], [(request.ticket, refusal) for request in group])
        ended = time.perf_counter()
        self._rested = ended + rest(sum(len(request.writes) for request in group), ended - started)
        self._count(answers, ended - started)
        self._publish(answers)

    def _journaled(self, group: list[Request[T]]) -> Answers[T]:
        """Planned with everything looked up: nobody judges after this."""
        if self._applier.stuck and not self._applier.again():
            raise DiskFull(FULL)
        self._heads.load(_keys(group, trusting=False))
        batch = self._batch
        first = len(batch.moves)
        batch.begin()
        fresh = None
        try:
            settled = [(request.ticket, self._planned(batch, request, group)) for request in group]
            if batch.rv > self.rv:
                self._keep(batch)
        except BaseException:
            batch.undo()
            raise
        if batch.rv > self.rv:
            self.rv = batch.rv
            fresh = batch.settle()
            self._heads.keep(batch.moves[first:])
        self._heads.trim([key for key, _, new in batch.moves[first:] if new is None])
        return Answers(self.rv, batch.events, settled, fresh, self._sealed() if self._due else None)

    def _keep(self, batch: Batch) -> None:
        assert self._journal is not None
        passing("store.before-journal")
        self._journal.append(batch.before, batch.rv, batch.commits)
        passing("store.after-journal")
        self._last = time.perf_counter()
        if batch.first:
            self._born = self._last

    def _judge_and_flush(self, group: list[Request[T]]) -> Answers[T]:
        """What is to be created is taken to be absent, as it nearly always is. If the database knows better,
        nothing was written, and the group is planned once more with everything looked up."""
        try:
            return self._plan_and_flush(group, trusting=True)
        except sqlite3.IntegrityError:
            self._heads.clear()
            return self._plan_and_flush(group, trusting=False)

    def _plan_and_flush(self, group: list[Request[T]], *, trusting: bool) -> Answers[T]:
        if not trusting:
            self._heads.load(_keys(group, trusting))
        batch = Batch(self._connection, self.rv, self._heads)
        settled = [(request.ticket, self._planned(batch, request, group)) for request in group]
        if batch.rv > self.rv:
            batch.settle()
            self._applier.apply(batch)
            self.rv = batch.rv
        self._heads.trim([key for key, _, new in batch.moves if new is None])
        return Answers(self.rv, batch.events, settled)

    def _planned(
        self, batch: Batch, request: Request[T], group: list[Request[T]]
    ) -> list[Obj] | BaseException:
        try:
            return batch.add(request.writes)
        except Unknown:  # most are remembered; then all that the group asks about, in one read
            self._heads.load(_keys(group, trusting=True))
            return self._planned(batch, request, group)
        except Conflict as conflict:
            return conflict if batch.certain else self._judged(batch, request)
        except Exception as refusal:  # it concerns this commit alone: it is no JSON
            return refusal

    def _judged(self, batch: Batch, request: Request[T]) -> list[Obj] | BaseException:
        """The refusal that is due when nothing is taken to be absent."""
        self._heads.load(_keys([request], trusting=False))
        try:
            return batch.add(request.writes)
        except Exception as refusal:
            return refusal

    def _count(self, answers: Answers[T], seconds: float) -> None:
        refused = sum(isinstance(answer, BaseException) for _, answer in answers.settled)
        statistics = self.statistics
        statistics.groups += 1
        statistics.commits += len(answers.settled) - refused
        statistics.refused += refused
        statistics.writes += len(answers.events)
        statistics.largest_group = max(statistics.largest_group, len(answers.settled))
        statistics.seconds += seconds


def rest(writes: int, seconds: float) -> float:
    """How long the next group waits for company after one of so many writes that took so long."""
    return min(seconds, REST) if writes >= MANY else 0.0


def _take(waiting: list[Request[T]]) -> list[Request[T]]:
    """The next group off the front of `waiting`: at least one commit, at most `GROUP_LIMIT` writes."""
    count = writes = 0
    for request in waiting:
        writes += len(request.writes)
        if count and writes > GROUP_LIMIT:
            break
        count += 1
    group = waiting[:count]
    del waiting[:count]
    return group


def _keys(group: Sequence[Request[Any]], trusting: bool) -> list[Key]:
    """The objects that the group's preconditions ask about."""
    return [
        _key(write)
        for request in group
        for write in request.writes
        if type(write) is Remove or (type(write) is Put and not (trusting and write.expect == ABSENT))
    ]


def keys_of(writes: Sequence[Write]) -> list[Key]:
    """Of the objects that these write."""
    return [_key(write) for write in writes if isinstance(write, (Put, Remove))]


def _key(write: Put | Remove) -> Key:
    if isinstance(write, Put):
        metadata = write.obj["metadata"]
        return write.resource, metadata.get("namespace") or "", metadata["name"]
    return write.resource, write.namespace, write.name


FULL = (
    "the disk of the home is full: nothing was written; free some space (`pinnace du`, `pinnace gc`) and try"
    " again"
)


def _translated(error: Exception) -> Exception:
    code = getattr(error, "sqlite_errorcode", 0)
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or code == sqlite3.SQLITE_FULL:
        return DiskFull(FULL)
    return error
