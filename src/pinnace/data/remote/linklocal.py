"""A cloud's metadata service hands the machine's credentials to whoever asks from it: nobody's URL may lead
there, not by its address, a name or a redirect.

Callers: the processes that fetch for others (`data.remote`, the workflows' agent). `guard` judges every name
at the moment of its use; `hook` and `judge` also what a client connects to without asking for a name.
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address
from typing import Any

_resolve = socket.getaddrinfo


class LinkLocal(OSError):
    """The text names the host."""


def guard() -> None:
    """In this process no name leads to a link-local address any more."""
    socket.getaddrinfo = resolved


def resolved(host: Any, *words: Any, **named: Any) -> Any:
    """As socket.getaddrinfo. Raises LinkLocal."""
    found = _resolve(host, *words, **named)
    for *_, place in found:
        if _is(str(place[0])):
            why = "is a link-local address, where metadata services live: it is not asked"
            raise LinkLocal(f"{_text(host)} {why}")
    return found


def judge(host: str | None) -> None:
    """Raises LinkLocal. A name that nobody knows is left to whoever asks for it."""
    try:
        resolved(host or "localhost", None)
    except socket.gaierror:
        return


async def hook(request: Any) -> None:
    """Of an httpx.AsyncClient: the first request and each that a redirect leads to."""
    await asyncio.to_thread(judge, request.url.host)


def _is(address: str) -> bool:
    found = ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_link_local


def _text(host: Any) -> str:
    return host.decode() if isinstance(host, bytes) else str(host)
