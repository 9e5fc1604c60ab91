"""Artifacts of web servers: GET and PUT, with the ways of saying who one is that upstream knows.

Source: argoproj/argo-workflows workflow/artifacts/http, artifactory. Redirects are followed within http and
https; an Authorization does not follow to another host (httpx).
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from pinnace.data.remote.jobs import NothingThere, RemoteError
from pinnace.data.remote.reach import Reach, local

PATIENCE = 60.0
"""Seconds without a byte."""


def get(where: dict[str, Any], folder: Path, reach: Reach) -> Path:
    """The body as a file in `folder`. Raises NothingThere."""
    import httpx

    url = address(where)
    target = folder / (PurePosixPath(unquote(urlsplit(url).path)).name or "content")
    try:
        with (
            client(where, reach) as session,
            session.stream("GET", reach.url(url), headers=headers(where, reach, url)) as answer,
        ):
            if answer.status_code == 404:
                raise NothingThere(f"{url} does not exist (404)")
            if answer.status_code >= 300:
                raise RemoteError(f"loading from {url} failed with reason: {said(answer)}")
            with target.open("wb") as file:
                for piece in answer.iter_bytes(1 << 20):
                    file.write(piece)
    except httpx.HTTPError as error:
        raise RemoteError(f"{url}: {error or type(error).__name__}") from None
    return target


def put(where: dict[str, Any], source: Path, reach: Reach) -> None:
    import httpx

    url = address(where)
    if source.is_dir():
        raise RemoteError(f"{url}: a folder cannot be put as it is; let the archive be tar or zip")
    length = {"Content-Length": str(source.stat().st_size)}
    try:
        with client(where, reach) as session, source.open("rb") as file:
            told = headers(where, reach, url) | length
            answer = session.put(reach.url(url), content=_pieces(file), headers=told)
    except httpx.HTTPError as error:
        raise RemoteError(f"{url}: {error or type(error).__name__}") from None
    if answer.status_code >= 300:
        raise RemoteError(f"saving to {url} failed with reason: {said(answer)}")


def _pieces(file: Any) -> Iterator[bytes]:
    while piece := file.read(1 << 20):
        yield piece


def address(where: dict[str, Any]) -> str:
    url = str(where.get("url") or "")
    if urlsplit(url).scheme not in ("http", "https"):
        raise RemoteError(f"http.url {url!r} is no http or https URL")
    return url


def headers(where: dict[str, Any], reach: Reach, url: str) -> dict[str, str]:
    found = {str(each.get("name")): str(each.get("value") or "") for each in where.get("headers") or ()}
    if reach.address:
        found.setdefault("Host", urlsplit(url).netloc)
    return found


@contextmanager
def client(where: dict[str, Any], reach: Reach) -> Iterator[Any]:
    import httpx

    auth = where.get("auth") or {}
    basic = auth.get("basicAuth") or where  # artifactory has the two beside its URL
    user, word = basic.get("usernameSecret"), basic.get("passwordSecret")
    pair = (str(user or ""), str(word or "")) if user or word else None
    given = auth.get("clientCert") or {}
    with tempfile.TemporaryDirectory() as folder:
        verify: Any = True
        if given.get("clientCertSecret") and given.get("clientKeySecret"):
            verify = ssl.create_default_context()
            verify.load_cert_chain(*_certificate(Path(folder), given))
        outside = not reach.address and not local(address(where))
        with httpx.Client(
            verify=verify, auth=pair, timeout=PATIENCE, follow_redirects=True, trust_env=outside
        ) as session:
            if auth.get("oauth2"):
                session.headers["Authorization"] = f"Bearer {_token(session, auth['oauth2'])}"
            yield session


def _certificate(folder: Path, given: dict[str, Any]) -> tuple[str, str]:
    paths = []
    for name in ("clientCertSecret", "clientKeySecret"):
        path = folder / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(str(given[name]))
        paths.append(str(path))
    return paths[0], paths[1]


def _token(session: Any, given: dict[str, Any]) -> str:
    """OAuth 2 client credentials."""
    import httpx

    asked = {"grant_type": "client_credentials"}
    asked |= {str(each.get("key")): str(each.get("value")) for each in given.get("endpointParams") or ()}
    if given.get("scopes"):
        asked["scope"] = " ".join(given["scopes"])
    who = httpx.BasicAuth(str(given.get("clientIDSecret") or ""), str(given.get("clientSecretSecret") or ""))
    answer = session.post(str(given.get("tokenURLSecret") or ""), data=asked, auth=who)
    if answer.status_code >= 300:
        raise RemoteError(f"the OAuth 2 token was refused: {said(answer)}")
    return str(answer.json().get("access_token") or "")


def said(answer: Any) -> str:
    return f"{answer.status_code} {answer.reason_phrase}".strip()
