"""What control and the gateway process say to each other: length-prefixed MessagePack over a unix socket.

One request, one answer, in order, as often as a connection lives. A frame is a 4-byte big-endian length
and one tagged message (the same framing as the node's).
"""

from __future__ import annotations

import asyncio
import struct

import msgspec

from pinnace.gateway.interface import About, Endpoint, Statistics, StepStatistics, Walked
from pinnace.home import Home

LIMIT = 64 * 1024 * 1024
_LENGTH = struct.Struct(">I")


class Publish(msgspec.Struct, tag="publish"):
    endpoints: list[Endpoint]


class Withdraw(msgspec.Struct, tag="withdraw"):
    keys: list[str]


class Published(msgspec.Struct, tag="published"):
    pass


class Invite(msgspec.Struct, tag="invite"):
    key: str
    location: str


class Ready(msgspec.Struct, tag="ready"):
    namespace: str
    backend: str


class Stats(msgspec.Struct, tag="stats"):
    pass


class Asked(msgspec.Struct, tag="about"):
    pass


class Graphs(msgspec.Struct, tag="graphs"):
    pass


class Walk(msgspec.Struct, tag="walk"):
    key: str
    body: bytes
    content_type: str


class Done(msgspec.Struct, tag="done", omit_defaults=True):
    """`refused` is the text of a picture that was not taken; else the field that was asked for."""

    refused: str = ""
    keys: list[str] = []
    ready: bool = False
    stats: dict[str, Statistics] = {}
    about: About | None = None
    link: str = ""
    graphs: dict[str, list[StepStatistics]] = {}
    walked: Walked | None = None


Request = Publish | Withdraw | Published | Invite | Ready | Stats | Asked | Graphs | Walk

_encoder = msgspec.msgpack.Encoder()
requests = msgspec.msgpack.Decoder(Request)
answers = msgspec.msgpack.Decoder(Done)


def socket_path(home: Home) -> str:
    return str(home.run / "gateway.sock")


def frame(message: Request | Done) -> bytes:
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """Raises IncompleteReadError at the end of the connection, ValueError for a frame over LIMIT."""
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > LIMIT:
        raise ValueError(f"a frame of {length} bytes")
    return await reader.readexactly(length)
