"""What a configuration of nginx's says: its servers, their locations, what holds in each.

`nginx.py` builds a `Site` of the tree that `nginx_conf.py` reads. A directive is known, or it only tunes or
logs (then it changes nothing here), or the configuration is refused: nothing is served that it would have
forbidden.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from .nginx_conf import Directive, Wrong

SETTINGS = frozenset((
    "root", "alias", "index", "autoindex", "default_type", "types", "add_header", "error_page", "try_files",
    "proxy_pass", "proxy_set_header", "client_max_body_size", "charset", "stub_status", "access_log",
    "absolute_redirect", "internal",
))
STEPS = frozenset(("return", "rewrite", "set", "if", "break"))
OWN = frozenset((
    "http", "server", "location", "listen", "server_name", "upstream", "map", "events", "ssl_certificate",
    "ssl_certificate_key", "daemon", "keepalive", "least_conn", "ip_hash",
))
TUNING = re.compile(
    r"""user|worker_\w+|pid|error_log|multi_accept|use|pcre_jit|master_process|sendfile\w*|tcp_no\w+|keepalive_\w+
    |types_hash_\w+|server_tokens|gzip\w*|log_format|log_not_found|client_(body|header)_\w+|send_timeout
    |proxy_(http_version|redirect|buffer\w*|busy_buffers_size|\w+_timeout|request_buffering|pass_header)
    |resolver\w*|underscores_in_headers|large_client_header_buffers|server_name\w*_hash_\w+|etag|expires
    |ssl_(protocols|ciphers|session_\w+|prefer_server_ciphers|dhparam|ecdh_curve|stapling\w*)|http2
    |reset_timedout_connection|open_file_cache\w*|variables_hash_\w+|map_hash_\w+|output_buffers|zone
    |lingering_\w+|max_ranges|if_modified_since|port_in_redirect|server_name_in_redirect|aio|directio
    |merge_slashes|recursive_error_pages|chunked_transfer_encoding|env""",
    re.VERBOSE,
)
"""They change how fast or how loudly, not what is answered."""
SIZES = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


@dataclass
class Scope:
    """What holds in one place: its own words, and those around it where it has none."""

    above: Scope | None = None
    words: dict[str, list[Directive]] = field(default_factory=dict)
    steps: list[Directive] = field(default_factory=list)

    def all(self, name: str) -> list[Directive]:
        if name in self.words or self.above is None:
            return self.words.get(name, [])
        return self.above.all(name)

    def one(self, name: str, otherwise: str = "") -> str:
        found = self.all(name)
        return found[-1].words[0] if found and found[-1].words else otherwise


@dataclass
class Location:
    kind: str
    """`=`, `^~`, `` (a beginning), `~`, `~*` or `@`."""
    pattern: str
    scope: Scope
    expression: re.Pattern[str] | None = None


@dataclass
class Listen:
    port: int
    tls: bool = False
    default: bool = False


@dataclass
class Server:
    listens: list[Listen]
    names: list[str]
    scope: Scope
    locations: list[Location]
    certificate: tuple[str, str] = ("", "")

    def fits(self, host: str) -> int:
        """How well a host's name goes with the server's: exactly, by its end or beginning, by pattern."""
        ranks = [0]
        for name in self.names:
            if name.startswith("~"):
                ranks.append(1 if re.search(name[1:], host) else 0)
            elif name.startswith("."):
                ranks.append(3 if host == name[1:] or host.endswith(name) else 0)
            elif "*" in name:
                ranks.append(2 if fnmatchcase(host, name) else 0)
            else:
                ranks.append(4 if host == name.lower() else 0)
        return max(ranks)

    def locate(self, path: str) -> tuple[Location | None, re.Match[str] | None]:
        """The location of a path, and what its expression caught."""
        best: Location | None = None
        for one in self.locations:
            if one.kind == "=" and one.pattern == path:
                return one, None
            begins = one.kind in ("", "^~") and path.startswith(one.pattern)
            if begins and (best is None or len(one.pattern) > len(best.pattern)):
                best = one
        if best is None or best.kind != "^~":
            for one in self.locations:
                if one.expression is not None and (caught := one.expression.search(path)):
                    return one, caught
        return best, None

    def named(self, name: str) -> Location | None:
        return next((one for one in self.locations if one.kind == "@" and one.pattern == name), None)


@dataclass
class Site:
    servers: list[Server]
    upstreams: dict[str, list[str]]
    maps: dict[str, Directive]

    def ports(self) -> dict[int, Server | None]:
        """Each port, and the server whose certificate it shows (None: no TLS)."""
        found: dict[int, Server | None] = {}
        for server in self.servers:
            for listen in server.listens:
                found[listen.port] = found.get(listen.port) or (server if listen.tls else None)
        return found

    def server(self, port: int, host: str) -> Server:
        here = [(one, each) for one in self.servers for each in one.listens if each.port == port]
        best = max(here, key=lambda pair: (pair[0].fits(host), pair[1].default))
        return best[0]


def site(tree: tuple[Directive, ...]) -> Site:
    check(tree)
    (http,) = [one for one in tree if one.name == "http"] or [Directive("http", (), (), "")]
    top = scope(http, None)
    built = Site([server(one, top) for one in http.all("server")], {}, {})
    for one in http.all("upstream"):
        built.upstreams[one.words[0]] = members(one)
    for one in http.all("map"):
        if len(one.words) != 2:
            raise Wrong(f'invalid number of arguments in "map" directive in {one.where}')
        built.maps[one.words[1].lstrip("$")] = one
    for place in walk(tree):
        if place.name == "proxy_pass":
            reachable(place, built)
    return built


def walk(tree: tuple[Directive, ...]) -> Iterator[Directive]:
    for one in tree:
        yield one
        if one.name not in ("map", "types"):
            yield from walk(one.block or ())


def check(tree: tuple[Directive, ...]) -> None:
    for one in walk(tree):
        if one.name == "server" and one.block is None:
            continue  # a member of an upstream
        known = one.name in SETTINGS or one.name in STEPS or one.name in OWN
        if not known and not TUNING.fullmatch(one.name):
            raise Wrong(f'unknown directive "{one.name}" in {one.where}')
        if one.name == "location" and one.all("location"):
            raise Wrong(f"a location inside of a location is not known, in {one.where}")


def scope(block: Directive, above: Scope | None) -> Scope:
    made = Scope(above)
    for one in block.block or ():
        if one.name in STEPS:
            made.steps.append(one)
        elif one.name in SETTINGS:
            made.words.setdefault(one.name, []).append(one)
    return made


def server(block: Directive, top: Scope) -> Server:
    own = scope(block, top)
    listens = [listen(one) for one in block.all("listen") if not one.words[0].startswith("unix:")]
    names = [name for one in block.all("server_name") for name in one.words]
    certificate, key = ("".join(one.words[0] for one in block.all(name)[-1:])
                        for name in ("ssl_certificate", "ssl_certificate_key"))
    if any(one.tls for one in listens) and not certificate:
        raise Wrong(f'no "ssl_certificate" is defined for the "listen ... ssl" directive in {block.where}')
    places = [location(one, own) for one in block.all("location")]
    return Server(listens or [Listen(80)], names, own, places, (certificate, key))


def listen(one: Directive) -> Listen:
    port = one.words[0].rpartition(":")[2]
    if not port.isdigit():
        port = "80"
    return Listen(int(port), "ssl" in one.words[1:], "default_server" in one.words[1:])


def location(block: Directive, above: Scope) -> Location:
    *kind, pattern = block.words
    own = scope(block, above)
    for name in ("proxy_pass", "try_files", "alias", "stub_status", "internal"):
        own.words.setdefault(name, [])  # these are not taken over from around
    if pattern.startswith("@"):
        return Location("@", pattern, own)
    if kind and kind[0] in ("~", "~*"):
        try:
            expression = re.compile(pattern, re.IGNORECASE if kind[0] == "~*" else 0)
        except re.error as error:
            raise Wrong(f'"{pattern}" is no expression: {error} in {block.where}') from None
        return Location(kind[0], pattern, own, expression)
    if kind and kind[0] not in ("=", "^~"):
        raise Wrong(f'invalid location modifier "{kind[0]}" in {block.where}')
    return Location(kind[0] if kind else "", pattern, own)


def members(block: Directive) -> list[str]:
    """Addresses, as often as their weight says; what is only a reserve counts when there is nothing else."""
    found: list[str] = []
    reserve: list[str] = []
    for one in block.all("server"):
        place = one.words[0] if re.search(r":\d+$", one.words[0]) else f"{one.words[0]}:80"
        resolve(place.rpartition(":")[0], one.where)
        weights = [int(word[7:]) for word in one.words if word.startswith("weight=")]
        if "down" not in one.words:
            (reserve if "backup" in one.words else found).extend([place] * (weights or [1])[0])
    if not found and not reserve:
        raise Wrong(f"no servers are inside upstream in {block.where}")
    return found or reserve


def reachable(one: Directive, built: Site) -> None:
    """A name that does not resolve keeps nginx from starting, and so here."""
    target = one.words[0]
    if not target.startswith("http://"):
        raise Wrong(f'only http:// is known to "proxy_pass" in {one.where}')
    if "$" in target:
        return
    name = re.split(r"[:/]", target[7:])[0]
    if name not in built.upstreams:
        resolve(name, one.where)


def resolve(name: str, where: str) -> None:
    try:
        socket.getaddrinfo(name, None)
    except (OSError, UnicodeError):
        raise Wrong(f'host not found in upstream "{name}" in {where}') from None


def size(text: str) -> int:
    scale = SIZES.get(text[-1:].lower(), 1)
    digits = text[:-1] if scale > 1 else text
    return int(digits) * scale if digits.isdigit() else 0
