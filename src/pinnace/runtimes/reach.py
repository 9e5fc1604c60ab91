"""HTTP for fetching models, which never reaches a cloud's metadata service: not by redirect, not by a name.

That service hands the machine's credentials to whoever asks from it, and lives at a link-local address. The
address that a name has is judged when the connection is made, on every hop.
"""

from __future__ import annotations

import http.client
import socket
import urllib.request
from ipaddress import ip_address
from typing import Any


class Refused(OSError):
    """A link-local address."""


def connected(address: tuple[str, int], timeout: Any = None, source: Any = None) -> socket.socket:
    """As socket.create_connection."""
    problem: OSError = OSError(f"{address[0]} has no address")
    for family, kind, number, _, place in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
        if ip_address(str(place[0]).partition("%")[0]).is_link_local:
            raise Refused(f"{address[0]} is this machine's own metadata service: no model lies there")
        made = socket.socket(family, kind, number)
        try:
            if isinstance(timeout, int | float):
                made.settimeout(timeout)
            made.connect(place)
            return made
        except OSError as error:
            made.close()
            problem = error
    raise problem


class Plain(http.client.HTTPConnection):
    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **named)
        self._create_connection = connected


class Secret(http.client.HTTPSConnection):
    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **named)
        self._create_connection = connected


class PlainHandler(urllib.request.HTTPHandler):
    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(Plain, request)


class SecretHandler(urllib.request.HTTPSHandler):
    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(Secret, request)


def urlopen(request: urllib.request.Request | str, timeout: float = 60) -> Any:
    """As urllib's; http and https alone, also after a redirect."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(), PlainHandler(), SecretHandler(), urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPRedirectHandler(), urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener.open(request, timeout=timeout)
