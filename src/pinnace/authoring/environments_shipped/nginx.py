#!/usr/bin/env python3
"""Stands for nginx where an example only wants something that answers: files of its html folder on port 80.

It reads no configuration, and says so where it finds some, rather than serve something else than asked for.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

HTML = "/usr/share/nginx/html"
WELCOME = b"""<!DOCTYPE html>
<html><head><title>Welcome to nginx!</title></head>
<body><h1>Welcome to nginx!</h1>
<p>Served by Pinnace's stand-in for nginx: files only, no configuration.</p></body></html>
"""
ETC = Path("/etc/nginx")
CONFIGURED = tuple(ETC / name for name in ("nginx.conf", "conf.d", "templates", "sites-enabled"))
REFUSED = """\
nginx: {}: this stand-in reads no configuration; run the image itself: `docker save` it to an archive and
name that in environments.yaml (docs/environments.md)"""


class Handler(SimpleHTTPRequestHandler):
    server_version, sys_version = "nginx-stand-in", ""

    def send_head(self) -> BytesIO | BinaryIO | None:
        if self.path.split("?")[0] in ("/", "/index.html") and not os.path.exists(f"{HTML}/index.html"):
            self.send_response(200 if not os.path.isdir(HTML) else 403)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            if self.command == "GET" and not os.path.isdir(HTML):
                self.wfile.write(WELCOME)
            return None
        return super().send_head()

    def log_message(self, format: str, *words: object) -> None:
        request = format % words
        print(f'{self.client_address[0]} - - [{self.log_date_time_string()}] {request}', flush=True)


def main(words: list[str]) -> int:
    if "-v" in words or "-V" in words:
        print("nginx version: a stand-in of Pinnace's", file=sys.stderr)
        return 0
    if "-s" in words:
        os.kill(1, signal.SIGTERM)
        return 0
    given = words[words.index("-c") + 1] if "-c" in words else ""
    found = next((path for path in CONFIGURED if holds(path)), given)
    if found:
        print(REFUSED.format(found), file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, lambda *_: os._exit(0))
    ThreadingHTTPServer(("", 80), partial(Handler, directory=HTML)).serve_forever()
    return 0


def holds(place: Path) -> bool:
    return any(place.iterdir()) if place.is_dir() else place.exists()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
