"""Pods that hold more on disk than their manifest allows are evicted, in the kubelet's words."""

from __future__ import annotations

import pytest

from pinnace.node.protocol import Mount
from pinnace.node.storage import amount
from tests.node.conftest import Node, pod, shell

pytestmark = pytest.mark.anyio
MEBIBYTE = 1 << 20
FILL = "head -c 3000000 /dev/zero > {}; sleep 60"


@pytest.mark.parametrize("medium", ["", "Memory"])
async def test_a_volume_past_its_limit_evicts_the_pod(node: Node, medium: str) -> None:
    mount = Mount("/e", volume="cache", size_limit=MEBIBYTE, medium=medium)
    report = await node.run(pod(shell(FILL.format("/e/f"), mounts=[mount]), main=""))
    assert (report.phase, report.reason) == ("Failed", "Evicted")
    assert report.message == 'Usage of EmptyDir volume "cache" exceeds the limit "1Mi".'


async def test_a_container_past_its_own_limit_evicts_the_pod(node: Node) -> None:
    greedy = shell(FILL.format("/tmp/f"), storage_limit=MEBIBYTE)
    report = await node.run(pod(greedy, shell("sleep 60", name="other"), main=""))
    assert (report.phase, report.reason) == ("Failed", "Evicted")
    assert report.message == 'Container main exceeded its local ephemeral storage limit "1Mi".'


async def test_a_log_counts_as_its_containers(node: Node) -> None:
    talker = shell("yes | head -c 3000000; sleep 60", storage_limit=MEBIBYTE)
    report = await node.run(pod(talker, main=""))
    assert (report.phase, report.reason) == ("Failed", "Evicted")


async def test_volumes_count_as_the_pods(node: Node) -> None:
    user = shell(FILL.format("/e/f"), storage_limit=MEBIBYTE, mounts=[Mount("/e", volume="cache")])
    report = await node.run(pod(user, main=""))
    assert report.message == "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi."


async def test_a_modest_pod_ends_well(node: Node) -> None:
    mount = Mount("/e", volume="cache", size_limit=8 * MEBIBYTE)
    script = "head -c 3000000 /dev/zero > /e/f; ln /e/f /e/g; ln /e/f /e/h; sleep 0.7"
    report = await node.run(pod(shell(script, mounts=[mount], storage_limit=16 * MEBIBYTE)))
    assert report.phase == "Succeeded", report


def test_a_limit_is_written_as_a_quantity() -> None:
    sizes = (1 << 30, 10 << 20, 10**7, 1536, 1000, 7)
    assert [amount(size) for size in sizes] == ["1Gi", "10Mi", "10M", "1536", "1k", "7"]
