"""What a pod's life looks like from control's side, in each isolation."""

from __future__ import annotations

import asyncio
import os
import struct
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pinnace.data.blobs import Blobs
from pinnace.node.protocol import (
    Container,
    Forget,
    Input,
    Kill,
    Mount,
    Output,
    Outputs,
    PodReport,
    Run,
)
from pinnace.node.wire import NodeClient
from tests.node.conftest import Node, final, node_of, pod, reported, running, shell
from tests.node.warm import WarmNode

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module", params=["sandbox", "process", "warm"])
def node(request: pytest.FixtureRequest) -> Iterator[Node]:
    """Each isolation, and a sandbox whose programs start warm: the same comes out."""
    warm = request.param == "warm"
    yield from node_of("sandbox" if warm else request.param, WarmNode if warm else Node)


async def test_a_result_and_outputs_come_back(node: Node) -> None:
    outputs = Outputs(
        True, [Output("p", "/tmp/p.txt")], [Output("model", "/mnt/out/model"), Output("all", "/mnt/out")]
    )
    script = "echo hello; echo said >&2; echo 42 > /tmp/p.txt; mkdir -p /mnt/out; echo w > /mnt/out/model"
    run = pod(shell(script), outputs=outputs)
    report = await node.run(run)
    assert report.phase == "Succeeded", report
    assert report.outputs is not None
    assert report.outputs.result == "hello"
    assert report.outputs.parameters == {"p": "42"}
    assert report.outputs.artifacts["all"].directory
    blobs = Blobs(node.home.data)
    assert blobs.path(report.outputs.artifacts["model"].digest).read_text() == "w\n"
    assert sorted(node.log(run).split()) == ["hello", "said"]


async def test_two_parallel_steps_write_one_declared_path(node: Node) -> None:
    async def step(number: int) -> str:
        outputs = Outputs(False, [Output("p", "/tmp/shared.txt"), Output("q", "/result.txt")])
        script = f"echo {number} > /tmp/shared.txt; sleep 0.2; cat /tmp/shared.txt > /result.txt"
        report = await node.run(pod(shell(script), outputs=outputs))
        assert report.outputs is not None
        assert report.outputs.error == ""
        return report.outputs.parameters["q"]

    assert await asyncio.gather(*map(step, range(6))) == [str(n) for n in range(6)]
    assert not Path("/result.txt").exists()


async def test_a_missing_output_is_named(node: Node) -> None:
    outputs = Outputs(
        False, [Output("p", "/tmp/p", default="d"), Output("q", "/tmp/q")], [Output("o", "/tmp/o", True)]
    )
    report = await node.run(pod(shell(": /tmp/p /tmp/q /tmp/o"), outputs=outputs))
    assert report.outputs is not None
    assert report.outputs.parameters == {"p": "d"}
    assert "'q'" in report.outputs.error
    assert "/tmp/q" in report.outputs.error


async def test_inputs_are_staged(node: Node) -> None:
    blobs = Blobs(node.home.data)
    file = blobs.put_bytes(b"from a blob")
    inputs = [Input("a", "/tmp/a.txt", file.digest), Input("b", "/data/in/b.txt", raw=b"raw")]
    run = pod(shell("cat /tmp/a.txt /data/in/b.txt"), inputs=inputs)
    assert (await node.run(run)).phase == "Succeeded"
    assert node.log(run) == "from a blobraw"


async def test_an_artifact_may_be_input_and_output(node: Node) -> None:
    given = Blobs(node.home.data).put_bytes(b"one\n")
    outputs = Outputs(artifacts=[Output("o", "/tmp/data.txt")])
    run = pod(
        shell("echo two >> /tmp/data.txt"),
        inputs=[Input("i", "/tmp/data.txt", given.digest)],
        outputs=outputs,
    )
    report = await node.run(run)
    assert report.outputs is not None
    blobs = Blobs(node.home.data)
    assert blobs.path(report.outputs.artifacts["o"].digest).read_text() == "one\ntwo\n"
    assert blobs.path(given.digest).read_text() == "one\n"


async def test_volumes_content_and_host_folders(node: Node, outside: Path) -> None:
    (outside / "sub").mkdir()
    mounts = [
        Mount("/mnt/config", volume="c", files={"a.yaml": b"x: 1", "deep/b": b"y"}),
        Mount("/job", volume="scratch"),
        Mount("/claim", source=str(outside), sub_path="sub"),
        Mount("/new", source=str(outside), sub_path="made/here"),
    ]
    script = "cat /mnt/config/a.yaml /mnt/config/deep/b; echo z > /job/z; cp /job/z /claim/z; touch /new/n"
    run = pod(shell(script, mounts=mounts))
    assert (await node.run(run)).phase == "Succeeded", node.log(run)
    assert (outside / "sub/z").read_text() == "z\n"
    assert (outside / "made/here/n").exists()
    assert node.log(run) == "x: 1y"


async def test_a_volume_may_be_where_this_machine_has_nothing(node: Node) -> None:
    """Below /usr, which is the machine's own and read-only: in a layer above it."""
    if node.isolation != "process" and os.geteuid() != 0:
        pytest.skip("above folders of root's only root's node may make another")
    place = "/usr/share/pinnace-test/html"
    mounts = [Mount(place, volume="scratch"), Mount("/opt/here", volume="scratch")]
    run = pod(shell(f"echo x > {place}/index; cat /opt/here/index; ls -d /usr/bin", mounts=mounts))
    assert (await node.run(run)).phase == "Succeeded", node.log(run)
    assert node.log(run) == "x\n/usr/bin\n"
    assert not Path("/usr/share/pinnace-test").exists()


async def test_outputs_may_lie_on_volumes(node: Node, outside: Path) -> None:
    mounts = [Mount("/mnt", volume="scratch"), Mount("/mnt/claim", source=str(outside))]
    artifacts = [Output("a", "/mnt/claim/a"), Output("all", "/mnt/claim")]
    outputs = Outputs(False, [Output("p", "/mnt/p")], artifacts)
    script = "echo 1 > /mnt/p; echo 2 > /mnt/claim/a"
    report = await node.run(pod(shell(script, mounts=mounts), outputs=outputs))
    assert report.outputs is not None
    assert (report.outputs.error, report.outputs.parameters) == ("", {"p": "1"})
    assert report.outputs.artifacts["all"].directory
    assert (outside / "a").read_text() == "2\n", "what lies on a volume is copied, not taken away"


async def test_init_containers_and_containers_share_a_volume(node: Node) -> None:
    mounts = [Mount("/job", volume="w")]
    init = [
        shell("echo one > /job/f", name="one", mounts=mounts),
        shell("echo two >> /job/f", name="two", mounts=mounts),
    ]
    run = pod(shell("cat /job/f", mounts=mounts), init=init)
    report = await node.run(run)
    assert report.phase == "Succeeded", report
    assert node.log(run) == "one\ntwo\n"
    assert [c.exit_code for c in report.containers] == [0, 0, 0]


async def test_a_failing_init_container_fails_the_pod(node: Node) -> None:
    report = await node.run(pod(shell("echo never"), init=[shell("exit 4", name="setup")]))
    assert report.phase == "Failed"
    assert "setup" in report.message
    assert report.containers[1].exit_code is None


async def test_the_main_container_ends_the_pod(node: Node) -> None:
    side = shell("sleep 100", name="side")
    native = shell("sleep 100", name="native", restart="Always")
    run = pod(shell("echo done"), side, init=[native], grace=30)
    report = await node.run(run, timeout=90)
    assert report.phase == "Succeeded", report
    assert {c.name: c.exit_code for c in report.containers} == {"native": 143, "main": 0, "side": 143}


async def test_exit_codes_and_what_cannot_start(node: Node) -> None:
    report = await node.run(pod(shell("exit 7")))
    assert (report.phase, report.containers[0].exit_code, report.containers[0].reason) == (
        "Failed",
        7,
        "Error",
    )
    report = await node.run(pod(shell("kill -SEGV $$")))
    assert report.containers[0].exit_code == 139
    report = await node.run(pod(Container("main", "alpine", ["no-such-program"])))
    state = report.containers[0]
    assert (state.exit_code, state.reason) == (128, "StartError")
    start = "unable to start container process: exec: "
    assert state.message == f'{start}"no-such-program": executable file not found in $PATH'
    report = await node.run(pod(Container("main", "alpine", ["/no/such"])))
    assert report.containers[0].message == f'{start}"/no/such": stat /no/such: no such file or directory'


@pytest.mark.parametrize("main", ["main", ""])
async def test_a_graceful_stop_runs_the_handler(node: Node, main: str) -> None:
    script = "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    run = pod(shell(script), main=main)
    await node.run(run, running)
    await wait_for(lambda: "ready" in node.log(run))
    report = await node.kill(run)
    assert report.phase == "Failed"
    assert report.containers[0].exit_code == 5
    assert node.log(run).endswith("bye\n")


@pytest.mark.parametrize("main", ["main", ""])
async def test_a_plain_program_dies_of_term_at_once(node: Node, main: str) -> None:
    run = pod(Container("main", "alpine", ["sleep", "100"]), main=main)
    await node.run(run, running)
    begun = time.monotonic()
    report = await node.kill(run, grace=20)
    assert report.containers[0].exit_code == 143
    assert time.monotonic() - begun < 10


async def test_after_the_grace_comes_kill(node: Node) -> None:
    run = pod(shell("trap '' TERM; echo ready; while :; do sleep 0.05; done"))
    await node.run(run, running)
    await wait_for(lambda: "ready" in node.log(run))
    assert (await node.kill(run, grace=0.2)).containers[0].exit_code == 137


async def test_a_deadline_ends_the_pod(node: Node) -> None:
    report = await node.run(pod(shell("sleep 100"), deadline=time.time() + 0.3))
    assert (report.phase, report.reason) == ("Failed", "DeadlineExceeded")


async def test_nothing_of_a_pod_outlives_it(node: Node, outside: Path) -> None:
    alive = outside / "alive"
    script = f"(setsid sh -c 'while :; do date >> {alive}; sleep 0.05; done' &) ; sleep 0.3"
    mounts = [Mount(str(outside), source=str(outside))]
    await node.run(pod(shell(script, mounts=mounts)))
    size = alive.stat().st_size
    await asyncio.sleep(0.3)
    assert alive.stat().st_size == size


async def test_a_run_is_idempotent_and_a_final_report_waits_for_its_ack(node: Node, outside: Path) -> None:
    ledger = outside / "ledger"
    run = pod(shell(f"echo run >> {ledger}", mounts=[Mount(str(outside), source=str(outside))]))
    async with node.client() as client:
        client.send(run, run)
        async for report in client.reports():
            if any(final(p) for p in report.pods):
                break
    async with node.client() as client:
        assert run.uid in client.hello.pods
        client.send(run)
        assert final(await reported(client, run.uid, final, 5))
    assert ledger.read_text() == "run\n"
    async with node.client() as client:
        assert run.uid not in client.hello.pods


async def test_the_node_outlives_its_control(node: Node) -> None:
    run = pod(shell("sleep 0.3; echo done"))
    async with node.client() as client:
        client.send(run)
        await reported(client, run.uid, running, 10)
    async with node.client() as client:
        assert (await reported(client, run.uid, final, 10)).phase == "Succeeded"


async def test_restarts_follow_the_policy(node: Node) -> None:
    mounts = [Mount("/job", volume="w")]
    script = "if [ -e /job/f ]; then echo second; else touch /job/f; echo first; exit 1; fi"
    run = pod(shell(script, mounts=mounts, restart="OnFailure"), main="")
    report = await node.run(run)
    assert report.phase == "Succeeded", report
    state = report.containers[0]
    assert (state.restarts, state.last_exit, state.exit_code) == (1, 1, 0)
    assert (node.log(run), node.log(run, restart=1)) == ("first\n", "second\n")


async def test_a_script_is_appended_to_its_command(node: Node) -> None:
    run = pod(Container("main", "alpine", ["sh", "-e"], script="echo from $0\n"))
    await node.run(run)
    assert node.log(run).startswith("from ")
    assert "/argo/staging/script" in node.log(run)


async def test_the_log_has_an_index_of_times(node: Node) -> None:
    run = pod(shell("echo one; sleep 0.6; echo two"))
    begun = time.time()
    await node.run(run)
    index = Path(f"{node.home.log(run.uid, 'main')}.idx").read_bytes()
    records = list(struct.iter_unpack("<QQ", index))
    assert [offset for offset, _ in records] == [0, 4]
    assert records[1][1] - records[0][1] > 200_000
    assert begun * 1e6 <= records[0][1] <= time.time() * 1e6


async def test_a_silent_step_leaves_no_folder(node: Node) -> None:
    run = pod(Container("main", "alpine", ["true"]))
    assert (await node.run(run)).phase == "Succeeded"
    assert not node.home.pod(run.uid).exists()


async def test_a_file_for_logs_is_used_again_by_nobody_else_than_the_next(node: Node) -> None:
    """Who stays behind, or has changed more than the file's times, does not speak for another."""
    scripts = ["(sleep 0.3; echo late) &", "chmod 666 /proc/self/fd/1", "exec 3>&1; flock 3"]
    runs = [pod(shell(script), outputs=None) for script in [*scripts, "true", "echo a"] * 3]
    for run in runs:
        await node.run(run)
    await asyncio.sleep(0.4)
    said = {run.containers[0].command[2]: node.log(run) for run in runs}
    assert (said["true"], said["echo a"]) == ("", "a\n")


async def test_an_image_that_no_rule_names_waits_with_the_rule_to_write(node: Node) -> None:
    run = pod(Container("main", "example.org/team/tool:1", ["true"]))
    report = await node.run(run, lambda r: r.containers[0].waiting == "ErrImageNeverPull")
    assert report.phase == "Pending"
    assert "example.org/team/tool" in report.containers[0].message
    assert str(node.home.environment_rules) in report.containers[0].message
    rule = "environments:\n- image: example.org/team/tool\n  cmd: [echo, mapped]\n"
    node.home.environment_rules.write_text(rule)
    async with node.client() as client:
        assert (await reported(client, run.uid, final, 10)).phase == "Succeeded"
    node.home.environment_rules.unlink()


async def test_a_pod_that_waits_for_an_image_can_be_killed(node: Node) -> None:
    run = pod(Container("main", "example.org/none", ["true"]))
    await node.run(run, lambda r: bool(r.containers[0].message))
    assert (await node.kill(run)).phase == "Failed"


async def test_forgotten_pods_leave_nothing(node: Node) -> None:
    run = pod(shell("echo x"))
    await node.run(run)
    folder = node.home.pod(run.uid)
    assert folder.exists()
    async with node.client() as client:
        client.send(Forget([run.uid]))
        await wait_for(lambda: not folder.exists())


async def test_memory_over_the_limit_is_oomkilled(node: Node) -> None:
    code = "x = bytearray(200 << 20)\nimport time; time.sleep(60)"
    spec = Container("main", "python:3", ["python3", "-c", code], memory_limit=64 << 20)
    report = await node.run(pod(spec))
    assert report.containers[0].reason == "OOMKilled", report
    assert report.containers[0].exit_code == 137


async def test_kill_of_an_unknown_pod_is_answered(node: Node) -> None:
    async with node.client() as client:
        client.send(Kill("0-unknown"))
        assert (await reported(client, "0-unknown", final, 5)).phase == "Failed"


async def test_names_that_lead_elsewhere_are_refused(node: Node) -> None:
    run = Run(uid="../x", namespace="d", name="x", containers=[shell("true")])
    assert (await node.run(run)).reason == "NodeError"


async def wait_for(condition: object, timeout: float = 10) -> None:
    assert callable(condition)
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_pod_that_is_killed_before_its_turn_is_never_started(node: Node) -> None:
    """Given many pods sent at once, when the last is killed with the same breath, then it never ran."""
    runs = [pod(shell("exit 0")) for _ in range(40)]
    last = runs[-1]
    async with node.client() as client:
        client.send(*runs, Kill(last.uid, 0, "Deleted"))
        seen = {report.uid: report async for report in finals(client, {run.uid for run in runs})}
    assert seen[last.uid].reason == "Deleted"
    assert seen[last.uid].containers[0].started == 0
    assert not node.home.log(last.uid, "main", 0).exists()
    assert all(seen[run.uid].phase == "Succeeded" for run in runs[:-1])


async def finals(client: NodeClient, uids: set[str]) -> AsyncIterator[PodReport]:
    """The end of each of these; a node also tells the unacknowledged ends of others."""
    left = set(uids)
    async with asyncio.timeout(30):
        async for batch in client.reports():
            for report in batch.pods:
                if final(report) and report.uid in left:
                    left.discard(report.uid)
                    yield report
            if not left:
                return
