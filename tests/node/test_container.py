"""Pods run by podman, where one asks for it. The image is made from the machine's busybox."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator

import pytest

from pinnace.data.blobs import Blobs
from pinnace.node.protocol import Container, Input, Mount, Output, Outputs
from tests.node.conftest import Node, node_of, pod, running

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

@pytest.fixture(scope="module")
def engine(image: str) -> Iterator[Node]:
    yield from node_of("container")


def sh(image: str, script: str, **fields: object) -> Container:
    return Container("main", image, ["/bin/sh", "-c", script], **fields)  # type: ignore[arg-type]


async def test_the_images_own_entrypoint_and_arguments(engine: Node, image: str) -> None:
    for args, said in (([], "from-image\n"), (["given"], "given\n")):
        run = pod(Container("main", image, args=args))
        report = await engine.run(run)
        assert (report.phase, report.isolation) == ("Succeeded", "container"), engine.log(run)
        assert engine.log(run) == said


async def test_inputs_outputs_and_the_result(engine: Node, image: str) -> None:
    blob = Blobs(engine.home.data).put_bytes(b"blob ")
    outputs = Outputs(True, [Output("p", "/tmp/p")], [Output("a", "/result/a")])
    script = "cat /in/a /in/b; mkdir -p /result; echo 1 > /tmp/p; echo 2 > /result/a; echo $WORD > /v/w"
    inputs = [Input("a", "/in/a", blob.digest), Input("b", "/in/b", raw=b"raw")]
    run = pod(
        sh(image, script, env={"WORD": "w"}, mounts=[Mount("/v", volume="v")]), inputs=inputs, outputs=outputs
    )
    report = await engine.run(run)
    assert report.outputs is not None, engine.log(run)
    assert report.outputs.error == ""
    assert report.outputs.result == "blob raw"
    assert report.outputs.parameters == {"p": "1"}
    assert Blobs(engine.home.data).path(report.outputs.artifacts["a"].digest).read_text() == "2\n"


async def test_two_parallel_steps_write_one_declared_path(engine: Node, image: str) -> None:
    async def step(number: int) -> str:
        script = f"echo {number} > /tmp/shared; sleep 0.3; cat /tmp/shared > /out"
        report = await engine.run(pod(sh(image, script), outputs=Outputs(False, [Output("o", "/out")])))
        assert report.outputs is not None
        return report.outputs.parameters["o"]

    assert await asyncio.gather(*map(step, range(3))) == ["0", "1", "2"]


async def test_a_graceful_stop(engine: Node, image: str) -> None:
    run = pod(sh(image, "trap 'echo bye; exit 5' TERM; echo ready; while true; do sleep 0.1; done"))
    await engine.run(run, running)
    async with asyncio.timeout(10):
        while "ready" not in engine.log(run):
            await asyncio.sleep(0.02)
    assert (await engine.kill(run)).containers[0].exit_code == 5


async def test_exit_codes_and_what_cannot_start(engine: Node, image: str) -> None:
    assert (await engine.run(pod(sh(image, "exit 3")))).containers[0].exit_code == 3
    for container in (Container("main", image, ["/no/such"]), Container("main", "localhost/none:1", ["x"])):
        state = (await engine.run(pod(container))).containers[0]
        assert (state.exit_code, state.reason) == (128, "StartError")
        assert state.message


async def test_a_new_node_removes_what_the_old_one_left(engine: Node, image: str) -> None:
    run = pod(sh(image, "while true; do sleep 0.1; done"))
    await engine.run(run, running)
    listing = ["podman", "ps", "--all", "--quiet", "--filter", f"name=pinnace-{run.uid}"]
    async with asyncio.timeout(10):
        while not subprocess.run(listing, capture_output=True, check=True).stdout:
            await asyncio.sleep(0.05)
    engine.restart()
    async with engine.client() as client:
        assert client.hello.pods == []
    assert not subprocess.run(listing, capture_output=True, check=True).stdout
