"""A registry as a target: the push half of the distribution specification (v1.1), like its pull half.

Used by `pinnace export --push`. Blobs that are there already are not sent again; the manifest goes last, so a
name in the registry never names what is not complete.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pinnace.data.images.config import Descriptor, Document, read
from pinnace.data.images.errors import ImageError
from pinnace.data.images.reference import Reference
from pinnace.data.images.registry import Credentials, RegistrySource
from pinnace.data.images.writer import LayoutWriter

if TYPE_CHECKING:
    import httpx

CHUNK = 1 << 20
AGAIN = 3


class RegistryTarget(RegistrySource):
    actions = "pull,push"

    def __init__(self, reference: Reference, credentials: Credentials | None = None) -> None:
        super().__init__(reference, credentials)

    def push(self, layout: LayoutWriter, name: str) -> str:
        """The image that the layout calls `name`; returns its digest. Raises ImageError."""
        described = layout.manifest(name)
        content = layout.blob(described.digest).read_bytes()
        document = read(content, Document, name)
        assert document.config is not None
        for blob in (*document.layers, document.config):
            self._blob(blob, layout.blob(blob.digest))
        headers = {"Content-Type": described.media_type}
        for tag in dict.fromkeys((described.digest, self._reference.tag or "latest")):
            self._send(
                "PUT", f"{self._base}/manifests/{tag}", content=content, headers=headers, wanted=(201, 200)
            )
        return described.digest

    def _blob(self, blob: Descriptor, path: Path) -> None:
        place = f"{self._base}/blobs/{blob.digest}"
        if self._send("HEAD", place, wanted=(200, 404)).status_code == 200:
            return
        for attempt in range(AGAIN):
            opened = self._send("POST", f"{self._base}/blobs/uploads/", content=b"", wanted=(202,))
            where = opened.url.join(opened.headers["location"]).copy_merge_params({"digest": blob.digest})
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(path.stat().st_size)}
            try:
                self._send("PUT", str(where), path=path, headers=headers, wanted=(201,))
            except ConnectionError as error:
                if attempt + 1 == AGAIN:
                    raise self._unreachable(error) from error
            else:
                return

    def _send(
        self,
        method: str,
        url: str,
        *,
        content: bytes | None = None,
        path: Path | None = None,
        headers: dict[str, str] | None = None,
        wanted: tuple[int, ...],
    ) -> httpx.Response:
        """Asks for leave once where the registry wants that. ConnectionError: it broke off meanwhile."""
        import httpx

        for _ in range(2):
            said = dict(headers or {})
            if self._authorization:
                said["Authorization"] = self._authorization
            body = pieces(path) if path is not None else content
            try:
                response = self._client.request(method, url, content=body, headers=said)
            except httpx.ConnectError as error:
                raise self._unreachable(error) from error
            except httpx.TransportError as error:
                raise ConnectionError(str(error)) from error
            if response.status_code == 401 and not self._authorization:
                self._authorize(response.headers.get("www-authenticate", ""))
                continue
            break
        if response.status_code in (401, 403):
            raise ImageError(
                f"{self._reference}: the registry does not let us push; log in with `podman login`"
            )
        if response.status_code not in wanted:
            raise ImageError(
                f"{self._reference}: the registry answers {response.status_code} to {method} "
                f"{response.url.path}: {response.text[:300]}"
            )
        return response


def pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
