"""The gateway's own few pages: how to get in, and what is still starting.

Callers: `doorkeeper`, `activator`. They run one script of ours, where there is a form, and show nothing of
anybody's unescaped.
"""

from __future__ import annotations

import base64
import hashlib
import html

from pinnace.gateway.interface import Endpoint
from pinnace.runtimes.server import Response

HTML = "text/html; charset=utf-8"
SCRIPT = "document.forms[0].submit()"
_SCRIPT_DIGEST = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; script-src 'sha256-{_SCRIPT_DIGEST}'; style-src 'unsafe-inline'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:20vh auto;max-width:34rem;padding:0 1rem;color:#1c2430;"
    "background:#f7f8fa}button{font:inherit;padding:.5rem 1.25rem;border:0;border-radius:.4rem;"
    "background:#0b5cad;color:#fff}code{background:#e8ebf0;padding:.1rem .3rem;border-radius:.2rem}"
    "@media(prefers-color-scheme:dark){body{color:#e6e9ef;background:#14181f}code{background:#262c37}}"
)


def form(action: str, code: str) -> str:
    return (
        f'<form method="post" action="{action}"><input type="hidden" name="code" '
        f'value="{html.escape(code, quote=True)}"><button>Open</button></form><script>{SCRIPT}</script>'
    )


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
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Pinnace</title><style>{STYLE}</style>'
        f"<body><h1>Pinnace</h1>{inner}</body></html>"
    )
    headers = (
        ("Content-Security-Policy", POLICY), ("Referrer-Policy", "same-origin"),
        ("Cache-Control", "no-store"), ("X-Frame-Options", "DENY"), ("X-Content-Type-Options", "nosniff"),
    )
    return Response(text.encode(), code, HTML, headers)


def waiting(name: str, reason: str) -> Response:
    """Of what is not there yet: says why, and looks again by itself."""
    shown = f"<p>{html.escape(name.rpartition('/')[2])} is not there yet: {html.escape(reason)}.</p>"
    found = page(503, f"{shown}<p>This page looks again by itself.</p>")
    return found._replace(headers=(*found.headers, ("Refresh", "2"), ("Retry-After", "2")))
