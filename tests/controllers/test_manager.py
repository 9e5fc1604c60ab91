"""The manager's promises: a key once at a time, errors later and later, conflicts at once, timers, resync."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pinnace.controllers import manager as managing
from pinnace.controllers.built_in import CONFIG_MAP
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.manager import Manager
from pinnace.controllers.queue import FIRST_DELAY, LAST_DELAY
from pinnace.objects.errors import StatusError
from pinnace.store.interface import Event

from .house import House, eventually, house

pytestmark = pytest.mark.anyio


class Probe:
    name = "probe"
    watches = (CONFIG_MAP,)

    def __init__(self, act: Callable[[Key], Awaitable[Result]] | None = None) -> None:
        self.act = act
        self.calls: list[Key] = []
        self.running: set[Key] = set()

    def keys(self, event: Event) -> tuple[Key, ...]:
        return (Key(event.namespace, event.name),)

    async def reconcile(self, key: Key) -> Result:
        assert key not in self.running, "one call a key at a time"
        self.running.add(key)
        self.calls.append(key)
        try:
            return await self.act(key) if self.act else Result()
        finally:
            self.running.discard(key)


def config(name: str) -> dict[str, object]:
    return {"metadata": {"name": name}}


async def test_what_stands_there_at_the_start_is_looked_at(tmp_path: Path) -> None:
    async with house(tmp_path) as platform:
        for number in range(230):
            await platform.create(CONFIG_MAP, config(f"c{number}"))
    probe = Probe()
    async with house(tmp_path, None, lambda made: [probe]):
        await eventually(lambda: len(set(probe.calls)) == 230)


async def test_a_key_that_changes_while_it_is_worked_on_is_looked_at_again(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def act(key: Key) -> Result:
        await gate.wait()
        return Result()

    probe = Probe(act)
    async with house(tmp_path, None, lambda made: [probe]) as platform:
        await platform.create(CONFIG_MAP, config("one"))
        await eventually(lambda: len(probe.calls) == 1)
        for number in range(5):
            patch = {"data": {"n": str(number)}}
            await platform.client.patch(CONFIG_MAP, "one", "default", patch, "merge")
        assert len(probe.calls) == 1
        gate.set()
        await eventually(lambda: len(probe.calls) == 2)
        await asyncio.sleep(0.01)
        assert len(probe.calls) == 2, "five changes are one more look"


async def test_errors_are_tried_again_later_and_conflicts_at_once(tmp_path: Path) -> None:
    times: list[float] = []

    async def fail(key: Key) -> Result:
        times.append(time.monotonic())
        if len(times) < 5:
            raise RuntimeError("not yet")
        if len(times) < 8:
            raise StatusError(409, "Conflict", "somebody was faster")
        return Result()

    probe = Probe(fail)
    async with house(tmp_path, None, lambda made: [probe]) as platform:
        await platform.create(CONFIG_MAP, config("one"))
        await eventually(lambda: len(times) == 8)
        text = platform.manager.metrics.text()
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert all(pause >= FIRST_DELAY * 2**n * 0.9 for n, pause in enumerate(pauses[:4]))
    assert all(pause < 0.05 for pause in pauses[4:])
    assert 'controller_runtime_reconcile_errors_total{controller="probe"} 4' in text
    assert 'workqueue_retries_total{name="probe",controller="probe"} 4' in text
    assert 'controller_runtime_reconcile_total{controller="probe",result="success"} 1' in text


async def test_a_timer_calls_again_and_an_earlier_one_wins(tmp_path: Path) -> None:
    async def act(key: Key) -> Result:
        return Result(after=0.02) if len(probe.calls) < 3 else Result(after=3600)

    probe = Probe(act)
    async with house(tmp_path, None, lambda made: [probe]) as platform:
        await platform.create(CONFIG_MAP, config("one"))
        await eventually(lambda: len(probe.calls) == 3)


@pytest.mark.parametrize("hours", [8, -8])
async def test_a_lid_that_was_closed_lets_what_waits_look_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """The monotonic clock stands still while a machine sleeps: an hour's wait would last an hour more."""
    monkeypatch.setattr(managing, "GLANCE", 0.02)

    async def act(key: Key) -> Result:
        return Result(after=3600)

    probe = Probe(act)
    async with house(tmp_path, None, lambda made: [probe]) as platform:
        await platform.create(CONFIG_MAP, config("one"))
        await eventually(lambda: len(probe.calls) == 1)
        platform.manager.wall = lambda: time.time() + hours * 3600
        await eventually(lambda: len(probe.calls) == 2)


async def test_a_busy_key_does_not_starve_the_others(tmp_path: Path) -> None:
    async def act(key: Key) -> Result:
        return Result(after=0) if key.name == "busy" else Result()

    probe = Probe(act)
    async with house(tmp_path, None, lambda made: [probe]) as platform:
        await platform.create(CONFIG_MAP, config("busy"))
        await eventually(lambda: len(probe.calls) > 10)
        await platform.create(CONFIG_MAP, config("quiet"))
        await eventually(lambda: Key("default", "quiet") in probe.calls, within=1)


def test_back_off_ends_at_a_minute() -> None:
    from pinnace.controllers.metrics import Metrics
    from pinnace.controllers.queue import Queue

    queue = Queue(Probe(), Metrics().queue("probe"), time.monotonic)
    delays = [queue.blame(Key("n", "one")) for _ in range(20)]
    assert delays[0] == FIRST_DELAY
    assert delays[-1] == LAST_DELAY
    queue.forgive(Key("n", "one"))
    assert queue.blame(Key("n", "one")) == FIRST_DELAY


async def test_an_event_costs_little(tmp_path: Path) -> None:
    made = House(tmp_path)
    probe = Probe()
    manager = Manager(made.client, [probe])
    event = Event(1, "MODIFIED", CONFIG_MAP.key, "default", "one", {"metadata": {"name": "one"}})
    manager.feed([event] * 100)
    began = time.thread_time()
    manager.feed([event] * 10_000)
    spent = (time.thread_time() - began) / 10_000
    assert spent < 20e-6, f"{spent * 1e6:.1f} µs an event"
    await manager._end()
    await made.store.close()


async def test_who_wants_only_what_a_kind_controls_is_asked_about_nothing_else(tmp_path: Path) -> None:
    probe = Probe()
    probe.owners = {CONFIG_MAP.key: frozenset({"Workflow", ""})}  # type: ignore[attr-defined]
    async with house(tmp_path, None, lambda made: [probe]) as platform:
        for kind in ("Workflow", "Job", "Other"):
            owner = {"apiVersion": "v1", "kind": kind, "name": "o", "uid": "u", "controller": True}
            body = {"metadata": {"name": kind.lower(), "ownerReferences": [owner]}}
            await platform.create(CONFIG_MAP, body)
        await platform.create(CONFIG_MAP, config("nobodys"))
        await eventually(lambda: Key("default", "nobodys") in probe.calls)
        assert sorted(set(probe.calls)) == [Key("default", "nobodys"), Key("default", "workflow")]


async def test_a_controller_that_joins_late_gets_what_stands_there_and_what_comes(tmp_path: Path) -> None:
    early, late = Probe(), Probe()
    async with house(tmp_path, None, lambda made: [early]) as platform:
        await platform.create(CONFIG_MAP, config("before"))
        await eventually(lambda: Key("default", "before") in early.calls)
        await platform.manager.join([late])
        await eventually(lambda: Key("default", "before") in late.calls)
        await platform.create(CONFIG_MAP, config("after"))
        await eventually(lambda: Key("default", "after") in late.calls)
        assert early.calls.count(Key("default", "before")) == 1, "the others are not asked again"
