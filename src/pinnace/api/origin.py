"""Which requests a browser may bring here: the strict checks of Host and Origin.

Called by the gate before anything else. They stop DNS rebinding (a foreign name that resolves to loopback),
cross-site requests with our cookie, and cross-site WebSockets. There is no CORS: no answer ever allows one.
"""

from __future__ import annotations

from collections.abc import Callable

from pinnace.objects.errors import StatusError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def check_host(host: str, allowed: frozenset[str] = LOOPBACK) -> None:
    """StatusError 403 unless the Host header names one of ours. Any port: it may be forwarded."""
    name, port = _split(host.strip().lower())
    if name not in allowed or not (port == "" or port.isdigit()):
        raise StatusError(
            403, "Forbidden", f"the Host header {host[:100]!r} is not one of this server's names: "
            f"use {', '.join(sorted(allowed))}"
        )


def check_origin(header: Callable[[bytes], str], host: str) -> None:
    """StatusError 403 if a page of another origin sent this, whatever it asks for."""
    origin = header(b"origin").strip().lower()
    if origin and origin.partition("://")[2] != host.strip().lower():
        raise StatusError(403, "Forbidden", "requests from pages of another origin are not answered")


def check_session(header: Callable[[bytes], str], method: str) -> None:
    """More for a request that is known by its cookie alone: its own page must have sent it.

    Another port of this machine counts as the same *site* in browsers, so SameSite alone is not enough.
    """
    site = header(b"sec-fetch-site").strip().lower()
    if site not in ("", "same-origin", "none"):
        raise StatusError(403, "Forbidden", "a session is only honoured for the console's own pages")
    upgrade = bool(header(b"upgrade"))
    if (method not in SAFE or upgrade) and not header(b"origin") and site != "same-origin":
        message = "a change by session needs an Origin header; scripts use the token"
        raise StatusError(403, "Forbidden", message)


def _split(host: str) -> tuple[str, str]:
    if host.startswith("["):
        name, _, rest = host.partition("]")
        return f"{name}]", rest.removeprefix(":")
    name, _, port = host.partition(":")
    return name, port
