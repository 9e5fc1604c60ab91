"""Pipeline packages as uploaded or fetched: multipart forms, URLs, plain YAML, zip and tar.gz of one YAML."""

from __future__ import annotations

import asyncio
import gzip
import io
import re
import tarfile
import zipfile
import zlib
from urllib.parse import urlsplit

from pinnace.api.kfp.errors import invalid
from pinnace.data.remote.linklocal import resolved

LIMIT = 32 * 1024 * 1024
WITHIN = 30.0
SUFFIXES = (".yaml", ".yml", ".json")


def part(body: bytes, content_type: str, name: str = "uploadfile") -> bytes:
    """The file of a multipart form."""
    found = re.search(r'boundary="?([^";]+)"?', content_type)
    if "multipart/form-data" not in content_type or found is None:
        raise invalid(
            f"expected multipart/form-data with the field {name!r}, got {content_type or 'nothing'}"
        )
    for each in body.split(b"--" + found[1].encode("latin-1")):
        head, _, content = each.partition(b"\r\n\r\n")
        if f'name="{name}"'.encode() in head:
            return content.removesuffix(b"\r\n")
    raise invalid(f"the form has no file {name!r}")


async def fetched(url: str) -> bytes:
    """The YAML behind an http(s) URL."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise invalid(f"package_url.pipeline_url {url!r}: expected an http or https URL")
    return unpacked(await asyncio.to_thread(_fetch, url))


def _fetch(url: str) -> bytes:
    """Link-local places (a cloud machine's own credentials) are nobody's pipelines."""
    import urllib.request

    class Straight(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
            _public(newurl)
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    try:
        _public(url)
        with urllib.request.build_opener(Straight).open(url, timeout=WITHIN) as answer:
            found: bytes = answer.read(LIMIT + 1)
    except (OSError, ValueError) as error:
        raise invalid(f"package_url.pipeline_url {url!r} cannot be fetched: {error}") from None
    return _bounded(len(found), found)


def _public(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"{url!r} is neither http nor https")
    resolved(parts.hostname, parts.port or 80)


def unpacked(content: bytes) -> bytes:
    """The YAML inside."""
    if not content.strip():
        raise invalid("the pipeline file is empty")
    try:
        if content[:2] == b"PK":
            return _zip(content)
        if content[:2] == b"\x1f\x8b":
            return _tar(content)
    except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError, zlib.error) as error:
        raise invalid(f"the archive cannot be read: {error}") from None
    return content


def _zip(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for info in archive.infolist():
            if info.filename.endswith(SUFFIXES):
                return _bounded(info.file_size, archive.open(info).read(LIMIT + 1))
    raise invalid("the archive holds no .yaml file")


def _tar(content: bytes) -> bytes:
    with gzip.open(io.BytesIO(content)) as packed:
        plain = packed.read(LIMIT + 1)
    _bounded(len(plain), plain)
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(SUFFIXES) else None
            if file is not None:
                return file.read()
    raise invalid("the archive holds no .yaml file")


def _bounded(size: int, content: bytes) -> bytes:
    if size > LIMIT or len(content) > LIMIT:
        raise invalid(f"the pipeline is longer than {LIMIT} bytes")
    return content
