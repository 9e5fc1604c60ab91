"""`pinnace console --context NAME`: serves the console on loopback until Ctrl-C.

Needs no platform on this machine.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from pathlib import Path

from pinnace.objects import kubeconfig, kubefiles

HOST = "127.0.0.1"


def serve(context: str, file: Path | None, port: int) -> int:
    """Exit code 2: the kubeconfig does not say how to connect; 1: the port is taken."""
    try:
        files = file or kubefiles.paths()
        kubeconfig.context_in(context, files)
        asyncio.run(_serve(files, context, port))
    except ValueError as problem:
        print(f"pinnace console: {problem}", file=sys.stderr)
        return 2
    except OSError as problem:
        print(f"pinnace console: port {port}: {problem.strerror}; --port 0 takes a free one", file=sys.stderr)
        return 1
    return 0


async def _serve(files: kubefiles.Files, context: str, port: int) -> None:
    from pinnace.api import server
    from pinnace.api.authentication import Authenticator
    from pinnace.cli.contexts.relay import Relay
    from pinnace.cli.contexts.upstream import Upstream
    from pinnace.home import Home

    upstream = Upstream(files, context)
    # The session's key lives as long as this process: nothing of it is kept.
    with tempfile.TemporaryDirectory(prefix="pinnace-console-") as folder:
        authenticator = Authenticator(Home.at(folder))
        listening = await server.serve(Relay(upstream, authenticator), HOST, port, None)
        try:
            link = f"http://{HOST}:{listening.port}/signin?code={authenticator.issue_code()}"
            where = f"context {context} at {upstream.access.server}"
            print(f"{link}\n  {where}; signs in once; Ctrl-C ends", flush=True)
            await _told_to_end()
        finally:
            await listening.close()
            await upstream.close()


async def _told_to_end() -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
