"""`kubectl --as`: who asks in another's name, and whether they may.

Called by the gate in `app.py`. Each user, group, uid and extra is a question to the authoriser of its own.
Source: kubernetes/apiserver pkg/endpoints/filters/impersonation.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from pinnace.api.http import Request
from pinnace.kinds.resource import Resource
from pinnace.objects.authorisation import Authoriser, refusal
from pinnace.objects.client import Identity
from pinnace.objects.errors import StatusError
from pinnace.objects.rights.register import ACCOUNT
from pinnace.objects.rights.rule import Asked
from pinnace.objects.tokens import identity_of

EXTRA = b"impersonate-extra-"
ANONYMOUS = "system:anonymous"
KNOWN, UNKNOWN = "system:authenticated", "system:unauthenticated"
AUTHENTICATION = "authentication.k8s.io"
MASTERS = "system:masters"


def impersonated(request: Request, identity: Identity, authoriser: Authoriser) -> Identity:
    """The identity to go on with. StatusError 403: one of the wishes is not granted; 400: no user named."""
    user = request.header(b"impersonate-user")
    groups = request.headers(b"impersonate-group")
    uid = request.header(b"impersonate-uid")
    extra = tuple(_extra(request))
    if not user:
        if groups or uid or extra:
            words = "Impersonate-Group, -Uid and -Extra need an Impersonate-User"
            raise StatusError(400, "BadRequest", words)
        return identity
    for asked in _wishes(user, groups, uid, extra):
        if not authoriser.may(identity, asked):
            raise _refused(identity, asked)
    return _become(user, tuple(groups), uid, extra)


def _extra(request: Request) -> Iterator[tuple[str, tuple[str, ...]]]:
    names = dict.fromkeys(name for name, _ in request.scope["headers"] if name.startswith(EXTRA))
    for name in names:
        yield unquote(name.removeprefix(EXTRA).decode("latin-1")), tuple(request.headers(name))


def _wishes(
    user: str, groups: Iterable[str], uid: str, extra: Iterable[tuple[str, tuple[str, ...]]]
) -> Iterator[Asked]:
    place = _account(user)
    if place is not None:
        yield Asked("impersonate", "", "serviceaccounts", *place)
    else:
        yield Asked("impersonate", "", "users", name=user)
    for group in groups:
        yield Asked("impersonate", "", "groups", name=group)
    if uid:
        yield Asked("impersonate", AUTHENTICATION, "uids", name=uid)
    for key, values in extra:
        for value in values:
            yield Asked("impersonate", AUTHENTICATION, "userextras", name=value, subresource=key)


def _account(user: str) -> tuple[str, str] | None:
    """Namespace and name of a service account."""
    namespace, colon, name = user.removeprefix(ACCOUNT).partition(":")
    return (namespace, name) if user.startswith(ACCOUNT) and colon and namespace and name else None


def _become(
    user: str, groups: tuple[str, ...], uid: str, extra: tuple[tuple[str, tuple[str, ...]], ...]
) -> Identity:
    place = _account(user)
    if place is not None and not groups:
        groups = identity_of(*place).groups
    kind = UNKNOWN if user == ANONYMOUS else KNOWN
    if kind not in groups and not (kind == KNOWN and UNKNOWN in groups):
        groups = (*groups, kind)
    return Identity(user, groups, uid, extra)


def _refused(identity: Identity, asked: Asked) -> StatusError:
    resource = Resource(
        group=asked.group, version="v1", kind=asked.plural, plural=asked.plural, singular=asked.plural,
        custom=bool(asked.group),
    )
    return refusal(identity, asked.verb, resource, asked.namespace, asked.name, asked.subresource)
