"""The HTTP server of model servers: framing, keep-alive, pipelining, refusal of what is ambiguous."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pinnace.runtimes.server import Chunks, Request, Response, Server

pytestmark = pytest.mark.anyio


def echo(request: Request) -> Response:
    seen = {"method": request.method, "path": request.path, "body": request.body.decode("latin-1")}
    return Response(json.dumps(seen).encode())


class Wire:
    def __init__(self, server: Server, port: int) -> None:
        self.server = server
        self.port = port

    async def send(self, raw: bytes) -> bytes:
        """All that comes back until the server closes, or until it has nothing more to say."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(raw)
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return answer


@pytest.fixture
async def wire(anyio_backend: str) -> AsyncIterator[Wire]:
    server = Server(echo)
    found = Wire(server, await server.listen_tcp("127.0.0.1", 0))
    yield found
    await server.stop(1)


def bodies(answer: bytes) -> list[str]:
    return [json.loads(part.partition(b"\r\n\r\n")[2])["body"] for part in answer.split(b"HTTP/1.1 200")[1:]]


async def test_pipelined_requests_are_answered_in_order(wire: Wire) -> None:
    raw = b"".join(b"POST /%d HTTP/1.1\r\nContent-Length: 1\r\n\r\n%d" % (i, i) for i in range(5))
    assert bodies(await wire.send(raw)) == list("01234")


async def test_a_chunked_body_is_joined(wire: Wire) -> None:
    raw = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n"
    assert bodies(await wire.send(raw + b"GET /b HTTP/1.1\r\n\r\n")) == ["abcde", ""]


async def test_an_escaped_colon_is_a_colon(wire: Wire) -> None:
    answer = await wire.send(b"GET /v1/models/m%3Apredict?x=1 HTTP/1.1\r\n\r\n")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["path"] == "/v1/models/m:predict"


@pytest.mark.parametrize("raw", [
    b"nonsense\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: 1_0\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n",
    b"POST / HTTP/1.1\r\nName : x\r\n\r\n",
])
async def test_what_is_ambiguous_is_refused_and_the_connection_closed(wire: Wire, raw: bytes) -> None:
    answer = await wire.send(raw + b"GET /smuggled HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"smuggled" not in answer


async def test_headers_and_bodies_have_a_limit(wire: Wire) -> None:
    assert b" 431 " in await wire.send(b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000)
    assert b" 413 " in await wire.send(b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n")


async def test_a_stop_lets_the_answer_under_way_end(anyio_backend: str) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> Response:
        begun.set()
        await go_on.wait()
        return Response(b"done")

    server = Server(slow)
    port = await server.listen_tcp("127.0.0.1", 0)
    idle = await asyncio.open_connection("127.0.0.1", port)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    await begun.wait()
    stopping = asyncio.create_task(server.stop(5))
    assert await asyncio.wait_for(idle[0].read(), 5) == b"", "an idle connection is closed at once"
    go_on.set()
    answer = await asyncio.wait_for(reader.read(), 5)
    assert answer.endswith(b"done")
    assert b"Connection: close" in answer
    await asyncio.wait_for(stopping, 5)
    writer.close()
    idle[1].close()
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.lists(st.integers(1, 30), max_size=40))
def test_chunks_are_the_same_however_they_arrive(parts: list[bytes], cuts: list[int]) -> None:
    raw = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\nNEXT"
    chunks, buffer, ended = Chunks(), bytearray(), False
    rest = raw
    for cut in [*cuts, len(raw)]:
        buffer += rest[:cut]
        rest = rest[cut:]
        ended = ended or chunks.feed(buffer)
    assert ended
    assert bytes(chunks.body) == b"".join(parts)
    assert bytes(buffer + rest) == b"NEXT"
