"""The name server's answers, as kube-dns would give them; and that no bytes bring it down."""

from __future__ import annotations

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st

from pinnace.node.network import dns
from pinnace.node.network.messages import Port, Service
from pinnace.node.network.picture import Picture

PICTURE = Picture()
PICTURE.put(Service("team", "web", "10.96.1.1", ports=(Port(80, "http", targets=(("10.88.1.1", 8080),)),)))
PICTURE.put(Service("team", "db", pods=(("10.88.1.2", "db-0"), ("10.88.1.3", "db-1")),
                    ports=(Port(5432, "sql", targets=(("10.88.1.2", 5432),)),)))
PICTURE.put(Service("team", "out", external="example.com"))
PICTURE.put(Service("team", "empty"))


def question(name: str, kind: int = dns.A) -> bytes:
    return struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + dns.wire(name) + struct.pack("!HH", kind, 1)


def asked(name: str, kind: int = dns.A) -> tuple[int, int, bytes]:
    """Error code, number of answers, the answers' bytes."""
    said = dns.answer(PICTURE, question(name, kind))
    assert said is not None
    _, flags, _, count, _, _ = struct.unpack_from("!HHHHHH", said)
    return flags & 15, count, said


def test_services_and_their_pods_have_names() -> None:
    tail = ".team.svc.cluster.local"
    assert asked(f"web{tail}")[:2] == (0, 1)
    assert socket.inet_aton("10.96.1.1") in asked(f"WEB{tail}")[2]
    assert asked(f"db{tail}")[1] == 2
    assert socket.inet_aton("10.88.1.3") in asked(f"db-1.db{tail}")[2]
    assert asked("10-88-1-9.team.pod.cluster.local")[2].endswith(socket.inet_aton("10.88.1.9"))
    assert b"\x07example\x03com" in asked(f"out{tail}")[2]
    assert asked("2.1.88.10.in-addr.arpa", dns.PTR)[1] == 1


def test_what_is_not_there_is_no_name_and_what_has_no_such_record_is_empty() -> None:
    tail = ".team.svc.cluster.local"
    here = (f"gone{tail}", f"empty{tail}", f"db-9.db{tail}", f"x.web{tail}")
    for name in (*here, "web.other.svc.cluster.local"):
        assert asked(name)[:2] == (dns.NO_NAME, 0), name
    assert asked(f"web{tail}", 28)[:2] == (0, 0)
    assert dns.answer(PICTURE, question("example.com")) is None


def test_ports_are_found_by_name() -> None:
    assert struct.pack("!H", 80) in asked("_http._tcp.web.team.svc.cluster.local", dns.SRV)[2]
    assert b"\x04db-0\x02db" in asked("_sql._tcp.db.team.svc.cluster.local", dns.SRV)[2]
    assert asked("_none._tcp.db.team.svc.cluster.local", dns.SRV)[0] == dns.NO_NAME


def test_a_long_answer_says_that_it_was_cut() -> None:
    picture = Picture()
    picture.put(Service("team", "many", pods=tuple((f"10.88.{n // 200}.{n % 200}", "") for n in range(500))))
    said = dns.answer(picture, question("many.team.svc.cluster.local"))
    assert said is not None
    assert len(said) < 1232
    assert struct.unpack_from("!H", said, 2)[0] & dns.TRUNCATED
    whole = dns.answer(picture, question("many.team.svc.cluster.local"), 65535)
    assert whole is not None
    assert struct.unpack_from("!H", whole, 6)[0] == 500


@given(st.binary(max_size=300))
def test_no_bytes_bring_it_down(data: bytes) -> None:
    dns.answer(PICTURE, data)
    dns.failure(data)


@given(st.binary(max_size=60))
def test_no_question_brings_it_down(data: bytes) -> None:
    dns.answer(PICTURE, struct.pack("!HHHHHH", 1, 0, 1, 0, 0, 0) + data)
