"""Mutexes and semaphores: the table alone, and runs that share it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinnace.controllers.workflow.locks import LockError, Locks, Want, run_of, wants
from pinnace.kinds.argo import NodeStatus
from tests.workflow.test_run import CONTAINER, workflow
from tests.workflow.world import World

MUTEX = (Want("mutex", "default/Mutex/m"),)
BOTH = (Want("mutex", "default/Mutex/m"), Want("mutex", "default/Mutex/n"))
SEMAPHORE = (Want("semaphore", "default/ConfigMap/c/k"),)


def asked(locks: Locks, holder: str, wanted: tuple[Want, ...] = MUTEX, rank: int = 0, age: float = 0) -> str:
    refusal = locks.acquire(holder, wanted, rank, age)
    return "" if refusal is None else refusal.message


# ---- the table -------------------------------------------------------------------------------------------


def test_one_holds_a_mutex_and_the_next_is_told_so() -> None:
    locks = Locks()
    assert asked(locks, "default/a") == ""
    assert asked(locks, "default/b") == "Waiting for default/Mutex/m lock. Lock status: 0/1"
    locks.release("default/a")
    assert locks.granted("default/b") == ["default/b"]
    assert asked(locks, "default/b") == ""


def test_priority_comes_before_age_and_age_before_arrival() -> None:
    locks = Locks()
    asked(locks, "default/holder")
    asked(locks, "default/young", age=20)
    asked(locks, "default/old", age=10)
    asked(locks, "default/urgent", age=30, rank=5)
    order = []
    for holder in ("holder", "urgent", "old", "young"):
        locks.release(f"default/{holder}")
        order += locks.served()
        for run in locks.served():
            locks.granted(run)
    assert order == ["default/urgent", "default/old", "default/young"]


def test_who_comes_late_does_not_pass_those_in_line() -> None:
    locks = Locks(lambda *_: 2)
    asked(locks, "default/a/1", SEMAPHORE)
    asked(locks, "default/a/2", SEMAPHORE)
    asked(locks, "default/b/1", SEMAPHORE, age=1)
    assert asked(locks, "default/c/1", SEMAPHORE, age=2)
    locks.release("default/a/1")
    assert locks.granted("default/b") == ["default/b/1"]
    assert not locks.granted("default/c")


def test_all_locks_of_a_holder_are_taken_together_or_none() -> None:
    locks = Locks()
    asked(locks, "default/a", (BOTH[1],))
    assert asked(locks, "default/b", BOTH, age=1).startswith("Waiting for default/Mutex/n lock")
    assert locks.status("default/b") == {
        "mutex": {"waiting": [{"mutex": "default/Mutex/n", "holder": "default/a"}]}
    }
    locks.release("default/a")
    assert locks.granted("default/b") == ["default/b"]


def test_a_run_is_not_kept_waiting_by_who_waits_for_it() -> None:
    """`a` holds m and wants n inside; `b`, who is older, waits for both: without care nobody ever moves."""
    locks = Locks()
    asked(locks, "default/a/outer", (BOTH[0],), age=5)
    assert asked(locks, "default/b/1", BOTH, age=1)
    assert asked(locks, "default/a/inner", (BOTH[1],), age=5) == ""


def test_a_semaphore_whose_limit_grows_lets_more_in_at_once() -> None:
    limit = {"k": 1}
    locks = Locks(lambda _ns, _name, key: limit[key])
    asked(locks, "default/a", SEMAPHORE)
    assert asked(locks, "default/b", SEMAPHORE).endswith("Lock status: 0/1")
    limit["k"] = 2
    locks.changed("default", "c")
    assert locks.granted("default/b") == ["default/b"]


def test_a_limit_that_shrinks_takes_nothing_away() -> None:
    limit = {"k": 2}
    locks = Locks(lambda _ns, _name, key: limit[key])
    asked(locks, "default/a", SEMAPHORE)
    asked(locks, "default/b", SEMAPHORE)
    limit["k"] = 1
    locks.changed("default", "c")
    assert asked(locks, "default/c", SEMAPHORE).endswith("Lock status: -1/1")
    locks.release("default/a")
    assert not locks.granted("default/c")
    locks.release("default/b")
    assert locks.granted("default/c") == ["default/c"]


def test_a_semaphore_without_its_config_map_is_an_error() -> None:
    with pytest.raises(LockError, match='configmaps "c" not found'):
        Locks().acquire("default/a", SEMAPHORE, 0, 0)


def test_forgetting_a_run_frees_all_it_held_and_waited_for() -> None:
    locks = Locks()
    asked(locks, "default/a/1", (BOTH[0],))
    asked(locks, "default/a/2", (BOTH[1],))
    asked(locks, "default/b", BOTH)
    locks.forget("default/a")
    assert locks.granted("default/b") == ["default/b"]
    locks.forget("default/b")
    assert not locks


def test_the_table_is_filled_again_from_what_was_written() -> None:
    locks = Locks(lambda *_: 2)
    asked(locks, "default/a/1", (*MUTEX, *SEMAPHORE))
    asked(locks, "default/a/2", SEMAPHORE)
    again = Locks(lambda *_: 2)
    again.adopt("default/a", locks.status("default/a") or {})
    assert again.status("default/a") == locks.status("default/a")
    assert asked(again, "default/b", SEMAPHORE).endswith("0/2")


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"mutexes": [{"name": "m"}]}, MUTEX),
        ({"mutex": {"name": "m"}}, MUTEX),
        ({"mutexes": [{"name": "m", "namespace": "other"}]}, (Want("mutex", "other/Mutex/m"),)),
        ({"semaphores": [{"configMapKeyRef": {"name": "c", "key": "k"}}], "mutexes": [{"name": "m"}]},
         (*SEMAPHORE, *MUTEX)),
    ],
)  # fmt: skip
def test_what_is_asked_for(document: dict[str, Any], found: tuple[Want, ...]) -> None:
    assert wants(document, "default") == found


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"mutexes": [{"name": "m", "database": True}]}, "database session is not available"),
        ({"semaphores": [{"database": {"key": "k"}}]}, "database session is not available"),
        ({"mutexes": [{"name": "m"}, {"name": "m"}]}, "duplicate synchronization reference"),
        ({"mutexes": [{}]}, "needs a name"),
    ],
)
def test_what_cannot_be_a_lock(document: dict[str, Any], words: str) -> None:
    with pytest.raises(LockError, match=words):
        wants(document, "default")


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3), st.integers(0, 2)), max_size=60))
def test_never_more_holders_than_the_limit_and_nobody_is_left(moves: list[tuple[str, int, int]]) -> None:
    pool = [*BOTH, *SEMAPHORE]
    locks = Locks(lambda *_: 2)
    holding: set[str] = set()
    waiting: set[str] = set()
    taken: dict[str, tuple[Want, ...]] = {}

    def serve() -> None:
        for run in locks.served():
            for holder in locks.granted(run):
                waiting.discard(holder)
                holding.add(holder)
        for want in pool:
            count = sum(want in taken[holder] for holder in holding)
            assert count <= (2 if want.kind == "semaphore" else 1)

    for name, node, kind in moves:
        holder = f"default/{name}/{node}"
        if holder in holding:
            holding.discard(holder)
            locks.release(holder)
        elif holder not in waiting:
            taken[holder] = tuple(pool[: kind + 1])
            (waiting if asked(locks, holder, taken[holder], age=ord(name)) else holding).add(holder)
        serve()
    while holding:
        locks.release(holding.pop())
        serve()
    assert not waiting
    assert not locks
    assert run_of("default/a/1") == "default/a"


# ---- runs ------------------------------------------------------------------------------------------------


def locked(name: str = "work", lock: str = "m", **more: Any) -> dict[str, Any]:
    return {"name": name, "container": CONTAINER, "synchronization": {"mutexes": [{"name": lock}]}, **more}


def named(document: dict[str, Any], name: str, **meta: Any) -> dict[str, Any]:
    return {**document, "metadata": {"name": name, "uid": name, **meta}}


FAN = [{"name": "main", "steps": [[{"name": "a", "template": "work", "withItems": [1, 2, 3]}]]}, locked()]


def test_the_turns_of_a_loop_take_a_mutex_one_after_the_other() -> None:
    world = World(workflow(FAN))
    world.settle()
    assert len(world.pending) == 1
    waiting = world.node("$wf[0].a(1:2)")
    assert (waiting.phase, waiting.type) == ("Pending", "Pod")
    assert waiting.message == "Waiting for default/Mutex/m lock. Lock status: 0/1"
    assert waiting.synchronization_status == {"waiting": "default/Mutex/m"}
    told = [{"mutex": "default/Mutex/m", "holder": f"default/wf/{world.node('$wf[0].a(0:1)').id}"}]
    assert world.run.locks.status() == {"mutex": {"holding": told, "waiting": told}}
    world.go()
    assert world.phase == "Succeeded"
    assert world.most == 1
    assert world.node("$wf[0].a(1:2)").synchronization_status == {}
    assert world.node("$wf[0].a(1:2)").message == ""
    assert world.run.progress == "3/3"
    assert not world.run.locks.table


def test_a_workflow_waits_pending_and_runs_when_the_other_has_ended() -> None:
    locks = Locks()
    spec = workflow([{"name": "main", "container": CONTAINER}], synchronization={"mutexes": [{"name": "m"}]})
    first = World(named(spec, "first"), locks=locks)
    first.settle()
    second = World(named(spec, "second"), locks=locks)
    second.settle()
    assert (second.phase, second.run.message) == (
        "Pending",
        "Waiting for default/Mutex/m lock. Lock status: 0/1",
    )
    assert not second.nodes
    first.go()
    locks.forget("default/first")
    assert locks.served() == ["default/second"]
    assert second.go().phase == "Succeeded"
    assert second.run.message == ""


def test_a_workflow_that_is_stopped_while_it_waits_ends_and_leaves_the_line() -> None:
    locks = Locks()
    spec = workflow([{"name": "main", "container": CONTAINER}], synchronization={"mutexes": [{"name": "m"}]})
    World(named(spec, "first"), locks=locks).settle()
    second = World(named(spec, "second"), locks=locks)
    second.settle()
    second.run.stop("Terminate", second.now)
    second.settle()
    assert (second.phase, second.run.message) == ("Failed", "Stopped with strategy 'Terminate'")


def test_a_node_that_is_stopped_while_it_waits_leaves_the_line() -> None:
    world = World(workflow(FAN))
    world.settle()
    world.run.stop("Terminate", world.now)
    world.go()
    assert world.phase == "Failed"
    assert len(world.pods) == 1
    assert world.node("$wf[0].a(2:3)").message == "workflow shutdown with strategy:  Terminate"
    assert not world.run.locks.table


def test_the_lock_of_a_template_that_retries_is_held_over_its_attempts() -> None:
    templates = [
        {"name": "main", "steps": [[{"name": "a", "template": "work"}, {"name": "b", "template": "work"}]]},
        locked(retryStrategy={"limit": 2}),
    ]
    codes = iter([1, 0, 0])
    world = World(workflow(templates), lambda _pod: {"code": next(codes)})
    world.settle()
    assert world.node("$wf[0].b").type == "Retry"
    world.go()
    assert world.phase == "Succeeded"
    annotations = [world.pods[name]["metadata"]["annotations"] for name in world.order]
    ran = [found["workflows.argoproj.io/node-name"] for found in annotations]
    assert ran == ["wf[0].a(0)", "wf[0].a(1)", "wf[0].b(0)"]


def test_a_steps_template_holds_its_lock_until_all_in_it_is_done() -> None:
    templates = [
        {"name": "main", "steps": [[{"name": "a", "template": "pair", "withItems": [1, 2]}]]},
        {"name": "pair", "steps": [[{"name": "x", "template": "work"}], [{"name": "y", "template": "work"}]],
         "synchronization": {"mutexes": [{"name": "{{workflow.name}}"}]}},
        {"name": "work", "container": CONTAINER},
    ]  # fmt: skip
    world = World(workflow(templates)).go()
    assert world.phase == "Succeeded"
    assert world.most == 1
    assert world.node("$wf[0].a(1:2)").type == "Steps"


def test_an_unreadable_semaphore_is_the_nodes_error() -> None:
    work = locked(synchronization={"semaphores": [{"configMapKeyRef": {"name": "c", "key": "k"}}]})
    world = World(workflow([{"name": "main", "steps": [[{"name": "a", "template": "work"}]]}, work])).go()
    assert world.phase == "Failed"
    node = world.node("$wf[0].a")
    assert (node.phase, node.message) == ("Error", 'configmaps "c" not found')


def test_a_run_rebuilt_from_its_rows_holds_and_waits_as_before() -> None:
    world = World(workflow(FAN))
    world.settle()
    status = world.run.locks.status() or {}
    locks = Locks()
    locks.adopt("default/wf", status)
    again = World(workflow(FAN), nodes=copies(world), locks=locks)
    again.settle()
    assert not again.pods
    assert again.node("$wf[0].a(1:2)").synchronization_status == {"waiting": "default/Mutex/m"}
    name = world.order[0]
    again.pods[name] = world.pods[name]
    again.pending = [name]
    assert again.go().phase == "Succeeded"
    assert again.most == 1


def test_what_nobody_of_a_rebuilt_run_claims_goes_back() -> None:
    locks = Locks()
    ghost = {"mutex": "default/Mutex/m", "holder": "default/wf/ghost"}
    locks.adopt("default/wf", {"mutex": {"holding": [ghost]}})
    world = World(workflow(FAN), locks=locks)
    world.settle()
    world.run.locks.settle()
    assert world.go().phase == "Succeeded"


def copies(world: World) -> list[NodeStatus]:
    return [*world.nodes.values()]
