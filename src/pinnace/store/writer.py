"""The one thread that writes: takes what has queued up, commits it as one group, reports to the event loop.

Owned by `SqliteStore`. Invariants: a commit is answered only after its group is on disk; revisions grow in
the order of answers; a group that SQLite refuses leaves neither bytes nor revisions behind. Groups form by
themselves: whatever arrives while one group is written is the next group. After a group of many the next one
waits a moment for company, since a group costs as much as forty writes; a write to a quiet store never waits.
"""

from __future__ import annotations

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
from pinnace.store.batch import Batch
from pinnace.store.heads import Heads, Key, Unknown
from pinnace.store.interface import ABSENT, Conflict, DiskFull, Event, Put, Remove, Write

GROUP_LIMIT = 512
"""Writes in one group: about 10 ms of work, so that no single answer waits long."""
MANY = 8
"""Writes in a group that tell of more to come: one client's own commit has fewer."""
REST = 0.005
"""Seconds, at most, between a group of many and the next."""
MARK_SECONDS = 10
COMPACT_STEP = 256

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
        *,
        log_limit: int,
        log_age: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`publish` is called on the writer's thread, once a group."""
        self.rv: int
        self.floor: int
        self.rv, self.floor = connection.execute("SELECT rv, floor FROM state").fetchone()
        self.statistics = Statistics()
        self._connection = connection
        self._gate = gate
        self._publish = publish
        self._log_limit, self._log_age, self._clock = log_limit, log_age, clock
        self._aged = self.floor
        self._marked = 0.0
        self._rested = 0.0
        """The moment (of `perf_counter`) until which the next group waits for company."""
        self._heads = Heads(connection)
        self._queue: SimpleQueue[list[Request[T]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    def put(self, requests: list[Request[T]]) -> None:
        self._queue.put(requests)

    def stop(self) -> None:
        """After everything that was put. Blocks until the thread has ended."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        waiting: list[Request[T]] = []
        going = True
        while going or waiting:
            full = bool(waiting)  # of what the last group had no room for
            going = self._gather(waiting, wait=going and not full) and going
            if going and not full and (left := self._rested - time.perf_counter()) > 0:
                time.sleep(left)
                going = self._gather(waiting, wait=False)
            group = _take(waiting)
            if group:
                self._serve(group)

    def _gather(self, waiting: list[Request[T]], *, wait: bool) -> bool:
        """Everything queued so far; False once told to stop."""
        try:
            while (requests := self._queue.get(block=wait)) is not None:
                waiting += requests
                wait = False
        except Empty:
            return True
        return False

    def _serve(self, group: list[Request[T]]) -> None:
        """A group that fails as a whole for another reason than the disk has one bad commit in it, such as a
        name that SQLite cannot store: each then goes alone, so that only the bad one is refused."""
        started = time.perf_counter()
        try:
            with self._gate:
                answers = self._judge_and_flush(group)
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
            self._flush(batch)
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
        except Conflict:
            return self._judged(batch, request)
        except Exception as refusal:  # it concerns this commit alone: it is no JSON
            return refusal

    def _judged(self, batch: Batch, request: Request[T]) -> list[Obj] | BaseException:
        """The refusal that is due when nothing is taken to be absent."""
        self._heads.load(_keys([request], trusting=False))
        try:
            return batch.add(request.writes)
        except Exception as refusal:
            return refusal

    def _flush(self, batch: Batch) -> None:
        run = self._connection
        run.execute("BEGIN IMMEDIATE")
        try:
            batch.flush(self.floor)
            floor = self._compact(batch.rv, len(batch.events))
            passing("store.mid-flush")
            run.execute("COMMIT")
            passing("store.after-commit")
        except BaseException:
            if run.in_transaction:
                run.execute("ROLLBACK")
            self._marked = 0.0
            raise
        self.rv, self.floor = batch.rv, floor

    def _compact(self, rv: int, events: int) -> int:
        """Part of every group once the log is over its limits, so that there is never a pause for it."""
        self._mark(rv)
        target = max(self._aged, rv - self._log_limit)
        slack = min(COMPACT_STEP, self._log_limit // 4 + 1)
        if target - self.floor < slack and self._aged <= self.floor:
            return self.floor
        floor = min(target, self.floor + max(2 * COMPACT_STEP, 2 * events))
        self._connection.execute(
            "DELETE FROM log WHERE rv>? AND rv<=? AND NOT EXISTS"
            " (SELECT 1 FROM objects o WHERE o.id=log.id AND o.rv=log.rv)",
            (self.floor, floor),
        )
        self._connection.execute("UPDATE state SET floor=?", (floor,))
        return floor

    def _mark(self, rv: int) -> None:
        now = self._clock()
        if abs(now - self._marked) < MARK_SECONDS:  # abs: a clock may be set back
            return
        old = now - self._log_age
        found = self._connection.execute("SELECT max(rv), max(at) FROM marks WHERE at<=?", (old,)).fetchone()
        if found[0] is not None:
            self._aged = max(self._aged, min(found[0], self.rv))
            self._connection.execute("DELETE FROM marks WHERE at<?", (found[1],))
        self._connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (int(now), rv))
        self._marked = now

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


def _key(write: Put | Remove) -> Key:
    if isinstance(write, Put):
        metadata = write.obj["metadata"]
        return write.resource, metadata.get("namespace") or "", metadata["name"]
    return write.resource, write.namespace, write.name


def _translated(error: Exception) -> Exception:
    code = getattr(error, "sqlite_errorcode", 0)
    if code == sqlite3.SQLITE_FULL:
        return DiskFull(
            "the disk of the home is full: nothing was written; free some space (`pinnace du`, `pinnace gc`)"
            " and try again"
        )
    return error
