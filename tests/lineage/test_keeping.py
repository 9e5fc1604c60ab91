"""What is written when a pod ends or leaves: once, whole, and nothing for who left nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pinnace.data.tree import FILE, FOLDER, Leaf
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.lineage import execution, keeping
from pinnace.objects.lineage.book import Book
from pinnace.objects.lineage.keeping import Keeper
from pinnace.store.interface import ABSENT, Put, Remove, Row
from pinnace.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio
PODS = Resource(group="", version="v1", kind="Pod", plural="pods", singular="pod")
WORKFLOWS = Resource(
    group="argoproj.io", version="v1alpha1", kind="Workflow", plural="workflows", singular="workflow"
)
JOBS = Resource(group="batch", version="v1", kind="Job", plural="jobs", singular="job")
A, B = "a" * 64, "b" * 64


def pod(
    name: str, *, owner: str = "Job", inputs: dict[str, str] | None = None,
    outputs: dict[str, str] | None = None, phase: str = "Succeeded", **more: Any,
) -> Obj:
    staging = {"inputs": [{"name": n, "path": "/x", "digest": d} for n, d in (inputs or {}).items()],
               "script": "print(1)", "main": "main"}
    left = {"parameters": {"best": "x"},
            "artifacts": {n: {"digest": d, "size": 1} for n, d in (outputs or {}).items()}}
    return {
        "metadata": {
            "name": name, "namespace": "default", "uid": f"uid-{name}",
            "annotations": {
                "pinnace.dev/staging": msgspec.json.encode(staging).decode(),
                "pinnace.dev/outputs": msgspec.json.encode(left).decode(),
            },
            "ownerReferences": [{"kind": owner, "name": "it", "uid": "uid-it", "controller": True}],
        },
        "spec": {
            "nodeName": "pinnace",
            "containers": [{
                "name": "main", "image": "python:3", "command": ["python"],
                "env": [{"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                        {"name": "LR", "value": "0.1"}],
            }],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}],
        },
        "status": {
            "phase": phase,
            "containerStatuses": [{
                "name": "main", "image": "python:3", "imageID": "environment:e@l",
                "state": {"terminated": {"exitCode": 0, "startedAt": "2026-01-01T00:00:00Z",
                                         "finishedAt": "2026-01-01T00:00:01Z"}},
            }],
        },
        **more,
    }


@pytest.fixture
async def store() -> Any:
    found = SqliteStore.open(":memory:")
    yield found
    await found.close()


async def test_a_pod_that_touched_content_is_recorded_at_its_end_and_not_again(store: SqliteStore) -> None:
    keeper = Keeper(store)
    done = pod("train", inputs={"rows": A}, outputs={"model": B})
    rows = keeper.ended(done)
    kinds = [row.kind for row in rows]
    assert kinds.count("lineage") == 1 and kinds.count("lineage-uses") == 2 and "lineage-code" in kinds
    assert keeper.leaving(PODS, done) == []
    await store.commit(rows)
    ((name, found),) = Book(store, []).users(B, "out")
    assert (name, found.name, found.inputs, found.claims) == ("model", "train", {"rows": A}, ("data",))
    assert (found.environment, found.results) == ("environment:e@l", {"best": "x"})
    assert Book(store, []).code(found) == execution.read(done)[1]


async def test_the_same_commit_tried_again_says_the_same(store: SqliteStore) -> None:
    keeper = Keeper(store)
    done = pod("train", outputs={"model": B})
    assert keeper.ended(done) == keeper.ended(done)


async def test_a_step_that_left_nothing_costs_nothing(store: SqliteStore) -> None:
    keeper = Keeper(store)
    plain = pod("echo", owner="Workflow")
    assert keeper.ended(plain) == []
    rows = keeper.leaving(PODS, plain)
    assert [(row.kind, row.owner, row.key) for row in rows] == [("lineage-image", "uid-it", "python:3")]
    assert keeper.leaving(PODS, pod("echo-2", owner="Workflow")) == []


async def test_a_jobs_pod_is_recorded_when_it_is_removed(store: SqliteStore) -> None:
    keeper = Keeper(store)
    plain = pod("work")
    assert keeper.ended(plain) == []
    assert [row.kind for row in keeper.leaving(PODS, plain)] == ["lineage", "lineage-code", "lineage-image"]
    never = pod("never", phase="Pending")
    del never["spec"]["nodeName"]
    assert keeper.leaving(PODS, never) == []


async def test_no_secret_is_recorded() -> None:
    code = execution.read(pod("train"))[1]
    assert code.env == {"WORD": "<secretKeyRef s/k>", "LR": "0.1"}
    assert execution.read(pod("other"))[1].digest == code.digest


async def test_a_pod_that_logs_is_recorded_although_it_left_no_artifact(store: SqliteStore) -> None:
    keeper = Keeper(store)
    await store.commit(keeper.logging("uid-work"))
    again = Keeper(store)  # control was killed meanwhile
    rows = again.ended(pod("work", owner="Workflow"))
    assert rows[0].kind == "lineage" and Row("lineage-open", "uid-work", "", None) in rows


async def test_a_file_of_a_folder_is_found_by_its_own_digest(store: SqliteStore) -> None:
    keeper = Keeper(store)
    keeper.leaves = lambda digest: [Leaf("a", FOLDER), Leaf("a/rows.csv", FILE, A, 3)] if digest == B else []
    await store.commit(keeper.ended(pod("load", outputs={"images": B})))
    ((name, maker),) = Book(store, []).makers(A)
    assert (name, maker.name, maker.parts) == ("images/a/rows.csv", "load", {"images/a/rows.csv": A})


async def test_runs_are_found_after_they_were_deleted(store: SqliteStore) -> None:
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {
        "name": "it", "namespace": "default", "uid": "uid-it", "managedFields": [1],
        "ownerReferences": [{"kind": "Trial", "name": "t", "uid": "uid-t", "controller": True}],
    }, "spec": {}}
    await store.commit([Put("jobs.batch", job, ABSENT)])
    book, keeper = Book(store, [JOBS]), Keeper(store)
    assert [run.gone for run in book.named("it", "default")] == [False]
    gone = Remove("jobs.batch", "default", "it")
    await store.commit([gone, *keeper.leaving(JOBS, job), *keeper.leaving(PODS, pod("work"))])
    (run,) = book.named("it")
    assert run.gone and "managedFields" not in run.obj["metadata"]
    assert [one.name for one in book.of_run(run)] == ["work"]
    assert book.named("it", kind="job") and not book.named("it", kind="workflow")


async def test_nodes_outlive_their_workflow(store: SqliteStore) -> None:
    await store.commit([Row("node", "w", "n1", b"{}"), Row("node", "other", "n", b"{}")])
    await store.commit([Row("node", "w", "n2", b"{}"), Row("node", "w", "*", None, becomes=keeping.NODE)])
    assert [key for _, key, _, _ in store.rows(keeping.NODE, "w")] == ["n1", "n2"]
    assert [owner for owner, _, _, _ in store.rows("node")] == ["other"]


def test_only_what_runs_is_kept() -> None:
    assert keeping.is_run(WORKFLOWS) and keeping.is_run(JOBS)
    assert not keeping.is_run(PODS)


def test_config_maps_are_known_by_their_content() -> None:
    one = {"metadata": {"name": "c", "resourceVersion": "1"}, "data": {"a": "1"}}
    digests, rows = keeping.sourced([one])
    again, _ = keeping.sourced([{**one, "metadata": {"name": "c", "resourceVersion": "2"}}])
    assert digests == again and rows[0].body == b'{"data":{"a":"1"}}'
