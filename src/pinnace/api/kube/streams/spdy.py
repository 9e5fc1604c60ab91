"""SPDY/3.1 as far as port-forward speaks it: frames in and out, headers compressed as the protocol says.

kubectl carries it inside a WebSocket (`SPDY/3.1+portforward.k8s.io`). Pure: bytes in, frames out. Source of
the layout and of the dictionary: the SPDY Protocol draft 3.1 (sections 2.2, 2.6). Windows are not kept:
neither kubectl nor upstream's server keeps any.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

import msgspec

VERSION = 0x8003
SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY = 1, 2, 3, 6, 7
FIN = 1
FRAME_LIMIT = 1 << 20
HEADERS_LIMIT = 64 * 1024
HEAD = 8
WORDS = (
    "options|head|post|put|delete|trace|accept|accept-charset|accept-encoding|accept-language|accept-"
    "ranges|age|allow|authorization|cache-control|connection|content-base|content-encoding|content-la"
    "nguage|content-length|content-location|content-md5|content-range|content-type|date|etag|expect|e"
    "xpires|from|host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|last-modi"
    "fied|location|max-forwards|pragma|proxy-authenticate|proxy-authorization|range|referer|retry-aft"
    "er|server|te|trailer|transfer-encoding|upgrade|user-agent|vary|via|warning|www-authenticate|meth"
    "od|get|status|200 OK|version|HTTP/1.1|url|public|set-cookie|keep-alive|origin"
)
VALUES = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 No"
    "n-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403"
    " Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Fe"
    "b Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunke"
    "d,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/"
    "javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
"""What both sides' compressors know beforehand: words with their lengths, then some values."""


def _packed(text: str) -> bytes:
    return struct.pack(">I", len(text)) + text.encode("latin-1")


DICTIONARY = b"".join(map(_packed, WORDS.split("|"))) + VALUES.encode()


class Malformed(ValueError):
    """What came is not SPDY."""


class Opened(msgspec.Struct, frozen=True):
    stream: int
    headers: dict[str, str]
    ended: bool


class Data(msgspec.Struct, frozen=True):
    stream: int
    data: bytes
    ended: bool


class Reset(msgspec.Struct, frozen=True):
    stream: int


class Ping(msgspec.Struct, frozen=True):
    number: int


class GoAway(msgspec.Struct, frozen=True):
    pass


Frame = Opened | Data | Reset | Ping | GoAway


class Reader:
    """Bytes in, frames out. Kinds that mean nothing here are skipped."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.headers = zlib.decompressobj(zdict=DICTIONARY)

    def feed(self, data: bytes) -> list[Frame]:
        """Raises Malformed."""
        self.buffer += data
        found: list[Frame] = []
        while len(self.buffer) >= HEAD:
            first, second = struct.unpack_from(">II", self.buffer)
            size = second & 0xFFFFFF
            if size > FRAME_LIMIT:
                raise Malformed(f"a frame of {size} bytes")
            if len(self.buffer) < HEAD + size:
                break
            body = bytes(self.buffer[HEAD : HEAD + size])
            del self.buffer[: HEAD + size]
            frame = self._frame(first, second >> 24, body)
            if frame is not None:
                found.append(frame)
        return found

    def _frame(self, first: int, flags: int, body: bytes) -> Frame | None:
        ended = bool(flags & FIN)
        if not first >> 31:
            return Data(first, body, ended)
        if first >> 16 != VERSION:
            raise Malformed(f"version {first >> 16 & 0x7FFF}")
        kind = first & 0xFFFF
        try:
            if kind == SYN_STREAM:
                stream = struct.unpack_from(">I", body)[0] & 0x7FFFFFFF
                return Opened(stream, self._headers(body[10:]), ended)
            if kind == RST_STREAM:
                return Reset(struct.unpack_from(">I", body)[0] & 0x7FFFFFFF)
            if kind == PING:
                return Ping(struct.unpack_from(">I", body)[0])
        except (struct.error, zlib.error, IndexError) as error:
            raise Malformed(str(error)) from error
        return GoAway() if kind == GOAWAY else None

    def _headers(self, block: bytes) -> dict[str, str]:
        text = self.headers.decompress(block, HEADERS_LIMIT)
        if self.headers.unconsumed_tail:
            raise Malformed("headers of more than 64 KiB")
        (count,), place = struct.unpack_from(">I", text), 4
        found: dict[str, str] = {}
        for _ in range(min(count, HEADERS_LIMIT)):
            name, place = _text(text, place)
            found[name], place = _text(text, place)
        return found


class Writer:
    """Frames as bytes."""

    def __init__(self) -> None:
        self.headers = zlib.compressobj(zdict=DICTIONARY)

    def reply(self, stream: int, headers: Mapping[str, str] | None = None) -> bytes:
        """A stream is accepted."""
        pairs = (headers or {}).items()
        packed = b"".join(_packed(name) + _packed(value) for name, value in pairs)
        text = struct.pack(">I", len(pairs)) + packed
        block = self.headers.compress(text) + self.headers.flush(zlib.Z_SYNC_FLUSH)
        return control(SYN_REPLY, struct.pack(">I", stream) + block)


def data(stream: int, body: bytes, *, end: bool = False) -> bytes:
    return struct.pack(">II", stream, (FIN if end else 0) << 24 | len(body)) + body


def reset(stream: int, status: int = 5) -> bytes:
    """`status` 5: cancelled."""
    return control(RST_STREAM, struct.pack(">II", stream, status))


def ping(number: int) -> bytes:
    return control(PING, struct.pack(">I", number))


def control(kind: int, body: bytes) -> bytes:
    return struct.pack(">II", VERSION << 16 | kind, len(body)) + body


def _text(block: bytes, place: int) -> tuple[str, int]:
    (size,) = struct.unpack_from(">I", block, place)
    end = place + 4 + size
    if end > len(block):
        raise Malformed("a header that is longer than its block")
    return block[place + 4 : end].decode("latin-1"), end
