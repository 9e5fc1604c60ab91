"""nginx's stand-in: its configuration means what it means to nginx, or is refused in nginx's words."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pinnace.runtimes.nginx import TYPES, installed, substituted
from pinnace.runtimes.nginx_answers import Answers
from pinnace.runtimes.nginx_conf import Wrong, parse, read
from pinnace.runtimes.nginx_site import site
from pinnace.runtimes.server import Request, Response, Server

SERVER = "http {{ {http} server {{ listen 8080; {server} }} }}"


def served(text: str) -> Answers:
    return Answers(site(parse(text, "nginx.conf", Path("/nowhere"))))


def one(server: str, http: str = "") -> Answers:
    return served(SERVER.format(server=server, http=http))


def ask(answers: Answers, target: str, method: str = "GET", body: bytes = b"", **headers: str) -> Response:
    named = {"host": "example.org:8080", **{key.replace("_", "-"): value for key, value in headers.items()}}
    request = Request(method, target.partition("?")[0], named, body, target, "10.0.0.7:41")
    return asyncio.run(answers.answer(request, 8080, False))[0]


def header(response: Response, name: str) -> str | None:
    return next((value for key, value in response.headers if key.lower() == name.lower()), None)


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    for name in ("index.html", "about.html", "404.html", "pics/a.png", "data.json", "plain"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"<{name}>")
    return tmp_path


def test_the_best_location_wins_as_nginx_chooses() -> None:
    answers = one("""
      location = / { return 200 exact; }
      location / { return 200 all; }
      location ^~ /images/ { return 200 images; }
      location ~ \\.(gif|jpg)$ { return 200 "picture $1"; }
      location /documents/ { return 200 documents; }
    """)
    paths = ("/", "/index.html", "/documents/d.html", "/images/1.gif", "/documents/1.jpg")
    said = [ask(answers, path).body.decode() for path in paths]
    assert said == ["exact", "all", "documents", "images", "picture jpg"]


def test_files_folders_indexes_and_kinds(pages: Path) -> None:
    answers = one(f"root {pages}; location /pics/ {{ autoindex on; }}", TYPES + "default_type text/x-other;")
    first = ask(answers, "/")
    assert (first.status, first.body, first.content_type) == (200, b"<index.html>", "text/html")
    assert ask(answers, "/data.json").content_type == "application/json"
    assert ask(answers, "/plain").content_type == "text/x-other"
    assert header(ask(answers, "/pics"), "Location") == "http://example.org:8080/pics/"
    assert b'<a href="a.png">' in ask(answers, "/pics/").body
    assert ask(answers, "/none").status == 404
    assert ask(answers, "/../../etc/passwd").status == 404
    assert ask(answers, "/", "POST").status == 405
    tag = header(first, "ETag") or ""
    assert ask(answers, "/", if_none_match=tag).status == 304


def test_a_single_page_application_and_error_pages(pages: Path) -> None:
    answers = one(f"""
      root {pages}; index index.html; error_page 404 /404.html;
      location / {{ try_files $uri $uri/ /index.html; }}
      location /api/ {{ try_files $uri =404; }}
      location /named/ {{ try_files $uri @away; }}
      location @away {{ return 302 /elsewhere; }}
    """)
    assert ask(answers, "/about.html").body == b"<about.html>"
    assert ask(answers, "/some/view").body == b"<index.html>"
    missing = ask(answers, "/api/x")
    assert (missing.status, missing.body) == (404, b"<404.html>")
    assert header(ask(answers, "/named/x"), "Location") == "http://example.org:8080/elsewhere"


def test_rewriting_variables_conditions_and_maps() -> None:
    answers = one("""
      set $who stranger;
      if ($http_x_name) { set $who $http_x_name; }
      rewrite ^/old/(.*)$ /new/$1 permanent;
      rewrite ^/in/(.*)$ /hello/$1 last;
      location /hello/ { return 200 "$who $uri ${scheme}://$host$request_uri $arg_n $kind"; }
      location /agent { if ($http_user_agent ~* curl) { return 403; } return 204; }
      location /added { add_header X-Who $who; return 200 ok; }
    """, "map $arg_n $kind { default none; 1 first; ~^2 second; }")
    assert ask(answers, "/in/a?n=1").body == b"stranger /hello/a http://example.org/in/a?n=1 1 first"
    assert ask(answers, "/hello/b?n=22", x_name="me").body.startswith(b"me /hello/b")
    assert ask(answers, "/hello/b?n=22").body.endswith(b"22 second")
    moved = ask(answers, "/old/x?y=1")
    assert (moved.status, header(moved, "Location")) == (301, "http://example.org:8080/new/x?y=1")
    assert ask(answers, "/agent", user_agent="Curl/8").status == 403
    assert ask(answers, "/agent").status == 204
    assert header(ask(answers, "/added"), "X-Who") == "stranger"


def test_servers_by_name() -> None:
    answers = served("""http {
      server { listen 8080; server_name a.org; return 200 a; }
      server { listen 8080 default_server; return 200 default; }
      server { listen 8080; server_name *.b.org; return 200 b; }
    }""")
    said = [ask(answers, "/", host=host).body for host in ("a.org", "x.b.org:8080", "other")]
    assert said == [b"a", b"b", b"default"]


def test_other_servers_are_asked_with_the_headers_that_were_set() -> None:
    def told(request: Request) -> Response:
        shown = f"{request.headers['host']} {request.target} {request.headers.get('x-real-ip')}"
        return Response(shown.encode(), 200, "text/plain")

    async def whole() -> list[bytes]:
        server = Server(told)
        port = await server.listen_tcp("127.0.0.1", 0)
        answers = one(f"""
          location / {{ proxy_pass http://back; proxy_set_header Host $host; }}
          location /api/ {{
            proxy_pass http://127.0.0.1:{port}/v1/; proxy_set_header X-Real-IP $remote_addr;
          }}
          location /gone {{ proxy_pass http://127.0.0.1:1; }}
        """, f"upstream back {{ server 127.0.0.1:{port}; }}")
        said = []
        for target in ("/a?x=1", "/api/b", "/gone"):
            request = Request("GET", target.partition("?")[0], {"host": "me.org"}, b"", target, "10.0.0.7:41")
            said.append((await answers.answer(request, 8080, False))[0])
        await server.stop(1)
        assert [one.status for one in said] == [200, 200, 502]
        return [one.body for one in said[:2]] + [str(port).encode()]

    first, second, port = asyncio.run(whole())
    assert first == b"me.org /a?x=1 None"
    assert second == b"127.0.0.1:" + port + b" /v1/b 10.0.0.7"


@pytest.mark.parametrize(("text", "complaint"), [
    ("http { server { allow 10.0.0.0/8; } }", 'unknown directive "allow" in nginx.conf:1'),
    ("http { server { location / { auth_basic x; } } }", 'unknown directive "auth_basic"'),
    ("http {\n server { listen 80 }\n}", 'unexpected "}" in nginx.conf:2'),
    ("http { server {", "unexpected end of file"),
    ("http { server { listen 443 ssl; } }", 'no "ssl_certificate" is defined'),
    ("http { server { location / { proxy_pass http://no.such.name.invalid; } } }",
     'host not found in upstream "no.such.name.invalid" in nginx.conf:1'),
    ("include none.conf;", 'open() "/nowhere/none.conf" failed'),
])
def test_what_cannot_be_honoured_is_refused_with_its_place(
    text: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object) -> None:
        raise socket.gaierror  # a resolver that answers, unlike a machine's without one

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Wrong) as found:
        served(text)
    assert complaint in str(found.value)


def test_quotes_comments_and_included_files(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/one.conf").write_text("server { # of two\n return 200 'it''s \"x\";'; }")
    (tmp_path / "nginx.conf").write_text("events {}\nhttp { include conf.d/*.conf; }")
    (_, http) = read(tmp_path / "nginx.conf")
    (server,) = http.block or ()
    assert server.where == f"{tmp_path}/conf.d/one.conf:1"
    assert [one.words for one in server.block or ()] == [("200", "it", 's "x";')]


def test_templates_take_only_variables_that_are_there() -> None:
    assert substituted("$host ${PORT} $PORT", {"PORT": "81"}) == "$host 81 81"


def test_an_nginx_of_this_machine_takes_over(tmp_path: Path) -> None:
    ours, real = tmp_path / "ours", tmp_path / "real"
    for folder in (ours, real):
        folder.mkdir()
        (folder / "nginx").write_text('#!/bin/sh\n[ "$1" = -V ] || echo "$@"\n')
        (folder / "nginx").chmod(0o755)
    environment = {**os.environ, "PINNACE_NGINX": str(ours), "PATH": f"{ours}:{real}:{os.environ['PATH']}"}
    program = (
        "import sys; from pinnace.runtimes import nginx; nginx.furnish = lambda etc: None; "
        "sys.exit(nginx.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "-g", "daemon off;"], env=environment, capture_output=True, text=True
    )
    assert done.stdout == "-e stderr -g daemon off;\n", done.stderr
    assert installed(str(real)) != str(real / "nginx")
