"""An event loop whose clock jumps: when nothing is left to do before the next timer, it is that time.

Used by `world`. Back-off, durations, deadlines and schedules pass in no time, and in the order in which they
would have. Invariant: while a thread or a socket may still bring something, time goes as it does outside.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
PIPE = 1
"""The loop's own wake-up is always registered."""
GLANCE = 0.05
RESOLUTION = 1e-6
"""Seconds; a sum of years and moments is no more exact."""


class Jumping(selectors.DefaultSelector):
    """Instead of waiting it moves its loop's clock."""

    loop: Loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if found or (timeout is not None and timeout <= 0):
            return found
        if self.loop.threads:
            return super().select(None)
        if len(self.get_map()) > PIPE:
            return self._wait(timeout)
        if timeout is None or self.loop.elapsed + timeout > self.loop.limit:
            self.loop.rest()
        else:
            self.loop.elapsed += timeout
        return []

    def _wait(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        began = time.monotonic()
        found = super().select(GLANCE if timeout is None else min(timeout, GLANCE))
        self.loop.elapsed += time.monotonic() - began
        return found


class Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.elapsed = 0.0
        """Seconds since the beginning, as its tasks see them."""
        self.limit = float("inf")
        """The moment that its clock does not pass."""
        self.threads = 0
        self.rest: Callable[[], None] = _stuck
        """Called when nothing will ever happen by itself any more; it must give the loop something to do."""
        selector = Jumping()
        selector.loop = self
        super().__init__(selector)
        self._clock_resolution = RESOLUTION

    def time(self) -> float:
        return self.elapsed

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        self.threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._returned)
        return future

    def _returned(self, _future: asyncio.Future[Any]) -> None:
        self.threads -= 1


def _stuck() -> None:
    raise RuntimeError("every task waits for another one: nothing can happen any more")
