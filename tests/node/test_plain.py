"""Which pods are plain: only those that leave unsaid whatever a plan does not know of."""

from __future__ import annotations

from typing import Any

import pytest

from pinnace.node.launchers import Bind, Built
from pinnace.node.outfit import mentioned
from pinnace.node.plain import simple
from pinnace.node.protocol import Container, Input, Mount, Output, Outputs, Probe, Run
from tests.node.conftest import Node, pod, shell


def step(container: dict[str, Any] | None = None, **fields: Any) -> Run:
    main = Container("main", "busybox", **{"command": ["true"], **(container or {})})
    return Run("u", "default", "p", **{"containers": [main], "main": "main", **fields})


@pytest.mark.parametrize(
    "run",
    [
        step(),
        step(outputs=Outputs()),
        step(main=""),
        step(grace=3, isolation="process", hostname="h"),
        step({"env": {"A": "b"}, "cwd": "/x", "uid": 7}),
    ],
)
def test_one_container_that_asks_for_nothing_is_plain(run: Run) -> None:
    assert simple(run)


@pytest.mark.parametrize(
    "run",
    [
        step(init=[Container("i", "busybox")]),
        step(containers=[Container("main", "a"), Container("side", "b")]),
        step(main="other"),
        step(inputs=[Input("a", "/a")]),
        step(outputs=Outputs(result=True)),
        step(outputs=Outputs(parameters=[Output("o", "/o")])),
        step(deadline=1.0),
        step(network="own"),
        step(hosts={"a": "1.2.3.4"}),
        step({"mounts": [Mount("/data")]}),
        step({"memory_limit": 1}),
        step({"storage_limit": 1}),
        step({"milli_cpu": 1}),
        step({"restart": "OnFailure"}),
        step({"readiness": Probe("tcp", port=1)}),
        step({"script": ""}),
        step({"unix_sockets": ["/s"]}),
        step({"read_only_root": True}),
    ],
)
def test_one_that_asks_for_more_is_not(run: Run) -> None:
    assert not simple(run)


def test_a_text_that_names_what_a_plain_process_would_have_to_move_is_seen() -> None:
    built = Built("", binds=(Bind("/host/files/0", "/opt/tool"), Bind("/usr/x", "/usr/x")))
    assert all(map(mentioned(built).search, ("/tmp", "a=/tmp/b", "x\n/opt/tool\ny")))
    assert not any(map(mentioned(built).search, ("/var/tmp", "/tmpx", "/usr/x", "/opt")))


@pytest.mark.anyio
async def test_pods_of_one_shape_keep_their_own_names_and_variables(node: Node) -> None:
    for word in ("one", "two"):
        run = pod(shell('test "$WORD" = "$HOSTNAME"', env={"WORD": word}), hostname=word)
        assert (await node.run(run)).phase == "Succeeded"
