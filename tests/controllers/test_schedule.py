"""The scheduler's rules on plain data."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinnace.controllers.pods import request
from pinnace.controllers.pods.meter import Look, descendants, unused
from pinnace.controllers.pods.pace import AHEAD
from pinnace.controllers.pods.schedule import PATIENCE, Load, Machine, Waiting, plan

GIB = 1 << 30
MACHINE = Machine(2000, 8 * GIB)


def waiting(uid: str, milli: int = 500, memory: int = 0, **more: Any) -> Waiting:
    return Waiting(uid, milli, memory, more.pop("since", 0.0), **more)


def started(pods: list[Waiting], load: Load = Load(), **options: Any) -> list[str]:
    return [each.uid for each in plan(pods, MACHINE, load, now=options.pop("now", 0.0), **options).start]


def test_as_many_as_the_cpu_has_room_for() -> None:
    assert started([waiting(str(n)) for n in range(10)]) == ["0", "1", "2", "3"]


def test_short_pods_are_bound_ahead() -> None:
    pods = [waiting(str(n), short=True) for n in range(100)]
    assert len(started(pods)) == 4 + AHEAD
    assert started(pods, Load(milli_cpu=2000 + AHEAD * 500, pods=4 + AHEAD)) == []


def test_what_asks_for_more_cpu_than_there_is_gets_all_of_it_alone() -> None:
    (only,) = plan([waiting("big", 64_000), waiting("small")], MACHINE, Load(), now=0).start
    assert (only.uid, only.milli_cpu, only.scaled) == ("big", 2000, True)


def test_memory_is_not_compressible() -> None:
    result = plan([waiting("big", memory=9 * GIB), waiting("small")], MACHINE, Load(), now=0)
    assert result.never == {"big": "0/1 nodes are available: 1 Insufficient memory."}
    assert [each.uid for each in result.start] == ["small"]
    assert started([waiting("a", memory=5 * GIB), waiting("b", memory=5 * GIB)]) == ["a"]


def test_servers_hold_nothing() -> None:
    assert started([waiting("s", 0)], Load(milli_cpu=2000, pods=1)) == ["s"]


def test_when_nothing_ends_one_more_is_admitted() -> None:
    full = Load(milli_cpu=2000, pods=1)
    pods = [waiting("a"), waiting("b")]
    assert started(pods, full) == []
    assert started(pods, full, starved=True) == ["a"]


def test_what_is_held_and_not_used_is_lent_to_who_asked_for_nothing() -> None:
    full = Load(milli_cpu=2000, pods=4)
    silent = [waiting(name, silent=True) for name in "abc"]
    assert started([waiting("asks"), *silent], full, idle=2) == ["a", "b"]


def test_gangs_start_together_or_not_at_all() -> None:
    gang = [waiting(f"g{n}", 1000, gang="job", gang_size=3) for n in range(3)]
    assert started(gang[:2]) == []
    together = plan(gang, MACHINE, Load(), now=0).start
    assert [each.uid for each in together] == ["g0", "g1", "g2"]
    assert sum(each.milli_cpu for each in together) <= 2000, "a gang larger than the machine is scaled to it"
    assert started(gang, Load(milli_cpu=500, pods=1)) == []
    more = [*gang, waiting("g3", 1000, gang="job", gang_size=3)]
    assert started(more) == ["g0", "g1", "g2"], "who is more than the gang needs comes after it"


def test_a_small_one_may_pass_but_not_for_ever() -> None:
    pods = [waiting("large", 2000), waiting("small")]
    busy = Load(milli_cpu=500, pods=1)
    assert started(pods, busy) == ["small"]
    assert started(pods, busy, now=PATIENCE + 1) == []


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 10 * GIB), st.booleans()), max_size=60),
    st.integers(0, 3000), st.integers(0, 8 * GIB),
)
def test_memory_is_never_given_twice(pods: list[tuple[int, int, bool]], milli: int, memory: int) -> None:
    queue = [waiting(str(n), m, b, short=s) for n, (m, b, s) in enumerate(pods)]
    result = plan(queue, MACHINE, Load(milli, memory, 3 if milli else 0), now=0)
    assert memory + sum(each.memory for each in result.start) <= max(memory, MACHINE.memory)
    assert not {each.uid for each in result.start} & set(result.never)


@pytest.mark.parametrize(("spec", "milli", "memory"), [
    ({}, request.DEFAULT_SHARE, 0),
    ({"restartPolicy": "Always"}, 0, 0),
    ({"resources": {"requests": {"cpu": "1500m", "memory": "1Gi"}}}, 1500, GIB),
    ({"resources": {"limits": {"cpu": 1}}}, 1000, 0),
])
def test_what_a_pod_asks_for(spec: dict[str, Any], milli: int, memory: int) -> None:
    container = {"name": "main"} | ({"resources": spec["resources"]} if "resources" in spec else {})
    pod = {"spec": {"restartPolicy": spec.get("restartPolicy", "Never"), "containers": [container]}}
    asked = request.of_pod(pod)
    assert (asked.milli_cpu, asked.memory) == (milli, memory)


def test_init_containers_count_by_their_peak() -> None:
    def container(cpu: str) -> dict[str, Any]:
        return {"name": "c", "resources": {"requests": {"cpu": cpu}}}

    spec = {"restartPolicy": "Never", "containers": [container("500m"), container("500m")],
            "initContainers": [container("1500m"), container("200m")]}
    assert request.of_pod({"spec": spec}).milli_cpu == 1500
    assert request.quality(spec) == "Burstable"
    same = {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m", "memory": "1Gi"}}
    assert request.quality({"containers": [{"resources": same}]}) == "Guaranteed"


def test_pods_that_sleep_leave_their_shares_and_pods_that_are_ready_to_run_do_not() -> None:
    before = Look(10.0, 50.0, 0)
    assert unused(before, Look(11.0, 50.02, 0), 2000) == 3
    assert unused(before, Look(11.0, 51.0, 1), 2000) == 2
    assert unused(before, Look(11.0, 50.2, 2), 2000) == 0, "kept from the CPU by other programs"


def test_a_process_that_computes_below_us_is_seen() -> None:
    loops = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(2)]
    try:
        seconds, _ = descendants(os.getpid())
        while (now := descendants(os.getpid()))[0] < seconds + 0.1 or now[1] < 1:
            pass
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def test_a_node_selector_is_met_or_the_remedy_is_named() -> None:
    pod = waiting("a", selector=(("disk", "ssd"),))
    never = plan([pod], MACHINE, Load(), now=0).never
    assert "didn't match Pod's node affinity/selector" in never["a"]
    assert "kubectl label node pinnace disk=ssd" in never["a"]
    assert plan([pod], Machine(2000, 8 * GIB, {"disk": "ssd"}), Load(), now=0).start
