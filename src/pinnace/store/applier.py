"""Puts planned batches into the tables, and compacts the log; with a journal in a thread of its own.

Owned by `SqliteStore`. Invariants: a batch is in the tables whole or not at all; batches are applied in the
order in which they were sealed, one at a time. Where there is a journal its batches were answered already:
one that SQLite has no room for is tried again until it has, and meanwhile the writer takes nothing new
(`stuck`).
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable

from pinnace.failpoint import passing
from pinnace.store.batch import Batch

MARK_SECONDS = 10
COMPACT_STEP = 256
AGAIN = 1.0
"""Seconds until a batch that had no room is tried again."""
log = logging.getLogger("pinnace.store")


class Applier:
    def __init__(
        self, connection: sqlite3.Connection, *, log_limit: int, log_age: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.rv: int
        self.floor: int
        self.rv, self.floor = connection.execute("SELECT rv, floor FROM state").fetchone()
        self.stuck = False
        self._connection = connection
        self._log_limit, self._log_age, self._clock = log_limit, log_age, clock
        self._aged = self.floor
        self._marked = 0.0
        self._waiting: Batch | None = None
        self._told: Callable[[], None] = lambda: None
        self._news = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    # ---- in a thread -----------------------------------------------------------------------------------

    def start(self, told: Callable[[], None]) -> None:
        """`told` is called on the applier's thread (or on that of who calls `again`) after each batch."""
        self._told = told
        self._thread = threading.Thread(target=self._work, name="store-applier", daemon=True)
        self._thread.start()

    def put(self, batch: Batch) -> None:
        with self._news:
            assert self._waiting is None
            self._waiting = batch
            self._news.notify()

    def again(self) -> bool:
        """Try what is stuck once more, now; whether nothing is any longer."""
        with self._news:
            return self._attempt()

    def stop(self) -> None:
        """After what was put, unless there is no room for it. Blocks until the thread has ended."""
        with self._news:
            self._stopping = True
            self._news.notify()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        with self._news:
            while True:
                done = self._attempt()
                if self._stopping:
                    return
                self._news.wait(None if done else AGAIN)

    def _attempt(self) -> bool:
        batch = self._waiting
        if batch is None:
            return True
        try:
            self.apply(batch)
        except Exception as error:
            if not self.stuck:
                log.error("what was acknowledged waits in the journal: %s", error)
            self.stuck = True
            return False
        self._waiting = None
        self.stuck = False
        self._told()
        return True

    # ---- a batch ---------------------------------------------------------------------------------------

    def apply(self, batch: Batch) -> None:
        run = self._connection
        run.execute("BEGIN IMMEDIATE")
        try:
            batch.flush(run, self.floor)
            floor = self._compact(batch.rv, len(batch.moves))
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
        """Part of every batch once the log is over its limits, so that there is never a pause for it."""
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
