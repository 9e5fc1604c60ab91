"""The one door to state: eight verbs, two implementations (`Local` on the store, `Remote` on a kubeconfig).

Admission, defaulting, validation, pruning, managedFields, quotas and authorisation happen behind these
verbs once, for HTTP callers and controllers alike. All refusals are `StatusError`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol

import msgspec

from pinnace.kinds.resource import Obj, Resource
from pinnace.store.interface import Event


class Identity(msgspec.Struct, frozen=True):
    """Who asks. Controllers act with the identity of the object's owner; `system:masters` may all."""

    user: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """What else is known of who asks (upstream's `extra`): key → values."""


SYSTEM = Identity("system:pinnace", ("system:masters", "system:authenticated"))


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Of a write. `field_validation`: Strict, Warn or Ignore. `warnings` collects what the client should
    be told (HTTP `Warning` headers). `complaints`: what a strict reader of the body found wrong
    with it before it was a document (keys that stand twice), to be treated as unknown fields are."""

    dry_run: bool = False
    field_manager: str = "pinnace"
    field_validation: str = "Warn"
    force: bool = False
    subresource: str = ""
    complaints: tuple[str, ...] = ()
    big: bool = False
    """The document is so long that judging it would hold the loop."""
    passing: bool = False
    """The answer is only passed on, see `Selection.passing`."""
    warnings: list[str] = msgspec.field(default_factory=list)


class DeleteOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`propagation`: Background, Foreground or Orphan; empty means the kind's default."""

    propagation: str = ""
    grace_seconds: int | None = None
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    labels: str = ""
    fields: str = ""
    limit: int = 0
    continue_: str = ""
    resource_version: str = ""
    owner: str = ""
    newer_than: int = 0
    passing: bool = False
    """The items are only passed on: what a projection adds may be raw JSON (`msgspec.Raw`)."""
    projected: bool = True
    """False leaves out what a projection would add (`.status.nodes`): Tables and controllers need none."""
    unfinished: bool = False
    """Of what a projection adds, only what is not finished; where the document is passed on."""
    tabled: bool = False
    """The cells of a Table are made of the items: only what a projection adds may be raw."""


class Page(msgspec.Struct, frozen=True):
    items: list[Obj]
    resource_version: str
    continue_: str = ""
    remaining: int = 0


class WatchEvent(msgspec.Struct, frozen=True):
    """`type` is ADDED, MODIFIED, DELETED, BOOKMARK or ERROR (then `obj` is a Status)."""

    type: str
    obj: Obj


class Client(Protocol):
    async def get(self, resource: Resource, name: str, namespace: str = "") -> Obj: ...

    async def list(
        self, resource: Resource, namespace: str = "", selection: Selection = Selection()
    ) -> Page:
        """`namespace=""` of a namespaced resource means all namespaces."""

    def watch(
        self, resource: Resource, namespace: str = "", selection: Selection = Selection(), *,
        bookmarks: bool = False,
    ) -> AsyncIterator[WatchEvent]:
        """From `selection.resource_version` on; without one: the present state as ADDED events first."""

    async def create(
        self, resource: Resource, obj: Obj, namespace: str = "", options: Options = Options()
    ) -> Obj: ...

    async def update(
        self, resource: Resource, obj: Obj, namespace: str = "", options: Options = Options()
    ) -> Obj:
        """With a resourceVersion in `obj`: a 409 if it is no longer current."""

    async def patch(
        self, resource: Resource, name: str, namespace: str, patch: Any, kind: str,
        options: Options = Options(),
    ) -> Obj:
        """`kind`: `json`, `merge` or `strategic`."""

    async def apply(
        self, resource: Resource, name: str, namespace: str, obj: Obj, options: Options = Options()
    ) -> Obj:
        """Server-side apply; a 409 lists every conflicting field and its manager unless `force`."""

    async def delete(
        self, resource: Resource, name: str, namespace: str = "", options: DeleteOptions = DeleteOptions()
    ) -> Obj: ...


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One object write inside `Local.transact`. `verb`: create, update, status, delete or system.

    `update` and `status` carry the whole object and its resourceVersion (a stale one is a 409). `system` too,
    and is the platform's own hand (bind a Pod, its final status with its outputs): metadata, spec and status
    are written as given, without admission, validation or managedFields; only identity, generation and the
    resourceVersion's precondition are kept. Only `controllers/pods` and the engine may use it."""

    verb: str
    resource: Resource
    obj: Obj
    trusted: bool = False
    """The object was derived by a controller from a template that was judged: it gets identity, first status
    and defaults, and is written without being judged (and copied) again."""
    complete: bool = False
    """Of a trusted creation: first status and defaults stand in it already (`objects.admission.completed`),
    because many objects share them. Only identity is missing; it is written into `obj` itself."""


class Transactional(Client, Protocol):
    """What `Local` offers besides: several writes and a controller's side rows, all or nothing."""

    async def transact(self, changes: Sequence[Change], rows: Sequence[Any] = ()) -> list[Obj]:
        """`rows` are `store.Row`s. Controllers' own objects pass the same admission as anyone's."""

    def listen(self, callback: Callable[[Sequence[Event]], None]) -> Callable[[], None]:
        """Every committed change, on the event loop, in revision order. Returns what stops it."""
