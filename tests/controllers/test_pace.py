"""How far ahead of a free core pods are bound: as far as the ends of the last moment reach."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pinnace.controllers.built_in import POD
from pinnace.controllers.pods.pace import AHEAD, BUSY, MEMORY, MOST_AHEAD, Pace
from pinnace.objects.client import Change
from pinnace.store.interface import Event

from .house import eventually, house, pod
from .nodes import FakeNode


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def ends(pace: Pace, clock: Clock, a_second: int, seconds: float) -> None:
    for _ in range(int(a_second * seconds)):
        clock.now += 1 / a_second
        pace.ended(1, 0.01)


def test_what_ends_quickly_is_bound_far_ahead_and_what_does_not_is_not() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert (pace.rate, pace.ahead) == (0.0, AHEAD)
    ends(pace, clock, 10, 2)
    assert pace.ahead == AHEAD
    ends(pace, clock, 500, 2)
    assert 450 < pace.rate < 550
    assert 45 <= pace.ahead <= 55
    ends(pace, clock, 20_000, 1)
    assert pace.ahead == MOST_AHEAD
    clock.now += 10 * MEMORY
    assert pace.rate < BUSY
    assert pace.ahead == AHEAD


@pytest.mark.anyio
async def test_while_many_end_their_books_are_kept_in_company(tmp_path: Path) -> None:
    """Given five hundred pods that end at once, when the node reports them one by one, then they are written
    many to a commit, and none is left."""
    node = FakeNode(milli=64_000)
    async with house(tmp_path, node) as platform:
        groups: list[int] = []

        def ended(events: Sequence[Event]) -> None:
            pods = [event.obj for event in events if event.resource == "pods"]
            if finals := [each for each in pods if each["status"].get("phase") == "Succeeded"]:
                groups.append(len(finals))

        platform.store.listen(ended)
        for first in range(0, 500, 50):
            pods = [pod(f"p-{first + number}") for number in range(50)]
            await platform.client.transact(
                [Change(verb="create", resource=POD, obj=each, trusted=True) for each in pods]
            )
        await eventually(lambda: len(node.acked) == 500)
    assert sum(groups) == 500
    assert len(node.started) == len(set(node.started)) == 500
    assert 500 / len(groups) > 5
