"""Control's end of the agent: starts it when there is something to do, and keeps nothing.

Caller: `errands`. An agent that dies takes its errands with it: each is asked again once, for an http
template is at-least-once anyway; then the node is told.
"""

from __future__ import annotations

import asyncio
import os
import struct
import sys
from contextlib import suppress
from itertools import count

import msgspec

from pinnace.controllers.workflow.agent.messages import Done, Question

HEAD = struct.Struct(">I")
TWICE = 2
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Done).decode


class Agent:
    """One a control process."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._open: dict[int, asyncio.Future[Done]] = {}
        self._starting = asyncio.Lock()
        self._numbers = count(1)

    async def ask(self, question: Question) -> Done:
        for _ in range(TWICE):
            question.id = next(self._numbers)
            with suppress(ConnectionError, OSError):
                return await self._asked(question)
        return Done(question.id, "Error", "the agent ended before it answered; see control.log")

    async def _asked(self, question: Question) -> Done:
        process = await self._running()
        assert process.stdin is not None
        answer: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        self._open[question.id] = answer
        body = _encode(question)
        try:
            process.stdin.write(HEAD.pack(len(body)) + body)
            await process.stdin.drain()
            return await answer
        finally:
            self._open.pop(question.id, None)

    async def _running(self) -> asyncio.subprocess.Process:
        async with self._starting:
            process = self._process
            if (
                process is None
                or process.returncode is not None
                or self._reading is None
                or self._reading.done()
            ):
                process = self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "pinnace.controllers.workflow.agent.process",
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    env=dict(os.environ),
                )
                self._reading = asyncio.create_task(self._read(process))
            return process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (length,) = HEAD.unpack(await process.stdout.readexactly(HEAD.size))
                done = _decode(await process.stdout.readexactly(length))
                future = self._open.get(done.id)
                if future is not None and not future.done():
                    future.set_result(done)
        waiting, self._open = self._open, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(ConnectionError("the agent ended"))
        await process.wait()
