"""Logs and watches through Argo's API: NDJSON and Server-Sent Events."""

from __future__ import annotations

import json
import os
import struct
import threading
from pathlib import Path
from typing import Any

import httpx

from pinnace.api.argo.lines import Tail, Wanted, merged
from tests.api.argo.conftest import GROUP, Argo, node, picture

BASE = "/api/v1/workflows/default"
SSE = {"accept": "text/event-stream"}


def said(answer: httpx.Response) -> list[tuple[str, str]]:
    found = [json.loads(line)["result"] for line in answer.text.splitlines()]
    return [(one["podName"], one["content"]) for one in found]


def finished(argo: Argo, name: str) -> None:
    workflow = argo.ended(name, "Succeeded", picture(node(name, "", "Pod", "Succeeded")))
    argo.pod(workflow, f"{name}-a", "first\nsecond x\n", "2026-01-01T00:00:00Z")
    argo.pod(workflow, f"{name}-b", "third\nno newline", "2026-01-01T00:00:01Z")


def test_logs_of_every_pod_come_with_the_pods_name(argo: Argo) -> None:
    finished(argo, "l1")

    answer = argo.ask("GET", f"{BASE}/l1/log")

    assert sorted(said(answer)) == [("l1-a", "first"), ("l1-a", "second x"), ("l1-b", "no newline"),
                                    ("l1-b", "third")]
    lines = [content for pod, content in said(answer) if pod == "l1-a"]
    assert lines == ["first", "second x"]


def test_logs_are_narrowed_by_pod_pattern_and_tail(argo: Argo) -> None:
    finished(argo, "l2")

    assert said(argo.ask("GET", f"{BASE}/l2/l2-b/log")) == [("l2-b", "third"), ("l2-b", "no newline")]
    assert said(argo.ask("GET", f"{BASE}/l2/log", grep="sec.nd")) == [("l2-a", "second x")]
    tail = argo.ask("GET", f"{BASE}/l2/log", podName="l2-a", **{"logOptions.tailLines": "1"})
    assert said(tail) == [("l2-a", "second x")]
    stamped = said(argo.ask("GET", f"{BASE}/l2/l2-a/log", **{"logOptions.timestamps": "True"}))
    assert stamped[0][1].endswith("Z first")
    assert argo.refused("GET", f"{BASE}/l2/log", grep="(")[:2] == (400, 3)
    assert argo.refused("GET", f"{BASE}/l2/log", **{"logOptions.tailLines": "x"})[:2] == (400, 3)
    assert argo.refused("GET", f"{BASE}/none/log")[:2] == (404, 5)


def test_lines_of_one_pod_keep_their_order_whatever_the_clock_says(tmp_path: Path) -> None:
    file = tmp_path / "main"
    file.write_text("one\ntwo\nthree\n")
    record = struct.Struct("<QQ")
    (tmp_path / "main.idx").write_bytes(record.pack(4, 5_000_000) + record.pack(8, 9_000_000))
    os.utime(file, (6.0, 6.0))

    found = list(merged([Tail("p", "u", file, Wanted())]))

    assert [(line.content, line.time) for line in found] == [("one", 5.0), ("two", 9.0), ("three", 9.0)]


def test_logs_as_server_sent_events_have_upstreams_frame(argo: Argo) -> None:
    finished(argo, "l3")

    answer = argo.http.get(f"{BASE}/l3/log", headers=SSE, params={"podName": "l3-a", "grep": "first"})

    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.text == 'data: {"result":{"content":"first","podName":"l3-a"}} \n\n'


def test_a_followed_log_goes_on_until_the_workflow_ends(argo: Argo) -> None:
    workflow = argo.ended("l4", "Running", picture(node("l4", "", "Pod", "Running")))
    argo.pod(workflow, "l4-a", "begun\n")
    found: list[str] = []
    begun = threading.Event()

    def read() -> None:
        query = {"logOptions.follow": "true"}
        with argo.http.stream("GET", f"{BASE}/l4/log", params=query) as answer:
            for line in answer.iter_lines():
                found.append(json.loads(line)["result"]["content"])
                begun.set()

    reading = threading.Thread(target=read)
    reading.start()
    assert begun.wait(10)
    argo.pod(workflow, "l4-b", "later\n")
    now = argo.http.get(f"{GROUP}/workflows/l4").json()
    now["status"]["phase"] = "Succeeded"
    argo.http.put(f"{GROUP}/workflows/l4", json=now)
    reading.join(10)

    assert not reading.is_alive()
    assert found == ["begun", "later"]


def events(argo: Argo, path: str, count: int, do: Any, **query: str) -> list[Any]:
    found: list[Any] = []
    with argo.http.stream("GET", path, params=query) as answer:
        assert answer.status_code == 200
        do()
        for line in answer.iter_lines():
            found.append(json.loads(line)["result"])
            if len(found) == count:
                break
    return found


def test_changes_of_workflows_are_streamed(argo: Argo) -> None:
    argo.create("w1")

    def change() -> None:
        argo.ok("PUT", f"{BASE}/w1/suspend", {})

    found = events(argo, "/api/v1/workflow-events/default", 2, change, **{
        "listOptions.fieldSelector": "metadata.name=w1",
        "fields": "result.type,result.object.metadata.name,result.object.spec.suspend"})

    assert found == [
        {"type": "ADDED", "object": {"metadata": {"name": "w1"}, "spec": {}}},
        {"type": "MODIFIED", "object": {"metadata": {"name": "w1"}, "spec": {"suspend": True}}},
    ]


def test_events_of_kubernetes_are_streamed(argo: Argo) -> None:
    event = {
        "metadata": {"name": "told"}, "reason": "WorkflowRunning", "message": "m", "type": "Normal",
        "involvedObject": {"kind": "Workflow", "name": "w", "namespace": "default"},
    }

    def tell() -> None:
        argo.http.post("/api/v1/namespaces/default/events", json=event)

    found = events(argo, "/api/v1/stream/events/default", 1, tell,
                   **{"listOptions.fieldSelector": "reason=WorkflowRunning"})

    assert (found[0]["reason"], found[0]["message"]) == ("WorkflowRunning", "m")


def test_a_watch_that_may_not_be_is_refused_as_a_whole(argo: Argo) -> None:
    status, code, _ = argo.refused("GET", "/api/v1/workflow-events/default",
                                   **{"listOptions.fieldSelector": "spec.nothing=1"})

    assert (status, code) == (400, 3)
