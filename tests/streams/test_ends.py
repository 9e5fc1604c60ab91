"""However a session ends, nothing of it is left, and its client is told why."""

from __future__ import annotations

import os
import signal
import subprocess
import uuid

import psutil
import pytest

from tests.e2e.platform import eventually
from tests.streams.conftest import KUBECTLS, Streams


def begun(live: Streams, pod: str = "one") -> tuple[subprocess.Popen[str], str]:
    """A session whose command runs on and has a child; and a word by which both are known."""
    word = f"9{uuid.uuid4().int % 10**8:08d}"
    script = f"sleep {word} & echo here; sleep {word}"
    argv = [KUBECTLS["1.32"], "exec", "-i", pod, "--", "sh", "-c", script]
    running = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=live.environment,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "here\n"
    eventually(lambda: len(sleepers(word)) == 2, "its two processes")
    return running, word


def sleepers(word: str) -> list[psutil.Process]:
    return [each for each in psutil.process_iter(["cmdline"]) if each.info["cmdline"] == ["sleep", word]]


def test_with_its_client(live: Streams) -> None:
    running, word = begun(live)
    running.kill()
    running.communicate()
    eventually(lambda: not sleepers(word), "the end of what it started", 20)


def test_with_its_pod(live: Streams) -> None:
    live.kubectl("run", "passing", "--image=alpine:3", "--restart=Never", "--", "sleep", "1000")
    live.ready("passing")
    running, word = begun(live, "passing")
    live.kubectl("delete", "pod", "passing", "--grace-period=0", "--force")
    _, err = running.communicate(timeout=30)
    assert running.returncode == 137, err
    eventually(lambda: not sleepers(word), "the end of what it started", 20)


@pytest.mark.serial
def test_with_control(live: Streams) -> None:
    running, word = begun(live)
    os.kill(live.pids()["control"], signal.SIGKILL)
    running.communicate(timeout=30)
    assert running.returncode != 0
    eventually(lambda: not sleepers(word), "the end of what it started", 20)
    eventually(lambda: live.kube("exec", "one", "--", "echo", "again").out == "again\n", "control again", 60)


def test_a_command_s_own_end_leaves_its_children_as_a_shell_does(live: Streams) -> None:
    word = f"9{uuid.uuid4().int % 10**8:08d}"
    done = live.kube("exec", "one", "--", "sh", "-c", f"sleep {word} & echo out", timeout=20)
    assert (done.code, done.out) == (0, "out\n")
    for process in sleepers(word):
        process.kill()


@pytest.mark.serial
def test_with_the_node(live: Streams) -> None:
    """Last in its file: the pods do not outlive it."""
    running, word = begun(live)
    os.kill(live.pids()["node"], signal.SIGKILL)
    _, err = running.communicate(timeout=30)
    assert running.returncode != 0
    assert "the node has ended" in err
    eventually(lambda: not sleepers(word), "the end of what it started", 30)
