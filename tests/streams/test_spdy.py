"""SPDY frames: what a client's library writes is read, and the other way round."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinnace.api.kube.streams import spdy


class Client:
    """The other side's writer of headers."""

    def __init__(self) -> None:
        self.compressor = zlib.compressobj(zdict=spdy.DICTIONARY)

    def opened(self, stream: int, headers: dict[str, str], flags: int = 0) -> bytes:
        text = struct.pack(">I", len(headers))
        for word in (word for pair in headers.items() for word in pair):
            text += struct.pack(">I", len(word)) + word.encode()
        block = self.compressor.compress(text) + self.compressor.flush(zlib.Z_SYNC_FLUSH)
        body = struct.pack(">IIBB", stream, 0, 0, 0) + block
        return struct.pack(">HHI", 0x8003, 1, flags << 24 | len(body)) + body


def test_the_dictionary_is_the_protocol_s() -> None:
    """Its checksum stands in every compressed stream's head."""
    assert zlib.adler32(spdy.DICTIONARY) == 0xE3C6A7C2


@given(st.lists(st.dictionaries(st.sampled_from(["port", "streamtype", "x"]), st.text("abc0", max_size=9))),
       st.integers(1, 50))
def test_frames_are_read_however_they_are_cut(headers: list[dict[str, str]], cut: int) -> None:
    client, reader = Client(), spdy.Reader()
    sent = b"".join(
        client.opened(2 * place + 1, each) + spdy.data(2 * place + 1, b"body", end=True)
        for place, each in enumerate(headers)
    )
    found = [frame for at in range(0, len(sent), cut) for frame in reader.feed(sent[at : at + cut])]
    wanted: list[spdy.Frame] = []
    for place, each in enumerate(headers):
        wanted += [spdy.Opened(2 * place + 1, each, False), spdy.Data(2 * place + 1, b"body", True)]
    assert found == wanted


def test_a_reply_is_a_frame_with_headers() -> None:
    writer, inflate = spdy.Writer(), zlib.decompressobj(zdict=spdy.DICTIONARY)
    for stream in (1, 3):
        frame = writer.reply(stream, {"a": "b"})
        assert struct.unpack_from(">HHII", frame) == (0x8003, 2, len(frame) - 8, stream)
        assert inflate.decompress(frame[12:]) == struct.pack(">II", 1, 1) + b"a" + struct.pack(">I", 1) + b"b"


@pytest.mark.parametrize("junk", [
    b"\x80\x02\0\1\0\0\0\0", b"\0\0\0\1\0\xff\xff\xff", b"\x80\x03\0\1\0\0\0\x02ab",
    b"\x80\x03\0\1\0\0\0\x0e" + bytes(10) + b"\xff\xff\xff\xff",
])
def test_what_is_none_is_refused(junk: bytes) -> None:
    with pytest.raises(spdy.Malformed):
        spdy.Reader().feed(junk)


def test_headers_that_swell_are_refused() -> None:
    client = Client()
    with pytest.raises(spdy.Malformed):
        spdy.Reader().feed(client.opened(1, {"x": "y" * 1_000_000}))
