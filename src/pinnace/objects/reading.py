"""Lists in pages: selectors, limits, continue tokens and resourceVersions of one request.

Called by `Local.list` and deletecollection. Reads are synchronous. A page that goes on names the revision
of the first page, so that a watch from there misses nothing; a token older than the log is a 410.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import refusals, selector
from pinnace.objects.client import Page, Selection
from pinnace.objects.errors import Cause, StatusError
from pinnace.objects.selector import Selector
from pinnace.store.interface import Compacted, Listing, Store

_GONE = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new "
    "list without the continue parameter."
)


class _Token(msgspec.Struct):
    rv: int
    after: tuple[str, str]


def page(store: Store, resource: Resource, namespace: str, selection: Selection) -> Page:
    """StatusError 400: a selector or token that is none; 410: the token is too old."""
    asked = selector.parse(resource, selection.labels, selection.fields)
    if selection.continue_:
        token = _read_token(store, resource, selection.continue_)
        return _page(store, resource, namespace, selection, asked, token)
    check_revision(store, selection.resource_version)
    return _page(store, resource, namespace, selection, asked, None)


def check_revision(store: Store, text: str) -> int:
    """The revision that a client names ("" is 0). StatusError 400, or 504 for one that is yet to come."""
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise refusals.bad_request(f'resourceVersion: Invalid value: "{text}": it must be a number')
    revision = int(text)
    if revision > store.rv:
        message = f"Too large resource version: {revision}, current: {store.rv}"
        causes = (Cause("", "Too large resource version", "ResourceVersionTooLarge"),)
        raise StatusError(504, "Timeout", message, causes=causes, details={"retryAfterSeconds": 1})
    return revision


def _page(
    store: Store,
    resource: Resource,
    namespace: str,
    selection: Selection,
    asked: Selector,
    token: _Token | None,
) -> Page:
    limit = max(0, selection.limit)
    after = token.after if token else None
    if (name := asked.name()) and namespace:
        return _single(store, resource, namespace, name, asked)
    items: list[Obj] = []
    revision = token.rv if token else 0
    while True:
        listing = _listing(
            store, resource, namespace, selection, asked, limit - len(items) if limit else 0, after
        )
        revision = revision or listing.rv
        items += [obj for obj in listing.items if asked.fits_fields(obj)] if asked.fields else listing.items
        after = listing.next
        if after is None:
            return Page(items, str(revision))
        if not limit or len(items) >= limit:
            remaining = 0 if asked.labels or asked.fields else listing.remaining
            return Page(items, str(revision), _write_token(revision, after), remaining)


def _listing(
    store: Store,
    resource: Resource,
    namespace: str,
    selection: Selection,
    asked: Selector,
    limit: int,
    after: tuple[str, str] | None,
) -> Listing:
    return store.list(
        resource.key,
        namespace or None,
        labels=asked.labels,
        owner=selection.owner,
        newer_than=selection.newer_than,
        limit=limit,
        after=after,
    )


def _single(store: Store, resource: Resource, namespace: str, name: str, asked: Selector) -> Page:
    revision = store.rv
    obj = store.get(resource.key, namespace, name)
    fits = obj is not None and asked.fits(obj)
    return Page([obj] if obj is not None and fits else [], str(revision))


def _write_token(revision: int, after: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(_Token(revision, after))).decode().rstrip("=")


def _read_token(store: Store, resource: Resource, text: str) -> _Token:
    try:
        raw: Any = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        token = msgspec.json.decode(raw, type=_Token)
    except (ValueError, msgspec.DecodeError):
        raise refusals.bad_request(
            "invalid continue token: continue key is not valid: it is no token of a list of this server"
        ) from None
    try:
        if token.rv > store.rv:
            raise Compacted
        store.events(resource.key, max(token.rv, store.rv - 1) if token.rv == store.rv else token.rv)
    except Compacted:
        raise refusals.expired(_GONE) from None
    return token
