"""`kubectl logs`, from files as the node writes them."""

from __future__ import annotations

import struct
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedOK, InvalidStatus
from websockets.sync.client import connect

from pinnace.api import logfile as log
from pinnace.objects.client import Options
from tests.api.conftest import WHEEL_KUBECTL, Stack

BEGIN = 1_700_000_000


def running(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
        "ready": True,
        "restartCount": 0,
        "image": "x",
        "imageID": "",
        **more,
    }


def pod(
    stack: Stack, namespace: str, statuses: list[dict[str, Any]], phase: str = "Running", name: str = "p"
) -> str:
    """A bound pod with these container statuses; its uid."""
    pods = stack.catalogue.find("", "v1", "pods")
    assert pods is not None
    containers = [{"name": status["name"], "image": "x"} for status in statuses]
    made = stack.run(
        stack.local.create(
            pods,
            {"metadata": {"name": name}, "spec": {"containers": containers, "nodeName": "pinnace"}},
            namespace,
        )
    )
    set_status(stack, namespace, statuses, phase, name)
    return str(made["metadata"]["uid"])


def set_status(
    stack: Stack, namespace: str, statuses: list[dict[str, Any]], phase: str, name: str = "p"
) -> None:
    pods = stack.catalogue.find("", "v1", "pods")
    assert pods is not None
    now = stack.run(stack.local.get(pods, name, namespace))
    now = {**now, "status": {**now["status"], "phase": phase, "containerStatuses": statuses}}
    stack.run(stack.local.update(pods, now, namespace, Options(subresource="status")))


def write(path: Path, lines: list[str]) -> None:
    """One line a second since BEGIN, indexed as the node does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    index = path.with_name(path.name + ".idx")
    with path.open("ab") as file, index.open("ab") as times:
        for number, line in enumerate(lines):
            file.write(line.encode() + b"\n")
            times.write(struct.pack("<QQ", file.tell(), (BEGIN + number) * 1_000_000))


def test_tail_since_times_and_bytes(stack: Stack, namespace: str) -> None:
    uid = pod(stack, namespace, [running("main")])
    write(stack.home.log(uid, "main"), [f"line {n}" for n in range(10)])

    def logs(*arguments: str) -> list[str]:
        return stack.ok("-n", namespace, "logs", "p", *arguments).splitlines()

    assert logs() == [f"line {n}" for n in range(10)]
    assert logs("--tail=2") == ["line 8", "line 9"]
    assert logs("--tail=0") == []
    assert logs("--limit-bytes=7") == ["line 0"]
    assert logs("--since-time=2023-11-14T22:13:27Z") == ["line 7", "line 8", "line 9"]
    assert logs("--tail=1", "--timestamps") == ["2023-11-14T22:13:29.000000000Z line 9"]
    assert logs("--since=1s") == [] or time.time() - stack.home.log(uid, "main").stat().st_mtime < 1


def test_follow_ends_with_the_container(stack: Stack, namespace: str) -> None:
    uid = pod(stack, namespace, [running("main")])
    path = stack.home.log(uid, "main")
    write(path, ["one"])
    follower = subprocess.Popen(
        [WHEEL_KUBECTL, "-n", namespace, "logs", "-f", "p"],
        stdout=subprocess.PIPE,
        text=True,
        env=stack.kubectl_environment(stack.home.root),
    )
    assert follower.stdout is not None
    assert follower.stdout.readline() == "one\n"
    write(path, ["two"])
    assert follower.stdout.readline() == "two\n"
    write(path, ["three"])
    ended = running("main", state={"terminated": {"exitCode": 0, "reason": "Completed"}}, ready=False)
    set_status(stack, namespace, [ended], "Succeeded")
    rest, _ = follower.communicate(timeout=20)
    assert rest == "three\n"


def test_a_browser_follows_over_a_websocket(stack: Stack, namespace: str) -> None:
    """Bytes in binary frames, as upstream's API server gives them; it ends well with the container."""
    uid = pod(stack, namespace, [running("main")])
    path = stack.home.log(uid, "main")
    write(path, ["one"])
    address = f"{stack.url.replace('http', 'ws', 1)}/api/v1/namespaces/{namespace}/pods/p/log"
    given = {"Authorization": f"Bearer {stack.token}"}
    with connect(f"{address}?follow=true", additional_headers=given) as socket:
        assert socket.recv(20) == b"one\n"
        write(path, ["two é"])
        assert socket.recv(20) == "two é\n".encode()
        ended = running("main", state={"terminated": {"exitCode": 0, "reason": "Completed"}}, ready=False)
        set_status(stack, namespace, [ended], "Succeeded")
        with pytest.raises(ConnectionClosedOK):
            socket.recv(20)
    with pytest.raises(InvalidStatus):
        connect(f"{address}?tailLines=-1", additional_headers=given)


def test_refusals_in_upstreams_words(stack: Stack, namespace: str) -> None:
    waiting = {
        "name": "b",
        "state": {"waiting": {"reason": "ContainerCreating"}},
        "ready": False,
        "restartCount": 0,
        "image": "x",
        "imageID": "",
    }
    uid = pod(stack, namespace, [running("a"), waiting])
    write(stack.home.log(uid, "a"), ["x"])
    with stack.http() as client:
        place = f"/api/v1/namespaces/{namespace}/pods/p/log"
        for query, message in (
            ("", "a container name must be specified for pod p, choose one of: [a b]"),
            ("?container=z", "container z is not valid for pod p"),
            ("?container=b", 'container "b" in pod "p" is waiting to start: ContainerCreating'),
            ("?container=a&previous=true", 'previous terminated container "a" in pod "p" not found'),
            ("?container=a&tailLines=x", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ):
            found = client.get(place + query)
            assert (found.status_code, found.json()["message"]) == (400, message)
        missing = client.get(f"/api/v1/namespaces/{namespace}/pods/q/log")
        assert missing.json()["message"] == 'pods "q" not found'


def test_the_life_before_a_restart(stack: Stack, namespace: str) -> None:
    uid = pod(stack, namespace, [running("main", restartCount=1)])
    write(stack.home.log(uid, "main", 0), ["first life"])
    write(stack.home.log(uid, "main", 1), ["second life"])
    assert stack.ok("-n", namespace, "logs", "p", "--previous") == "first life\n"
    assert stack.ok("-n", namespace, "logs", "p") == "second life\n"


def test_tails_are_found_across_blocks(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    lines = [b"x" * (n % 700) + b"%d\n" % n for n in range(2000)]
    path.write_bytes(b"".join(lines))
    for wanted in (1, 7, 999, 2000, 3000):
        assert path.read_bytes()[log.tail_offset(path, wanted) :] == b"".join(lines[-wanted:])
    path.write_bytes(b"a\nb\nno end")
    assert path.read_bytes()[log.tail_offset(path, 2) :] == b"b\nno end"
    found = b"".join(block for _, block in log.blocks(path, 0, 10))
    assert found == path.read_bytes()


def test_a_long_log_is_sent_while_others_are_served(stack: Stack, namespace: str) -> None:
    uid = pod(stack, namespace, [running("main")])
    path = stack.home.log(uid, "main")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"0123456789abcde\n" * 500_000)
    sizes: list[int] = []

    def fetch() -> None:
        with (
            stack.http() as client,
            client.stream(
                "GET", f"/api/v1/namespaces/{namespace}/pods/p/log", params={"timestamps": "1"}
            ) as found,
        ):
            sizes.append(sum(len(part) for part in found.iter_bytes()))

    thread = threading.Thread(target=fetch)
    thread.start()
    with stack.http() as client:
        begun = time.monotonic()
        assert client.get("/healthz").text == "ok"
        assert time.monotonic() - begun < 1
    thread.join()
    assert sizes == [500_000 * (16 + 31)]


@pytest.mark.parametrize("offset", [0, 3, 5, 100])
def test_times_come_from_the_first_record_beyond(tmp_path: Path, offset: int) -> None:
    path = tmp_path / "a.log"
    write(path, ["abc", "d"])
    wanted = {0: BEGIN, 3: BEGIN, 5: BEGIN + 1}.get(offset, path.stat().st_mtime)
    assert log.Index(path).time_of(offset) == wanted
