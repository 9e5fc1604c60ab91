"""What `kubectl get` shows of objects in their different states."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pinnace.kinds import jsonpath
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.quantity import canonical
from pinnace.kinds.tables import definitions, table
from pinnace.kinds.tables.age import human

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CATALOGUE = Catalogue.builtin()


def shown(key: str, obj: dict[str, Any], *columns: str) -> list[Any]:
    resource = CATALOGUE.key(key)
    assert resource is not None
    made = table(resource, [obj], NOW)
    row = dict(zip([one["name"] for one in made["columnDefinitions"]], made["rows"][0]["cells"], strict=True))
    return [row[one] for one in columns] if columns else list(row.values())


def pod(status: dict[str, Any], spec: dict[str, Any] | None = None, **metadata: Any) -> list[Any]:
    obj = {
        "metadata": {"name": "p", "creationTimestamp": "2026-01-01T11:55:00Z", **metadata},
        "spec": {"containers": [{"name": "main"}], **(spec or {})}, "status": status,
    }
    return shown("pods", obj, "Ready", "Status", "Restarts")


def of(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "main", "state": state, **more}


INIT = {"initContainers": [{"name": "a"}, {"name": "b"}]}
WAITING = {"waiting": {"reason": "CrashLoopBackOff"}}
ENDED = {"terminated": {"finishedAt": "2026-01-01T11:59:30Z"}}


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        (pod({"phase": "Pending"}), ["0/1", "Pending", "0"]),
        (pod({"phase": "Running", "containerStatuses": [of({"running": {}}, ready=True)]}),
         ["1/1", "Running", "0"]),
        (pod({"phase": "Succeeded", "containerStatuses": [of({"terminated": {"reason": "Completed"}})]}),
         ["0/1", "Completed", "0"]),
        (pod({"phase": "Failed", "containerStatuses": [of({"terminated": {"exitCode": 3}})]}),
         ["0/1", "ExitCode:3", "0"]),
        (pod({"phase": "Running", "containerStatuses": [of(WAITING, restartCount=2, lastState=ENDED)]}),
         ["0/1", "CrashLoopBackOff", "2 (30s ago)"]),
        (pod({"phase": "Pending", "initContainerStatuses": [of({"running": {}})]}, INIT),
         ["0/1", "Init:0/2", "0"]),
        (pod({"phase": "Pending", "initContainerStatuses": [
            {"name": "a", "state": {"terminated": {"exitCode": 0}}}, {"name": "b", "state": WAITING}]}, INIT),
         ["0/1", "Init:CrashLoopBackOff", "0"]),
        (pod({"phase": "Running"}, deletionTimestamp="2026-01-01T12:00:00Z"), ["0/1", "Terminating", "0"]),
        (pod({"phase": "Failed", "reason": "Evicted"}), ["0/1", "Evicted", "0"]),
    ],
)
def test_the_status_of_pods(row: list[Any], cells: list[Any]) -> None:
    assert row == cells


def test_other_kinds() -> None:
    meta = {"name": "x", "creationTimestamp": "2026-01-01T09:00:00Z"}
    config = {"metadata": meta, "data": {"a": "1"}, "binaryData": {"b": ""}}
    assert shown("configmaps", config) == ["x", 2, "3h"]
    assert shown("secrets", {"metadata": meta, "type": "Opaque", "data": {"k": "dg=="}}) == [
        "x", "Opaque", 1, "3h",
    ]
    job = {"metadata": meta, "spec": {"completions": 3}, "status": {
        "succeeded": 1, "startTime": "2026-01-01T11:58:59Z",
        "conditions": [{"type": "Suspended", "status": "False"}],
    }}
    assert shown("jobs.batch", job, "Status", "Completions", "Duration") == ["Running", "1/3", "61s"]
    service = {"metadata": meta, "spec": {"type": "ClusterIP", "clusterIP": "None", "ports": [{"port": 80}]}}
    assert shown("services", service, "Type", "Cluster-IP", "External-IP", "Port(s)", "Selector") == [
        "ClusterIP", "None", "<none>", "80/TCP", "<none>",
    ]
    event = {"metadata": meta, "type": "Normal", "reason": "Started", "message": "hi\n",
             "involvedObject": {"kind": "Pod", "name": "p"}, "lastTimestamp": "2026-01-01T11:59:00Z"}
    assert shown("events", event, "Last Seen", "Object", "Message", "Count") == ["60s", "pod/p", "hi", 1]


def test_declared_columns() -> None:
    service = {"metadata": {"name": "m", "creationTimestamp": "2026-01-01T11:59:00Z"}, "status": {
        "url": "http://m", "conditions": [{"type": "Ready", "status": "True"}],
        "components": {"predictor": {"traffic": [
            {"latestRevision": True, "percent": 90, "revisionName": "m-2"},
            {"tag": "prev", "percent": 10, "revisionName": "m-1"},
        ]}},
    }}
    assert shown("inferenceservices.serving.kserve.io", service) == [
        "m", "http://m", "True", 10, 90, "m-1", "m-2", "60s",
    ]
    workflow = {"metadata": {"name": "w"}, "status": {"phase": "Running"}}
    assert shown("workflows.argoproj.io", workflow) == ["w", "Running", None, None]


def test_every_kind_prints_as_many_cells_as_it_has_columns() -> None:
    for resource in CATALOGUE.resources():
        made = table(resource, [{"metadata": {"name": "x"}}], NOW)
        assert len(made["rows"][0]["cells"]) == len(definitions(resource)), resource.key


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "<invalid>"), (0, "0s"), (119, "119s"), (120, "2m"), (599, "9m59s"), (660, "11m"), (10_800, "3h"),
     (11_000, "3h3m"), (90_000, "25h"), (180_000, "2d2h"), (86_400 * 30, "30d"), (86_400 * 800, "2y70d")],
)
def test_ages(seconds: int, text: str) -> None:
    assert human(seconds) == text


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".a.b", [1]), ("{.a['b']}", [1]), (".list[*].n", ["x", "y"]), (".list[-1:].n", ["y"]),
        (".list[?(@.n=='y')].v", [2]), (".list[?(@.ok==true)].v", [1]), (".list[0].n", ["x"]),
        (".l\\.x", [3]), (".list[?(@.v>1)].n", ["y"]), (".none.deep", []), ("..v", [1, 2]),
        (".metadata.annotations['a\\.b/c']", ["z"]),
    ],
)
def test_paths(path: str, found: list[Any]) -> None:
    value = {"a": {"b": 1}, "list": [{"n": "x", "v": 1, "ok": True}, {"n": "y", "v": 2}], "l.x": 3,
             "metadata": {"annotations": {"a.b/c": "z"}}}
    assert jsonpath.find(path, value) == found


@pytest.mark.parametrize(
    ("text", "form"),
    [("1", "1"), ("1000m", "1"), ("0.5", "500m"), ("1024Mi", "1Gi"), ("1.5Gi", "1536Mi"), ("1000", "1k"),
     ("1e3", "1e3"), ("100M", "100M"), ("0", "0"), ("512", "512")],
)
def test_quantities_are_written_in_canonical_form(text: str, form: str) -> None:
    assert canonical(text) == form
