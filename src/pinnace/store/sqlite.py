"""The `Store` on SQLite: a journal and tables behind it, one writer thread, reads on the caller's thread.

Opened by `cli/up` (control process) on `home.database`, and on `:memory:` by `pinnace.testing`. All methods
belong to one event loop's thread. Who watches: call `events(…, since)` and `listen(…)` without an `await`
between; together they then deliver every event after `since` once, save that a listener drops those with
`rv <= since` (a `list` may already show a group whose events are about to be published).
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec

from pinnace.kinds.resource import Obj
from pinnace.store.applier import Applier
from pinnace.store.batch import Batch, written
from pinnace.store.heads import Heads
from pinnace.store.interface import Event, Gathered, Listing, Requirement, Write
from pinnace.store.journal import Journal, files, frames
from pinnace.store.reader import Reader, Seen, uid_of
from pinnace.store.recent import Recent
from pinnace.store.schema import MEMORY, connect, copy_database, prepare
from pinnace.store.terms import Wanted, select, starting
from pinnace.store.writer import Answers, Request, Writer, keys_of

LOG_LIMIT = 20_000
LOG_AGE = 600.0

Ticket = asyncio.Future[list[Obj]]
Listener = Callable[[Sequence[Event]], None]


class SqliteStore:
    def __init__(
        self, path: Path | str, writing: sqlite3.Connection, *, log_limit: int, log_age: float
    ) -> None:
        """Use `open`."""
        shared = path == MEMORY
        gate: AbstractContextManager[Any] = threading.Lock() if shared else contextlib.nullcontext()
        self._path = path
        self._gate = gate
        self._writing = writing
        self._reading = writing if shared else connect(path)
        self._planning = writing if shared else connect(path)
        self._applier = Applier(writing, log_limit=log_limit, log_age=log_age)
        self._journal = None if shared else Journal(Path(path))
        self._recent = Recent(sys.maxsize if shared else self._applier.rv)
        self._reader = Reader(self._reading, gate, self._recent)
        self._aside: sqlite3.Connection | None = None
        """For long reads in threads, one at a time; opened by the first."""
        self._long = threading.Lock()
        self._writer: Writer[Ticket] = Writer(
            self._planning, gate, self._hand_back, self._applier, self._journal
        )
        if self._journal is not None:
            self._applier.start(self._tell_applied)
        self._rv: int = self._writer.rv
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pending: list[Request[Ticket]] = []
        self._listeners: list[Listener] = []
        self._settling: list[asyncio.Future[None]] = []
        self._closed = False

    @classmethod
    def open(cls, path: Path | str, *, log_limit: int = LOG_LIMIT, log_age: float = LOG_AGE) -> SqliteStore:
        """Create, migrate or open. `log_limit` is in revisions, `log_age` in seconds: events older than
        either may be compacted. Raises NewerHome. Needs no running loop; the first `commit` does."""
        writing = prepare(path)
        if path != MEMORY:
            recover(writing, Path(path))
        return cls(path, writing, log_limit=log_limit, log_age=log_age)

    @property
    def rv(self) -> int:
        return self._rv

    def get(self, resource: str, namespace: str, name: str) -> Obj | None:
        return self._reader.get(resource, namespace, name)

    def list(
        self,
        resource: str,
        namespace: str | None = None,
        *,
        labels: Sequence[Requirement] = (),
        owner: str = "",
        newer_than: int = 0,
        limit: int = 0,
        after: tuple[str, str] | None = None,
    ) -> Listing:
        return self._reader.list(resource, namespace, labels, owner, newer_than, limit, after, self._rv)

    async def commit(self, writes: Sequence[Write]) -> builtins.list[Obj]:
        if self._closed:
            raise RuntimeError("the store is closed")
        if not writes:
            return []
        loop = self._loop = asyncio.get_running_loop()
        ticket: Ticket = loop.create_future()
        if not self._pending:
            loop.call_soon(self._hand_over)
        self._pending.append(Request(writes, ticket))
        return await ticket

    def events(self, resource: str, since: int, namespace: str | None = None) -> Sequence[Event]:
        return self._reader.events(resource, since, self._rv, namespace)

    def listen(self, callback: Listener) -> Callable[[], None]:
        self._listeners.append(callback)

        def stop() -> None:
            if callback in self._listeners:
                self._listeners.remove(callback)

        return stop

    def row(self, kind: str, owner: str, key: str = "") -> bytes | None:
        return self._reader.row(kind, owner, key)

    def rows(
        self, kind: str, owner: str | None = None, *, newer_than: int = 0, limit: int = -1
    ) -> builtins.list[tuple[str, str, int, bytes]]:
        return self._reader.rows(kind, owner, newer_than, limit)

    async def gathered(
        self, resource: str, namespace: str, name: str, kind: str, *, newer_than: int = 0
    ) -> Gathered | None:
        live = self._recent.find((resource, namespace, name))
        owner = self._reader.uid(resource, namespace, name) if live is None else uid_of(live)
        if owner is None:
            return None
        rows, _ = self._recent.rows((kind, owner))
        seen = Seen(owner, live, rows, self._recent.star((kind, owner)))
        return await asyncio.to_thread(self._gather, resource, namespace, name, kind, newer_than, seen)

    def _gather(
        self, resource: str, namespace: str, name: str, kind: str, newer_than: int, seen: Seen
    ) -> Gathered | None:
        """In a thread, on a connection of its own, so that the loop's reads go on."""
        if self._path == MEMORY:
            return self._reader.gathered(resource, namespace, name, kind, newer_than, seen)
        with self._beside() as connection:
            reader = Reader(connection, contextlib.nullcontext(), Recent(0))
            return reader.gathered(resource, namespace, name, kind, newer_than, seen)

    @contextlib.contextmanager
    def _beside(self) -> Iterator[sqlite3.Connection]:
        """For a thread: a connection on which nothing else is read meanwhile."""
        if self._path == MEMORY:
            with self._gate:
                yield self._reading
            return
        with self._long:
            if self._closed:
                raise RuntimeError("the store is closed")
            if self._aside is None:
                self._aside = connect(self._path)
            yield self._aside

    async def indexed(self, wanted: Wanted) -> builtins.list[tuple[str, bytes]]:
        await self.settled()
        return await asyncio.to_thread(self._select, wanted)

    def _select(self, wanted: Wanted) -> builtins.list[tuple[str, bytes]]:
        with self._beside() as connection:
            return select(connection, wanted)

    async def terms(self, kind: str, start: str, until: str = "") -> builtins.list[str]:
        await self.settled()
        return await asyncio.to_thread(self._starting, kind, start, until)

    def _starting(self, kind: str, start: str, until: str) -> builtins.list[str]:
        with self._beside() as connection:
            return starting(connection, kind, start, until)

    async def settled(self) -> None:
        """Returns when all that is answered by now stands in the tables: for who reads the file itself."""
        if self._path == MEMORY:
            return
        wanted, loop = self._rv, asyncio.get_running_loop()
        while self._recent.base < wanted:
            applied: asyncio.Future[None] = loop.create_future()
            self._settling.append(applied)
            self._writer.seal()
            await applied

    async def backup(self, target: Path) -> None:
        """A consistent copy of one moment while everything goes on; it appears complete or not at all."""
        await self.settled()
        await asyncio.to_thread(self._copy, target)

    async def close(self) -> None:
        """Writes what is queued, answers it, then lets go of the file."""
        if self._closed:
            return
        self._closed = True
        self._hand_over()
        left = await asyncio.to_thread(self._writer.stop)
        await asyncio.sleep(0)  # the last group's answers were scheduled before the thread ended
        await asyncio.to_thread(self._end, left)
        for connection in (self._reading, self._planning, self._writing):
            connection.close()

    def _end(self, left: Batch | None) -> None:
        """The tables get all that the journal has; if they have no room for it, with the next `open`."""
        self._applier.stop()
        done = not self._applier.stuck
        if done and left is not None:
            try:
                self._applier.apply(left)
            except sqlite3.Error:
                done = False
        if self._journal is not None:
            self._journal.close(remove=done)
        self._end_long_reads()

    def _end_long_reads(self) -> None:
        with self._long:
            if self._aside is not None:
                self._aside.close()

    def stats(self) -> dict[str, Any]:
        sizes = {}
        if self._path != MEMORY:
            for name in ("", "-wal", "-recent0", "-recent1"):
                file = Path(f"{self._path}{name}")
                sizes[f"bytes{name}"] = file.stat().st_size if file.exists() else 0
        writer = msgspec.to_builtins(self._writer.statistics)
        count = self._reader.counts()
        return {"rv": self._rv, "floor": self._applier.floor, **sizes, **writer, "count": count}

    def _hand_over(self) -> None:
        """All commits of one turn of the loop go to the writer in one hand-off."""
        if self._pending:
            self._writer.put(self._pending)
            self._pending = []

    def _hand_back(self, answers: Answers[Ticket]) -> None:
        """On the writer's thread. A loop that is gone has nobody left who waits."""
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._settle, answers)

    def _tell_applied(self) -> None:
        """On the applier's thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._applied)

    def _applied(self) -> None:
        self._recent.applied()
        self._writer.applied()
        waiting, self._settling = self._settling, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    def _settle(self, answers: Answers[Ticket]) -> None:
        self._rv = answers.rv
        if answers.fresh is not None:
            self._recent.add(answers.fresh)
        if answers.sealed is not None:
            self._recent.rotate(answers.sealed.rv)
            self._applier.put(answers.sealed)
        for ticket, answer in answers.settled:
            if ticket.done():  # its caller was cancelled; the write stands
                continue
            if isinstance(answer, BaseException):
                ticket.set_exception(answer)
            else:
                ticket.set_result(answer)
        if answers.events:
            for listener in tuple(self._listeners):
                self._tell(listener, answers.events)

    def _tell(self, listener: Listener, events: Sequence[Event]) -> None:
        try:
            listener(events)
        except Exception as error:
            context = {"message": f"a listener of the store failed: {listener!r}", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)

    def _copy(self, target: Path) -> None:
        if self._path == MEMORY:
            with self._gate:
                copy_database(self._writing, target)
            return
        source = sqlite3.connect(f"{Path(self._path).as_uri()}?mode=ro", uri=True)
        try:
            copy_database(source, target)
        finally:
            source.close()


def complete(database: Path) -> None:
    """Make one file of a database and its journal. Nobody else may have it open."""
    with contextlib.closing(prepare(database)) as connection:
        recover(connection, database)
    for path in files(database):
        path.unlink(missing_ok=True)


def recover(connection: sqlite3.Connection, database: Path) -> None:
    """Put into the tables what a process that died had acknowledged."""
    (rv,) = connection.execute("SELECT rv FROM state").fetchone()
    heads = Heads(connection)
    batch = Batch(connection, rv, heads, certain=True)
    for frame in frames(database, rv):
        batch.begin()
        for commit in frame.commits:
            writes = written(commit)
            heads.load(keys_of(writes))
            batch.add(writes)
        assert batch.rv == frame.after, f"{database}: the journal's revision {frame.after} became {batch.rv}"
        heads.keep(batch.moves[-len(batch.events) :] if batch.events else ())
        batch.settle()
    if not batch.empty:
        Applier(connection, log_limit=LOG_LIMIT, log_age=LOG_AGE).apply(batch)
