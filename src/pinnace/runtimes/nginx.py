"""Stands for nginx where this machine has none: `python -m pinnace.runtimes.nginx [-c FILE] [-g TEXT] …`.

The command line is nginx's own, the configuration too as far as `nginx_site.py` knows it; what it does not
know is refused as nginx refuses it, with the ways to the real one. Where an nginx is installed on this
machine it takes over before anything is read. What its image has in /etc/nginx and nobody has mounted is
written first, for both.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from .nginx_answers import Answers
from .nginx_conf import Wrong, parse, read
from .nginx_site import Server as Described
from .nginx_site import Site, site
from .program import everywhere
from .server import Request, Response, Server

ETC = Path("/etc/nginx")
MAIN = """\
worker_processes auto;
pid /tmp/nginx.pid;
events { worker_connections 1024; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    sendfile on;
    keepalive_timeout 65;
    include /etc/nginx/conf.d/*.conf;
}
"""
DEFAULT = """\
server {
    listen 80;
    server_name localhost;
    location / {
        root /usr/share/nginx/html;
        index index.html index.htm;
    }
    error_page 500 502 503 504 /50x.html;
}
"""
KINDS = {
    "text/html": "html htm shtml", "text/css": "css", "text/xml": "xml", "text/plain": "txt log conf",
    "text/csv": "csv", "application/javascript": "js mjs", "application/json": "json map",
    "application/pdf": "pdf", "application/wasm": "wasm", "application/zip": "zip", "font/woff2": "woff2",
    "image/gif": "gif", "image/jpeg": "jpeg jpg", "image/png": "png", "image/svg+xml": "svg svgz",
    "image/webp": "webp", "image/x-icon": "ico", "video/mp4": "mp4", "audio/mpeg": "mp3",
}
TYPES = "types {\n" + "".join(f"    {kind} {words};\n" for kind, words in KINDS.items()) + "}\n"
PID = Path("/tmp/nginx.pid")  # noqa: S108 - the pod's own
WAYS = """\
this stand-in of Pinnace's knows nginx' usual directives. The real one is taken where it is installed on \
this machine (Debian: apt install nginx-light); or `docker save` the image and name the archive in \
environments.yaml (docs/environments.md)"""
HERE = "PINNACE_NGINX"
"""The folder of the program that called us: what is further on in PATH is another one."""


def main() -> int:
    options = arguments(sys.argv[1:])
    furnish(ETC)
    if real := installed(os.environ.get(HERE, "")):
        shelve(real)
        os.execv(real, [real, "-e", "stderr", *sys.argv[1:]])  # noqa: S606 - it is the program asked for
    if options.version:
        print("nginx version: a stand-in of Pinnace's", file=sys.stderr)
        return 0
    try:
        if options.signal:
            return told(options.signal)
        described = configured(options)
    except Wrong as wrong:
        print(f"nginx: [emerg] {wrong}\nnginx: {WAYS}", file=sys.stderr)
        return 1
    if options.test:
        print(f"nginx: configuration file {options.file} test is successful", file=sys.stderr)
        return 0
    PID.write_text(str(os.getpid()))
    return asyncio.run(Program(options, described).run())


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nginx")
    parser.add_argument("-v", "-V", dest="version", action="store_true")
    parser.add_argument("-t", "-T", dest="test", action="store_true")
    parser.add_argument("-q", action="store_true")
    parser.add_argument("-s", dest="signal", choices=("stop", "quit", "reopen", "reload"))
    parser.add_argument("-p", dest="prefix", default=f"{ETC}/")
    parser.add_argument("-e", dest="errors")
    parser.add_argument("-c", dest="file", type=Path, default=ETC / "nginx.conf")
    parser.add_argument("-g", dest="further", default="")
    return parser.parse_args(words)


def furnish(etc: Path) -> None:
    """What the image has there, and what its start makes of templates. A folder that something is mounted at
    is as it is."""
    texts = {"nginx.conf": MAIN, "mime.types": TYPES}
    if not os.path.ismount(etc / "conf.d"):
        texts["conf.d/default.conf"] = DEFAULT
    for template in (etc / "templates").rglob("*.template"):
        made = template.relative_to(etc / "templates").with_suffix("")
        texts[f"conf.d/{made}"] = substituted(template.read_text(), dict(os.environ))
    for name, text in texts.items():
        if not (etc / name).exists():
            try:
                (etc / name).parent.mkdir(parents=True, exist_ok=True)
                (etc / name).write_text(text)
            except OSError:
                return  # read-only; whatever is asked for there is then missed by its reader


def substituted(text: str, variables: dict[str, str]) -> str:
    """As envsubst does it where only variables that are there may be replaced."""
    return re.sub(
        r"\$(?:\{(\w+)\}|(\w+))",
        lambda found: variables.get(found.group(1) or found.group(2), found.group()), text,
    )


def installed(ours: str) -> str:
    """Another nginx, of this machine."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    others = [one for one in folders if one and os.path.realpath(one) != os.path.realpath(ours or ".")]
    return shutil.which("nginx", path=os.pathsep.join([*others, "/usr/local/sbin", "/usr/sbin"])) or ""


def shelve(real: str) -> None:
    """The folders that a program of this machine was built to write to; a package would have made them."""
    told = subprocess.run([real, "-V"], capture_output=True, text=True).stderr
    for path in re.findall(r"--\S+-path=(/(?:var|run)/\S+)", told):
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(path), exist_ok=True)


def configured(options: argparse.Namespace) -> Site:
    parse(options.further, "command line", ETC)
    return site(read(ETC / options.file))


def told(word: str) -> int:
    """`nginx -s …`, from another program of the container."""
    try:
        os.kill(int(PID.read_text()), SIGNALS[word])
    except (OSError, ValueError):
        raise Wrong(f'invalid PID number "" in "{PID}"') from None
    return 0


SIGNALS = {
    "stop": signal.SIGTERM, "quit": signal.SIGQUIT, "reload": signal.SIGHUP, "reopen": signal.SIGUSR1,
}


class Program:
    def __init__(self, options: argparse.Namespace, described: Site) -> None:
        self.options = options
        self.answers = Answers(described)
        self.servers: dict[int, Server] = {}

    async def run(self) -> int:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(self.again()))
        loop.add_signal_handler(signal.SIGUSR1, lambda: None)
        try:
            await self.listen()
        except OSError as error:
            print(f"nginx: [emerg] {error}", file=sys.stderr)
            return 1
        await stop.wait()
        for server in self.servers.values():
            await server.stop(5)
        return 0

    async def listen(self) -> None:
        for port, secret in self.answers.site.ports().items():
            if port not in self.servers:
                server = Server(partial(self.handle, port, secret is not None))
                await server.listen_tcp(everywhere(), port, tls=certificate(secret))
                self.servers[port] = server
        for port in set(self.servers) - set(self.answers.site.ports()):
            await self.servers.pop(port).stop(5)

    async def again(self) -> None:
        """`nginx -s reload`: a configuration that cannot be used changes nothing."""
        try:
            self.answers = Answers(configured(self.options))
            await self.listen()
        except (Wrong, OSError) as wrong:
            print(f"nginx: [emerg] {wrong}", file=sys.stderr, flush=True)

    async def handle(self, port: int, tls: bool, request: Request) -> Response:
        found, logged = await self.answers.answer(request, port, tls)
        if logged:
            agent, referer = (request.headers.get(name, "-") for name in ("user-agent", "referer"))
            print(
                f'{request.peer.rpartition(":")[0] or "-"} - - [{time.strftime("%d/%b/%Y:%H:%M:%S %z")}] '
                f'"{request.method} {request.target} HTTP/1.1" {found.status} {len(found.body)} '
                f'"{referer}" "{agent}" "-"', flush=True,
            )
        return found


def certificate(server: Described | None) -> ssl.SSLContext | None:
    if server is None:
        return None
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        made.load_cert_chain(*server.certificate)
    except OSError as error:
        raise OSError(f'cannot load certificate "{server.certificate[0]}": {error}') from None
    return made


if __name__ == "__main__":
    sys.exit(main())
