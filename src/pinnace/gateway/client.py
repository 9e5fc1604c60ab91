"""`Gateway` for control: speaks to the gateway process over its unix socket and reconnects by itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from pinnace.gateway import wire
from pinnace.gateway.interface import (
    About,
    Endpoint,
    Refused,
    Statistics,
    StepStatistics,
    Unreachable,
    Walked,
)
from pinnace.home import Home

PATIENCE = 30.0
"""Seconds for an answer; publishing waits for Envoy, which takes some milliseconds."""


class Connection:
    def __init__(self, home: Home, patience: float | None = PATIENCE) -> None:
        """`patience` None: an answer may take as long as it takes."""
        self._home = home
        self._path = wire.socket_path(home)
        self._patience = patience
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def about(self) -> About:
        found = (await self._ask(wire.Asked())).about
        assert found is not None
        return found

    async def publish(self, endpoints: Sequence[Endpoint]) -> None:
        await self._ask(wire.Publish(list(endpoints)))

    async def withdraw(self, keys: Sequence[str]) -> None:
        await self._ask(wire.Withdraw(list(keys)))

    async def published(self) -> list[str]:
        return (await self._ask(wire.Published())).keys

    async def invite(self, key: str, location: str) -> str:
        return (await self._ask(wire.Invite(key, location))).link

    async def ready(self, namespace: str, backend: str) -> bool:
        return (await self._ask(wire.Ready(namespace, backend))).ready

    async def stats(self) -> dict[str, Statistics]:
        return (await self._ask(wire.Stats())).stats

    async def graphs(self) -> dict[str, list[StepStatistics]]:
        return (await self._ask(wire.Graphs())).graphs

    async def walk(self, key: str, body: bytes, content_type: str) -> Walked:
        """On a connection of its own: a model may take its time, and others have questions."""
        alone = Connection(self._home, None)
        try:
            found = (await alone._ask(wire.Walk(key, body, content_type))).walked
        finally:
            await alone.close()
        assert found is not None
        return found

    async def close(self) -> None:
        async with self._turn:
            self._forget()

    async def _ask(self, request: wire.Request) -> wire.Done:
        async with self._turn:
            try:
                async with asyncio.timeout(self._patience):
                    done = await self._exchange(request)
            except BaseException as problem:
                self._forget()
                if isinstance(problem, OSError | EOFError | TimeoutError):
                    raise Unreachable(f"the gateway does not answer at {self._path}: {problem!r}") from None
                raise
        if done.refused:
            raise Refused(done.refused)
        return done

    async def _exchange(self, request: wire.Request) -> wire.Done:
        fresh = self._streams is None
        try:
            return await self._once(request)
        except (OSError, EOFError):
            if fresh:
                raise
            self._forget()  # the gateway was restarted since; every request may be asked twice
            return await self._once(request)

    async def _once(self, request: wire.Request) -> wire.Done:
        if self._streams is None:
            self._streams = await asyncio.open_unix_connection(self._path)
        reader, writer = self._streams
        writer.write(wire.frame(request))
        await writer.drain()
        return wire.answers.decode(await wire.read_frame(reader))

    def _forget(self) -> None:
        if self._streams is not None:
            with contextlib.suppress(Exception):
                self._streams[1].close()
            self._streams = None
