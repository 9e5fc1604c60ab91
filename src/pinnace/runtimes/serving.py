"""A small HTTP program from its handler to its end: for the stand-ins of tutorials' images (`samples.py`,
`agnhost.py`, `httpd.py`)."""

from __future__ import annotations

import asyncio
import signal

from .program import everywhere
from .server import Handler, Server


def serve(handlers: dict[int, Handler], grace: float = 1.0) -> int:
    """A handler for each port, until the program is told to end."""
    return asyncio.run(_serve(handlers, grace))


async def _serve(handlers: dict[int, Handler], grace: float) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    servers = []
    for port, handler in handlers.items():
        servers.append(Server(handler))
        await servers[-1].listen_tcp(everywhere(), port)
    await stop.wait()
    for server in servers:
        await server.stop(grace)
    return 0
