"""What the node and the holder of the cluster network say to each other, and a Service as both know it.

Each message is one packet of MessagePack on a pair of sockets; descriptors ride along. Control sends the same
`Service`s to the node (`protocol.py`).
"""

from __future__ import annotations

import socket
from array import array

import msgspec


class Port(msgspec.Struct, frozen=True, omit_defaults=True):
    """A port of a Service and the `address:port`s behind it."""

    number: int
    name: str = ""
    protocol: str = "TCP"
    targets: tuple[tuple[str, int], ...] = ()
    node_port: int = 0
    """Also on this port of the host's loopback; 0: not."""


class Service(msgspec.Struct, frozen=True, tag="service", omit_defaults=True):
    """`address` is its ClusterIP, '' for a headless one. `pods` are (address, hostname) behind its name."""

    namespace: str
    name: str
    address: str = ""
    external: str = ""
    """An ExternalName's target."""
    ports: tuple[Port, ...] = ()
    pods: tuple[tuple[str, str], ...] = ()
    sticky: bool = False
    """sessionAffinity: ClientIP."""
    socket: str = ""
    """Ports lead to this unix socket of the platform's, not to pods."""


class NoService(msgspec.Struct, frozen=True, tag="noservice"):
    namespace: str
    name: str


class Attach(msgspec.Struct, frozen=True, tag="attach"):
    """A network for the pod of this address."""

    address: str


class Doors(msgspec.Struct, frozen=True, tag="doors"):
    """These ports of a pod shall be reachable from the host."""

    address: str
    ports: tuple[int, ...]


class Detach(msgspec.Struct, frozen=True, tag="detach"):
    address: str


class Listen(msgspec.Struct, frozen=True, tag="listen"):
    """With a listening socket of the host's, on `node_port`: what comes there goes to this port of a Service,
    as long as the Service says so."""

    namespace: str
    name: str
    port: int
    node_port: int


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """With two descriptors: the user and the network namespace."""

    pid: int
    error: str = ""


class Plugged(msgspec.Struct, frozen=True, tag="plugged"):
    """The way out is open."""


class Attached(msgspec.Struct, frozen=True, tag="attached"):
    """With the descriptor of its network namespace unless `error` says why there is none."""

    address: str
    error: str = ""


ToHolder = Service | NoService | Attach | Doors | Detach | Listen
FromHolder = Ready | Plugged | Attached
MOST_DESCRIPTORS = 4
PACKET = 1 << 20
"""Bytes of the longest message."""

def receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    """One packet and its descriptors, which no program that is started inherits: a pod that had one of a
    namespace could enter it. (`socket.recv_fds` of Python 3.11 drops the flag that says so.)"""
    room = socket.CMSG_LEN(MOST_DESCRIPTORS * 4)
    data, extra, _, _ = connection.recvmsg(PACKET, room, socket.MSG_CMSG_CLOEXEC)
    found = array("i")
    for level, kind, content in extra:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found.frombytes(content[: len(content) // found.itemsize * found.itemsize])
    return data, list(found)


encode = msgspec.msgpack.Encoder().encode
