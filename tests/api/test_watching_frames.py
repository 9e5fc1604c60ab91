"""A watch over a WebSocket, as browsers ask for it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from tests.api.conftest import Stack

MAPS = "/api/v1/namespaces/default/configmaps"


def opened(stack: Stack, query: str = "", **headers: str) -> connect:
    given = {"Authorization": f"Bearer {stack.token}"} | headers
    url = f"{stack.url.replace('http', 'ws', 1)}{MAPS}?watch=1{query}"
    return connect(url, additional_headers=given)


async def next_event(socket: ClientConnection) -> dict[str, Any]:
    frame = await asyncio.wait_for(socket.recv(), 20)
    assert isinstance(frame, str), "an event is a text frame"
    event: dict[str, Any] = json.loads(frame)
    return event


def test_each_event_is_a_frame(stack: Stack) -> None:
    http = stack.http()
    version = http.get(MAPS).json()["metadata"]["resourceVersion"]

    async def watch() -> list[str]:
        async with opened(stack, f"&resourceVersion={version}") as socket:
            body = {"apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": {"name": "framed"}, "data": {"a": "é"}}
            http.post(MAPS, json=body).raise_for_status()
            added = await next_event(socket)
            assert added["object"]["data"] == {"a": "é"}
            http.delete(f"{MAPS}/framed").raise_for_status()
            return [added["type"], (await next_event(socket))["type"]]

    assert asyncio.run(watch()) == ["ADDED", "DELETED"]


@pytest.mark.parametrize(
    ("query", "headers", "code"),
    [
        ("&resourceVersion=999999999", {}, 504),
        ("&resourceVersion=x", {}, 400),
        ("", {"Authorization": "Bearer nothing"}, 401),
        ("", {"Origin": "http://evil.example"}, 403),
    ],
)
def test_a_refusal_comes_before_anything_is_opened(
    stack: Stack, query: str, headers: dict[str, str], code: int
) -> None:
    async def watch() -> int:
        try:
            async with opened(stack, query, **headers):
                return 101
        except InvalidStatus as refusal:
            return refusal.response.status_code

    assert asyncio.run(watch()) == code
