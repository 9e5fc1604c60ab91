"""A watch over a WebSocket: each event is a text frame of its own, as upstream's API server does.

For browsers, which open six plain connections to a host at most, and some two hundred sockets. Called by
`watching`, which keeps the rules.
"""

from __future__ import annotations

from pinnace.api.kube.watching import Stream
from pinnace.api.websocket import Upgrade


class Frames(Stream):
    request: Upgrade

    async def _gone(self) -> None:
        await self.request.lost.wait()

    async def _start(self) -> None:
        await self.request.open()

    async def _put(self, line: bytes) -> None:
        await self.request.tell(line.rstrip(b"\n"))

    async def _end(self) -> None:
        if not self.request.started:
            await self._start()
        await self.request.close()
