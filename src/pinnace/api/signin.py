"""How a browser signs in: a one-time link, a page that posts the code, a session cookie.

Opening the link must not spend the code (link previews fetch pages), so the page posts it.
Routes for `app.py`.
"""

from __future__ import annotations

import base64
import hashlib
import html
from urllib.parse import parse_qs

from pinnace.api.authentication import Authenticator
from pinnace.api.context import Route
from pinnace.api.http import Request
from pinnace.objects.errors import StatusError

CONSOLE = "/console/"
SCRIPT = "document.forms[0].submit()"
_SCRIPT_DIGEST = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; script-src 'sha256-{_SCRIPT_DIGEST}'; style-src 'unsafe-inline'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:20vh auto;max-width:32rem;padding:0 1rem;color:#1c2430;"
    "background:#f7f8fa}button{font:inherit;padding:.5rem 1.25rem;border:0;border-radius:.4rem;"
    "background:#0b5cad;color:#fff}code{background:#e8ebf0;padding:.1rem .3rem;border-radius:.2rem}"
)


def routes(authenticator: Authenticator) -> list[Route]:
    async def signin(request: Request) -> None:
        if request.method == "POST":
            await _redeem(request, authenticator)
        else:
            await _page(request)

    async def signout(request: Request) -> None:
        cookie = (b"set-cookie", authenticator.farewell().encode())
        await request.reply(303, b"", headers=[(b"location", CONSOLE.encode()), cookie])

    async def link(request: Request) -> None:
        await request.body(4096)
        host = request.header(b"host")
        address = f"http://{host}/signin?code={authenticator.issue_code()}"
        await request.json(201, {"url": address})

    return [
        Route("/signin", signin, frozenset({"GET", "HEAD", "POST"}), public=True),
        Route("/signout", signout, frozenset({"POST"})),
        Route("/pinnace/v1/signin", link, frozenset({"POST"})),
    ]


async def _page(request: Request) -> None:
    code = html.escape(request.query.get("code", ""), quote=True)
    if code:
        inner = (
            f'<form method="post" action="/signin"><input type="hidden" name="code" value="{code}">'
            f"<button>Sign in to Pinnace</button></form><script>{SCRIPT}</script>"
        )
    else:
        inner = "<p>Ask for a sign-in link: run <code>pinnace console</code>.</p>"
    await _html(request, 200, inner)


async def _redeem(request: Request, authenticator: Authenticator) -> None:
    raw = await request.body(4096)
    if not request.header(b"content-type").startswith("application/x-www-form-urlencoded"):
        raise StatusError(415, "UnsupportedMediaType", "sign in with the form of the sign-in page")
    form = parse_qs(raw.decode("latin-1"), max_num_fields=4)
    cookie = authenticator.redeem(form.get("code", [""])[0])
    if cookie is None:
        await _html(
            request, 403,
            "<p>This sign-in link was used already or is too old.</p>"
            "<p>Get a fresh one: run <code>pinnace console</code>.</p>",
        )
        return
    headers = [
        (b"location", CONSOLE.encode()), (b"set-cookie", cookie.encode()), (b"cache-control", b"no-store"),
    ]
    await request.reply(303, b"", headers=headers)


async def _html(request: Request, code: int, inner: str) -> None:
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Pinnace</title><style>{STYLE}</style>'
        f"<body><h1>Pinnace</h1>{inner}</body></html>"
    )
    headers = [
        (b"content-security-policy", POLICY.encode()), (b"referrer-policy", b"same-origin"),
        (b"cache-control", b"no-store"), (b"x-frame-options", b"DENY"),
    ]
    await request.reply(code, page.encode(), "text/html; charset=utf-8", headers)
