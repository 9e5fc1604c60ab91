"""Containers that end together, each in its turn (a containerSet), and a step that says how far it is."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from pinnace.node.protocol import PROGRESS_FILE, PROGRESS_FOLDER, Container, Mount, Output, Outputs, Run
from tests.node.conftest import Node, node_of, pod, running, shell

pytestmark = pytest.mark.anyio
SHARED = [Mount("/shared", volume="work")]


@pytest.fixture(scope="module", params=["sandbox", "process"])
def node(request: pytest.FixtureRequest) -> Iterator[Node]:
    yield from node_of(request.param)


def named(name: str, script: str, *after: str, **fields: object) -> Container:
    made = shell(script)
    return msgspec.structs.replace(made, name=name, after=list(after), mounts=SHARED, **fields)


def together(*containers: Container, giver: str = "main", outputs: Outputs | None = None) -> Run:
    return pod(*containers, main="", giver=giver, outputs=outputs or Outputs(True))


async def test_each_starts_when_those_before_it_have_succeeded(node: Node) -> None:
    run = together(
        named("main", "cat /shared/all; cp /shared/all /shared/out", "b", "c"),
        named("c", "sleep 0.1; echo c >> /shared/all", "b"),
        named("b", "sleep 0.2; echo b >> /shared/all"),
        outputs=Outputs(True, [Output("p", "/shared/out")]),
    )
    report = await node.run(run)
    assert report.phase == "Succeeded", report
    assert report.outputs is not None
    assert report.outputs.result == "b\nc"
    assert report.outputs.parameters == {"p": "b\nc"}


async def test_what_comes_after_a_failure_is_not_run(node: Node) -> None:
    never = named("main", "echo never > /shared/x", "a")
    run = together(named("a", "exit 3"), never, named("other", "sleep 0.2; ls /shared"))
    report = await node.run(run)
    assert report.phase == "Failed"
    states = {state.name: state for state in report.containers}
    assert {name: state.exit_code for name, state in states.items()} == {"a": 3, "main": 64, "other": 0}
    assert states["main"].message == "dependency 'a' exited with non-zero code: 3"


async def test_a_container_is_run_again_without_the_pod_noticing(node: Node) -> None:
    script = "echo x >> /shared/tries; wc -l < /shared/tries; test $(wc -l < /shared/tries) -ge 3"
    tries = named("a", script, retries=3, pause=0.05)
    run = together(tries, named("main", "cat /shared/tries", "a"))
    report = await node.run(run)
    assert report.phase == "Succeeded", report
    assert node.log(run, "a").split() == ["1", "2", "3"], "what each try said is in one log"
    assert report.outputs is not None
    assert report.outputs.result == "x\nx\nx"
    hopeless = named("main", "exit 7", retries=2)
    report = await node.run(together(hopeless))
    assert (report.phase, report.containers[0].exit_code) == ("Failed", 7)


async def test_a_step_says_how_far_it_is(node: Node) -> None:
    script = f"echo 1/3 > {PROGRESS_FILE}; sleep 1.6; echo 3/3 > {PROGRESS_FILE}"
    run = pod(shell(script), progress=True, folders=[PROGRESS_FOLDER])
    said = await node.run(run, lambda report: report.progress != "")
    assert (said.phase, said.progress) == ("Running", "1/3")
    assert (await node.run(run)).progress == "3/3"


async def test_nonsense_about_progress_is_nothing(node: Node) -> None:
    run = pod(shell(f"echo soon > {PROGRESS_FILE}"), progress=True, folders=[PROGRESS_FOLDER])
    report = await node.run(run)
    assert (report.phase, report.progress) == ("Succeeded", "")


@pytest.mark.parametrize("pauses", ["before", "after", "before after"])
async def test_a_container_waits_for_somebody_to_look_at_it(node: Node, pauses: str) -> None:
    """Whoever releases it is inside; here another process that knows the same folder plays this part."""
    folder = f"{PROGRESS_FOLDER}/ctr/main"
    release = f"(sleep 0.5; mkdir -p {folder}; touch {folder}/before {folder}/after) &"
    script = f"echo ran; {release} exit 3" if pauses == "after" else "echo ran; exit 3"
    run = pod(msgspec.structs.replace(shell(script), pauses=pauses))
    if pauses == "after":
        report = await node.run(run)
        assert (report.phase, report.containers[0].exit_code) == ("Failed", 3)
        assert report.containers[0].finished - report.containers[0].started >= 0.4
        return
    await node.run(run, running)
    assert node.log(run) == ""
    report = await node.kill(run, 0)
    assert report.phase == "Failed"
