"""The frame of the few pages that are not the console's: a heading, some lines, perhaps a form.

Callers: `gateway/pages.py` (the gate) and `api/signin.py`. A page runs one script of ours, where there is a
form, and nothing else: its policy names that script by its digest.
"""

from __future__ import annotations

import base64
import hashlib
import html

HTML = "text/html; charset=utf-8"
SCRIPT = "document.forms[0].submit()"
_SCRIPT_DIGEST = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; script-src 'sha256-{_SCRIPT_DIGEST}'; style-src 'unsafe-inline'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = (
    ("Content-Security-Policy", POLICY), ("Referrer-Policy", "same-origin"), ("Cache-Control", "no-store"),
    ("X-Frame-Options", "DENY"), ("X-Content-Type-Options", "nosniff"),
)
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:20vh auto;max-width:34rem;padding:0 1rem;color:#1c2430;"
    "background:#f7f8fa}button{font:inherit;padding:.5rem 1.25rem;border:0;border-radius:.4rem;"
    "background:#0b5cad;color:#fff}code{background:#e8ebf0;padding:.1rem .3rem;border-radius:.2rem}"
    "@media(prefers-color-scheme:dark){body{color:#e6e9ef;background:#14181f}code{background:#262c37}}"
)


def form(action: str, code: str, button: str) -> str:
    """Posts a one-time code by itself: a link that is only looked at does not spend it."""
    return (
        f'<form method="post" action="{action}"><input type="hidden" name="code" '
        f'value="{html.escape(code, quote=True)}"><button>{button}</button></form><script>{SCRIPT}</script>'
    )


def document(inner: str) -> bytes:
    """`inner` is HTML: whatever comes from outside is escaped there."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Pinnace</title><style>{STYLE}</style>'
        f"<body><h1>Pinnace</h1>{inner}</body></html>"
    ).encode()
