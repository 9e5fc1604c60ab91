"""What the HTTP faces are given by control: the only door through which they know the rest of the house."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pinnace.api.authentication import Authenticator
from pinnace.api.http import Handler, Request
from pinnace.home import Home
from pinnace.kinds.catalogue import Catalogue
from pinnace.objects.authorisation import Authoriser
from pinnace.objects.client import Identity
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.objects.tokens import Tokens


@dataclass(frozen=True)
class Route:
    """One handler of another face. `path` ends in `/*` to take everything below it; `public`: answered
    without credentials, which is only right for what says nothing of the platform's data."""

    path: str
    handler: Handler
    methods: frozenset[str] = frozenset({"GET", "HEAD"})
    public: bool = False
    judged: bool = False
    """The handler asks the authoriser about every object itself; else the path must be allowed."""
    tickets: bool = False
    """A pod may show its ticket here (`objects/tickets`)."""
    refuse: Callable[[Request, StatusError], Awaitable[None]] | None = None
    """How a face says no whose clients know no `Status`."""

    def takes(self, path: str) -> bool:
        if self.path.endswith("/*"):
            return path.startswith(self.path[:-1]) or path == self.path[:-2]
        return path == self.path


Connect = Callable[[Request, Any], Awaitable[None]]
"""Answers a connecting subresource (`services/proxy`, `pods/exec`): request and `kube.target.Target`."""


@dataclass(frozen=True)
class ApiContext:
    home: Home
    client: Callable[[Identity], Local]
    catalogue: Catalogue
    authenticator: Authenticator
    authoriser: Authoriser
    metrics: list[Callable[[], Iterable[str]]] = field(default_factory=list)
    """Each gives lines in Prometheus' text format, called at every scrape."""
    ticket: Callable[[str, str], Identity | None] = lambda token, bearer: None
    """Whose ticket a bearer shows, by the home's token (`objects/tickets`)."""
    routes: list[Route] = field(default_factory=list)
    """Other faces (argo, kfp, the gateway's statistics); the first that takes the path answers."""
    connects: dict[tuple[str, str], Connect] = field(default_factory=dict)
    """By (storage key, subresource)."""
    checks: dict[str, Callable[[], str]] = field(default_factory=dict)
    """For /readyz and /healthz: name → what is wrong ('' if nothing)."""
    hosts: Sequence[str] = ()
    """Further names that the Host header may carry, when the user listens elsewhere than on loopback."""

    def tokens(self) -> Tokens:
        """Who issues and checks tokens of service accounts."""
        tokens = self.authenticator.tokens
        if tokens is None:
            raise StatusError(501, "NotImplemented", "this server issues no tokens of service accounts")
        return tokens
