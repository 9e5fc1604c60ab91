"""Answers that go on: one message a line, or Server-Sent Events for who accepts those.

Shapes: `{"result": …}\\n`, or `data: {"result": …} \\n\\n`. Source: argoproj/pkg grpc/http/forwarders.go.
Invariant: messages are made only as fast as the client takes them; the stream ends when the client goes or
the platform stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from pinnace.api.argo.errors import body
from pinnace.api.http import Request
from pinnace.objects.errors import StatusError

SSE = "text/event-stream"
encode = msgspec.json.Encoder().encode


class Stream:
    def __init__(self, request: Request) -> None:
        self.request = request
        self.events = SSE in request.header(b"accept")

    async def run(self, messages: AsyncIterator[Any]) -> None:
        """A StatusError of the first message is an HTTP refusal; a later one is the stream's last word."""
        await self.request.body()
        sending = asyncio.ensure_future(self._send(messages))
        ends: list[asyncio.Future[Any]] = [sending, asyncio.ensure_future(self.request.gone())]
        stopping = self.request.scope.get("state", {}).get("stopping")
        if stopping is not None:
            ends.append(asyncio.ensure_future(stopping.wait()))
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ends:
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            close = getattr(messages, "aclose", None)
            if close is not None:
                await close()
        if not sending.cancelled() and (problem := sending.exception()) is not None:
            raise problem
        if self.request.started:
            await self.request.write(b"", more=False)

    async def _send(self, messages: AsyncIterator[Any]) -> None:
        first = asyncio.ensure_future(anext(messages, None))
        await asyncio.wait((first,), timeout=0.05)
        if first.done():
            first.result()
        await self.request.start(200, SSE if self.events else "application/json")
        await self.request.write(b"")
        try:
            message = await first
            while message is not None:
                await self.request.write(self._framed({"result": message}))
                message = await anext(messages, None)
        except StatusError as refusal:
            await self.request.write(self._framed({"error": body(refusal)}))

    def _framed(self, message: Any) -> bytes:
        content = encode(message)
        return b"data: " + content + b" \n\n" if self.events else content + b"\n"
