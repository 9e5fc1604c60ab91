"""Nothing without credentials, nothing for other origins, nothing that crosses a limit."""

from __future__ import annotations

import json
import logging
import re
import socket
import ssl
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from pinnace.api import tls
from pinnace.api.authentication import CODE_SECONDS, SESSION_SECONDS, Authenticator
from pinnace.home import Home
from tests.api.conftest import Stack

OPEN = {
    "/healthz",
    "/livez",
    "/readyz",
    "/version",
    "/signin",
    "/console",
    "/console/*",
    "/favicon.ico",
    "/healthz/*",
    "/livez/*",
    "/readyz/*",
    "/",
}


def test_exactly_these_routes_are_public(stack: Stack) -> None:
    assert {route.path for route in stack.app.routes if route.public} == OPEN - {"/version"}


def every_path(stack: Stack) -> Iterator[tuple[str, str]]:
    """Every route, every discovery path, every path of every kind in every method."""
    for route in stack.app.routes:
        if not route.public:
            for method in route.methods:
                yield method, route.path
    for path in ("/api", "/api/v1", "/apis", "/openapi/v3", "/openapi/v3/api/v1", "/openapi/v2", "/nothing"):
        yield "GET", path
    for resource in stack.catalogue.resources():
        base = f"/apis/{resource.group}/{resource.version}" if resource.group else "/api/v1"
        place = (
            f"{base}/namespaces/default/{resource.plural}"
            if resource.namespaced
            else f"{base}/{resource.plural}"
        )
        for method in ("GET", "POST", "DELETE"):
            yield method, place
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            yield method, f"{place}/x"
        for name in stack.app.kube.discovery.subresources(resource):
            yield "GET", f"{place}/x/{name}"


def test_everything_else_is_401_without_credentials(stack: Stack) -> None:
    with httpx.Client(base_url=stack.url, trust_env=False) as client:
        for wrong in (
            {},
            {"authorization": "Bearer nothing"},
            {"authorization": "Basic eDp5"},
            {"cookie": f"{stack.authenticator.cookie}=9999999999.x.y"},
        ):
            seen = 0
            for method, path in every_path(stack):
                found = client.request(method, path, headers=wrong)
                assert found.status_code == 401, (method, path, wrong, found.text)
                assert method == "HEAD" or found.json()["reason"] == "Unauthorized"
                seen += 1
            assert seen > 300


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/livez", "/version", "/healthz?verbose"])
def test_what_is_open_to_all(stack: Stack, path: str) -> None:
    assert httpx.get(stack.url + path, trust_env=False).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.nip.io", "localhost.evil.example", "", "[::1].x", "0.0.0.0"]
)
def test_foreign_hosts_are_refused(stack: Stack, host: str) -> None:
    with stack.http() as client:
        for path in ("/healthz", "/api/v1/namespaces", "/console/"):
            found = client.get(path, headers={"host": host})
            assert found.status_code == 403, host
            assert found.json()["kind"] == "Status"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9", "[::1]:80", "LOCALHOST:1"])
def test_own_hosts_are_answered(stack: Stack, host: str) -> None:
    with stack.http() as client:
        assert client.get("/api/v1/namespaces", headers={"host": host}).status_code == 200


def test_pages_of_other_origins_are_refused_even_with_the_token(stack: Stack) -> None:
    with stack.http() as client:
        for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
            found = client.get("/api/v1/namespaces", headers={"origin": origin})
            assert found.status_code == 403
            assert "access-control-allow-origin" not in found.headers
        preflight = client.options("/api/v1/namespaces", headers={"origin": "https://evil.example"})
        assert preflight.status_code == 403


def signed_in(stack: Stack) -> httpx.Client:
    with stack.http() as client:
        link = client.post("/pinnace/v1/signin").json()["url"]
    browser = httpx.Client(base_url=stack.url, trust_env=False)  # the caller closes it
    page = browser.get(link)
    code = re.search(r'name="code" value="([^"]+)"', page.text)
    assert code
    done = browser.post("/signin", data={"code": code[1]}, headers={"origin": stack.url})
    assert done.status_code == 303
    cookie = done.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Domain" not in cookie
    again = browser.post("/signin", data={"code": code[1]}, headers={"origin": stack.url, "cookie": ""})
    assert again.status_code == 403
    return browser


def test_a_browser_signs_in_by_a_link_that_works_once(stack: Stack) -> None:
    with closing(signed_in(stack)) as browser:
        assert browser.get("/api/v1/namespaces").status_code == 200
        body = {"metadata": {"name": "by-cookie"}}
        bare = browser.post("/api/v1/namespaces", json=body)
        assert bare.status_code == 403
        foreign = browser.post("/api/v1/namespaces", json=body, headers={"origin": "http://127.0.0.1:1"})
        assert foreign.status_code == 403
        same_site = browser.get("/api/v1/namespaces", headers={"sec-fetch-site": "same-site"})
        assert same_site.status_code == 403
        own = browser.post("/api/v1/namespaces", json=body, headers={"origin": stack.url})
        assert own.status_code == 201
        upgrade = {
            "connection": "upgrade", "upgrade": "websocket", "origin": "http://evil.example",
            "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-version": "13",
        }
        assert browser.get("/api/v1/namespaces", headers=upgrade).status_code == 403


def test_opening_the_link_does_not_spend_it(stack: Stack) -> None:
    code = stack.authenticator.issue_code()
    for _ in range(2):
        page = httpx.get(f"{stack.url}/signin?code={code}", trust_env=False)
        assert page.status_code == 200
        assert "default-src 'none'" in page.headers["content-security-policy"]
    assert stack.authenticator.redeem(code)


def test_codes_and_sessions_end(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    now = [time.time()]
    first = Authenticator(home, lambda: now[0])
    old = first.issue_code()
    now[0] += CODE_SECONDS + 1
    assert first.redeem(old) is None
    cookie = (first.redeem(first.issue_code()) or "").partition(";")[0]
    restarted = Authenticator(home, lambda: now[0])
    assert restarted.by_cookies(cookie)
    now[0] += SESSION_SECONDS + 1
    assert restarted.by_cookies(cookie) is None
    home.token.unlink()
    now[0] -= SESSION_SECONDS
    assert Authenticator(home, lambda: now[0]).by_cookies(cookie) is None


def test_secrets_on_disk_are_the_owners_alone(stack: Stack) -> None:
    for path in (stack.home.token, stack.home.kubeconfig, *stack.home.certificates.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_no_log_shows_a_credential(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with closing(signed_in(stack)) as browser:
        browser.get("/api/v1/nothing?token=canary")
        cookie = next(iter(browser.cookies.values()))
    with stack.http() as client:
        client.get("/api/v1/pods")
    for secret in (stack.token, cookie, "canary"):
        ours = [record.getMessage() for record in caplog.records if not record.name.startswith("http")]
        assert not any(secret in line for line in ours)


def test_tls_is_trusted_by_the_written_authority_and_kept(stack: Stack) -> None:
    before = (stack.home.certificates / "server.crt").read_bytes()
    tls.context(stack.home)
    assert (stack.home.certificates / "server.crt").read_bytes() == before
    trusted = ssl.create_default_context(cafile=str(stack.home.certificates / "ca.crt"))
    for name in ("localhost", "127.0.0.1"):
        address = f"https://{name}:{stack.port}/healthz"
        assert httpx.get(address, verify=trusted, trust_env=False).text == "ok"


def test_a_certificate_near_its_end_is_renewed_under_the_same_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home.at(tmp_path)
    tls.context(home)
    authority, server = (
        (home.certificates / "ca.crt").read_bytes(),
        (home.certificates / "server.crt").read_bytes(),
    )
    monkeypatch.setattr(tls, "RENEW_SECONDS", 366 * 86400)
    tls.generate(home.certificates)
    assert (home.certificates / "ca.crt").read_bytes() == authority
    assert (home.certificates / "server.crt").read_bytes() != server


def exchange(stack: Stack, sent: bytes, seconds: float = 10) -> bytes:
    with socket.create_connection(("127.0.0.1", stack.port), seconds) as connection:
        connection.sendall(sent)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
        return b"".join(parts)


def test_garbage_and_huge_heads_are_refused_and_the_server_lives(stack: Stack) -> None:
    assert exchange(stack, b"\x00\x01garbage\r\n\r\n").startswith(b"HTTP/1.1 400")
    long = b"GET / HTTP/1.1\r\nhost: localhost\r\n" + b"x: " + b"y" * 100_000 + b"\r\n\r\n"
    assert exchange(stack, long).startswith(b"HTTP/1.1 431")
    assert exchange(stack, b"GET /%ff%fe/\xc3\xa9 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")[
        :12
    ]
    exchange(stack, b"\x16\x03\x01not tls at all, never" + b"\0" * 64)
    assert httpx.get(stack.url + "/healthz", trust_env=False).text == "ok"


def test_silent_clients_hold_nobody_up(stack: Stack) -> None:
    silent = [socket.create_connection(("127.0.0.1", stack.port)) for _ in range(50)]
    silent += [socket.create_connection(("127.0.0.1", stack.port)) for _ in range(50)]
    for connection in silent[50:]:
        connection.sendall(b"POST /api/v1/namespaces HTTP/1.1\r\nhost: loc")
    begun = time.monotonic()
    assert httpx.get(stack.url + "/healthz", trust_env=False).text == "ok"
    assert time.monotonic() - begun < 2
    for connection in silent:
        connection.close()


def test_a_body_of_20_megabytes_is_a_413(stack: Stack) -> None:
    with stack.http() as client:
        for content in (b"x" * 20_000_000, json.dumps({"data": "y" * 4_000_000}).encode()):
            found = client.post(
                "/api/v1/namespaces/default/configmaps",
                content=content,
                headers={"content-type": "application/json"},
            )
            assert found.status_code == 413
            assert "Request entity too large" in found.json()["message"]


def test_the_console_without_a_build_says_how_to_build_it(stack: Stack) -> None:
    with httpx.Client(base_url=stack.url, trust_env=False) as client:
        away = client.get("/", headers={"accept": "text/html"})
        assert away.headers["location"] == "/console/"
        page = client.get("/console/runs/a")
        assert page.status_code == 200
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert page.headers["x-content-type-options"] == "nosniff"
        assert client.get("/").status_code == 401
    with stack.http() as client:
        assert "/apis/argoproj.io/v1alpha1" in client.get("/").json()["paths"]
