"""postStart comes before readiness, preStop before SIGTERM; in every isolation."""

from __future__ import annotations

import time

import pytest

from pinnace.node.protocol import Probe
from tests.node.conftest import Node, pod, shell

pytestmark = pytest.mark.anyio


async def test_a_container_is_ready_once_its_start_hook_is_done(node: Node) -> None:
    run = pod(shell("sleep 60", post_start=Probe("sleep", period=0.3)), main="")
    begun = await node.run(run, lambda r: r.phase == "Running" and bool(r.containers[0].pid))
    assert not begun.containers[0].ready
    done = await node.run(run, lambda r: r.containers[0].ready)
    assert time.time() - done.containers[0].started >= 0.3
    await node.kill(run)


async def test_a_start_hook_that_fails_ends_the_container(node: Node) -> None:
    hook = Probe("exec", command=["false"], timeout=10)
    run = pod(shell("sleep 60", post_start=hook, restart="Always"), main="")
    report = await node.run(run, lambda r: r.containers[0].restarts > 0)
    assert report.containers[0].last_exit == 143
    await node.kill(run)


async def test_the_stop_hook_comes_first_and_its_time_counts(node: Node) -> None:
    script = "trap 'exit 7' TERM; while :; do sleep 0.02; done"
    run = pod(shell(script, pre_stop=Probe("sleep", period=0.4)), main="")
    await node.run(run, lambda r: r.containers[0].ready)
    begun = time.monotonic()
    report = await node.kill(run)
    assert time.monotonic() - begun >= 0.4
    assert report.containers[0].exit_code == 7
