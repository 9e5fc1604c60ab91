"""The shape of what a built-in kind adds to its schema: one `Rules` a kind, one module a group.

Called by `writing`. The functions get documents whose types the schema has already checked, but in which
anything may be absent. `prepare` and `default` change the document that they are given (it is the writer's
own).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj


def _nothing(obj: Obj) -> None:
    """No defaults."""


def _unprepared(obj: Obj) -> None:
    """Nothing of its own at birth."""


def _carry_nothing(old: Obj, new: Obj) -> None:
    """Nothing that the server has allocated before."""


def _sound(obj: Obj) -> list[Cause]:
    return []


def _free(old: Obj, new: Obj) -> list[Cause]:
    return []


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    mutate: Callable[[Obj], None] | None = None
    """Where upstream's mutating webhook stands: before the schema judges, so that any type may stand in the
    spec (metadata is sound). Not for writes of the status."""
    older: Callable[[Obj], list[str]] | None = None
    """Brings a document of a past version up to date, in place, before anything judges it (any type may stand
    in its spec); the warnings of it."""
    concerns: Callable[[Obj], bool] | None = None
    """Which documents `mutate` would change; None: perhaps any. The others are spared a copy."""
    prepare: Callable[[Obj], None] = _unprepared
    """At creation, after metadata is stamped: first status, generated labels."""
    carry: Callable[[Obj, Obj], None] = _carry_nothing
    """At an update, before defaults: (old, new), what the server once allocated and the client left out."""
    default: Callable[[Obj], None] = _nothing
    check: Callable[[Obj], list[Cause]] = _sound
    change: Callable[[Obj, Obj], list[Cause]] = _free
    """(old, new): what may not change."""
    filled: tuple[str, ...] = ()
    """Paths that admission fills in for everyone: no manager owns them."""


NONE = Rules()
