"""The unmodified Python client: stream() for exec and attach, portforward()."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.stream import portforward, stream

from tests.streams.conftest import Streams
from tests.streams.test_kubectl import serving


@pytest.fixture
def core(live: Streams) -> client.CoreV1Api:
    made = config.new_client_from_config(str(live.home.kubeconfig))
    return client.CoreV1Api(made)


FLAGS: dict[str, Any] = {"stderr": True, "stdin": False, "stdout": True, "tty": False}


def test_what_a_command_said(core: client.CoreV1Api) -> None:
    executing = core.connect_get_namespaced_pod_exec
    said = stream(executing, "one", "default", command=["echo", "hello"], **FLAGS)
    assert said == "hello\n"


def test_a_conversation(core: client.CoreV1Api) -> None:
    flags = {**FLAGS, "stdin": True}
    command = ["sh", "-c", "read x; echo $x; echo wrong >&2; read y; exit $y"]
    executing = core.connect_get_namespaced_pod_exec
    open_ = stream(executing, "one", "default", command=command, _preload_content=False, **flags)
    open_.write_stdin("word\n")
    assert open_.readline_stdout(timeout=10) == "word"
    assert open_.readline_stderr(timeout=10) == "wrong"
    open_.write_stdin("4\n")
    open_.run_forever(timeout=10)
    assert open_.returncode == 4


def test_attach(core: client.CoreV1Api) -> None:
    attaching = core.connect_get_namespaced_pod_attach
    open_ = stream(attaching, "one", "default", _preload_content=False, **FLAGS)
    assert open_.readline_stdout(timeout=10) in ("tick", "begun")
    open_.close()


def test_port_forward(live: Streams, core: client.CoreV1Api) -> None:
    port = serving(live)
    pod = live.kubectl("get", "pod", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}")
    forwarded = portforward(core.connect_get_namespaced_pod_portforward, pod, "default", ports=str(port))
    with closing(forwarded.socket(port)) as connection:
        connection.setblocking(True)
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        got = b""
        while piece := connection.recv(1 << 16):
            got += piece
    assert got.endswith(b"y" * 3_000_000)
    assert forwarded.error(port) is None


def test_a_port_on_which_nobody_listens(live: Streams, core: client.CoreV1Api) -> None:
    forwarded = portforward(core.connect_get_namespaced_pod_portforward, "one", "default", ports="9")
    with closing(forwarded.socket(9)) as connection:
        connection.setblocking(True)
        assert connection.recv(10) == b""
    assert "error forwarding port 9" in forwarded.error(9)
