"""A small writer of rtnetlink messages: links, addresses, routes. Nothing else is read or watched.

Used by `fabric.py`. Each request is acknowledged by the kernel; several go out in one system call. Run as a
program (by the node's probe, in a network namespace of its own) it tries what the fabric will need.
"""

from __future__ import annotations

import os
import socket
import struct

NEWLINK, NEWADDR, NEWROUTE, ERROR = 16, 20, 24, 2
REQUEST, ACK, REPLACE, CREATE = 0x1, 0x4, 0x100, 0x400
UP = 0x1
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MASTER, IFLA_LINKINFO, IFLA_NET_NS_FD = 1, 3, 10, 18, 28
INFO_KIND, INFO_DATA, VETH_PEER = 1, 2, 1
IFA_ADDRESS, IFA_LOCAL = 1, 2
RTA_DST, RTA_OIF, RTA_GATEWAY = 1, 4, 5
MAIN, LOCAL = 254, 255
UNICAST, TO_LOCAL = 1, 2
UNIVERSE, HOST = 0, 254
STATIC = 4
HEADER = struct.Struct("=IHHII")
LINK = struct.Struct("=BxHiII")
ADDRESS = struct.Struct("=BBBBI")
ROUTE = struct.Struct("=BBBBBBBBI")
RECEIVED = 65536

Request = tuple[int, int, bytes]
"""Message type, flags besides REQUEST and ACK, body."""


class Netlink:
    """A socket to the kernel's routing tables of the namespace in which it was made, wherever it is used."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self.socket.bind((0, 0))
        self.sequence = 0

    def close(self) -> None:
        self.socket.close()

    def do(self, *requests: Request) -> None:
        """All of them, in order. OSError: the kernel's first refusal; those after it were tried, too."""
        parts = []
        for kind, flags, body in requests:
            self.sequence += 1
            size = HEADER.size + len(body)
            parts.append(HEADER.pack(size, kind, REQUEST | ACK | flags, self.sequence, 0) + body)
        self.socket.send(b"".join(parts))
        failures = self.answers(len(requests))
        if failures:
            raise OSError(failures[0], os.strerror(failures[0]))

    def answers(self, awaited: int) -> list[int]:
        failures: list[int] = []
        while awaited:
            data = self.socket.recv(RECEIVED)
            while data:
                size, kind, _flags, _sequence, _pid = HEADER.unpack_from(data)
                if kind == ERROR:
                    awaited -= 1
                    (code,) = struct.unpack_from("=i", data, HEADER.size)
                    if code:
                        failures.append(-code)
                data = data[(size + 3) & ~3 :]
        return failures


def attribute(kind: int, value: bytes) -> bytes:
    size = 4 + len(value)
    return struct.pack("=HH", size, kind) + value + bytes(-size % 4)


def number(value: int) -> bytes:
    return struct.pack("=I", value)


def name(text: str) -> bytes:
    return attribute(IFLA_IFNAME, text.encode() + b"\0")


def packed(address: str) -> bytes:
    return socket.inet_aton(address)


def link(index: int, flags: int = 0) -> bytes:
    return LINK.pack(socket.AF_UNSPEC, 0, index, flags, flags)


def up(index: int) -> Request:
    return NEWLINK, 0, link(index, UP)


def enslave(index: int, master: int) -> Request:
    return NEWLINK, 0, link(index, UP) + attribute(IFLA_MASTER, number(master))


def bridge(called: str, index: int, mac: bytes) -> Request:
    info = attribute(IFLA_LINKINFO, attribute(INFO_KIND, b"bridge"))
    return NEWLINK, CREATE, link(index, UP) + name(called) + attribute(IFLA_ADDRESS, mac) + info


def veth(called: str, index: int, master: int, peer: str, peer_index: int, namespace: int) -> Request:
    """A pair: one end here in the bridge, the other in the namespace of this descriptor."""
    other = link(peer_index) + name(peer) + attribute(IFLA_NET_NS_FD, number(namespace))
    data = attribute(INFO_DATA, attribute(VETH_PEER, other))
    info = attribute(IFLA_LINKINFO, attribute(INFO_KIND, b"veth") + data)
    return NEWLINK, CREATE, link(index, UP) + name(called) + attribute(IFLA_MASTER, number(master)) + info


def address(index: int, value: str, prefix: int) -> Request:
    own = attribute(IFA_LOCAL, packed(value)) + attribute(IFA_ADDRESS, packed(value))
    return NEWADDR, CREATE | REPLACE, ADDRESS.pack(socket.AF_INET, prefix, 0, UNIVERSE, index) + own


def route(to: str, prefix: int, gateway: str) -> Request:
    head = ROUTE.pack(socket.AF_INET, prefix, 0, 0, MAIN, STATIC, UNIVERSE, UNICAST, 0)
    way = attribute(RTA_GATEWAY, packed(gateway))
    return NEWROUTE, CREATE | REPLACE, head + destination(to, prefix) + way


def local(to: str, prefix: int, index: int) -> Request:
    """Every address of the range is this machine's: a socket may listen on any of them."""
    head = ROUTE.pack(socket.AF_INET, prefix, 0, 0, LOCAL, STATIC, HOST, TO_LOCAL, 0)
    return NEWROUTE, CREATE | REPLACE, head + destination(to, prefix) + attribute(RTA_OIF, number(index))


def destination(to: str, prefix: int) -> bytes:
    return attribute(RTA_DST, packed(to)) if prefix else b""


def examine() -> None:
    """OSError: bridges or pairs of links are not to be had here."""
    kernel = Netlink()
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    kernel.do(bridge("probe", 100, bytes((2, 0, 0, 0, 0, 1))))
    kernel.do(veth("probe0", 101, 100, "probe1", 102, own))
    kernel.do(address(100, "10.88.0.1", 16), up(1), local("10.96.0.0", 12, 1))


if __name__ == "__main__":
    examine()
