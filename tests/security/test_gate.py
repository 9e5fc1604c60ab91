# ruff: noqa: E501 - an attack reads best on one line
"""Who may ask: the routes of the families, too, from other origins, hosts and without credentials."""

from __future__ import annotations

import base64
import os
import socket

import pytest

from tests.security.site import Site

ROUTES = [
    "/", "/api", "/apis", "/api/v1/pods", "/api/v1/namespaces/default/secrets", "/apis/argoproj.io/v1alpha1/workflows",
    "/metrics", "/openapi/v3", "/pinnace/v1/gc", "/pinnace/v1/status", "/pinnace/v1/endpoints", "/pinnace/v1/statistics",
    "/pinnace/v1/namespaces/default/endpoints", "/ajax-api/3.0/jobs/x", "/apis/serving.kserve.io/v1beta1/inferenceservices",
    "/debug/pprof", "/logs", "/signin/new", "/artifacts/x", "/api/v1/namespaces/default/pods/x/log", "/api/v1/nodes/pinnace/proxy/",
]  # fmt: skip
PUBLIC = ("/healthz", "/readyz", "/livez", "/version")
BEARERS = [
    "Bearer nothing",
    "Bearer ",
    "Bearer",
    "Basic YTpi",
    "bearer null",
    "Token x",
    "Bearer " + "x" * 9000,
    "Bearer é",
]


@pytest.mark.parametrize("route", ROUTES)
def test_nothing_is_answered_without_credentials(site: Site, route: str) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"):
        status, body = site.http(method, route, b"{}" if method != "GET" else None, token=False)
        assert status in (401, 403, 404, 405) or (route == "/" and status in (200, 302, 303, 307)), (
            method,
            status,
            body,
        )
        assert b"resourceVersion" not in body


@pytest.mark.parametrize("bearer", BEARERS)
def test_no_other_credential_is_taken(site: Site, bearer: str) -> None:
    """Argo GHSA-56px-hm34-xqj5: any bearer listed templates."""
    headers = {"Authorization": bearer.encode("latin-1", "replace").decode("latin-1")}
    status, _ = site.http("GET", "/api/v1/pods", headers=headers)
    assert status in (400, 401, 431)
    impersonation = {"kubeflow-userid": "admin", "Impersonate-User": "pinnace-admin", "X-Remote-User": "pinnace-admin",
                     "X-Forwarded-User": "admin", "Authorization": "Bearer nothing"}  # fmt: skip
    assert site.http("GET", "/api/v1/pods", headers=impersonation)[0] == 401
    token = site.platform.api.token
    assert site.http("GET", f"/api/v1/pods?token={token}&access_token={token}", token=False)[0] == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "169.254.169.254", ""]
)
def test_another_host_is_refused(site: Site, host: str) -> None:
    for path in (*PUBLIC, "/", "/api/v1/pods"):
        status, body = site.http("GET", path, headers={"Host": host})
        assert status in (400, 403, 421), (path, status, body)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:1", "file://", "http://x.default.localhost"]
)
def test_another_origin_is_refused(site: Site, origin: str) -> None:
    for method, path in (
        ("POST", "/api/v1/namespaces"),
        ("GET", "/api/v1/pods"),
        ("DELETE", "/api/v1/namespaces/default"),
    ):
        status, body = site.http(method, path, b"{}" if method == "POST" else None, {"Origin": origin})
        assert status == 403, (method, body)


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/pods?watch=1", "/api/v1/namespaces/default/pods/x/exec?command=sh"]
)
def test_a_web_socket_of_another_site_is_refused(site: Site, path: str) -> None:
    port, token = site.platform.api.port, site.platform.api.token
    with socket.create_connection(("127.0.0.1", port), 10) as raw:
        lines = [
            f"GET {path} HTTP/1.1", f"Host: localhost:{port}", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Origin: http://evil.example", f"Authorization: Bearer {token}", "", "",
        ]  # fmt: skip
        raw.sendall("\r\n".join(lines).encode())
        assert b" 101 " not in raw.recv(65536).split(b"\r\n")[0]


def test_the_gateway_answers_nobody_elses_host_and_no_control_route(site: Site) -> None:
    import http.client

    port = int((site.home.gateway / "port").read_text())
    for path in (
        "/api/v1/pods",
        "/healthz",
        "/signin",
        "/serving/../api/v1/pods",
        "/serving/%2e%2e/x",
        "/stats",
    ):
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        client.request("GET", path, headers={"Authorization": f"Bearer {site.platform.api.token}"})
        answer = client.getresponse()
        assert answer.status in (400, 404), path
        client.close()
