"""The process in which the heavy algorithms think, so that control never imports numpy or Optuna.

`Crew.suggest` is called by `suggestions`. The worker (`python -m pinnace.controllers.tuning.worker`) is
started at the first question and leaves by itself when nobody has asked for a while or control is gone; it
keeps nothing, every question carries the whole history. One question at a time.
"""

from __future__ import annotations

import asyncio
import os
import struct
import sys
from contextlib import suppress

import msgspec

from pinnace.controllers.tuning.suggesters import LIGHT, Answer, Problem, suggest

PATIENCE = 120.0
"""Seconds for one answer: the first one imports Optuna on a machine that may be busy."""


class Question(msgspec.Struct, frozen=True):
    problem: Problem
    count: int


class Reply(msgspec.Struct, frozen=True):
    answer: Answer | None = None
    error: str = ""


class Unanswered(Exception):
    """The worker could not say; the message is what it said instead."""


class Crew:
    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def suggest(self, problem: Problem, count: int) -> Answer:
        """Raises Unanswered."""
        if problem.algorithm in LIGHT:
            return suggest(problem, count)
        async with self._turn:
            for attempt in (0, 1):
                try:
                    return await asyncio.wait_for(self._ask(Question(problem, count)), PATIENCE)
                except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
                    self._end()  # it left between two questions, or broke: a fresh one knows as much
                    if attempt:
                        words = "the process of the suggestion algorithms ended; see control.log"
                        raise Unanswered(words) from None
        raise AssertionError

    async def _ask(self, question: Question) -> Answer:
        process = await self._worker()
        assert process.stdin is not None
        assert process.stdout is not None
        body = await asyncio.to_thread(msgspec.msgpack.encode, question)
        process.stdin.write(struct.pack(">I", len(body)) + body)
        await process.stdin.drain()
        (length,) = struct.unpack(">I", await process.stdout.readexactly(4))
        reply = msgspec.msgpack.decode(await process.stdout.readexactly(length), type=Reply)
        if reply.answer is None:
            raise Unanswered(reply.error)
        return reply.answer

    async def _worker(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "pinnace.controllers.tuning.worker",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env={**os.environ, **threads},
            )
        return self._process

    def _end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        self._process = None
