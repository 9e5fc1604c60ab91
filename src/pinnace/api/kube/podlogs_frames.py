"""A log over a WebSocket: its bytes in binary frames, cut anywhere, as upstream's API server sends them.

For browsers, which open six plain connections to a host at most, and some two hundred sockets. Called by
`podlogs`, which keeps the rules.
"""

from __future__ import annotations

from pinnace.api.kube.podlogs import Reader
from pinnace.api.websocket import Upgrade


class Frames(Reader):
    request: Upgrade

    async def _start(self) -> None:
        await self.request.open()

    async def _gone(self) -> None:
        await self.request.lost.wait()

    async def _put(self, body: bytes) -> None:
        await self.request.send(body)

    async def _end(self) -> None:
        await self.request.close()
