"""A registry as a source: the pull half of the distribution specification (v1.1) with its token flow.

Used by `ImageStore.pull` alone; nothing here runs unless somebody pulls. Loopback registries speak plain
http, all others https. Credentials go only to the registry itself and to the token service that it names
over https (or on loopback too); a redirect to a blob's storage carries none.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

import msgspec

from pinnace.data.images.config import FORMAT_LIMIT, INDEXES, MANIFESTS, Descriptor
from pinnace.data.images.errors import ImageError
from pinnace.data.images.reference import HUB, Reference

if TYPE_CHECKING:
    import httpx

ACCEPT = ", ".join(INDEXES + MANIFESTS)
TRIES = 3
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class Credentials(msgspec.Struct, frozen=True):
    user: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials({self.user!r}, …)"


class _Token(msgspec.Struct, frozen=True):
    token: str = ""
    access_token: str = ""


class RegistrySource:
    actions = "pull"
    """What a token is asked for."""

    def __init__(self, reference: Reference, credentials: Credentials | None = None) -> None:
        import httpx

        self._reference = reference
        self._credentials = credentials
        self._authorization = ""
        host = "registry-1.docker.io" if reference.registry == HUB else reference.registry
        self._base = f"{'http' if is_loopback(host) else 'https'}://{host}/v2/{reference.repository}"
        timeout = httpx.Timeout(30, connect=10)
        self._client = httpx.Client(timeout=timeout, headers={"User-Agent": "pinnace"})

    def close(self) -> None:
        self._client.close()

    def top(self) -> Descriptor:
        """By tag, the digest is empty: it is what the answer's bytes come to."""
        return Descriptor(digest=self._reference.digest)

    def document(self, descriptor: Descriptor) -> bytes:
        if descriptor.media_type and descriptor.media_type not in INDEXES + MANIFESTS:
            path = f"/blobs/{descriptor.digest}"
        else:
            path = f"/manifests/{descriptor.digest or self._reference.tag}"
        with self._get(path) as response:
            content = b""
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > FORMAT_LIMIT:
                    raise ImageError(f"{self._reference}: {path} has more than {FORMAT_LIMIT} bytes")
        return content

    def layer(self, descriptor: Descriptor, target: BinaryIO) -> None:
        """Broken off connections are tried again; the bytes are only kept if they have the digest."""
        import httpx

        for attempt in range(TRIES):
            target.seek(0)
            target.truncate()
            try:
                self._download(descriptor, target)
            except httpx.TransportError as error:
                if attempt + 1 == TRIES:
                    raise self._unreachable(error) from error
            else:
                return

    def _download(self, descriptor: Descriptor, target: BinaryIO) -> None:
        size = 0
        with self._get(f"/blobs/{descriptor.digest}") as response:
            for chunk in response.iter_bytes(1 << 18):
                size += len(chunk)
                if descriptor.size and size > descriptor.size:
                    raise ImageError(
                        f"{self._reference}: layer {descriptor.digest} is longer than the {descriptor.size}"
                        " bytes that its manifest says; the registry's copy is damaged"
                    )
                target.write(chunk)

    @contextmanager
    def _get(self, path: str) -> Iterator[httpx.Response]:
        import httpx

        url = httpx.URL(self._base + path)
        for _ in range(8):
            try:
                response = self._client.send(self._request(url), stream=True)
            except httpx.TransportError as error:
                raise self._unreachable(error) from error
            try:
                if response.status_code == 401 and self._own(url) and not self._authorization:
                    self._authorize(response.headers.get("www-authenticate", ""))
                elif response.is_redirect:
                    url = self._redirect(url, response)
                else:
                    self._check(response, path)
                    yield response
                    return
            finally:
                response.close()
        raise ImageError(f"{self._reference}: {self._base}{path} redirects without end")

    def _request(self, url: httpx.URL) -> httpx.Request:
        headers = {"Accept": ACCEPT if "/manifests/" in url.path else "*/*", "Accept-Encoding": "identity"}
        if self._authorization and self._own(url):
            headers["Authorization"] = self._authorization
        return self._client.build_request("GET", url, headers=headers)

    def _own(self, url: httpx.URL) -> bool:
        """Whether the registry itself is asked (a redirect's target gets no credentials)."""
        return str(url).startswith(self._base + "/")

    def _redirect(self, url: httpx.URL, response: httpx.Response) -> httpx.URL:
        target = url.join(response.headers["location"])
        if target.scheme not in ("https", url.scheme) or not target.host:
            raise ImageError(f"{self._reference}: it redirects to {target.scheme}:, which is not followed")
        if is_loopback(target.host) and not is_loopback(url.host):
            raise ImageError(f"{self._reference}: the registry redirects to this machine; not followed")
        return target

    def _authorize(self, challenge: str) -> None:
        """A bearer challenge (RFC 6750) → a token for this repository; or basic credentials, if asked for."""
        import httpx

        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "basic" and self._credentials is not None:
            self._authorization = httpx.BasicAuth(
                self._credentials.user, self._credentials.password
            )._auth_header
            return
        fields = dict(_CHALLENGE.findall(rest))
        realm = fields.get("realm", "")
        if scheme.lower() != "bearer" or not self._trusted(realm):
            raise self._denied()
        query = {
            "service": fields.get("service", ""),
            "scope": f"repository:{self._reference.repository}:{self.actions}",
        }
        auth = (self._credentials.user, self._credentials.password) if self._credentials else None
        try:
            response = self._client.get(realm, params=query, auth=auth)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        if response.status_code != 200:
            raise self._denied()
        answer = msgspec.json.decode(response.content, type=_Token)
        self._authorization = f"Bearer {answer.token or answer.access_token}"

    def _trusted(self, realm: str) -> bool:
        """Only what speaks https gets a password; on loopback, only services on loopback."""
        parts = urlsplit(realm)
        local = is_loopback(urlsplit(self._base).hostname or "")
        if is_loopback(parts.hostname or ""):
            return local and parts.scheme in ("http", "https")
        return parts.scheme == "https"

    def _check(self, response: httpx.Response, path: str) -> None:
        if response.status_code in (401, 403):
            raise self._denied()
        if response.status_code == 404:
            raise ImageError(f"{self._reference}: not found in the registry; check the name and the tag")
        if response.status_code != 200:
            hint = "; it limits how often one may pull" if response.status_code == 429 else ""
            raise ImageError(
                f"{self._reference}: the registry answers {response.status_code} to {path}{hint}"
            )

    def _denied(self) -> ImageError:
        return ImageError(
            f"{self._reference}: the registry wants credentials or has no such image; check the name, or "
            "name an imagePullSecret"
        )

    def _unreachable(self, error: Exception) -> ImageError:
        host = urlsplit(self._base).netloc
        return ImageError(
            f"{self._reference}: the registry {host} cannot be reached ({error}); check the network, or "
            "import the image from an archive"
        )


def is_loopback(host: str) -> bool:
    import ipaddress

    with_port = re.fullmatch(r"(\[.*\]|[^:]*):\d+", host)
    name = with_port[1] if with_port else host
    name = name.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
