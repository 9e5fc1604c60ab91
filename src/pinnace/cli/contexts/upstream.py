"""The server of a context, asked with its credentials: they are read here, and go to nobody but it.

Called by `relay`. Credentials that end (exec plugins, tokens in files) are read again when their time is over
or the server no longer takes them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from pinnace.objects import kubeconfig
from pinnace.objects.errors import StatusError
from pinnace.objects.kubefiles import Files

if TYPE_CHECKING:
    import httpx

EARLY = 10.0
"""Seconds before the end of credentials at which new ones are read."""
CONNECT_SECONDS = 10.0
RENEWED_SECONDS = 10.0
"""A plugin may open a browser: it is not run again for every question that the server refuses."""
Content = bytes | AsyncIterator[bytes] | None


class Upstream:
    """ValueError: the kubeconfig does not say how to connect."""

    def __init__(self, files: Files, context: str) -> None:
        self.files = files
        self.context = context
        self.access = kubeconfig.read(files, context)
        self._client = _client(self.access)
        self._renewing = asyncio.Lock()
        self._renewed = float("-inf")

    async def close(self) -> None:
        await self._client.aclose()

    async def send(
        self, method: str, target: str, headers: dict[str, str], content: Content = None
    ) -> httpx.Response:
        """The answer, its body still to be read; close it. StatusError 503: the server cannot be reached.

        A question whose content is a stream can be asked once only.
        """
        if self.access.expires and time.time() > self.access.expires - EARLY:
            await self._renew(self.access)
        used = self.access
        answer = await self._ask(method, target, headers, content)
        if answer.status_code != 401 or time.monotonic() < self._renewed + RENEWED_SECONDS:
            return answer
        await self._renew(used)
        if content is not None and not isinstance(content, bytes):
            return answer
        await answer.aclose()
        return await self._ask(method, target, headers, content)

    async def _ask(
        self, method: str, target: str, headers: dict[str, str], content: Content
    ) -> httpx.Response:
        import httpx

        access, client = self.access, self._client
        url = httpx.URL(access.server).copy_with(raw_path=_below(access.server, target))
        options = {"sni_hostname": access.tls_server_name} if access.tls_server_name else {}
        request = client.build_request(
            method, url, headers={**headers, **access.headers}, content=content, extensions=options,
            timeout=httpx.Timeout(CONNECT_SECONDS, read=None, write=None),
        )
        try:
            return await client.send(request, stream=True)
        except httpx.TransportError as problem:
            words = f"the server of context {self.context!r} ({access.server}) does not answer: {problem}"
            raise StatusError(503, "ServiceUnavailable", words) from None

    async def _renew(self, used: kubeconfig.Access) -> None:
        """Credentials anew, unless somebody else has read them meanwhile."""
        async with self._renewing:
            if self.access is not used:
                return
            try:
                access = await asyncio.to_thread(kubeconfig.read, self.files, self.context)
            except ValueError as problem:
                raise StatusError(503, "ServiceUnavailable", f"context {self.context!r}: {problem}") from None
            # Answers that are still being read keep the old client until they end.
            self.access, self._client = access, _client(access)
            self._renewed = time.monotonic()


def _client(access: kubeconfig.Access) -> httpx.AsyncClient:
    import httpx

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=32)
    return httpx.AsyncClient(
        verify=access.tls, proxy=access.proxy, follow_redirects=False, trust_env=False, limits=limits
    )


def _below(server: str, target: str) -> bytes:
    """A cluster may be served below a path (`https://host/k8s/clusters/c-1`)."""
    rest = server.partition("://")[2].partition("/")[2].strip("/")
    return f"{'/' + rest if rest else ''}{target}".encode("latin-1")
