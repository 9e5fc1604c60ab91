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
from pinnace.node.protocol import Kill, Probe, Run
from tests.node.conftest import Node, drop_home, final, make_home, node_of, pod, reported, running, shell

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
GET = (
    'python3 -c "import urllib.request as u,sys; print(u.urlopen(sys.argv[1], timeout=5).read().decode())"'
)


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
        script += f"{GET} http://two-0.two:8080; getent hosts one two two-0.two.default.svc;"
        script += "getent hosts gone || echo none"
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


async def test_four_listen_on_2222_and_find_each_other_by_gang_names(node: Node) -> None:
    members = [own(server(f"w{n}", 2222), f"10.88.2.{n + 1}", ports=[2222])
               for n in range(4)]
    named = (Service("default", f"job-worker-{n}", pods=((f"10.88.2.{n + 1}", ""),)) for n in range(4))
    await tell(node, *named)
    await asyncio.gather(*(node.run(each, ready) for each in members))
    said = await node_says(node, "".join(f"{GET} http://job-worker-{n}.default.svc:2222;" for n in range(4)))
    assert [line.split(",")[0] for line in said] == [f"I am w{n}" for n in range(4)]
    for each in members:
        await node.kill(each, 0)


async def tell(node: Node, *messages: Service | NoService) -> None:
    """The node has heard it once it answers what was said after it."""
    async with node.client() as client:
        client.send(*messages, Kill("marker"))
        await reported(client, "marker", final, 10)


async def node_says(node: Node, script: str, address: str = "10.88.3.1", **fields: object) -> list[str]:
    run = own(script, address, **fields)
    report = await node.run(run)
    assert report.phase == "Succeeded", (report, node.log(run))
    return node.log(run).splitlines()


async def test_a_changed_service_leads_elsewhere_and_one_that_is_gone_nowhere(node: Node) -> None:
    one, two = own(server("one"), "10.88.1.11", ports=[8080]), own(server("two"), "10.88.1.12", ports=[8080])
    await asyncio.gather(node.run(one, ready), node.run(two, ready))
    ask = f"{GET} http://moving"
    for address in ("10.88.1.11", "10.88.1.12"):
        port = Port(80, targets=((address, 8080),))
        await tell(node, Service("default", "moving", "10.96.1.9", ports=(port,)))
        said = await node_says(node, ask)
        assert said[0].startswith("I am one" if address.endswith("11") else "I am two")
    await tell(node, NoService("default", "moving"))
    assert await node_says(node, "getent hosts moving || echo gone") == ["gone"]
    for each in (one, two):
        await node.kill(each, 0)


async def test_targets_take_turns_and_one_that_refuses_is_passed_over(node: Node) -> None:
    one, two = own(server("one"), "10.88.1.21", ports=[8080]), own(server("two"), "10.88.1.22", ports=[8080])
    await asyncio.gather(node.run(one, ready), node.run(two, ready))
    targets = (("10.88.1.21", 8080), ("10.88.1.22", 8080), ("10.88.1.22", 1))
    await tell(node, Service("default", "turns", "10.96.1.10", ports=(Port(80, targets=targets),)))
    said = await node_says(node, f"for i in 1 2 3 4 5 6; do {GET} http://turns; done")
    assert {line.split(",")[0] for line in said} == {"I am one", "I am two"}
    assert len(said) == 6
    for each in (one, two):
        await node.kill(each, 0)


async def test_datagrams_go_through_a_service_too(node: Node) -> None:
    echo = (
        "import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('',5353))\n"
        "while True:\n  d,a=s.recvfrom(999); s.sendto(d.upper(),a)\n"
    )
    run = own('exec python3 -c "$ECHO"', "10.88.1.31")
    run.containers[0].env["ECHO"] = echo
    await node.run(run, running)
    port = Port(53, protocol="UDP", targets=(("10.88.1.31", 5353),))
    await tell(node, Service("default", "echo", "10.96.1.11", ports=(port,)))
    ask = (
        "import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(0.2)\n"
        "for n in range(50):\n  s.sendto(b'hello',('echo',53))\n"
        "  try: print(s.recv(99).decode()); break\n  except OSError: pass\n"
    )
    assert await node_says(node, f'python3 -c "{ask}"') == ["HELLO"]
    await node.kill(run, 0)


async def test_the_hosts_file_names_the_pod_itself_and_its_aliases(node: Node) -> None:
    names = {"web-0.web.default.svc.cluster.local": "10.88.1.41", "web-0": "10.88.1.41", "db": "10.1.2.3"}
    script = "hostname; hostname -i; hostname -f; getent hosts db"
    said = await node_says(node, script, "10.88.1.41", hosts=names, hostname="web-0")
    assert said[:3] == ["web-0", "10.88.1.41", "web-0.web.default.svc.cluster.local"]
    assert said[3].split() == ["10.1.2.3", "db"]


async def test_the_host_reaches_a_pod_through_its_door(node: Node) -> None:
    run = own(server("one"), "10.88.1.51", ports=[8080])
    await node.run(run, ready)
    for opened in (
        asyncio.open_unix_connection(str(door.path_of(node.home.run, "10.88.1.51", 8080))),
        door.connect(node.home.run, "10.88.1.51", 8080),
    ):
        reader, writer = await opened
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert b"I am one" in await asyncio.wait_for(reader.read(), 5)
        writer.close()
    for address, port in (("10.88.1.51", 1), ("127.0.0.1", 80), ("example.com", 80)):
        with pytest.raises(door.Refused):
            await door.connect(node.home.run, address, port)
    await node.kill(run, 0)
    async with asyncio.timeout(5):
        while door.path_of(node.home.run, "10.88.1.51", 8080).exists():
            await asyncio.sleep(0.01)


async def test_a_node_port_listens_on_the_hosts_loopback(node: Node) -> None:
    run = own(server("one"), "10.88.1.61", ports=[8080])
    await node.run(run, ready)
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        free = trial.getsockname()[1]
    port = Port(80, targets=(("10.88.1.61", 8080),), node_port=free)
    await tell(node, Service("default", "outward", "10.96.1.12", ports=(port,)))
    reader, writer = await connected(free)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    assert b"I am one" in await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await tell(node, NoService("default", "outward"))
    await refused(free)
    await node.kill(run, 0)


async def connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(10):
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)


async def refused(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                return
            writer.close()
            await asyncio.sleep(0.01)


@contextmanager
def host_server(address: str | bytes) -> Iterator[list[object]]:
    """A server of the host's that notes who came."""
    listening = socket.socket(socket.AF_UNIX if isinstance(address, bytes) else socket.AF_INET)
    listening.bind(address if isinstance(address, bytes) else (address, 0))
    listening.listen()
    came: list[object] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            came.append(connection)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield [listening.getsockname(), came]
    finally:
        listening.close()


TRY = """
import socket, sys
for kind, address in TARGETS:
    s = socket.socket(kind); s.settimeout(2)
    try: s.connect(address); print("reached", address)
    except OSError as e: print("not", address)
"""


async def test_the_hosts_loopback_and_sockets_are_out_of_reach(node: Node) -> None:
    abstract = b"\0pinnace-test-%d" % os.getpid()
    with host_server("127.0.0.1") as (tcp, came), host_server(abstract) as (_, came_too):
        port = tcp[1]  # type: ignore[index]
        hosts = ("127.0.0.1", "10.88.0.1", "10.88.0.2", "10.88.0.3", "10.96.0.1")
        paths = (abstract, str(node.home.node_socket), str(node.home.run / "net/door"))
        everything = [(int(socket.AF_INET), (ip, port)) for ip in hosts]
        everything += [(int(socket.AF_UNIX), path) for path in paths]  # type: ignore[misc]
        script = TRY.replace("TARGETS", repr(everything))
        said = await node_says(node, f"cat > /tmp/t.py <<'END'\n{script}\nEND\npython3 /tmp/t.py")
        assert len(said) == len(everything)
        assert not [line for line in said if line.startswith("reached")]
        assert came == []
        assert came_too == []


async def test_a_pod_has_no_rights_over_its_network(node: Node) -> None:
    script = """
import ctypes, fcntl, os, socket, struct
def tried(name, what):
    try: what(); print(name, "worked")
    except OSError as e: print(name, "refused")
tried("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP))
tried("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
def transparent():
    socket.socket().setsockopt(socket.SOL_IP, 19, 1)
tried("transparent", transparent)
def foreign():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(socket.SOL_IP, 15, 1)
    s.bind(("10.88.9.9", 99)); s.sendto(b"x", ("10.88.0.1", 9))
tried("foreign source", foreign)
def down():
    s = socket.socket(); fcntl.ioctl(s, 0x8914, struct.pack("16sH14s", b"eth0", 0, b""))
tried("link down", down)
def address():
    s = socket.socket()
    fcntl.ioctl(s, 0x8916, struct.pack("16sHH4s8s", b"eth0", 2, 0, bytes((10, 88, 9, 9)), b""))
tried("address", address)
libc = ctypes.CDLL(None, use_errno=True)
def enter():
    if libc.unshare(0x10000000) != 0: raise OSError
tried("user namespace", enter)
for fd in os.listdir("/proc/self/fd"):
    try: target = os.readlink("/proc/self/fd/" + fd)
    except OSError: continue
    if ":[" in target and "pipe" not in target: print("descriptor", target)
"""
    said = await node_says(node, f"cat > /tmp/t.py <<'END'\n{script}\nEND\npython3 /tmp/t.py")
    assert [line for line in said if not line.endswith("refused")] == []


async def test_a_pod_in_the_hosts_network_is_not_in_the_clusters(node: Node) -> None:
    said = await node.output("ls /proc/sys/net/ipv4/conf; grep -c . /proc/net/route || true")
    assert "pods" not in said.split()


async def test_a_holder_that_is_killed_is_replaced_and_pods_keep_their_network(node: Node) -> None:
    run = own(server("one"), "10.88.1.71", ports=[8080])
    await node.run(run, ready)
    port = Port(80, targets=(("10.88.1.71", 8080),))
    await tell(node, Service("default", "steady", "10.96.1.13", ports=(port,)))
    assert (await node_says(node, f"{GET} http://steady"))[0].startswith("I am one")
    before = holders(node)
    for pid in before:
        os.kill(pid, 9)
    async with asyncio.timeout(20):
        while not (now := holders(node)) or set(now) & set(before):
            await asyncio.sleep(0.02)
    script = f"for i in $(seq 50); do {GET} http://steady 2>/dev/null && exit 0; sleep 0.1; done; exit 1"
    assert (await node_says(node, script, "10.88.3.2"))[0].startswith("I am one")
    await node.kill(run, 0)


def holders(node: Node) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            ours = b"pinnace.node.network.holder" in words and str(node.home.run).encode() in words
            if ours and b"bwrap" not in words[0]:
                found.append(int(entry.name))
    return found


async def test_with_the_node_everything_goes() -> None:
    home = make_home()
    node = Node(home, "sandbox")
    try:
        run = own("sleep 600", "10.88.1.1")
        await node.run(run, running)
        assert holders(node)
        node.process.kill()
        node.process.wait()
        async with asyncio.timeout(20):
            while holders(node) or slirps(node.process.pid):
                await asyncio.sleep(0.02)
    finally:
        node.stop()
        drop_home(home)


def slirps(parent: int) -> list[str]:
    done = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if "slirp4netns" in line and f"/proc/{parent}/" in line]


@pytest.mark.parametrize("mode", ["none", "loopback"])
async def test_less_can_be_asked_for(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINNACE_NETWORK", mode)
    home = make_home()
    node = Node(home, "sandbox")
    try:
        async with node.client() as client:
            assert client.hello.network == mode
            assert f"PINNACE_NETWORK={mode}" in client.hello.network_why
            client.send(Service("default", "web", "10.96.1.1", pods=(("127.88.1.1", "web-0"),)))
            if mode == "loopback":
                run = pod(
                    shell("getent hosts web web-0.web.default.svc me"), network="loopback",
                    address="127.88.1.2", hosts={"me": "127.88.1.2"},
                )
                client.send(run)
                await reported(client, run.uid, lambda r: r.phase == "Succeeded", 20)
                said = [line.split()[0] for line in node.log(run).splitlines()]
                assert said == ["127.88.1.1"] * 2 + ["127.88.1.2"]
    finally:
        node.stop()
        drop_home(home)
