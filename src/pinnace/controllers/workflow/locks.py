"""Mutexes and semaphores: who holds which, who waits, and who is next. One table for all runs of the engine.

Plain data. `run` asks for locks before it makes anything, and lets them go in its outbox; only when that is
committed are they given on (`live`), so no crash can show two holders. What is held stands in each
Workflow's `status.synchronization`, from where the table is filled again. All locks of a holder are taken
together. Source: upstream workflow/sync, docs/synchronization.md.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any

import msgspec

from pinnace.kinds.resource import Obj

Limit = Callable[[str, str, str], int]
"""(namespace, ConfigMap, key) → how many may hold it. Raises LockError."""


class LockError(Exception):
    """What is asked for cannot be a lock; the message is the node's."""


class Want(msgspec.Struct, frozen=True):
    """`key` as upstream names it: `ns/Mutex/name`, `ns/ConfigMap/name/key`."""

    kind: str
    key: str


def wants(synchronization: Obj, namespace: str) -> tuple[Want, ...]:
    """The locks that a rendered `synchronization` names. Raises LockError."""
    found = [*_semaphores(synchronization, namespace), *_mutexes(synchronization, namespace)]
    for at, want in enumerate(found):
        if want in found[:at]:
            raise LockError(f"duplicate synchronization reference: {want.key}")
    return tuple(found)


def _mutexes(synchronization: Obj, namespace: str) -> Iterator[Want]:
    for item in _listed(synchronization, "mutex", "mutexes"):
        if item.get("database"):
            raise LockError(_NO_DATABASE)
        if not item.get("name"):
            raise LockError("synchronization.mutexes: a mutex needs a name")
        yield Want("mutex", f"{item.get('namespace') or namespace}/Mutex/{item['name']}")


def _semaphores(synchronization: Obj, namespace: str) -> Iterator[Want]:
    for item in _listed(synchronization, "semaphore", "semaphores"):
        if item.get("database"):
            raise LockError(_NO_DATABASE)
        reference = item.get("configMapKeyRef") or {}
        if not reference.get("name") or not reference.get("key"):
            raise LockError("synchronization.semaphores: configMapKeyRef needs a name and a key")
        where = item.get("namespace") or namespace
        yield Want("semaphore", f"{where}/ConfigMap/{reference['name']}/{reference['key']}")


def _listed(synchronization: Obj, old: str, new: str) -> list[Obj]:
    single = synchronization.get(old)
    return [*([single] if single else []), *(synchronization.get(new) or [])]


_NO_DATABASE = (
    "synchronization database session is not available: locks of a database are shared between clusters, "
    "and this platform is one machine; leave out `database`, or use a configMapKeyRef"
)


class Waiter(msgspec.Struct, order=True):
    """Sorted as they are served: by priority, then by age of the workflow, then by who came first."""

    rank: tuple[int, float, int]
    holder: str
    run: str
    wants: tuple[Want, ...]


class Refusal(msgspec.Struct, frozen=True):
    """`lock` is the first one that was not to be had."""

    lock: str
    message: str


class Locks:
    """A holder is `ns/workflow` or `ns/workflow/node-id`; its run is the first two parts."""

    def __init__(self, limit: Limit | None = None) -> None:
        self._limit = limit or _none
        self._limits: dict[str, int] = {}
        """The last one that was readable, for a ConfigMap that goes while somebody waits."""
        self._holders: dict[str, dict[str, None]] = {}
        self._held: dict[str, dict[str, tuple[Want, ...]]] = {}
        """By run and holder."""
        self._queues: dict[str, list[Waiter]] = {}
        self._waiters: dict[str, dict[str, Waiter]] = {}
        self._granted: dict[str, list[str]] = {}
        self._tickets = 0

    # ---- what runs ask -----------------------------------------------------------------------------------

    def acquire(self, holder: str, wanted: tuple[Want, ...], priority: int, created: float) -> Refusal | None:
        """Takes all of them, or none and stands in line. Raises LockError."""
        run = run_of(holder)
        if holder in self._held.get(run, ()):
            return None
        for want in wanted:
            self._read(want)
        waiter = self._waiters.get(run, {}).get(holder)
        if waiter is None:
            self._tickets += 1
            waiter = Waiter((-priority, created, self._tickets), holder, run, wanted)
        lock = self._first_closed(waiter)
        if lock is None:
            self._take(waiter)
            return None
        self._stand(waiter)
        free = self._limits[lock] - len(self._holders.get(lock, ()))
        return Refusal(lock, f"Waiting for {lock} lock. Lock status: {free}/{self._limits[lock]}")

    def hold(self, holder: str, wanted: tuple[Want, ...]) -> None:
        """Somebody who holds them already, whatever the table says."""
        for want in wanted:
            self._holders.setdefault(want.key, {})[holder] = None
        self._held.setdefault(run_of(holder), {})[holder] = wanted

    def release(self, holder: str) -> None:
        """Held or only waited for: given on to whoever is next."""
        self._leave(holder)
        self._advance(self._drop(holder))

    def forget(self, run: str) -> None:
        """The workflow has ended or is gone."""
        for holder in [*self._waiters.get(run, ())]:
            self._leave(holder)
        self._granted.pop(run, None)
        freed = [key for holder in [*self._held.get(run, ())] for key in self._drop(holder)]
        self._advance(freed)

    def reopen(self, run: str) -> set[str]:
        """A run begins again from its rows: it stands in no line any more. What it held until now; who does
        not claim it lets it go."""
        for holder in [*self._waiters.get(run, ())]:
            self._leave(holder)
        self._granted.pop(run, None)
        return set(self._held.get(run, ()))

    def granted(self, run: str) -> list[str]:
        """Holders of a run whose turn has come since it asked last."""
        return self._granted.pop(run, [])

    def served(self) -> list[str]:
        """Runs with something `granted`."""
        return list(self._granted)

    def changed(self, namespace: str, config_map: str) -> None:
        """A ConfigMap says something else: there may be room for more."""
        start = f"{namespace}/ConfigMap/{config_map}/"
        found = [key for key in self._queues if key.startswith(start)]
        for key in found:
            self._read(Want("semaphore", key))
        self._advance(found)

    def __bool__(self) -> bool:
        return bool(self._held or self._waiters)

    # ---- status ------------------------------------------------------------------------------------------

    def status(self, run: str, without: Container[str] = ()) -> Obj | None:
        """`status.synchronization` of a run, in upstream's shape; `without` those holders."""
        made: dict[str, dict[str, dict[str, list[str]]]] = {}
        for holder, wanted in self._held.get(run, {}).items():
            for want in wanted if holder not in without else ():
                made.setdefault(want.kind, {}).setdefault("holding", {}).setdefault(want.key, []).append(
                    holder
                )
        for waiter in self._waiters.get(run, {}).values():
            for want in waiter.wants if waiter.holder not in without else ():
                others = list(self._holders.get(want.key, ()))
                if others:
                    made.setdefault(want.kind, {}).setdefault("waiting", {})[want.key] = others
        return {
            kind: {side: _shown(kind, found) for side, found in sides.items()}
            for kind, sides in sorted(made.items())
        } or None

    def adopt(self, run: str, status: Obj) -> None:
        """What a Workflow's status says that it holds."""
        held: dict[str, list[Want]] = {}
        for item in ((status.get("mutex") or {}).get("holding")) or ():
            held.setdefault(str(item.get("holder")), []).append(Want("mutex", str(item.get("mutex"))))
        for item in ((status.get("semaphore") or {}).get("holding")) or ():
            for holder in item.get("holders") or ():
                held.setdefault(str(holder), []).append(Want("semaphore", str(item.get("semaphore"))))
        for holder, wanted in held.items():
            if run_of(holder) == run:
                self.hold(holder, tuple(wanted))

    # ---- the table ---------------------------------------------------------------------------------------

    def _read(self, want: Want) -> None:
        """Raises LockError where there was never anything to read."""
        if want.kind == "mutex":
            self._limits[want.key] = 1
            return
        namespace, _, name, key = want.key.split("/", 3)
        try:
            self._limits[want.key] = self._limit(namespace, name, key)
        except LockError:
            if want.key not in self._limits:
                raise

    def _first_closed(self, waiter: Waiter) -> str | None:
        return next((want.key for want in waiter.wants if not self._open(want.key, waiter)), None)

    def _open(self, key: str, waiter: Waiter) -> bool:
        if len(self._holders.get(key, ())) >= self._limits[key]:
            return False
        for other in self._queues.get(key, ()):
            if other.rank >= waiter.rank:
                return True
            if other.run != waiter.run and not self._waits_for(other, waiter.run):
                return False
        return True

    def _waits_for(self, waiter: Waiter, run: str) -> bool:
        """Somebody who cannot go before that run has let go keeps nobody of it waiting: both would stand
        still for ever."""
        held = self._held.get(run)
        if not held:
            return False
        keys = {want.key for want in waiter.wants}
        return any(
            want.key in keys and len(self._holders[want.key]) >= self._limits[want.key]
            for wanted in held.values()
            for want in wanted
        )

    def _take(self, waiter: Waiter) -> None:
        self._leave(waiter.holder)
        self.hold(waiter.holder, waiter.wants)

    def _stand(self, waiter: Waiter) -> None:
        mine = self._waiters.setdefault(waiter.run, {})
        if waiter.holder in mine:
            return
        mine[waiter.holder] = waiter
        for want in waiter.wants:
            insort(self._queues.setdefault(want.key, []), waiter)

    def _leave(self, holder: str) -> None:
        run = run_of(holder)
        mine = self._waiters.get(run)
        waiter = mine.pop(holder, None) if mine else None
        if mine is not None and not mine:
            del self._waiters[run]
        for want in waiter.wants if waiter is not None else ():
            self._queues[want.key].remove(waiter)  # type: ignore[arg-type]
            if not self._queues[want.key]:
                del self._queues[want.key]

    def _drop(self, holder: str) -> list[str]:
        run = run_of(holder)
        mine = self._held.get(run)
        wanted = mine.pop(holder, ()) if mine else ()
        if mine is not None and not mine:
            del self._held[run]
        for want in wanted:
            holders = self._holders.get(want.key, {})
            holders.pop(holder, None)
            if not holders:
                self._holders.pop(want.key, None)
        return [want.key for want in wanted]

    def _advance(self, keys: Iterable[str]) -> None:
        for key in dict.fromkeys(keys):
            for waiter in [*self._queues.get(key, ())]:
                if len(self._holders.get(key, ())) >= self._limits[key]:
                    break
                if self._first_closed(waiter) is None:
                    self._take(waiter)
                    self._granted.setdefault(waiter.run, []).append(waiter.holder)


def run_of(holder: str) -> str:
    return "/".join(holder.split("/", 2)[:2])


def _none(namespace: str, config_map: str, key: str) -> int:
    raise LockError(f'configmaps "{config_map}" not found')


def _shown(kind: str, found: dict[str, list[str]]) -> list[dict[str, Any]]:
    if kind == "mutex":
        return [{"mutex": key, "holder": holders[-1]} for key, holders in found.items()]
    return [{"semaphore": key, "holders": holders} for key, holders in found.items()]
