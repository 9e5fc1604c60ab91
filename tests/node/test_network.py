"""Pods with a network of their own, and Services with names, on a real node without control."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pinnace.node.network import dns, door
from pinnace.node.network.messages import NoService, Port, Service
from pinnace.node.protocol import Probe, Run
from tests.node.conftest import Node, drop_home, make_home, node_of, pod, reported, running, shell

pytestmark = pytest.mark.anyio

SERVE = (
    "import http.server,sys\n"
    "class H(http.server.BaseHTTPRequestHandler):\n"
    "  def do_GET(self):\n"
    "    body = ('I am %s, you are %s' % (sys.argv[1], self.client_address[0])).encode()\n"
    "    self.send_response(200); self.send_header('content-length', str(len(body))); self.end_headers()\n"
    "    self.wfile.write(body)\n"
    "  def log_message(self, *a): pass\n"
    "http.server.ThreadingHTTPServer(('', int(sys.argv[2])), H).serve_forever()\n"
)
GET = "python3 -c \"import urllib.request,sys; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())\""


def server(name: str, port: int = 8080) -> str:
    return f'exec python3 -c "$SERVE" {name} {port}'


def own(script: str, address: str, **fields: object) -> Run:
    """A pod with a network of its own, as control would ask for it."""
    container = shell(script, env={"SERVE": SERVE})
    ports = fields.pop("ports", [])
    if ports:
        container.readiness = Probe("tcp", port=ports[0], period=1)  # type: ignore[index]
    return pod(
        container, network="own", address=address, ports=ports, resolver=dns.resolv_conf("default"), **fields
    )


def ready(report: object) -> bool:
    return all(each.ready for each in report.containers)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    yield from node_of("sandbox")


async def test_the_node_says_that_it_can(node: Node) -> None:
    async with node.client() as client:
        assert (client.hello.network, client.hello.network_why) == ("own", "")


async def test_two_servers_on_one_port_by_service_name(node: Node) -> None:
    one, two = own(server("one"), "10.88.1.1", ports=[8080]), own(server("two"), "10.88.1.2", ports=[8080])
    await asyncio.gather(node.run(one, ready), node.run(two, ready))
    async with node.client() as client:
        client.send(
            Service("default", "one", "10.96.1.1", ports=(Port(80, "http", targets=(("10.88.1.1", 8080),)),)),
            Service("default", "two", pods=(("10.88.1.2", "two-0"),)),
        )
        script = f"{GET} http://one; {GET} http://one.default.svc.cluster.local; {GET} http://two:8080;"
        script += f"{GET} http://two-0.two:8080; getent hosts one two two-0.two.default.svc; getent hosts gone || echo none"
        asking = own(script, "10.88.1.3")
        client.send(asking)
        report = await reported(client, asking.uid, lambda r: r.phase in ("Succeeded", "Failed"), 30)
    said = node.log(asking).splitlines()
    assert report.phase == "Succeeded", said
    assert said[:4] == [
        "I am one, you are 10.88.0.1", "I am one, you are 10.88.0.1",
        "I am two, you are 10.88.1.3", "I am two, you are 10.88.1.3",
    ]
    assert [line.split()[0] for line in said[4:]] == ["10.96.1.1", "10.88.1.2", "10.88.1.2", "none"]
    for each in (one, two):
        await node.kill(each, 0)
