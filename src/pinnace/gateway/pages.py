"""The gateway's own few pages: how to get in, and what is still starting.

Callers: `doorkeeper`, `activator`. They show nothing of anybody's unescaped.
"""

from __future__ import annotations

import html

from pinnace.gateway import page as frame
from pinnace.gateway.interface import Endpoint
from pinnace.runtimes.server import Response


def form(action: str, code: str) -> str:
    return frame.form(action, code, "Open")


def how(endpoint: Endpoint) -> str:
    """What to do without a session. A gated endpoint's name is its kind and name: `notebooks/lab`."""
    kind, _, name = endpoint.name.rpartition("/")
    kind, name = kind.removesuffix("s") or "notebook", html.escape(name)
    command = f"pinnace {html.escape(kind)} open {name} -n {html.escape(endpoint.namespace)}"
    return (
        f"<p>{name} is shown to who opens it from the console (its page of {html.escape(kind)}s), or by "
        f"<code>{command}</code>.</p>"
    )


def page(code: int, inner: str) -> Response:
    return Response(frame.document(inner), code, frame.HTML, frame.HEADERS)


def waiting(name: str, reason: str) -> Response:
    """Of what is not there yet: says why, and looks again by itself."""
    shown = f"<p>{html.escape(name.rpartition('/')[2])} is not there yet: {html.escape(reason)}.</p>"
    found = page(503, f"{shown}<p>This page looks again by itself.</p>")
    return found._replace(headers=(*found.headers, ("Refresh", "2"), ("Retry-After", "2")))
