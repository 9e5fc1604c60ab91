"""Several streams in one WebSocket: every message begins with the number of its channel.

Source: kubernetes/apimachinery pkg/util/remotecommand/constants.go and client-go tools/remotecommand.
Version 5 is version 4 with a message that closes one channel.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pinnace.api.websocket import Upgrade

STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
CLOSE = 255
V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
SPOKEN = (V5, V4)


class Size(msgspec.Struct):
    """Of a terminal, in characters."""

    width: int = msgspec.field(name="Width")
    height: int = msgspec.field(name="Height")


class Channels:
    def __init__(self, socket: Upgrade, version: str) -> None:
        self.socket = socket
        self.closing = version == V5

    async def receive(self) -> tuple[int, bytes] | None:
        """Channel and bytes; (CLOSE, channel) where the client ends one; None when it is gone."""
        while (data := await self.socket.receive()) is not None:
            if data and (data[0] != CLOSE or self.closing):
                return data[0], data[1:]
        return None

    async def send(self, channel: int, data: bytes) -> None:
        await self.socket.send(bytes((channel,)) + data)

    async def finish(self, status: dict[str, Any]) -> None:
        """The last word, then the end."""
        await self.send(ERROR, msgspec.json.encode(status))
        await self.socket.close()


def ended(code: int) -> dict[str, Any]:
    """How a command ended, as a Status."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def failed(why: str) -> dict[str, Any]:
    """Why nothing was run."""
    return {
        "metadata": {}, "status": "Failure", "reason": "InternalError", "code": 500,
        "message": f"Internal error occurred: {why}", "details": {"causes": [{"message": why}]},
    }
