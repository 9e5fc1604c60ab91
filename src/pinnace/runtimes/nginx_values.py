"""What words mean for a request under nginx's configuration: `$variables`, maps, conditions, a path's file.

`nginx_answers.py` decides with it; nothing here answers.
"""

from __future__ import annotations

import os
import re
import socket
import time

from .nginx_conf import Directive
from .nginx_site import Location, Scope, Server, Site
from .server import Request

VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


class Values:
    """One request, where it is now."""

    def __init__(self, site: Site, request: Request, port: int, tls: bool) -> None:
        self.site, self.request, self.port, self.tls = site, request, port, tls
        self.path = os.path.normpath("/" + request.path.lstrip("/")) if ".." in request.path else request.path
        self.arguments = request.target.partition("?")[2]
        self.set: dict[str, str] = {}
        self.host = request.headers.get("host", "").partition(":")[0].lower()
        self.server: Server = site.server(port, self.host)
        self.location: Location | None = None
        self.scope: Scope = self.server.scope

    def caught(self, match: re.Match[str] | None) -> None:
        if match is not None:
            self.set.update({str(n + 1): text or "" for n, text in enumerate(match.groups())})
            self.set.update({name: text or "" for name, text in match.groupdict().items()})

    def text(self, words: str) -> str:
        return VARIABLE.sub(lambda found: self.value(found.group(1) or found.group(2)), words)

    def value(self, name: str) -> str:
        if name in self.set:
            return self.set[name]
        if name in self.site.maps:
            return self.mapped(self.site.maps[name])
        headers = self.request.headers
        if name.startswith("http_"):
            return headers.get(name[5:].replace("_", "-"), "")
        if name.startswith("arg_"):
            pairs = (part.partition("=") for part in self.arguments.split("&"))
            return next((value for key, _, value in pairs if key == name[4:]), "")
        if name.startswith("cookie_"):
            found = re.search(rf"(?:^|;\s*){re.escape(name[7:])}=([^;]*)", headers.get("cookie", ""))
            return found.group(1) if found else ""
        return self.known().get(name, "")

    def known(self) -> dict[str, str]:
        peer = self.request.peer.rpartition(":")
        forwarded = self.request.headers.get("x-forwarded-for", "")
        names = self.server.names
        return {
            "uri": self.path, "document_uri": self.path, "request_uri": self.request.target,
            "args": self.arguments, "query_string": self.arguments, "is_args": "?" if self.arguments else "",
            "host": self.host or (names[0] if names else ""), "scheme": "https" if self.tls else "http",
            "https": "on" if self.tls else "", "server_port": str(self.port),
            "server_name": names[0] if names else "", "hostname": socket.gethostname(),
            "remote_addr": peer[0], "remote_port": peer[2], "request_method": self.request.method,
            "proxy_add_x_forwarded_for": f"{forwarded}, {peer[0]}" if forwarded else peer[0],
            "document_root": self.root(), "request_filename": self.file(self.path),
            "request": f"{self.request.method} {self.request.target} HTTP/1.1",
            "request_body": self.request.body.decode("latin-1"), "content_type":
            self.request.headers.get("content-type", ""), "server_protocol": "HTTP/1.1",
            "time_iso8601": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "msec": f"{time.time():.3f}",
            "time_local": time.strftime("%d/%b/%Y:%H:%M:%S %z"), "proxy_host": "", "pid": str(os.getpid()),
        }

    def mapped(self, table: Directive) -> str:
        key, otherwise = self.text(table.words[0]), ""
        for one in table.block or ():
            value = one.words[0] if one.words else ""
            if one.name == "default":
                otherwise = value
            elif one.name.startswith("~"):
                flags = re.IGNORECASE if one.name.startswith("~*") else 0
                if re.search(one.name.lstrip("~").removeprefix("*"), key, flags):
                    return self.text(value)
            elif one.name == key:
                return self.text(value)
        return self.text(otherwise)

    def holds(self, words: tuple[str, ...]) -> bool:
        first, *others = words
        parts = [first.removeprefix("("), *others]
        parts = [part for part in (*parts[:-1], parts[-1].removesuffix(")")) if part]
        if len(parts) == 1:
            return self.text(parts[0]) not in ("", "0")
        if len(parts) == 2:
            test, path = parts[0], self.text(parts[1])
            found = {"f": os.path.isfile, "d": os.path.isdir, "e": os.path.exists}[test[-1]](path)
            return found != test.startswith("!")
        left, sign, right = self.text(parts[0]), parts[1], parts[2]
        if sign in ("=", "!="):
            return (left == self.text(right)) == (sign == "=")
        match = re.search(right, left, re.IGNORECASE if sign.endswith("*") else 0)
        self.caught(match)
        return (match is not None) != sign.startswith("!")


    def root(self) -> str:
        return self.text(self.scope.one("root", "/etc/nginx/html"))

    def file(self, path: str) -> str:
        alias = self.scope.one("alias")
        if alias and self.location is not None:
            rest = path.removeprefix(self.location.pattern) if self.location.expression is None else ""
            return self.text(alias) + rest
        root = self.root()
        return (root if root.startswith("/") else f"/etc/nginx/{root}").rstrip("/") + path
