"""How a browser signs in: a one-time link, a page that posts the code, a session cookie.

Opening the link must not spend the code (link previews fetch pages), so the page posts it.
Routes for `app.py`.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from pinnace.api.authentication import Authenticator
from pinnace.api.context import Route
from pinnace.api.http import Request
from pinnace.gateway import page
from pinnace.objects.errors import StatusError

CONSOLE = "/console/"
HEADERS = [(name.lower().encode(), value.encode()) for name, value in page.HEADERS]


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
    code = request.query.get("code", "")
    inner = (
        page.form("/signin", code, "Sign in to Pinnace") if code
        else "<p>Ask for a sign-in link: run <code>pinnace console</code>.</p>"
    )
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
    await request.reply(code, page.document(inner), page.HTML, HEADERS)
