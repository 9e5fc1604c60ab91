"""The arithmetic of rollouts: what holds however Pods come, go and fail."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from pinnace.controllers.workloads.rollout import Bounds, Size, bounds, grown, shrunk, spread

numbers = some.integers(0, 12)


@some.composite
def limits(draw: Any) -> Bounds:
    desired = draw(numbers)
    surge, unavailable = draw(some.integers(0, 5)), draw(some.integers(0, 5))
    if surge == unavailable == 0:
        unavailable = 1
    return Bounds(desired, surge, min(unavailable, desired))


@some.composite
def size(draw: Any) -> Size:
    replicas = draw(numbers)
    return Size(replicas, draw(some.integers(0, replicas)), float(draw(numbers)))


@given(limits(), some.lists(size(), max_size=4), size())
def test_what_serves_stays_and_what_is_asked_for_stays_in_bounds(
    bound: Bounds, old: list[Size], new: Size
) -> None:
    total = sum(each.replicas for each in old) + new.replicas
    up = grown(bound, new, total)
    assert up >= new.replicas
    if up > new.replicas:
        assert total + up - new.replicas <= bound.most
        assert up <= bound.desired

    sizes = shrunk(bound, old, new)
    assert all(0 <= after <= before.replicas for after, before in zip(sizes, old, strict=True))
    before = new.available + sum(each.available for each in old)
    after = new.available + sum(min(n, each.available) for n, each in zip(sizes, old, strict=True))
    assert after >= min(before, bound.least)


@given(limits(), some.lists(size(), min_size=2, max_size=4), numbers)
def test_scaling_amid_a_rollout_goes_to_the_new_total(bound: Bounds, sizes: list[Size], last: int) -> None:
    sizes = [each for each in sizes if each.replicas] or [Size(1, 1)]
    result = spread(bound, sizes, last or sum(each.replicas for each in sizes))
    assert all(each >= 0 for each in result)
    allowed = bound.most if bound.desired else 0
    total = sum(each.replicas for each in sizes)
    assert min(total, allowed) <= sum(result) <= max(total, allowed)
    if total <= allowed:
        assert sum(result) == allowed


@given(some.integers(0, 8), some.integers(0, 3), some.integers(0, 3), some.data())
def test_a_rollout_whose_pods_get_ready_ends_and_never_serves_too_little(
    desired: int, surge: int, unavailable: int, data: Any
) -> None:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    spec = {"replicas": desired, "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}
    bound = bounds(spec)
    old, new = Size(desired, desired), Size(0)
    for _ in range(200):
        if old.replicas == 0 and new.replicas == new.available == desired:
            break
        new.replicas = grown(bound, new, old.replicas + new.replicas)
        assert old.replicas + new.replicas <= max(bound.most, desired)
        (old.replicas,) = shrunk(bound, [old], new)
        old.available = min(old.available, old.replicas)
        assert old.available + new.available >= bound.least
        new.available += data.draw(some.integers(0, new.replicas - new.available)) or (
            1 if new.available < new.replicas else 0
        )
    assert (old.replicas, new.available) == (0, desired)


def test_percentages_round_towards_progress() -> None:
    rolling = {"maxSurge": "25%", "maxUnavailable": "25%"}
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    assert bounds({"replicas": 3, "strategy": strategy}) == Bounds(3, 1, 0)
    assert bounds({"replicas": 10, "strategy": strategy}) == Bounds(10, 3, 2)
    zero = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "1%"}}
    assert bounds({"replicas": 3, "strategy": zero}) == Bounds(3, 0, 1)
