"""What nginx answers to a request, by the configuration of `nginx_site.py`: rewriting, files, other servers.

The order is nginx's: the server's own steps, its location, that location's steps, then its content; error
pages last. Every redirection inside goes through the locations again, a bounded number of times.
"""

from __future__ import annotations

import html
import os
import re
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus
from itertools import count
from pathlib import Path
from urllib.parse import quote

from .component import Component
from .nginx_conf import Directive
from .nginx_site import Site, size
from .nginx_values import Values
from .server import Request, Response

ROUNDS = 10
FLAGS = ("last", "break", "redirect", "permanent")
WELCOME = """<!DOCTYPE html>
<html><head><title>Welcome to nginx!</title></head>
<body><h1>Welcome to nginx!</h1>
<p>Served by Pinnace's stand-in for nginx.</p></body></html>
"""


class Answer(Exception):
    """The answer is found; whoever is underway stops."""

    def __init__(self, status: int, body: bytes | str = "", kind: str = "", **headers: str) -> None:
        super().__init__(status)
        self.status, self.kind, self.headers = status, kind, headers
        self.body = body.encode() if isinstance(body, str) else body
        self.given = bool(self.body)


class Again(Exception):
    """The path has been rewritten: its location is looked for anew."""


class Answers:
    """Every request of a site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.turn = count()

    async def answer(self, request: Request, port: int, tls: bool) -> tuple[Response, bool]:
        """The answer, and whether it is to be logged."""
        visit = Visit(self, request, port, tls)
        found = await visit.whole()
        given = tuple((name.replace("_", "-"), value) for name, value in found.headers.items())
        kind = found.kind or ("text/html" if not found.given else "application/octet-stream")
        body = found.body if found.given or found.status in (200, 204, 304) else page(found.status)
        more = (("Server", "nginx"), *given, *visit.added(found.status))
        shown = b"" if request.method == "HEAD" else body
        return Response(shown, found.status, kind, more), visit.scope.one("access_log") != "off"


class Visit(Values):
    """One request on its way."""

    def __init__(self, answers: Answers, request: Request, port: int, tls: bool) -> None:
        super().__init__(answers.site, request, port, tls)
        self.answers = answers

    async def whole(self) -> Answer:
        found = await self.rounds(True)
        for one in self.scope.all("error_page"):
            *codes, target = one.words
            change = codes.pop() if codes and codes[-1].startswith("=") else None
            if str(found.status) in codes and not found.given:
                return await self.instead(found, target, change)
        return found

    async def instead(self, found: Answer, target: str, change: str | None) -> Answer:
        if "://" in target:
            return Answer(302, Location=self.text(target))
        named = self.server.named(target) if target.startswith("@") else None
        if named is None:
            self.path = self.text(target)
        else:
            self.location, self.scope = named, named.scope
        shown = await self.rounds(False, named is not None)
        if change == "=":
            return shown
        if shown.status == 200:
            shown.status = int(change[1:]) if change else found.status
            return shown
        return found

    async def rounds(self, first: bool, placed: bool = False) -> Answer:
        try:
            if first:
                self.scope = self.server.scope
                try:
                    self.run(self.scope.steps)
                except Again:
                    pass
            for _ in range(ROUNDS):
                try:
                    if not placed:
                        self.place()
                    placed = False
                    if self.location is not None:
                        self.run(self.scope.steps)
                    return await self.content()
                except Again as again:
                    placed = bool(again.args)
            return Answer(500)
        except Answer as found:
            return found

    def place(self) -> None:
        self.location, caught = self.server.locate(self.path)
        self.scope = self.location.scope if self.location is not None else self.server.scope
        self.caught(caught)

    # Steps

    def run(self, steps: list[Directive] | tuple[Directive, ...]) -> bool:
        """Whether a `break` ended them."""
        for one in steps:
            if one.name == "break":
                return True
            if one.name == "set":
                self.set[one.words[0].lstrip("$")] = self.text(one.words[1])
            elif one.name == "return":
                self.returned(one.words)
            elif one.name == "rewrite":
                if self.rewritten(one.words):
                    return True
            elif self.holds(one.words) and self.run(one.block or ()):
                return True
        return False

    def returned(self, words: tuple[str, ...]) -> None:
        if not words[0].isdigit():
            raise Answer(302, Location=self.text(words[0]))
        status, text = int(words[0]), self.text(words[1]) if len(words) > 1 else ""
        if status in (301, 302, 303, 307, 308):
            raise Answer(status, Location=self.absolute(text))
        found = Answer(status, text, self.scope.one("default_type", "text/plain"))
        found.given = found.given or len(words) > 1
        raise found

    def absolute(self, place: str) -> str:
        if not place.startswith("/") or self.scope.one("absolute_redirect") == "off":
            return place
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{self.request.headers.get('host') or self.host}{place}"

    def rewritten(self, words: tuple[str, ...]) -> bool:
        match = re.search(words[0], self.path)
        if match is None:
            return False
        self.caught(match)
        flag = words[2] if len(words) > 2 else ""
        to, mark, query = self.text(words[1]).partition("?")
        arguments = "&".join(part for part in (query, self.arguments) if part) if not to.endswith("?") else ""
        if flag in ("redirect", "permanent") or to.startswith(("http://", "https://")):
            whole = self.absolute(to) + (f"?{arguments}" if arguments else "")
            raise Answer(301 if flag == "permanent" else 302, Location=whole)
        self.path, self.arguments = to, arguments if mark or self.arguments else ""
        if flag == "break":
            return True
        raise Again

    def added(self, status: int) -> tuple[tuple[str, str], ...]:
        usual = status in (200, 201, 204, 206, 301, 302, 303, 304, 307, 308)
        return tuple(
            (one.words[0], self.text(one.words[1])) for one in self.scope.all("add_header")
            if usual or "always" in one.words[2:]
        )

    # Content

    async def content(self) -> Answer:
        limit = size(self.scope.one("client_max_body_size", "1m"))
        if limit and len(self.request.body) > limit:
            return Answer(413)
        if self.location is not None and self.location.scope.words.get("stub_status"):
            return Answer(200, "Active connections: 1 \n", "text/plain")
        if tried := self.scope.all("try_files"):
            self.tried(tried[-1].words)
        if target := self.scope.one("proxy_pass"):
            return await self.passed_on(target)
        return self.served()

    def tried(self, words: tuple[str, ...]) -> None:
        """Returns where a file is there (the path is then its own)."""
        *ways, last = words
        for way in ways:
            path = self.text(way)
            place = self.file(path)
            if os.path.isdir(place) if path.endswith("/") else os.path.isfile(place):
                self.path = path
                return
        if last.startswith("="):
            raise Answer(int(last[1:]))
        if last.startswith("@"):
            named = self.server.named(last)
            if named is None:
                raise Answer(500)
            self.location, self.scope = named, named.scope
            raise Again(named)
        self.path, mark, query = self.text(last).partition("?")
        self.arguments = query if mark else self.arguments
        raise Again

    def served(self) -> Answer:
        if self.request.method not in ("GET", "HEAD"):
            return Answer(405)
        place = Path(self.file(self.path))
        if self.path.endswith("/"):
            return self.folder(place)
        if place.is_dir():
            return Answer(301, Location=self.absolute(self.path + "/"))
        return self.whole_file(place)

    def folder(self, place: Path) -> Answer:
        given = self.scope.all("index")
        for name in given[-1].words if given else ("index.html",):
            if (place / name).is_file():
                self.path += name
                raise Again
        if self.scope.one("autoindex") == "on" and place.is_dir():
            names = sorted(one.name + ("/" if one.is_dir() else "") for one in place.iterdir())
            lines = "".join(f'<a href="{quote(name)}">{html.escape(name)}</a>\n' for name in names)
            shown = html.escape(self.path)
            top = f"<title>Index of {shown}</title></head><body><h1>Index of {shown}</h1><hr><pre>"
            end = f'<a href="../">../</a>\n{lines}</pre><hr></body></html>'
            return Answer(200, f"<html><head>{top}{end}", "text/html")
        if self.path == "/" and str(place).startswith("/usr/share/nginx/html") and not place.is_dir():
            return Answer(200, WELCOME, "text/html")
        return Answer(403 if place.is_dir() else 404)

    def whole_file(self, place: Path) -> Answer:
        try:
            text, changed = place.read_bytes(), place.stat().st_mtime
        except PermissionError:
            return Answer(403)
        except OSError:
            return Answer(404)
        kind = self.kind(place.suffix.removeprefix("."))
        charset = self.scope.one("charset")
        if charset and charset != "off" and kind.startswith("text/"):
            kind += f"; charset={charset}"
        tag = f'"{int(changed):x}-{len(text):x}"'
        headers = {"Last_Modified": formatdate(changed, usegmt=True), "ETag": tag}
        if self.unchanged(changed, tag):
            return Answer(304, b"", kind, **headers)
        found = Answer(200, text, kind, **headers)
        found.given = True
        return found

    def kind(self, suffix: str) -> str:
        for one in reversed(self.scope.all("types")):
            for line in one.block or ():
                if suffix.lower() in line.words:
                    return line.name
        return self.scope.one("default_type", "text/plain")

    def unchanged(self, changed: float, tag: str) -> bool:
        asked = self.request.headers
        if "if-none-match" in asked:
            return tag in asked["if-none-match"]
        try:
            since = parsedate_to_datetime(asked["if-modified-since"]).timestamp()
        except (KeyError, ValueError):
            return False
        return int(changed) <= since

    async def passed_on(self, target: str) -> Answer:
        place, slash, rest = self.text(target).removeprefix("http://").partition("/")
        name = place.partition(":")[0]
        members = self.answers.site.upstreams.get(name)
        if members is None:
            members = [place if ":" in place else f"{place}:80"]
        path, query = quote(self.path, safe="/:@!$&'()*+,;=~%-._"), self.arguments
        if slash:
            beginning = self.location.pattern if self.location and self.location.expression is None else ""
            path = f"/{rest}" if "$" in target else f"/{rest}" + path.removeprefix(beginning)
        headers = {**self.request.headers, "host": place}
        for one in self.scope.all("proxy_set_header"):
            headers[one.words[0].lower()] = self.text(one.words[1])
        headers = {key: value for key, value in headers.items() if value and key != "connection"}
        sent = self.request._replace(
            headers=headers, target=path + (f"?{query}" if query else ""), path=self.path
        )
        for _ in range(len(members)):
            try:
                got = await other(members[next(self.answers.turn) % len(members)]).ask(sent)
            except (OSError, EOFError):
                continue
            return self.got(got)
        return Answer(502)

    def got(self, response: Response) -> Answer:
        kept = {
            name.replace("-", "_"): value for name, value in response.headers
            if name not in ("server", "date")
        }
        found = Answer(response.status, response.body, response.content_type, **kept)
        found.given = True
        return found


def other(place: str) -> Component:
    """A connection a request, as nginx has it: a Service's pods take turns."""
    host, _, port = place.rpartition(":")
    return Component(host, int(port), keep=False)


def page(status: int) -> bytes:
    try:
        title = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        title = str(status)
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    ).encode()
