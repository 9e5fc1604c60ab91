"""Who signs tokens here, for those who want to check one themselves (OpenID Connect discovery).

Routes for `app.py`; who may read them is a matter of roles (`system:service-account-issuer-discovery`).
"""

from __future__ import annotations

from pinnace.api.context import Route
from pinnace.api.http import Request
from pinnace.objects.tokens import Tokens


def routes(tokens: Tokens) -> list[Route]:
    async def configuration(request: Request) -> None:
        scheme = request.scope.get("scheme") or "https"
        base = f"{scheme}://{request.header(b'host')}"
        await request.json(200, tokens.discovery(base))

    async def keys(request: Request) -> None:
        document = (await tokens.ready()).keys()
        await request.json(200, document, [(b"content-type", b"application/jwk-set+json")])

    return [Route("/.well-known/openid-configuration", configuration), Route("/openid/v1/jwks", keys)]
