"""An honest in-memory `Gateway` for tests of controllers: keeps what was published, serves nothing.

Tests say which backends are healthy with `healthy` and what they did with `statistics`.
"""

from __future__ import annotations

from collections.abc import Sequence

from pinnace.gateway.interface import About, Endpoint, Refused, Statistics, StepStatistics, Walked
from pinnace.gateway.picture import conflict


class Memory:
    def __init__(self, port: int = 8081) -> None:
        self.endpoints: dict[str, Endpoint] = {}
        self.healthy: set[str] = set()
        self.statistics: dict[str, Statistics] = {}
        self._about = About(port, f"localhost:{port}", router="/run/graphs.sock")

    async def about(self) -> About:
        return self._about

    async def publish(self, endpoints: Sequence[Endpoint]) -> None:
        wanted = self.endpoints | {endpoint.key: endpoint for endpoint in endpoints}
        clash = conflict(wanted.values())
        if clash:
            raise Refused(clash)
        self.endpoints = wanted

    async def withdraw(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.endpoints.pop(key, None)

    async def published(self) -> list[str]:
        return list(self.endpoints)

    async def invite(self, key: str, location: str) -> str:
        if key not in self.endpoints or not self.endpoints[key].gate:
            raise Refused(f"{key} is not served")
        host = self.endpoints[key].routes[0].hosts[0]
        return f"http://{host}:{self._about.port}/.pinnace/session?code=for{location}"

    async def ready(self, namespace: str, backend: str) -> bool:
        return f"{namespace}/{backend}" in self.healthy

    async def stats(self) -> dict[str, Statistics]:
        return dict(self.statistics)

    async def graphs(self) -> dict[str, list[StepStatistics]]:
        return {key: [] for key, endpoint in self.endpoints.items() if endpoint.graph is not None}

    async def walk(self, key: str, body: bytes, content_type: str) -> Walked:
        endpoint = self.endpoints.get(key)
        if endpoint is None or endpoint.graph is None:
            raise Refused(f"there is no graph {key}")
        return Walked(status=200, body=body, content_type=content_type, took=0.0)
