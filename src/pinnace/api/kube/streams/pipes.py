"""Reading and writing descriptors of pipes and terminals on the event loop, a piece at a time.

Nothing is held beyond the one piece: a reader that waits lets the pipe fill, and its writer waits, too.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import termios
from collections.abc import AsyncIterator

PIECE = 1 << 16


class Drain:
    """Reads to the end; after `finish` only what is already there."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.finishing = asyncio.Event()

    def finish(self) -> None:
        self.finishing.set()

    async def pieces(self) -> AsyncIterator[bytes]:
        while True:
            try:
                data = os.read(self.descriptor, PIECE)
            except BlockingIOError:
                if self.finishing.is_set():
                    return
                await self._readable()
                continue
            except OSError:  # a terminal that nobody has any more
                return
            if not data:
                return
            yield data
            await asyncio.sleep(0)

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = loop.create_task(self.finishing.wait())
        loop.add_reader(self.descriptor, ready.cancel)
        try:
            await asyncio.wait((ready,))
        finally:
            loop.remove_reader(self.descriptor)
            ready.cancel()


async def write(descriptor: int, data: bytes) -> None:
    """All of it. OSError (BrokenPipeError): nobody reads any more."""
    loop = asyncio.get_running_loop()
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(descriptor, left) :]
        except BlockingIOError:
            ready = asyncio.Event()
            loop.add_writer(descriptor, ready.set)
            try:
                await ready.wait()
            finally:
                loop.remove_writer(descriptor)


def resize(terminal: int, width: int, height: int) -> None:
    size = struct.pack("HHHH", height & 0xFFFF, width & 0xFFFF, 0, 0)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
