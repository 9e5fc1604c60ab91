"""`kubectl debug`: a container that joins a pod that runs, and a copy of the pod."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.platform import eventually
from tests.streams.conftest import Streams

PODS = """
apiVersion: v1
kind: Pod
metadata: {name: NAME}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
  - {name: main, image: alpine:3, command: [sh, -c, "sleep 1234 & wait"]PORTS}
"""


NETWORKS = {"host": "", "own": ", ports: [{containerPort: 8080}]"}


@pytest.fixture
def patient(live: Streams, request: pytest.FixtureRequest) -> Iterator[str]:
    """A pod of one container, in the sandbox with a network of its own unless the test asks for another."""
    name = f"patient-{os.urandom(3).hex()}"
    ports = NETWORKS[getattr(request, "param", "own")]
    live.kubectl("apply", "-f", "-", text=PODS.replace("NAME", name).replace("PORTS", ports))
    live.ready(name)
    yield name
    live.kubectl("delete", "pod", name, "--ignore-not-found", "--wait=false")


on_both = pytest.mark.parametrize("patient", list(NETWORKS), indirect=True)


def sandboxed(live: Streams) -> bool:
    return "sandbox" in live.options


def state(live: Streams, pod: str, container: str) -> dict[str, Any]:
    found = live.get("pod", pod)["status"].get("ephemeralContainerStatuses") or ()
    return next((one["state"] for one in found if one["name"] == container), {})


def over(live: Streams, pod: str, container: str) -> dict[str, Any]:
    return dict(eventually(lambda: state(live, pod, container).get("terminated"), f"the end of {container}"))


def joined(live: Streams, pod: str, container: str, script: str, *words: str) -> str:
    """What a script says in a container of its own, joined to the pod."""
    live.kube("debug", pod, "--image=busybox", "-c", container, *words, "--", "sh", "-c", script)
    assert over(live, pod, container)["exitCode"] == 0, state(live, pod, container)
    return live.kubectl("logs", pod, "-c", container)


@on_both
def test_a_debugger_sees_the_processes_of_its_target_and_no_more_rights(live: Streams, patient: str) -> None:
    say = "ps -ef; echo; grep -E 'CapEff|NoNewPrivs' /proc/self/status; cat /proc/1/root/etc/hostname; id -u"
    said = joined(live, patient, "looker", say, "--target=main")
    assert "sleep 1234" in said
    if sandboxed(live):
        assert "CapEff:\t0000000000000000" in said
        assert "NoNewPrivs:\t1" in said
        assert said.splitlines()[-1] != "0"
    pod = live.get("pod", patient)
    assert pod["spec"]["ephemeralContainers"][0]["targetContainerName"] == "main"
    assert pod["status"]["phase"] == "Running", "the pod's own containers go on"
    assert not pod["status"]["ephemeralContainerStatuses"][0]["ready"]


def test_without_a_target_it_has_processes_of_its_own(live: Streams, patient: str) -> None:
    said = joined(live, patient, "alone", "ps -ef; hostname")
    assert ("sleep 1234" not in said) or not sandboxed(live)
    assert said.splitlines()[-1] == patient or not sandboxed(live)


@on_both
def test_it_stands_in_the_network_of_the_pod(live: Streams, patient: str) -> None:
    address = live.get("pod", patient)["status"].get("podIP", "")
    said = joined(live, patient, "net", "cat /proc/net/fib_trie")
    assert address in said


def test_a_terminal_in_a_debugger(live: Streams, patient: str, which: str) -> None:
    words = ("debug", "-it", patient, "--image=busybox", "--target=main", "--profile=general", "--", "sh")
    person = live.person(*words, which=which)
    try:
        person.asks("echo a$((40+2))\n", "a42\r\n")
        person.asks("test -t 0 && ps -ef\n", "sleep 1234")
        person.type("exit 0\n")
        person.ended()
    finally:
        person.leave()


@on_both
def test_what_it_left_running_goes_with_it(live: Streams, patient: str) -> None:
    joined(live, patient, "litter", "sleep 4321 & sleep 0.1", "--target=main")
    seen = ("exec", patient, "--", "ps", "-ef")
    eventually(lambda: "sleep 4321" not in live.kube(*seen).out, "the end of what was left")


@on_both
def test_it_ends_with_its_pod(live: Streams, patient: str) -> None:
    words = f"sleep {int.from_bytes(os.urandom(3), 'big') + 1000}"
    live.kube("debug", patient, "--image=busybox", "-c", "stayer", "--", *words.split())
    eventually(lambda: "running" in state(live, patient, "stayer"), "its start")
    live.kubectl("delete", "pod", patient, "--wait", "--timeout=30s")
    ps = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert words not in ps.splitlines()


def test_one_whose_program_is_not_there_says_so(live: Streams, patient: str) -> None:
    live.kube("debug", patient, "--image=busybox", "-c", "wrong", "--", "no-such-program")
    end = over(live, patient, "wrong")
    assert (end["reason"], end["exitCode"]) == ("StartError", 128)
    assert "no-such-program" in end["message"]


def test_the_story_tells_of_it(live: Streams, patient: str) -> None:
    joined(live, patient, "told", "true")
    field = "involvedObject.fieldPath=spec.ephemeralContainers{told}"
    events = live.get("events", "--field-selector", field)["items"]
    assert {event["reason"] for event in events} == {"Pulled", "Created", "Started"}


def test_what_is_there_stays_and_what_is_wrong_is_named(live: Streams, patient: str) -> None:
    joined(live, patient, "first", "true")
    place = f"/api/v1/namespaces/default/pods/{patient}/ephemeralcontainers"
    pod = live.get("pod", patient)
    wrong = [
        ([], 'existing ephemeral containers "first" may not be removed'),
        ([{"name": "main", "image": "busybox"}], "Duplicate value"),
        ([{"name": "x", "image": "busybox", "targetContainerName": "nobody"}], "Name: Not found"),
        ([{"name": "x", "image": "busybox", "ports": [{"containerPort": 1}]}], "ports: Forbidden: cannot"),
    ]
    for guests, words in wrong:
        document = {**pod, "spec": {**pod["spec"], "ephemeralContainers": guests}}
        said = live.kube("replace", "--raw", place, "-f", "-", text=json.dumps(document))
        assert words in said.err + said.out, said
    said = live.kubectl("patch", "pod", patient, "-p", '{"spec":{"ephemeralContainers":[]}}', check=False)
    assert live.get("pod", patient)["spec"]["ephemeralContainers"], said


def test_a_copy_of_a_pod_with_another_command(live: Streams, patient: str) -> None:
    copy = f"{patient}-copy"
    live.kube("debug", patient, f"--copy-to={copy}", "--container=main", "--", "sh", "-c", "echo copied")
    eventually(lambda: live.get("pod", copy)["status"]["phase"] == "Succeeded", "the copy's end")
    assert live.kubectl("logs", copy) == "copied\n"
    live.kubectl("delete", "pod", copy, "--wait=false")


def test_a_debugger_outlives_control(live: Streams, patient: str) -> None:
    script = "echo once; sleep 2; echo on"
    live.kube("debug", patient, "--image=busybox", "-c", "survivor", "--", "sh", "-c", script)
    eventually(lambda: "running" in state(live, patient, "survivor"), "its start")
    control = live.pids()["control"]
    os.kill(control, 9)
    eventually(lambda: live.pids()["control"] != control, "another control")
    eventually(lambda: live.kube("get", "--raw", "/readyz").code == 0, "that control to be ready")
    assert over(live, patient, "survivor")["exitCode"] == 0
    assert live.kubectl("logs", patient, "-c", "survivor") == "once\non\n"
